import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

RULES = """
create sequence parties_certificate_number minvalue 1;
grant usage on sequence parties_certificate_number to shebao_engine;
alter table parties_unit
  add constraint parties_unit_legal_id check (legal_id_number = '' or legal_id_number ~ '^[0-9]{17}[0-9X]$'),
  add constraint parties_unit_founded check (founded_on is null or founded_on <= registered_on);
create function parties_special_key(person bigint, kind varchar) returns int8range language sql immutable parallel safe
  as $$ select int8range(n, n, '[]') from (values (
    person * 4 + case kind when 'army_cadre' then 0 when 'model_worker' then 1 else 2 end)) k (n) $$;
alter table parties_specialgroup
  add constraint parties_special_order check (to_date is null or to_date > from_date),
  add constraint parties_special_evidence check (evidence <> ''),
  add constraint parties_special_no_overlap exclude using gist (
    parties_special_key(person_id, kind) with &&, daterange(from_date, to_date) with &&) where (known_to is null);
alter table parties_correction
  add constraint parties_correction_reason check (reason <> ''),
  add constraint parties_correction_money check (up_fen >= 0 and down_fen >= 0);

-- A certificate is voided once; a finding about a person is closed once. Nothing else of them changes.
create function parties_void_only() returns trigger language plpgsql as $$
begin
  if old.voided_on is not null or new.voided_on is null
      or (to_jsonb(new) - array['voided_on', 'void_reason']) <> (to_jsonb(old) - array['voided_on', 'void_reason']) then
    raise exception 'rows of % are voided, not edited', tg_table_name using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create function parties_special_close_only() returns trigger language plpgsql as $$
begin
  if old.known_to is not null or new.known_to is null or (to_jsonb(new) - 'known_to') <> (to_jsonb(old) - 'known_to') then
    raise exception 'rows of % are closed, not edited', tg_table_name using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger parties_certificate_void_only before update on parties_certificate for each row execute function parties_void_only();
create trigger parties_special_close_only before update on parties_specialgroup
  for each row execute function parties_special_close_only();
"""
# facts.UNIT_FIELDS as they are from here on.
UNIT = (
    "name uscc kind vip industry legal_representative contact_name contact_phone phone fax email postcode address"
    " founded_on unit_type economic_type industry_code legal_id_number special_reason"
)
BY_FACTS = """
create or replace function parties_unit_by_facts() returns trigger language plpgsql as $$
declare
  changed text;
begin
  select n.key into changed from jsonb_each_text(to_jsonb(new)) n join jsonb_each_text(to_jsonb(old)) o on o.key = n.key
  where n.key in ({fields}) and n.value is distinct from o.value
    and not exists (select 1 from parties_unitfact f where f.unit_id = new.id and f.field = n.key and f.known_to is null
                    and f.true_to is null and f.value is not distinct from n.value)
  limit 1;
  if changed is not null then
    raise exception '%.% changes by change_people or change_units only, with its fact', tg_table_name, changed
      using errcode = 'restrict_violation';
  end if;
  return null;
end $$;
"""
READ = {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: ("select", OWN_AGENCY)}
APPENDED = {**READ, Role.ENGINE: ("select, insert", ALL)}
CLOSED = {**READ, Role.ENGINE: ("select, insert, update", ALL)}


class Migration(migrations.Migration):
    """单位登记: registration, certificates, yearly verification, closing; 特殊人群; the course of corrections."""

    dependencies = [
        ("parties", "0003_facts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Closing",
            fields=[
                (
                    "unit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="+", serialize=False, to="parties.unit"
                    ),
                ),
                ("agency_id", models.SmallIntegerField()),
                ("closed_on", models.DateField()),
                ("to_month", models.IntegerField()),
                ("reason", models.CharField(max_length=40)),
                ("document", models.CharField(max_length=100)),
                ("case_id", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="unit",
            name="economic_type",
            field=models.CharField(db_default="", default="", max_length=3),
        ),
        migrations.AddField(
            model_name="unit",
            name="founded_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="unit",
            name="industry_code",
            field=models.CharField(db_default="", default="", max_length=2),
        ),
        migrations.AddField(
            model_name="unit",
            name="legal_id_number",
            field=models.CharField(db_default="", default="", max_length=18),
        ),
        migrations.AddField(
            model_name="unit",
            name="special_reason",
            field=models.CharField(db_default="", default="", max_length=100),
        ),
        migrations.AddField(
            model_name="unit",
            name="unit_type",
            field=models.CharField(db_default="", default="", max_length=2),
        ),
        migrations.CreateModel(
            name="SpecialGroup",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("unit_id", models.IntegerField()),
                ("agency_id", models.SmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("army_cadre", "军转干部"), ("model_worker", "劳动模范"), ("other", "其他（见认定依据）")], max_length=20
                    ),
                ),
                ("from_date", models.DateField()),
                ("to_date", models.DateField(null=True)),
                ("evidence", models.CharField(max_length=200)),
                ("known_from", models.DateTimeField()),
                ("known_to", models.DateTimeField(null=True)),
                ("case_id", models.BigIntegerField(null=True)),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person")),
            ],
        ),
        migrations.CreateModel(
            name="Certificate",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("number", models.CharField(max_length=20, unique=True)),
                ("issued_on", models.DateField()),
                ("issued_for", models.CharField(max_length=100)),
                ("case_id", models.BigIntegerField(null=True)),
                ("voided_on", models.DateField(null=True)),
                ("void_reason", models.CharField(db_default="", default="", max_length=100)),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("voided_on", None)), fields=("unit",), name="parties_certificate_one_live"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("void_reason", ""), ("voided_on", None)),
                            models.Q(("void_reason__gt", ""), ("voided_on__isnull", False)),
                            _connector="OR",
                        ),
                        name="parties_certificate_void_has_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("spell", "参保关系"),
                            ("wage", "申报工资"),
                            ("person", "个人信息"),
                            ("special", "特殊人群"),
                            ("unit", "单位登记"),
                        ],
                        max_length=10,
                    ),
                ),
                ("label", models.CharField(max_length=60)),
                ("before", models.CharField(max_length=300)),
                ("after", models.CharField(max_length=300)),
                ("reason", models.CharField(max_length=200)),
                ("up_fen", models.BigIntegerField(default=0)),
                ("down_fen", models.BigIntegerField(default=0)),
                ("case_id", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
                ),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["unit", "at"], name="parties_correction_unit"),
                    models.Index(fields=["person", "at"], name="parties_correction_person"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                ("year", models.SmallIntegerField()),
                ("verified_on", models.DateField()),
                ("late", models.BooleanField()),
                ("confirmed", models.JSONField()),
                ("case_id", models.BigIntegerField(null=True)),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("unit", "year"), name="parties_verification_once")],
            },
        ),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        migrations.RunSQL(BY_FACTS.format(fields=", ".join(f"'{field}'" for field in UNIT.split())), migrations.RunSQL.noop),
        protect("parties_certificate", CLOSED),
        protect("parties_verification", APPENDED),
        protect("parties_closing", APPENDED),
        protect("parties_specialgroup", CLOSED),
        protect("parties_correction", APPENDED),
        append_only("parties_verification"),
        append_only("parties_closing"),
        append_only("parties_correction"),
    ]
