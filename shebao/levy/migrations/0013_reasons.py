import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_PERSON, OWN_UNIT, admit, append_only, protect
from shebao.base.actor import Role

# What a unit or a person may read of a 重新核定: that it was released, and which rules it went by. Who computed it is the agency's.
RELEASED = "select (id, place, state, changes, computed_at, released_at)"
OF_CHANGES = "exists (select 1 from levy_duechange d where d.cause_id = levy_cause.id)"
READERS = {
    Role.UNIT: ("select", OWN_UNIT),
    Role.AGENCY: ("select", OWN_AGENCY),
    Role.PERSON: ("select", OWN_PERSON),
    Role.ENGINE: ("select, insert", ALL),
}


class Migration(migrations.Migration):
    """Every due of a past month says what changed it, by which act, from what to what, by which rules."""

    dependencies = [
        ("levy", "0012_flexible2"),
        ("parties", "0007_calendar"),
    ]

    operations = [
        migrations.AddField(
            model_name="recalculationline",
            name="line",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.line"),
        ),
        migrations.AddField(
            model_name="recalculationline",
            name="refund_due",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.refunddue"),
        ),
        migrations.CreateModel(
            name="Cause",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("back", "追溯参保"),
                            ("spell", "参保关系订正"),
                            ("wage", "申报工资订正"),
                            ("size", "企业规模登记"),
                            ("class", "工伤费率类别订正"),
                            ("tier", "缴费档次改定"),
                            ("other", "订正"),
                        ],
                        max_length=5,
                    ),
                ),
                ("agency_id", models.SmallIntegerField()),
                ("case_id", models.BigIntegerField(null=True)),
                ("before", models.CharField(default="", max_length=300)),
                ("after", models.CharField(default="", max_length=300)),
                ("reason", models.CharField(default="", max_length=200)),
                ("at", models.DateTimeField()),
                (
                    "correction",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.correction"),
                ),
                (
                    "person",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
                ),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
        ),
        migrations.CreateModel(
            name="RuleSet",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("place", models.CharField(max_length=6)),
                ("month", models.IntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                ("rules", models.JSONField()),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("place", "month", "digest"), name="levy_ruleset_once")],
            },
        ),
        migrations.CreateModel(
            name="DueChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                ("base_fen", models.BigIntegerField()),
                ("unit_fen", models.BigIntegerField()),
                ("person_fen", models.BigIntegerField()),
                ("due_base_fen", models.BigIntegerField()),
                ("due_unit_fen", models.BigIntegerField()),
                ("due_person_fen", models.BigIntegerField()),
                ("cause", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="levy.cause")),
                ("line", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.line")),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person")),
                (
                    "refund_due",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.refunddue"),
                ),
                (
                    "unit",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
                ),
                (
                    "rules",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.ruleset"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("cause", "unit", "person", "month", "insurance"), name="levy_duechange_once")
                ],
            },
        ),
        migrations.RunSQL("create index levy_duechange_unit on levy_duechange (unit_id, month)", "drop index levy_duechange_unit"),
        protect("levy_ruleset", {role: (verbs, ALL) for role, (verbs, _) in READERS.items()}),
        append_only("levy_ruleset"),
        protect("levy_duechange", READERS),
        append_only("levy_duechange"),
        protect("levy_cause", READERS | {Role.PERSON: ("select", OF_CHANGES)}),
        append_only("levy_cause"),
        admit("levy_recalculationline", Role.UNIT, "select", f"{OWN_UNIT} and state = 'charged'"),
        admit("levy_recalculationline", Role.PERSON, "select", f"{OWN_PERSON} and state = 'charged'"),
        *(admit("levy_recalculation", role, RELEASED, "state = 'released'") for role in (Role.UNIT, Role.PERSON)),
        *(admit("levy_monthrules", role, "select", ALL) for role in (Role.UNIT, Role.PERSON)),
        admit("parties_correction", Role.PERSON, "select", OWN_PERSON),
        migrations.RunSQL(
            "grant update (line_id, refund_due_id) on levy_recalculationline to shebao_engine",
            "revoke update (line_id, refund_due_id) on levy_recalculationline from shebao_engine",
        ),
    ]
