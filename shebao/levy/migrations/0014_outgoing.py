import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, append_only, protect
from shebao.base.actor import Role

OF_OUTGOING = "exists (select 1 from levy_outgoing o where o.id = outgoing_id)"


class Migration(migrations.Migration):
    """Outgoing movements that are no refunds of ours, booked by two people."""

    dependencies = [
        ("levy", "0013_reasons"),
    ]

    operations = [
        migrations.CreateModel(
            name="Outgoing",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("kind", models.CharField(choices=[("fiscal", "划转财政专户"), ("advance", "待处理支出")], max_length=7)),
                ("reason", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "待复核"), ("confirmed", "已办结"), ("declined", "已退回")], default="proposed", max_length=9
                    ),
                ),
                ("proposed_by", models.IntegerField()),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.IntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("posted_on", models.DateField(null=True)),
                ("returned_on", models.DateField(null=True)),
                ("line", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.statementline")),
            ],
        ),
        migrations.CreateModel(
            name="OutgoingPart",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("fund", models.SmallIntegerField()),
                ("amount_fen", models.BigIntegerField()),
                ("outgoing", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="levy.outgoing")),
            ],
        ),
        migrations.AddConstraint(
            model_name="outgoing",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "declined"), _negated=True), fields=("line",), name="levy_outgoing_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_by", None), ("state", "proposed")),
                    models.Q(
                        models.Q(("state", "proposed"), _negated=True),
                        ("decided_by__isnull", False),
                        models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="levy_outgoing_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("posted_on__isnull", False), ("state", "confirmed")),
                    models.Q(models.Q(("state", "confirmed"), _negated=True), ("posted_on", None)),
                    _connector="OR",
                ),
                name="levy_outgoing_posted",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoing",
            constraint=models.CheckConstraint(
                condition=models.Q(("returned_on", None), models.Q(("kind", "advance"), ("state", "confirmed")), _connector="OR"),
                name="levy_outgoing_returned",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoingpart",
            constraint=models.UniqueConstraint(fields=("outgoing", "fund"), name="levy_outgoingpart_once"),
        ),
        migrations.AddConstraint(
            model_name="outgoingpart",
            constraint=models.CheckConstraint(condition=models.Q(("amount_fen__gt", 0)), name="levy_outgoingpart_positive"),
        ),
        protect(
            "levy_outgoing",
            {
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update (state, decided_by, decided_at, posted_on, returned_on)", ALL),
            },
        ),
        protect("levy_outgoingpart", {Role.AGENCY: ("select", OF_OUTGOING), Role.ENGINE: ("select, insert", ALL)}),
        append_only("levy_outgoingpart"),
    ]
