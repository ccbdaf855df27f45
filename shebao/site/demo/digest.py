"""The demo city as one number: what people would see of it, in order, without what chance of the machine decides (salts, file times)."""

import hashlib

from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE

_SEEN = (
    "select id, name, place, district from parties_agency",
    "select number, name, uscc, agency_id, kind, vip, industry, registered_on from parties_unit",
    "select unit_id, insurance_mask, injury_class, from_month, to_month, known_from from parties_unitterms",
    "select number, id_number, name, ethnicity, registered_at from parties_person",
    "select person_id, unit_id, insurance_mask, from_month, to_month, stop_reason, known_from, known_to from enrolment_spell",
    "select person_id, unit_id, wage_fen, from_month, to_month, known_from, known_to from enrolment_wage",
    "select month, count(*), sum(pension_unit_fen), sum(medical_unit_fen) from levy_assessment group by 1",
    "select number, unit_id, month, issued_on, due_date, headcount, unit_fen, person_fen, late_fee_fen, paid_fen, moved_fen, state"
    " from levy_bill",
    "select unit_id, person_id, month, insurance, unit_fen, person_fen, late_fee_fen, state from levy_takendue",
    "select serial, bill_number, amount_fen, allocated_fen, paid_on, state, reason, entered_at from levy_receipt",
    "select key, booked_on, recorded_at, state, text from ledger_posting",
    "select number, item_code, channel, unit_id, subject, state, returned, return_reason, round, created_at, ended_at from casework_case",
    "select case_id, row, id_number, name, state, typed::text, refusals::text from casework_filing",
    "select name, agency_id, unit_day_max from contact_office",
    "select office_id, day, from_minute, capacity, booked from contact_slot",
    "select number, slot_id, unit_id, item_code, state from contact_booking",
    "select number, unit_id, subject, state from contact_question",
    "select title, text, audience, from_date, state from contact_notice",
    "select unit_id, title, text, at from contact_message",
    "select username, name, post_class, unit_id, agency_id from access_account",
)


def digest() -> str:
    """SHA-256 over the rows of a city, as text. The same for the same seed, size and day in a fresh database."""
    running = hashlib.sha256()
    with acting(ENGINE), connection.cursor() as cursor:
        for query in _SEEN:
            columns = query.removeprefix("select ").split(" from ")[0].count(",") + 1
            cursor.execute(f"{query} order by {', '.join(str(i) for i in range(1, columns + 1))}")
            for row in cursor:
                running.update(repr(row).encode())
    return running.hexdigest()
