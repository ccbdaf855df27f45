"""柜面: what online refuses works at the counter; 信息订正 is a new fact with reason and another reviewer; money moves to the fen or not at all."""

from datetime import date
from typing import Any

import pytest

from shebao.base.terms import Insurance
from shebao.casework import operations, review
from shebao.casework.item import item_of
from shebao.casework.models import Case
from shebao.items.corrections.common import MoneyMovedError
from shebao.levy.differences import refund_total, refunds_due
from shebao.levy.models import Line
from shebao.parties.models import Person
from shebao.parties.registered import corrections, special_groups
from tests.db import support
from tests.db.counter_support import codes, decide, enter, on, through, told, warned
from tests.db.support import ADD, ENGINE, FULL, acting, as_owner, ask, assess, attempt, moment

SPELL, WAGE = "corrections.correct_spell", "corrections.correct_wage"
PERSON, SPECIAL = "corrections.correct_person", "corrections.special_group"
DAY = date(2026, 11, 12)
MONTH_FEN = 287_900  # 8,000.00 in the five types at the rates of 2026, injury class 1
UNITS: list[int] = []
PEOPLE: dict[str, str] = {}
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    """Two units since 2025; the months from July to October 2026 are assessed, November is open."""
    support.make_agency()
    UNITS[:] = [support.make_unit("甲公司", since=202501), support.make_unit("乙公司", since=202501)]
    for who in ("late", "early", "never", "wage", "plain", "moved", "name", "special"):
        (PEOPLE[who],) = support.hire(UNITS[0], month=202609 if who == "late" else 202607, at=moment(202609 if who == "late" else 202607))
    (PEOPLE["neighbour"],) = support.hire(UNITS[1], month=202607, at=moment(202607))
    for month in (202607, 202608, 202609, 202610):
        assess(month)


def spell(who: str, **changed: Any) -> dict[str, Any]:
    typed = {"id_number": PEOPLE[who], "name": "张三甲", "spell_from": "202607", "way": "put_right", "reason": "合同起始日录错"}
    return typed | changed


def lines(who: str) -> dict[int, int]:
    """补缴 of a person by month, fen."""
    rows = as_owner(
        "select l.month, sum(l.unit_fen + l.person_fen) from levy_line l join parties_person p on p.id = l.person_id"
        " where p.id_number = %s group by 1 order by 1",
        [PEOPLE[who]],
    )
    return {month: int(fen) for month, fen in rows}


def person_id(who: str) -> int:
    return int(as_owner("select id from parties_person where id_number = %s", [PEOPLE[who]])[0][0])


# --- what online refuses works at the counter ---


@pytest.mark.parametrize(
    ("birth", "male", "online"),
    [
        (date(1986, 11, 13), False, []),  # a woman of 39, forty tomorrow
        (date(1986, 11, 12), False, ["ENR-04"]),  # forty today
        (date(1976, 11, 13), True, []),
        (date(1976, 11, 12), True, ["ENR-04"]),
        (date(2010, 11, 12), True, []),  # sixteen today
        (date(2010, 11, 13), True, ["ENR-04"]),
    ],
)
def test_age_on_the_very_day_decides_online_and_only_warns_at_the_counter(birth: date, male: bool, online: list[str]) -> None:
    typed = support.addition(support.new_id_number(birth, male=male))
    with acting(support.operator(UNITS[0])):
        found = operations.examine_one(item_of(ADD), support.context(UNITS[0], moment(202611, 12)), typed)
    assert [r.code for r in found.refusals] == online
    assert codes(ADD, on(DAY, UNITS[0]), typed) == []
    assert ("ENR-04" in warned(ADD, on(DAY, UNITS[0]), typed)) == bool(online)


@pytest.mark.parametrize(("first", "online"), [(202609, []), (202608, ["ENR-07"])])
def test_the_third_month_back_is_online_the_fourth_at_the_counter(first: int, online: list[str]) -> None:
    typed = support.addition(backdated_from=str(first))
    with acting(support.operator(UNITS[0])):
        found = operations.examine_one(item_of(ADD), support.context(UNITS[0], moment(202611, 12)), typed)
    assert [r.code for r in found.refusals] == online
    assert codes(ADD, on(DAY, UNITS[0]), typed) == []
    assert ("ENR-07" in warned(ADD, on(DAY, UNITS[0]), typed)) == bool(online)


def test_back_enrolment_at_the_counter_charges_every_assessed_month_to_the_fen() -> None:
    typed = support.addition(backdated_from="202607")
    PEOPLE["back"] = typed["id_number"]
    case = enter(ADD, on(DAY, UNITS[0]), typed)
    assert decide(case, on(DAY, UNITS[0])).done == 1
    assert lines("back") == dict.fromkeys((202607, 202608, 202609, 202610), MONTH_FEN)
    with acting(ENGINE):
        pension = Line.objects.filter(person_id=person_id("back"), month=202607, insurance=Insurance.PENSION).get()
        assert (pension.base_fen, pension.unit_fen, pension.person_fen) == (800_000, 128_000, 64_000)


def test_each_back_month_takes_the_injury_class_the_unit_had_then() -> None:
    from shebao.parties.registration import change_terms

    unit = support.make_unit("换类别", since=202501)
    with acting(ENGINE):
        change_terms(unit, 202609, insurance_mask=None, injury_class=6, at=moment(202608))
    typed = support.addition(backdated_from="202607")
    decide(enter(ADD, on(DAY, unit), typed), on(DAY, unit))
    rows = as_owner(
        "select l.month, l.unit_fen from levy_line l join parties_person p on p.id = l.person_id"
        " where p.id_number = %s and l.insurance = %s order by 1",
        [typed["id_number"], Insurance.INJURY.value],
    )
    assert rows == [(202607, 1_600), (202608, 1_600), (202609, 10_400), (202610, 10_400)]  # 0.2 % and 1.3 % of 8,000.00


@pytest.mark.parametrize(
    ("first", "code", "sentence"),
    [
        ("202606", ["ENR-12"], "2026 年 6 月没有在本系统核定"),
        ("202501", ["ENR-12"], "没有在本系统核定"),
        ("202412", ["ENR-11"], "本单位自2025 年 1 月起参保"),
        ("202612", ["ENR-06"], "不能晚于本月"),
    ],
)
def test_months_that_nobody_could_charge_are_refused_with_a_plain_sentence(first: str, code: list[str], sentence: str) -> None:
    refusals, _ = told(ADD, on(DAY, UNITS[0]), support.addition(backdated_from=first))
    assert [r.code for r in refusals] == code and sentence in refusals[0].text


def test_months_whose_rules_are_unknown_stop_a_back_enrolment_with_the_rules_own_sentence() -> None:
    place, unit = "420100", support.make_unit("老单位", since=202401)
    as_owner(
        "insert into levy_placemonth (place, month, state) select %s, m, 'assessed' from unnest(array[202411, 202412, 202501, 202502, 202503, 202504, 202505, 202506, 202507, 202508, 202509, 202510, 202511, 202512, 202601, 202602, 202603, 202604, 202605, 202606]) m",
        [place],
    )
    try:
        refusals, _ = told(ADD, on(DAY, unit), support.addition(backdated_from="202412"))
        assert [r.code for r in refusals] == ["ENR-13"]
        assert "2024 年 12 月" in refusals[0].text and "尚未确定" in refusals[0].text and "下限" in refusals[0].text
        assert told(ADD, on(DAY, unit), support.addition(backdated_from="202501"))[0] == []
    finally:
        as_owner("delete from levy_placemonth where place = %s and month < 202607", [place])


# --- 参保关系订正 ---


def test_a_spell_entered_too_late_is_charged_after_two_people_have_agreed() -> None:
    typed = spell("late", spell_from="202609", from_month="202607")
    case = enter(SPELL, on(DAY, UNITS[0]), typed)
    assert "补收 5,758.00 元" in case.second_reason and lines("late") == {}
    assert decide(case, on(DAY, UNITS[0])).second and lines("late") == {}, "nothing takes effect before the second one"
    assert decide(case, on(DAY, UNITS[0]), account=201).done == 1
    assert lines("late") == {202607: MONTH_FEN, 202608: MONTH_FEN}
    with acting(ENGINE):
        (told_later,) = corrections(person_id=person_id("late"))
    assert (told_later.kind, told_later.up_fen, told_later.down_fen, told_later.reason) == ("参保关系", 2 * MONTH_FEN, 0, "合同起始日录错")
    assert told_later.before.startswith("2026-09 起") and told_later.after.startswith("2026-07 起") and told_later.case_id == case.pk


def test_what_is_shown_before_is_what_happens() -> None:
    typed = spell("early", to_month="202608", stop_reason="6301")
    with acting(support.reviewer()):
        examined = operations.examine_one(item_of(SPELL), on(DAY, UNITS[0]), typed)
        effect = operations.effect_of(item_of(SPELL), on(DAY, UNITS[0]), [examined])
    assert "待退" not in str(examined.refusals) and any("多缴 5,758.00 元" in s for s in effect.sentences)
    assert len(effect.tables[0].rows) == 2 * 5 and lines("early") == {}
    assert ask("select to_month from enrolment_spell where person_id = %s and known_to is null", [person_id("early")]) == [(None,)]
    before = total()
    through(SPELL, on(DAY, UNITS[0]), typed)
    assert total() - before == 2 * MONTH_FEN
    with acting(support.operator(UNITS[0])):
        found = refunds_due(person_id=person_id("early"))
    assert {(r.month, r.unit_fen + r.person_fen) for r in found} == {(202609, MONTH_FEN), (202610, MONTH_FEN)}, "the unit sees it too"
    assert ask("select to_month, stop_reason from enrolment_spell where person_id = %s and known_to is null", [person_id("early")]) == [
        (202609, "6301")
    ]


def total() -> int:
    with acting(ENGINE):
        return refund_total(UNITS[0])


def test_a_spell_that_should_never_have_been_is_cancelled_whole() -> None:
    through(SPELL, on(DAY, UNITS[0]), spell("never", way="cancel", reason="同名同姓录错人"))
    with acting(ENGINE):
        assert sum(r.unit_fen + r.person_fen for r in refunds_due(person_id=person_id("never"))) == 4 * MONTH_FEN
    assert ask("select 1 from enrolment_spell where person_id = %s and known_to is null", [person_id("never")]) == []
    assert ask("select 1 from enrolment_wage where person_id = %s and known_to is null", [person_id("never")]) == []
    assert len(ask("select 1 from enrolment_spell where person_id = %s", [person_id("never")])) == 1, "the old fact stays readable"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, ["COR-04"]),
        ({"spell_from": "202606"}, ["COR-02"]),
        ({"name": "李四", "from_month": "202608"}, ["COR-03"]),
        ({"from_month": "202612"}, []),
        ({"from_month": "202701"}, ["COR-05"]),
        ({"to_month": "202606", "stop_reason": "6301"}, ["COR-05"]),
        ({"to_month": "202611", "stop_reason": "6301"}, []),
        ({"to_month": "202612", "stop_reason": "6301"}, ["COR-05"]),
        ({"to_month": "202609"}, ["COR-06"]),
        ({"stop_reason": "6301", "from_month": "202608"}, ["COR-06"]),
        ({"from_month": "202412"}, ["COR-07"]),
        ({"insurances": ["410"], "from_month": "202608"}, ["COR-08"]),
        ({"reason": ""}, ["FLD-01"]),
    ],
)
def test_a_correction_of_a_spell_is_refused_for_each_thing_that_cannot_be(changed: dict[str, Any], code: list[str]) -> None:
    assert codes(SPELL, on(DAY, UNITS[0]), spell("plain", **changed)) == code


def test_somebody_never_insured_here_cannot_be_corrected_here() -> None:
    assert codes(SPELL, on(DAY, UNITS[0]), spell("neighbour")) == ["COR-01"]


def test_an_overlap_with_another_unit_is_told_beforehand_and_nothing_is_done() -> None:
    (number,) = support.hire(UNITS[1], month=202607, at=moment(202607))
    (who,) = support.person_ids([number])
    with acting(ENGINE):
        from shebao.enrolment import operations as enrolment

        enrolment.stop([enrolment.Stop(who, UNITS[1], 202609, "6301", None)], at=moment(202608))
        enrolment.start([enrolment.NewSpell(who, UNITS[0], 1, FULL, 202609, 800_000, None)], at=moment(202609))
    PEOPLE["both"] = number
    refusals, _ = told(SPELL, on(DAY, UNITS[0]), spell("both", spell_from="202609", from_month="202608"))
    assert [r.code for r in refusals] == ["COR-09"] and "另一段参保重叠" in refusals[0].text


def test_months_outside_this_systems_assessments_are_told() -> None:
    found = warned(SPELL, on(DAY, UNITS[0]), spell("plain", from_month="202605"))
    assert found == ["COR-W1"]


def test_a_correction_that_comes_to_move_money_after_submission_goes_back_for_a_second_pair_of_eyes() -> None:
    unit = support.make_unit("跨月", since=202501)
    (PEOPLE["across"],) = support.hire(unit, month=202611, at=moment(202611))
    as_owner("update levy_placemonth set state = 'open' where month = 202610")
    case = enter(SPELL, on(DAY, unit), spell("across", spell_from="202611", from_month="202610"))
    assert case.second_reason == ""
    as_owner("update levy_placemonth set state = 'assessed' where month = 202610")
    with pytest.raises(MoneyMovedError):
        decide(case, on(DAY, unit))
    assert lines("across") == {}


# --- 申报工资订正 ---


def wage(**changed: Any) -> dict[str, Any]:
    typed = {"id_number": PEOPLE["wage"], "name": "张三甲", "from_month": "202608", "to_month": "202609", "declared_wage": "10000"}
    return typed | {"reason": "工资单与申报不一致"} | changed


def test_a_wage_of_two_past_months_is_charged_by_the_difference_and_a_lower_one_is_due_back() -> None:
    case = through(WAGE, on(DAY, UNITS[0]), wage())
    assert lines("wage") == {202608: 71_800, 202609: 71_800}  # 35.9 % of 2,000.00
    with acting(support.operator(UNITS[0])):
        (noted,) = [c for c in corrections(unit_id=UNITS[0]) if c.case_id == case.pk]
    assert (noted.kind, noted.up_fen) == ("申报工资", 143_600) and "8,000.00" in noted.before and "10,000.00" in noted.after
    before = total()
    through(WAGE, on(DAY, UNITS[0]), wage(to_month="202608", declared_wage="9000"))
    assert total() - before == 35_900


def test_a_wage_between_floor_and_cap_moves_nothing_when_it_stays_clamped() -> None:
    (PEOPLE["cap"],) = support.hire(UNITS[0], month=202611, wage_fen=3_000_000, at=moment(202611))
    typed = wage(id_number=PEOPLE["cap"], from_month="202611", to_month="", declared_wage="40000")
    assert warned(WAGE, on(DAY, UNITS[0]), typed) == ["ENR-W2"]
    case = enter(WAGE, on(DAY, UNITS[0]), typed)
    assert case.second_reason == "" and decide(case, on(DAY, UNITS[0])).done == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"declared_wage": "8000", "from_month": "202610", "to_month": "202610"}, ["COR-04"]),
        ({"from_month": "202606"}, ["COR-09"]),
        ({"from_month": "202612", "to_month": ""}, ["COR-05"]),
        ({"from_month": "202609", "to_month": "202608"}, ["COR-05"]),
        ({"from_month": "202611", "to_month": ""}, []),
        ({"name": "李四"}, ["COR-03"]),
    ],
)
def test_a_correction_of_a_wage_is_refused_for_each_thing_that_cannot_be(changed: dict[str, Any], code: list[str]) -> None:
    assert codes(WAGE, on(DAY, UNITS[0]), wage(**changed)) == code


# --- 个人重点信息 ---


def key(who: str, **changed: Any) -> dict[str, Any]:
    return {"id_number": PEOPLE[who], "name": "张三甲", "kind": "corrected", "reason": "身份证号录错一位"} | changed


def test_a_corrected_number_keeps_the_one_person_with_spells_and_money() -> None:
    new, who = support.new_id_number(date(1994, 2, 28), male=False), person_id("moved")
    case = enter(PERSON, on(DAY, UNITS[0]), key("moved", new_id_number=new))
    assert case.second_reason and warned(PERSON, on(DAY, UNITS[0]), key("moved", new_id_number=new)) == ["COR-W2"]
    assert decide(case, on(DAY, UNITS[0])).second and decide(case, on(DAY, UNITS[0]), account=201).done == 1
    with acting(ENGINE):
        person = Person.objects.get(pk=who)
        assert (person.id_number, person.sex, person.birth_date) == (new, "2", date(1994, 2, 28))
        assert Person.objects.filter(id_number=PEOPLE["moved"]).first() is None
        (noted,) = corrections(person_id=who)
        assert "公民身份号码" in noted.label and new not in noted.after, "the course shows masked numbers"
    assert len(ask("select 1 from levy_assessment where person_id = %s", [who])) == 4
    assert ask("select value from parties_personfact where person_id = %s and field = 'id_number' order by id limit 1", [who]) == [
        (PEOPLE["moved"],)
    ]


def test_a_number_of_somebody_else_is_refused_because_merging_is_another_matter() -> None:
    refusals, _ = told(PERSON, on(DAY, UNITS[0]), key("name", new_id_number=PEOPLE["neighbour"]))
    assert [r.code for r in refusals] == ["COR-10"] and "归并" in refusals[0].text
    assert PEOPLE["neighbour"] not in refusals[0].text, "another person's number is not shown whole"


def test_a_changed_name_is_true_from_today_and_a_corrected_one_always_was() -> None:
    who = person_id("name")
    through(PERSON, on(DAY, UNITS[0]), key("name", kind="changed", new_name="张改名", reason="公安改名"))
    rows = ask(
        "select value, true_from from parties_personfact where person_id = %s and field = 'name' and known_to is null order by id", [who]
    )
    assert ("张改名", DAY) in rows
    assert codes(PERSON, on(DAY, UNITS[0]), key("name", new_name="张改名")) == ["COR-03", "COR-04"]
    assert codes(PERSON, on(DAY, UNITS[0]), key("name", name="张改名")) == ["COR-04"]


def test_two_people_who_get_one_number_in_the_same_second_leave_one_with_it() -> None:
    for i in range(4):
        new, names = support.new_id_number(), (f"r{i}a", f"r{i}b")
        for name in names:
            (PEOPLE[name],) = support.hire(UNITS[0], month=202611, at=moment(202611))
        cases = [enter(PERSON, on(DAY, UNITS[0]), key(name, new_id_number=new)) for name in names]
        for case in cases:
            assert decide(case, on(DAY, UNITS[0])).second

        def act(_: int, racer: int, cases: list[Case] = cases) -> review.Outcome:
            return decide(cases[racer], on(DAY, UNITS[0]), account=400 + racer)

        (outcomes,) = support.race(1, 2, act)
        assert sorted((o.done, o.returned) for o in outcomes) == [(0, 1), (1, 0)], outcomes
        assert as_owner("select count(*) from parties_person where id_number = %s", [new]) == [(1,)]


# --- 特殊人群 ---


def special(**changed: Any) -> dict[str, Any]:
    typed = {"id_number": PEOPLE["special"], "name": "张三甲", "way": "recognise", "kind": "model_worker", "day": "2020-05-01"}
    return typed | {"evidence": "示例劳动模范证书 第 1 号", "reason": "档案审核"} | changed


def test_a_finding_is_dated_has_its_evidence_and_is_ended_by_a_new_fact() -> None:
    assert codes(SPECIAL, on(DAY, UNITS[0]), special(way="end", day="2026-11-12")) == ["COR-24"]
    through(SPECIAL, on(DAY, UNITS[0]), special())
    assert codes(SPECIAL, on(DAY, UNITS[0]), special(day="2021-01-01")) == ["COR-23"]
    assert codes(SPECIAL, on(DAY, UNITS[0]), special(kind="army_cadre")) == []
    assert codes(SPECIAL, on(DAY, UNITS[0]), special(way="end", day="2020-05-01")) == ["COR-24"]
    through(SPECIAL, on(DAY, UNITS[0]), special(way="end", day="2026-11-01"))
    with acting(ENGINE):
        (found,) = special_groups(person_id("special"))
        assert (found.from_date, found.to_date, found.evidence) == (date(2020, 5, 1), date(2026, 11, 1), "示例劳动模范证书 第 1 号")
        assert [c.after for c in corrections(person_id=person_id("special"))] == ["2026-11-01 终止", "2020-05-01 起"]
    assert len(as_owner("select 1 from parties_specialgroup where person_id = %s", [person_id("special")])) == 2
    through(SPECIAL, on(DAY, UNITS[0]), special(day="2026-11-01", evidence="重新认定文件第 2 号"))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"day": "2026-11-12"}, []),
        ({"day": "2026-11-13"}, ["COR-21"]),
        ({"kind": "other", "evidence": "证书"}, ["COR-22"]),
        ({"evidence": ""}, ["FLD-01"]),
    ],
)
def test_a_finding_needs_a_day_not_after_today_and_its_evidence(changed: dict[str, Any], code: list[str]) -> None:
    assert codes(SPECIAL, on(DAY, UNITS[0]), special(kind="army_cadre") | changed) == code


def test_somebody_not_insured_through_the_unit_is_sent_to_be_insured_first() -> None:
    refusals, _ = told(SPECIAL, on(DAY, UNITS[0]), special(id_number=PEOPLE["neighbour"]))
    assert [r.code for r in refusals] == ["COR-20"] and "先办理新增或续保" in refusals[0].text


# --- the course of corrections ---


def test_the_course_is_append_only_and_seen_by_the_own_unit_and_agency_alone() -> None:
    assert attempt(None, "update parties_correction set reason = 'x'", alias="owner") == "23001"
    assert attempt(ENGINE, "delete from parties_correction") == "42501"
    assert attempt(support.operator(UNITS[0]), "select 1 from parties_correction") > 0  # type: ignore[operator]
    assert attempt(support.operator(UNITS[1]), "select 1 from parties_correction") == 0
    assert attempt(support.reviewer(agency=2), "select 1 from parties_correction") == 0
    assert attempt(support.operator(UNITS[0]), "insert into parties_correction select * from parties_correction limit 1") == "42501"


def test_no_wage_is_missing_and_none_is_left_over_after_all_this() -> None:
    """Every covered month has exactly one declared wage: whoever had none would silently drop out of the month."""
    assert (
        as_owner(
            """
        select s.person_id, m from enrolment_spell s cross join generate_series(202601, 202612) m
        where s.known_to is null and m %% 100 between 1 and 12 and s.from_month <= m and (s.to_month is null or s.to_month > m)
          and (select count(*) from enrolment_wage w where w.person_id = s.person_id and w.unit_id = s.unit_id and w.known_to is null
               and w.from_month <= m and (w.to_month is null or w.to_month > m)) <> 1
        """,
            [],
        )
        == []
    )
