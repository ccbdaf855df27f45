from django.db import migrations


class Migration(migrations.Migration):
    """对账: statements, differences, settlements."""

    dependencies = [("levy", "0009_refunds")]
    operations = []
