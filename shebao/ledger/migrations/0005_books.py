import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import ALL, append_only, protect
from shebao.base.actor import Role

PLACE = """
alter table ledger_posting disable trigger ledger_posting_no_change;
update ledger_posting p set place = coalesce(
  (select a.place from ledger_entry e join ledger_account a on a.id = e.account_id where e.posting_id = p.id limit 1),
  (select a.place from ledger_entry e join ledger_account a on a.id = e.account_id where e.posting_id = p.resolves_id limit 1),
  (select min(place) from ledger_account), '000000');
alter table ledger_posting enable always trigger ledger_posting_no_change;
alter table ledger_posting alter column place set not null;
"""
# What a new posting must be: of an open day (the row of the place is held until the transaction ends, so that closing waits for it),
# resolving a pending one, reversing a posted one.
POSTED = """
create function ledger_posting_checked() returns trigger language plpgsql as $$
declare one record; shut date; wrong bigint;
begin
  for one in select place, min(booked_on) as first from added group by place order by place loop
    select closed_to into shut from ledger_placebook where place = one.place for share;
    if not found then
      insert into ledger_placebook (place) values (one.place) on conflict do nothing;
      select closed_to into shut from ledger_placebook where place = one.place for share;
    end if;
    if shut >= one.first then
      raise exception 'the books of % are closed up to %', one.place, shut
        using errcode = 'check_violation', constraint = 'ledger_posting_day_open';
    end if;
  end loop;
  select a.id into wrong from added a join ledger_posting r on r.id = a.resolves_id
    where r.state <> 'pending' or r.place <> a.place or a.state = 'pending' limit 1;
  if found then
    raise exception 'posting % resolves one that is not pending', wrong
      using errcode = 'check_violation', constraint = 'ledger_posting_resolves';
  end if;
  select a.id into wrong from added a join ledger_posting r on r.id = a.reverses_id
    where r.state <> 'posted' or r.place <> a.place or r.reverses_id is not null
      or a.state <> 'posted' or a.resolves_id is not null limit 1;
  if found then
    raise exception 'posting % reverses one that cannot be reversed', wrong
      using errcode = 'check_violation', constraint = 'ledger_posting_reverses';
  end if;
  return null;
end $$;
create trigger ledger_posting_checked after insert on ledger_posting referencing new table as added
  for each statement execute function ledger_posting_checked();
alter table ledger_posting enable always trigger ledger_posting_checked;
"""
# Beside the sums of 0002: a posting is of one place, and a reversal is the mirror of what it reverses.
BALANCED = """
create or replace function ledger_balanced() returns trigger language plpgsql as $$
declare wrong bigint;
begin
  select posting_id into wrong from added group by posting_id having sum(amount_fen) <> 0 limit 1;
  if found then
    raise exception 'entries of posting % do not sum to zero', wrong
      using errcode = 'check_violation', constraint = 'ledger_entry_balanced';
  end if;
  select a.posting_id into wrong from added a join ledger_entry e on e.posting_id = a.posting_id
    left join added same on same.id = e.id where same.id is null limit 1;
  if found then
    raise exception 'posting % is complete, book another one', wrong
      using errcode = 'check_violation', constraint = 'ledger_entry_complete';
  end if;
  select e.posting_id into wrong from added e join ledger_posting p on p.id = e.posting_id
    join ledger_account a on a.id = e.account_id where a.place <> p.place limit 1;
  if found then
    raise exception 'posting % is not of the place of its accounts', wrong
      using errcode = 'check_violation', constraint = 'ledger_entry_place';
  end if;
  select p.id into wrong from (select distinct posting_id from added) n join ledger_posting p on p.id = n.posting_id
    where p.reverses_id is not null and exists (
      select 1 from ledger_entry e where e.posting_id in (p.id, p.reverses_id) group by e.account_id having sum(e.amount_fen) <> 0);
  if found then
    raise exception 'posting % is not the mirror of the one it reverses', wrong
      using errcode = 'check_violation', constraint = 'ledger_entry_mirror';
  end if;
  return null;
end $$;
"""
CLOSED = """
create function ledger_day_closed() returns trigger language plpgsql as $$
begin
  insert into ledger_placebook (place) values (new.place) on conflict do nothing;
  perform 1 from ledger_placebook where place = new.place for update;
  if exists (select 1 from ledger_placebook where place = new.place and closed_to >= new.day) then
    raise exception 'the books of % are closed beyond %', new.place, new.day
      using errcode = 'check_violation', constraint = 'ledger_dayclosing_order';
  end if;
  return new;
end $$;
create trigger ledger_dayclosing_order before insert on ledger_dayclosing for each row execute function ledger_day_closed();
alter table ledger_dayclosing enable always trigger ledger_dayclosing_order;

create function ledger_day_moves() returns trigger language plpgsql as $$
begin
  update ledger_placebook b set closed_to = n.day from (select place, max(day) as day from added group by place) n where b.place = n.place;
  return null;
end $$;
create trigger ledger_dayclosing_moves after insert on ledger_dayclosing referencing new table as added
  for each statement execute function ledger_day_moves();
alter table ledger_dayclosing enable always trigger ledger_dayclosing_moves;

create function ledger_book_moves_on() returns trigger language plpgsql as $$
begin
  if tg_op in ('DELETE', 'TRUNCATE') or (tg_op = 'INSERT' and new.closed_to is not null) or (tg_op = 'UPDATE' and (
      new.place <> old.place or new.closed_to is null or new.closed_to <= old.closed_to
      or not exists (select 1 from ledger_dayclosing d where d.place = new.place and d.day = new.closed_to))) then
    raise exception 'books are closed day by day and never opened again'
      using errcode = 'check_violation', constraint = 'ledger_placebook_moves_on';
  end if;
  return new;
end $$;
create trigger ledger_placebook_moves_on before insert or update or delete on ledger_placebook
  for each row execute function ledger_book_moves_on();
create trigger ledger_placebook_kept before truncate on ledger_placebook for each statement execute function ledger_book_moves_on();
alter table ledger_placebook enable always trigger ledger_placebook_moves_on;
alter table ledger_placebook enable always trigger ledger_placebook_kept;

create function ledger_month_closed() returns trigger language plpgsql as $$
declare last date;
begin
  if tg_op in ('DELETE', 'TRUNCATE') then
    raise exception 'a closed month stays closed' using errcode = 'restrict_violation';
  end if;
  if tg_op = 'INSERT' and new.confirmed_by is not null then
    raise exception 'a month is confirmed by another, later' using errcode = 'check_violation', constraint = 'ledger_monthclosing_steps';
  end if;
  if tg_op = 'UPDATE' and (old.confirmed_by is not null or new.confirmed_by is null
      or (new.id, new.place, new.month, new.closed_by, new.closed_at)
         is distinct from (old.id, old.place, old.month, old.closed_by, old.closed_at)) then
    raise exception 'a closed month stays closed' using errcode = 'restrict_violation';
  end if;
  last := (to_date(new.month::text, 'YYYYMM') + interval '1 month - 1 day')::date;
  if not exists (select 1 from ledger_placebook where place = new.place and closed_to >= last) then
    raise exception 'a month is closed after its days' using errcode = 'check_violation', constraint = 'ledger_monthclosing_days';
  end if;
  return new;
end $$;
create trigger ledger_monthclosing_steps before insert or update or delete on ledger_monthclosing
  for each row execute function ledger_month_closed();
create trigger ledger_monthclosing_kept before truncate on ledger_monthclosing
  for each statement execute function ledger_month_closed();
alter table ledger_monthclosing enable always trigger ledger_monthclosing_steps;
alter table ledger_monthclosing enable always trigger ledger_monthclosing_kept;
"""
WRITE_ONCE = {Role.ENGINE: ("select, insert", ALL), Role.AGENCY: ("select", ALL)}
MOVES = {Role.ENGINE: ("select, insert, update", ALL), Role.AGENCY: ("select", ALL)}


class Migration(migrations.Migration):
    """Days and months are closed; nothing is booked into what is closed. Postings know their place and what they reverse."""

    dependencies = [("ledger", "0004_kinds")]
    operations = [
        migrations.AddField("posting", "place", models.CharField(max_length=6, null=True)),
        migrations.RunSQL(PLACE, migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.AlterField("posting", "place", models.CharField(max_length=6))]),
        migrations.AddField(
            "posting",
            "reverses",
            models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.posting"),
        ),
        migrations.AddIndex("posting", models.Index(fields=["place", "booked_on", "id"], name="ledger_posting_day")),
        migrations.CreateModel(
            name="PlaceBook",
            fields=[
                ("place", models.CharField(max_length=6, primary_key=True, serialize=False)),
                ("closed_to", models.DateField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="DayClosing",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("place", models.CharField(max_length=6)),
                ("day", models.DateField()),
                ("closed_by", models.IntegerField()),
                ("closed_at", models.DateTimeField()),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("place", "day"), name="ledger_dayclosing_once")]},
        ),
        migrations.CreateModel(
            name="DaySum",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("debit_fen", models.BigIntegerField()),
                ("credit_fen", models.BigIntegerField()),
                ("debit_total_fen", models.BigIntegerField()),
                ("credit_total_fen", models.BigIntegerField()),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.account"),
                ),
                (
                    "closing",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="sums", to="ledger.dayclosing"),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("closing", "account"), name="ledger_daysum_once")]},
        ),
        migrations.CreateModel(
            name="MonthClosing",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("place", models.CharField(max_length=6)),
                ("month", models.IntegerField()),
                ("closed_by", models.IntegerField()),
                ("closed_at", models.DateTimeField()),
                ("confirmed_by", models.IntegerField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("place", "month"), name="ledger_monthclosing_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("confirmed_at", None), ("confirmed_by", None)),
                            models.Q(("confirmed_at__isnull", False), models.Q(("confirmed_by", models.F("closed_by")), _negated=True)),
                            _connector="OR",
                        ),
                        name="ledger_monthclosing_two_people",
                    ),
                ]
            },
        ),
        migrations.RunSQL(POSTED + BALANCED + CLOSED, migrations.RunSQL.noop),
        protect("ledger_placebook", MOVES),
        protect("ledger_monthclosing", MOVES),
        *(protect(table, WRITE_ONCE) for table in ("ledger_dayclosing", "ledger_daysum")),
        *(append_only(table) for table in ("ledger_dayclosing", "ledger_daysum")),
    ]
