from django.db import migrations


class Migration(migrations.Migration):
    """滞纳金 of late payments, relief, recalculation."""

    dependencies = [("levy", "0010_reconciling")]
    operations = []
