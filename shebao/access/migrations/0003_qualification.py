import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

RULES = """
alter table access_qualification
  add constraint access_qualification_stop check ((stopped_at is null) = (stop_reason = ''));
alter table access_operator
  add constraint access_operator_order check (valid_until is null or valid_until >= valid_from),
  add constraint access_operator_capacity check (capacity in ('operator', 'legal')),
  add constraint access_operator_number check (id_number = '' or id_number ~ '^[0-9]{17}[0-9X]$'),
  add constraint access_operator_not_self check (added_by <> account_id and (revoked_by is null or revoked_by <> account_id)),
  add constraint access_operator_revoked check ((revoked_at is null) = (revoked_by is null));
-- One person is one operator of a unit at a time.
create unique index access_operator_person on access_operator (unit_id, id_number) where revoked_at is null and id_number <> '';
alter table access_operatorright
  add constraint access_right_level check (level between 0 and 3),
  add constraint access_right_operator foreign key (account_id) references access_operator (account_id);
create sequence access_certificate_serial minvalue 1;
grant usage on sequence access_certificate_serial to shebao_engine;
alter table access_certificate
  add constraint access_certificate_serial check (serial ~ '^WH[0-9]{14}$'),
  add constraint access_certificate_ended check ((state = 'void') = (ended_at is not null));
create unique index access_certificate_waiting on access_certificate (account_id) where state = 'waiting';
alter table access_slip
  add constraint access_slip_state check (state in ('ready', 'printed', 'void')),
  add constraint access_slip_ended check ((state = 'ready') = (ended_at is null) and (ended_at is null) = (ended_by is null)),
  add constraint access_slip_handed check (handed_by in ('agency', 'unit')),
  add constraint access_slip_holds check (with_password or certificate_id is not null),
  -- The one slip an account gets from the unit itself is never handed out by its own holder.
  add constraint access_slip_not_self check (made_by <> account_id and (ended_by is null or ended_by <> account_id));
create unique index access_slip_ready on access_slip (account_id) where state = 'ready';
create function access_slip_once() returns trigger language plpgsql as $$
begin
  if old.state <> 'ready' or new.account_id <> old.account_id or new.unit_id <> old.unit_id then
    raise exception 'a slip is printed or withdrawn once' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger access_slip_once before update on access_slip for each row execute function access_slip_once();
alter table access_slip enable always trigger access_slip_once;
alter table access_registration
  add constraint access_registration_state check (state in ('waiting', 'confirmed', 'declined')),
  add constraint access_registration_decided
    check ((state = 'waiting') = (decided_at is null) and (decided_at is null) = (decided_by is null)),
  add constraint access_registration_declined check ((state = 'declined') = (reason <> '')),
  add constraint access_registration_confirmed check ((state = 'confirmed') = (account_id is not null)),
  add constraint access_registration_number check (id_number ~ '^[0-9]{17}[0-9X]$' and mobile ~ '^1[3-9][0-9]{9}$'),
  add constraint access_registration_words check (name !~ '[[:cntrl:]]' and unit_name !~ '[[:cntrl:]]');
create index access_registration_waiting on access_registration (agency_id, id) where state = 'waiting';

-- Items an operator may treat from a level on; null for an account that acts for its whole unit. For policies of other tables:
-- (item = any((select access_open_items(2))::text[])), asked once a query.
create function access_open_items(at_least integer) returns text[] language sql stable as $$
  select case when exists (select 1 from access_operator o where o.account_id = app_account()) then (
    select coalesce(array_agg(r.item_code::text), '{}') from access_operatorright r join access_operator o on o.account_id = r.account_id
    where r.account_id = app_account() and r.level >= at_least and o.revoked_at is null) end
$$;
"""
# Accounts of before: each an operator with every right, the first of a unit its 主经办人. The data are collected at the next visit.
FORMER = """
insert into access_operator (account_id, unit_id, capacity, id_number, mobile, lead, valid_from, added_at, added_by)
select id, unit_id, 'operator', '', '', id = min(id) over (partition by unit_id), (created_at at time zone 'Asia/Shanghai')::date,
       created_at, 0
from access_account where post_class = 'unit';
insert into access_operatorright (account_id, unit_id, item_code, level) select account_id, unit_id, '*', 3 from access_operator
"""
# Revoking an operator ends the live sign-ins; the engine does it in the name of who revokes.
SIGN_INS_ENDED = """
grant select, update (ended_at) on access_signin to shebao_engine;
create policy shebao_engine on access_signin to shebao_engine using (true) with check (true)
"""
OWN_ROW = "account_id = app_account()"
UNIT_OF_AGENCY = "exists (select 1 from parties_unit u where u.id = unit_id and u.agency_id = app_agency())"
WRITES = ("select, insert, update", ALL)
CERTIFICATE_SEEN = "select (id, serial, account_id, unit_id, state, made_at, ended_at)"  # never the digest of its password


class Migration(migrations.Migration):
    """网上办事资格: several operators, rights by item, slips and certificates; failures counted by name and address."""

    dependencies = [
        ("access", "0002_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Guess",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("count", models.IntegerField(default=0)),
                ("since", models.DateTimeField()),
                ("closed_until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Qualification",
            fields=[
                (
                    "unit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="+", serialize=False, to="parties.unit"
                    ),
                ),
                ("agreement_code", models.CharField(max_length=40)),
                ("agreement_version", models.CharField(max_length=7)),
                ("granted_at", models.DateTimeField()),
                ("case_id", models.BigIntegerField(null=True)),
                ("stopped_at", models.DateTimeField(null=True)),
                ("stop_reason", models.CharField(default="", max_length=200)),
            ],
        ),
        migrations.RemoveField(
            model_name="account",
            name="failures",
        ),
        migrations.RemoveField(
            model_name="account",
            name="locked_until",
        ),
        migrations.CreateModel(
            name="Certificate",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("serial", models.CharField(max_length=20, unique=True)),
                ("download_password", models.CharField(max_length=160)),
                ("state", models.CharField(max_length=10)),
                ("made_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.account")),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
        ),
        migrations.CreateModel(
            name="Operator",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="access.account",
                    ),
                ),
                ("capacity", models.CharField(max_length=10)),
                ("id_number", models.CharField(max_length=18)),
                ("mobile", models.CharField(max_length=11)),
                ("lead", models.BooleanField(default=False)),
                ("valid_from", models.DateField()),
                ("valid_until", models.DateField(null=True)),
                ("added_at", models.DateTimeField()),
                ("added_by", models.IntegerField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("revoked_by", models.IntegerField(null=True)),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
        ),
        migrations.CreateModel(
            name="Registration",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=12, unique=True)),
                ("unit_number", models.CharField(max_length=13)),
                ("unit_name", models.CharField(max_length=100)),
                ("capacity", models.CharField(max_length=10)),
                ("name", models.CharField(max_length=50)),
                ("id_number", models.CharField(max_length=18)),
                ("mobile", models.CharField(max_length=11)),
                ("at", models.DateTimeField()),
                ("address", models.CharField(max_length=45)),
                ("state", models.CharField(default="waiting", max_length=10)),
                ("reason", models.CharField(default="", max_length=200)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.IntegerField(null=True)),
                (
                    "account",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.account"),
                ),
                ("agency", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.agency")),
            ],
        ),
        migrations.CreateModel(
            name="Slip",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("with_password", models.BooleanField()),
                ("handed_by", models.CharField(max_length=10)),
                ("state", models.CharField(max_length=10)),
                ("reason", models.CharField(max_length=100)),
                ("case_id", models.BigIntegerField(null=True)),
                ("made_at", models.DateTimeField()),
                ("made_by", models.IntegerField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.IntegerField(null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.account")),
                (
                    "certificate",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.certificate"),
                ),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
        ),
        migrations.CreateModel(
            name="Acceptance",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=40)),
                ("version", models.CharField(max_length=7)),
                ("at", models.DateTimeField()),
                ("address", models.CharField(max_length=45)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.account")),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "code", "version"), name="access_acceptance_once")],
            },
        ),
        migrations.CreateModel(
            name="OperatorRight",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("item_code", models.CharField(max_length=60)),
                ("level", models.SmallIntegerField()),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.account")),
                ("unit", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "item_code"), name="access_right_once")],
            },
        ),
        migrations.RunSQL(RULES, migrations.RunSQL.noop),
        migrations.RunSQL(SIGN_INS_ENDED, "drop policy shebao_engine on access_signin"),
        protect("access_guess", {Role.PUBLIC: WRITES, Role.ENGINE: WRITES, Role.ADMIN: ("select, update (count, closed_until)", ALL)}),
        protect(
            "access_qualification",
            {
                Role.PUBLIC: ("select (unit_id, stopped_at)", ALL),
                Role.UNIT: ("select", OWN_UNIT),
                Role.AGENCY: ("select", UNIT_OF_AGENCY),
                Role.ENGINE: WRITES,
            },
        ),
        protect(
            "access_operator",
            {
                Role.PUBLIC: ("select (account_id, lead, valid_from, valid_until, revoked_at)", ALL),
                Role.UNIT: ("select", OWN_ROW),
                Role.AGENCY: ("select", UNIT_OF_AGENCY),
                Role.ENGINE: WRITES,
            },
        ),
        protect(
            "access_operatorright",
            {Role.UNIT: ("select", OWN_ROW), Role.AGENCY: ("select", UNIT_OF_AGENCY), Role.ENGINE: WRITES},
        ),
        protect(
            "access_certificate",
            {
                Role.UNIT: (CERTIFICATE_SEEN, OWN_ROW),
                Role.AGENCY: (CERTIFICATE_SEEN, UNIT_OF_AGENCY),
                Role.ENGINE: WRITES,
                Role.AUDITOR: (CERTIFICATE_SEEN, ALL),
            },
        ),
        protect("access_slip", {Role.AGENCY: ("select", UNIT_OF_AGENCY), Role.ENGINE: WRITES}),
        protect(
            "access_acceptance",
            {
                Role.UNIT: ("select, insert", f"{OWN_ROW} and {OWN_UNIT}"),
                Role.AGENCY: ("select", UNIT_OF_AGENCY),
                Role.ENGINE: ("select, insert", ALL),
            },
        ),
        append_only("access_acceptance"),
        protect(
            "access_registration",
            {
                Role.PUBLIC: ("insert", "state = 'waiting' and decided_at is null and account_id is null"),
                Role.AGENCY: ("select", "agency_id = app_agency()"),
                Role.ENGINE: WRITES,
            },
        ),
        migrations.RunSQL(FORMER, migrations.RunSQL.noop),
    ]
