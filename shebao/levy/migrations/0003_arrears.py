from django.db import migrations


class Migration(migrations.Migration):
    """欠费补缴, 当月欠费注销."""

    dependencies = [("levy", "0002_rules")]
    operations = []
