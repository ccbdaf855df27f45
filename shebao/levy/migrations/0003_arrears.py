import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role

# What was taken out of a bill stays what it was; only its state goes on, and an end is an end.
FIXED = """
create function levy_takendue_fixed() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or to_jsonb(new) - 'state' - 'back_level_fen' <> to_jsonb(old) - 'state' - 'back_level_fen'
      or (new.state <> old.state and (old.state <> 'ordered' or new.state not in ('paid', 'rolled_back'))) then
    raise exception 'a due taken out of its bill is not changed' using errcode = 'check_violation', constraint = 'levy_takendue_fixed';
  end if;
  return new;
end $$;
create trigger levy_takendue_fixed before update or delete on levy_takendue for each row execute function levy_takendue_fixed();
alter table levy_takendue enable always trigger levy_takendue_fixed;
create trigger levy_takendue_kept_whole before truncate on levy_takendue for each statement execute function app_refuse_change();
alter table levy_takendue enable always trigger levy_takendue_kept_whole;
drop index levy_bill_overdue;
create index levy_bill_overdue on levy_bill (agency_id, due_date) where state in ('issued', 'part_paid');
create index levy_takendue_live on levy_takendue (unit_id, month) where state <> 'rolled_back';
"""
UNDO = """
drop index levy_takendue_live; drop index levy_bill_overdue; drop trigger levy_takendue_kept_whole on levy_takendue;
create index levy_bill_overdue on levy_bill (agency_id, due_date) where state <> 'paid';
drop trigger levy_takendue_fixed on levy_takendue; drop function levy_takendue_fixed();
"""
MONEY = {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert, update", ALL)}


class Migration(migrations.Migration):
    """欠费补缴, 当月欠费注销: orders are bills; what they take out of the months' bills is narrow, by person, month and type."""

    dependencies = [("levy", "0002_rules")]

    operations = [
        migrations.CreateModel(
            name="BackPayment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("registered", "待生成补缴单"), ("ordered", "待缴费"), ("paid", "已缴清"), ("cancelled", "已取消")],
                        default="registered",
                        max_length=10,
                    ),
                ),
                ("case_id", models.BigIntegerField(null=True)),
                ("registered_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="TakenDue",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                (
                    "origin",
                    models.CharField(
                        choices=[("normal", "正常应缴"), ("back", "补缴"), ("arrears", "欠费补缴"), ("late_fee", "滞纳金")], max_length=8
                    ),
                ),
                ("base_fen", models.BigIntegerField()),
                ("unit_fen", models.BigIntegerField()),
                ("person_fen", models.BigIntegerField()),
                ("paid_fen", models.BigIntegerField()),
                ("late_fee_fen", models.BigIntegerField()),
                ("level_fen", models.BigIntegerField()),
                ("back_level_fen", models.BigIntegerField(null=True)),
                ("due_date", models.DateField()),
                ("case_id", models.BigIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("ordered", "补缴单待缴费"), ("paid", "已补缴"), ("rolled_back", "已回退"), ("written_off", "已注销")],
                        max_length=12,
                    ),
                ),
                ("taken_on", models.DateField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="bill",
            name="levy_bill_once",
        ),
        migrations.RemoveConstraint(
            model_name="bill",
            name="levy_bill_not_overpaid",
        ),
        migrations.AddField(
            model_name="bill",
            name="kind",
            field=models.CharField(
                choices=[("monthly", "核定单"), ("arrears", "欠费补缴单")], db_default="monthly", default="monthly", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="bill",
            name="late_fee_fen",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="bill",
            name="moved_fen",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="bill",
            name="written_off_fen",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="billline",
            name="moved_fen",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="billline",
            name="written_off_fen",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="bill",
            name="run",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.run"),
        ),
        migrations.AlterField(
            model_name="bill",
            name="state",
            field=models.CharField(
                choices=[
                    ("issued", "待缴费"),
                    ("part_paid", "部分到账"),
                    ("paid", "已到账"),
                    ("moved", "已转补缴单"),
                    ("written_off", "已注销"),
                    ("rolled_back", "已回退"),
                ],
                default="issued",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="billline",
            name="origin",
            field=models.CharField(
                choices=[("normal", "正常应缴"), ("back", "补缴"), ("arrears", "欠费补缴"), ("late_fee", "滞纳金")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="line",
            name="origin",
            field=models.CharField(
                choices=[("normal", "正常应缴"), ("back", "补缴"), ("arrears", "欠费补缴"), ("late_fee", "滞纳金")], max_length=8
            ),
        ),
        migrations.AddConstraint(
            model_name="bill",
            constraint=models.UniqueConstraint(condition=models.Q(("kind", "monthly")), fields=("unit", "month"), name="levy_bill_once"),
        ),
        migrations.AddConstraint(
            model_name="bill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("paid_fen__gte", 0),
                    ("moved_fen__gte", 0),
                    ("written_off_fen__gte", 0),
                    ("late_fee_fen__gte", 0),
                    (
                        "paid_fen__lte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(models.F("unit_fen"), "+", models.F("person_fen")),
                                    "+",
                                    models.F("late_fee_fen"),
                                ),
                                "-",
                                models.F("moved_fen"),
                            ),
                            "-",
                            models.F("written_off_fen"),
                        ),
                    ),
                ),
                name="levy_bill_not_overpaid",
            ),
        ),
        migrations.AddConstraint(
            model_name="billline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("paid_fen__gte", 0),
                    ("moved_fen__gte", 0),
                    ("written_off_fen__gte", 0),
                    (
                        "paid_fen__lte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(models.F("unit_fen"), "+", models.F("person_fen")),
                                "-",
                                models.F("moved_fen"),
                            ),
                            "-",
                            models.F("written_off_fen"),
                        ),
                    ),
                ),
                name="levy_billline_not_overpaid",
            ),
        ),
        migrations.AddField(
            model_name="backpayment",
            name="order",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.bill"),
        ),
        migrations.AddField(
            model_name="backpayment",
            name="person",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
        ),
        migrations.AddField(
            model_name="backpayment",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddField(
            model_name="takendue",
            name="line",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.billline"),
        ),
        migrations.AddField(
            model_name="takendue",
            name="order",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="taken", to="levy.bill"),
        ),
        migrations.AddField(
            model_name="takendue",
            name="person",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
        ),
        migrations.AddField(
            model_name="takendue",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddConstraint(
            model_name="backpayment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["registered", "ordered"])), fields=("unit", "person"), name="levy_backpayment_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="backpayment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "cancelled"),
                    models.Q(("order", None), ("state", "registered")),
                    models.Q(("order__isnull", False), ("state__in", ["ordered", "paid"])),
                    _connector="OR",
                ),
                name="levy_backpayment_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="takendue",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "rolled_back"), _negated=True),
                fields=("unit", "person", "month", "insurance", "origin"),
                name="levy_takendue_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="takendue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("back_level_fen__gte", models.F("level_fen")), ("state", "rolled_back")),
                    models.Q(models.Q(("state", "rolled_back"), _negated=True), ("back_level_fen", None)),
                    _connector="OR",
                ),
                name="levy_takendue_way_back",
            ),
        ),
        migrations.AddConstraint(
            model_name="takendue",
            constraint=models.CheckConstraint(
                condition=models.Q(("late_fee_fen__gte", 0), ("paid_fen__gte", 0), ("person_fen__gte", 0), ("unit_fen__gte", 0)),
                name="levy_takendue_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="takendue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("late_fee_fen", 0), ("order", None), ("paid_fen", 0), ("state", "written_off")),
                    models.Q(models.Q(("state", "written_off"), _negated=True), ("order__isnull", False)),
                    _connector="OR",
                ),
                name="levy_takendue_where",
            ),
        ),
        protect("levy_backpayment", MONEY),
        protect("levy_takendue", MONEY),
        migrations.RunSQL(FIXED, UNDO),
    ]
