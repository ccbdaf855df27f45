import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_PERSON, append_only, protect
from shebao.base.actor import Role

TABLES = r"""
create table levy_debitline (
  batch_id integer not null, sequence integer not null, person_id bigint not null, agency_id smallint not null,
  agreement_id bigint not null, amount_fen integer not null, first_month integer not null, last_month integer not null,
  months smallint not null,
  check (amount_fen > 0 and months > 0 and sequence > 0 and last_month >= first_month)
) partition by list (batch_id);
alter table levy_debitline add primary key (batch_id, sequence), add unique (person_id, batch_id);
create table levy_debitresult (
  batch_id integer not null, sequence integer not null, part smallint not null, agency_id smallint not null, person_id bigint not null,
  result char(2) not null, taken_fen integer not null, taken_on date not null, serial char(16) not null, name_differs boolean not null,
  check ((result = '00') = (taken_fen > 0)), check (part > 0)
) partition by list (batch_id);
alter table levy_debitresult add primary key (batch_id, sequence, part);
create index levy_debitresult_person on levy_debitresult (person_id);
create sequence levy_debitagreement_number minvalue 1;
grant usage on sequence levy_debitagreement_number to shebao_engine;
alter table levy_debitagreement
  add constraint levy_debitagreement_account check (account ~ '^[0-9]{8,20}$'),
  add constraint levy_debitagreement_number check (number ~ '^JB[0-9]{14}$');
create index levy_debitagreement_due on levy_debitagreement (place, scheme, bank, person_id) where ended_at is null;

-- An agreement is signed once and ended once; what was signed never changes.
create function levy_debitagreement_kept() returns trigger language plpgsql as $$
begin
  if old.ended_at is not null or new.ended_at is null
    or (to_jsonb(old) - 'ended_at' - 'end_reason') <> (to_jsonb(new) - 'ended_at' - 'end_reason') then
    raise exception 'debit agreement % can only be ended', old.number using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger levy_debitagreement_kept before update on levy_debitagreement for each row execute function levy_debitagreement_kept();

-- The engine fills detached tables; only the owner's functions create, check and attach them.
create function levy_debit_open(batch integer) returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare built text := format('levy_debitline_%s', batch);
begin
  if not exists (select 1 from levy_debitbatch b where b.id = batch and b.state = 'building') then
    raise exception 'debit batch % is not being built', batch;
  end if;
  if to_regclass(built) is null then
    execute format('create table %I (like levy_debitline including defaults including constraints, check (batch_id = %s),
      primary key (batch_id, sequence))', built, batch);
    execute format('grant select, insert on %I to shebao_engine', built);
  end if;
  return built;
end $$;
create function levy_debit_publish(batch integer) returns bigint language plpgsql security definer
  set search_path = public, pg_temp as $$
declare built text := format('levy_debitline_%s', batch); counted bigint; fen bigint; guarded bigint; guarded_fen bigint;
begin
  execute format('select count(*), coalesce(sum(amount_fen), 0) from %I', built) into counted, fen;
  select coalesce(sum(built_lines), 0), coalesce(sum(built_fen), 0) into guarded, guarded_fen from levy_debitchunk where batch_id = batch;
  if (counted, fen) is distinct from (guarded, guarded_fen) then
    raise exception 'debit batch % holds % lines of % fen, its guards say % of %', batch, counted, fen, guarded, guarded_fen;
  end if;
  execute format('alter table %I add unique (person_id, batch_id)', built);
  execute format('revoke all on %I from shebao_engine', built);
  execute format('alter table levy_debitline attach partition %I for values in (%s)', built, batch);
  execute format('analyze %I', built);
  return counted;
end $$;
create function levy_debit_answer_open(batch integer) returns text language plpgsql security definer
  set search_path = public, pg_temp as $$
declare built text := format('levy_debitresult_%s', batch);
begin
  if not exists (select 1 from levy_debitbatch b where b.id = batch and b.state = 'sent') then
    raise exception 'debit batch % waits for no answer', batch;
  end if;
  execute format('create table %I (like levy_debitresult including defaults including constraints, check (batch_id = %s))', built, batch);
  execute format('grant insert on %I to shebao_engine', built);
  return built;
end $$;
create function levy_debit_answer_close(batch integer) returns void language plpgsql security definer
  set search_path = public, pg_temp as $$
declare built text := format('levy_debitresult_%s', batch);
begin
  execute format('alter table %I add primary key (batch_id, sequence, part)', built);
  execute format('create index on %I (person_id)', built);
  execute format('revoke all on %I from shebao_engine', built);
  execute format('alter table levy_debitresult attach partition %I for values in (%s)', built, batch);
  execute format('analyze %I', built);
end $$;
revoke all on function levy_debit_open(integer), levy_debit_publish(integer), levy_debit_answer_open(integer),
  levy_debit_answer_close(integer) from public;
grant execute on function levy_debit_open(integer), levy_debit_publish(integer), levy_debit_answer_open(integer),
  levy_debit_answer_close(integer) to shebao_engine;
"""
OWN_BATCH = "exists (select 1 from levy_debitline l where l.batch_id = id and l.person_id = app_person())"
WRITTEN = ("select, insert, update", ALL)


class Migration(migrations.Migration):
    """批扣: signed debits, batches and their lines. A batch's lines and answers are partitions of their own, published whole."""

    dependencies = [("levy", "0006_flexible"), ("parties", "0005_person")]
    operations = [
        # A debit moves a due twice (sent, paid). Without an index over what it moves, both stay within their page (HOT).
        migrations.RemoveIndex(model_name="flexdue", name="levy_flexdue_batch"),
        migrations.RunSQL(
            "drop index levy_flexdue_open; alter table levy_flexdue set (fillfactor = 50)",
            "create index levy_flexdue_open on levy_flexdue (agency_id, month, person_id) where state = 'open';"
            " alter table levy_flexdue reset (fillfactor)",
        ),
        migrations.CreateModel(
            name="DebitLine",
            fields=[
                ("pk", models.CompositePrimaryKey("batch_id", "sequence", blank=True, editable=False, primary_key=True, serialize=False)),
                ("sequence", models.IntegerField()),
                ("agency_id", models.SmallIntegerField()),
                ("amount_fen", models.IntegerField()),
                ("first_month", models.IntegerField()),
                ("last_month", models.IntegerField()),
                ("months", models.SmallIntegerField()),
            ],
            options={
                "db_table": "levy_debitline",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="DebitResult",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "batch_id", "sequence", "part", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sequence", models.IntegerField()),
                ("part", models.SmallIntegerField()),
                ("agency_id", models.SmallIntegerField()),
                ("result", models.CharField(max_length=2)),
                ("taken_fen", models.IntegerField()),
                ("taken_on", models.DateField()),
                ("serial", models.CharField(max_length=16)),
                ("name_differs", models.BooleanField()),
            ],
            options={
                "db_table": "levy_debitresult",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="DebitBatch",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=24, unique=True)),
                ("place", models.CharField(max_length=6)),
                ("scheme", models.CharField(choices=[("city", "武汉市"), ("province", "省本级")], max_length=8)),
                ("bank", models.CharField(max_length=3)),
                ("month", models.IntegerField()),
                ("first_month", models.IntegerField()),
                ("planned_on", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("building", "生成中"),
                            ("built", "待复核发送"),
                            ("sent", "已发送银行"),
                            ("answered", "已回盘，入账中"),
                            ("posted", "已入账"),
                            ("recalled", "已撤销"),
                        ],
                        default="building",
                        max_length=8,
                    ),
                ),
                ("chunks", models.IntegerField(null=True)),
                ("lines", models.IntegerField(default=0)),
                ("total_fen", models.BigIntegerField(default=0)),
                ("left_out", models.IntegerField(default=0)),
                ("file_day", models.DateField(null=True)),
                ("file_order", models.SmallIntegerField(null=True)),
                ("file_sha256", models.BinaryField(max_length=32, null=True)),
                ("paid_lines", models.IntegerField(default=0)),
                ("paid_fen", models.BigIntegerField(default=0)),
                ("begun_by", models.IntegerField()),
                ("begun_at", models.DateTimeField()),
                ("built_at", models.DateTimeField(null=True)),
                ("sent_by", models.IntegerField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("debited_on", models.DateField(null=True)),
                ("posted_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("recalled_at", models.DateTimeField(null=True)),
                ("recalled_by", models.IntegerField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "recalled"), _negated=True),
                        fields=("place", "scheme", "bank", "month"),
                        name="levy_debitbatch_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("file_order__isnull", False)),
                        fields=("bank", "file_day", "file_order"),
                        name="levy_debitbatch_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sent_by", None), models.Q(("sent_by", models.F("begun_by")), _negated=True), _connector="OR"),
                        name="levy_debitbatch_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("file_sha256__isnull", False), ("sent_at__isnull", False), ("state__in", ["sent", "answered", "posted"])
                            ),
                            models.Q(("sent_at", None), ("state__in", ["building", "built", "recalled"])),
                            _connector="OR",
                        ),
                        name="levy_debitbatch_sent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("paid_fen__lte", models.F("total_fen")), ("paid_lines__lte", models.F("lines"))),
                        name="levy_debitbatch_paid",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DebitAgreement",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=16, unique=True)),
                ("agency_id", models.SmallIntegerField()),
                ("place", models.CharField(max_length=6)),
                ("scheme", models.CharField(choices=[("city", "武汉市"), ("province", "省本级")], max_length=8)),
                ("bank", models.CharField(max_length=3)),
                ("account", models.CharField(max_length=20)),
                ("signed_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("end_reason", models.CharField(default="", max_length=60)),
                ("case_id", models.BigIntegerField(null=True)),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("ended_at", None)), fields=("person",), name="levy_debitagreement_once"),
                    models.CheckConstraint(
                        condition=models.Q(("ended_at", None), ("ended_at__gte", models.F("signed_at")), _connector="OR"),
                        name="levy_debitagreement_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DebitChunk",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("chunk", models.IntegerField()),
                ("first_person", models.BigIntegerField()),
                ("last_person", models.BigIntegerField()),
                ("base", models.IntegerField()),
                ("built_lines", models.IntegerField(null=True)),
                ("built_fen", models.BigIntegerField(null=True)),
                ("posted_lines", models.IntegerField(null=True)),
                ("posted_fen", models.BigIntegerField(null=True)),
                ("told", models.BooleanField(default=False)),
                ("batch", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.debitbatch")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("batch", "chunk"), name="levy_debitchunk_once")],
            },
        ),
        migrations.CreateModel(
            name="DebitFile",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("sha256", models.BinaryField(max_length=32, unique=True)),
                ("bank", models.CharField(max_length=3)),
                ("part", models.SmallIntegerField()),
                ("day", models.DateField()),
                ("order", models.SmallIntegerField()),
                ("lines", models.IntegerField()),
                ("taken_fen", models.BigIntegerField()),
                ("suspense_fen", models.BigIntegerField(default=0)),
                ("received_at", models.DateTimeField()),
                ("arrived_on", models.DateField(null=True)),
                ("batch", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="files", to="levy.debitbatch")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("bank", "day", "order"), name="levy_debitfile_order"),
                    models.UniqueConstraint(fields=("batch", "part"), name="levy_debitfile_part"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DebitLeftOut",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("billed", "已有个人核定单待缴，不重复批扣"),
                            ("out", "上一批次尚未回盘"),
                            ("not_now", "本月不在参保缴费期内，中断前的月份不批扣"),
                        ],
                        max_length=8,
                    ),
                ),
                ("open_fen", models.BigIntegerField()),
                ("batch", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.debitbatch")),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("batch", "person"), name="levy_debitleftout_once")],
            },
        ),
        migrations.RunSQL(TABLES, migrations.RunSQL.noop),
        protect(
            "levy_debitagreement",
            {Role.AGENCY: ("select", OWN_AGENCY), Role.PERSON: ("select", OWN_PERSON), Role.ENGINE: WRITTEN},
        ),
        protect("levy_debitbatch", {Role.AGENCY: ("select", ALL), Role.PERSON: ("select", OWN_BATCH), Role.ENGINE: WRITTEN}),
        protect("levy_debitchunk", {Role.AGENCY: ("select", ALL), Role.ENGINE: WRITTEN}),
        protect(
            "levy_debitline",
            {Role.AGENCY: ("select", OWN_AGENCY), Role.PERSON: ("select", OWN_PERSON), Role.ENGINE: ("select", ALL)},
        ),
        protect(
            "levy_debitresult",
            {Role.AGENCY: ("select", OWN_AGENCY), Role.PERSON: ("select", OWN_PERSON), Role.ENGINE: ("select, insert", ALL)},
        ),
        protect(
            "levy_debitleftout",
            {Role.AGENCY: ("select", OWN_AGENCY), Role.PERSON: ("select", OWN_PERSON), Role.ENGINE: ("select, insert", ALL)},
        ),
        protect("levy_debitfile", {Role.AGENCY: ("select", ALL), Role.ENGINE: WRITTEN}),
        append_only("levy_debitleftout"),
    ]
