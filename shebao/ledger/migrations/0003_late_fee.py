from django.db import migrations, models


class Migration(migrations.Migration):
    """滞纳金 has accounts of its own in the fund of its type."""

    dependencies = [
        ("ledger", "0002_rules"),
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
                ],
                max_length=12,
            ),
        ),
    ]
