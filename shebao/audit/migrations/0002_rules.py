from django.db import migrations

from shebao.audit.security import ALL, append_only, protect
from shebao.base.actor import Role

FUNCTIONS = """
create function app_unit() returns integer language sql stable parallel safe
  as $$ select nullif(current_setting('app.unit', true), '')::integer $$;
create function app_agency() returns smallint language sql stable parallel safe
  as $$ select nullif(current_setting('app.agency', true), '')::smallint $$;
create function app_account() returns integer language sql stable parallel safe
  as $$ select nullif(current_setting('app.account', true), '')::integer $$;
create function app_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
grant usage on schema public to shebao_public, shebao_unit, shebao_agency, shebao_engine, shebao_admin, shebao_reader, shebao_app;
"""


class Migration(migrations.Migration):
    """The actor's functions, and the trace: everyone may append about the own unit or agency, agencies and auditors read."""

    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        protect(
            "audit_event",
            {
                Role.PUBLIC: ("insert", "account_id = app_account()"),
                Role.UNIT: ("select, insert", "unit_id = app_unit()"),
                Role.AGENCY: ("select, insert", "agency_id = app_agency()"),
                Role.ADMIN: ("select, insert", "account_id = app_account()"),
                Role.ENGINE: ("select, insert", ALL),
                Role.AUDITOR: ("select, insert", ALL),
            },
        ),
        append_only("audit_event"),
    ]
