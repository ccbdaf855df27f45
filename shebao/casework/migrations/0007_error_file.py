import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role


class Migration(migrations.Migration):
    """Lists of wrong rows that a job makes: asked for by the unit, made by the engine."""

    dependencies = [
        ("casework", "0006_operator_rights"),
    ]

    operations = [
        migrations.CreateModel(
            name="ErrorFile",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="+", serialize=False, to="casework.case"
                    ),
                ),
                ("unit_id", models.IntegerField()),
                ("agency_id", models.SmallIntegerField()),
                ("version", models.IntegerField()),
                ("asked_at", models.DateTimeField()),
                ("rows", models.IntegerField(default=0)),
                ("content", models.BinaryField(null=True)),
            ],
        ),
        protect(
            "casework_errorfile",
            {
                Role.UNIT: ("select, insert, update", OWN_UNIT),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
    ]
