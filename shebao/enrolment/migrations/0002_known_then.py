from django.db import migrations

INDEX = """
create index enrolment_spell_then on enrolment_spell (unit_id, person_id, known_to) where known_to is not null;
"""


class Migration(migrations.Migration):
    """The roster as it was known: what is no longer held true, by unit. Small beside the register, which has its own partial index."""

    dependencies = [("enrolment", "0002_rules")]
    run_before = [("enrolment", "0003_annual")]
    operations = [migrations.RunSQL(INDEX, "drop index enrolment_spell_then")]
