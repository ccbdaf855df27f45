import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role

RULES = """
alter table enrolment_annualwage
  add constraint enrolment_annualwage_positive check (wage_fen > 0),
  add constraint enrolment_annualwage_months check (from_month % 100 between 1 and 12);
alter table enrolment_outsideretiree
  add constraint enrolment_outsideretiree_positive check (pension_fen > 0),
  add constraint enrolment_outsideretiree_months
    check (from_month % 100 between 1 and 12 and (to_month is null or to_month % 100 between 1 and 12)),
  add constraint enrolment_outsideretiree_order check (to_month is null or to_month > from_month),
  add constraint enrolment_outsideretiree_no_overlap exclude using gist (
    int8range(person_id, person_id, '[]') with &&, int4range(from_month, to_month) with &&) where (known_to is null);
create trigger enrolment_annualwage_close_only before update on enrolment_annualwage
  for each row execute function enrolment_close_only();
create trigger enrolment_outsideretiree_close_only before update on enrolment_outsideretiree
  for each row execute function enrolment_close_only();
"""
REGISTER = {
    Role.UNIT: ("select", OWN_UNIT),
    Role.AGENCY: ("select", OWN_AGENCY),
    Role.ENGINE: ("select, insert, update", ALL),
}


class Migration(migrations.Migration):
    """年度申报, and retirees outside the city's pool: declared once a person, unit and year; one unit a retiree; closed, never edited."""

    dependencies = [("enrolment", "0002_rules")]

    operations = [
        migrations.CreateModel(
            name="AnnualWage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("year", models.SmallIntegerField()),
                ("wage_fen", models.BigIntegerField()),
                ("from_month", models.IntegerField()),
                ("known_from", models.DateTimeField()),
                ("known_to", models.DateTimeField(null=True)),
                ("case_id", models.BigIntegerField(null=True)),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person")),
                (
                    "unit",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("known_to", None)), fields=("unit", "year", "person"), name="enrolment_annualwage_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OutsideRetiree",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("outside", "非我市中心城区统筹范围退休人员"), ("public", "机关事业单位退休人员")], max_length=8
                    ),
                ),
                ("pension_fen", models.BigIntegerField()),
                ("from_month", models.IntegerField()),
                ("to_month", models.IntegerField(null=True)),
                ("known_from", models.DateTimeField()),
                ("known_to", models.DateTimeField(null=True)),
                ("case_id", models.BigIntegerField(null=True)),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person")),
                (
                    "unit",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
                ),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("known_to", None)), fields=["unit", "person"], name="enrolment_retiree_unit")],
            },
        ),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        protect("enrolment_annualwage", REGISTER),
        protect("enrolment_outsideretiree", REGISTER),
    ]
