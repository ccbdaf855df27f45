"""划入个人账户 of old months: to 2005-12 the employer's contribution fills the account up to 11 % of the base, from 2006-01 it does not."""

from datetime import date
from itertools import count

import pytest

from shebao.auditor.books import audit
from shebao.base.errors import ShebaoError
from shebao.base.months import shift
from shebao.levy import crediting, paid
from shebao.levy.models import Bill
from shebao.policy.account import filled_up
from shebao.policy.rulebook import standard
from shebao.runs import account_interest
from tests import make
from tests.db import arrears_support as arrears
from tests.db import support
from tests.db.accounts_support import at, books_agree
from tests.db.support import ENGINE, PLACE, acting, as_owner
from tests.db.test_auditor import address
from tests.db.web_support import Browser, words

ON = date(2025, 10, 28)
MONTHS = count(0)


@pytest.fixture(scope="module", autouse=True)
def agency(database: str) -> None:
    support.make_agency(1)


@pytest.fixture
def month() -> int:
    """A month that is not assessed yet."""
    return shift(202501, next(MONTHS))


def owe(unit: int, person: int, month: int, base: int, own: int, employer: int, origin: str = "back") -> None:
    """An old month declared late: a due of pension that the next bill takes up."""
    as_owner(
        "insert into levy_line (person_id, unit_id, agency_id, month, insurance, origin, base_fen, unit_fen, person_fen, recorded_at)"
        " values (%s, %s, 1, %s, 110, %s, %s, %s, %s, %s) returning id",
        [person, unit, month, origin, base, employer, own, at(date(2024, 12, 1))],
    )


def give_back(unit: int, person: int, month: int, base: int, own: int, employer: int) -> int:
    return int(
        as_owner(
            "insert into levy_refunddue (unit_id, person_id, agency_id, month, insurance, base_fen, unit_fen, person_fen, reason, recorded_at)"
            " values (%s, %s, 1, %s, 110, %s, %s, %s, '多缴', %s) returning id",
            [unit, person, month, base, employer, own, at(date(2026, 1, 5))],
        )[0][0]
    )


def billed(unit: int, month: int) -> Bill:
    support.assess(month)
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month)


def old_credits(person: int) -> dict[int, tuple[int, int]]:
    rows = as_owner(
        "select month, sum(own_fen)::bigint, sum(employer_fen)::bigint from accounts_entry where person_id = %s and month < 202001 group by 1",
        [person],
    )
    return {m: (own, employer) for m, own, employer in rows}


def sound(database: str) -> None:
    books_agree()
    checks = {f.name: f for f in audit(address(database))}
    assert checks["employer_part_of_accounts"].state == checks["personal"].state == "ok", checks["employer_part_of_accounts"].figures


def test_a_late_payment_across_the_turn_of_2005_is_credited_with_11_and_then_8_percent(database: str, month: int) -> None:
    unit = support.make_unit()
    (person,) = support.person_ids(support.hire(unit, 1, month=month))
    # In 1999 the person paid 5 %; in December 2005 and January 2006 8 %; the base is one that rounds.
    for old, own in ((199912, 5_000), (200512, 8_003), (200601, 8_003)):
        owe(unit, person, old, 100_037 if old > 200000 else 100_000, own, 20_007)
    bill = billed(unit, month)
    support.pay(bill, bill.total_fen - 1, at=support.moment(month, 27))
    assert old_credits(person) == {}, "not before it is paid"
    support.pay(bill, 1, at=support.moment(month, 28))
    # 11 % of 1,000.37 is 110.0407; 110.04 − 80.03 = 30.01. Of 1,000.00 is 110.00; less 50.00 paid.
    expected = {199912: (5_000, 6_000), 200512: (8_003, 3_001), 200601: (8_003, 0)}
    assert old_credits(person) == expected
    sound(database)
    with acting(ENGINE):
        paid.opened_again([bill], place=PLACE, on=ON, at=at(ON))
    assert old_credits(person) == dict.fromkeys(expected, (0, 0))
    sound(database)
    with acting(ENGINE):
        paid.cleared([bill], place=PLACE, on=ON, at=at(ON))
    assert old_credits(person) == expected
    sound(database)


def test_charges_of_one_month_add_up_to_the_share_of_the_whole_base_and_what_goes_back_leaves_the_rest_of_it(
    database: str, month: int
) -> None:
    unit = support.make_unit()
    (person,) = support.person_ids(support.hire(unit, 1, month=month))
    # Each 11 % of 50.05 would be 5.5055, half up 5.51; of both together it is 11.011, so 11.01.
    owe(unit, person, 200512, 5_005, 400, 1_001)
    owe(unit, person, 200512, 5_005, 401, 1_001, "diff")
    bill = billed(unit, month)
    support.pay(bill, bill.total_fen, at=support.moment(month, 27))
    assert sum(old_credits(person)[200512]) == 1_101
    due = give_back(unit, person, 200512, 5_005, 401, 1_001)
    with acting(ENGINE):
        for _ in range(2):
            crediting.credit_refund(f"S{due}", [], differences=[due], label="退费", agency_id=1, place=PLACE, on=ON, at=at(ON))
    assert old_credits(person)[200512] == (400, 551 - 400)
    sound(database)


def test_the_employer_s_part_is_never_more_than_what_it_was_charged(database: str, month: int) -> None:
    unit = support.make_unit()
    (person,) = support.person_ids(support.hire(unit, 1, month=month))
    owe(unit, person, 200511, 100_000, 8_000, 1_200)
    owe(unit, person, 200510, 100_000, 12_000, 20_000)
    bill = billed(unit, month)
    support.pay(bill, bill.total_fen, at=support.moment(month, 27))
    assert old_credits(person) == {200511: (8_000, 1_200), 200510: (12_000, 0)}
    sound(database)


def test_an_order_over_arrears_of_2005_credits_the_employer_s_part_too(database: str, month: int) -> None:
    unit = support.make_unit()
    (person,) = support.person_ids(support.hire(unit, 1, month=month))
    owe(unit, person, 200512, 100_000, 8_000, 20_000)
    owe(unit, person, 200601, 100_000, 8_000, 20_000)
    bill = billed(unit, month)
    later = date(2026, 9, 1)
    arrears.register(unit, [person], later)
    order = arrears.issue(unit, later)
    assert old_credits(person) == {}
    support.pay(order, order.open_fen, at=support.moment(202609, 3))
    assert old_credits(person) == {200512: (8_000, 3_000), 200601: (8_000, 0)}
    with acting(ENGINE):
        bill.refresh_from_db()
    sound(database)


def test_the_stretches_come_from_the_rule_and_no_flexible_month_before_2006_is_guessed() -> None:
    assert [(s.first, s.last, s.total_ppm) for s in filled_up(standard(), PLACE)] == [(199601, 200512, 110_000)]
    assert standard().rule("flexible.rate", date(2006, 1, 1), PLACE).value.account_ppm == 80_000
    with pytest.raises(ShebaoError, match="尚未确定，请先补充该参数"):
        standard().rule("flexible.rate", date(2005, 12, 31), PLACE)


def test_the_own_page_tells_how_the_credits_of_a_year_came_about(database: str, month: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
    unit = make.unit(people=1)
    person = unit.staff[0].person_id
    owe(unit.id, person, 200512, 100_000, 8_000, 20_000)
    owe(unit.id, person, 200601, 100_000, 8_000, 20_000)
    bill = billed(unit.id, month)
    support.pay(bill, bill.open_fen, at=support.moment(month, 27))
    make.individual(person, "share1")
    told = words(Browser("share1").get("/p/account?year=2025"))
    assert "其中单位划入 30.00" in told and "2006 年 1 月起单位缴费不再划入" in told
    account_interest.settle(PLACE, 2025, clock=lambda: at(date(2026, 7, 1)))
    told = words(Browser("share1").get("/p/account?year=2025"))
    for word in ("单位缴费划入 30.00 元", "缴费基数的 11%（个人 8%，单位 3%）", "缴费基数的 8%（个人缴费）"):
        assert word in told, word
    sound(database)
