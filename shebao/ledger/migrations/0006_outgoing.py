from django.db import migrations, models


class Migration(migrations.Migration):
    """财政专户存款 and 暂付款."""

    dependencies = [
        ("ledger", "0005_books"),
    ]

    operations = [
        migrations.AlterField(
            model_name="account",
            name="kind",
            field=models.CharField(
                choices=[
                    ("receivable", "应收保险费"),
                    ("income", "保险费收入"),
                    ("bank", "收入户存款"),
                    ("suspense", "暂收款"),
                    ("late_fee_due", "应收滞纳金"),
                    ("late_fee", "滞纳金收入"),
                    ("interest_due", "应收补缴利息"),
                    ("interest", "补缴利息收入"),
                    ("transit", "在途款（已缴未入账）"),
                    ("refund_due", "应退保险费"),
                    ("to_accounts", "划入个人账户"),
                    ("personal", "个人账户基金"),
                    ("account_int", "个人账户记账利息"),
                    ("fiscal", "财政专户存款"),
                    ("advance", "暂付款（待处理支出）"),
                ],
                max_length=12,
            ),
        ),
    ]
