from django.db import migrations

# Half of each page stays free: a batch of debits brings every row of a page forward at once, beside the old one (HOT).
OPEN_YEAR = """
do $$
declare made text := pg_get_functiondef('accounts_open_year(integer)'::regprocedure);
begin
  if position('fillfactor = 70' in made) = 0 then raise exception 'accounts_open_year is not as 0001 made it'; end if;
  execute replace(made, 'fillfactor = 70', 'fillfactor = 50');
end $$;
"""


class Migration(migrations.Migration):
    """Room for the tallies of a debit run."""

    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(OPEN_YEAR, migrations.RunSQL.noop)]
