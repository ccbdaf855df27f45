from django.db import migrations


class Migration(migrations.Migration):
    """网上办事资格: several operators, rights by item, slips and certificates."""

    dependencies = [("access", "0002_rules")]
    operations = []
