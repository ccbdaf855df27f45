from django.db import migrations

from shebao.audit.security import ALL, protect
from shebao.base.actor import Role

RULES = """
alter table access_grant
  add constraint access_grant_class foreign key (account_id, post_class) references access_account (id, post_class),
  add constraint access_grant_order check (to_date is null or to_date > from_date),
  add constraint access_grant_not_self check (granted_by <> account_id),
  add constraint access_grant_post check (
    (post = 'unit_operator' and post_class = 'unit') or (post in ('clerk', 'reviewer') and post_class = 'business')
    or (post = 'finance' and post_class = 'finance') or (post = 'administrator' and post_class = 'data')
    or (post = 'auditor' and post_class = 'audit'));
alter table access_account add constraint access_account_place check (
  (post_class = 'unit' and unit_id is not null and agency_id is null)
  or (post_class <> 'unit' and unit_id is null and agency_id is not null));
"""
OWN = "id = app_account()"
OWN_ROW = "account_id = app_account()"
# By columns: nobody moves an account to another unit, agency or class, and signing in never sets a password.
KEEP_COUNT = "select, update (failures, locked_until, signed_in_at)"
SET_PASSWORD = "select, update (password, must_change_password)"  # noqa: S105 a privilege
SEEN = "select, update (seen_at, ended_at)"


class Migration(migrations.Migration):
    """Sign-in reads accounts as the public role; afterwards everyone sees the own row; administrators keep accounts of their agency."""

    dependencies = [("access", "0001_initial"), ("parties", "0002_rules")]
    operations = [
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        protect(
            "access_account",
            {
                Role.PUBLIC: (KEEP_COUNT, ALL),
                Role.UNIT: (SET_PASSWORD, OWN),
                Role.AGENCY: (SET_PASSWORD, OWN),
                Role.ADMIN: (
                    "select, insert, update",
                    "id = app_account() or agency_id = app_agency()"
                    " or exists (select 1 from parties_unit u where u.id = unit_id and u.agency_id = app_agency())",
                ),
                Role.ENGINE: ("select, insert, update", ALL),
                Role.AUDITOR: (SET_PASSWORD, OWN),
            },
            reader=False,
        ),
        protect(
            "access_grant",
            {
                Role.PUBLIC: ("select", ALL),
                Role.UNIT: ("select", OWN_ROW),
                Role.AGENCY: ("select", OWN_ROW),
                Role.ADMIN: ("select, insert, update", "exists (select 1 from access_account a where a.id = account_id)"),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
        protect(
            "access_signin",
            {
                Role.PUBLIC: ("select, insert", ALL),
                Role.UNIT: (SEEN, OWN_ROW),
                Role.AGENCY: (SEEN, OWN_ROW),
                Role.ADMIN: (SEEN, "exists (select 1 from access_account a where a.id = account_id)"),
                Role.AUDITOR: (SEEN, OWN_ROW),
            },
            reader=False,
        ),
    ]
