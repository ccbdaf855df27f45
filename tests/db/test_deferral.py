"""缓缴 (seed 001, question 11): what is put off is not due, not in arrears, and falls due when the deferral ends."""

from datetime import date

import pytest

from shebao.base.terms import Insurance, mask_of
from shebao.levy import deferring
from shebao.levy.arrears import overdue, people_in_arrears
from shebao.levy.desk_queries import overdue_sums
from shebao.levy.models import Bill, BillLine
from shebao.levy.queries import open_of_unit
from shebao.levy.standing import Standing, people_months, unit_months
from tests.db import support
from tests.db.support import ENGINE, acting, assess, hire, make_unit, moment, pay, person_ids

MASK = mask_of([Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY, Insurance.MEDICAL])
END = date(2023, 12, 31)
pytestmark = pytest.mark.usefixtures("agency")


@pytest.fixture(autouse=True)
def agency(own_database: str) -> None:
    support.make_agency(1)


def grant(unit: int, first: int, last: int, *types: Insurance, day: int = 26) -> int:
    wanted = deferring.NewDeferral(unit, 1, "hardship", types or (Insurance.PENSION,), first, last, END, "deferral 2022-05", None)
    with acting(ENGINE):
        return deferring.grant(wanted, at=moment(202207, day))


def bill_of(unit: int, month: int) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month)


def life(month: int = 202208) -> tuple[int, list[int]]:
    unit = make_unit(since=202201)
    people = person_ids(hire(unit, 3, month=month, mask=MASK))
    return unit, people


def owing(unit: int, people: list[int], on: date) -> tuple[set[int], list[int], tuple[int, int]]:
    """The four who ask: people in arrears, overdue bills of unit, of the desk, of the home page. They must agree."""
    with acting(ENGINE):
        whom, listed, own, desk = (
            people_in_arrears(unit, people, on),
            overdue(on, unit_id=unit),
            open_of_unit(unit, on),
            overdue_sums(1, on),
        )
    assert own == (len(listed), sum(row.open_fen for row in listed)) == (desk.count, desk.fen)
    return set(whom), [row.open_fen for row in listed], own


def unit_part(unit: int, month: int, *types: Insurance) -> int:
    """What the unit owes for types of a month, fen."""
    codes = [t.value for t in types or (Insurance.PENSION,)]
    with acting(ENGINE):
        return sum(BillLine.objects.filter(bill=bill_of(unit, month), insurance__in=codes).values_list("unit_fen", flat=True))


def parts(unit: int, month: int) -> tuple[deferring.Part, ...]:
    with acting(ENGINE):
        return deferring.open_parts(bill_of(unit, month))


def word(unit: int, month: int, on: date) -> str:
    with acting(ENGINE):
        return deferring.bill_word(bill_of(unit, month), on)[0]


def test_the_unit_part_of_the_deferred_types_is_put_off_and_nothing_else() -> None:
    unit, people = life()
    grant(unit, 202207, 202209, Insurance.PENSION)
    assess(202208)
    bill, put_off, due = bill_of(unit, 202208), unit_part(unit, 202208), date(2022, 9, 8)
    assert bill.due_date == due and put_off > 0
    rest = bill.total_fen - put_off
    assert parts(unit, 202208) == (deferring.Part(rest, due, False), deferring.Part(put_off, END, True))
    assert owing(unit, people, due) == (set(), [], (0, 0))
    assert owing(unit, people, date(2022, 9, 9)) == (set(people), [rest], (1, rest))


def test_money_counts_for_what_is_due_first_then_nobody_is_in_arrears_until_the_day_after_the_end() -> None:
    unit, people = life()
    grant(unit, 202207, 202209, Insurance.PENSION, Insurance.INJURY)
    assess(202208)
    bill, put_off = bill_of(unit, 202208), unit_part(unit, 202208, Insurance.PENSION, Insurance.INJURY)
    pay(bill, bill.total_fen - put_off - 1, at=moment(202209, 1))
    assert owing(unit, people, date(2022, 9, 30))[1] == [1]
    pay(bill, 1, at=moment(202209, 2))
    bill = bill_of(unit, 202208)
    with acting(ENGINE):
        still = {x.insurance: x.open_fen for x in BillLine.objects.filter(bill=bill)}
    assert {code for code, fen in still.items() if fen} == {110, 410}
    assert (bill.open_fen, bill.state) == (put_off, "part_paid")
    assert word(unit, 202208, END) == "缓缴中" and owing(unit, people, END) == (set(), [], (0, 0))
    with acting(ENGINE):
        months = unit_months(unit, END), people_months(unit, people, END)[people[0]]
    assert all(m[202208].standing is Standing.DEFERRED and m[202208].standing.counts for m in months)  # rights unharmed
    after = date(2024, 1, 1)
    assert owing(unit, people, after) == (set(people), [put_off], (1, put_off)) and word(unit, 202208, after) == "欠费"
    with acting(ENGINE):
        assert overdue(after, unit_id=unit)[0].due_date == END  # the clock of the late fee starts at the end, not before
    pay(bill, bill.open_fen, at=moment(202401, 2))
    assert bill_of(unit, 202208).state == "paid" and owing(unit, people, after)[2] == (0, 0)


def test_a_deferral_covers_unpaid_bills_of_its_months_at_once_and_leaves_paid_ones() -> None:
    unit, people = life(202205)
    assess(202205), assess(202206, at=moment(202206, 20))
    first = bill_of(unit, 202205)
    pay(first, first.open_fen, at=moment(202206, 1))
    assert owing(unit, people, date(2022, 7, 30))[0] == set(people)
    grant(unit, 202205, 202207, Insurance.PENSION)
    assert parts(unit, 202205) == () and word(unit, 202205, date(2022, 7, 30)) == "已到账"
    second = bill_of(unit, 202206)
    assert owing(unit, people, date(2022, 7, 30))[1] == [second.total_fen - unit_part(unit, 202206)]


def test_one_type_of_one_month_is_put_off_once() -> None:
    unit, _ = life()
    grant(unit, 202207, 202208, Insurance.PENSION)
    grant(unit, 202209, 202209, Insurance.PENSION)
    grant(unit, 202207, 202208, Insurance.INJURY)
    with pytest.raises(deferring.AlreadyDeferredError, match="有的已经办理缓缴"):
        grant(unit, 202208, 202210, Insurance.PENSION, Insurance.UNEMPLOYMENT)
    with acting(ENGINE):
        assert deferring.deferred_types(unit, (202201, 202212), date(2022, 8, 1)) == {
            202207: (Insurance.PENSION, Insurance.INJURY), 202208: (Insurance.PENSION, Insurance.INJURY), 202209: (Insurance.PENSION,),
        }  # fmt: skip
        assert deferring.deferred_types(unit, (202209, 202209), END) == {202209: (Insurance.PENSION,)}
        assert deferring.deferred_types(unit, (202209, 202209), date(2024, 1, 1)) == {}


def test_two_grants_in_the_same_second_leave_one() -> None:
    units = [life()[0] for _ in range(4)]

    def act(i: int, racer: int) -> int:
        return grant(units[i], 202207, 202209, Insurance.PENSION)

    for row in support.race(len(units), 3, act):
        assert sorted(type(o).__name__ for o in row) == ["AlreadyDeferredError", "AlreadyDeferredError", "int"], row
