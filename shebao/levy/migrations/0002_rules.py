from django.db import migrations

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

# Wide and dense: 56 bytes of data a person-month; the key is unit first, because bills and lists are read by unit.
ASSESSMENT = r"""
create table levy_assessment (
  person_id bigint not null, unit_id integer not null, month integer not null,
  pension_base_fen integer not null, medical_base_fen integer not null,
  pension_unit_fen integer not null, pension_person_fen integer not null,
  unemployment_unit_fen integer not null, unemployment_person_fen integer not null,
  injury_unit_fen integer not null, medical_unit_fen integer not null, medical_person_fen integer not null,
  large_medical_person_fen smallint not null, profile smallint not null
) partition by list (month);
create sequence levy_bill_number minvalue 1;
grant usage on sequence levy_bill_number to shebao_engine;

-- The engine fills a detached table and asks for its publication; only the owner's functions create and attach it.
create function levy_build_open(wanted integer, run integer) returns text language plpgsql security definer
  set search_path = public, pg_temp as $$
declare built text := format('levy_assessment_%s_%s', wanted, run); old record;
begin
  if wanted not between 199001 and 299912 or wanted % 100 not between 1 and 12 then raise exception 'no month: %', wanted; end if;
  if not exists (select 1 from levy_run r where r.id = run and r.month = wanted and r.state = 'running') then
    raise exception 'run % does not assess month %', run, wanted;
  end if;
  -- What a failed run of the month left behind was never attached, so it was never seen. Other places may be running.
  for old in select c.relname from levy_run r join pg_class c on c.relname = format('levy_assessment_%s_%s', r.month, r.id)
      where r.month = wanted and r.state = 'failed' and c.relkind = 'r' and not c.relispartition loop
    execute format('drop table %I', old.relname);
  end loop;
  if to_regclass(built) is null then
    -- The check spares ATTACH its scan; on an empty table it costs nothing.
    execute format('create table %I (like levy_assessment including defaults, check (month = %s))', built, wanted);
    execute format('grant select, insert on %I to shebao_engine', built);
  end if;
  return built;
end $$;
create function levy_build_publish(wanted integer, run integer) returns bigint language plpgsql security definer
  set search_path = public, pg_temp as $$
declare built text := format('levy_assessment_%s_%s', wanted, run); counted bigint; guarded bigint;
begin
  lock table levy_assessment in share update exclusive mode;
  execute format('select count(*) from %I', built) into counted;
  select coalesce(sum(rows), 0) into guarded from levy_runchunk where run_id = run;
  if counted <> guarded then raise exception 'month % holds % rows, its guards say %', wanted, counted, guarded; end if;
  if exists (select 1 from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'levy_assessment'::regclass
      and c.relname like format('levy\_assessment\_%s\_%%', wanted)) then
    -- Another place was published before: the month has its part, this place's people join them.
    execute format('insert into levy_assessment select * from %I', built);
    execute format('drop table %I', built);
    return counted;
  end if;
  execute format('alter table %I add primary key (unit_id, person_id)', built);
  execute format('revoke all on %I from shebao_engine', built);
  execute format('alter table levy_assessment attach partition %I for values in (%s)', built, wanted);
  return counted;
end $$;
revoke all on function levy_build_open(integer, integer), levy_build_publish(integer, integer) from public;
grant execute on function levy_build_open(integer, integer), levy_build_publish(integer, integer) to shebao_engine;
"""
OF_BILL = "exists (select 1 from levy_bill b where b.id = bill_id)"
OWN_UNITS = "exists (select 1 from parties_unit u where u.id = unit_id and u.agency_id = app_agency())"
MONEY = {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert, update", ALL)}


class Migration(migrations.Migration):
    """A month is published whole; money is written by the engine alone; units and agencies read their own."""

    dependencies = [("levy", "0001_initial"), ("enrolment", "0002_rules")]
    operations = [
        migrations.RunSQL(ASSESSMENT, migrations.RunSQL.noop),
        protect(
            "levy_assessment",
            {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: ("select", OWN_UNITS), Role.ENGINE: ("select", ALL)},
        ),
        protect(
            "levy_placemonth", dict.fromkeys((Role.UNIT, Role.AGENCY), ("select", ALL)) | {Role.ENGINE: ("select, insert, update", ALL)}
        ),
        # A unit sees when its month was assessed, as 怎么算的 needs it, and no figure of the place.
        protect(
            "levy_run",
            {Role.UNIT: ("select (id, finished_at)", ALL), Role.AGENCY: ("select", ALL), Role.ENGINE: ("select, insert, update", ALL)},
        ),
        protect("levy_runchunk", {Role.AGENCY: ("select", ALL), Role.ENGINE: ("select, insert", ALL)}),
        protect("levy_line", MONEY),
        protect("levy_bill", MONEY),
        protect(
            "levy_billline",
            {Role.UNIT: ("select", OF_BILL), Role.AGENCY: ("select", OF_BILL), Role.ENGINE: ("select, insert, update", ALL)},
        ),
        protect("levy_receiptfile", {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert", ALL)}),
        protect(
            "levy_receipt",
            {
                Role.UNIT: ("select", OF_BILL),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
        protect(
            "levy_allocation",
            {
                Role.UNIT: ("select", "exists (select 1 from levy_receipt r where r.id = receipt_id)"),
                Role.AGENCY: ("select", "exists (select 1 from levy_receipt r where r.id = receipt_id)"),
                Role.ENGINE: ("select, insert", ALL),
            },
        ),
        migrations.RunSQL(
            "create index levy_bill_overdue on levy_bill (agency_id, due_date) where state <> 'paid';"
            " create index levy_receipt_state on levy_receipt (agency_id, state)",
            "drop index levy_bill_overdue; drop index levy_receipt_state",
        ),
        append_only("levy_allocation"),
        append_only("levy_runchunk"),
    ]
