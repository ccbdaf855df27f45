from django.db import migrations

from shebao.audit.security import OWN_PERSON, admit
from shebao.base.actor import Role


class Migration(migrations.Migration):
    """个人 read their own row; agencies and payers by name."""

    dependencies = [("parties", "0004_registration"), ("audit", "0003_person")]
    operations = [
        admit("parties_agency", Role.PERSON, "select", "true"),
        admit("parties_unit", Role.PERSON, "select (id, number, name, agency_id, place, kind, vip)", "true"),
        admit("parties_person", Role.PERSON, "select", "id = app_person()"),
        admit("parties_personfact", Role.PERSON, "select", OWN_PERSON),
    ]
