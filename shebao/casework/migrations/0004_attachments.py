from django.db import migrations


class Migration(migrations.Migration):
    """Photos and scanned materials."""

    dependencies = [("casework", "0003_counter")]
    operations = []
