"""当月欠费注销 on a real database: only the current month's issued and unpaid bill, all types together, for good; bill, paper, totals,
months of the staff and certificates agree afterwards (seed 004, 六、网上办理职工当月欠费注销)."""

from collections.abc import Iterator
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.money import yuan_shown
from shebao.base.terms import Post
from shebao.channels import papers
from shebao.channels.certificates import Asked, for_person
from shebao.channels.papers import assessment_of, bill_pdf
from shebao.levy.arrears import people_in_arrears
from shebao.levy.models import Bill, TakenDue
from shebao.levy.queries import unit_totals
from shebao.levy.standing import Standing, person_months
from shebao.papers.models import Paper
from shebao.parties.models import Person
from shebao.parties.queries import get_unit
from tests.db import support
from tests.db.arrears_support import everything_agrees, issue, register
from tests.db.desk_support import make_account
from tests.db.portal_support import Portal
from tests.db.support import assess, context, file, hire, make_agency, make_unit, moment, pay, person_ids, race

MONTH = 202610
NOW = "2026-10-28T10:00:00+08:00"
ITEM = "arrears.write_off"


@pytest.fixture(scope="module")
def units(database: str) -> Iterator[list[tuple[int, list[str]]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        found = []
        for i in range(12):
            unit = make_unit(f"注销示例公司{i}", vip=False)
            found.append((unit, hire(unit, 3, month=202609, at=moment(202609, 2))))
            make_account(f"off{i}", Post.UNIT_OPERATOR, unit=unit)
        for month in (202609, MONTH):
            assess(month, at=moment(month, 25))
        yield found


_next = iter(range(12))
Town = tuple[int, list[str], Bill, int]


@pytest.fixture
def one(units: list[tuple[int, list[str]]]) -> Town:
    """A unit with three people, its October bill, its number among the accounts."""
    i = next(_next)
    unit, numbers = units[i]
    with acting(ENGINE):
        return unit, numbers, Bill.objects.get(unit_id=unit, month=MONTH), i


@pytest.fixture(autouse=True)
def all_agrees_afterwards(units: list[Any]) -> Iterator[None]:
    yield
    everything_agrees()


AT = moment(MONTH, 28, 10)


def typed(number: str, **changed: str) -> dict[str, str]:
    known = dict(support.ask("select id_number, name from parties_person where id_number = %s", [number]))
    return {"id_number": number, "name": known.get(number, "某人"), "reason": "九月离职，未及时办理停保", "confirm": "确认注销"} | changed


def refusals(unit: int, entry: dict[str, str], at: Any = AT) -> list[str]:
    from shebao.casework import operations
    from shebao.casework.item import item_of

    with acting(support.operator(unit)):
        return [r.code for r in operations.examine_one(item_of(ITEM), context(unit, at, vip=False), dict(entry)).refusals]


def take_effect(unit: int, number: str) -> Any:
    return support.take_effect(ITEM, context(unit, AT, vip=False), typed(number))


def test_one_persons_month_goes_off_bill_lines_and_books_by_the_same_amounts_all_types_together(one: Town) -> None:
    unit, numbers, bill, _ = one
    person = person_ids(numbers[:1])[0]
    outcome = take_effect(unit, numbers[0])
    assert (outcome.done, outcome.returned) == (1, 0)
    with acting(ENGINE):
        taken = list(TakenDue.objects.filter(unit_id=unit))
        after = Bill.objects.get(pk=bill.pk)
    assert {t.insurance for t in taken} == {110, 210, 310, 330, 410} and {t.person_id for t in taken} == {person}
    assert after.written_off_fen == sum(t.taken_fen for t in taken) > 0
    assert (after.state, after.open_fen) == ("issued", bill.total_fen - after.written_off_fen)
    books = support.ask("select sum(e.amount_fen) filter (where a.kind = 'income'), sum(e.amount_fen) from ledger_posting p"
                        " join ledger_entry e on e.posting_id = p.id join ledger_account a on a.id = e.account_id where p.key = %s",
                        [f"write-off:{bill.pk}:{person}"])  # fmt: skip
    assert books == [(after.written_off_fen, 0)]


def test_bill_paper_totals_months_and_certificate_agree_afterwards_and_the_old_paper_is_void(one: Town) -> None:
    unit, numbers, bill, _ = one
    person = person_ids(numbers[:1])[0]
    with acting(support.operator(unit)):
        old = bill_pdf(bill, account_id=1, at=AT)
    take_effect(unit, numbers[0])
    with acting(ENGINE):
        after = Bill.objects.select_related("unit").get(pk=bill.pk)
        paper = assessment_of(after, get_unit(unit))
        assert (paper["people"], paper["total_fen"]) == (2, after.open_fen)
        assert all(line["people"] == 2 and line["total_fen"] == line["unit_fen"] + line["person_fen"] for line in paper["lines"])
        assert any("已注销 1 人本月欠费" in notice for notice in paper["notices"])
        assert [(m, owed) for m, owed, _, _ in unit_totals(unit, MONTH)] == [(MONTH, after.open_fen)]
        assert person_months(unit, person, AT.date())[MONTH].standing is Standing.WRITTEN_OFF
        assert person_months(unit, person_ids(numbers[1:2])[0], AT.date())[MONTH].standing is Standing.NOT_DUE
        assert Paper.objects.filter(unit_id=unit, revoked_at__isnull=False, revoked_reason__contains="已注销").count() == 1
    with acting(support.operator(unit)):
        assert bill_pdf(after, account_id=1, at=AT) != old


def test_the_certificate_says_written_off_and_counts_no_month_for_it(one: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    unit, numbers, bill, _ = one
    with acting(ENGINE):
        september = Bill.objects.get(unit_id=unit, month=202609)
    pay(september, september.total_fen, at=AT)
    take_effect(unit, numbers[0])
    pay(bill, bill.total_fen - support.ask("select written_off_fen from levy_bill where id = %s", [bill.pk])[0][0], at=AT)
    printed: list[dict[str, Any]] = []
    monkeypatch.setattr(papers.operations, "issue", lambda kind, title, data, *rest, **more: printed.append(data))
    with acting(ENGINE):
        for number in numbers[:2]:
            for_person(get_unit(unit), Person.objects.get(id_number=number), Asked(202609, MONTH, ""), account_id=1, at=AT)
    off, paid = printed
    assert [cell["mark"] for cell in off["months"][1]["cells"]] == ["已注销"] * 5
    assert {s["months_paid"] for s in off["standings"]} == {1} and {s["months_paid"] for s in paid["standings"]} == {2}


def test_when_everybody_is_written_off_the_bill_is_closed_and_nobody_comes_into_arrears(one: Town) -> None:
    unit, numbers, bill, _ = one
    for number in numbers:
        take_effect(unit, number)
    with acting(ENGINE):
        after = Bill.objects.get(pk=bill.pk)
        assert (after.state, after.open_fen) == ("written_off", 0)
        in_arrears = people_in_arrears(unit, person_ids(numbers), moment(202612).date())
    assert in_arrears == {p: [202609] for p in person_ids(numbers)}


def test_twice_is_refused_with_the_reason(one: Town) -> None:
    unit, numbers, _, _ = one
    take_effect(unit, numbers[0])
    assert refusals(unit, typed(numbers[0])) == ["ARR-32"]


def test_only_the_current_month_on_its_last_second_and_not_a_second_later(one: Town) -> None:
    unit, numbers, _, _ = one
    last = moment(MONTH, 31, 23).replace(minute=59, second=59)
    assert refusals(unit, typed(numbers[0]), last) == []
    assert refusals(unit, typed(numbers[0]), moment(202611, 1, 0)) == ["ARR-31"]  # November is not assessed yet


def test_a_bill_of_which_a_fen_has_come_in_cannot_be_written_off(one: Town) -> None:
    unit, numbers, bill, _ = one
    pay(bill, 1, at=AT)
    assert refusals(unit, typed(numbers[0])) == ["ARR-31"]


def test_the_word_has_to_be_typed_and_the_person_has_to_be_ours_under_the_right_name(one: Town, units: list[tuple[int, list[str]]]) -> None:
    unit, numbers, _, _ = one
    assert refusals(unit, typed(numbers[0], confirm="注销"))[0].startswith("FLD")
    assert refusals(unit, typed(numbers[0], name="别人")) == ["ENR-23"]
    assert refusals(unit, typed(support.new_id_number())) == ["ARR-30"]
    stranger = next(n for u, n in units if u != unit)[0]
    assert refusals(unit, typed(stranger)) == ["ARR-30"]


def test_what_is_on_an_order_is_not_written_off_before_the_order_is_rolled_back(one: Town) -> None:
    unit, numbers, bill, _ = one
    person = person_ids(numbers[:1])
    day = bill.due_date.replace(month=12, day=1)
    register(unit, person, day)
    issue(unit, day)
    assert refusals(unit, typed(numbers[0])) == ["ARR-32"]


def test_written_off_and_paid_in_the_same_second_nothing_is_lost_and_nothing_is_owed_twice(one: Town) -> None:
    """Whoever is second meets the world as the first one left it; everything_agrees checks the fen."""
    unit, numbers, bill, _ = one
    case = file(ITEM, context(unit, AT, vip=False), typed(numbers[0]))

    def act(_round: int, racer: int) -> Any:
        if racer:
            return pay(bill, bill.total_fen, at=AT)
        with acting(ENGINE):
            return support.review.review_automatically(case, context(unit, AT, vip=False))

    outcome, received = race(1, 2, act)[0]
    with acting(ENGINE):
        after = Bill.objects.get(pk=bill.pk)
    assert after.open_fen == 0
    if after.written_off_fen:
        assert outcome.done == 1 and (received.allocated, received.suspended) == (0, 1)  # what was too much waits in suspense
    else:
        assert outcome.returned == 1 and received.allocated == 1


def test_the_page_tells_the_consequences_and_asks_for_the_word(one: Town) -> None:
    unit, numbers, bill, i = one
    desk = Portal(f"off{i}")
    assert "确认注销" in desk.get("/u/items/write-off/new")
    found = desk.post("/u/items/write-off/lookup", typed(numbers[0], confirm=""), status=200)
    assert "注销合计" in found and "2026 年 10 月" in found.replace("2026年10月", "2026 年 10 月")
    desk.post("/u/items/write-off/new", {**typed(numbers[0]), "action": "save"}, status=302)
    case = support.ask("select max(id) from casework_case where unit_id = %s", [unit])[0][0]
    page = desk.get(f"/u/cases/{case}")
    for words in ("所有参保险种的欠费同步注销", "一旦欠费注销成功将无法恢复", "注销以后", "不计入缴费月数", yuan_shown(bill.total_fen)):
        assert words in page
