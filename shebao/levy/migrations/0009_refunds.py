import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, OWN_AGENCY, OWN_PERSON, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

# A move or a refund holds its money at the source from the moment it is proposed; the source's own check says when there is no more.
HOLD = """
create function levy_hold_moved() returns trigger language plpgsql as $$
declare was bigint := 0; wants bigint := 0;
begin
  -- a match that was confirmed has become an allocation: it holds nothing any more
  if new.kind in ('match', 'hand_over') then
    if tg_op = 'UPDATE' and old.state in ('proposed', 'confirmed') and not (old.kind = 'match' and old.state = 'confirmed') then
      was := old.amount_fen;
    end if;
    if new.state in ('proposed', 'confirmed') and not (new.kind = 'match' and new.state = 'confirmed') then wants := new.amount_fen; end if;
    if was <> wants then update levy_receipt set moved_fen = moved_fen + wants - was where id = new.receipt_id; end if;
  end if;
  return null;
end $$;
create trigger levy_suspensemove_holds after insert or update on levy_suspensemove for each row execute function levy_hold_moved();

create function levy_hold_refunded() returns trigger language plpgsql as $$
declare change bigint := 0;
begin
  if tg_op = 'INSERT' then change := new.amount_fen;
  elsif new.released and not old.released then change := -new.amount_fen;
  elsif old.released <> new.released then raise exception 'a released line of a refund stays released' using errcode = '23514';
  end if;
  if change <> 0 and new.receipt_id is not null then
    update levy_receipt set moved_fen = moved_fen + change where id = new.receipt_id;
  end if;
  if change <> 0 and new.estimate_id is not null then
    update levy_estimate set refunded_fen = refunded_fen + change where id = new.estimate_id;
  end if;
  if change > 0 and new.refund_due_id is not null and not exists (
      select 1 from levy_refunddue d where d.id = new.refund_due_id and d.unit_fen + d.person_fen = new.amount_fen
        and d.insurance = new.fund) then
    raise exception 'a refund takes the whole of what is due back' using errcode = '23514';
  end if;
  if change > 0 and new.source = 'flexdue' and not exists (
      select 1 from levy_flexdue f where f.person_id = new.person_id and f.month = new.month and f.insurance = new.fund
        and f.state = 'paid' and f.total_fen + f.interest_fen = new.amount_fen and f.interest_fen = new.interest_fen) then
    raise exception 'only what was paid for a month can be refunded, and whole' using errcode = '23514';
  end if;
  return null;
end $$;
create trigger levy_refundline_holds after insert or update on levy_refundline for each row execute function levy_hold_refunded();

-- Nothing but being released ever happens to a line; a refund's money and source are what was applied for.
create function levy_refundline_fixed() returns trigger language plpgsql as $$
begin
  if (to_jsonb(new) - 'released') <> (to_jsonb(old) - 'released') then
    raise exception 'a line of a refund is never edited' using errcode = '23514';
  end if;
  return new;
end $$;
create trigger levy_refundline_fixed before update on levy_refundline for each row execute function levy_refundline_fixed();

-- What a refund pays is the sum of its lines, at every commit.
create function levy_refund_whole() returns trigger language plpgsql as $$
declare one bigint := (to_jsonb(new) ->> case when tg_table_name = 'levy_refund' then 'id' else 'refund_id' end)::bigint;
begin
  if exists (select 1 from levy_refund r where r.id = one and (
      r.amount_fen <> (select coalesce(sum(l.amount_fen), 0) from levy_refundline l where l.refund_id = r.id)
      or exists (select 1 from levy_refundline l where l.refund_id = r.id and l.released <> (r.state = 'declined')))) then
    raise exception 'a refund is the sum of its lines' using errcode = '23514';
  end if;
  return null;
end $$;
create constraint trigger levy_refund_whole after insert or update on levy_refund deferrable initially deferred
  for each row execute function levy_refund_whole();
create constraint trigger levy_refundline_whole after insert or update on levy_refundline deferrable initially deferred
  for each row execute function levy_refund_whole();
create sequence levy_refund_number;
grant usage on sequence levy_refund_number to shebao_engine;
create index levy_receipt_batch on levy_receipt (batch) where batch <> '' and arrived_on is null;
create index levy_receipt_waiting on levy_receipt (paid_on) where channel in ('tax', 'bank') and arrived_on is null and state <> 'void';
create index levy_receipt_parent on levy_receipt (parent_id) where parent_id is not null;
"""
OF_REFUND = "exists (select 1 from levy_refund r where r.id = refund_id)"


class Migration(migrations.Migration):
    """退费 with two people; money moved out of suspense."""

    dependencies = [("levy", "0008_tax")]
    operations = [
        migrations.CreateModel(
            name="HeldTold",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial", models.CharField(max_length=40)),
                ("channel", models.CharField(max_length=4)),
                ("batch", models.CharField(max_length=40)),
                ("bill_number", models.CharField(max_length=20)),
                ("payer", models.CharField(default="", max_length=100)),
                ("amount_fen", models.BigIntegerField()),
                ("paid_on", models.DateField()),
                ("agency_id", models.SmallIntegerField()),
                ("told_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "待核对"), ("kept", "以先到的为准"), ("taken", "另作一笔入账")], default="open", max_length=5
                    ),
                ),
                ("wanted", models.CharField(default="", max_length=5)),
                ("reason", models.CharField(default="", max_length=200)),
                ("proposed_by", models.IntegerField(null=True)),
                ("decided_by", models.IntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=30, unique=True)),
                ("place", models.CharField(max_length=6)),
                ("agency_id", models.SmallIntegerField()),
                ("day", models.DateField()),
                ("count", models.IntegerField()),
                ("total_fen", models.BigIntegerField()),
                ("sha256", models.BinaryField(max_length=32)),
                ("content", models.BinaryField()),
                ("bank", models.CharField(max_length=3)),
                ("file_order", models.SmallIntegerField()),
                ("made_by", models.IntegerField()),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=20, unique=True)),
                ("agency_id", models.SmallIntegerField()),
                ("place", models.CharField(max_length=6)),
                ("amount_fen", models.BigIntegerField()),
                ("payee_name", models.CharField(max_length=100)),
                ("payee_bank", models.CharField(max_length=100)),
                ("payee_account", models.CharField(max_length=32)),
                ("reason", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("applied", "待复核"),
                            ("reviewed", "待二次复核"),
                            ("approved", "待发银行"),
                            ("instructed", "银行处理中"),
                            ("paid", "已退付"),
                            ("returned", "银行退票"),
                            ("declined", "不予退费"),
                        ],
                        default="applied",
                        max_length=10,
                    ),
                ),
                ("two_reviewers", models.BooleanField(default=False)),
                ("booked", models.BooleanField(default=False)),
                ("case_id", models.BigIntegerField(null=True, unique=True)),
                ("applied_by", models.IntegerField()),
                ("applied_at", models.DateTimeField()),
                ("reviewed_by", models.IntegerField(null=True)),
                ("second_by", models.IntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("note", models.CharField(default="", max_length=200)),
                ("attempt", models.SmallIntegerField(default=0)),
                ("paid_on", models.DateField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RefundLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "source",
                    models.CharField(
                        choices=[("suspense", "暂收款"), ("difference", "待退差额"), ("credit", "结算多缴"), ("flexdue", "灵活就业误缴")],
                        max_length=10,
                    ),
                ),
                ("fund", models.SmallIntegerField()),
                ("amount_fen", models.BigIntegerField()),
                ("interest_fen", models.BigIntegerField(default=0)),
                ("person_id", models.BigIntegerField(null=True)),
                ("month", models.IntegerField(null=True)),
                ("released", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="RefundStep",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("step", models.CharField(max_length=16)),
                ("account_id", models.IntegerField()),
                ("at", models.DateTimeField()),
                ("note", models.CharField(default="", max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="SuspenseMove",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agency_id", models.SmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("match", "认领到核定单"),
                            ("hand_over", "移交其他经办机构"),
                            ("release", "撤回分配，转暂收"),
                            ("withdraw", "冲销未到账的缴费"),
                        ],
                        max_length=9,
                    ),
                ),
                ("amount_fen", models.BigIntegerField()),
                ("to_agency_id", models.SmallIntegerField(null=True)),
                ("reason", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "待复核"), ("confirmed", "已办结"), ("declined", "已退回")], default="proposed", max_length=9
                    ),
                ),
                ("proposed_by", models.IntegerField()),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.IntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("note", models.CharField(default="", max_length=200)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="estimate",
            name="levy_estimate_used",
        ),
        migrations.RemoveConstraint(
            model_name="receipt",
            name="levy_receipt_allocated",
        ),
        migrations.AddField(
            model_name="estimate",
            name="refunded_fen",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="receipt",
            name="batch",
            field=models.CharField(db_default="", default="", max_length=40),
        ),
        migrations.AddField(
            model_name="receipt",
            name="moved_fen",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="receipt",
            name="parent",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt"),
        ),
        migrations.AlterField(
            model_name="receipt",
            name="channel",
            field=models.CharField(
                choices=[("file", "到账文件"), ("hand", "手工登记"), ("tax", "税务"), ("bank", "银行批扣"), ("stmt", "银行对账单")],
                db_default="file",
                default="file",
                max_length=4,
            ),
        ),
        migrations.AddConstraint(
            model_name="estimate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("refunded_fen__gte", 0),
                    ("used_fen__gte", 0),
                    (
                        "used_fen__lte",
                        django.db.models.expressions.CombinedExpression(models.F("credit_fen"), "-", models.F("refunded_fen")),
                    ),
                ),
                name="levy_estimate_used",
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("allocated_fen__gte", 0),
                    ("moved_fen__gte", 0),
                    (
                        "allocated_fen__lte",
                        django.db.models.expressions.CombinedExpression(models.F("amount_fen"), "-", models.F("moved_fen")),
                    ),
                ),
                name="levy_receipt_allocated",
            ),
        ),
        migrations.AddField(
            model_name="heldtold",
            name="receipt",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt"),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(fields=("bank", "day", "file_order"), name="levy_payout_order"),
        ),
        migrations.AddField(
            model_name="refund",
            name="payout",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="levy.payout"),
        ),
        migrations.AddField(
            model_name="refund",
            name="person",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
        ),
        migrations.AddField(
            model_name="refund",
            name="unit",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.unit"),
        ),
        migrations.AddField(
            model_name="refundline",
            name="estimate",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.estimate"),
        ),
        migrations.AddField(
            model_name="refundline",
            name="receipt",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt"),
        ),
        migrations.AddField(
            model_name="refundline",
            name="refund",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="levy.refund"),
        ),
        migrations.AddField(
            model_name="refundline",
            name="refund_due",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.refunddue"),
        ),
        migrations.AddField(
            model_name="refundstep",
            name="refund",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="levy.refund"),
        ),
        migrations.AddField(
            model_name="suspensemove",
            name="bill",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.bill"),
        ),
        migrations.AddField(
            model_name="suspensemove",
            name="child",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="levy.receipt"),
        ),
        migrations.AddField(
            model_name="suspensemove",
            name="receipt",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="levy.receipt"),
        ),
        migrations.AddConstraint(
            model_name="heldtold",
            constraint=models.UniqueConstraint(fields=("serial", "bill_number", "amount_fen", "paid_on"), name="levy_heldtold_once"),
        ),
        migrations.AddConstraint(
            model_name="heldtold",
            constraint=models.CheckConstraint(condition=models.Q(("amount_fen__gt", 0)), name="levy_heldtold_positive"),
        ),
        migrations.AddConstraint(
            model_name="heldtold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_by", None), ("state", "open")),
                    models.Q(
                        models.Q(("state", "open"), _negated=True),
                        ("decided_by__isnull", False),
                        ("proposed_by__isnull", False),
                        ("state", models.F("wanted")),
                        models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="levy_heldtold_two_people",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["agency_id", "state"], name="levy_refund_agency"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(condition=models.Q(("amount_fen__gt", 0)), name="levy_refund_positive"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reviewed_by", None), models.Q(("reviewed_by", models.F("applied_by")), _negated=True), _connector="OR"),
                    models.Q(
                        ("second_by", None),
                        models.Q(
                            models.Q(("second_by", models.F("applied_by")), _negated=True),
                            models.Q(("second_by", models.F("reviewed_by")), _negated=True),
                        ),
                        _connector="OR",
                    ),
                ),
                name="levy_refund_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["applied", "declined"]),
                    models.Q(("reviewed_by__isnull", False), models.Q(("state", "reviewed"), ("two_reviewers", False), _connector="OR")),
                    models.Q(("reviewed_by__isnull", False), ("second_by__isnull", False)),
                    _connector="OR",
                ),
                name="levy_refund_reviewed",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("payout__isnull", False), ("state__in", ["instructed", "paid", "returned"])),
                    models.Q(("state__in", ["instructed", "paid", "returned"]), _negated=True),
                    _connector="OR",
                ),
                name="levy_refund_instructed",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paid_on__isnull", False), ("state", "paid")),
                    models.Q(models.Q(("state", "paid"), _negated=True), ("paid_on", None)),
                    _connector="OR",
                ),
                name="levy_refund_paid_on",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundline",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_fen__gt", 0), ("interest_fen__gte", 0), ("interest_fen__lte", models.F("amount_fen"))),
                name="levy_refundline_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("estimate", None), ("person_id", None), ("receipt__isnull", False), ("refund_due", None), ("source", "suspense")
                    ),
                    models.Q(
                        ("estimate", None), ("person_id", None), ("receipt", None), ("refund_due__isnull", False), ("source", "difference")
                    ),
                    models.Q(
                        ("estimate__isnull", False), ("person_id", None), ("receipt", None), ("refund_due", None), ("source", "credit")
                    ),
                    models.Q(
                        ("estimate", None),
                        ("month__isnull", False),
                        ("person_id__isnull", False),
                        ("receipt", None),
                        ("refund_due", None),
                        ("source", "flexdue"),
                    ),
                    _connector="OR",
                ),
                name="levy_refundline_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("refund_due__isnull", False), ("released", False)),
                fields=("refund_due",),
                name="levy_refundline_due_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("person_id__isnull", False), ("released", False)),
                fields=("person_id", "month", "fund"),
                name="levy_refundline_flexdue_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("receipt__isnull", False)), fields=("refund", "receipt"), name="levy_refundline_receipt_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="refundline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("estimate__isnull", False)), fields=("refund", "estimate"), name="levy_refundline_estimate_once"
            ),
        ),
        migrations.AddIndex(
            model_name="suspensemove",
            index=models.Index(condition=models.Q(("state", "proposed")), fields=["agency_id"], name="levy_suspensemove_waiting"),
        ),
        migrations.AddConstraint(
            model_name="suspensemove",
            constraint=models.CheckConstraint(condition=models.Q(("amount_fen__gt", 0)), name="levy_suspensemove_positive"),
        ),
        migrations.AddConstraint(
            model_name="suspensemove",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("bill__isnull", False), ("kind", "match"), ("to_agency_id", None)),
                    models.Q(("bill", None), ("kind", "hand_over"), ("to_agency_id__isnull", False)),
                    models.Q(("bill__isnull", False), ("kind", "release"), ("to_agency_id", None)),
                    models.Q(("kind", "withdraw"), ("to_agency_id", None)),
                    _connector="OR",
                ),
                name="levy_suspensemove_where",
            ),
        ),
        migrations.AddConstraint(
            model_name="suspensemove",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_by", None), ("state", "proposed")),
                    models.Q(
                        models.Q(("state", "proposed"), _negated=True),
                        ("decided_by__isnull", False),
                        models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="levy_suspensemove_two_people",
            ),
        ),
        protect("levy_heldtold", {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert, update", ALL)}),
        protect("levy_suspensemove", {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert, update", ALL)}),
        protect(
            "levy_refund",
            {
                Role.UNIT: ("select", OWN_UNIT),
                Role.PERSON: ("select", OWN_PERSON),
                Role.AGENCY: ("select", OWN_AGENCY),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
        protect(
            "levy_refundline",
            {
                Role.UNIT: ("select", OF_REFUND),
                Role.PERSON: ("select", OF_REFUND),
                Role.AGENCY: ("select", OF_REFUND),
                Role.ENGINE: ("select, insert, update", ALL),
            },
        ),
        protect("levy_refundstep", {Role.AGENCY: ("select", OF_REFUND), Role.ENGINE: ("select, insert", ALL)}),
        protect("levy_payout", {Role.AGENCY: ("select", OWN_AGENCY), Role.ENGINE: ("select, insert", ALL)}),
        append_only("levy_refundstep"),
        append_only("levy_payout"),
        migrations.RunSQL(HOLD, migrations.RunSQL.noop),
    ]
