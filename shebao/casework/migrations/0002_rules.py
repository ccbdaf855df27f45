from django.db import migrations

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

OWN = {
    Role.UNIT: ("select, insert, update", OWN_UNIT),
    Role.AGENCY: ("select, insert, update", OWN_AGENCY),
    Role.ENGINE: ("select, insert, update", ALL),
}
APPENDED = {role: ("select, insert", rows) for role, (_, rows) in OWN.items()}


class Migration(migrations.Migration):
    """A unit's cases are seen by that unit and its agency; effects are recorded by the engine alone."""

    dependencies = [("casework", "0001_initial"), ("audit", "0002_rules")]
    operations = [
        migrations.RunSQL(
            "create sequence casework_number minvalue 1;"
            " grant usage on sequence casework_number to shebao_unit, shebao_agency, shebao_engine",
            "drop sequence casework_number",
        ),
        migrations.RunSQL(
            "create index casework_filing_person on casework_filing (id_number);"
            " create index casework_event_reviewed on casework_event (agency_id, at) where kind = 'reviewed'",
            "drop index casework_filing_person; drop index casework_event_reviewed",
        ),
        protect("casework_case", OWN),
        protect("casework_filing", OWN),
        protect("casework_upload", OWN),
        protect("casework_submission", APPENDED),
        protect("casework_event", APPENDED),
        protect("casework_effect", {Role.ENGINE: ("select, insert", ALL)}),
        append_only("casework_event"),
        append_only("casework_effect"),
        append_only("casework_submission"),
    ]
