import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, append_only, protect
from shebao.base.actor import Role


class Migration(migrations.Migration):
    """待退差额; and a month may be charged again by another case."""

    dependencies = [
        ("levy", "0004_declarations"),
        ("parties", "0004_registration"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefundDue",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                ("base_fen", models.BigIntegerField()),
                ("unit_fen", models.BigIntegerField()),
                ("person_fen", models.BigIntegerField()),
                ("reason", models.CharField(max_length=200)),
                ("case_id", models.BigIntegerField(null=True)),
                ("recorded_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="line",
            name="levy_line_once",
        ),
        migrations.AddConstraint(
            model_name="line",
            constraint=models.UniqueConstraint(
                fields=("unit", "person", "month", "insurance", "origin", "bill"), name="levy_line_once", nulls_distinct=False
            ),
        ),
        migrations.RemoveConstraint(
            model_name="takendue",
            name="levy_takendue_once",
        ),
        migrations.AddConstraint(
            model_name="takendue",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "rolled_back"), _negated=True),
                fields=("unit", "person", "month", "insurance", "origin", "line"),
                name="levy_takendue_once",
            ),
        ),
        migrations.AddField(
            model_name="refunddue",
            name="person",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
        ),
        migrations.AddField(
            model_name="refunddue",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddConstraint(
            model_name="refunddue",
            constraint=models.UniqueConstraint(
                fields=("unit", "person", "month", "insurance", "case_id"), name="levy_refunddue_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="refunddue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("person_fen__gte", 0), ("unit_fen__gte", 0), models.Q(("unit_fen__gt", 0), ("person_fen__gt", 0), _connector="OR")
                ),
                name="levy_refunddue_positive",
            ),
        ),
        migrations.RunSQL("create index levy_refunddue_unit on levy_refunddue (unit_id, recorded_at)", "drop index levy_refunddue_unit"),
        protect(
            "levy_refunddue",
            {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert", ALL)},
        ),
        append_only("levy_refunddue"),
    ]
