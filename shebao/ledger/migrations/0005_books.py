from django.db import migrations


class Migration(migrations.Migration):
    """Days and months are closed; nothing is booked into what is closed."""

    dependencies = [("ledger", "0004_kinds")]
    operations = []
