"""The runs over all flexible workers: what a month owes, who is left out, what lapses with the year."""

from datetime import date, datetime

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.terms import Sex
from shebao.enrolment import tiers
from shebao.enrolment.operations import Stop
from shebao.levy import flexible, flexible_billing
from shebao.levy.flexible_billing import Wanted
from shebao.levy.models import Bill, Run
from shebao.policy.rulebook import standard
from shebao.runs import flexible_month as runs
from tests import make
from tests.db.support import PLACE, ask, moment, pay

pytestmark = pytest.mark.usefixtures("own_database")


def owe(month: int, *, at: datetime | None = None, place: str = PLACE) -> Run:
    run_id = runs.owe(place, month, clock=lambda: at or moment(month, 2))
    with acting(ENGINE):
        return Run.objects.get(pk=run_id)


def dues(month: int) -> list[tuple[object, ...]]:
    return ask(
        "select person_id, unit_id, agency_id, origin, tier, base_fen, total_fen, account_fen, state from levy_flexdue where month = %s"
        " order by person_id",
        [month],
    )


def booked(month: int, kind: str = "receivable") -> int:
    return ask(
        "select coalesce(sum(e.amount_fen), 0)::bigint from ledger_entry e join ledger_posting p on p.id = e.posting_id"
        " join ledger_account a on a.id = e.account_id where p.key like %s and a.kind = %s",
        [f"flexible_%:{month}:%", kind],
    )[0][0]


def receivable() -> int:
    return ask(
        "select coalesce(sum(e.amount_fen), 0)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id"
        " where a.kind = 'receivable'"
    )[0][0]


def owed() -> int:
    return ask("select coalesce(sum(total_fen), 0)::bigint from levy_flexdue where state in ('open', 'billed', 'sent')")[0][0]


def test_a_month_is_owed_by_everybody_insured_with_a_tier_and_by_nobody_else() -> None:
    sixty, hundred = make.flexible(tier=60), make.flexible(tier=100)
    stopped, later, elsewhere = make.flexible(), make.flexible(since=202603), make.flexible(agency_id=9, place="421100")
    old = make.flexible(new=make.person(birth=date(1966, 2, 1)))
    just = make.flexible(new=make.person(birth=date(1971, 2, 2), sex=Sex.FEMALE))
    make.unit(people=1)
    with acting(ENGINE):
        tiers.stop([Stop(stopped.person_id, stopped.unit_id, 202602, "6399", None)], at=moment(202601))
        tiers.end_tiers([(later.person_id, 202603)], at=moment(202601))
    run = owe(202602)
    assert [(row[0], row[4], row[6], row[7]) for row in dues(202602)] == [
        (sixty.person_id, 60, 89_952, 35_981),
        (hundred.person_id, 100, 149_920, 59_968),
        (just.person_id, 60, 89_952, 35_981),
    ]
    assert (run.state, run.rows, run.total_fen) == ("done", 3, 2 * 89_952 + 149_920) and run.note == "1 人已超过参保年龄，没有生成应缴"
    assert booked(202602) == run.total_fen == -booked(202602, "income") and old.person_id and elsewhere.person_id
    with pytest.raises(ShebaoError, match="已经生成"):
        owe(202602)
    with pytest.raises(ShebaoError, match="还没有开始"):
        owe(202605, at=moment(202604))
    assert owe(202603).note == "1 人没有选择缴费档次，2 人已超过参保年龄，没有生成应缴"


def test_the_published_amounts_of_2011_come_out_of_the_run() -> None:
    make.flexible(tier=60, since=201109), make.flexible(tier=300, since=201109)
    assert owe(201109).state == "done"
    assert [row[5:8] for row in dues(201109)] == [(196_518, 39_304, 15_721), (982_590, 196_518, 78_607)]


def test_without_an_average_wage_or_with_an_unknown_tier_the_run_stops_and_says_so() -> None:
    make.flexible(tier=65, since=201201)
    assert owe(201201).state == "done"
    run = owe(201209)
    assert run.state == "failed" and "缴费基数" in run.note and "尚未确定" in run.note
    run = owe(202501)
    assert run.state == "failed" and "没有 65% 这一缴费档次" in run.note and dues(202501) == []


def test_whoever_joins_or_assesses_around_the_run_owes_once() -> None:
    who, other = make.flexible(), make.flexible()
    with acting(ENGINE):
        flexible_billing.issue(
            Wanted(who.person_id, 1, 100, 202602, 202602), place=PLACE, rulebook=standard(), on=date(2026, 2, 1), at=moment(202602, 1)
        )
    assert owe(202602).rows == 1
    assert [(row[0], row[4], row[8]) for row in dues(202602)] == [(who.person_id, 100, "billed"), (other.person_id, 60, "open")]
    assert receivable() == owed()


def test_what_the_year_leaves_unpaid_lapses_when_its_last_payable_day_is_over() -> None:
    paid, billed, open_, window = (make.flexible(since=202112) for _ in range(4))
    for month in (202112, 202201, 202206, 202207):
        owe(month)

    def issue(who: make.Flexible, first: int, last: int, at: datetime) -> Bill:
        with acting(ENGINE):
            wanted = Wanted(who.person_id, 1, 60, first, last)
            return flexible_billing.issue(wanted, place=PLACE, rulebook=standard(), on=at.date(), at=at)

    bill = issue(paid, 202112, 202201, moment(202206, 20))
    pay(bill, bill.person_fen, at=moment(202206, 21))
    issue(billed, 202112, 202206, moment(202206, 20))
    with pytest.raises(ShebaoError, match="可缴到 2022-09-30"):
        runs.lapse(PLACE, 2021, clock=lambda: moment(202209, 30))
    late = issue(window, 202112, 202112, moment(202209, 30))
    pay(late, late.person_fen, at=moment(202209, 30))
    runs.lapse(PLACE, 2021, clock=lambda: moment(202210, 1))

    def states(who: make.Flexible) -> dict[int, str]:
        with acting(ENGINE):
            return {due.month: due.state for due in flexible.dues_of(who.person_id)}

    assert states(paid) == {202112: "paid", 202201: "paid", 202206: "lapsed", 202207: "open"}
    assert states(billed) == {**dict.fromkeys((202112, 202201, 202202, 202203, 202204, 202205, 202206), "lapsed"), 202207: "open"}
    assert states(open_) == {202112: "lapsed", 202201: "lapsed", 202206: "lapsed", 202207: "open"}
    assert states(window) == {202112: "paid", 202201: "lapsed", 202206: "lapsed", 202207: "open"}
    assert receivable() == owed()
    with pytest.raises(ShebaoError, match="已经结转"):
        runs.lapse(PLACE, 2021, clock=lambda: moment(202210, 2))


def test_under_the_older_rule_and_in_years_that_are_not_published_nothing_lapses() -> None:
    make.flexible(since=201109, dues=[201109])
    with pytest.raises(ShebaoError, match="允许补缴以前年度的欠费"):
        runs.lapse(PLACE, 2011, clock=lambda: moment(201301))
    with pytest.raises(ShebaoError, match="起止没有公布"):
        runs.lapse(PLACE, 2023, clock=lambda: datetime(2026, 1, 1, tzinfo=ZONE))
