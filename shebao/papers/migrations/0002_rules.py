from django.db import migrations

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, protect
from shebao.base.actor import Role

# Anyone may verify a paper, nobody may fetch it that way: the public role reads the shown columns only.
PUBLIC_COLUMNS = """
grant select (id, code, kind, title, facts, agency_name, made_at, valid_until, revoked_at, revoked_reason, sha256, size)
  on papers_paper to shebao_public;
create policy shebao_public on papers_paper to shebao_public using (true);
"""


class Migration(migrations.Migration):
    """Units and agencies fetch their own papers; the engine issues and revokes them."""

    dependencies = [("papers", "0001_initial"), ("audit", "0002_rules")]
    operations = [
        protect(
            "papers_paper",
            {
                Role.UNIT: ("select", OWN_UNIT),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
        migrations.RunSQL(PUBLIC_COLUMNS, "drop policy shebao_public on papers_paper"),
    ]
