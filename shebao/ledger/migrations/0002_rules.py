from django.db import migrations

from shebao.audit.security import ALL, append_only, protect
from shebao.base.actor import Role

BALANCED = """
create function ledger_balanced() returns trigger language plpgsql as $$
declare wrong bigint;
begin
  select posting_id into wrong from added group by posting_id having sum(amount_fen) <> 0 limit 1;
  if found then
    raise exception 'entries of posting % do not sum to zero', wrong
      using errcode = 'check_violation', constraint = 'ledger_entry_balanced';
  end if;
  select a.posting_id into wrong from added a join ledger_entry e on e.posting_id = a.posting_id
    left join added same on same.id = e.id where same.id is null limit 1;
  if found then
    raise exception 'posting % is complete, book another one', wrong
      using errcode = 'check_violation', constraint = 'ledger_entry_complete';
  end if;
  return null;
end $$;
create trigger ledger_entry_balanced after insert on ledger_entry referencing new table as added
  for each statement execute function ledger_balanced();
alter table ledger_entry enable always trigger ledger_entry_balanced;
alter table ledger_entry add constraint ledger_entry_not_zero check (amount_fen <> 0);
"""
FINANCE = {Role.ENGINE: ("select, insert", ALL), Role.AGENCY: ("select", ALL)}


class Migration(migrations.Migration):
    """Double entry held by the database: the entries of a posting come in one statement and sum to zero; nothing is changed."""

    dependencies = [("ledger", "0001_initial"), ("audit", "0002_rules")]
    operations = [
        migrations.RunSQL(BALANCED, migrations.RunSQL.noop),
        *(protect(table, FINANCE) for table in ("ledger_account", "ledger_posting", "ledger_entry")),
        *(append_only(table) for table in ("ledger_posting", "ledger_entry")),
    ]
