import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, append_only, protect
from shebao.base.actor import Role


class Migration(migrations.Migration):
    """对账: statements, differences, settlements."""

    dependencies = [("levy", "0009_refunds")]
    operations = [
        migrations.CreateModel(
            name="IncomeAccount",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("place", models.CharField(max_length=6, unique=True)),
                ("number", models.CharField(max_length=32, unique=True)),
                ("bank", models.CharField(max_length=100)),
                ("agency_id", models.SmallIntegerField()),
                ("opened_on", models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name="Difference",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=80, unique=True)),
                ("agency_id", models.SmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("unknown", "对账单有、我方无（到账不明）"),
                            ("unknown_debit", "对账单有、我方无（支出不明）"),
                            ("twice", "重复到账"),
                            ("amount", "到账金额不符"),
                            ("late", "已告知缴费、逾期未到账"),
                            ("unseen", "我方已登记到账、对账单无"),
                            ("tax_missing", "我方有、税务日清单无"),
                            ("tax_extra", "税务日清单有、我方无"),
                            ("tax_amount", "与税务日清单金额不符"),
                            ("balance", "银行存款账与对账单余额不符"),
                        ],
                        max_length=13,
                    ),
                ),
                ("ours_fen", models.BigIntegerField(null=True)),
                ("theirs_fen", models.BigIntegerField(null=True)),
                ("subject", models.CharField(default="", max_length=60)),
                ("found_on", models.DateField()),
                ("found_at", models.DateTimeField()),
                ("owner", models.IntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "待处理"), ("proposed", "待复核"), ("settled", "已处理")], default="open", max_length=8
                    ),
                ),
                ("settled_by", models.CharField(default="", max_length=20)),
                ("reason", models.CharField(default="", max_length=200)),
                ("proposed_by", models.IntegerField(null=True)),
                ("confirmed_by", models.IntegerField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("receipt", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt")),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.incomeaccount")),
            ],
        ),
        migrations.CreateModel(
            name="Chase",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.IntegerField()),
                ("at", models.DateTimeField()),
                ("note", models.CharField(max_length=200)),
                ("difference", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="chases", to="levy.difference")),
            ],
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("day", models.DateField()),
                ("sequence", models.IntegerField()),
                ("opening_fen", models.BigIntegerField()),
                ("closing_fen", models.BigIntegerField()),
                ("credits", models.IntegerField()),
                ("credit_fen", models.BigIntegerField()),
                ("debits", models.IntegerField()),
                ("debit_fen", models.BigIntegerField()),
                ("sha256", models.BinaryField(max_length=32, unique=True)),
                ("name", models.CharField(max_length=120)),
                ("content", models.BinaryField()),
                ("state", models.CharField(choices=[("queued", "等待前一日"), ("loaded", "已登记")], max_length=6)),
                ("received_by", models.IntegerField()),
                ("received_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="statements", to="levy.incomeaccount"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReconDay",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("day", models.DateField()),
                ("lines", models.IntegerField()),
                ("matched", models.IntegerField()),
                ("differing", models.IntegerField()),
                ("closing_fen", models.BigIntegerField(null=True)),
                ("bank_fen", models.BigIntegerField()),
                ("unbooked_fen", models.BigIntegerField()),
                ("transit_fen", models.BigIntegerField()),
                ("tax_rows", models.IntegerField(null=True)),
                ("rounds", models.IntegerField(default=1)),
                ("run_by", models.IntegerField()),
                ("run_at", models.DateTimeField()),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.incomeaccount")),
                (
                    "statement",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.statement"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("line", models.IntegerField()),
                ("serial", models.CharField(max_length=40)),
                ("direction", models.CharField(max_length=6)),
                ("amount_fen", models.BigIntegerField()),
                ("counterparty", models.CharField(default="", max_length=100)),
                ("reference", models.CharField(default="", max_length=60)),
                ("booked_on", models.DateField()),
                ("outcome", models.CharField(choices=[("matched", "已核对"), ("difference", "有差异")], max_length=10, null=True)),
                ("matched_to", models.CharField(default="", max_length=60)),
                ("booked", models.BooleanField(default=False)),
                ("statement", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="levy.statement")),
            ],
        ),
        migrations.AddField(
            model_name="difference",
            name="line",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.statementline"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.UniqueConstraint(fields=("account", "day"), name="levy_statement_day_once"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.UniqueConstraint(fields=("account", "sequence"), name="levy_statement_sequence_once"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "closing_fen",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(models.F("opening_fen"), "+", models.F("credit_fen")),
                            "-",
                            models.F("debit_fen"),
                        ),
                    )
                ),
                name="levy_statement_balances",
            ),
        ),
        migrations.AddConstraint(
            model_name="reconday",
            constraint=models.UniqueConstraint(fields=("account", "day"), name="levy_reconday_once"),
        ),
        migrations.AddConstraint(
            model_name="reconday",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("lines", django.db.models.expressions.CombinedExpression(models.F("matched"), "+", models.F("differing")))
                ),
                name="levy_reconday_whole",
            ),
        ),
        migrations.AddIndex(
            model_name="statementline",
            index=models.Index(fields=["reference"], name="levy_statementline_ref"),
        ),
        migrations.AddIndex(
            model_name="statementline",
            index=models.Index(fields=["serial"], name="levy_stmtline_serial"),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.UniqueConstraint(fields=("statement", "line"), name="levy_statementline_once"),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.UniqueConstraint(fields=("statement", "serial"), name="levy_statementline_serial"),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_fen__gt", 0), ("direction__in", ["credit", "debit"])), name="levy_statementline_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("matched_to", ""), ("outcome", None)),
                    models.Q(("matched_to", ""), ("outcome", "difference")),
                    models.Q(("booked", True), ("outcome", "matched"), models.Q(("matched_to", ""), _negated=True)),
                    _connector="OR",
                ),
                name="levy_statementline_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="difference",
            index=models.Index(fields=["agency_id", "state"], name="levy_difference_agency"),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_by", None), models.Q(("confirmed_by", models.F("proposed_by")), _negated=True), _connector="OR"
                ),
                name="levy_difference_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(models.Q(("state", "settled"), _negated=True), ("settled_at", None)),
                    models.Q(
                        ("settled_at__isnull", False),
                        ("state", "settled"),
                        models.Q(("settled_by", ""), _negated=True),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="levy_difference_settled",
            ),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("settled_by", "closed"), ("state", "settled"), _negated=True),
                    models.Q(("confirmed_by__isnull", False), ("proposed_by__isnull", False)),
                    _connector="OR",
                ),
                name="levy_difference_closed_by_two",
            ),
        ),
        *(
            protect(f"levy_{table}", {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: (verbs, ALL)})
            for table, verbs in (
                ("incomeaccount", "select, insert"),
                ("statement", "select, insert, update (state)"),
                ("statementline", "select, insert, update (outcome, matched_to, booked)"),
                ("reconday", "select, insert, update"),
                ("difference", "select, insert, update"),
            )
        ),
        protect(
            "levy_chase",
            {
                Role.AGENCY: ("select", "exists (select 1 from levy_difference d where d.id = difference_id)"),
                Role.ENGINE: ("select, insert", ALL),
            },
        ),
        append_only("levy_chase"),
    ]
