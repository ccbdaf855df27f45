from django.db import migrations

from shebao.audit.security import OWN_PERSON
from shebao.base.actor import Role

PERSON = f"""
create function app_person() returns bigint language sql stable parallel safe
  as $$ select nullif(current_setting('app.person', true), '')::bigint $$;
grant usage on schema public to {Role.PERSON.value};
grant select, insert on audit_event to {Role.PERSON.value};
create policy {Role.PERSON.value} on audit_event to {Role.PERSON.value}
  using ({OWN_PERSON}) with check ({OWN_PERSON} or account_id = app_account());
"""


class Migration(migrations.Migration):
    """个人 act for themselves: a role of their own, and the trace of what they did and of who looked at them."""

    dependencies = [("audit", "0002_rules")]
    operations = [migrations.RunSQL(PERSON, migrations.RunSQL.noop)]
