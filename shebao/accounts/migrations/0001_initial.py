import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_PERSON, append_only, protect
from shebao.base.actor import Role

# The large tables: no foreign keys (each would cost a look-up a row), one key led by the person, a year or settlement a partition.
TABLES = r"""
create table accounts_entry (
  person_id bigint not null, source_id bigint not null, own_fen bigint not null, employer_fen bigint not null,
  month integer not null, credited_month integer not null, year smallint not null, kind smallint not null,
  primary key (person_id, year, source_id, month),
  check (credited_month / 100 = year and credited_month % 100 between 1 and 12 and month % 100 between 1 and 12)
) partition by list (year);
create index accounts_entry_source on accounts_entry using brin (source_id) with (pages_per_range = 32, autosummarize = on);

create table accounts_tally (
  person_id bigint not null, brought_fen bigint not null, own_fen bigint not null, employer_fen bigint not null,
  product_fen bigint not null, other_fen bigint not null, basis_fen bigint not null, year smallint not null, place varchar(6) not null,
  primary key (person_id, year, place)
) partition by list (year);

create table accounts_snapshot (
  person_id bigint not null, opening_fen bigint not null, own_fen bigint not null, employer_fen bigint not null,
  other_fen bigint not null, basis_fen bigint not null, product_fen bigint not null,
  interest_opening_fen bigint not null, interest_credits_fen bigint not null, closing_fen bigint not null, settlement_id integer not null,
  constraint accounts_snapshot_sum check (
    closing_fen = opening_fen + own_fen + employer_fen + other_fen + interest_opening_fen + interest_credits_fen)
) partition by list (settlement_id);
"""

# The engine fills; only the owner's functions create and attach. Years are made when first needed, each under one lock.
FUNCTIONS = r"""
create function accounts_open_year(wanted integer) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if wanted not between 1990 and 2999 then raise exception 'no year: %', wanted; end if;
  if to_regclass(format('accounts_tally_%s', wanted)) is not null then return; end if;
  perform pg_advisory_xact_lock(hashtext('accounts_open_year'), wanted);
  if to_regclass(format('accounts_tally_%s', wanted)) is not null then return; end if;
  execute format('create table accounts_entry_%s (like accounts_entry including defaults including constraints)', wanted);
  -- Brought forward in place: room on each page keeps an update beside its row.
  execute format('create table accounts_tally_%s (like accounts_tally including defaults) with (fillfactor = 70)', wanted);
  execute format('create trigger accounts_entry_no_change before update or delete on accounts_entry_%s'
                 ' for each row execute function app_refuse_change()', wanted);
  execute format('create trigger accounts_entry_no_truncate before truncate on accounts_entry_%s'
                 ' for each statement execute function app_refuse_change()', wanted);
  execute format('alter table accounts_entry_%s enable always trigger accounts_entry_no_change', wanted);
  execute format('alter table accounts_entry_%s enable always trigger accounts_entry_no_truncate', wanted);
  execute format('alter table accounts_entry attach partition accounts_entry_%s for values in (%s)', wanted, wanted);
  execute format('alter table accounts_tally attach partition accounts_tally_%s for values in (%s)', wanted, wanted);
end $$;

create function accounts_build_open(run integer) returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare built text := format('accounts_snapshot_%s', run); old record;
begin
  if not exists (select 1 from accounts_settlement s where s.id = run and s.state = 'running') then
    raise exception 'settlement % is not running', run;
  end if;
  for old in select c.relname from accounts_settlement s join pg_class c on c.relname = format('accounts_snapshot_%s', s.id)
      where s.state = 'failed' and c.relkind = 'r' and not c.relispartition loop
    execute format('drop table %I', old.relname);
  end loop;
  if to_regclass(built) is null then
    execute format('create table %I (like accounts_snapshot including defaults including constraints, check (settlement_id = %s))',
                   built, run);
    execute format('grant select, insert on %I to shebao_engine', built);
  end if;
  return built;
end $$;

create function accounts_build_publish(run integer) returns bigint language plpgsql security definer set search_path = public, pg_temp as $$
declare built text := format('accounts_snapshot_%s', run); counted bigint; closing bigint; guarded bigint; guarded_fen bigint;
begin
  execute format('select count(*), coalesce(sum(closing_fen), 0) from %I', built) into counted, closing;
  select coalesce(sum(rows), 0), coalesce(sum(total_fen), 0) into guarded, guarded_fen from accounts_chunk where run_id = run;
  if counted <> guarded or closing <> guarded_fen then
    raise exception 'settlement % holds % rows and % fen, its guards say % and %', run, counted, closing, guarded, guarded_fen;
  end if;
  execute format('alter table %I add primary key (person_id)', built);
  execute format('revoke all on %I from shebao_engine', built);
  execute format('create trigger accounts_snapshot_no_change before update or delete on %I'
                 ' for each row execute function app_refuse_change()', built);
  execute format('create trigger accounts_snapshot_no_truncate before truncate on %I'
                 ' for each statement execute function app_refuse_change()', built);
  execute format('alter table %I enable always trigger accounts_snapshot_no_change', built);
  execute format('alter table %I enable always trigger accounts_snapshot_no_truncate', built);
  execute format('alter table accounts_snapshot attach partition %I for values in (%s)', built, run);
  return counted;
end $$;
revoke all on function accounts_open_year(integer), accounts_build_open(integer), accounts_build_publish(integer) from public;
grant execute on function accounts_open_year(integer), accounts_build_open(integer), accounts_build_publish(integer) to shebao_engine;
create trigger accounts_registered_close_only before update on accounts_registered for each row execute function accounts_close_only();
create index accounts_source_place on accounts_source (place, id);
"""
CLOSE_ONLY = """
create function accounts_close_only() returns trigger language plpgsql as $$
begin
  if old.known_to is not null or new.known_to is null or (to_jsonb(new) - 'known_to') <> (to_jsonb(old) - 'known_to') then
    raise exception 'rows of % are closed, not edited', tg_table_name using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
"""
# Whoever may see a person may see the account; a unit sees what it owes for the person, never what the person has.
SEEN = "exists (select 1 from parties_person p where p.id = person_id)"
OWN = {Role.AGENCY: ("select", SEEN), Role.PERSON: ("select", OWN_PERSON)}
WRITTEN = OWN | {Role.ENGINE: ("select, insert", ALL)}
KEPT = OWN | {Role.ENGINE: ("select, insert, update", ALL)}


class Migration(migrations.Migration):
    """个人账户."""

    initial = True
    dependencies = [("parties", "0005_person")]
    operations = [
        migrations.RunSQL(TABLES + CLOSE_ONLY, migrations.RunSQL.noop),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('pk', models.CompositePrimaryKey('person_id', 'year', 'source_id', 'month', blank=True, editable=False, primary_key=True, serialize=False)),
                ('person_id', models.BigIntegerField()),
                ('own_fen', models.BigIntegerField()),
                ('employer_fen', models.BigIntegerField()),
                ('month', models.IntegerField()),
                ('credited_month', models.IntegerField()),
                ('year', models.SmallIntegerField()),
                ('kind', models.SmallIntegerField(choices=[(1, '缴费划入'), (2, '前期转入余额'), (3, '关系转入'), (4, '关系转出'), (5, '一次性支付'), (6, '当年计息'), (7, '利息差额')])),
            ],
            options={
                'db_table': 'accounts_entry',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('pk', models.CompositePrimaryKey('person_id', 'settlement_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('person_id', models.BigIntegerField()),
                ('opening_fen', models.BigIntegerField()),
                ('own_fen', models.BigIntegerField()),
                ('employer_fen', models.BigIntegerField()),
                ('other_fen', models.BigIntegerField()),
                ('basis_fen', models.BigIntegerField()),
                ('product_fen', models.BigIntegerField()),
                ('interest_opening_fen', models.BigIntegerField()),
                ('interest_credits_fen', models.BigIntegerField()),
                ('closing_fen', models.BigIntegerField()),
            ],
            options={
                'db_table': 'accounts_snapshot',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('pk', models.CompositePrimaryKey('person_id', 'year', 'place', blank=True, editable=False, primary_key=True, serialize=False)),
                ('person_id', models.BigIntegerField()),
                ('year', models.SmallIntegerField()),
                ('place', models.CharField(max_length=6)),
                ('brought_fen', models.BigIntegerField()),
                ('own_fen', models.BigIntegerField()),
                ('employer_fen', models.BigIntegerField()),
                ('product_fen', models.BigIntegerField()),
                ('other_fen', models.BigIntegerField()),
                ('basis_fen', models.BigIntegerField()),
            ],
            options={
                'db_table': 'accounts_tally',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='PartYear',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('place', models.CharField(max_length=6)),
                ('agency_id', models.SmallIntegerField(null=True)),
                ('kind', models.CharField(choices=[('retirement', '退休'), ('transfer', '关系转出'), ('death', '死亡')], max_length=10)),
                ('month', models.IntegerField()),
                ('open_fen', models.BigIntegerField()),
                ('product_fen', models.BigIntegerField()),
                ('rate_ppm', models.IntegerField()),
                ('rate_year', models.SmallIntegerField()),
                ('interest_fen', models.BigIntegerField()),
                ('balance_fen', models.BigIntegerField()),
                ('paid_fen', models.BigIntegerField()),
                ('settled_on', models.DateField()),
                ('recorded_at', models.DateTimeField()),
                ('case_id', models.BigIntegerField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.person')),
            ],
        ),
        migrations.CreateModel(
            name='PlaceYear',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('place', models.CharField(max_length=6)),
                ('year', models.SmallIntegerField()),
                ('state', models.CharField(choices=[('open', '记账中'), ('settling', '结算中'), ('settled', '已结算')], default='open', max_length=8)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('place', 'year'), name='accounts_placeyear_once')],
            },
        ),
        migrations.CreateModel(
            name='Registered',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('account_start', models.IntegerField()),
                ('deemed_months', models.SmallIntegerField(default=0)),
                ('carried_months', models.SmallIntegerField(default=0)),
                ('from_day', models.DateField()),
                ('reason', models.CharField(max_length=120)),
                ('known_from', models.DateTimeField()),
                ('known_to', models.DateTimeField(null=True)),
                ('case_id', models.BigIntegerField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.person')),
            ],
        ),
        migrations.CreateModel(
            name='Resettled',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('rate_ppm', models.IntegerField()),
                ('interest_fen', models.BigIntegerField()),
                ('difference_fen', models.BigIntegerField()),
                ('settled_on', models.DateField()),
                ('recorded_at', models.DateTimeField()),
                ('part_year', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='resettled', to='accounts.partyear')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.person')),
            ],
        ),
        migrations.CreateModel(
            name='Settlement',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(default='account_interest', max_length=30)),
                ('place', models.CharField(max_length=6)),
                ('month', models.IntegerField()),
                ('year', models.SmallIntegerField()),
                ('state', models.CharField(default='running', max_length=10)),
                ('note', models.CharField(default='', max_length=200)),
                ('started_by', models.IntegerField()),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('chunks_total', models.IntegerField(default=0)),
                ('rows', models.IntegerField(default=0)),
                ('total_fen', models.BigIntegerField(default=0)),
                ('method', models.CharField(choices=[('monthly', '月积数法'), ('yearly', '年度计算法')], default='monthly', max_length=8)),
                ('rate_ppm', models.IntegerField()),
                ('rate_status', models.CharField(max_length=12)),
                ('rate_source', models.CharField(max_length=200)),
                ('interest_fen', models.BigIntegerField(default=0)),
                ('gap_ppm', models.IntegerField()),
                ('differing', models.IntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'failed'), _negated=True), fields=('kind', 'place', 'month'), name='accounts_settlement_once')],
            },
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('chunk', models.IntegerField()),
                ('rows', models.IntegerField()),
                ('total_fen', models.BigIntegerField()),
                ('interest_fen', models.BigIntegerField()),
                ('differing', models.IntegerField()),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='chunks', to='accounts.settlement')),
            ],
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reference', models.CharField(max_length=60)),
                ('turn', models.IntegerField(default=1)),
                ('kind', models.SmallIntegerField(choices=[(1, '缴费划入'), (2, '前期转入余额'), (3, '关系转入'), (4, '关系转出'), (5, '一次性支付'), (6, '当年计息'), (7, '利息差额')])),
                ('label', models.CharField(max_length=120)),
                ('place', models.CharField(max_length=6)),
                ('agency_id', models.SmallIntegerField(null=True)),
                ('credited_month', models.IntegerField()),
                ('booked_on', models.DateField()),
                ('recorded_at', models.DateTimeField()),
                ('rows', models.IntegerField()),
                ('own_fen', models.BigIntegerField()),
                ('employer_fen', models.BigIntegerField()),
                ('case_id', models.BigIntegerField(null=True)),
                ('reverses', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.source')),
            ],
        ),
        migrations.AddConstraint(
            model_name='partyear',
            constraint=models.UniqueConstraint(fields=('person', 'place', 'month'), name='accounts_partyear_once'),
        ),
        migrations.AddConstraint(
            model_name='registered',
            constraint=models.UniqueConstraint(condition=models.Q(('known_to', None)), fields=('person', 'from_day'), name='accounts_registered_once'),
        ),
        migrations.AddConstraint(
            model_name='registered',
            constraint=models.CheckConstraint(condition=models.Q(('account_start__gte', 199001), ('carried_months__gte', 0), ('deemed_months__gte', 0)), name='accounts_registered_months'),
        ),
        migrations.AddConstraint(
            model_name='chunk',
            constraint=models.UniqueConstraint(fields=('run', 'chunk'), name='accounts_chunk_once'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(fields=('reference', 'turn'), name='accounts_source_once'),
        ),
    
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        protect("accounts_entry", WRITTEN),
        protect("accounts_tally", KEPT),
        protect("accounts_snapshot", OWN | {Role.ENGINE: ("select", ALL)}),
        protect(
            "accounts_source",
            {
                Role.AGENCY: ("select", "agency_id is null or " + OWN_AGENCY),
                Role.PERSON: ("select", "exists (select 1 from accounts_entry e where e.source_id = accounts_source.id)"),
                Role.ENGINE: ("select, insert", ALL),
            },
        ),
        protect("accounts_placeyear", {Role.AGENCY: ("select", ALL), Role.PERSON: ("select", ALL), Role.ENGINE: ("select, insert, update", ALL)}),
        protect("accounts_settlement", {Role.AGENCY: ("select", ALL), Role.PERSON: ("select", ALL), Role.ENGINE: ("select, insert, update", ALL)}),
        protect("accounts_chunk", {Role.AGENCY: ("select", ALL), Role.ENGINE: ("select, insert", ALL)}),
        protect("accounts_registered", KEPT),
        protect("accounts_partyear", WRITTEN),
        protect("accounts_resettled", WRITTEN),
        append_only("accounts_source"),
        append_only("accounts_chunk"),
        append_only("accounts_partyear"),
        append_only("accounts_resettled"),
    ]
