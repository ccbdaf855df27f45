from django.db import migrations, models

from shebao.audit.security import OWN_PERSON, admit
from shebao.base.actor import Role


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_person"),
        ("contact", "0002_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="person_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="message",
            name="unit_id",
            field=models.IntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("person_id__isnull", False)), fields=["person_id", "-id"], name="contact_message_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("person_id", None), ("unit_id__isnull", False)),
                    models.Q(("person_id__isnull", False), ("unit_id", None)),
                    _connector="OR",
                ),
                name="contact_message_to_one",
            ),
        ),
        admit("contact_message", Role.PERSON, "select, update (read_at, read_name)", OWN_PERSON),
    ]
