import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role

# What a reviewer may have seen stays with its case as it was; what nobody filed can be emptied, never replaced.
KEPT = """
create function casework_attachment_kept() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'attachments are not deleted' using errcode = 'restrict_violation';
  end if;
  if (old.id, old.agency_id, old.kind, old.name, old.media_type, old.sha256, old.size, old.account_id, old.at)
     is distinct from (new.id, new.agency_id, new.kind, new.name, new.media_type, new.sha256, new.size, new.account_id, new.at)
     or (old.unit_id <> new.unit_id and old.unit_id <> 0)
     or (old.case_id is not null and new.case_id is not null and old.case_id <> new.case_id)
     or (old.withdrawn_at is not null and old.withdrawn_at is distinct from new.withdrawn_at)
     or (old.content <> new.content and (new.content <> '' or new.case_id is not null)) then
    raise exception 'an attachment is not changed' using errcode = 'restrict_violation';
  end if;
  if old.case_id is not null and new.case_id is null
     and exists (select 1 from casework_case c where c.id = old.case_id and c.submitted_at >= old.at) then
    raise exception 'an attachment that was submitted stays with its case' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger casework_attachment_kept before update or delete on casework_attachment
  for each row execute function casework_attachment_kept();
create trigger casework_attachment_whole before truncate on casework_attachment
  for each statement execute function app_refuse_change();
alter table casework_attachment enable always trigger casework_attachment_kept;
alter table casework_attachment enable always trigger casework_attachment_whole
"""


class Migration(migrations.Migration):
    """Photos and scanned materials: a unit's own, seen by its agency; their bytes change for nobody."""

    dependencies = [("casework", "0003_counter")]
    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("unit_id", models.IntegerField()),
                ("agency_id", models.SmallIntegerField()),
                ("kind", models.CharField(choices=[("photo", "相片"), ("material", "资料")], max_length=10)),
                ("name", models.CharField(max_length=120)),
                ("file_name", models.CharField(max_length=80)),
                ("media_type", models.CharField(max_length=40)),
                ("sha256", models.BinaryField(max_length=32)),
                ("size", models.IntegerField()),
                ("width", models.IntegerField(default=0)),
                ("height", models.IntegerField(default=0)),
                ("content", models.BinaryField()),
                ("account_id", models.IntegerField()),
                ("account_name", models.CharField(max_length=50)),
                ("at", models.DateTimeField()),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="attachments", to="casework.case"
                    ),
                ),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=~models.Q(size__lt=1), name="casework_attachment_not_empty")],
                "indexes": [models.Index(fields=["at"], condition=models.Q(case=None, withdrawn_at=None), name="casework_attachment_left")],
            },
        ),
        protect(
            "casework_attachment",
            {
                Role.UNIT: ("select, insert, update (case_id, withdrawn_at)", OWN_UNIT),
                Role.AGENCY: ("select, insert, update (case_id, withdrawn_at)", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update (case_id, withdrawn_at, unit_id, content)", ALL),
            },
        ),
        # Statistics: the time from a submission to its decision, without looking at the rest of the timeline.
        migrations.RunSQL(
            "create index casework_event_submitted on casework_event (case_id, round, id) include (at) where kind = 'submitted'",
            "drop index casework_event_submitted",
        ),
        migrations.RunSQL(KEPT, "drop trigger casework_attachment_kept on casework_attachment; drop function casework_attachment_kept"),
    ]
