import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_PERSON, OWN_UNIT, admit, protect
from shebao.base.actor import Role

RULES = """
alter table levy_flexdue
  add constraint levy_flexdue_person foreign key (person_id) references parties_person (id),
  add constraint levy_flexdue_month check (month % 100 between 1 and 12),
  add constraint levy_flexdue_tier check (tier between 1 and 1000 and base_fen > 0);
create index levy_flexdue_open on levy_flexdue (agency_id, month, person_id) where state = 'open';
create index levy_bill_person on levy_bill (person_id, id) where person_id is not null;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_person"),
        ("enrolment", "0004_tier"),
        ("levy", "0005_differences"),
        ("parties", "0005_person"),
    ]

    operations = [
        migrations.CreateModel(
            name="FlexDue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "person_id", "month", "insurance", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("month", models.IntegerField()),
                ("insurance", models.SmallIntegerField()),
                ("agency_id", models.SmallIntegerField()),
                ("origin", models.CharField(choices=[("normal", "正常应缴"), ("back", "中断补缴"), ("extend", "延长缴费")], max_length=6)),
                ("tier", models.SmallIntegerField()),
                ("base_fen", models.IntegerField()),
                ("total_fen", models.IntegerField()),
                ("account_fen", models.IntegerField()),
                ("interest_fen", models.IntegerField(db_default=0, default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "待缴"),
                            ("billed", "已核定待缴"),
                            ("sent", "批扣中"),
                            ("paid", "已缴"),
                            ("written_off", "已注销"),
                            ("lapsed", "逾年度未缴"),
                            ("refunded", "已退"),
                        ],
                        default="open",
                        max_length=11,
                    ),
                ),
                ("batch_id", models.BigIntegerField(null=True)),
                ("paid_on", models.DateField(null=True)),
                ("case_id", models.BigIntegerField(null=True)),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "db_table": "levy_flexdue",
            },
        ),
        migrations.AddField(
            model_name="bill",
            name="first_month",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="bill",
            name="last_month",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="bill",
            name="person",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
        ),
        migrations.AlterField(
            model_name="bill",
            name="kind",
            field=models.CharField(
                choices=[("monthly", "核定单"), ("arrears", "欠费补缴单"), ("person", "个人核定单")],
                db_default="monthly",
                default="monthly",
                max_length=8,
            ),
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
                    ("cancelled", "已作废"),
                ],
                default="issued",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="bill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("first_month__isnull", False),
                        ("kind", "person"),
                        ("last_month__gte", models.F("first_month")),
                        ("person__isnull", False),
                    ),
                    models.Q(models.Q(("kind", "person"), _negated=True), ("first_month", None), ("last_month", None), ("person", None)),
                    _connector="OR",
                ),
                name="levy_bill_of_person",
            ),
        ),
        migrations.AddField(
            model_name="flexdue",
            name="bill",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.bill"
            ),
        ),
        migrations.AddField(
            model_name="flexdue",
            name="unit",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddIndex(
            model_name="flexdue",
            index=models.Index(condition=models.Q(("bill__isnull", False)), fields=["bill"], name="levy_flexdue_bill"),
        ),
        migrations.AddIndex(
            model_name="flexdue",
            index=models.Index(condition=models.Q(("batch_id__isnull", False)), fields=["batch_id"], name="levy_flexdue_batch"),
        ),
        migrations.AddConstraint(
            model_name="flexdue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("account_fen__gte", 0), ("account_fen__lte", models.F("total_fen")), ("interest_fen__gte", 0), ("total_fen__gt", 0)
                ),
                name="levy_flexdue_amounts",
            ),
        ),
        migrations.AddConstraint(
            model_name="flexdue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("batch_id", None), ("bill", None), ("state", "open")),
                    models.Q(("batch_id", None), ("bill__isnull", False), ("state", "billed")),
                    models.Q(("batch_id__isnull", False), ("bill", None), ("state", "sent")),
                    ("state__in", ["paid", "refunded"]),
                    models.Q(("batch_id", None), ("bill", None), ("state__in", ["written_off", "lapsed"])),
                    _connector="OR",
                ),
                name="levy_flexdue_one_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="flexdue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paid_on__isnull", False), ("state__in", ["paid", "refunded"])),
                    models.Q(models.Q(("state__in", ["paid", "refunded"]), _negated=True), ("paid_on", None)),
                    _connector="OR",
                ),
                name="levy_flexdue_paid_on",
            ),
        ),
        migrations.AddField(
            model_name="receipt",
            name="arrived_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="receipt",
            name="channel",
            field=models.CharField(
                choices=[("file", "到账文件"), ("hand", "手工登记"), ("tax", "税务"), ("bank", "银行批扣")],
                db_default="file",
                default="file",
                max_length=4,
            ),
        ),
        protect(
            "levy_flexdue",
            {
                Role.UNIT: ("select", OWN_UNIT),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.PERSON: ("select", OWN_PERSON),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        admit("levy_bill", Role.PERSON, "select", OWN_PERSON),
        admit("levy_billline", Role.PERSON, "select", "exists (select 1 from levy_bill b where b.id = bill_id)"),
        admit("levy_receipt", Role.PERSON, "select", "exists (select 1 from levy_bill b where b.id = bill_id)"),
        admit("levy_allocation", Role.PERSON, "select", "exists (select 1 from levy_receipt r where r.id = receipt_id)"),
        admit("levy_assessment", Role.PERSON, "select", OWN_PERSON),
        admit("levy_placemonth", Role.PERSON, "select", "true"),
        admit("levy_run", Role.PERSON, "select (id, finished_at)", "true"),
    ]
