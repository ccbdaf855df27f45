"""为什么变 (I6): whichever way a past month changes, every 补缴, 补差 and 待退差额 says which act changed it, from what to what and by which
rules, behind its amount on page, paper and in the API; and the explained difference is the one that was charged, to the fen."""

from datetime import date
from typing import Any

import pytest

from shebao.base.actor import Actor, Role
from shebao.base.terms import Insurance
from shebao.channels import due_changes
from shebao.levy import cause_queries, recalculating
from shebao.levy.cause_queries import Changed
from shebao.levy.models import Bill, Cause, DueChange, Estimate, Line, RefundDue, RuleSet
from shebao.runs import recalculate
from tests.changed_rules import with_changed
from tests.db import support
from tests.db.counter_support import decide, enter, on, through
from tests.db.support import ADD, ENGINE, PLACE, acting, as_owner, ask, assess, declare, moment, person_ids

SPELL, WAGE, CLASS = "corrections.correct_spell", "corrections.correct_wage", "corrections.correct_class"
DAY = date(2026, 11, 12)
MONTH_FEN = 287_900  # 8,000.00 in the five types at the rates of 2026, injury class 1
UNITS: list[int] = []
PEOPLE: dict[str, str] = {}
WHO = ("wage", "lower", "late", "early", "never", "rules", "two")
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    """A unit since 2025; the months from July to October 2026 are assessed, November is open."""
    support.make_agency()
    UNITS[:] = [support.make_unit("甲公司", since=202501), support.make_unit("错类公司", since=202501)]
    UNITS.append(support.make_unit("晚申报公司", since=202501))
    support.hire(UNITS[2], month=202607, at=moment(202607))
    for who in WHO:
        first = 202609 if who == "late" else 202607
        (PEOPLE[who],) = support.hire(UNITS[0], month=first, at=moment(first))
    (PEOPLE["classed"],) = support.hire(UNITS[1], month=202607, at=moment(202607))
    for month in (202607, 202608, 202609, 202610):
        assess(month)


def person(who: str) -> int:
    return person_ids([PEOPLE[who]])[0]


def changes(who: str) -> list[Changed]:
    with acting(support.operator(UNITS[1] if who == "classed" else UNITS[0])):
        return cause_queries.of_person(person(who))[::-1]


def told(who: str) -> due_changes.Told:
    with acting(support.operator(UNITS[1] if who == "classed" else UNITS[0])):
        return due_changes.of_person(person(who))[::-1]


def whole(rows: due_changes.Told) -> None:
    """The explanation of each change ends with the difference that was charged or is due back, and shows how the amount comes about."""
    assert rows
    for row in rows:
        one, made = row["change"], row["explained"]
        assert made.amount("difference") == abs(one.difference_fen) == abs(row["total_fen"])
        assert made.step("why").expression == row["sentence"]
        assert made.amount("was") == one.was.total_fen and made.amount("due") == one.due.total_fen
        if one.due.total_fen:
            key = one.insurance.key
            assert made.amount(f"{key}.unit") == one.due.unit_fen and made.amount(f"{key}.person") == one.due.person_fen
            assert all(rule.source for rule in made.rules) and made.rules, "every amount down to its rules and their sources"


def covered() -> None:
    """No due of a past month is without its cause, and the causes add up to it."""
    assert as_owner(
        """
        select l.id, l.unit_fen, l.person_fen from levy_line l left join lateral (
          select sum(greatest(x.due_unit_fen - x.unit_fen, 0)) as unit_fen, sum(greatest(x.due_person_fen - x.person_fen, 0)) as person_fen
          from (select line_id, unit_fen, person_fen, due_unit_fen, due_person_fen from levy_duechange
                union all select line_id, unit_fen, person_fen, due_unit_fen, due_person_fen from levy_recalculationline) x
          where x.line_id = l.id) x on true
        where l.origin in ('back', 'diff') and (l.unit_fen, l.person_fen) is distinct from (x.unit_fen, x.person_fen)
        """
    ) == []  # fmt: skip
    assert as_owner(
        """
        select r.id from levy_refunddue r where not exists (select 1 from levy_duechange x where x.refund_due_id = r.id
            and greatest(x.unit_fen - x.due_unit_fen, 0) = r.unit_fen and greatest(x.person_fen - x.due_person_fen, 0) = r.person_fen)
          and not exists (select 1 from levy_recalculationline x where x.refund_due_id = r.id)
        """
    ) == []  # fmt: skip


def wage(who: str, **changed: Any) -> dict[str, Any]:
    typed = {"id_number": PEOPLE[who], "name": "张三甲", "from_month": "202608", "to_month": "202609", "declared_wage": "10000"}
    return typed | {"reason": "工资单与申报不一致"} | changed


def spell(who: str, **changed: Any) -> dict[str, Any]:
    typed = {"id_number": PEOPLE[who], "name": "张三甲", "spell_from": "202607", "way": "put_right", "reason": "合同起始日录错"}
    return typed | changed


def test_a_corrected_wage_says_from_what_to_what_by_which_case_and_rules() -> None:
    case = through(WAGE, on(DAY, UNITS[0]), wage("wage"))
    rows = told("wage")
    whole(rows)
    pension = next(r for r in rows if r["change"].insurance is Insurance.PENSION and r["change"].month == 202608)
    one: Changed = pension["change"]
    assert (one.was.unit_fen, one.due.unit_fen, one.was.person_fen, one.due.person_fen) == (128_000, 160_000, 64_000, 80_000)
    assert one.case_id == case.pk and pension["number"] == case.number and one.kind == "wage"
    assert one.sentence == ("申报工资订正：由“2026-07 起 8,000.00 元”改为“2026-08 至 2026-09 10,000.00 元”；工资单与申报不一致")
    assert "申报工资 10,000.00 元" in pension["explained"].step("pension.base").expression
    assert pension["explained"].step("difference").label == "养老应补"
    with acting(ENGINE):
        line = Line.objects.get(person_id=person("wage"), month=202608, insurance=110)
        kept = RuleSet.objects.get(pk=DueChange.objects.get(line=line).rules_id)
    assert line.origin == "diff" and {r["id"] for r in kept.rules} >= {"pension.rate", "pension.base"}
    covered()


def test_a_lower_wage_is_due_back_with_its_reason() -> None:
    through(WAGE, on(DAY, UNITS[0]), wage("lower", declared_wage="7000"))
    rows = told("lower")
    whole(rows)
    assert all(r["total_fen"] < 0 and r["change"].refund_due_id and not r["change"].line_id for r in rows)
    with acting(support.operator(UNITS[0])):
        behind = due_changes.behind_refunds([r["change"].refund_due_id for r in rows])
    assert len(behind) == len(rows) and all("7,000.00 元" in r["sentence"] for r in behind.values())
    covered()


def test_a_spell_that_began_earlier_is_charged_as_back_payment_from_nothing() -> None:
    through(SPELL, on(DAY, UNITS[0]), spell("late", spell_from="202609", from_month="202607"))
    rows = told("late")
    whole(rows)
    assert {r["change"].was.total_fen for r in rows} == {0} and {r["change"].month for r in rows} == {202607, 202608}
    assert sum(r["total_fen"] for r in rows) == 2 * MONTH_FEN
    with acting(ENGINE):
        assert set(Line.objects.filter(person_id=person("late")).values_list("origin", flat=True)) == {"back"}
    covered()


@pytest.mark.parametrize(
    ("who", "typed"), [("early", {"to_month": "202608", "stop_reason": "6301"}), ("never", {"way": "cancel", "reason": "同名同姓录错人"})]
)
def test_a_spell_that_ended_earlier_or_never_was_gives_back_and_says_that_nothing_is_owed(who: str, typed: dict[str, str]) -> None:
    through(SPELL, on(DAY, UNITS[0]), spell(who, **typed))
    rows = told(who)
    whole(rows)
    assert all(r["change"].due.total_fen == 0 and "没有应缴" in r["explained"].step("none").expression for r in rows)
    assert sum(r["total_fen"] for r in rows) == -MONTH_FEN * (2 if who == "early" else 4)
    covered()


def test_a_back_enrolment_says_who_joined_when_at_which_wage() -> None:
    typed = support.addition(backdated_from="202609")
    PEOPLE["back"] = typed["id_number"]
    case = enter(ADD, on(DAY, UNITS[0]), typed)
    assert decide(case, on(DAY, UNITS[0])).done == 1
    rows = told("back")
    whole(rows)
    assert {r["change"].kind for r in rows} == {"back"} and {r["number"] for r in rows} == {case.number}
    assert "2026 年 9 月起参保，申报工资 8,000.00 元" in rows[0]["sentence"]
    covered()


def test_two_acts_that_charge_into_one_line_before_its_bill_are_both_told() -> None:
    through(WAGE, on(DAY, UNITS[0]), wage("two", to_month="202608"))
    through(WAGE, on(DAY, UNITS[0]), wage("two", to_month="202608", declared_wage="11000", reason="再次核对工资单"))
    with acting(ENGINE):
        line = Line.objects.get(person_id=person("two"), month=202608, insurance=110)
        behind = due_changes.behind_lines([line])[line.pk]
    assert line.unit_fen == 48_000 and [r["unit_fen"] for r in behind] == [32_000, 16_000]
    assert "10,000.00" in behind[0]["sentence"] and "再次核对工资单" in behind[1]["sentence"]
    covered()


def test_a_wrong_injury_class_is_put_right_for_past_months_person_by_person() -> None:
    typed = {"from_month": "202608", "to_month": "", "injury_class": "4", "reason": "实际从事汽车制造"}
    case = through(CLASS, on(DAY, UNITS[1]), typed)
    rows = told("classed")
    whole(rows)
    assert {(r["change"].month, r["change"].insurance, r["unit_fen"], r["person_fen"]) for r in rows} == {
        (month, Insurance.INJURY, 5_600, 0) for month in (202608, 202609, 202610)
    }, "0.9 % instead of 0.2 % of 8,000.00"
    assert rows[0]["number"] == case.number and "由“2026-08 起 1 类”改为“2026-08 起 4 类”" in rows[0]["sentence"]
    assert "（4 类）" in rows[0]["explained"].step("injury.unit").expression
    held = "select injury_class, from_month, to_month from parties_unitterms where unit_id = %s and known_to is null order by from_month"
    assert ask(held, [UNITS[1]]) == [(1, 202501, 202608), (4, 202608, None)]
    covered()


def test_the_class_of_some_past_months_only_leaves_the_others_as_they_were() -> None:
    unit = support.make_unit("中间错类公司", since=202501)
    (number,) = support.hire(unit, month=202611, at=moment(202611))
    through(CLASS, on(DAY, unit), {"from_month": "202603", "to_month": "202604", "injury_class": "6", "reason": "当时从事道路运输"})
    held = "select injury_class, from_month, to_month from parties_unitterms where unit_id = %s and known_to is null order by from_month"
    assert ask(held, [unit]) == [(1, 202501, 202603), (6, 202603, 202605), (1, 202605, None)]
    assert person_ids([number])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"from_month": "202612"}, ["COR-31"]),
        ({"from_month": "202412"}, ["COR-31"]),
        ({"from_month": "202609", "to_month": "202608"}, ["COR-31"]),
        ({"injury_class": "1", "to_month": "202607", "from_month": "202607"}, ["COR-32"]),
        ({"injury_class": "", "from_month": "202609"}, ["FLD-01"]),
    ],
)
def test_a_correction_of_a_class_is_refused_for_each_thing_that_cannot_be(changed: dict[str, str], code: list[str]) -> None:
    from tests.db.counter_support import codes

    typed = {"from_month": "202608", "to_month": "", "injury_class": "5", "reason": "行业核定有误"}
    assert codes(CLASS, on(DAY, UNITS[1]), typed | changed) == code


def test_a_recalculation_names_the_old_and_the_new_rule_behind_each_amount() -> None:
    rules = with_changed("unemployment.rate", date(2026, 1, 1), PLACE, {"unit_ppm": 5_000, "person_ppm": 3_000})
    made = recalculate.trial(PLACE, 202607, 202607, by=Actor(Role.ENGINE, 301, "财务甲"), clock=lambda: support.AT, rulebook=rules)
    with acting(Actor(Role.ENGINE, 302, "财务乙")):
        recalculating.release(made, rules, at=support.AT)
    rows = told("rules")
    whole(rows)
    (row,) = rows
    one: Changed = row["change"]
    assert (one.recalculation_id, one.insurance, row["unit_fen"], row["person_fen"]) == (made, Insurance.UNEMPLOYMENT, -1_600, 0)
    assert "由“单位 0.7%，个人 0.3%”改为“单位 0.5%，个人 0.3%”" in row["sentence"] and "示例文号" in row["sentence"]
    assert "0.5%" in row["explained"].step("unemployment.unit").expression, "computed by the rules of then, not by those of today"
    covered()


def test_the_next_bill_its_paper_and_the_api_tell_the_reasons() -> None:
    assess(202611, at=moment(202611, 25))
    with acting(support.operator(UNITS[0])):
        bill = Bill.objects.get(unit_id=UNITS[0], month=202611, kind="monthly")
        said = due_changes.sentences(bill)
        lines = list(Line.objects.filter(bill=bill))
        behind = due_changes.behind_lines(lines)
    assert any("申报工资订正" in s and "2026 年 8 月至2026 年 9 月" in s for s in said) and any("追溯参保" in s for s in said)
    assert lines and set(behind) == {line.pk for line in lines}
    for line in lines:
        assert sum(max(r["unit_fen"], 0) + max(r["person_fen"], 0) for r in behind[line.pk]) == line.unit_fen + line.person_fen
    told_json = due_changes.in_json(behind[lines[0].pk])
    assert told_json[0]["why"] and told_json[0]["explain"]["steps"] and told_json[0]["case"]


def test_a_month_at_110_percent_that_is_declared_late_says_why_it_changed() -> None:
    unit = UNITS[2]
    support.hire(unit, month=202612, at=moment(202612, 1))
    assess(202612, at=moment(202612, 2), declared=False)
    declare(unit, 202612, at=moment(202612, 10))
    with acting(support.operator(unit)):
        bill = Bill.objects.get(unit_id=unit, month=202612, kind="monthly")
        rows = due_changes.settled(bill)
        estimates = list(Estimate.objects.filter(unit_id=unit, month=202612))
    assert len(rows) == len(estimates) == 3
    for row in rows:
        estimate, made = row["estimate"], row["explained"]
        assert made.amount("undeclared") == estimate.unit_fen
        assert made.amount("declared") == estimate.settled_unit_fen + estimate.settled_person_fen
        assert "2026-12-10 补办第 1 次申报" in made.step("settled").expression


def test_causes_are_written_once_by_the_engine_and_read_by_those_they_are_about() -> None:
    with acting(ENGINE):
        assert Cause.objects.exists() and RefundDue.objects.exists()
    for table in ("levy_cause", "levy_duechange", "levy_ruleset"):
        assert support.attempt(support.operator(UNITS[0]), f"delete from {table}") == "42501"
        assert support.attempt(None, f"delete from {table}", alias="owner") == "23001"
    mine = Actor(Role.PERSON, 77, "张三甲", person_id=person("wage"))
    with acting(mine):
        rows = due_changes.of_oneself(Actor(Role.ENGINE, 77, "张三甲"), person("wage"))
        others = cause_queries.of_person(person("lower"))
    whole(rows)
    assert rows and others == [], "nobody reads what changed for another"
