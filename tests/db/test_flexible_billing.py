"""核定 of flexible workers: what it costs, what it refuses, how a bill is paid, replaced and given up; the books follow."""

from datetime import date
from uuid import uuid4

import pytest
from django.db import DatabaseError

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.enrolment import tiers
from shebao.enrolment.operations import Stop
from shebao.levy import cancelling, flexible, flexible_billing
from shebao.levy.cancelling import NotCancellableError
from shebao.levy.flexible_billing import AssessRefusedError, Wanted
from shebao.levy.models import Bill, BillState, DueState, FlexDue
from shebao.policy.rulebook import standard
from tests import make
from tests.db.support import PLACE, ask, attempt, moment, pay, race

pytestmark = pytest.mark.usefixtures("database")
NOW = moment(202605, 12)


def issue(who: make.Flexible, first: int = 202601, last: int = 202605, tier: int = 60, **more):  # type: ignore[no-untyped-def]
    at = more.pop("at", NOW)
    wanted = Wanted(who.person_id, more.pop("agency_id", who.agency_id), tier, first, last, more.pop("registered_at", None))
    with acting(ENGINE):
        return flexible_billing.issue(wanted, place=PLACE, rulebook=standard(), on=at.date(), at=at, **more)


def refused(who: make.Flexible, code: str, match: str, first: int = 202601, last: int = 202605, **more) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AssessRefusedError, match=match) as caught:
        issue(who, first, last, **more)
    assert caught.value.code == code


def states(who: make.Flexible) -> dict[int, str]:
    with acting(ENGINE):
        return {due.month: due.state for due in flexible.dues_of(who.person_id)}


def receivable() -> int:
    return ask(
        "select coalesce(sum(e.amount_fen), 0)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id"
        " where a.kind = 'receivable' and a.fund = 110"
    )[0][0]


def held_to_books(before: int, who: make.Flexible) -> None:
    """What the person still owes is what the books say, beyond what they said before."""
    owed = ask(
        "select coalesce(sum(total_fen), 0)::bigint from levy_flexdue where person_id = %s and state in ('open', 'billed', 'sent')",
        [who.person_id],
    )
    assert receivable() - before == owed[0][0]


def test_missing_months_are_owed_open_ones_change_their_tier_and_the_bill_says_the_sum() -> None:
    before = receivable()
    who = make.flexible(tier=60, since=202601, dues=[202601, 202602])
    bill = issue(who, 202602, 202604, tier=100)
    assert (bill.first_month, bill.last_month, bill.person_fen) == (202602, 202604, 3 * 149_920)
    assert states(who) == {202601: "open", 202602: "billed", 202603: "billed", 202604: "billed"}
    held_to_books(before, who)
    with acting(ENGINE):
        lines = list(bill.lines.values_list("insurance", "origin", "base_fen", "unit_fen", "person_fen"))
        assert lines == [(110, "normal", 3 * 749_600, 0, 3 * 149_920)] and bill.due_date == date(2026, 12, 31)


def test_paying_the_bill_pays_its_months_on_the_day() -> None:
    before = receivable()
    who = make.flexible(dues=[202605])
    bill = issue(who, 202605, 202605)
    pay(bill, bill.person_fen, at=moment(202605, 14))
    with acting(ENGINE):
        (due,) = flexible.dues_of(who.person_id)
        assert (due.state, due.paid_on, due.bill_id) == (DueState.PAID, date(2026, 5, 14), bill.pk)
    held_to_books(before, who)
    refused(who, "FLX-05", "2026 年 5 月已经缴费", 202605, 202605)


def test_money_taken_back_opens_the_months_of_the_bill_again() -> None:
    who = make.flexible()
    bill = issue(who, 202605, 202605)
    pay(bill, bill.person_fen, at=moment(202605, 14))
    with acting(ENGINE):
        assert flexible.open_again([Bill.objects.get(pk=bill.pk)]) == 1
    assert states(who) == {202605: "billed"}


def test_another_assessment_replaces_the_open_bill_and_frees_its_other_months() -> None:
    before = receivable()
    who = make.flexible()
    first = issue(who, 202601, 202605, tier=60)
    second = issue(who, 202603, 202605, tier=300)
    with acting(ENGINE):
        first = Bill.objects.get(pk=first.pk)
        assert (first.state, first.open_fen) == (BillState.CANCELLED, 0)
        assert {due.month: due.tier for due in flexible.dues_of(who.person_id)} == {
            **dict.fromkeys((202601, 202602), 60),
            **dict.fromkeys((202603, 202604, 202605), 300),
        }
    assert states(who) == {202601: "open", 202602: "open", 202603: "billed", 202604: "billed", 202605: "billed"}
    assert second.person_fen == 3 * 449_760
    held_to_books(before, who)


def test_a_bill_that_is_given_up_frees_its_months_and_is_given_up_once() -> None:
    who = make.flexible()
    bill = issue(who)
    with acting(ENGINE):
        cancelling.cancel(bill, case_id=None, on=NOW.date(), at=NOW)
    assert set(states(who).values()) == {"open"}
    with acting(ENGINE), pytest.raises(NotCancellableError, match="不用重复办理"):
        cancelling.cancel(bill, case_id=None, on=NOW.date(), at=NOW)


def test_money_for_a_bill_that_was_given_up_waits_in_suspense() -> None:
    who = make.flexible()
    bill = issue(who, 202605, 202605)
    with acting(ENGINE):
        cancelling.cancel(bill, case_id=None, on=NOW.date(), at=NOW)
    assert pay(bill, bill.person_fen).suspended == 1
    assert states(who) == {202605: "open"}


def test_the_same_key_gives_the_same_bill_and_another_request_under_it_is_refused() -> None:
    who, key = make.flexible(), uuid4()
    bill = issue(who, key=key)
    assert issue(who, key=key).pk == bill.pk
    refused(who, "FLX-92", "提交编号已用于", 202602, key=key)
    refused(make.flexible(), "FLX-92", "提交编号已用于", key=key)


def test_what_cannot_be_assessed_is_said_in_a_sentence() -> None:
    who = make.flexible(since=202603)
    refused(who, "FLX-01", "没有在这个经办机构", agency_id=make.agency(2))
    refused(who, "FLX-02", "登记所在地应为“武汉市”", 202603, registered_at="江夏区")
    refused(who, "FLX-03", "不能晚于所属期止", 202605, 202604)
    refused(who, "FLX-04", "2026 年 6 月还没有到", 202603, 202606)
    refused(who, "FLX-08", "首次以灵活就业人员参保的，只能从参保当月开始缴纳", 202602)
    with pytest.raises(ShebaoError, match="没有 65% 这一缴费档次"):
        issue(who, 202603, tier=65)
    assert issue(who, 202603, registered_at="武汉市").person_fen == 3 * 89_952


def test_a_gap_and_a_stop_are_told_apart() -> None:
    who = make.flexible(since=202601)
    with acting(ENGINE):
        tiers.stop([Stop(who.person_id, who.unit_id, 202603, "6399", None)], at=moment(202602))
    refused(who, "FLX-09", "从 2026 年 3 月起已暂停缴费", 202601)
    with acting(ENGINE):
        tiers.start([tiers.NewFlexible(who.person_id, who.unit_id, 1, 60, 202605, None)], at=NOW)
    refused(who, "FLX-09", "2026 年 3 月中断缴费，没有参保；灵活就业人员中断缴纳", 202601)
    assert issue(who, 202605).person_fen == 89_952


def test_only_the_year_can_be_paid_and_2021_in_its_window() -> None:
    who = make.flexible(since=202110, dues=[202110])
    refused(who, "FLX-04", "请在 2022-07-25 08:30 至 2022-09-30 期间缴纳", 202110, 202206, at=moment(202207, 10))
    refused(who, "FLX-04", "补缴期已于 2022-09-30 截止", 202110, 202206, at=moment(202210, 1))
    assert issue(who, 202110, 202206, at=moment(202209, 30)).person_fen == 9 * 74_796
    who = make.flexible(since=202507)
    refused(
        who,
        "FLX-04",
        "2025 年 12 月属于 2025 社保年度（2025 年 1 月至2025 年 12 月），只能在该社保年度内缴纳",
        202512,
        202601,
        at=moment(202601, 5),
    )
    who = make.flexible(since=202309)
    with pytest.raises(ShebaoError, match=r"社保年度.*尚未确定"):
        issue(who, 202309, 202309, at=moment(202309))


def test_arrears_of_an_earlier_year_can_be_paid_under_the_older_rule_as_they_were_assessed() -> None:
    who = make.flexible(tier=60, since=201109, dues=[201109, 201110])
    bill = issue(who, 201109, 201110, tier=300, at=moment(201208))
    assert bill.person_fen == 2 * 39_304


def test_nothing_is_taken_by_another_way_while_a_batch_is_out() -> None:
    who = make.flexible(dues=[202601])
    with acting(ENGINE):
        FlexDue.objects.filter(person_id=who.person_id).update(state=DueState.SENT, batch_id=7)
    refused(who, "FLX-06", "批扣期内不能通过其他方式缴纳", 202602)


def test_a_bill_is_fetched_by_its_number_by_its_person_only() -> None:
    who, other = make.flexible(), make.flexible()
    bill = issue(who)
    with acting(ENGINE):
        assert flexible_billing.find_own(bill.number.lower(), who.person_id).pk == bill.pk
        for number, person_id in ((bill.number, other.person_id), ("GR000000-0", who.person_id)):
            with pytest.raises(AssessRefusedError, match="没有这个核定流水号"):
                flexible_billing.find_own(number, person_id)


def test_two_assessments_in_one_moment_make_one_bill() -> None:
    people = [make.flexible() for _ in range(6)]
    outcomes = race(6, 2, lambda i, racer: issue(people[i], 202601, 202605, tier=(60, 100)[racer]))
    for who, outcome in zip(people, outcomes, strict=True):
        assert sorted(type(one).__name__ for one in outcome) == ["AssessRefusedError", "Bill"], outcome
        assert next(one.code for one in outcome if isinstance(one, AssessRefusedError)) == "FLX-91"
        with acting(ENGINE):
            assert Bill.objects.filter(person_id=who.person_id).count() == 1


def test_an_assessment_and_a_batch_never_both_take_a_month() -> None:
    people = [make.flexible(dues=[202601, 202602]) for _ in range(6)]

    def send(who: make.Flexible) -> int:
        with acting(ENGINE):
            rows = FlexDue.objects.filter(person_id=who.person_id, state=DueState.OPEN)
            return rows.update(state=DueState.SENT, batch_id=9)

    outcomes = race(6, 2, lambda i, racer: issue(people[i], 202601, 202602) if racer else send(people[i]))
    for who, (sent, billed) in zip(people, outcomes, strict=True):
        found = set(states(who).values())
        assert found == ({"billed"} if isinstance(billed, Bill) else {"sent"}), (sent, billed)


@pytest.mark.parametrize(
    "change", ["state = 'paid', paid_on = '2026-05-12'", "state = 'refunded', paid_on = '2026-05-12'", "month = 202604"]
)
def test_the_database_refuses_ways_a_due_cannot_go(change: str) -> None:
    who = make.flexible(dues=[202605])
    assert attempt(ENGINE, f"update levy_flexdue set {change} where person_id = %s", [who.person_id]) == "23001"


def test_the_database_refuses_another_amount_once_a_month_is_billed() -> None:
    who = make.flexible()
    issue(who)
    assert attempt(ENGINE, "update levy_flexdue set total_fen = 1, account_fen = 1 where person_id = %s", [who.person_id]) == "23001"
    with acting(ENGINE), pytest.raises(DatabaseError):
        FlexDue.objects.filter(person_id=who.person_id).update(state=DueState.LAPSED)
