"""滞纳金 of bills that are paid late without an order: determined on the day of payment, on a bill of its own, booked, taken back."""

from datetime import date, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.base.months import span
from shebao.base.terms import Insurance
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import deferring, late_payments, orders, receiving, suspense
from shebao.levy.models import Bill, BillKind, BillLine, BillState, LateFee, Receipt
from shebao.levy.receiving import Payment
from shebao.levy.refund_models import MoveKind
from shebao.policy.formulas.late_fee import late_fee
from shebao.policy.late_fee import explain_late_fee
from shebao.policy.rulebook import standard
from tests.db.support import AT, FULL, PLACE, ask, assess, finance, hire, make_agency, make_unit, moment, pay, person_ids

_months, _serials = count(), count(1)
FOUR = FULL & ~Insurance.LARGE_MEDICAL.flag  # 大额医疗 has no known amount before 2025
FREE = [*span(202301, 202401), *span(202501, 202611)]


def free_month() -> int:
    """A month that no test has assessed yet."""
    known = {month for (month,) in ask("select month from levy_placemonth where state = 'assessed'")}
    return next(month for month in iter(lambda: FREE[next(_months)], 0) if month not in known)


@pytest.fixture(scope="module")
def unit(database: str) -> int:
    make_agency(1)
    unit = make_unit("甲示例公司", mask=FOUR, vip=False, since=202201)
    hire(unit, 3, month=202201, mask=FOUR, at=moment(202201, 2))
    return unit


@pytest.fixture
def bill(unit: int) -> Bill:
    """A fresh bill: another month for every test. Issued on the 5th of its month."""
    return billed(unit, free_month())


def billed(unit: int, month: int) -> Bill:
    assess(month, at=moment(month, 5))
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month, kind=BillKind.MONTHLY)


def pay_on(bill: Bill, amount_fen: int, day: date) -> list[LateFee]:
    """Pay on a day; the late fees that made due."""
    before = {fee.pk for fee in fees()}
    pay(bill, amount_fen, at=AT.replace(year=day.year, month=day.month, day=day.day))
    return [fee for fee in fees() if fee.pk not in before]


def fees() -> list[LateFee]:
    with acting(ENGINE):
        return list(LateFee.objects.order_by("id").select_related("bill", "line"))


def fresh(bill: Bill) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(pk=bill.pk)


def balances() -> dict[AccountKind, int]:
    with acting(ENGINE):
        rows = trial_balance(PLACE, date(2030, 1, 1))
    return {kind: sum(r.balance_fen for r in rows if r.kind is kind) for kind in AccountKind}


@pytest.fixture(autouse=True)
def the_books_agree(database: str):  # type: ignore[no-untyped-def]
    """After every test: what is owed of late fees is what is open of lines of late fees, fund by fund; each bill's fees are its lines'."""
    yield
    with acting(ENGINE):
        rows = trial_balance(PLACE, date(2030, 1, 1))
        lines = list(BillLine.objects.filter(origin="late_fee").select_related("bill"))
    for fund in Insurance:
        due = sum(r.balance_fen for r in rows if r.kind is AccountKind.LATE_FEE_DUE and r.fund == fund.value)
        assert due == sum(line.open_fen for line in lines if line.insurance == fund.value)
    assert (
        ask(
            """
        select b.number from levy_bill b where b.kind = 'late_fee' and (
          b.late_fee_fen <> (select sum(unit_fen) from levy_billline l where l.bill_id = b.id)
          or b.late_fee_fen <> (select sum(fee_fen) from levy_latefee f where f.bill_id = b.id))
        """
        )
        == []
    )


def test_a_bill_paid_on_its_last_day_bears_no_fee(bill: Bill) -> None:
    assert pay_on(bill, bill.total_fen, bill.due_date) == []
    assert fresh(bill).state == BillState.PAID


def test_a_bill_paid_thirty_days_late_is_cleared_and_its_fee_stands_on_a_bill_of_its_own(bill: Bill) -> None:
    before = balances()
    made = pay_on(bill, bill.total_fen, bill.due_date + timedelta(days=30))
    assert fresh(bill).state == BillState.PAID, "principal first: the money goes to what it names"
    fee_bill = made[0].bill
    assert (fee_bill.kind, fee_bill.number[:2], fee_bill.state, fee_bill.unit_fen, fee_bill.person_fen) == (
        BillKind.LATE_FEE, "ZN", BillState.ISSUED, 0, 0,
    )  # fmt: skip
    with acting(ENGINE):
        lines = {line.insurance: line for line in BillLine.objects.filter(bill=bill)}
        owed = {line.insurance: line.unit_fen for line in BillLine.objects.filter(bill=fee_bill)}
    assert owed == {code: late_fee(line.unit_fen + line.person_fen, 30 * 500) for code, line in lines.items()}
    assert sum(owed.values()) == fee_bill.late_fee_fen == fee_bill.open_fen
    after = balances()
    assert after[AccountKind.LATE_FEE_DUE] - before[AccountKind.LATE_FEE_DUE] == fee_bill.late_fee_fen
    assert before[AccountKind.LATE_FEE] - after[AccountKind.LATE_FEE] == fee_bill.late_fee_fen
    assert after[AccountKind.INCOME] == before[AccountKind.INCOME], "a late fee is no contribution"


def test_every_stored_fee_is_what_its_explanation_says(bill: Bill) -> None:
    for fee in pay_on(bill, bill.total_fen, bill.due_date + timedelta(days=17)):
        told = explain_late_fee(fee.principal_fen, fee.from_day, fee.paid_on, PLACE, standard(), Insurance(fee.insurance), fee.month)
        assert told.amount("fee") == fee.fee_fen
        assert f"共 {fee.days} 天" in told.step("days").expression


def test_the_case_of_the_fact_base_comes_out_through_a_payment(unit: int) -> None:
    """LF1: 10,000.00 due 2025-03-14, paid 2025-04-13: 30 days, 150.00. One type and nothing else, so that the bill is the case."""
    other = make_unit("滞纳金案例公司", mask=Insurance.PENSION.flag, vip=False, since=202201)
    # 24 % of 41,666.67 is 10,000.00; the cap is 22,488, so two people of 20,833.335 each: 3,333.33 + 1,666.67 by halves.
    hire(other, 1, month=202301, wage_fen=2_083_333, mask=Insurance.PENSION.flag, at=moment(202301, 2))
    hire(other, 1, month=202301, wage_fen=2_083_334, mask=Insurance.PENSION.flag, at=moment(202301, 2))
    bill = billed(other, 202502)
    assert bill.total_fen == 1_000_000
    with acting(ENGINE):
        Bill.objects.filter(pk=bill.pk).update(due_date=date(2025, 3, 14))
    (fee,) = pay_on(fresh(bill), 1_000_000, date(2025, 4, 13))
    assert (fee.days, fee.fee_fen, fee.bill.late_fee_fen) == (30, 15_000, 15_000)


def test_part_payments_bear_each_their_own_days(bill: Bill) -> None:
    third = bill.total_fen // 3
    first = pay_on(bill, third, bill.due_date)
    second = pay_on(bill, third, bill.due_date + timedelta(days=5))
    rest = pay_on(bill, fresh(bill).open_fen, bill.due_date + timedelta(days=40))
    assert (first, {f.days for f in second}, {f.days for f in rest}) == ([], {5}, {40})
    assert sum(f.principal_fen for f in second) == third
    assert sum(f.principal_fen for f in rest) == bill.total_fen - 2 * third
    assert {f.bill_id for f in second}.isdisjoint({f.bill_id for f in rest})


def test_paying_the_fee_clears_its_bill_and_bears_no_fee_however_late(bill: Bill) -> None:
    fee_bill = pay_on(bill, bill.total_fen, bill.due_date + timedelta(days=30))[0].bill
    assert pay_on(fee_bill, fee_bill.open_fen, fee_bill.due_date + timedelta(days=100)) == []
    assert fresh(fee_bill).state == BillState.PAID


def test_a_fee_below_half_a_fen_makes_no_bill(bill: Bill) -> None:
    assert pay_on(bill, 9, bill.due_date + timedelta(days=1)) == []


def test_a_deferred_unit_part_bears_a_fee_from_the_end_of_its_deferral_only(unit: int) -> None:
    other = make_unit("缓缴公司", mask=Insurance.PENSION.flag, vip=False, since=202201)
    hire(other, 2, month=202201, mask=Insurance.PENSION.flag, at=moment(202201, 2))
    month = 202208
    bill = billed(other, month)
    until = date(2023, 12, 31)
    with acting(ENGINE):
        deferring.grant(
            deferring.NewDeferral(other, 1, "hardship", (Insurance.PENSION,), month, month, until, "deferral 2022-05", None),
            at=moment(202209),
        )
    own = bill.person_fen
    (late,) = pay_on(bill, own, bill.due_date + timedelta(days=10))
    assert (late.principal_fen, late.from_day, late.days) == (own, bill.due_date, 10), "the people's own part was never put off"
    half = bill.unit_fen // 2
    assert pay_on(bill, half, until) == [], "until and with the last day nothing runs"
    (rest,) = pay_on(bill, bill.unit_fen - half, until + timedelta(days=3))
    assert (rest.principal_fen, rest.from_day, rest.days) == (bill.unit_fen - half, until, 3)


def test_one_payment_of_both_parts_counts_each_from_its_own_day(unit: int) -> None:
    other = make_unit("缓缴公司二", mask=Insurance.PENSION.flag, vip=False, since=202201)
    hire(other, 2, month=202201, mask=Insurance.PENSION.flag, at=moment(202201, 2))
    month, until = 202209, date(2023, 12, 31)
    bill = billed(other, month)
    with acting(ENGINE):
        deferring.grant(
            deferring.NewDeferral(other, 1, "hardship", (Insurance.PENSION,), month, month, until, "deferral 2022-05", None),
            at=moment(202210),
        )
    made = pay_on(bill, bill.total_fen, until + timedelta(days=7))
    assert {(f.principal_fen, f.from_day, f.days) for f in made} == {
        (bill.person_fen, bill.due_date, (until - bill.due_date).days + 7),
        (bill.unit_fen, until, 7),
    }


def test_months_of_the_outage_are_free_until_the_window_ends(unit: int) -> None:
    bill = billed(unit, 202206)
    with acting(ENGINE):
        Bill.objects.filter(pk=bill.pk).update(due_date=date(2022, 7, 4))
    bill = fresh(bill)
    assert pay_on(bill, 10_000, date(2022, 9, 30)) == []
    made = pay_on(bill, fresh(bill).open_fen, date(2022, 10, 2))
    assert {f.days for f in made} == {2}


def test_days_on_which_nothing_could_be_paid_do_not_count_for_other_months(unit: int) -> None:
    bill = billed(unit, 202205)
    with acting(ENGINE):
        Bill.objects.filter(pk=bill.pk).update(due_date=date(2022, 6, 15))
    made = pay_on(fresh(bill), bill.total_fen, date(2022, 7, 27))
    # 06-16 … 06-22 are 7 days, 07-25 … 07-27 are 3; the system was down in between.
    assert {f.days for f in made} == {10}


def test_an_order_paid_after_its_last_day_bears_the_days_since_it_was_made(unit: int) -> None:
    other = make_unit("补缴单公司", mask=FOUR, vip=False, since=202201)
    people = person_ids(hire(other, 2, month=202301, mask=FOUR, at=moment(202301, 2)))
    billed(other, free_month())
    with acting(ENGINE):
        orders.register([orders.Registration(p, None) for p in people], unit_id=other, agency_id=1, at=AT)
        order = orders.issue(other, agency_id=1, place=PLACE, case_id=None, rulebook=standard(), on=AT.date(), at=AT)
    assert pay_on(order, 1_000, order.due_date) == [], "in time: the order has its fee already"
    made = pay_on(fresh(order), fresh(order).open_fen, order.due_date + timedelta(days=2))
    assert made and {f.days for f in made} == {(order.due_date - order.issued_on).days + 2}
    with acting(ENGINE):
        fee_lines = set(BillLine.objects.filter(bill=order, origin="late_fee").values_list("pk", flat=True))
    assert fee_lines and fee_lines.isdisjoint({f.line_id for f in made}), "a late fee bears none"


def test_a_payment_taken_back_takes_its_fee_back_and_the_books_too(bill: Bill) -> None:
    before = balances()
    made = pay_on(bill, bill.total_fen, bill.due_date + timedelta(days=30))
    with acting(ENGINE):
        back = late_payments.take_back(made[0].receipt_id, bill.pk, place=PLACE, on=AT.date(), at=AT)
        again = late_payments.take_back(made[0].receipt_id, bill.pk, place=PLACE, on=AT.date(), at=AT)
    assert (back, again) == (made[0].bill.late_fee_fen, 0)
    cancelled = fresh(made[0].bill)
    assert (cancelled.state, cancelled.open_fen) == (BillState.CANCELLED, 0)
    after = balances()
    assert (after[AccountKind.LATE_FEE_DUE], after[AccountKind.LATE_FEE]) == (
        before[AccountKind.LATE_FEE_DUE],
        before[AccountKind.LATE_FEE],
    )


def test_a_payment_whose_fee_is_paid_is_not_taken_back_before_the_fee(bill: Bill) -> None:
    made = pay_on(bill, bill.total_fen, bill.due_date + timedelta(days=30))
    pay_on(made[0].bill, 1, AT.date())
    with acting(ENGINE), pytest.raises(late_payments.FeePaidError, match="请先把滞纳金的到账退回"):
        late_payments.take_back(made[0].receipt_id, bill.pk, place=PLACE, on=AT.date(), at=AT)


def suspended(fen: int, day: date) -> int:
    """Money that named no bill of ours, in suspense. Returns the receipt."""
    stray = Payment(f"ZS{next(_serials):06d}", "HD209901-0000001", "甲示例公司", fen, day)
    with acting(finance()):
        receiving.receive_file(stray.serial.encode(), stray.serial, "到账.csv", [stray], place=PLACE, agency_id=1, on=day, at=AT)
        return Receipt.objects.get(serial=stray.serial).pk


def by_two(receipt: int, kind: MoveKind, fen: int, bill: Bill) -> None:
    with acting(finance(300)):
        move = suspense.propose(receipt, suspense.Wanted(kind, fen, "经与单位核对", bill.number), at=AT)
    with acting(finance(301)):
        suspense.decide(move, confirm=True, place=PLACE, on=AT.date(), at=AT)


def test_money_claimed_for_a_bill_bears_the_fee_of_the_day_it_was_paid_and_gives_it_back_when_released(unit: int) -> None:
    one, other = billed(unit, free_month()), billed(unit, free_month())
    receipt = suspended(one.total_fen + 500, one.due_date + timedelta(days=30))
    by_two(receipt, MoveKind.MATCH, one.total_fen, one)
    (made,) = [fee for fee in fees() if fee.receipt_id == receipt and fee.insurance == Insurance.PENSION.value]
    assert (made.days, made.fee_fen) == (30, late_fee(made.principal_fen, 30 * 500))
    before = {fee.pk for fee in fees()}
    by_two(receipt, MoveKind.MATCH, 500, other)
    assert all(fee.month == other.month for fee in fees() if fee.pk not in before), "a second bill is not late because the first one was"
    by_two(receipt, MoveKind.RELEASE, one.total_fen, one)
    assert fresh(made.bill).state == BillState.CANCELLED
    assert all(fee.reversed_at is None for fee in fees() if fee.receipt_id == receipt and fee.month == other.month)


def test_money_that_leaves_a_bill_with_a_deferred_rest_takes_along_what_it_brought_to_the_accounts() -> None:
    """缓缴 counts for the people; once their own parts are gone from the bill, it does not."""
    mine, month = make_unit("缓缴公司", mask=FOUR, vip=False, since=202201), free_month()
    hire(mine, 2, month=202301, mask=FOUR, at=moment(202301, 2))
    wanted = deferring.NewDeferral(mine, 1, "hardship", (Insurance.PENSION,), month, month, date(2027, 6, 30), "协议", None)
    with acting(ENGINE):
        deferring.grant(wanted, at=moment(month, 2))
    bill = billed(mine, month)
    with acting(ENGINE):
        put_off = BillLine.objects.get(bill=bill, insurance=Insurance.PENSION.value).unit_fen
    pay_on(bill, bill.total_fen - put_off, bill.due_date)
    credited = "select coalesce(sum(e.own_fen), 0)::bigint from accounts_entry e join accounts_source s on s.id = e.source_id" \
        " where s.reference in (%s, 'back:' || (select id from accounts_source where reference = %s and turn = 1))"  # fmt: skip
    assert ask(credited, [f"bill:{bill.pk}"] * 2)[0][0] > 0
    with acting(ENGINE):
        receipt = Receipt.objects.get(bill=bill)
    by_two(receipt.pk, MoveKind.RELEASE, receipt.amount_fen, bill)
    assert ask(credited, [f"bill:{bill.pk}"] * 2) == [(0,)]


def test_a_claim_is_not_released_while_the_fee_it_made_is_paid(bill: Bill) -> None:
    receipt = suspended(bill.total_fen, bill.due_date + timedelta(days=30))
    by_two(receipt, MoveKind.MATCH, bill.total_fen, bill)
    made = next(fee for fee in fees() if fee.receipt_id == receipt)
    pay_on(made.bill, 1, AT.date())
    with pytest.raises(late_payments.FeePaidError):
        by_two(receipt, MoveKind.RELEASE, bill.total_fen, bill)
    assert fresh(bill).state == BillState.PAID


def test_a_charged_fee_cannot_be_rewritten(bill: Bill) -> None:
    fee = pay_on(bill, bill.total_fen, bill.due_date + timedelta(days=30))[0]
    for sql in ("update levy_latefee set fee_fen = 1 where id = %s", "delete from levy_latefee where id = %s"):
        with pytest.raises(Exception, match=r"permission denied|written once"), acting(ENGINE):
            ask(sql, [fee.pk])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.tuples(st.integers(1, 400_000), st.integers(-3, 60)), min_size=1, max_size=5))
def test_however_a_bill_is_paid_the_fees_are_those_of_its_late_parts(unit: int, parts: list[tuple[int, int]]) -> None:
    """Whatever comes in on whatever day: the principal of the fees is exactly what was allocated late (but for parts below half a fen)."""
    other = _walk_units.setdefault("unit", 0) or make_unit("逐笔缴费公司", mask=FOUR, vip=False, since=202201)
    if not _walk_units["unit"]:
        _walk_units["unit"] = other
        hire(other, 2, month=202301, mask=FOUR, at=moment(202301, 2))
    bill = _walk_bill(other)
    late = 0
    for amount, days in parts:
        open_fen = fresh(bill).open_fen
        made = pay_on(bill, amount, bill.due_date + timedelta(days=days))
        taken = min(amount, open_fen)
        late += taken if days > 0 else 0
        assert sum(f.principal_fen for f in made) <= (taken if days > 0 else 0)
        for f in made:
            assert (f.days, f.fee_fen) == (days, late_fee(f.principal_fen, days * 500))
    try:
        with acting(ENGINE):
            total = sum(f.principal_fen for f in late_payments.fees_for_bill(bill))
    except ShebaoError as error:
        raise AssertionError(error.text) from error
    assert late - total <= 6 * 1_000 * len(parts), "only what is too small for a fen of fee is left out"


_walk_units: dict[str, int] = {}


def _walk_bill(unit: int) -> Bill:
    """A bill of its own for every walk, of the first month that nobody has assessed yet."""
    known = {m for (m,) in ask("select month from levy_placemonth where place = %s and state = 'assessed'", [PLACE])}
    month = next(m for m in FREE if m not in known)
    return billed(unit, month)


def test_one_order_over_two_regimes_has_each_months_days_at_their_own_rate(unit: int) -> None:
    """征缴暂行条例 until 2011-06-30 (2 ‰; 工伤 5 ‱ since 2011-01-01), 社会保险法 after: in one order, by date (facts §4)."""
    other = make_unit("两种费率公司", mask=FOUR, vip=False, since=202201)
    (person,) = person_ids(hire(other, 1, month=202301, mask=FOUR, at=moment(202301, 2)))
    older, newer = billed(other, free_month()), billed(other, free_month())
    with acting(ENGINE):
        Bill.objects.filter(pk=older.pk).update(due_date=date(2011, 6, 20))
        Bill.objects.filter(pk=newer.pk).update(due_date=date(2011, 7, 10))
        made = orders.draft(other, [person], on=date(2011, 7, 20), place=PLACE, rulebook=standard())
    told = {(due.bill_id, due.insurance): (due.open_fen, fee) for due, fee in zip(made.dues, made.fees, strict=True)}
    principal, fee = told[older.pk, Insurance.PENSION]
    assert fee == late_fee(principal, 10 * 2000 + 20 * 500), "06-21 … 06-30 at 2 ‰, 07-01 … 07-20 at 5 ‱"
    principal, fee = told[older.pk, Insurance.INJURY]
    assert fee == late_fee(principal, 30 * 500), "工伤保险条例 since 2011-01-01"
    principal, fee = told[newer.pk, Insurance.PENSION]
    assert fee == late_fee(principal, 10 * 500)
    assert made.late_fee_fen == sum(fee for _, fee in told.values())
