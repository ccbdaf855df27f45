from django.db import migrations


class Migration(migrations.Migration):
    """柜面, 复核."""

    dependencies = [("casework", "0002_rules")]
    operations = []
