import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

RULES = """
alter table levy_declaration
  add constraint levy_declaration_round check (round >= 1),
  add constraint levy_declaration_month check (month % 100 between 1 and 12);
alter table levy_estimate
  add constraint levy_estimate_settled check (
    (settled_at is null and declaration_id is null and settled_unit_fen is null and settled_person_fen is null and credit_fen = 0)
    or (settled_at is not null and declaration_id is not null and settled_unit_fen is not null and settled_person_fen is not null));
-- A type of a month is put off once.
alter table levy_deferral
  add constraint levy_deferral_mask check (insurance_mask between 1 and 63),
  add constraint levy_deferral_months check (first_month % 100 between 1 and 12 and last_month % 100 between 1 and 12),
  add constraint levy_deferral_no_overlap exclude using gist (
    enrolment_keys(unit_id, insurance_mask) with &&, int4range(first_month, last_month, '[]') with &&);
"""
WRITTEN = {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert", ALL)}
OF_DECLARATION = "exists (select 1 from levy_declaration d where d.id = declaration_id)"
OF_ESTIMATE = "exists (select 1 from levy_estimate e where e.id = estimate_id)"


class Migration(migrations.Migration):
    """自主申报, 缓缴: written by the engine alone, read by the unit and its agency; what was declared or granted is never changed."""

    dependencies = [("levy", "0003_arrears"), ("enrolment", "0002_rules"), ("parties", "0002_rules")]

    operations = [
        migrations.CreateModel(
            name="CreditUse",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount_fen", models.BigIntegerField()),
                ("used_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Declaration",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("round", models.SmallIntegerField()),
                ("late", models.BooleanField(default=False)),
                ("headcount", models.IntegerField()),
                ("unit_fen", models.BigIntegerField()),
                ("person_fen", models.BigIntegerField()),
                ("declared_at", models.DateTimeField()),
                ("declared_by", models.IntegerField()),
                ("declared_name", models.CharField(max_length=50)),
                ("case_id", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="DeclarationLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("insurance", models.SmallIntegerField()),
                ("headcount", models.IntegerField()),
                ("base_fen", models.BigIntegerField()),
                ("unit_fen", models.BigIntegerField()),
                ("person_fen", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Deferral",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("scheme", models.CharField(max_length=20)),
                ("insurance_mask", models.SmallIntegerField()),
                ("first_month", models.IntegerField()),
                ("last_month", models.IntegerField()),
                ("repay_by", models.DateField()),
                ("agreement", models.CharField(max_length=40)),
                ("granted_at", models.DateTimeField()),
                ("case_id", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Estimate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                ("ratio_ppm", models.IntegerField()),
                ("last_unit_fen", models.BigIntegerField()),
                ("last_person_fen", models.BigIntegerField()),
                ("unit_fen", models.BigIntegerField()),
                ("person_fen", models.BigIntegerField()),
                ("estimated_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                ("settled_unit_fen", models.BigIntegerField(null=True)),
                ("settled_person_fen", models.BigIntegerField(null=True)),
                ("credit_fen", models.BigIntegerField(default=0)),
                ("used_fen", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="credituse",
            name="line",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.billline"),
        ),
        migrations.AddField(
            model_name="declaration",
            name="unit",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddField(
            model_name="declarationline",
            name="declaration",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="levy.declaration"
            ),
        ),
        migrations.AddField(
            model_name="deferral",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddField(
            model_name="estimate",
            name="declaration",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.declaration"),
        ),
        migrations.AddField(
            model_name="estimate",
            name="line",
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.billline"),
        ),
        migrations.AddField(
            model_name="estimate",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddField(
            model_name="credituse",
            name="estimate",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.estimate"),
        ),
        migrations.AddIndex(
            model_name="declaration",
            index=models.Index(fields=["month"], name="levy_declaration_month"),
        ),
        migrations.AddConstraint(
            model_name="declaration",
            constraint=models.UniqueConstraint(fields=("unit", "month", "round"), name="levy_declaration_once"),
        ),
        migrations.AddConstraint(
            model_name="declarationline",
            constraint=models.UniqueConstraint(fields=("declaration", "insurance"), name="levy_declarationline_once"),
        ),
        migrations.AddConstraint(
            model_name="deferral",
            constraint=models.CheckConstraint(condition=models.Q(("first_month__lte", models.F("last_month"))), name="levy_deferral_order"),
        ),
        migrations.AddIndex(
            model_name="estimate",
            index=models.Index(condition=models.Q(("credit_fen__gt", models.F("used_fen"))), fields=["unit"], name="levy_estimate_credit"),
        ),
        migrations.AddConstraint(
            model_name="estimate",
            constraint=models.CheckConstraint(
                condition=models.Q(("used_fen__gte", 0), ("used_fen__lte", models.F("credit_fen"))), name="levy_estimate_used"
            ),
        ),
        migrations.AddConstraint(
            model_name="credituse",
            constraint=models.UniqueConstraint(fields=("estimate", "line"), name="levy_credituse_once"),
        ),
        migrations.AddConstraint(
            model_name="credituse",
            constraint=models.CheckConstraint(condition=models.Q(("amount_fen__gt", 0)), name="levy_credituse_positive"),
        ),
        migrations.AlterField(
            model_name="billline",
            name="origin",
            field=models.CharField(
                choices=[
                    ("normal", "正常应缴"),
                    ("back", "补缴"),
                    ("arrears", "欠费补缴"),
                    ("late_fee", "滞纳金"),
                    ("estimate", "未申报，按上月 110% 核定"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="line",
            name="origin",
            field=models.CharField(
                choices=[
                    ("normal", "正常应缴"),
                    ("back", "补缴"),
                    ("arrears", "欠费补缴"),
                    ("late_fee", "滞纳金"),
                    ("estimate", "未申报，按上月 110% 核定"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="takendue",
            name="origin",
            field=models.CharField(
                choices=[
                    ("normal", "正常应缴"),
                    ("back", "补缴"),
                    ("arrears", "欠费补缴"),
                    ("late_fee", "滞纳金"),
                    ("estimate", "未申报，按上月 110% 核定"),
                ],
                max_length=8,
            ),
        ),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        protect("levy_declaration", WRITTEN),
        protect(
            "levy_declarationline",
            {Role.UNIT: ("select", OF_DECLARATION), Role.AGENCY: ("select", OF_DECLARATION), Role.ENGINE: ("select, insert", ALL)},
        ),
        protect("levy_estimate", WRITTEN | {Role.ENGINE: ("select, insert, update", ALL)}),
        protect(
            "levy_credituse",
            {Role.UNIT: ("select", OF_ESTIMATE), Role.AGENCY: ("select", OF_ESTIMATE), Role.ENGINE: ("select, insert", ALL)},
        ),
        protect("levy_deferral", WRITTEN),
        append_only("levy_declaration"),
        append_only("levy_declarationline"),
        append_only("levy_credituse"),
        append_only("levy_deferral"),
    ]
