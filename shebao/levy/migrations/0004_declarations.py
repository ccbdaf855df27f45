from django.db import migrations


class Migration(migrations.Migration):
    """自主申报, 缓缴."""

    dependencies = [("levy", "0003_arrears")]
    operations = []
