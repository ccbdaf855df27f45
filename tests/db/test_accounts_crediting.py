"""划入个人账户: a cleared bill credits its people once, an opened one takes it back, and the fund is the sum of the accounts throughout."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection

from shebao.accounts import crediting
from shebao.accounts.crediting import Credited, CreditRaced, Reference, Rows
from shebao.accounts.models import EntryKind
from shebao.base.terms import Insurance
from shebao.levy import crediting as bills
from shebao.levy import deferring, paid
from shebao.levy.models import Bill
from tests.db import arrears_support as arrears
from tests.db import support
from tests.db.accounts_support import at, books_agree, credit, one, people, reverse
from tests.db.support import ENGINE, PLACE, acting, as_owner, race

pytestmark = pytest.mark.usefixtures("agency")
ON = date(2026, 10, 28)


@pytest.fixture(scope="module")
def agency(database: str) -> None:
    support.make_agency(1)


def credits_of(person: int) -> list[tuple[int, int]]:
    return [
        (m, int(f))
        for m, f in as_owner("select month, sum(own_fen) from accounts_entry where person_id = %s group by 1 order by 1", [person])
    ]


def tally(person: int, year: int = 2026) -> tuple[int, ...]:
    return as_owner(
        "select own_fen, product_fen, brought_fen, other_fen from accounts_tally where person_id = %s and year = %s", [person, year]
    )[0]


def test_a_bill_credits_its_people_when_it_is_cleared_and_not_before() -> None:
    unit = support.make_unit()
    first, second = support.person_ids(support.hire(unit, 2, month=202603, wage_fen=800_000))
    support.assess(202603)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202603)
    support.pay(bill, bill.total_fen - 1, at=support.moment(202603, 27))
    assert credits_of(first) == credits_of(second) == []
    support.pay(bill, 1, at=support.moment(202604, 2))
    assert credits_of(first) == [(202603, 64_000)] and credits_of(second) == [(202603, 64_000)]
    # Paid in April: it bears interest from April on, nine months of the year.
    assert tally(first) == (64_000, 64_000 * 9, 0, 0)
    fund = books_agree()
    with acting(ENGINE):
        for _ in range(3):
            assert bills.credit_bills([bill.pk], place=PLACE, on=ON, at=at(ON)).rows == 0
    assert books_agree() == fund


def test_an_opened_bill_takes_back_what_it_credited_and_credits_anew_when_it_is_cleared_again() -> None:
    unit = support.make_unit()
    (person,) = support.person_ids(support.hire(unit, 1, month=202604))
    support.assess(202604)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202604)
    support.pay(bill, bill.total_fen, at=support.moment(202604, 27))
    before = books_agree()
    for _ in range(2):
        with acting(ENGINE):
            paid.opened_again([bill], place=PLACE, on=ON, at=at(ON))
        assert tally(person)[:2] == (0, 0) and credits_of(person) == [(202604, 0)] and books_agree() == before - 64_000
    with acting(ENGINE):
        paid.cleared([bill], place=PLACE, on=ON, at=at(ON))
    assert tally(person)[:2] == (64_000, 64_000 * 3) and books_agree() == before
    with acting(ENGINE):
        paid.opened_again([bill], place=PLACE, on=ON, at=at(ON))
    assert books_agree() == before - 64_000


def test_who_was_taken_onto_an_order_is_credited_by_the_order_and_the_rest_by_the_month() -> None:
    unit = support.make_unit()
    owes, pays = support.person_ids(support.hire(unit, 2, month=202605, wage_fen=900_000))
    support.assess(202605)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202605)
    later = date(2026, 9, 1)
    arrears.register(unit, [owes], later)
    order = arrears.issue(unit, later)
    with acting(ENGINE):
        bill.refresh_from_db()
    support.pay(bill, bill.open_fen, at=support.moment(202609, 2))
    assert credits_of(pays) == [(202605, 72_000)] and credits_of(owes) == []
    support.pay(order, order.open_fen, at=support.moment(202609, 3))
    assert credits_of(owes) == [(202605, 72_000)] and credits_of(pays) == [(202605, 72_000)]
    books_agree()


def test_who_comes_back_from_an_order_is_credited_by_the_month_and_who_was_credited_keeps_the_day() -> None:
    unit = support.make_unit()
    owes, pays = support.person_ids(support.hire(unit, 2, month=202601, wage_fen=900_000))
    support.assess(202601)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202601)
    later = date(2026, 9, 1)
    arrears.register(unit, [owes], later)
    order = arrears.issue(unit, later)
    with acting(ENGINE):
        bill.refresh_from_db()
    support.pay(bill, bill.open_fen, at=support.moment(202609, 2))
    arrears.roll_back(order, date(2026, 9, 10))
    with acting(ENGINE):
        bill.refresh_from_db()
    support.pay(bill, bill.open_fen, at=support.moment(202610, 8))
    assert credits_of(owes) == credits_of(pays) == [(202601, 72_000)]
    assert (tally(pays)[1], tally(owes)[1]) == (72_000 * 4, 72_000 * 3), "from September, and from October on"
    books_agree()
    with acting(ENGINE):
        paid.opened_again([bill], place=PLACE, on=ON, at=at(ON))
    assert credits_of(owes) == credits_of(pays) == [(202601, 0)], "both are taken back, whatever credited them"
    with acting(ENGINE):
        paid.cleared([bill], place=PLACE, on=ON, at=at(ON))
        paid.touched([bill], place=PLACE, on=ON, at=at(ON))
    assert credits_of(owes) == credits_of(pays) == [(202601, 72_000)]
    books_agree()


def deferred(unit: int, month: int) -> None:
    wanted = deferring.NewDeferral(unit, 1, "hardship", (Insurance.PENSION,), month, month, date(2026, 8, 31), "deferral", None)
    with acting(ENGINE):
        deferring.grant(wanted, at=support.moment(month, 26))


def test_an_order_for_the_deferred_part_of_the_employer_credits_nobody_a_second_time() -> None:
    unit = support.make_unit()
    (person,) = support.person_ids(support.hire(unit, 1, month=202602, wage_fen=900_000))
    support.assess(202602)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202602)
    deferred(unit, 202602)
    with acting(ENGINE):
        put_off = sum(part.amount_fen for part in deferring.open_parts(bill) if part.deferred)
    support.pay(bill, bill.total_fen - put_off, at=support.moment(202602, 28))
    assert put_off > 0 and credits_of(person) == [(202602, 72_000)], "缓缴不影响个人权益"
    after = date(2026, 9, 10)
    arrears.register(unit, [person], after)
    order = arrears.issue(unit, after)
    support.pay(order, order.open_fen, at=support.moment(202609, 11))
    assert credits_of(person) == [(202602, 72_000)]
    books_agree()


def test_what_was_taken_out_of_a_line_is_not_deferred_on_it_too() -> None:
    unit = support.make_unit()
    gone, stays = support.person_ids(support.hire(unit, 2, month=202511, wage_fen=900_000))
    support.assess(202511)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202511)
    later = date(2026, 7, 1)
    arrears.register(unit, [gone], later)
    arrears.issue(unit, later)
    deferred(unit, 202511)
    with acting(ENGINE):
        bill.refresh_from_db()
        (line,) = bill.lines.filter(insurance=Insurance.PENSION.value)
        assert [p.amount_fen for p in deferring.open_parts(bill) if p.deferred] == [line.unit_fen // 2], "one of two people is left"
    owed = line.open_fen - line.unit_fen // 2
    assert owed == 72_000
    support.pay(bill, bill.open_fen - line.unit_fen // 2 - 1, at=support.moment(202607, 2))
    assert credits_of(stays) == [], "a fen of the own part is open"
    support.pay(bill, 1, at=support.moment(202607, 3))
    assert credits_of(stays) == [(202511, 72_000)]
    books_agree()


def test_a_month_determined_by_the_month_before_credits_nobody_until_it_is_declared() -> None:
    unit = support.make_unit()
    (person,) = support.person_ids(support.hire(unit, 1, month=202606))
    support.assess(202606)
    support.assess(202607, declared=False)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202607)
    support.pay(bill, bill.open_fen, at=support.moment(202607, 27))
    assert credits_of(person) == []
    support.declare(unit, 202607, at=support.moment(202607, 28))
    assert credits_of(person) == [(202607, 64_000)]
    support.assess(202608)  # what was paid too much pays part of it
    books_agree()


def test_references_count_once_however_many_tell_at_the_same_moment() -> None:
    who = people(3)

    def tell(i: int, racer: int) -> int:
        return credit(f"race:{i}", [(p, 202601, 1_000) for p in who], ON).rows

    outcomes = race(8, 4, tell)
    assert all(sorted(made) == [0, 0, 0, 3] for made in outcomes), outcomes
    assert tally(who[0]) == (8_000, 8_000 * 3, 0, 0)
    books_agree()


def test_crossing_credits_of_the_same_people_wait_for_each_other_and_none_is_lost() -> None:
    who = people(20)

    def tell(i: int, racer: int) -> int:
        order = who if racer % 2 else who[::-1]
        return credit(f"cross:{i}:{racer}", [(p, 202601, 100) for p in order], ON).rows

    assert all(made == [20] * 4 for made in race(6, 4, tell))
    assert {tally(p)[0] for p in who} == {2_400}
    books_agree()


def test_opening_balances_count_from_the_beginning_of_the_year_and_a_transfer_from_its_month() -> None:
    (person,) = people(1)
    credit("brought:1", [(person, 202601, 500_000)], date(2026, 1, 5), kind=EntryKind.BROUGHT)
    credit("transfer:1", [(person, 202611, 30_000)], date(2026, 11, 5), kind=EntryKind.TRANSFER_IN)
    assert tally(person) == (0, 60_000, 500_000, 30_000)
    reverse("transfer:1", date(2026, 11, 20))
    assert tally(person) == (0, 0, 500_000, 0)
    books_agree()


def test_a_refund_takes_the_own_part_out_of_the_account() -> None:
    (person,) = people(1)
    credit("bill:first", [(person, 202609, 64_000)], ON)
    with acting(ENGINE):
        for _ in range(2):
            bills.credit_refund("R1", [(person, 202609, 4_000)], label="退费", agency_id=1, place=PLACE, on=ON, at=at(ON))
    assert credits_of(person) == [(202609, 60_000)]
    books_agree()


def test_what_reads_and_writes_of_accounts_is_held_by_the_database() -> None:
    for table in ("accounts_entry", "accounts_source"):
        assert support.attempt(None, f"update {table} set own_fen = own_fen + 1", alias="owner") == "23001"
        assert support.attempt(None, f"delete from {table}", alias="owner") == "23001"
    assert support.attempt(ENGINE, "update accounts_entry set own_fen = 0") == "42501"
    assert one("select count(*) from accounts_entry") > 0


def credit_range(reference: str, who: list[int]) -> Credited:
    """Two months for each of some people, as a debit batch does it."""
    rows = Rows.of([(reference, person, month, 100 + i, 0) for i, person in enumerate(who) for month in (202609, 202610)])
    with acting(ENGINE):
        given = Rows(rows.sql, rows.values, (min(who), max(who)))
        return crediting.credit([Reference(reference, reference, 1)], given, place=PLACE, on=ON, at=at(ON))


def test_a_range_is_credited_as_its_people_would_be_and_once() -> None:
    who = people(3)
    credit("range-before", [(who[0], 202608, 7)], date(2026, 9, 1))
    fund = books_agree()
    made = credit_range("range", who)
    assert (made.sources, made.rows, made.total_fen) == (1, 6, 606)
    assert tally(who[0]) == (207, 7 * 4 + 200 * 3, 0, 0)
    assert [tally(person) for person in who[1:]] == [(202, 606, 0, 0), (204, 612, 0, 0)]
    assert credits_of(who[2]) == [(202609, 102), (202610, 102)] and books_agree() == fund + 606
    assert credit_range("range", who).rows == 0 and books_agree() == fund + 606


def test_a_first_credit_of_the_year_from_elsewhere_makes_a_range_start_again() -> None:
    who = people(2)
    fund = books_agree()

    def apart() -> Credited:
        try:
            return credit_range("raced", who)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with acting(ENGINE):
            credit("first", [(who[1], 202610, 50)], ON)
            running = pool.submit(apart)
            for _ in range(200):  # until it waits for us
                if as_owner("select 1 from pg_locks where not granted"):
                    break
                time.sleep(0.05)
        with pytest.raises(CreditRaced):
            running.result()
    assert books_agree() == fund + 50
    assert credit_range("raced", who).rows == 4
    assert tally(who[1])[0] == 252 and books_agree() == fund + 50 + 402
