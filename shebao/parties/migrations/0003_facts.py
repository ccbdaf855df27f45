import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, protect
from shebao.base.actor import Role


def _text(model: str, name: str, length: int) -> migrations.AddField:
    return migrations.AddField(model, name, models.CharField(db_default="", default="", max_length=length))


def _facts(name: str, of: str) -> migrations.CreateModel:
    return migrations.CreateModel(
        name=name,
        fields=[
            ("id", models.BigAutoField(primary_key=True, serialize=False)),
            ("field", models.CharField(max_length=24)),
            ("value", models.TextField(null=True)),
            ("true_from", models.DateField(null=True)),
            ("true_to", models.DateField(null=True)),
            ("known_from", models.DateTimeField()),
            ("known_to", models.DateTimeField(null=True)),
            ("correction", models.BooleanField(default=False)),
            ("case_id", models.BigIntegerField(null=True)),
            ("account_name", models.CharField(default="", max_length=60)),
            (of, models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=f"parties.{of}")),
        ],
        options={"abstract": False},
    )


# No two versions may say different things of one field for the same day as known at the same instant. Ranges make do without btree_gist.
RULES = """
create type parties_fieldrange as range (subtype = text, collation = "C");
create function parties_close_only() returns trigger language plpgsql as $$
begin
  if old.known_to is not null or new.known_to is null or (to_jsonb(new) - 'known_to') <> (to_jsonb(old) - 'known_to') then
    raise exception 'rows of % are closed, not edited', tg_table_name using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
"""
FACTS = """
alter table parties_{of}fact
  add constraint parties_{of}fact_order check (true_to is null or true_from is null or true_to > true_from),
  add constraint parties_{of}fact_known check (known_to > known_from),
  add constraint parties_{of}fact_no_overlap exclude using gist (
    int8range({of}_id, {of}_id, '[]') with &&, parties_fieldrange(field, field, '[]') with &&,
    daterange(true_from, true_to) with &&, tstzrange(known_from, known_to) with &&);
create unique index parties_{of}fact_current on parties_{of}fact ({of}_id, field) where known_to is null and true_to is null;
create trigger parties_{of}fact_close_only before update on parties_{of}fact for each row execute function parties_close_only();
alter table parties_{of}fact enable always trigger parties_{of}fact_close_only;
create function parties_{of}_by_facts() returns trigger language plpgsql as $$
declare
  changed text;
begin
  select n.key into changed from jsonb_each_text(to_jsonb(new)) n join jsonb_each_text(to_jsonb(old)) o on o.key = n.key
  where n.key in ({fields}) and n.value is distinct from o.value
    and not exists (select 1 from parties_{of}fact f where f.{of}_id = new.id and f.field = n.key and f.known_to is null
                    and f.true_to is null and f.value is not distinct from n.value)
  limit 1;
  if changed is not null then
    raise exception '%.% changes by change_people or change_units only, with its fact', tg_table_name, changed
      using errcode = 'restrict_violation';
  end if;
  return null;
end $$;
create trigger parties_{of}_by_facts after update on parties_{of} for each row execute function parties_{of}_by_facts();
"""
PERSON = (
    "name id_number sex birth_date ethnicity mobile phone education marriage household_address home_address photo"  # facts.PERSON_FIELDS
)
UNIT = "name uscc kind vip industry legal_representative contact_name contact_phone phone fax email postcode address"  # facts.UNIT_FIELDS


def _rules(of: str, fields: str) -> migrations.RunSQL:
    listed = ", ".join(f"'{field}'" for field in fields.split())
    return migrations.RunSQL(FACTS.format(of=of, fields=listed), migrations.RunSQL.noop)


def _seen_with(of: str) -> str:
    """Whoever may see the register row may see what was known before: the row's own policy decides."""
    return f"exists (select 1 from parties_{of} r where r.id = {of}_id)"


class Migration(migrations.Migration):
    """What is known of people and units, on two time axes."""

    dependencies = [("parties", "0002_rules")]
    operations = [
        _text("person", "education", 2),
        _text("person", "home_address", 150),
        _text("person", "household_address", 150),
        _text("person", "marriage", 1),
        _text("person", "phone", 20),
        _text("person", "photo", 64),
        _text("unit", "email", 100),
        _text("unit", "fax", 20),
        _text("unit", "legal_representative", 50),
        _text("unit", "phone", 20),
        _text("unit", "postcode", 6),
        _facts("PersonFact", "person"),
        _facts("UnitFact", "unit"),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        _rules("person", PERSON),
        _rules("unit", UNIT),
        protect(
            "parties_personfact",
            {
                Role.UNIT: ("select", _seen_with("person")),
                Role.AGENCY: ("select", _seen_with("person")),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
        protect(
            "parties_unitfact",
            {
                Role.UNIT: ("select", "unit_id = app_unit()"),
                Role.AGENCY: ("select", _seen_with("unit")),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
    ]
