from django.db import migrations

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role

BITS = ", ".join(f"case when mask & {1 << bit} <> 0 then int8range(person * 16 + {bit}, person * 16 + {bit}, '[]') end" for bit in range(6))
RULES = f"""
create function enrolment_keys(person bigint, mask smallint) returns int8multirange language sql immutable parallel safe
  as $$ select range_agg(k) from unnest(array[{BITS}]) k $$;
alter table enrolment_spell
  add constraint enrolment_spell_mask check (insurance_mask between 1 and 63),
  add constraint enrolment_spell_order check (to_month is null or to_month > from_month),
  add constraint enrolment_spell_months check (from_month % 100 between 1 and 12 and (to_month is null or to_month % 100 between 1 and 12)),
  add constraint enrolment_spell_no_overlap exclude using gist (
    enrolment_keys(person_id, insurance_mask) with &&, int4range(from_month, to_month) with &&) where (known_to is null);
alter table enrolment_wage
  add constraint enrolment_wage_positive check (wage_fen > 0),
  add constraint enrolment_wage_order check (to_month is null or to_month > from_month),
  add constraint enrolment_wage_no_overlap exclude using gist (
    int8range(person_id, person_id, '[]') with &&, int8range(unit_id, unit_id, '[]') with &&, int4range(from_month, to_month) with &&)
    where (known_to is null);
"""
KEEP_KNOWN = """
create function enrolment_close_only() returns trigger language plpgsql as $$
begin
  if old.known_to is not null or new.known_to is null or (to_jsonb(new) - 'known_to') <> (to_jsonb(old) - 'known_to') then
    raise exception 'rows of % are closed, not edited', tg_table_name using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger enrolment_spell_close_only before update on enrolment_spell for each row execute function enrolment_close_only();
create trigger enrolment_wage_close_only before update on enrolment_wage for each row execute function enrolment_close_only();
"""
REGISTER = {
    Role.UNIT: ("select", OWN_UNIT),
    Role.AGENCY: ("select", OWN_AGENCY),
    Role.ENGINE: ("select, insert, update", ALL),
}


class Migration(migrations.Migration):
    """No overlap per person and type; closed, never edited; a person is seen by the units and agencies that insure them."""

    dependencies = [("enrolment", "0001_initial"), ("parties", "0002_rules")]
    operations = [
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        migrations.RunSQL(KEEP_KNOWN, migrations.RunSQL.noop),
        protect("enrolment_spell", REGISTER),
        protect("enrolment_wage", REGISTER),
        protect(
            "parties_person",
            {
                Role.UNIT: (
                    "select",
                    "exists (select 1 from enrolment_spell s where s.person_id = parties_person.id and s.unit_id = app_unit())",
                ),
                Role.AGENCY: (
                    "select",
                    "exists (select 1 from enrolment_spell s where s.person_id = parties_person.id and s.agency_id = app_agency())",
                ),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
    ]
