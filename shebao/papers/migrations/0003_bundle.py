import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role

# What was made stays: an item gets its paper (or its problem) once, and papers of a bundle are found through its unit alone.
ONCE = """
create function papers_bundleitem_once() returns trigger language plpgsql as $$
begin
  if old.paper_id is not null
     or (old.bundle_id, old.place, old.person_id, old.unit_id) <> (new.bundle_id, new.place, new.person_id, new.unit_id)
  then raise exception 'a paper of a bundle is made once' using errcode = 'restrict_violation'; end if;
  return new;
end $$;
create trigger papers_bundleitem_once before update on papers_bundleitem for each row execute function papers_bundleitem_once();
alter table papers_bundleitem enable always trigger papers_bundleitem_once;
create index papers_bundleitem_open on papers_bundleitem (bundle_id, place) where paper_id is null and problem = '';
"""
RIGHTS = {
    Role.UNIT: ("select", OWN_UNIT),
    Role.AGENCY: ("select", OWN_AGENCY),
    Role.ENGINE: ("select, insert, update", ALL),
}


class Migration(migrations.Migration):
    """Many papers at once: ordered by a unit, made by the engine."""

    dependencies = [
        ("papers", "0002_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Bundle",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("unit_id", models.IntegerField()),
                ("agency_id", models.IntegerField()),
                ("key", models.UUIDField()),
                ("digest", models.BinaryField(max_length=32)),
                ("title", models.CharField(max_length=60)),
                ("asked", models.JSONField()),
                ("total", models.IntegerField()),
                ("made_by", models.IntegerField()),
                ("made_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "papers_bundle",
                "indexes": [models.Index(fields=["unit_id", "-id"], name="papers_bundle_unit")],
                "constraints": [
                    models.UniqueConstraint(fields=("unit_id", "key"), name="papers_bundle_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("expires_at__isnull", True), ("finished_at__isnull", True)),
                            models.Q(("expires_at__isnull", False), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="papers_bundle_finished",
                    ),
                    models.CheckConstraint(condition=models.Q(("total__gt", 0)), name="papers_bundle_total_positive"),
                ],
            },
        ),
        migrations.CreateModel(
            name="BundleItem",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("unit_id", models.IntegerField()),
                ("agency_id", models.IntegerField()),
                ("place", models.IntegerField()),
                ("person_id", models.BigIntegerField()),
                ("problem", models.CharField(db_default="", default="", max_length=200)),
                (
                    "bundle",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="items", to="papers.bundle"
                    ),
                ),
                (
                    "paper",
                    models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="papers.paper"),
                ),
            ],
            options={
                "db_table": "papers_bundleitem",
                "constraints": [
                    models.UniqueConstraint(fields=("bundle", "place"), name="papers_bundleitem_place"),
                    models.UniqueConstraint(fields=("bundle", "person_id"), name="papers_bundleitem_person"),
                    models.CheckConstraint(
                        condition=models.Q(("paper__isnull", True), ("problem", ""), _connector="OR"), name="papers_bundleitem_outcome"
                    ),
                ],
            },
        ),
        migrations.RunSQL(ONCE, migrations.RunSQL.noop),
        protect("papers_bundle", RIGHTS),
        protect("papers_bundleitem", RIGHTS),
    ]
