from django.db import migrations


class Migration(migrations.Migration):
    """个人账户."""

    initial = True
    dependencies = [("parties", "0005_person")]
    operations = []
