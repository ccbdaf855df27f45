from django.db import migrations

from shebao.audit.security import ALL, OWN_AGENCY, OWN_UNIT, append_only, protect
from shebao.base.actor import Role

BOOKINGS = """
create sequence contact_booking_number minvalue 1;
grant usage on sequence contact_booking_number to shebao_engine;
alter table contact_hours
  add constraint contact_hours_order check (0 <= from_minute and from_minute < to_minute and to_minute <= 1440),
  add constraint contact_hours_weekday check (weekday between 0 and 6),
  add constraint contact_hours_sensible check (slot_minutes between 5 and 480 and capacity between 1 and 500),
  add constraint contact_hours_no_overlap exclude using gist (
    int8range(office_id * 8 + weekday, office_id * 8 + weekday, '[]') with &&, int4range(from_minute, to_minute) with &&) where (kept);
alter table contact_slot
  add constraint contact_slot_order check (from_minute < to_minute and capacity > 0),
  add constraint contact_slot_no_overlap exclude using gist (
    int8range(office_id, office_id, '[]') with &&, daterange(day, day, '[]') with &&, int4range(from_minute, to_minute) with &&)
    where (not closed);
alter table contact_booking add constraint contact_booking_ticket check (
  (ticket is null) = (arrived_at is null) and (state not in ('waiting', 'called', 'served') or ticket is not null));

-- Places are counted by the table itself; the check on the slot refuses one too many, whoever writes.
create function contact_count_places() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    update contact_slot set booked = booked + 1 where id = new.slot_id and not closed;
    if not found then raise exception 'the slot is closed' using errcode = 'check_violation'; end if;
  elsif old.state <> 'cancelled' and new.state = 'cancelled' then
    update contact_slot set booked = booked - 1 where id = new.slot_id;
  end if;
  return null;
end $$;
create trigger contact_booking_places after insert or update on contact_booking for each row execute function contact_count_places();
create function contact_booking_moves() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in ('booked>waiting', 'booked>missed', 'booked>cancelled',
      'missed>waiting', 'waiting>called', 'waiting>missed', 'called>served', 'called>missed', 'called>waiting')
    or (old.number, old.slot_id, old.office_id, old.day, old.unit_id, old.agency_id, old.item_code)
      is distinct from (new.number, new.slot_id, new.office_id, new.day, new.unit_id, new.agency_id, new.item_code) then
    raise exception 'a booking does not go from % to %', old.state, new.state using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger contact_booking_moves before update on contact_booking for each row execute function contact_booking_moves();
"""
QUESTIONS = """
create sequence contact_question_number minvalue 1;
grant usage on sequence contact_question_number to shebao_unit;
alter table contact_question add constraint contact_question_owner unique (id, unit_id);
alter table contact_questionline
  add constraint contact_questionline_owner foreign key (question_id, unit_id) references contact_question (id, unit_id),
  add constraint contact_questionline_side check (side in ('unit', 'agency') and length(text) between 1 and 2000);
-- Nobody speaks for the other side, and nobody answers himself.
create function contact_own_side() returns trigger language plpgsql as $$
begin
  if (current_user = 'shebao_unit' and new.side <> 'unit') or (current_user = 'shebao_agency' and new.side <> 'agency') then
    raise exception 'the other side speaks for itself' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger contact_questionline_side before insert on contact_questionline for each row execute function contact_own_side();
create function contact_question_moves() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state = 'closed' or (current_user = 'shebao_unit' and new.state not in ('open', 'closed'))) then
    raise exception 'a question does not go from % to %', old.state, new.state using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger contact_question_moves before update on contact_question for each row execute function contact_question_moves();
"""
NOTICES = """
create function contact_notice_moves() returns trigger language plpgsql as $$
begin
  if (old.state <> 'draft' and (old.title, old.text, old.audience, old.unit_id, old.from_date, old.to_date, old.published_by)
        is distinct from (new.title, new.text, new.audience, new.unit_id, new.from_date, new.to_date, new.published_by))
    or (old.state = 'withdrawn' and new.state <> 'withdrawn') or (old.state = 'published' and new.state = 'draft') then
    raise exception 'what was published is withdrawn, not edited' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger contact_notice_moves before update on contact_notice for each row execute function contact_notice_moves();
"""
# Part of a name, found without an extension: the pairs of neighbouring characters, in an inverted index (see contact.finding).
SEARCH = """
create function contact_pairs(words text) returns text[] language sql immutable strict parallel safe
  as $$ select array(select substr(words, i, 2) from generate_series(1, length(words) - 1) i) $$;
create index contact_person_pairs on parties_person using gin (contact_pairs(name::text));
create index contact_unit_pairs on parties_unit using gin (contact_pairs(name::text))
"""
# A unit sees the counters of its own agency.
AGENCY_OF_UNIT = "agency_id = (select u.agency_id from parties_unit u where u.id = app_unit())"
KEPT_BY_AGENCY = {
    Role.UNIT: ("select", AGENCY_OF_UNIT),
    Role.AGENCY: ("select, insert, update", OWN_AGENCY),
    Role.ENGINE: ("select", ALL),
}
TURN = "select, update (state, changed_at, ticket, arrived_at, called_at, counter, reason)"
NOTICE_STEPS = (
    "select, insert, update (audience, unit_id, title, text, from_date, to_date, state, published_by, published_name, published_at,"
    " withdrawn_name, withdrawn_at, reason)"
)


class Migration(migrations.Migration):
    """Units see and write their own; places, tickets, rounds and the two people of a notice are held by the database."""

    dependencies = [("contact", "0001_initial")]
    operations = [
        migrations.RunSQL(BOOKINGS, migrations.RunSQL.noop),
        migrations.RunSQL(QUESTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(NOTICES, migrations.RunSQL.noop),
        migrations.RunSQL(SEARCH, "drop index contact_person_pairs; drop index contact_unit_pairs; drop function contact_pairs"),
        protect("contact_office", KEPT_BY_AGENCY),
        protect("contact_officeitem", KEPT_BY_AGENCY),
        protect("contact_hours", KEPT_BY_AGENCY),
        protect("contact_closedday", KEPT_BY_AGENCY),
        protect("contact_slot", {**KEPT_BY_AGENCY, Role.ENGINE: ("select, update", ALL)}),
        protect(
            "contact_booking",
            {Role.UNIT: ("select", OWN_UNIT), Role.AGENCY: (TURN, OWN_AGENCY), Role.ENGINE: ("select, insert, update", ALL)},
        ),
        protect(
            "contact_question",
            {
                Role.UNIT: ("select, insert, update (state, rounds, waiting_since, changed_at)", OWN_UNIT),
                Role.AGENCY: ("select, update (state, changed_at, claimed_by, claimed_name)", OWN_AGENCY),
                Role.ENGINE: ("select", ALL),
            },
        ),
        protect(
            "contact_questionline",
            {Role.UNIT: ("select, insert", OWN_UNIT), Role.AGENCY: ("select, insert", OWN_AGENCY), Role.ENGINE: ("select", ALL)},
        ),
        protect(
            "contact_notice",
            {
                Role.PUBLIC: ("select", "state = 'published' and audience = 'all'"),
                Role.UNIT: (
                    "select",
                    f"state = 'published' and (audience = 'all' or unit_id = app_unit() or (audience = 'agency' and {AGENCY_OF_UNIT}))",
                ),
                Role.AGENCY: (NOTICE_STEPS, OWN_AGENCY),
                Role.ENGINE: ("select", ALL),
            },
        ),
        protect(
            "contact_message",
            {
                Role.UNIT: ("select, update (read_at, read_name)", OWN_UNIT),
                Role.AGENCY: ("select, insert", OWN_AGENCY),
                Role.ENGINE: ("select, insert", ALL),
            },
        ),
        append_only("contact_questionline"),
    ]
