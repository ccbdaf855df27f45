from django.db import migrations

from shebao.audit.security import ALL, OWN_AGENCY, protect
from shebao.base.actor import Role

RULES = """
alter table parties_person
  add constraint parties_person_id_number check (id_number ~ '^[0-9]{17}[0-9X]$'),
  add constraint parties_person_sex check (sex in ('1', '2')),
  add constraint parties_person_name check (name !~ '[[:cntrl:]]' and length(name) > 0);
alter table parties_unit add constraint parties_unit_uscc check (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$');
alter table parties_unitterms
  add constraint parties_unitterms_order check (to_month is null or to_month > from_month),
  add constraint parties_unitterms_class check (injury_class between 1 and 8),
  add constraint parties_unitterms_no_overlap exclude using gist (
    int8range(unit_id, unit_id, '[]') with &&, int4range(from_month, to_month) with &&) where (known_to is null);
create sequence parties_person_number minvalue 1;
create sequence parties_unit_number minvalue 1;
grant usage on sequence parties_person_number, parties_unit_number to shebao_engine;
"""


class Migration(migrations.Migration):
    """Who sees which party. People are opened to units and agencies by enrolment, which knows who belongs where."""

    dependencies = [("parties", "0001_initial"), ("audit", "0002_rules")]
    operations = [
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        protect(
            "parties_agency",
            dict.fromkeys((Role.PUBLIC, Role.UNIT, Role.AGENCY, Role.ENGINE, Role.ADMIN), ("select", ALL)),
        ),
        protect(
            "parties_unit",
            {
                Role.UNIT: ("select", "id = app_unit()"),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update", ALL),
                Role.ADMIN: ("select", OWN_AGENCY),
            },
        ),
        protect(
            "parties_unitterms",
            {
                Role.UNIT: ("select", "unit_id = app_unit()"),
                Role.AGENCY: ("select", "exists (select 1 from parties_unit u where u.id = unit_id and u.agency_id = app_agency())"),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
    ]
