"""自主申报 (seed 000; 社会保险法 第六十二条): what a month's statement says, who declares when, what becomes of who does not."""

import random
from datetime import date, datetime

import pytest

from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import shift
from shebao.base.terms import INSURANCES, Insurance, mask_of
from shebao.enrolment import operations as enrolment
from shebao.ledger.queries import trial_balance
from shebao.levy import declaring, settling
from shebao.levy.differences import NOTHING, Difference, Share, settle
from shebao.levy.models import Bill, BillLine, CreditUse, Declaration, Estimate
from shebao.levy.statement import Movement, Sums, people_behind, statement
from shebao.policy.declaration import explain_undeclared
from shebao.policy.rulebook import standard
from tests.db import support
from tests.db.support import ENGINE, PLACE, acting, as_owner, ask, assess, declare, hire, make_unit, moment, pay, person_ids

DECLARED = (Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY)
BEFORE_2025 = mask_of([*DECLARED, Insurance.MEDICAL])  # 大额医疗 has no known amount before 2025


@pytest.fixture(autouse=True)
def agencies(own_database: str) -> None:
    support.make_agency(1), support.make_agency(2, "421100")


def told(unit: int, month: int, place: str = PLACE):  # type: ignore[no-untyped-def]
    with acting(ENGINE):
        return statement(unit, place, month, standard())


def bill_of(unit: int, month: int) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month)


def lines(unit: int, month: int) -> dict[int, tuple[str, int, int, int]]:
    with acting(ENGINE):
        return {x.insurance: (x.origin, x.unit_fen, x.person_fen, x.paid_fen) for x in BillLine.objects.filter(bill=bill_of(unit, month))}


def books_hold() -> None:
    """应收 is what is open of all bills, and 暂收 of each fund is what credits are not used yet; to the fen, fund by fund."""
    open_fen = dict(ask("select insurance, sum(unit_fen + person_fen - paid_fen)::bigint from levy_billline group by 1"))
    credit = dict(ask("select insurance, sum(credit_fen - used_fen)::bigint from levy_estimate group by 1"))
    with acting(ENGINE):
        balances = {(b.fund, b.kind.value): b.balance_fen for b in trial_balance(PLACE, date(2026, 12, 31))}
    for insurance in INSURANCES:
        assert balances.get((insurance.value, "receivable"), 0) == open_fen.get(insurance.value, 0), insurance
        assert -balances.get((insurance.value, "suspense"), 0) == credit.get(insurance.value, 0), insurance
    assert sum(balances.values()) == 0
    paid = """select l.id from levy_billline l where l.paid_fen <>
              coalesce((select sum(a.amount_fen) from levy_allocation a where a.line_id = l.id), 0)
              + coalesce((select sum(u.amount_fen) from levy_credituse u where u.line_id = l.id), 0)
              - coalesce((select e.credit_fen from levy_estimate e where e.line_id = l.id), 0)"""
    assert ask(paid) == [], "what a line counts as paid is what was allocated, plus credits, less what became a credit"


# --- the statement ---


def test_last_month_plus_added_minus_stopped_plus_changed_is_this_month_for_random_histories() -> None:
    chance, at = random.Random(62), moment(202501, 1)
    unit, month = make_unit(), 202503
    people: list[int] = person_ids(hire(unit, 6, month=month))
    for step in range(8):
        nxt = shift(month, 1)
        with acting(ENGINE):
            for person in chance.sample(people, min(len(people), 2)):
                enrolment.stop([enrolment.Stop(person, unit, nxt, "6301", None)], at=at)
                people.remove(person)
            for person in chance.sample(people, min(len(people), 3)):
                enrolment.declare_wages([enrolment.NewWage(person, unit, 1, nxt, chance.randint(1, 3_000_000), None)], at=at)
        people += person_ids(
            hire(unit, chance.randint(0, 3), wage_fen=chance.randint(1, 3_000_000), month=nxt, mask=chance.choice([support.FULL, 5, 7]))
        )
        if step % 3:  # published and open months alike
            assess(month)
        before, now = told(unit, month), told(unit, nxt)
        assert now.previous == month
        by_type = {row.insurance: row for row in before.rows}
        for row in (*now.rows, now.total):
            s = row.sums
            assert s[Movement.LAST].heads + s[Movement.ADDED].heads - s[Movement.STOPPED].heads == s[Movement.THIS].heads
            for i in range(3):
                moved = s[Movement.ADDED].money[i] - s[Movement.STOPPED].money[i] + s[Movement.CHANGED].money[i]
                assert s[Movement.LAST].money[i] + moved == s[Movement.THIS].money[i]
            if row is not now.total and row.insurance in by_type:
                assert s[Movement.LAST] == by_type[row.insurance].sums[Movement.THIS]
        for i in range(3):
            assert sum(r.sums[Movement.THIS].money[i] for r in now.declared) == now.this.money[i]
        month = nxt


def test_every_figure_opens_to_the_people_behind_it_page_by_page() -> None:
    unit = make_unit()
    stay, leave = person_ids(hire(unit, 4, month=202604)), person_ids(hire(unit, 2, month=202604))
    assess(202604)
    with acting(ENGINE):
        enrolment.stop([enrolment.Stop(p, unit, 202605, "6301", None) for p in leave], at=moment(202604, 26))
        enrolment.declare_wages([enrolment.NewWage(stay[0], unit, 1, 202605, 1_000_000, None)], at=moment(202604, 26))
    new = person_ids(hire(unit, 3, month=202605))
    found = told(unit, 202605)
    expected = {
        Movement.LAST: stay + leave, Movement.ADDED: new, Movement.STOPPED: leave, Movement.CHANGED: stay[:1], Movement.THIS: stay + new,
    }  # fmt: skip
    with acting(support.operator(unit)):
        for row in found.rows:
            for movement, ids in expected.items():
                people = people_behind(found, movement, row.insurance, limit=2)
                while people and len(people) % 2 == 0:
                    more = people_behind(found, movement, row.insurance, after=people[-1].person_id, limit=2)
                    if not more:
                        break
                    people += more
                if row.insurance is Insurance.LARGE_MEDICAL and movement is Movement.CHANGED:
                    assert people == []  # a flat amount does not change with the wage
                    continue
                assert [p.person_id for p in people] == sorted(ids) and all(p.name and p.id_number for p in people)
                sums = row.sums[movement]
                assert (
                    sum((p.change_fen if movement is Movement.CHANGED else p.after.total_fen or p.before.total_fen) for p in people)
                    == (sums.total_fen)
                    or movement is Movement.LAST
                )
        changed = people_behind(found, Movement.CHANGED, None)
    assert [(p.before.base_fen, p.after.base_fen) for p in changed] == [(3 * 800_000, 3 * 1_000_000)]


def test_what_was_charged_back_for_last_month_counts_as_last_month_and_not_as_added() -> None:
    unit = make_unit()
    hire(unit, 1, month=202604)
    assess(202604)
    (late,) = person_ids(hire(unit, 1, month=202604))
    assert [p.person_id for p in behind(told(unit, 202605), Movement.ADDED, Insurance.PENSION)] == [late]
    back = Difference(unit, late, 202604, Insurance.PENSION, charged=NOTHING, due=Share(800_000, 128_000, 64_000))
    with acting(ENGINE):
        settle([back], {unit: 1}, reason="追溯参保", at=moment(202605))
    row = next(r for r in told(unit, 202605).rows if r.insurance is Insurance.PENSION)
    assert row.sums[Movement.ADDED] == Sums() and row.sums[Movement.LAST] == row.sums[Movement.THIS] == Sums(2, 1_600_000, 256_000, 128_000)


def behind(found, movement: Movement, insurance: Insurance | None):  # type: ignore[no-untyped-def]
    with acting(ENGINE):
        return people_behind(found, movement, insurance)


# --- declaring ---


def test_a_unit_declares_and_the_bill_is_the_declaration() -> None:
    unit, month = make_unit(), 202608
    hire(unit, 3, month=month)
    declare(unit, month, headcount=3, total_fen=told(unit, month).this.total_fen)
    assess(month, declared=False)
    with acting(ENGINE):
        declaration = declaring.last_declaration(unit, month)
        assert declaration is not None
        declared = declaring.lines_of(declaration)
    assert tuple(declared) == DECLARED
    billed = lines(unit, month)
    for insurance, sums in declared.items():
        assert billed[insurance.value][:3] == ("normal", sums.unit_fen, sums.person_fen)
    assert set(billed) == {i.value for i in INSURANCES if i is not Insurance.MATERNITY}  # medical goes along by the register
    books_hold()


def test_declared_twice_says_who_and_when_and_a_change_may_be_declared_again_until_the_month_is_assessed() -> None:
    unit, month = make_unit(), 202607
    hire(unit, 2, month=month)
    declare(unit, month, at=datetime(2026, 7, 3, 9, 30, 5, tzinfo=ZONE))
    with pytest.raises(declaring.AlreadyDeclaredError, match="2026 年 7 月已由经办甲于 2026-07-03 09:30:05 申报（2 人，"):
        declare(unit, month, account=101)
    hire(unit, 1, month=month)
    assert declare(unit, month) and ask("select round, headcount, late from levy_declaration where unit_id = %s order by 1", [unit]) == [
        (1, 2, False), (2, 3, False),
    ]  # fmt: skip
    assess(month, declared=False)
    with pytest.raises(declaring.ClosedError, match=r"2026 年 7 月已核定，核定单 HD202607-\d+ 已生成，申报人经办甲，.*按补缴处理"):
        declare(unit, month, at=moment(202608))


def test_who_confirmed_other_figures_than_the_register_gives_is_asked_to_look_again() -> None:
    unit, month = make_unit(), 202609
    hire(unit, 2, month=month)
    total = told(unit, month).this.total_fen
    for confirmed in ({"headcount": 3, "total_fen": total}, {"headcount": 2, "total_fen": total + 1}):
        with pytest.raises(declaring.ChangedMeanwhileError, match=r"2026 年 9 月应申报 2 人、.*与您确认的不一致"):
            declare(unit, month, **confirmed)
    assert ask("select 1 from levy_declaration where unit_id = %s", [unit]) == []
    assert declare(unit, month, headcount=2, total_fen=total)


def test_months_that_cannot_be_declared_are_refused_with_what_to_do() -> None:
    unit = make_unit()
    with pytest.raises(declaring.NothingToDeclareError, match="2026 年 9 月本单位没有需要申报的参保人员"):
        declare(unit, 202609)
    medical = make_unit(mask=Insurance.MEDICAL.flag)
    hire(medical, 1, month=202609, mask=Insurance.MEDICAL.flag)
    with pytest.raises(declaring.NothingToDeclareError):
        declare(medical, 202609)
    unit = make_unit(since=202201)
    hire(unit, 1, month=202201, mask=BEFORE_2025)
    with pytest.raises(declaring.NotRequiredError, match="2022 年 1 月在本统筹区不实行自主申报"):
        declare(unit, 202201)
    assert declare(unit, 202202, at=moment(202202, 1, 0))
    unit = make_unit()
    hire(unit, 1, month=202609)
    elsewhere = make_unit(place="421100", agency=2)
    hire(elsewhere, 1, month=202609, agency=2)
    with pytest.raises(declaring.NotRequiredError):
        declare(elsewhere, 202609, agency=2, place="421100")
    with pytest.raises(declaring.NotYetError, match=r"2026 年 11 月还没有开始，.*2026-11-01 以后"):
        declare(unit, 202611, at=datetime(2026, 10, 31, 23, 59, 59, tzinfo=ZONE))
    assert declare(unit, 202611, at=datetime(2026, 11, 1, 0, 0, tzinfo=ZONE))
    # The day is Wuhan's, whatever zone an instant is written in.
    utc = datetime.fromisoformat("2026-11-30T16:00:00+00:00")
    hire(unit, 1, month=202612)
    assert declare(unit, 202612, at=utc)


def test_of_two_clerks_in_one_second_one_declares_and_the_other_is_told_who_and_when() -> None:
    units = [make_unit() for _ in range(6)]
    for unit in units:
        hire(unit, 2, month=202610)
    outcome = support.race(len(units), 4, lambda i, racer: declare(units[i], 202610, account=100 + racer))
    for row in outcome:
        assert sum(isinstance(o, int) for o in row) == 1
        others = [o for o in row if not isinstance(o, int)]
        assert all(isinstance(o, declaring.AlreadyDeclaredError) and "已由经办甲于 2026-10-25 09:00:00 申报" in o.text for o in others), row
    assert ask("select count(*) from levy_declaration where unit_id = any(%s)", [units]) == [(len(units),)]


def test_declaring_while_people_are_added_declares_before_or_after_and_the_difference_can_be_declared_again() -> None:
    units = [make_unit() for _ in range(5)]
    for unit in units:
        hire(unit, 1, month=202610)

    def act(i: int, racer: int) -> int | None:
        if racer == 0:
            return declare(units[i], 202610)
        support.take_effect(support.ADD, support.context(units[i], moment(202610, 25)), support.addition())
        return None

    for row in support.race(len(units), 2, act):
        assert not any(isinstance(o, Exception) for o in row), row
    for unit in units:
        heads = ask("select headcount from levy_declaration where unit_id = %s", [unit])
        assert heads in ([(1,)], [(2,)]) and told(unit, 202610).this.heads == 2
        if heads == [(1,)]:
            assert declare(unit, 202610)
        with pytest.raises(declaring.AlreadyDeclaredError):
            declare(unit, 202610)


# --- 110 % ---


def test_last_month_100_000_undeclared_gives_110_000() -> None:
    """facts.md, worked case Non-declaration: 100,000.00 → 110,000.00; in the run, on the bill, and as it is explained."""
    unit, month = make_unit(mask=Insurance.PENSION.flag), 202509
    hire(unit, 2, mask=Insurance.PENSION.flag, month=month)
    assess(month)
    as_owner("update levy_billline set unit_fen = 6666667, person_fen = 3333333")  # last month as the worked case has it
    assess(202510, declared=False)
    assert lines(unit, 202510)[110][:3] == ("estimate", 7_333_334, 3_666_666)
    assert bill_of(unit, 202510).total_fen == 11_000_000
    step = explain_undeclared("养老保险", 10_000_000, month, 202510, PLACE, standard()).step("undeclared")
    assert step.amount_fen == 11_000_000 and step.expression == "100,000.00 元 × 110% = 110,000.00 元"


def test_an_undeclared_month_is_110_percent_of_the_last_by_type_and_payer_and_medical_by_the_register() -> None:
    unit, month = make_unit(), 202511
    hire(unit, 3, wage_fen=777_777, month=202510)
    assess(202510)
    hire(unit, 2, month=month)  # two more people, whom nobody declared
    assess(month, declared=False)
    before, after = lines(unit, 202510), lines(unit, month)
    for insurance in DECLARED:
        origin, unit_fen, person_fen, _ = after[insurance.value]
        assert origin == "estimate"
        assert (unit_fen, person_fen) == tuple((fen * 11 + 5) // 10 for fen in before[insurance.value][1:3])
    assert after[Insurance.MEDICAL.value][0] == "normal" and after[Insurance.MEDICAL.value][1] > before[Insurance.MEDICAL.value][1]
    bill = bill_of(unit, month)
    assert bill.unit_fen + bill.person_fen == sum(u + p for _, u, p, _ in after.values())
    with acting(ENGINE):
        assert {e.ratio_ppm for e in Estimate.objects.filter(unit_id=unit)} == {1_100_000}
    books_hold()


def test_without_a_last_month_or_a_last_amount_of_a_type_the_people_count() -> None:
    unit, month, grown = make_unit(), 202512, make_unit()
    hire(unit, 2, month=month)
    hire(grown, 1, month=202511, mask=Insurance.PENSION.flag)
    assess(202511)
    hire(grown, 1, month=month)
    assess(month, declared=False)
    assert {origin for origin, *_ in lines(unit, month).values()} == {"normal"}
    assert {code: x[0] for code, x in lines(grown, month).items() if code in (110, 210, 410)} == {
        110: "estimate", 210: "normal", 410: "normal",
    }  # fmt: skip


def test_a_second_undeclared_month_takes_what_was_determined_for_the_first() -> None:
    unit = make_unit()
    hire(unit, 1, month=202601)
    assess(202601)
    assess(202602, declared=False)
    assess(202603, declared=False)
    pension = [lines(unit, m)[110][1] for m in (202601, 202602, 202603)]
    assert pension == [128_000, 140_800, 154_880]


def test_the_late_declaration_settles_paid_unpaid_and_part_paid_bills_and_a_surplus_is_never_lost() -> None:
    names = ("paid", "unpaid", "part", "grown")
    units = {name: make_unit(name) for name in names}
    first = 202505
    for unit in units.values():
        hire(unit, 4, month=first)
    assess(first)
    second = shift(first, 1)
    hire(units["grown"], 3, month=second)
    assess(second, declared=False)
    owed = {name: bill_of(unit, second).total_fen for name, unit in units.items()}
    pay(bill_of(units["paid"], second), owed["paid"], at=moment(second, 27))
    pay(bill_of(units["grown"], second), owed["grown"], at=moment(second, 27))
    pay(bill_of(units["part"], second), owed["part"] // 2, at=moment(second, 27))
    books_hold()
    late = moment(shift(second, 1), 20)
    for unit in units.values():
        declare(unit, second, at=late)
        with pytest.raises(declaring.ClosedError):
            declare(unit, second, at=late)
    books_hold()
    for unit in units.values():  # the bill is again the sum of its people
        sums = ask(
            "select sum(pension_unit_fen), sum(pension_person_fen) from levy_assessment where unit_id = %s and month = %s", [unit, second]
        )
        assert lines(unit, second)[110][:3] == ("normal", *sums[0])
    with acting(ENGINE):
        credits = {name: sum(settling.open_credits(unit).values()) for name, unit in units.items()}
    bills = {name: bill_of(unit, second) for name, unit in units.items()}
    assert bills["paid"].state == "paid" and credits["paid"] == owed["paid"] - bills["paid"].total_fen > 0
    assert bills["unpaid"].state == "issued" and credits["unpaid"] == 0 and bills["unpaid"].open_fen == bills["unpaid"].total_fen
    assert bills["part"].state == "part_paid" and credits["part"] == 0
    assert bills["part"].open_fen == bills["part"].total_fen - owed["part"] // 2
    assert credits["grown"] == 0 and bills["grown"].open_fen == bills["grown"].total_fen - owed["grown"] > 0
    # Who owed nothing before pays the rest within ten working days of the declaration; who was late already stays late.
    assert bills["grown"].due_date == date(2025, 8, 1) and bills["unpaid"].due_date == bill_due(second)
    third = shift(second, 1)
    assess(third, at=moment(third, 25))
    books_hold()
    paid = bill_of(units["paid"], third)
    assert (paid.paid_fen, paid.state) == (credits["paid"], "part_paid")
    with acting(ENGINE):
        assert settling.open_credits(units["paid"]) == {}
        assert sum(CreditUse.objects.filter(line__bill=paid).values_list("amount_fen", flat=True)) == credits["paid"]
        assert Declaration.objects.get(unit_id=units["paid"], month=second).late
    pay(paid, paid.open_fen, at=moment(third, 28))
    assert bill_of(units["paid"], third).state == "paid"
    books_hold()


def bill_due(month: int) -> date:
    """Ten working days after the 25th."""
    from shebao.policy.calendar import add_working_days

    return add_working_days(moment(month, 25).date(), 10)


def test_a_credit_larger_than_the_next_bill_goes_on_to_the_one_after_within_its_fund() -> None:
    unit, first = make_unit(), 202505
    people = person_ids(hire(unit, 20, month=first))
    assess(first)
    second, third, fourth = (shift(first, i) for i in (1, 2, 3))
    with acting(ENGINE):
        enrolment.stop([enrolment.Stop(p, unit, second, "6301", None) for p in people[1:]], at=moment(first, 28))
    assess(second, declared=False)
    bill = bill_of(unit, second)
    pay(bill, bill.total_fen, at=moment(second, 27))
    declare(unit, second, at=moment(second, 28))
    books_hold()
    with acting(ENGINE):
        had = settling.open_credits(unit)
    for month in (third, fourth):
        assess(month)
        after = lines(unit, month)
        assert all(after[i.value][3] == after[i.value][1] + after[i.value][2] for i in DECLARED)  # wholly paid by the credit
        assert after[Insurance.MEDICAL.value][3] == 0  # another fund's money stays where it is
        books_hold()
    with acting(ENGINE):
        left = settling.open_credits(unit)
    for insurance in DECLARED:
        used = sum(lines(unit, m)[insurance.value][3] for m in (third, fourth))
        assert left[insurance] == had[insurance] - used > 0


def test_in_the_window_after_the_outage_nobody_is_determined_at_110_percent_and_pays_until_its_end() -> None:
    """Seed 001 question 07: 2022-06 and 07 may be declared and paid from 07-25 to 09-30."""
    unit = make_unit(since=202201)
    hire(unit, 2, month=202205, mask=BEFORE_2025)
    assess(202205)
    assess(202206, at=moment(202207, 25), declared=False)
    assert {origin for origin, *_ in lines(unit, 202206).values()} == {"normal"}
    assert bill_of(unit, 202206).due_date == date(2022, 9, 30)
    declare(unit, 202207, at=moment(202209, 30, 23))
    assess(202207, at=moment(202210, 1), declared=False)
    assert bill_of(unit, 202207).due_date == date(2022, 10, 19)  # one day after the window: ten working days over the October holiday
    books_hold()


def test_declare_all_declares_who_has_not_and_equals_one_by_one() -> None:
    units, month = [make_unit() for _ in range(3)], 202510
    for i, unit in enumerate(units):
        hire(unit, i + 1, wage_fen=300_000 + 777 * i, month=month)
    declare(units[0], month)
    support.declare_all(month)
    support.declare_all(month)
    for unit in units:
        with acting(ENGINE):
            declaration = declaring.last_declaration(unit, month)
            assert declaration is not None and declaration.round == 1
            totals, people = declaring.totals_of(unit, PLACE, month, mask_of(DECLARED), standard(), assessed=False)
            assert (declaring.lines_of(declaration), declaration.headcount) == (totals, people)


def test_a_month_under_assessment_is_not_declared_until_it_is_published() -> None:
    unit, month = make_unit(), 202510
    hire(unit, 1, month=month)
    as_owner("insert into levy_placemonth (place, month, state) values (%s, %s, 'assessing')", [PLACE, month])
    with pytest.raises(ShebaoError, match="2025 年 10 月正在核定"):
        declare(unit, month)
    as_owner("delete from levy_placemonth where place = %s and month = %s", [PLACE, month])
    assert declare(unit, month)
