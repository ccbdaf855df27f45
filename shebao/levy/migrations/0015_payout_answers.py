import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, append_only, protect
from shebao.base.actor import Role


class Migration(migrations.Migration):
    """Answers of banks to payout files: each is applied once, in the bank's order of the day."""

    dependencies = [("levy", "0014_outgoing")]
    operations = [
        migrations.CreateModel(
            name="PayoutAnswer",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("sha256", models.BinaryField(max_length=32)),
                ("bank", models.CharField(max_length=3)),
                ("day", models.DateField()),
                ("order", models.SmallIntegerField()),
                ("refused", models.IntegerField()),
                ("received_at", models.DateTimeField()),
                (
                    "payout",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.payout"),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("bank", "day", "order"), name="levy_payoutanswer_order")]},
        ),
        protect("levy_payoutanswer", {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert", ALL)}),
        append_only("levy_payoutanswer"),
    ]
