from django.db import migrations


class Migration(migrations.Migration):
    """Yearly wage declarations."""

    dependencies = [("enrolment", "0002_rules")]
    operations = []
