from django.db import migrations


class Migration(migrations.Migration):
    """单位登记: registration, yearly verification, reissue, closing."""

    dependencies = [("parties", "0003_facts")]
    operations = []
