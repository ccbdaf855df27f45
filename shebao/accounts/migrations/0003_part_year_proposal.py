"""当年结算 by two people: proposals, seen by the desk of their agency, written by the engine."""

import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, protect
from shebao.base.actor import Role


class Migration(migrations.Migration):
    """当年结算提出与复核."""

    dependencies = [
        ("accounts", "0002_bulk"),
        ("parties", "0007_calendar"),
    ]

    operations = [
        migrations.CreateModel(
            name="PartYearProposal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("place", models.CharField(max_length=6)),
                ("agency_id", models.SmallIntegerField()),
                ("kind", models.CharField(choices=[("retirement", "退休"), ("transfer", "关系转出"), ("death", "死亡")], max_length=10)),
                ("month", models.IntegerField()),
                ("reason", models.CharField(max_length=200)),
                ("balance_fen", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "待复核"), ("confirmed", "已结算"), ("declined", "已退回")], default="proposed", max_length=9
                    ),
                ),
                ("proposed_by", models.IntegerField()),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.IntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "part_year",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="proposal", to="accounts.partyear"
                    ),
                ),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")), fields=("person", "place"), name="accounts_proposal_waiting"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_by", None), ("state", "proposed")),
                            models.Q(
                                models.Q(("state", "proposed"), _negated=True),
                                ("decided_by__isnull", False),
                                models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="accounts_proposal_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("part_year__isnull", False), ("state", "confirmed")),
                            models.Q(models.Q(("state", "confirmed"), _negated=True), ("part_year", None)),
                            _connector="OR",
                        ),
                        name="accounts_proposal_settled",
                    ),
                ],
            },
        ),
        protect("accounts_partyearproposal", {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert, update", ALL)}),
    ]
