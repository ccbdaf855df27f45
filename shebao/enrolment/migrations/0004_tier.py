import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_PERSON, OWN_UNIT, admit, protect
from shebao.base.actor import Role

RULES = """
alter table enrolment_tier
  add constraint enrolment_tier_percent check (percent between 1 and 1000),
  add constraint enrolment_tier_months check (from_month % 100 between 1 and 12 and (to_month is null or to_month % 100 between 1 and 12)),
  add constraint enrolment_tier_order check (to_month is null or to_month > from_month),
  add constraint enrolment_tier_no_overlap exclude using gist (
    int8range(person_id, person_id, '[]') with &&, int4range(from_month, to_month) with &&) where (known_to is null);
create index enrolment_tier_unit on enrolment_tier (unit_id, person_id) where known_to is null;
create trigger enrolment_tier_close_only before update on enrolment_tier for each row execute function enrolment_close_only();
"""
REGISTER = {
    Role.UNIT: ("select", OWN_UNIT),
    Role.AGENCY: ("select", OWN_AGENCY),
    Role.PERSON: ("select", OWN_PERSON),
    Role.ENGINE: ("select, insert, update", ALL),
}


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_person"),
        ("enrolment", "0003_annual"),
        ("parties", "0004_registration"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tier",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("percent", models.SmallIntegerField()),
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
        ),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        protect("enrolment_tier", REGISTER),
        admit("enrolment_spell", Role.PERSON, "select", OWN_PERSON),
        admit("enrolment_wage", Role.PERSON, "select", OWN_PERSON),
    ]
