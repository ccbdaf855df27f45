from django.db import migrations, models


class Migration(migrations.Migration):
    """柜面, 复核: a second reviewer confirms where an item asks for it; neither filer nor first reviewer may be the second."""

    dependencies = [("casework", "0002_rules")]
    operations = [
        migrations.AddField("case", "second_reason", models.CharField(max_length=120, default="")),
        migrations.AddField("case", "first_by", models.IntegerField(null=True)),
        migrations.AddField("case", "first_name", models.CharField(max_length=50, default="")),
        migrations.AddField("case", "first_at", models.DateTimeField(null=True)),
        migrations.AddField("case", "first_returns", models.JSONField(null=True)),
        migrations.AddConstraint(
            "case",
            models.CheckConstraint(
                condition=models.Q(first_by=None)
                | (~models.Q(first_by=models.F("submitted_by")) & ~models.Q(first_by=models.F("created_by"))),
                name="casework_case_first_other",
            ),
        ),
        migrations.AddConstraint(
            "case",
            models.CheckConstraint(
                condition=models.Q(first_by=None) | models.Q(reviewed_by=None) | ~models.Q(first_by=models.F("reviewed_by")),
                name="casework_case_second_other",
            ),
        ),
        migrations.RunSQL(
            "create index casework_case_counter on casework_case (agency_id, created_by) where channel = 'counter' and state <> 'done'",
            "drop index casework_case_counter",
        ),
    ]
