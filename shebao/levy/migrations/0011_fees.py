import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

RULES = """
create function levy_latefee_keep() returns trigger language plpgsql as $$
begin
  if (to_jsonb(new) - 'reversed_at') is distinct from (to_jsonb(old) - 'reversed_at') or old.reversed_at is not null then
    raise exception 'a late fee is written once and reversed at most once' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger levy_latefee_keep before update on levy_latefee for each row execute function levy_latefee_keep();
alter table levy_latefee enable always trigger levy_latefee_keep;
create index levy_latefee_bill on levy_latefee (line_id);
create index levy_reliefline_month on levy_reliefline (unit_id, month);
"""


class Migration(migrations.Migration):
    """滞纳金 of late payments, relief, recalculation."""

    dependencies = [("levy", "0010_reconciling"), ("parties", "0006_size")]

    operations = [
        migrations.CreateModel(
            name="LateFee",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                ("principal_fen", models.BigIntegerField()),
                ("from_day", models.DateField()),
                ("paid_on", models.DateField()),
                ("days", models.IntegerField()),
                ("day_rates_ppm", models.IntegerField()),
                ("fee_fen", models.BigIntegerField()),
                ("charged_at", models.DateTimeField()),
                ("reversed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="MonthRules",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("place", models.CharField(max_length=6)),
                ("month", models.IntegerField()),
                ("rules", models.JSONField()),
                ("recorded_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Recalculation",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("place", models.CharField(max_length=6)),
                ("first_month", models.IntegerField()),
                ("last_month", models.IntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("computing", "试算中"),
                            ("trial", "试算完成，待复核"),
                            ("released", "已生效"),
                            ("discarded", "已放弃"),
                            ("failed", "试算中止"),
                        ],
                        default="computing",
                        max_length=10,
                    ),
                ),
                ("note", models.CharField(default="", max_length=300)),
                ("changes", models.JSONField(default=dict)),
                ("computed_by", models.IntegerField()),
                ("computed_name", models.CharField(max_length=50)),
                ("started_at", models.DateTimeField()),
                ("computed_at", models.DateTimeField(null=True)),
                ("released_by", models.IntegerField(null=True)),
                ("released_name", models.CharField(default="", max_length=50)),
                ("released_at", models.DateTimeField(null=True)),
                ("chunks_total", models.IntegerField(default=0)),
                ("people", models.IntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="RecalculationChunk",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("month", models.IntegerField()),
                ("chunk", models.IntegerField()),
                ("people", models.IntegerField()),
                ("lines", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="RecalculationLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                ("base_fen", models.BigIntegerField()),
                ("unit_fen", models.BigIntegerField()),
                ("person_fen", models.BigIntegerField()),
                ("due_base_fen", models.BigIntegerField()),
                ("due_unit_fen", models.BigIntegerField()),
                ("due_person_fen", models.BigIntegerField()),
                ("reason", models.CharField(max_length=200)),
                ("note", models.CharField(default="", max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[("trial", "待复核"), ("charged", "已生效"), ("held", "待补办申报后处理"), ("closed", "不再补退")],
                        default="trial",
                        max_length=8,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReliefLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                ("headcount", models.IntegerField()),
                ("before_fen", models.BigIntegerField()),
                ("relief_fen", models.BigIntegerField()),
                ("effect", models.CharField(max_length=6)),
                ("rule_id", models.CharField(max_length=40)),
                ("law", models.CharField(max_length=100)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="refunddue",
            name="levy_refunddue_once",
        ),
        migrations.AddField(
            model_name="line",
            name="reason",
            field=models.CharField(db_default="", default="", max_length=200),
        ),
        migrations.AlterField(
            model_name="bill",
            name="kind",
            field=models.CharField(
                choices=[("monthly", "核定单"), ("arrears", "欠费补缴单"), ("late_fee", "滞纳金核定单"), ("person", "个人核定单")],
                db_default="monthly",
                default="monthly",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="billline",
            name="origin",
            field=models.CharField(
                choices=[
                    ("normal", "正常应缴"),
                    ("back", "补缴"),
                    ("diff", "补差"),
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
                    ("diff", "补差"),
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
                    ("diff", "补差"),
                    ("arrears", "欠费补缴"),
                    ("late_fee", "滞纳金"),
                    ("estimate", "未申报，按上月 110% 核定"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="latefee",
            name="bill",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="fees", to="levy.bill"),
        ),
        migrations.AddField(
            model_name="latefee",
            name="line",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.billline"),
        ),
        migrations.AddField(
            model_name="latefee",
            name="receipt",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt"),
        ),
        migrations.AddField(
            model_name="latefee",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddField(
            model_name="monthrules",
            name="run",
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.run"),
        ),
        migrations.AddConstraint(
            model_name="recalculation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["computing", "trial"])), fields=("place",), name="levy_recalculation_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="recalculation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("released_by", None), models.Q(("released_by", models.F("computed_by")), _negated=True), _connector="OR"
                ),
                name="levy_recalculation_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="recalculation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("released_at__isnull", False), ("released_by__isnull", False), ("state", "released")),
                    models.Q(models.Q(("state", "released"), _negated=True), ("released_at", None)),
                    _connector="OR",
                ),
                name="levy_recalculation_released",
            ),
        ),
        migrations.AddConstraint(
            model_name="recalculation",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_month__lte", models.F("last_month"))), name="levy_recalculation_months"
            ),
        ),
        migrations.AddField(
            model_name="monthrules",
            name="recalculation",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.recalculation"),
        ),
        migrations.AddField(
            model_name="refunddue",
            name="recalculation",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.recalculation"),
        ),
        migrations.AddConstraint(
            model_name="refunddue",
            constraint=models.UniqueConstraint(
                fields=("unit", "person", "month", "insurance", "case_id", "recalculation"),
                name="levy_refunddue_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddField(
            model_name="recalculationchunk",
            name="recalculation",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="chunks", to="levy.recalculation"),
        ),
        migrations.AddField(
            model_name="recalculationline",
            name="person",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
        ),
        migrations.AddField(
            model_name="recalculationline",
            name="recalculation",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="levy.recalculation"),
        ),
        migrations.AddField(
            model_name="recalculationline",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddField(
            model_name="reliefline",
            name="run",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.run"),
        ),
        migrations.AddField(
            model_name="reliefline",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddIndex(
            model_name="latefee",
            index=models.Index(fields=["receipt"], name="levy_latefee_receipt"),
        ),
        migrations.AddConstraint(
            model_name="latefee",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reversed_at", None)), fields=("receipt", "line", "from_day"), name="levy_latefee_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="latefee",
            constraint=models.CheckConstraint(
                condition=models.Q(("days__gt", 0), ("fee_fen__gt", 0), ("paid_on__gt", models.F("from_day")), ("principal_fen__gt", 0)),
                name="levy_latefee_positive",
            ),
        ),
        migrations.AddIndex(
            model_name="monthrules",
            index=models.Index(fields=["place", "month", "-id"], name="levy_monthrules_last"),
        ),
        migrations.AddConstraint(
            model_name="monthrules",
            constraint=models.UniqueConstraint(
                condition=models.Q(("recalculation__isnull", False)), fields=("recalculation", "month"), name="levy_monthrules_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="monthrules",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("recalculation__isnull", False), ("run", None)),
                    models.Q(("recalculation", None), ("run__isnull", False)),
                    _connector="OR",
                ),
                name="levy_monthrules_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="recalculationchunk",
            constraint=models.UniqueConstraint(fields=("recalculation", "month", "chunk"), name="levy_recalculationchunk_once"),
        ),
        migrations.AddIndex(
            model_name="recalculationline",
            index=models.Index(condition=models.Q(("state", "held")), fields=["unit", "month"], name="levy_recalculation_held"),
        ),
        migrations.AddConstraint(
            model_name="recalculationline",
            constraint=models.UniqueConstraint(
                fields=("recalculation", "unit", "person", "month", "insurance"), name="levy_recalculationline_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="reliefline",
            constraint=models.UniqueConstraint(fields=("run", "unit", "insurance"), name="levy_reliefline_once"),
        ),
        migrations.AddConstraint(
            model_name="reliefline",
            constraint=models.CheckConstraint(
                condition=models.Q(("relief_fen__gt", 0), ("relief_fen__lte", models.F("before_fen"))), name="levy_reliefline_within"
            ),
        ),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        protect(
            "levy_latefee",
            {
                Role.UNIT: ("select", OWN_UNIT),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update (reversed_at)", ALL),
            },
        ),
        protect(
            "levy_reliefline",
            {
                Role.UNIT: ("select", OWN_UNIT),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert", ALL),
            },
        ),
        append_only("levy_reliefline"),
        protect("levy_monthrules", {Role.AGENCY: ("select", ALL), Role.ENGINE: ("select, insert", ALL)}),
        append_only("levy_monthrules"),
        protect("levy_recalculation", {Role.AGENCY: ("select", ALL), Role.ENGINE: ("select, insert, update", ALL)}),
        protect("levy_recalculationchunk", {Role.AGENCY: ("select", ALL), Role.ENGINE: ("select, insert", ALL)}),
        append_only("levy_recalculationchunk"),
        protect(
            "levy_recalculationline",
            {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert, update (state, note)", ALL)},
        ),
    ]
