from django.db import migrations, models

from shebao.audit.security import ALL, protect
from shebao.base.actor import Role

SETTLED = """
create function parties_calendar_settled() returns trigger language plpgsql as $$
begin
  if old.confirmed_at is not null then
    raise exception 'the calendar of % is settled', old.year using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger parties_calendar_settled before update on parties_calendaryear for each row execute function parties_calendar_settled();
alter table parties_calendaryear enable always trigger parties_calendar_settled;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("parties", "0006_size"),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarYear",
            fields=[
                ("year", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("off", models.JSONField()),
                ("worked", models.JSONField()),
                ("source", models.CharField(max_length=100)),
                ("entered_by", models.IntegerField()),
                ("entered_name", models.CharField(max_length=50)),
                ("entered_at", models.DateTimeField()),
                ("confirmed_by", models.IntegerField(null=True)),
                ("confirmed_name", models.CharField(db_default="", default="", max_length=50)),
                ("confirmed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("confirmed_by", None), models.Q(("confirmed_by", models.F("entered_by")), _negated=True), _connector="OR"
                        ),
                        name="parties_calendaryear_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("confirmed_at", None), ("confirmed_by", None)),
                            models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="parties_calendaryear_confirmed",
                    ),
                ],
            },
        ),
        protect(
            "parties_calendaryear",
            {Role.ADMIN: ("select, insert, update", ALL), Role.ENGINE: ("select", ALL)},
        ),
        migrations.RunSQL(SETTLED, migrations.RunSQL.noop),
    ]
