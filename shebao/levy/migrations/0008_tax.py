from django.db import migrations


class Migration(migrations.Migration):
    """The tax office: what was sent, what it told."""

    dependencies = [("levy", "0007_bank")]
    operations = []
