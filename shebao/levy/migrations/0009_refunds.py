from django.db import migrations


class Migration(migrations.Migration):
    """退费 with two people; money moved out of suspense."""

    dependencies = [("levy", "0008_tax")]
    operations = []
