import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_PERSON, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

# What the tax office has to know of a bill is noted in the transaction that makes or changes it: nothing is forgotten, whoever does it.
RULES = """
create sequence levy_tax_sequence;
grant usage on sequence levy_tax_sequence to shebao_engine;
create function levy_tax_new() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  insert into levy_taxchange (bill_id) select id from fresh;
  return null;
end $$;
create function levy_tax_changed() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  insert into levy_taxchange (bill_id)
  select n.id from fresh n join stale o on o.id = n.id
  where (n.unit_fen, n.person_fen, n.late_fee_fen, n.paid_fen, n.moved_fen, n.written_off_fen, n.due_date, n.state)
        is distinct from (o.unit_fen, o.person_fen, o.late_fee_fen, o.paid_fen, o.moved_fen, o.written_off_fen, o.due_date, o.state);
  return null;
end $$;
create trigger levy_bill_tax_new after insert on levy_bill referencing new table as fresh
  for each statement execute function levy_tax_new();
create trigger levy_bill_tax_changed after update on levy_bill referencing old table as stale new table as fresh
  for each statement execute function levy_tax_changed();
insert into levy_taxchange (bill_id) select id from levy_bill where state in ('issued', 'part_paid') order by id;

-- A message's bytes never change, and what was answered stays answered.
create function levy_taxmessage_fixed() returns trigger language plpgsql as $$
begin
  if (new.id, new.message, new.path, new.content, new.bills, new.made_at) is distinct from
     (old.id, old.message, old.path, old.content, old.bills, old.made_at) or old.state <> 'waiting' then
    raise exception 'a message to the tax office is not changed' using errcode = '55000';
  end if;
  return new;
end $$;
create trigger levy_taxmessage_fixed before update on levy_taxmessage for each row execute function levy_taxmessage_fixed();
create function levy_cancelling_fixed() returns trigger language plpgsql as $$
begin
  if (new.bill_id, new.unit_id, new.person_id, new.agency_id, new.asked_by, new.asked_at) is distinct from
     (old.bill_id, old.unit_id, old.person_id, old.agency_id, old.asked_by, old.asked_at)
     or old.state <> 'asked' and (new.state, new.reason, new.ended_at) is distinct from (old.state, old.reason, old.ended_at) then
    raise exception 'a cancellation that has ended is not changed' using errcode = '55000';
  end if;
  return new;
end $$;
-- What was paid for an order may turn out to be none (冲正): its dues are owed on it again.
create or replace function levy_takendue_fixed() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or to_jsonb(new) - 'state' - 'back_level_fen' <> to_jsonb(old) - 'state' - 'back_level_fen'
      or (new.state <> old.state
          and (old.state, new.state) not in (('ordered', 'paid'), ('ordered', 'rolled_back'), ('paid', 'ordered'))) then
    raise exception 'a due taken out of its bill is not changed' using errcode = 'check_violation', constraint = 'levy_takendue_fixed';
  end if;
  return new;
end $$;
create trigger levy_cancelling_fixed before update on levy_cancelling for each row execute function levy_cancelling_fixed();
"""
UNDO = """
drop sequence levy_tax_sequence;
drop trigger levy_bill_tax_new on levy_bill;
drop trigger levy_bill_tax_changed on levy_bill;
drop trigger levy_taxmessage_fixed on levy_taxmessage;
drop trigger levy_cancelling_fixed on levy_cancelling;
drop function levy_tax_new(), levy_tax_changed(), levy_taxmessage_fixed(), levy_cancelling_fixed();
"""
# Who sees the receipt sees how it was paid.
OF_RECEIPT = "exists (select 1 from levy_receipt r where r.id = receipt_id)"
OWN = {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: ("select", OWN_AGENCY), Role.PERSON: ("select", OWN_PERSON)}
PAID = dict.fromkeys((Role.UNIT, Role.AGENCY, Role.PERSON), ("select", OF_RECEIPT))


class Migration(migrations.Migration):
    """The tax office: what was sent, what it told."""

    dependencies = [("levy", "0007_bank")]

    operations = [
        migrations.CreateModel(
            name="TaxDay",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("asked_at", models.DateTimeField()),
                ("count", models.IntegerField()),
                ("total_fen", models.BigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["day", "id"], name="levy_taxday_day")],
            },
        ),
        migrations.CreateModel(
            name="TaxHeard",
            fields=[
                ("message", models.UUIDField(primary_key=True, serialize=False)),
                ("sender", models.CharField(max_length=30)),
                ("sequence", models.BigIntegerField()),
                ("day", models.DateField()),
                ("path", models.CharField(max_length=40)),
                ("key_id", models.CharField(max_length=16)),
                ("sha256", models.BinaryField(max_length=32)),
                ("content", models.BinaryField()),
                ("answer", models.BinaryField()),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["received_at"], name="levy_taxheard_at")],
                "constraints": [models.UniqueConstraint(fields=("sender", "day", "sequence"), name="levy_taxheard_once")],
            },
        ),
        migrations.CreateModel(
            name="TaxMessage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message", models.UUIDField(unique=True)),
                ("path", models.CharField(max_length=40)),
                ("content", models.BinaryField()),
                ("bills", models.IntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "待回执"), ("answered", "已回执"), ("refused", "被退回")], default="waiting", max_length=8
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField()),
                ("made_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("said", models.CharField(default="", max_length=200)),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("state", "waiting")), fields=["id"], name="levy_taxmessage_waiting")],
            },
        ),
        migrations.CreateModel(
            name="Cancelling",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("asked", "撤回中"), ("done", "已作废"), ("refused", "未能作废")], default="asked", max_length=7
                    ),
                ),
                ("reason", models.CharField(default="", max_length=200)),
                ("asked_by", models.IntegerField()),
                ("case_id", models.BigIntegerField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("told", models.BooleanField(db_default=False, default=False)),
                ("bill", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.bill")),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("state", "asked")), fields=("bill",), name="levy_cancelling_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("state", "asked")),
                            models.Q(models.Q(("state", "asked"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="levy_cancelling_ended",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("done", models.BooleanField(db_default=False, default=False)),
                ("bill", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.bill")),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("done", False)), fields=["id"], name="levy_taxchange_waiting")],
            },
        ),
        migrations.CreateModel(
            name="TaxDayLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial", models.CharField(max_length=40)),
                ("bill_number", models.CharField(max_length=20)),
                ("amount_fen", models.BigIntegerField()),
                ("paid_at", models.DateTimeField()),
                ("channel", models.CharField(choices=[("app", "手机应用"), ("bank", "银行网点"), ("counter", "办税服务厅")], max_length=7)),
                ("reversed", models.BooleanField()),
                (
                    "list",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="levy.taxday"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("list", "serial"), name="levy_taxdayline_once")],
            },
        ),
        migrations.CreateModel(
            name="TaxBill",
            fields=[
                (
                    "bill",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="at_tax",
                        serialize=False,
                        to="levy.bill",
                    ),
                ),
                ("agency_id", models.SmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "待发送税务"),
                            ("sent", "已发送，待税务回执"),
                            ("accepted", "税务已接收"),
                            ("refused", "税务退回"),
                            ("recall_queued", "待向税务撤回"),
                            ("recall_sent", "已要求撤回，待税务回执"),
                            ("recalled", "已从税务撤回"),
                        ],
                        max_length=13,
                    ),
                ),
                ("version", models.IntegerField(default=0)),
                ("accepted", models.IntegerField(default=0)),
                ("worth_fen", models.BigIntegerField(default=0)),
                ("elsewhere_fen", models.BigIntegerField(default=0)),
                ("due_date", models.DateField(null=True)),
                ("reason", models.CharField(default="", max_length=200)),
                ("queued_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
                ),
                (
                    "message",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.taxmessage"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "recall_queued"])),
                        fields=["state", "bill"],
                        name="levy_taxbill_waiting",
                    ),
                    models.Index(condition=models.Q(("state", "refused")), fields=["agency_id"], name="levy_taxbill_refused"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("message__isnull", False), ("state__in", ["sent", "recall_sent"])),
                            models.Q(models.Q(("state__in", ["sent", "recall_sent"]), _negated=True), ("message", None)),
                            _connector="OR",
                        ),
                        name="levy_taxbill_message",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accepted__gte", 0),
                            ("accepted__lte", models.F("version")),
                            models.Q(("accepted", 0), ("state", "accepted"), _negated=True),
                        ),
                        name="levy_taxbill_accepted",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxPayment",
            fields=[
                ("serial", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("bill_number", models.CharField(max_length=20)),
                ("amount_fen", models.BigIntegerField()),
                ("paid_at", models.DateTimeField()),
                ("channel", models.CharField(choices=[("app", "手机应用"), ("bank", "银行网点"), ("counter", "办税服务厅")], max_length=7)),
                (
                    "message",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.taxheard"),
                ),
                ("receipt", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt")),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("amount_fen__gt", 0)), name="levy_taxpayment_positive")],
            },
        ),
        migrations.CreateModel(
            name="TaxReversal",
            fields=[
                ("serial", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("of", models.CharField(max_length=40, unique=True)),
                ("amount_fen", models.BigIntegerField()),
                ("reversed_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=100)),
                ("state", models.CharField(choices=[("waiting", "待处理"), ("done", "已冲正")], max_length=7)),
                ("note", models.CharField(default="", max_length=200)),
                ("told", models.BooleanField(db_default=False, default=False)),
                (
                    "message",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.taxheard"),
                ),
                (
                    "receipt",
                    models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_fen__gt", 0), models.Q(("state", "waiting"), ("receipt__isnull", False), _connector="OR")
                        ),
                        name="levy_taxreversal_whole",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="cancelling",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False), ("told", False)), fields=["id"], name="levy_cancelling_untold"
            ),
        ),
        migrations.AddIndex(
            model_name="taxreversal",
            index=models.Index(condition=models.Q(("state", "done"), ("told", False)), fields=["serial"], name="levy_taxreversal_untold"),
        ),
        protect("levy_taxbill", OWN | {Role.ENGINE: ("select, insert, update", ALL)}),
        protect("levy_cancelling", OWN | {Role.ENGINE: ("select, insert, update", ALL)}),
        protect("levy_taxchange", {Role.ENGINE: ("select, insert, update (done)", ALL)}),
        protect("levy_taxmessage", {Role.ENGINE: ("select, insert, update", ALL)}),
        protect("levy_taxheard", {Role.ENGINE: ("select, insert", ALL)}),
        protect("levy_taxpayment", PAID | {Role.ENGINE: ("select, insert", ALL)}),
        protect("levy_taxreversal", PAID | {Role.ENGINE: ("select, insert, update", ALL)}),
        protect("levy_taxday", {Role.ENGINE: ("select, insert", ALL)}),
        protect("levy_taxdayline", {Role.ENGINE: ("select, insert", ALL)}),
        *(append_only(table) for table in ("levy_taxheard", "levy_taxpayment", "levy_taxday", "levy_taxdayline")),
        migrations.RunSQL(RULES, UNDO),
    ]
