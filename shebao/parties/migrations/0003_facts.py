from django.db import migrations


class Migration(migrations.Migration):
    """What is known of people and units, on two time axes."""

    dependencies = [("parties", "0002_rules")]
    operations = []
