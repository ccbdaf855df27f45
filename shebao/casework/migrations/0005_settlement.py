import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role

RULES = """
create function casework_settlement_forward() returns trigger language plpgsql as $$
begin
  if old.finished_at is not null or new.rows_done < old.rows_done
     or (to_jsonb(new) - 'rows_done' - 'finished_at') <> (to_jsonb(old) - 'rows_done' - 'finished_at') then
    raise exception 'a settlement only goes forward' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger casework_settlement_forward before update on casework_settlement
  for each row execute function casework_settlement_forward();
"""
SEEN = {
    Role.UNIT: ("select", OWN_UNIT),
    Role.AGENCY: ("select, insert", OWN_AGENCY),
    Role.ENGINE: ("select, insert, update", ALL),
}


class Migration(migrations.Migration):
    """Decisions on large batches, that take effect piece by piece: entered by the agency, moved on by the engine alone."""

    dependencies = [("casework", "0004_attachments")]

    operations = [
        migrations.CreateModel(
            name="Settlement",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("unit_id", models.IntegerField()),
                ("agency_id", models.SmallIntegerField()),
                ("reviewer", models.IntegerField()),
                ("reviewer_name", models.CharField(max_length=50)),
                ("decided_at", models.DateTimeField()),
                ("back_reason", models.CharField(default="", max_length=300)),
                ("back_pins", models.JSONField(default=list)),
                ("rows_total", models.IntegerField()),
                ("rows_done", models.IntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="settlements", to="casework.case"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["case", "-id"], name="casework_settlement_case")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("finished_at", None)), fields=("case",), name="casework_settlement_one_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rows_done__lte", models.F("rows_total"))), name="casework_settlement_within"
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            RULES, "drop trigger casework_settlement_forward on casework_settlement; drop function casework_settlement_forward"
        ),
        protect("casework_settlement", SEEN),
    ]
