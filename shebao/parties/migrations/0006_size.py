from django.db import migrations, models

# facts.UNIT_FIELDS as they are from here on.
UNIT = (
    "name uscc kind vip industry legal_representative contact_name contact_phone phone fax email postcode address"
    " founded_on unit_type economic_type industry_code legal_id_number special_reason size"
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
SIZES = "alter table parties_unit add constraint parties_unit_size check (size in ('', 'large', 'medium', 'small', 'micro', 'none'))"


class Migration(migrations.Migration):
    """企业规模 of a unit: relief rules go by it."""

    dependencies = [("parties", "0005_person")]

    operations = [
        migrations.AddField(model_name="unit", name="size", field=models.CharField(db_default="", default="", max_length=6)),
        migrations.RunSQL(SIZES, migrations.RunSQL.noop),
        migrations.RunSQL(BY_FACTS.format(fields=", ".join(f"'{name}'" for name in UNIT.split())), migrations.RunSQL.noop),
    ]
