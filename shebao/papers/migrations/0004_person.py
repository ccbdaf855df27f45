from django.db import migrations

from shebao.audit.security import admit
from shebao.base.actor import Role


class Migration(migrations.Migration):
    """个人 see the papers that they themselves had made."""

    dependencies = [("papers", "0003_bundle"), ("audit", "0003_person")]
    operations = [admit("papers_paper", Role.PERSON, "select", "person_id = app_person() and unit_id is null")]
