"""The items of flexible workers at the counter: what they refuse, what they do, who has to agree; both regimes by date."""

from datetime import date
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.accounts.registering import NewFacts, register_facts
from shebao.base.actor import ENGINE
from shebao.base.terms import Sex
from shebao.casework import operations
from shebao.casework.item import Answer, Context, item_of
from shebao.casework.models import Case, CaseState, Channel
from shebao.enrolment import tiers
from shebao.enrolment.operations import Stop
from shebao.levy import flexible, flexible_arrears
from shebao.levy.flexible_billing import AssessRefusedError
from shebao.levy.models import Bill
from shebao.parties.windows import ensure_window
from shebao.policy import interest
from shebao.policy.rulebook import RuleMissing, standard
from shebao.runs import flexible_month as runs
from tests import make
from tests.db.counter_support import clerk, codes, decide, enter, on, through, told, warned
from tests.db.support import PLACE, ask, moment, pay

pytestmark = pytest.mark.usefixtures("own_database")
ENROL, STOP, TIER = "flexible.enrol", "flexible.stop", "flexible.change_tier"
GIVE_UP, GAP, EXTEND = "flexible.cancel_arrears", "flexible.pay_gap", "flexible.extend"
TODAY = date(2026, 5, 12)


def window() -> int:
    make.agency(1)
    with acting(ENGINE):
        return ensure_window(1, at=moment(202605, 1)).pk


def joining(**changed: Any) -> dict[str, Any]:
    new = make.person()
    typed = {"id_number": new.id_number, "name": new.name, "ethnicity": "01", "insurance": "110", "percent": "60", "from_month": ""}
    return typed | changed


def of(who: make.Flexible, **more: Any) -> dict[str, Any]:
    return {"id_number": who.id_number, "name": who.name, **more}


def owed(who: make.Flexible) -> dict[int, tuple[str, int, int]]:
    with acting(ENGINE):
        return {due.month: (due.state, due.tier, due.total_fen) for due in flexible.dues_of(who.person_id)}


def held_to_books() -> None:
    books = ask(
        "select coalesce(sum(e.amount_fen), 0)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id"
        " where a.kind = 'receivable'"
    )
    dues = ask("select coalesce(sum(total_fen), 0)::bigint from levy_flexdue where state in ('open', 'billed', 'sent')")
    assert books == dues


def test_somebody_new_joins_through_the_window_and_owes_the_month_whose_run_was_before() -> None:
    place = window()
    runs.owe(PLACE, 202605, clock=lambda: moment(202605, 2))
    typed = joining(percent="100")
    case = through(ENROL, on(TODAY, place), typed)
    assert case.state == CaseState.DONE
    assert ask(
        "select d.month, d.tier, d.total_fen, s.from_month, t.percent from parties_person p join enrolment_spell s on s.person_id = p.id"
        " join enrolment_tier t on t.person_id = p.id join levy_flexdue d on d.person_id = p.id where p.id_number = %s",
        [typed["id_number"]],
    ) == [(202605, 100, 149_920, 202605, 100)]
    assert codes(ENROL, on(TODAY, place), typed) == ["FLX-43"]
    held_to_books()


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"from_month": "202604"}, "FLX-45", "只能从参保当月（2026 年 5 月）开始缴纳"),
        ({"from_month": "202606"}, "FLX-45", "只能从参保当月"),
        ({"insurance": "310"}, "FLX-46", "灵活就业人员医疗保险费率”（flexible.medical_rate）尚未确定"),
        ({"born": date(1966, 5, 12)}, "FLX-42", "男满 16 周岁、不满 60 周岁，此人 60 周岁；缴费年限不足的，请办理“延长缴费核定”"),
        ({"born": date(2010, 5, 13)}, "FLX-42", "此人 15 周岁；请在年满 16 周岁后办理"),
        ({"born": date(1971, 5, 12), "sex": Sex.FEMALE}, "FLX-42", "女满 16 周岁、不满 55 周岁，此人 55 周岁"),
    ],
)
def test_what_stands_against_joining(changed: dict[str, Any], code: str, words: str) -> None:
    born, sex = changed.pop("born", None), changed.pop("sex", Sex.MALE)
    if born:
        new = make.person(birth=born, sex=sex)
        changed |= {"id_number": new.id_number, "name": new.name}
    refusals, _ = told(ENROL, on(TODAY, window()), joining(**changed))
    assert [r.code for r in refusals] == [code] and words in refusals[0].text


def test_the_day_before_the_limit_one_may_still_join() -> None:
    new = make.person(birth=date(1966, 5, 13))
    assert codes(ENROL, on(TODAY, window()), joining(id_number=new.id_number, name=new.name)) == []


def test_whoever_is_insured_by_a_unit_has_to_be_stopped_there_first() -> None:
    unit, place = make.unit(people=1), window()
    worker = unit.staff[0]
    refusals, _ = told(ENROL, on(TODAY, place), joining(id_number=worker.id_number, name=worker.name))
    assert [r.code for r in refusals] == ["FLX-43"] and "请由该单位先办理暂停缴费" in refusals[0].text


def test_the_items_are_for_the_window_and_no_unit() -> None:
    unit = make.unit()
    refusals, _ = told(ENROL, on(TODAY, unit.id), joining())
    assert [r.code for r in refusals] == ["FLX-40"]


def test_a_pause_holds_from_next_month_and_coming_back_leaves_a_gap() -> None:
    who = make.flexible(dues=[202604])
    ctx = on(TODAY, who.unit_id)
    typed = of(who, reason="6399", stopped_on="2026-05-12")
    assert warned(STOP, ctx, typed) == ["FLX-W1"]
    assert codes(STOP, ctx, typed | {"stopped_on": "2026-04-30"}) == ["FLX-47"]
    assert codes(STOP, ctx, typed | {"stopped_on": "2026-05-13"}) == ["FLX-47"]
    through(STOP, ctx, typed)
    with acting(ENGINE):
        assert [s.to_month for s in tiers.flexible_spells(who.person_id)] == [202606]
    assert codes(STOP, ctx, typed) == ["FLX-41"]
    back = joining(id_number=who.id_number, name=who.name)
    assert codes(ENROL, on(TODAY, who.unit_id), back) == ["FLX-44"]  # May is still covered
    assert codes(ENROL, on(date(2026, 8, 3), who.unit_id), back | {"from_month": "202607"}) == ["FLX-45"]
    assert through(ENROL, on(date(2026, 8, 3), who.unit_id), back | {"from_month": "202609"}).state == CaseState.DONE


def test_another_tier_holds_from_next_month() -> None:
    who = make.flexible(tier=60)
    ctx = on(TODAY, who.unit_id)
    assert codes(TIER, ctx, of(who, percent="60")) == ["FLX-48"]
    through(TIER, ctx, of(who, percent="300"))
    for month in (202605, 202606):
        runs.owe(PLACE, month, clock=lambda month=month: moment(month, 13))
    assert owed(who) == {202605: ("open", 60, 89_952), 202606: ("open", 300, 449_760)}


def test_giving_up_arrears_takes_two_people_is_booked_and_cannot_be_undone() -> None:
    who = make.flexible(dues=[202601, 202602, 202603])
    ctx = on(TODAY, who.unit_id)
    typed = of(who, first="202601", last="202602", reason="没有钱缴", confirm="确认注销")
    case = enter(GIVE_UP, ctx, typed)
    assert case.second_reason
    assert {state for state, _, _ in owed(who).values()} == {"open"}
    through(GIVE_UP, ctx, typed | {"first": "202602"})
    assert [state for state, _, _ in owed(who).values()] == ["open", "written_off", "open"]
    held_to_books()
    assert codes(GIVE_UP, ctx, typed | {"first": "202602"}) == ["FLX-20"]
    refusals, _ = told(GAP, ctx, of(who, insurance="110", first="202602", last="202602", percent="60"))
    assert [r.code for r in refusals] == ["FLX-21"] and "不得以事后追溯方式补缴" in refusals[0].text


def test_since_2022_a_gap_is_never_paid_later_and_a_medical_one_never_was() -> None:
    who = make.flexible(since=202506)
    assert codes(GAP, on(TODAY, who.unit_id), of(who, insurance="110", first="202508", last="202508", percent="60")) == ["FLX-21"]
    old = make.flexible(since=201109)
    typed = of(old, insurance="310", first="201110", last="201110", percent="60")
    assert "FLX-49" in codes(GAP, on(date(2012, 3, 5), old.unit_id), typed)


def test_under_the_older_rule_a_gap_is_refused_for_want_of_the_rate_of_interest() -> None:
    who = make.flexible(since=201108)
    with acting(ENGINE):
        tiers.stop([Stop(who.person_id, who.unit_id, 201109, "6399", None)], at=moment(201108))
    typed = of(who, insurance="110", first="201110", last="201111", percent="60")
    refusals, _ = told(GAP, on(date(2012, 3, 5), who.unit_id), typed)
    assert [r.code for r in refusals] == ["POL-01"] and "个人补缴利率" in refusals[0].text and "尚未确定" in refusals[0].text


def test_with_a_rate_the_gap_costs_todays_base_and_interest_and_can_be_given_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate of the test stands for one that an agency enters with its document."""
    who = make.flexible(since=201108, dues=[201108])
    with acting(ENGINE):
        tiers.stop([Stop(who.person_id, who.unit_id, 201109, "6399", None)], at=moment(201108))
        flexible_arrears.write_off(who.person_id, 201108, 201108, agency_id=1, place=PLACE, case_id=None, on=TODAY, at=moment(201109))
    rule = standard().find("interest.back_payment_rate", date(2011, 9, 1), PLACE)
    assert rule is not None and rule.value is None

    def rates(month: int, day: date, place: str, book: object) -> list[interest.Months]:
        rated = type(rule).__new__(type(rule))
        for name in rule.__slots__:
            setattr(rated, name, getattr(rule, name))
        rated.value = 60_000
        first, last = month + 1, (day.year * 100 + day.month) - 1
        return [interest.Months(first, last, rated)] if first <= last else []

    monkeypatch.setattr(interest, "bearing", rates)
    ctx = on(date(2011, 12, 5), who.unit_id)
    through(GAP, ctx, of(who, insurance="110", first="201108", last="201110", percent="300"))
    with acting(ENGINE):
        bill = Bill.objects.get(person_id=who.person_id)
        lines = dict(bill.lines.values_list("origin", "person_fen"))
    # 1,965.18 yuan a month; interest for 3, 2 and 1 months at 6 % a year: 29.48 + 19.65 + 9.83
    assert lines == {"back": 3 * 196_518, "interest": 2_948 + 1_965 + 983} and bill.person_fen == 3 * 196_518 + 5_896
    held_to_books()
    pay(bill, bill.person_fen, at=moment(201112, 6))
    assert {state for state, _, _ in owed(who).values()} == {"paid"}
    interest_booked = ask(
        "select sum(e.amount_fen)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id where a.kind = 'interest'"
    )
    assert interest_booked == [(-5_896,)]
    held_to_books()


def recorded(who: make.Flexible, *, carried: int = 0, deemed: int = 0) -> None:
    """Months of before these books, as the migration enters them."""
    with acting(ENGINE):
        facts = NewFacts(who.person_id, 199601, deemed, carried, "示例")
        register_facts([facts], from_day=date(2026, 1, 1), at=moment(202601, 2))


def test_past_the_age_the_missing_months_are_paid_by_a_slip_and_its_number() -> None:
    who = make.flexible(since=202501, new=make.person(birth=date(1966, 3, 20)))
    recorded(who, carried=178)
    ctx = on(TODAY, who.unit_id)
    typed = of(who, first="202604", last="202605", percent="60", counted="178")
    assert codes(EXTEND, ctx, typed | {"counted": "179", "difference": "档案中 1 个月"}) == ["FLX-24"]
    assert codes(EXTEND, ctx, typed | {"first": "202603"}) == ["FLX-23"]
    assert codes(EXTEND, ctx, typed | {"last": "202606"}) == ["FLX-04"]
    through(EXTEND, ctx, typed)
    with acting(ENGINE):
        bill = Bill.objects.get(person_id=who.person_id)
        assert list(bill.lines.values_list("origin", "person_fen")) == [("extend", 2 * 89_952)]
        message = ask("select text, url from contact_message where person_id = %s", [who.person_id])
    assert bill.number in message[0][0] and message[0][1] == f"/p/bills/{bill.number}"
    assert codes(EXTEND, ctx, typed) == ["FLX-22"]
    held_to_books()
    pay(bill, bill.person_fen, at=moment(202605, 20))
    assert owed(who) == {202604: ("paid", 60, 89_952), 202605: ("paid", 60, 89_952)}
    held_to_books()
    june = on(date(2026, 6, 8), who.unit_id)
    assert look_up(who, june).values["counted"] == 180, "what was paid counts"
    assert codes(EXTEND, june, typed | {"first": "202606", "last": "202606", "counted": "180"}) == ["FLX-24"]


def look_up(who: make.Flexible, ctx: Context) -> Answer:
    item = item_of(EXTEND)
    assert item.look_up is not None
    with acting(ENGINE):
        return item.look_up(who.id_number, ctx)


def test_how_many_months_count_is_looked_up_and_held_against_what_is_stated() -> None:
    """Fewer than recorded is refused; more needs a reason, is told to the reviewer, and takes two people."""
    who = make.flexible(since=202501, new=make.person(birth=date(1966, 3, 20)), dues=[202602, 202603])
    recorded(who, carried=100, deemed=24)
    make_paid(who, [202602])
    ctx = on(TODAY, who.unit_id)
    answer = look_up(who, ctx)
    assert answer.values["counted"] == 125
    assert dict(answer.facts)["系统记录的缴费月数"] == (
        "个人账户记账 1 个月，转入或迁移 100 个月，视同缴费 24 个月，合计 125 个月；另有 1 个月待缴，没有计入"
    )
    typed = of(who, first="202604", last="202604", percent="60")
    less, _ = told(EXTEND, ctx, typed | {"counted": "124", "difference": "本人说的"})
    assert [r.code for r in less] == ["FLX-26"] and "124 个月少 1 个月" in less[0].text and less[0].suggestion == "125"
    more, _ = told(EXTEND, ctx, typed | {"counted": "130"})
    assert [r.code for r in more] == ["FLX-26"] and "130 个月多 5 个月；有其他凭证的，请在“差异说明”写明" in more[0].text
    proven = typed | {"counted": "130", "difference": "档案中 2001 年的缴费票据 5 个月"}
    assert codes(EXTEND, ctx, proven) == [] and warned(EXTEND, ctx, proven) == ["FLX-W3"]
    case = enter(EXTEND, ctx, proven)
    assert case.second_reason == "已缴费月数 130 个月与系统记录的 125 个月不一致"
    assert decide(case, ctx).second and not ask("select 1 from levy_bill where person_id = %s and state = 'issued'", [who.person_id])
    assert decide(case, ctx, account=201).done == 1
    assert owed(who)[202604][0] == "billed"
    waiting, _ = told(EXTEND, ctx, typed | {"first": "202605", "last": "202605", "counted": "178", "difference": "票据"})
    assert [r.code for r in waiting] == ["FLX-24"] and "待缴 2 个月" in waiting[0].text, "what is on a slip is not offered a second time"


def make_paid(who: make.Flexible, months: list[int]) -> None:
    from shebao.levy import flexible_billing

    at = moment(202603, 5)
    with acting(ENGINE):
        wanted = flexible_billing.Wanted(who.person_id, 1, 60, months[0], months[-1])
        bill = flexible_billing.issue(wanted, place=PLACE, rulebook=standard(), on=at.date(), at=at)
    pay(bill, bill.person_fen, at=at)


def test_a_filing_of_the_former_version_is_decided_as_it_was_filed() -> None:
    who = make.flexible(since=202501, new=make.person(birth=date(1966, 3, 20)))
    ctx = on(TODAY, who.unit_id)
    typed = of(who, first="202604", last="202604", percent="60", counted="100")
    assert codes(EXTEND, ctx, typed) == ["FLX-26"]
    with acting(clerk()):
        saved = operations.save_new(item_of(EXTEND, 1), ctx, typed, key=None, channel=Channel.COUNTER)
        operations.submit(saved.case_id, 1, ctx)
        case = Case.objects.get(pk=saved.case_id)
    assert (case.item_version, decide(case, ctx).done) == (1, 1) and owed(who)[202604][0] == "billed"


def test_a_slip_is_not_replaced_by_choosing_oneself_and_is_written_off_when_given_up() -> None:
    from shebao.levy import cancelling, flexible_billing

    who = make.flexible(since=202501, new=make.person(birth=date(1966, 3, 20)))
    recorded(who, carried=100)
    through(EXTEND, on(TODAY, who.unit_id), of(who, first="202604", last="202604", percent="60", counted="100"))
    at = moment(202605, 13)
    with acting(ENGINE), pytest.raises(AssessRefusedError, match="核定流水号提取"):
        wanted = flexible_billing.Wanted(who.person_id, 1, 100, 202604, 202604)
        flexible_billing.issue(wanted, place=PLACE, rulebook=standard(), on=at.date(), at=at)
    with acting(ENGINE):
        bill = Bill.objects.get(person_id=who.person_id)
        cancelling.cancel(bill, case_id=None, on=at.date(), at=at)
    assert owed(who) == {202604: ("written_off", 60, 89_952)}
    held_to_books()
    assert through(EXTEND, on(TODAY, who.unit_id), of(who, first="202604", last="202604", percent="100", counted="100")).state == "done"
    assert owed(who) == {202604: ("billed", 100, 149_920)}
    held_to_books()


def test_a_missing_rate_is_missing_everywhere() -> None:
    with pytest.raises(RuleMissing):
        interest.interest(100_000, 201109, date(2012, 1, 1), PLACE, standard())
