"""稽核: on a sound town every check agrees; each planted fault is found by the check that is there for it, and by no shared code."""

import subprocess
import sys
from datetime import date

import pytest
from django.db import connections

from shebao.auditor.books import AuditImpossible, audit, examine
from shebao.auditor.controls import CONTROLS
from shebao.auditor.model import Finding
from shebao.auditor.report import as_json, lines
from shebao.auditor.rules import RULES
from shebao.base.actor import ENGINE
from shebao.ledger import closing
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book, reverse
from shebao.levy import receiving
from shebao.levy.models import Bill
from shebao.site import database
from tests.db import support
from tests.db.support import acting, finance, moment

PLACE = support.PLACE


def address(name: str) -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo(str(database.known().auditor), dbname=name)


@pytest.fixture(scope="module")
def town(database: str) -> str:
    """Months assessed, one undeclared and settled with a credit, paid in part and twice, an order, a hand entry, a reversal, days closed."""
    support.make_agency(1), support.make_agency(2)
    for agency in (1, 2):
        unit = support.make_unit(f"{agency}号公司", agency=agency)
        people = support.person_ids(support.hire(unit, 3, month=202606, agency=agency))
        support.put_right(unit, people[0], 202606, agency=agency)
        if agency == 2:
            support.settle_and_defer([(unit, agency)], 202606)
    with acting(ENGINE):
        bills = list(Bill.objects.order_by("id"))
    support.pay(bills[0], bills[0].open_fen // 2, at=moment(202609), agency=bills[0].agency_id)
    support.pay(bills[-1], bills[-1].open_fen + 500, at=moment(202609), agency=bills[-1].agency_id)
    with acting(finance(300)):
        hand = receiving.Payment("H-1", bills[1].number, "甲", 700, date(2026, 9, 10))
        pk = receiving.enter_by_hand(hand, agency_id=bills[1].agency_id, place=PLACE, on=date(2026, 9, 10), at=moment(202609))
    with acting(finance(301)):
        receiving.confirm(pk, place=PLACE, on=date(2026, 9, 11), at=moment(202609, 11))
    with acting(finance(300)):
        waits = receiving.Payment("H-2", "HD-none", "甲", 900, date(2026, 9, 12))
        receiving.enter_by_hand(waits, agency_id=1, place=PLACE, on=date(2026, 9, 12), at=moment(202609, 12))
    from tests.db.test_isolation import owe_on_an_order

    owe_on_an_order(bills[0].unit_id, bills[0].agency_id)
    with acting(finance(300)):
        sides = (Side(110, AccountKind.BANK, 5), Side(110, AccountKind.INCOME, -5))
        book([Booking("mistake", "误记", "t", sides)], place=PLACE, on=date(2026, 9, 12), at=moment(202609, 12))
        closing.close_days(PLACE, date(2026, 9, 30), at=moment(202610))
        reverse("mistake", "误记", on=date(2026, 10, 1), at=moment(202610))
    return database


def found(town: str, **asked: object) -> dict[str, Finding]:
    return {f.name: f for f in audit(address(town), **asked)}  # type: ignore[arg-type]


def wrong(town: str) -> set[str]:
    return {name for name, f in found(town).items() if f.state == "wrong"}


def test_a_sound_town_agrees_in_every_check_and_each_looked_at_something(town: str) -> None:
    told = found(town)
    assert {name: f.figures for name, f in told.items() if f.state != "ok"} == {}
    quiet = {name for name, f in told.items() if not f.examined}
    assert quiet <= {
        "due_in_one_place",
        "person_bill_of_its_dues",
        "interest_due",
        "transit",
        "months_closed_by_two",
        "other_lines_of_their_people",
        *NOTHING_YET,
    }
    assert [(f.what, f.should) for f in told["suspense"].figures] == [("未归属", 500)]
    assert told["late_fee_due"].figures[0].should > 0


NOTHING_YET = {
    "fiscal",
    "advance",
    "batch_of_its_lines",
    "batch_paid_as_answered",
    "sent_dues_are_out",
    "refund_of_its_lines",
    "refund_due",
}
BATCH = """insert into levy_debitbatch (number, place, scheme, bank, month, first_month, planned_on, state, lines, total_fen, left_out,
           paid_lines, paid_fen, begun_by, begun_at, chunks) values
           ('BX', '420100', 'city', '001', 202609, 202609, '2026-09-20', '{}', 1, 5, 0, 0, 0, 1, now(), 1)"""
NO_BATCH_RULES = "alter table levy_debitbatch drop constraint levy_debitbatch_sent"
REFUND = """with r as (insert into levy_refund (number, agency_id, place, amount_fen, payee_name, payee_bank, payee_account, reason, state,
            two_reviewers, applied_by, applied_at, reviewed_by, note, attempt, booked)
            values ('TF1', 1, '420100', 7, 'n', 'b', '1', 'r', 'approved', false, 1, now(), 2, '', 0, {}) returning id)
            insert into levy_refundline (refund_id, source, fund, amount_fen, interest_fen, refund_due_id, released)
            select id, 'difference', 110, {}, 0, null, false from r"""
NO_SOURCE = "alter table levy_refundline drop constraint levy_refundline_source"
NO_LINE = "alter table levy_outgoing alter column line_id drop not null"
OUTGOING = """with o as (insert into levy_outgoing (agency_id, kind, reason, state, proposed_by, proposed_at, decided_by, decided_at, posted_on)
              values (1, '{}', 'r', 'confirmed', 1, now(), 2, now(), '2026-09-12') returning id)
              insert into levy_outgoingpart (outgoing_id, fund, amount_fen) select id, 110, 5 from o"""
# By check: tables whose triggers are set aside, then the fault.
LINE = "(select min(l.id) from levy_billline l join levy_bill b on b.id = l.bill_id where b.kind = 'monthly' and l.origin = 'normal')"
POSTED = "(select min(id) from ledger_posting where state = 'posted')"
FREE = "(select id from ledger_posting where key = 'mistake')"
NEW_DUE = """insert into levy_flexdue (person_id, month, insurance, unit_id, agency_id, origin, tier, base_fen, total_fen, account_fen, state,
             recorded_at, paid_on) select p.id, 202609, 110, u.id, u.agency_id, 'normal', 100, 1, 100, 40, '{}', now(), {}
             from (select min(id) id from parties_person) p, (select id, agency_id from parties_unit order by id limit 1) u"""
FAULTS: dict[str, tuple[str, ...]] = {
    "posting_balanced": (
        "ledger_entry",
        f"update ledger_entry set amount_fen = amount_fen + 1 where id = (select min(id) from ledger_entry where posting_id = {POSTED})",
    ),
    "posting_has_entries": ("ledger_entry", f"delete from ledger_entry where posting_id = {POSTED}"),
    "fund_balanced": (
        "ledger_entry",
        f"""update ledger_entry e set account_id = o.id from ledger_account a, ledger_account o where a.id = e.account_id
            and o.place = a.place and o.kind = a.kind and o.fund <> a.fund and e.id = (select min(id) from ledger_entry where posting_id = {POSTED})""",
    ),
    "posting_of_one_place": ("ledger_posting", f"update ledger_posting set place = '420200' where id = {POSTED}"),
    "resolved_pending": (
        "ledger_posting",
        "update ledger_posting set state = 'posted' where key like 'hand:%' and id in (select resolves_id from ledger_posting)",
    ),
    "reversal_mirrors": (
        "ledger_entry",
        "delete from ledger_entry where posting_id = (select id from ledger_posting where reverses_id is not null)",
    ),
    "closed_days": ("ledger_daysum", "update ledger_daysum set debit_fen = debit_fen + 1 where id = (select max(id) from ledger_daysum)"),
    "closed_totals": (
        "ledger_daysum",
        "update ledger_daysum set credit_total_fen = credit_total_fen + 1 where id = (select max(id) from ledger_daysum)",
    ),
    "closed_in_order": (
        "ledger_dayclosing ledger_placebook",
        "insert into ledger_dayclosing (place, day, closed_by, closed_at) select place, max(day) + 3, 1, now() from ledger_dayclosing group by 1",
    ),
    "months_closed_by_two": (
        "ledger_monthclosing",
        "alter table ledger_monthclosing drop constraint ledger_monthclosing_two_people",
        "insert into ledger_monthclosing (place, month, closed_by, closed_at, confirmed_by, confirmed_at) values ('420100', 202609, 1, now(), 1, now())",
    ),
    "bill_of_its_lines": ("levy_bill", "update levy_bill set person_fen = person_fen + 1 where id = (select min(id) from levy_bill)"),
    "paid_within_due": (
        "levy_billline",
        "alter table levy_billline drop constraint levy_billline_not_overpaid",
        f"update levy_billline set paid_fen = unit_fen + person_fen + 1 where id = {LINE}",
    ),
    "unit_bill_of_its_people": ("levy_billline", f"update levy_billline set unit_fen = unit_fen + 1 where id = {LINE}"),
    "other_lines_of_their_people": ("levy_billline", f"update levy_billline set origin = 'back' where id = {LINE}"),
    "orders_of_their_dues": (
        "levy_takendue",
        "update levy_takendue set unit_fen = unit_fen + 1 where id = (select min(id) from levy_takendue)",
    ),
    "moved_and_written_off": (
        "levy_billline",
        "update levy_billline set moved_fen = moved_fen - 1 where id = (select min(id) from levy_billline where moved_fen > 0)",
    ),
    "receipt_shared_out": (
        "levy_allocation",
        "update levy_allocation set amount_fen = amount_fen + 1 where id = (select min(id) from levy_allocation)",
    ),
    "line_paid_by_receipts": (
        "levy_billline",
        "update levy_billline set paid_fen = paid_fen - 1 where id = (select min(id) from levy_billline where paid_fen > 0)",
    ),
    "serial_once": (
        "levy_receipt",
        "alter table levy_receipt drop constraint levy_receipt_serial_key",
        "update levy_receipt set serial = (select max(serial) from levy_receipt)",
    ),
    "receipt_two_people": (
        "levy_receipt",
        "alter table levy_receipt drop constraint levy_receipt_two_people",
        "update levy_receipt set confirmed_by = entered_by where serial = 'H-1'",
    ),
    "credits_used": (
        "levy_estimate",
        "update levy_estimate set used_fen = used_fen - 1 where id = (select min(id) from levy_estimate where used_fen > 0)",
    ),
    "due_in_one_place": (
        "levy_flexdue",
        "alter table levy_flexdue drop constraint levy_flexdue_one_place, drop constraint levy_flexdue_paid_on",
        NEW_DUE.format("billed", "null"),
    ),
    "person_bill_of_its_dues": (
        "levy_bill",
        "alter table levy_bill drop constraint levy_bill_of_person",
        "update levy_bill set kind = 'person' where id = (select min(id) from levy_bill)",
    ),
    "batch_of_its_lines": ("levy_debitbatch", BATCH.format("built")),
    "batch_paid_as_answered": (
        "levy_debitbatch",
        NO_BATCH_RULES,
        BATCH.format("posted"),
        "insert into levy_debitchunk (batch_id, chunk, first_person, last_person, base, posted_lines, posted_fen, told)"
        " select id, 0, 1, 2, 0, 1, 5, false from levy_debitbatch",
    ),
    "sent_dues_are_out": (
        "levy_flexdue",
        "alter table levy_flexdue drop constraint levy_flexdue_one_place",
        NEW_DUE.format("sent", "null"),
    ),
    "account_source_of_its_entries": (
        "accounts_source",
        "insert into accounts_source (reference, turn, kind, label, place, credited_month, booked_on, recorded_at, rows, own_fen, employer_fen)"
        " values ('x', 1, 1, 'x', '420100', 202609, '2026-09-01', now(), 1, 5, 0)",
    ),
    "employer_part_of_accounts": (
        "accounts_source accounts_entry",
        "select accounts_open_year(2026)",
        "insert into accounts_source (reference, turn, kind, label, place, credited_month, booked_on, recorded_at, rows, own_fen, employer_fen)"
        " values ('x', 1, 1, 'x', '420100', 202609, '2026-09-01', now(), 1, 5, 3)",
        "insert into accounts_entry (person_id, source_id, own_fen, employer_fen, month, credited_month, year, kind)"
        " select 1, max(id), 5, 3, 200601, 202609, 2026, 1 from accounts_source",
    ),
    "reason_of_every_difference": (
        "levy_refunddue",
        "insert into levy_refunddue (unit_id, person_id, agency_id, month, insurance, base_fen, unit_fen, person_fen, reason, recorded_at)"
        " select u.id, p.id, u.agency_id, 202609, 110, 0, 5, 0, 'x', now() from (select min(id) id from parties_person) p,"
        " (select id, agency_id from parties_unit order by id limit 1) u",
    ),
    "fiscal": ("levy_outgoing levy_outgoingpart", NO_LINE, OUTGOING.format("fiscal")),
    "advance": ("levy_outgoing levy_outgoingpart", NO_LINE, OUTGOING.format("advance")),
    "refund_of_its_lines": ("levy_refund levy_refundline", NO_SOURCE, REFUND.format("true", 6)),
    "refund_due": ("levy_refund levy_refundline", NO_SOURCE, REFUND.format("true", 7)),
    "personal": (
        "accounts_source",
        "select accounts_open_year(2026)",
        "insert into accounts_source (reference, turn, kind, label, place, credited_month, booked_on, recorded_at, rows, own_fen, employer_fen)"
        " values ('x', 1, 1, 'x', '420100', 202609, '2026-09-01', now(), 1, 5, 0)",
        "insert into accounts_entry (person_id, source_id, own_fen, employer_fen, month, credited_month, year, kind)"
        " select 1, max(id), 5, 0, 202609, 202609, 2026, 1 from accounts_source",
    ),
    "run_of_its_chunks": ("levy_run", "update levy_run set rows = rows + 1 where id = (select min(id) from levy_run)"),
    "receivable": ("levy_flexdue", NEW_DUE.format("open", "null")),
    "late_fee_due": (
        "levy_billline",
        "update levy_billline set paid_fen = paid_fen + 1 where id = (select min(id) from levy_billline where origin = 'late_fee')",
    ),
    "interest_due": ("levy_flexdue", NEW_DUE.format("open", "null"), "update levy_flexdue set interest_fen = 3"),
    "bank": ("levy_receipt", "update levy_receipt set channel = 'bank' where id = (select min(id) from levy_receipt)"),
    "transit": (
        "levy_receipt",
        "update levy_receipt set channel = 'tax' where id = (select max(id) from levy_receipt where state = 'suspense')",
    ),
    "suspense": (
        "levy_receipt",
        "update levy_receipt set amount_fen = amount_fen + 1 where id = (select max(id) from levy_receipt where state = 'suspense')",
    ),
}


def plant(town: str, check: str) -> set[str]:
    """One fault, written by the owner past the triggers; what the auditor's role says of it in the same transaction. Nothing of it stays."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    connections.close_all()
    tables, *statements = FAULTS[check]
    with psycopg.connect(make_conninfo(str(database.known().superuser), dbname=town)) as link:
        link.execute("set local role shebao_owner")
        for table in tables.split():
            link.execute(f"alter table {table} disable trigger user")
        for statement in statements:
            assert link.execute(statement).rowcount != 0, statement
        link.execute("set local role shebao_auditor")
        told = {f.name for f in examine(link.cursor()) if f.state == "wrong"}
        link.rollback()
        return told


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_finds_the_fault_that_is_planted_for_it(town: str, check: str) -> None:
    assert check in plant(town, check)


def test_no_check_is_without_a_planted_fault() -> None:
    assert set(FAULTS) == {c.name for c in (*RULES, *CONTROLS)}


def test_every_check_has_a_name_of_its_own_and_a_sentence() -> None:
    names = [c.name for c in (*RULES, *CONTROLS)]
    assert len(names) == len(set(names)) > 25
    assert all(c.sentence for c in (*RULES, *CONTROLS))


def test_an_earlier_day_is_audited_in_the_ledger_alone_and_says_so(town: str) -> None:
    told = found(town, on=date(2026, 8, 31))
    assert told["receivable"].state == told["bill_of_its_lines"].state == "skipped"
    assert "只能核对此刻" in told["receivable"].reason
    assert told["posting_balanced"].state == "ok"
    assert 0 < told["posting_balanced"].examined < found(town)["posting_balanced"].examined


def test_another_place_has_nothing_to_tell(town: str) -> None:
    assert found(town, place="429999")["receivable"].figures == []


def test_a_table_that_is_not_there_is_said_and_not_passed_over(town: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from shebao.auditor import books
    from shebao.auditor.model import Control, Part, Rule

    rule = Rule("r", "某事", "select 1", "select 1", ("levy_receipt", "not_there"))
    control = Control("c", "某账", "bank", (Part("甲", "select 1", ("nor_this",)),))
    monkeypatch.setattr(books, "RULES", (rule,))
    monkeypatch.setattr(books, "CONTROLS", (control,))
    told = found(town)
    assert (told["r"].state, told["r"].reason) == ("skipped", "没有表 not_there")
    assert (told["c"].state, told["c"].reason) == ("skipped", "“甲”没有核对：没有表 nor_this")
    assert lines(list(told.values()))[-1] == "共 2 项：一致 0 项，不一致 0 项，未核对 2 项"


def test_the_report_tells_figures_and_offenders_in_words_and_as_json(town: str) -> None:
    findings = audit(address(town))
    text, told = "\n".join(lines(findings)), as_json(findings)
    assert "[一致] 每张凭证借贷相等（posting_balanced" in text
    assert told["differences"] == 0 and told["verdict"].endswith("未核对 0 项")
    receivable = next(c for c in told["checks"] if c["name"] == "receivable")
    assert all(f["difference"] == "0.00" and f["should"] == f["found"] for f in receivable["figures"]) and receivable["figures"]


def test_a_database_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(AuditImpossible, match="稽核没有完成"):
        audit("host=127.0.0.1 port=1 user=nobody dbname=nothing")


def test_the_auditor_imports_base_and_the_driver_only() -> None:
    code = "import sys, shebao.auditor.books, shebao.auditor.report; print(sorted({m.split('.')[1] for m in sys.modules if m.startswith('shebao.')}), 'django' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "['auditor', 'base'] False"


def test_the_command_ends_with_one_when_something_differs(
    town: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shebao.site import command

    monkeypatch.setenv("SHEBAO_DATABASE_NAME", town)
    monkeypatch.setattr(database, "ensure", lambda: database.Databases("", None, address(town)))
    assert command.main(["audit", "books"]) == 0
    assert "不一致 0 项" in capsys.readouterr().out
    with connections["owner"].cursor() as cursor:
        cursor.execute("alter table levy_run disable trigger user")
        cursor.execute("update levy_run set rows = rows + 1")
        try:
            assert command.main(["audit", "books", "--json"]) == 1
        finally:
            cursor.execute("update levy_run set rows = rows - 1")
    assert '"differences": 1' in capsys.readouterr().out
