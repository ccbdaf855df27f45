"""Nothing of one unit or agency reaches another: tried for every table, role and verb that the catalogue of PostgreSQL knows."""

import json
from collections.abc import Iterator
from datetime import date

import pytest
from django.apps import apps
from django.utils.timezone import now

from shebao.access.models import (
    Acceptance,
    Account,
    Certificate,
    Grant,
    Guess,
    Operator,
    OperatorRight,
    Qualification,
    Registration,
    SignIn,
    Slip,
)
from shebao.accounts import crediting
from shebao.accounts.models import EndKind
from shebao.accounts.part_year import settle_part_year
from shebao.accounts.registering import NewFacts, register_facts
from shebao.base.actor import ENGINE, PUBLIC, Actor, Role
from shebao.base.terms import Post
from shebao.casework import attachments, batch
from shebao.casework.item import item_of
from shebao.casework.models import ErrorFile, Settlement
from shebao.contact import bookings, notices, offices, questions
from shebao.enrolment.annual import NewRetiree, YearWage, declare_retirees, declare_year
from shebao.enrolment.models import Spell, Tier
from shebao.ledger import closing
from shebao.ledger.models import MonthClosing
from shebao.levy import orders
from shebao.levy.arrears import overdue_bills
from shebao.levy.models import Bill, FlexDue, PersonRequest
from shebao.levy.owing import owed_on
from shebao.papers import bundles
from shebao.papers.models import Paper
from shebao.parties.changes import Change, change_people, change_units
from shebao.parties.models import CalendarYear, Person
from shebao.policy.account import RATE
from shebao.policy.rulebook import Rulebook, standard
from shebao.runs import account_interest
from tests.db import money_support, support
from tests.db.contact_support import FRIDAY, NOW, make_office, slot_of
from tests.db.support import acting, as_owner, attempt
from tests.db.tax_rows import with_the_tax_office
from tests.pictures import picture

DENIED = "42501"
# Whose a row is: a condition with the unit's (or agency's) number. Tables not named here go by their columns unit_id and agency_id.
UNITS = {
    "parties_unit": "t.id = {0}",
    "parties_person": "exists (select 1 from enrolment_spell s where s.person_id = t.id and s.unit_id = {0})",
    "parties_personfact": "exists (select 1 from enrolment_spell s where s.person_id = t.person_id and s.unit_id = {0})",
    "levy_billline": "exists (select 1 from levy_bill b where b.id = t.bill_id and b.unit_id = {0})",
    "levy_recalculation": "t.state = 'released' and {0} > 0",
    "levy_recalculationline": "t.unit_id = {0} and t.state = 'charged'",
    "levy_receipt": "exists (select 1 from levy_bill b where b.id = t.bill_id and b.unit_id = {0})",
    **dict.fromkeys(
        ("levy_taxpayment", "levy_taxreversal"),
        "exists (select 1 from levy_receipt r join levy_bill b on b.id = r.bill_id where r.id = t.receipt_id and b.unit_id = {0})",
    ),
    "levy_allocation": "exists (select 1 from levy_receipt r join levy_bill b on b.id = r.bill_id"
    " where r.id = t.receipt_id and b.unit_id = {0})",
    "levy_refundline": "exists (select 1 from levy_refund r where r.id = t.refund_id and r.unit_id = {0})",
    "levy_declarationline": "exists (select 1 from levy_declaration d where d.id = t.declaration_id and d.unit_id = {0})",
    "levy_credituse": "exists (select 1 from levy_estimate e where e.id = t.estimate_id and e.unit_id = {0})",
    "access_account": "t.id = {0}00",
    "access_grant": "t.account_id = {0}00",
    "access_signin": "t.account_id = {0}00",
    "audit_event": "t.unit_id = {0}",
    # A unit sees the counters of its own agency.
    **dict.fromkeys(
        ("contact_office", "contact_officeitem", "contact_hours", "contact_closedday", "contact_slot"),
        "t.agency_id = (select u.agency_id from parties_unit u where u.id = {0})",
    ),
}
AGENCIES = {
    "parties_unitterms": "exists (select 1 from parties_unit u where u.id = t.unit_id and u.agency_id = {0})",
    "parties_person": "exists (select 1 from enrolment_spell s where s.person_id = t.id and s.agency_id = {0})",
    "parties_personfact": "exists (select 1 from enrolment_spell s where s.person_id = t.person_id and s.agency_id = {0})",
    "parties_unitfact": "exists (select 1 from parties_unit u where u.id = t.unit_id and u.agency_id = {0})",
    "levy_assessment": "exists (select 1 from parties_unit u where u.id = t.unit_id and u.agency_id = {0})",
    "levy_billline": "exists (select 1 from levy_bill b where b.id = t.bill_id and b.agency_id = {0})",
    "levy_allocation": "exists (select 1 from levy_receipt r where r.id = t.receipt_id and r.agency_id = {0})",
    **dict.fromkeys(
        ("levy_taxpayment", "levy_taxreversal"), "exists (select 1 from levy_receipt r where r.id = t.receipt_id and r.agency_id = {0})"
    ),
    "levy_refundline": "exists (select 1 from levy_refund r where r.id = t.refund_id and r.agency_id = {0})",
    "levy_refundstep": "exists (select 1 from levy_refund r where r.id = t.refund_id and r.agency_id = {0})",
    "levy_outgoingpart": "exists (select 1 from levy_outgoing o where o.id = t.outgoing_id and o.agency_id = {0})",
    "levy_chase": "exists (select 1 from levy_difference d where d.id = t.difference_id and d.agency_id = {0})",
    "levy_declarationline": "exists (select 1 from levy_declaration d where d.id = t.declaration_id and d.agency_id = {0})",
    "levy_credituse": "exists (select 1 from levy_estimate e where e.id = t.estimate_id and e.agency_id = {0})",
    "access_account": "t.id = {0}",
    "access_grant": "t.account_id = {0}",
    "access_signin": "t.account_id = {0}",
    **{
        f"access_{name}": "exists (select 1 from parties_unit u where u.id = t.unit_id and u.agency_id = {0})"
        for name in ("qualification", "operator", "operatorright", "certificate", "slip", "acceptance")
    },
}
OF_PERSON = ("accounts_entry", "accounts_tally", "accounts_snapshot", "accounts_registered", "accounts_partyear", "accounts_resettled")
AGENCIES |= dict.fromkeys(OF_PERSON, "exists (select 1 from enrolment_spell s where s.person_id = t.person_id and s.agency_id = {0})")
AGENCIES["accounts_source"] = "(t.agency_id is null or t.agency_id = {0})"
OF_ACCOUNTS = {"accounts_placeyear", "accounts_settlement", "accounts_chunk"}
# Rows that belong to no unit and no agency: all may be read, none may be written.
SHARED_UNIT = {"parties_agency", "levy_placemonth", "levy_run", "levy_ruleset", "levy_monthrules"}
DEBIT_BATCHES = {"levy_debitbatch", "levy_debitchunk", "levy_debitfile"}
SHARED_AGENCY = SHARED_UNIT | {
    "levy_runchunk",
    "levy_ruleset",
    "levy_monthrules",
    "levy_recalculation",
    "levy_recalculationchunk",
    "ledger_account",
    "ledger_posting",
    "ledger_entry",
    "ledger_placebook",
    "ledger_dayclosing",
    "ledger_daysum",
    "ledger_monthclosing",
}
CLOSINGS = {"ledger_placebook", "ledger_dayclosing", "ledger_daysum", "ledger_monthclosing"}
SHARED_AGENCY |= OF_ACCOUNTS | DEBIT_BATCHES
UNSEEN = (
    DEBIT_BATCHES
    | {
        *(f"levy_debit{name}" for name in ("agreement", "line", "result", "leftout")),
        "parties_calendaryear",
        "levy_personrequest",
        "accounts_source",
        "accounts_partyearproposal",
        *OF_PERSON,
        *OF_ACCOUNTS,
        "access_guess",
        "access_registration",
        "casework_effect",
        "levy_receiptfile",
        "levy_runchunk",
        "levy_taxchange",
        "levy_taxmessage",
        "levy_taxheard",
        "levy_taxday",
        "levy_taxdayline",
        "levy_heldtold",
        "levy_suspensemove",
        "levy_refundstep",
        "levy_payout",
        "levy_payoutanswer",
        "levy_incomeaccount",
        "levy_statement",
        "levy_statementline",
        "levy_reconday",
        "levy_difference",
        "levy_chase",
        "levy_outgoing",
        "levy_outgoingpart",
        "levy_recalculationchunk",
        "ledger_account",
        "ledger_posting",
        "ledger_entry",
    }
    | CLOSINGS
)
PUBLIC_READS = {"parties_agency", "access_account", "access_grant", "access_signin", "papers_paper", "contact_notice"} | {
    "access_guess", "access_qualification", "access_operator",
}  # fmt: skip
ADMIN_READS = {
    "parties_calendaryear",
    "parties_agency",
    "parties_unit",
    "access_account",
    "access_grant",
    "access_signin",
    "access_guess",
    "audit_event",
}
OURS = ("audit", "ledger", "papers", "parties", "access", "enrolment", "levy", "contact", "casework")


def tables() -> list[str]:
    """Every table of our applications that the catalogue holds, whether or not a model or a policy knows of it. Month parts apart."""
    rows = as_owner(
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition order by 1"
    )
    return [name for (name,) in rows if name.split("_")[0] in OURS]


@pytest.fixture(scope="module")
def units(database: str) -> Iterator[tuple[int, int]]:
    """Two units of two agencies, each with the same rows in every table. Accounts are numbered after unit and agency."""
    support.make_agency(1), support.make_agency(2)
    both = support.make_unit("甲公司", agency=1), support.make_unit("乙公司", agency=2)
    for agency, unit in enumerate(both, 1):
        people = support.person_ids(support.hire(unit, 2, month=202606, agency=agency))
        with acting(ENGINE):
            change_people([Change(p, {"marriage": "2"}, support.AT.date()) for p in people], at=support.AT)
            change_units([Change(unit, {"fax": "027-1"}, support.AT.date())], at=support.AT)
    support.settle_and_defer([(unit, agency) for agency, unit in enumerate(both, 1)], 202606)
    support.assess(202610)
    for agency, unit in enumerate(both, 1):
        ctx = support.context(unit, agency=agency)
        key = support.UUID(int=unit)
        case = support.file(support.ADD, ctx, support.addition(backdated_from="202610"), key=key)
        with acting(ENGINE):
            support.review.review_automatically(case, ctx)
            bill = support.Bill.objects.get(unit_id=unit, month=202610)
            paper = {"code": f"{unit:016d}", "kind": "k", "title": "t", "facts": [], "agency_name": "n", "made_by": 0}
            Paper.objects.create(**paper, unit_id=unit, agency_id=agency, sha256=b"0" * 32, size=1, content=b"x")
            people = list(Person.objects.filter(pk__in=Spell.objects.filter(unit_id=unit).values("person_id")).order_by("id")[:2])
            declare_year([YearWage(people[0].pk, unit, agency, 2027, 202701, 900_000, case)], at=support.AT)
            declare_retirees([NewRetiree(people[1].pk, unit, agency, "outside", 300_000, 202701, case)], at=support.AT)
            decided = {"reviewer": 0, "reviewer_name": "", "decided_at": support.AT, "rows_total": 2, "rows_done": 1}
            ErrorFile.objects.create(case_id=case, unit_id=unit, agency_id=agency, version=1, asked_at=support.AT)
            Settlement.objects.create(case_id=case, unit_id=unit, agency_id=agency, **decided)
        support.pay(bill, 100, agency=agency)
        with_the_tax_office(bill)
        money_support.rows_of_everything(bill, agency)
        flexible(people[0].pk, unit, agency)
        _account_of(people[0].pk, agency)
        owe_on_an_order(unit, agency)
        support.pay(bill, 50_000, agency=agency)  # late: with a 滞纳金核定单
        support.put_right(unit, people[0].pk, 202610, agency=agency)
        support.relieve_and_recalculate(unit, people[0].pk, agency=agency)
        _debited(people[0].pk, people[1].pk, agency)
        with acting(support.operator(unit, unit * 100, agency=agency)):
            batch.receive(item_of(support.ADD), ctx, "名单.xlsx", b"x", b"d" * 32, key=None)
            attachments.store_photo(ctx, item_of(support.ADD).field("photo"), "相片.jpg", picture())
        _contact(unit, agency)
        for number, post, place in (
            (unit * 100, Post.UNIT_OPERATOR, {"unit_id": unit}),
            (agency, Post.REVIEWER, {"agency_id": agency}),
        ):
            _account(number, post, place)
    account_interest.settle(support.PLACE, 2025, clock=lambda: support.AT)
    for agency, unit in enumerate(both, 1):
        _registered(agency)
        order = {"key": support.UUID(int=unit), "unit_id": unit, "agency_id": agency, "made_by": 0}
        with acting(ENGINE):
            bundles.order("参保证明", {}, [1], **order, at=support.AT)
        support.verify_and_close(unit, 202701)
    Guess.objects.using("owner").create(id=1, since=support.AT)
    entered = {"off": [], "worked": [], "source": "x", "entered_by": 9001, "entered_name": "x", "entered_at": support.AT}
    CalendarYear.objects.using("owner").create(year=2027, **entered)
    with acting(support.finance()):
        closing.close_days(support.PLACE, support.AT.date(), at=support.moment(202612))
        MonthClosing.objects.create(place=support.PLACE, month=202610, closed_by=1, closed_at=support.AT)
    _account(9001, Post.ADMINISTRATOR, {"agency_id": 1})
    _account(9002, Post.AUDITOR, {"agency_id": 1})
    yield both


def _contact(unit: int, agency: int) -> None:
    """An office with a booking, a closed day, a question and a notice of one side."""
    clerk, operator = support.reviewer(agency, agency=agency), support.operator(unit, unit * 100, agency=agency)
    office = make_office(clerk, name=f"大厅{agency}")
    with acting(clerk):
        offices.close_day(office, FRIDAY, "检修", at=NOW)
        notice = notices.save_notice(None, notices.NoticeData("t", "x", "unit", unit, NOW.date(), None), at=NOW)
    with acting(support.reviewer(900 + agency, agency=agency)):
        notices.publish(notice, at=NOW)
    with acting(operator):
        bookings.book(slot_of(office), "other", at=NOW)
        questions.ask("item", "s", "t", agency_id=agency, at=NOW)


def _account_of(person: int, agency: int) -> None:
    """Something in every table of 个人账户 but those of the settlement."""
    on = date(2025, 3, 5)
    rows = crediting.Rows.of([(f"open:{agency}", person, 202503, 64_000, 0)])
    without = Rulebook(standard().places.values(), [r for r in standard().all(support.PLACE) if r.id != RATE or r.valid_from.year < 2025])
    with acting(ENGINE):
        crediting.credit([crediting.Reference(f"open:{agency}", "示例", agency)], rows, place=support.PLACE, on=on, at=support.AT)
        register_facts([NewFacts(person, 202503, 0, 0, "示例")], from_day=on, at=support.AT)
        to = {"place": support.PLACE, "agency_id": agency, "rulebook": without, "on": on, "at": support.AT}
        settle_part_year(person, EndKind.RETIREMENT, 202505, **to)
    as_owner(
        "insert into accounts_partyearproposal (person_id, place, agency_id, kind, month, reason, balance_fen, state, proposed_by, proposed_at)"
        " values (%s, %s, %s, 'death', 202601, 'x', 1, 'proposed', 1, now())",
        [person, support.PLACE, agency],
    )


def flexible(person: int, unit: int, agency: int) -> None:
    """A tier and a due of somebody, as if the unit were their 个人流动窗口."""
    of = {"person_id": person, "unit_id": unit, "agency_id": agency}
    Tier.objects.using("owner").create(**of, percent=60, from_month=202601, known_from=support.AT)
    amounts = {"tier": 60, "base_fen": 449_800, "total_fen": 89_960, "account_fen": 35_984}
    bill = Bill.objects.using("owner").filter(unit_id=unit).order_by("id").first()
    PersonRequest.objects.using("owner").create(key=support.UUID(int=person), person_id=person, fingerprint="x", bill=bill, at=support.AT)
    FlexDue.objects.using("owner").create(**of, month=202601, insurance=110, origin="normal", **amounts, recorded_at=support.AT)


def _debited(person: int, other: int, agency: int) -> None:
    """A debit agreement and a batch of one agency: a line with its answer, somebody left out, the file."""
    as_owner(
        "insert into levy_debitagreement (id, number, person_id, agency_id, place, scheme, bank, account, signed_at, end_reason)"
        " values (%s, %s, %s, %s, '420100', 'city', '403', '12345678', now(), '')",
        [agency, f"JB{agency:014d}", person, agency],
    )
    as_owner(
        "insert into levy_debitbatch (id, number, place, scheme, bank, month, first_month, planned_on, state, lines, total_fen, left_out,"
        " paid_lines, paid_fen, begun_by, begun_at) values (%s, %s, '420100', 'city', '403', %s, 202601, '2026-10-20', 'built', 1, 1, 0, 0, 0,"
        " 0, now())",
        [agency, f"PK{agency}", 202600 + agency],
    )
    for table in ("levy_debitline", "levy_debitresult"):
        as_owner(f"create table {table}_{agency} partition of {table} for values in ({agency})")
    as_owner("insert into levy_debitline values (%s, 1, %s, %s, %s, 1, 202601, 202601, 1)", [agency, person, agency, agency])
    as_owner("insert into levy_debitresult values (%s, 1, 1, %s, %s, '00', 1, '2026-10-20', 's', false)", [agency, agency, person])
    as_owner(
        "insert into levy_debitchunk (batch_id, chunk, first_person, last_person, base, told) values (%s, 0, 1, 1, 0, false)", [agency]
    )
    left = "insert into levy_debitleftout (batch_id, person_id, agency_id, reason, open_fen) values (%s, %s, %s, 'billed', 1)"
    as_owner(left, [agency, other, agency])
    as_owner(
        'insert into levy_debitfile (sha256, batch_id, bank, part, day, "order", lines, taken_fen, suspense_fen, received_at)'
        " values (%s, %s, '403', 1, '2026-10-20', %s, 1, 1, 0, now())",
        [bytes([agency]) * 32, agency, agency],
    )


def owe_on_an_order(unit: int, agency: int) -> None:
    """A 欠费补缴单 of one person, so that its tables have rows."""
    day = support.AT.date().replace(month=12)
    with acting(ENGINE):
        person = owed_on(overdue_bills(unit, day))[0].person_id
        orders.register([orders.Registration(person, None)], unit_id=unit, agency_id=agency, at=support.AT)
        orders.issue(unit, agency_id=agency, place=support.PLACE, case_id=None, rulebook=standard(), on=day, at=support.AT)


def _account(number: int, post: Post, place: dict[str, int]) -> None:
    words = {"username": f"u{number}", "password": "!", "name": "某", "post_class": post.post_class, "created_at": support.AT}
    account = Account.objects.using("owner").create(id=number, **words, **place)
    Grant.objects.using("owner").create(account=account, post=post, post_class=post.post_class, from_date=support.AT.date(), granted_by=0)
    if unit := place.get("unit_id"):
        _qualified(account, unit)
    SignIn.objects.using("owner").create(token_sha256=number.to_bytes(32, "big"), account=account, started_at=support.AT, seen_at=now())


def _qualified(account: Account, unit: int) -> None:
    """网上办事资格 of a unit with all that hangs on it."""
    of = {"account": account, "unit_id": unit}
    agreed = {"agreement_code": "online_service", "agreement_version": "2011-01"}
    Qualification.objects.using("owner").create(unit_id=unit, granted_at=support.AT, **agreed)
    term = {"valid_from": support.AT.date(), "added_at": support.AT, "added_by": 0}
    Operator.objects.using("owner").create(**of, capacity="operator", id_number=support.new_id_number(), mobile="", **term)
    OperatorRight.objects.using("owner").create(**of, item_code="*", level=3)
    serial = f"WH{unit:014d}"
    made = Certificate.objects.using("owner").create(**of, serial=serial, download_password="!", state="waiting", made_at=support.AT)
    printed = {"handed_by": "agency", "state": "ready", "reason": "x", "made_at": support.AT, "made_by": 0}
    Slip.objects.using("owner").create(**of, certificate=made, with_password=True, **printed)
    Acceptance.objects.using("owner").create(**of, code="online_service", version="2011-01", at=support.AT, address="")


def _registered(agency: int) -> None:
    told = {"unit_number": "4201000000001", "unit_name": "某", "capacity": "operator", "name": "某", "mobile": "13800000000"}
    Registration.objects.using("owner").create(
        number=f"FR{agency}", agency_id=agency, **told, id_number=support.new_id_number(), at=support.AT, address=""
    )


def unit_actor(units: tuple[int, int]) -> Actor:
    return support.operator(units[0], units[0] * 100, agency=1)


AGENCY_1 = support.reviewer(1, agency=1)
ADMIN = Actor(Role.ADMIN, 9001, "管理员", 0, 1)
READER = Actor(Role.AUDITOR, 9002, "审计", 0, 1)


def columns(table: str) -> set[str]:
    rows = as_owner("select column_name from information_schema.columns where table_schema = 'public' and table_name = %s", [table])
    return {name for (name,) in rows}


def belongs(table: str, special: dict[str, str], column: str, number: int) -> str | None:
    """The condition that a row is of that unit or agency, or None when nothing tells."""
    if table in special:
        return special[table].format(number)
    return f"t.{column} = {number}" if column in columns(table) else None


def counted(table: str, condition: str = "true") -> int:
    return int(as_owner(f"select count(*) from {table} t where {condition}")[0][0])


def test_every_table_of_ours_has_row_security_forced_and_at_least_one_policy(units: tuple[int, int]) -> None:
    rows = as_owner(
        "select relname, relrowsecurity and relforcerowsecurity, (select count(*) from pg_policy where polrelid = c.oid)"
        " from pg_class c where relname = any(%s) and relnamespace = 'public'::regnamespace",
        [tables()],
    )
    assert [row for row in rows if not (row[1] and row[2] > 1)] == []
    models = {m._meta.db_table for label in OURS for m in apps.get_app_config(label).get_models()}
    assert models <= set(tables()) and len(rows) == len(tables()) > 20


def test_the_two_sides_have_rows_in_every_table_so_that_the_matrix_proves_something(units: tuple[int, int]) -> None:
    for table in tables():
        for special, column, numbers in ((UNITS, "unit_id", units), (AGENCIES, "agency_id", (1, 2))):
            shared = SHARED_UNIT | UNSEEN if special is UNITS else SHARED_AGENCY | UNSEEN
            for number in numbers:
                condition = belongs(table, special, column, number)
                assert condition or table in shared, f"say in this file whose the rows of {table} are"
                assert counted(table, condition or "true"), f"{table} holds nothing of {column} {number}"


@pytest.mark.parametrize("who", ["unit", "agency"])
def test_units_and_agencies_read_exactly_their_own_rows(units: tuple[int, int], who: str) -> None:
    actor, special, column, number = _side(units, who)
    shared, seen = (SHARED_UNIT if who == "unit" else SHARED_AGENCY), 0
    for table in tables():
        found = attempt(actor, f"select 1 from {table}")
        if found == DENIED:
            continue
        condition = "true" if table in shared else belongs(table, special, column, number)
        assert condition is not None and found == counted(table, condition), f"{who} reads {found} rows of {table}"
        assert table in shared or found < counted(table)
        seen += 1
    assert seen >= 12


@pytest.mark.parametrize("who", ["unit", "agency"])
def test_units_and_agencies_write_nothing_of_others_nor_give_their_rows_away(units: tuple[int, int], who: str) -> None:
    actor, special, column, number = _side(units, who)
    other = units[1] if who == "unit" else 2
    for table in tables():
        theirs = belongs(table, special, column, other) or "true"
        row = as_owner(f"select row_to_json(t)::text from {table} t where {theirs} limit 1")[0][0]
        inserted = attempt(actor, f"insert into {table} select * from json_populate_record(null::{table}, %s)", [row])
        assert inserted == DENIED, f"{who} inserts into {table} what is another's: {inserted}"
        own = counted(table, belongs(table, special, column, number) or "false")
        for name in sorted(set(json.loads(row)) - {"pk"}):
            changed = attempt(actor, f'update {table} set "{name}" = "{name}"')
            assert changed in (DENIED, own) or table == "levy_assessment", f"{who} changes {changed} rows of {table}.{name}"
        for name, value in ((column, other), ("account_id", 9002)):
            if name in columns(table):
                given = attempt(actor, f"update {table} set {name} = %s where {name} is distinct from %s", [value, value])
                assert given in (DENIED, 0), f"{who} gives rows of {table} away by {name}: {given}"


def _side(units: tuple[int, int], who: str) -> tuple[Actor, dict[str, str], str, int]:
    return (unit_actor(units), UNITS, "unit_id", units[0]) if who == "unit" else (AGENCY_1, AGENCIES, "agency_id", 1)


# What a person may see. Tables not named here: by person_id; and nothing else.
PEOPLE = {
    "levy_recalculation": "t.state = 'released' and {0} > 0",
    "levy_recalculationline": "t.person_id = {0} and t.state = 'charged'",
    "levy_cause": "exists (select 1 from levy_duechange d where d.cause_id = t.id and d.person_id = {0})",
    "levy_debitbatch": "exists (select 1 from levy_debitline l where l.batch_id = t.id and l.person_id = {0})",
    "parties_person": "t.id = {0}",
    "levy_billline": "exists (select 1 from levy_bill b where b.id = t.bill_id and b.person_id = {0})",
    "levy_receipt": "exists (select 1 from levy_bill b where b.id = t.bill_id and b.person_id = {0})",
    "levy_allocation": "exists (select 1 from levy_receipt r join levy_bill b on b.id = r.bill_id"
    " where r.id = t.receipt_id and b.person_id = {0})",
    "levy_refundline": "exists (select 1 from levy_refund r where r.id = t.refund_id and r.person_id = {0})",
    "papers_paper": "t.person_id = {0} and t.unit_id is null",
    **dict.fromkeys(
        ("levy_taxpayment", "levy_taxreversal"),
        "exists (select 1 from levy_receipt r join levy_bill b on b.id = r.bill_id where r.id = t.receipt_id and b.person_id = {0})",
    ),
    "accounts_source": "exists (select 1 from accounts_entry e where e.source_id = t.id and e.person_id = {0})",
    **dict.fromkeys(("access_account", "access_grant", "access_signin"), "false"),
}
SHARED_PERSON = {"parties_agency", "parties_unit", "levy_placemonth", "levy_run", "accounts_placeyear", "accounts_settlement"} | {
    "levy_ruleset",
    "levy_monthrules",
}


def test_a_person_reads_the_own_rows_and_writes_nothing_of_them(units: tuple[int, int]) -> None:
    person = int(as_owner("select min(person_id) from enrolment_spell where unit_id = %s", [units[0]])[0][0])
    actor = Actor(Role.PERSON, 9003, "本人", 0, 1, person_id=person)
    seen = 0
    for table in tables():
        found = attempt(actor, f"select 1 from {table}")
        if found == DENIED:
            continue
        condition = "true" if table in SHARED_PERSON else belongs(table, PEOPLE, "person_id", person)
        assert condition is not None and found == counted(table, condition), f"a person reads {found} rows of {table}"
        assert table in SHARED_PERSON or found < counted(table) or found == 0
        seen += 1
        if table != "audit_event":  # what somebody does is traced in their name
            row = as_owner(f"select row_to_json(t)::text from {table} t limit 1")
            written = row and attempt(actor, f"insert into {table} select * from json_populate_record(null::{table}, %s)", [row[0][0]])
            assert written in (DENIED, []), f"a person writes to {table}: {written}"
    assert seen >= 12


def test_nobody_deletes_or_truncates_anything(units: tuple[int, int]) -> None:
    for actor in (PUBLIC, unit_actor(units), AGENCY_1, ENGINE, ADMIN, READER):
        for table in tables():
            for verb in (f"delete from {table}", f"truncate {table}"):
                assert attempt(actor, verb) == DENIED, f"{actor.role.value}: {verb}"


def test_the_public_reads_what_signing_in_and_verifying_need_and_no_more(units: tuple[int, int]) -> None:
    assert {t for t in tables() if attempt(PUBLIC, f"select 1 from {t}") != DENIED} == PUBLIC_READS
    assert attempt(PUBLIC, "select content from papers_paper") == DENIED
    for column in ("unit_id", "agency_id", "post_class", "password", "username", "disabled_at"):
        assert attempt(PUBLIC, f"update access_account set {column} = {column}") == DENIED
    assert attempt(PUBLIC, "update access_signin set account_id = 9001") == DENIED


def test_administrators_see_no_insured_person_and_accounts_of_their_own_agency_only(units: tuple[int, int]) -> None:
    assert {t for t in tables() if attempt(ADMIN, f"select 1 from {t}") != DENIED} == ADMIN_READS
    assert attempt(ADMIN, "select 1 from access_account") == counted("access_account", f"agency_id = 1 or unit_id = {units[0]}") == 4
    assert attempt(ADMIN, "select 1 from access_signin") == 4
    assert attempt(ADMIN, f"update access_account set agency_id = 2, unit_id = null where unit_id = {units[0]}") == DENIED


def test_the_auditor_reads_all_but_passwords_and_changes_nothing_of_others(units: tuple[int, int]) -> None:
    for table in tables():
        found, whole = attempt(READER, f"select 1 from {table}"), counted(table)
        own_only = table in ("access_account", "access_signin")
        assert found == (1 if own_only else whole), f"the auditor reads {found} of {whole} rows of {table}"
        for name in columns(table):
            assert attempt(READER, f'update {table} set "{name}" = "{name}"') in (DENIED, 1), f"{table}.{name}"
        assert table == "audit_event" or attempt(READER, f"insert into {table} default values") == DENIED


def test_without_an_actor_every_table_is_closed(units: tuple[int, int]) -> None:
    for table in tables():
        for statement in (f"select 1 from {table}", f"delete from {table}", f"insert into {table} default values"):
            assert attempt(None, statement) == DENIED, statement


def test_the_application_and_its_roles_own_nothing_and_pass_no_policy(units: tuple[int, int]) -> None:
    ours = "rolname like 'shebao%%' and rolname <> 'shebao_owner'"
    assert as_owner(f"select rolname from pg_roles where {ours} and rolsuper") == []
    assert as_owner(f"select rolname from pg_roles where {ours} and rolbypassrls") == [("shebao_backup",)]
    assert as_owner(f"select relname from pg_class c join pg_roles r on r.oid = c.relowner where {ours}") == []
    assert as_owner("select rolinherit from pg_roles where rolname = 'shebao_app'") == [(False,)]
    for actor in (PUBLIC, unit_actor(units), AGENCY_1, ENGINE, ADMIN, READER):
        assert attempt(actor, "create table mine (id int)") == DENIED
        assert attempt(actor, "alter table parties_unit no force row level security") == DENIED
    assert attempt(unit_actor(units), "set local role shebao_owner") == DENIED


def test_parts_of_the_month_table_are_reached_through_it_only(units: tuple[int, int]) -> None:
    parts = [name for (name,) in as_owner("select inhrelid::regclass::text from pg_inherits where inhparent = 'levy_assessment'::regclass")]
    assert len(parts) == 4
    for actor in (PUBLIC, unit_actor(units), AGENCY_1, ENGINE, ADMIN, READER):
        for verb in ("select 1 from {}", "delete from {}", "update {} set person_id = 1", "insert into {} default values"):
            assert attempt(actor, verb.format(parts[0])) == DENIED, f"{actor.role.value}: {verb}"


def test_functions_with_the_owners_rights_are_few_closed_to_the_public_and_fixed_in_their_path(units: tuple[int, int]) -> None:
    rows = as_owner(
        "select proname, coalesce(array_to_string(proconfig, ' '), ''), coalesce(array_to_string(proacl, ' '), '=X') from pg_proc"
        " where prosecdef and pronamespace = 'public'::regnamespace order by 1"
    )
    assert [row[0] for row in rows] == [
        "accounts_build_open",
        "accounts_build_publish",
        "accounts_open_year",
        "levy_build_open",
        "levy_build_publish",
        "levy_debit_answer_close",
        "levy_debit_answer_open",
        "levy_debit_open",
        "levy_debit_publish",
    ]
    for _, path, rights in rows:
        assert path == "search_path=public, pg_temp" and not any(right.startswith("=") for right in rights.split())
    for actor in (PUBLIC, unit_actor(units), AGENCY_1, ADMIN, READER):
        assert attempt(actor, "select levy_build_open(202611, 1)") == DENIED
