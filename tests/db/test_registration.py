"""社会保险登记 at the counter: 参保, 变更, 注销, 验证, 补证, every rule at its edge."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest

from shebao.access.models import Account
from shebao.base.terms import INSURANCES, Insurance
from shebao.casework import operations, review
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState
from shebao.items.registration.verify_unit import window
from shebao.parties.models import Certificate, Closing, Unit, Verification
from shebao.parties.operations import NewUnit
from shebao.parties.queries import find_terms
from shebao.parties.registered import certificates_of, unverified
from shebao.parties.registration import UsccTakenError, register_unit
from tests.db import support
from tests.db.counter_support import codes, decide, enter, new_unit, on, through, told, uscc, warned
from tests.db.support import ADD, ENGINE, FULL, acting, as_owner, ask, assess, attempt, moment

REGISTER, CHANGE, CLOSE = "registration.register_unit", "registration.change_registration", "registration.close_unit"
VERIFY, REISSUE = "registration.verify_unit", "registration.reissue_certificate"
DAY = date(2026, 11, 12)
pytestmark = pytest.mark.usefixtures("agencies")


@pytest.fixture(scope="module")
def agencies(database: str) -> None:
    support.make_agency()
    support.make_agency(2)


def registered(day: date = DAY, **changed: Any) -> Unit:
    """A unit through its whole registration."""
    typed = new_unit(**changed)
    through(REGISTER, on(day), typed)
    with acting(ENGINE):
        return Unit.objects.select_related("agency").get(uscc=typed["uscc"])


def changing(unit: Unit, **changed: Any) -> dict[str, Any]:
    """变更登记 as the form opens, with some of it changed."""
    item = item_of(CHANGE)
    assert item.prefill is not None
    with acting(ENGINE):
        values = item.prefill(on(DAY, unit.pk))
    return {f.name: f.typed(values.get(f.name)) for f in item.fields} | changed


# --- 参保登记 ---


def test_a_unit_is_registered_with_number_certificate_types_and_the_class_of_its_industry() -> None:
    unit = registered(industry="47")  # 房屋建筑业
    assert unit.number.startswith("420100") and unit.registered_on == DAY and unit.founded_on == date(2026, 11, 2)
    assert (unit.industry, unit.industry_code, unit.legal_representative) == ("房屋建筑业", "47", "王示例")
    with acting(ENGINE):
        terms = find_terms(unit.pk, 202611)
        (certificate,) = certificates_of(unit.pk)
    assert terms is not None and (terms.insurance_mask, terms.injury_class) == (FULL, 6)
    assert certificate.number.startswith("DJ420100") and certificate.issued_for == "参保登记"
    ((case_unit, filing_unit),) = as_owner(
        "select c.unit_id, f.unit_id from casework_case c join casework_filing f on f.case_id = c.id where c.id = %s", [certificate.case_id]
    )
    assert case_unit == filing_unit == unit.pk, "the case belongs to the unit from now on"


def test_the_new_unit_can_add_its_first_employee_at_once() -> None:
    unit = registered()
    case = support.file(ADD, support.context(unit.pk, moment(202611, 13)), support.addition())
    with acting(ENGINE):
        assert review.review_automatically(case, support.context(unit.pk, moment(202611, 13))).done == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("founded", "last"),
    [
        (date(2026, 11, 2), date(2026, 12, 2)),
        (date(2026, 1, 31), date(2026, 3, 2)),  # over the end of February
        (date(2024, 1, 30), date(2024, 2, 29)),
        (date(2024, 1, 31), date(2024, 3, 1)),  # over a 29 February
        (date(2023, 1, 30), date(2023, 3, 1)),
        (date(2025, 12, 31), date(2026, 1, 30)),
    ],
)
def test_the_thirtieth_day_after_founding_is_in_time_and_the_next_is_late_but_allowed(founded: date, last: date) -> None:
    def warnings(day: date) -> tuple[list[str], list[str]]:
        typed = new_unit(founded_on=founded.isoformat(), from_month=f"{day:%Y%m}")
        refusals, warned_of = told(REGISTER, on(day), typed)
        return [r.code for r in refusals], [r.code for r in warned_of if r.code == "REG-W1"]

    assert warnings(last) == ([], [])
    assert warnings(last + timedelta(days=1)) == ([], ["REG-W1"])
    assert warnings(founded) == ([], [])
    assert warnings(founded - timedelta(days=1))[0][:1] == ["REG-01"]


def test_a_late_registration_says_by_how_many_days_and_keeps_the_founding_date() -> None:
    _, warnings = told(REGISTER, on(date(2026, 12, 5)), new_unit(from_month="202612"))
    assert any("超过登记期限 3 天" in w.text and "2026-12-02" in w.text for w in warnings)
    unit = registered(date(2026, 12, 5), from_month="202612")
    assert (unit.founded_on, unit.registered_on) == (date(2026, 11, 2), date(2026, 12, 5))


@pytest.mark.parametrize(("day", "expected"), [(1, []), (22, []), (23, ["REG-W3"]), (30, ["REG-W3"])])
def test_days_outside_the_counters_days_are_told(day: int, expected: list[str]) -> None:
    assert [c for c in warned(REGISTER, on(date(2026, 11, day)), new_unit(founded_on="2026-11-01")) if c == "REG-W3"] == expected


@pytest.mark.parametrize("at", range(18))
def test_one_wrong_character_of_the_code_is_refused(at: int) -> None:
    right = uscc(9_000)
    wrong = right[:at] + ("7" if right[at] != "7" else "8") + right[at + 1 :]
    refusals, _ = told(REGISTER, on(DAY), new_unit(uscc=wrong))
    assert [r.field for r in refusals] == ["uscc"] and "统一社会信用代码" in refusals[0].text
    assert told(REGISTER, on(DAY), new_unit(uscc=right)) == ([], [])


def test_the_class_follows_the_industry_and_nobody_says_otherwise() -> None:
    assert codes(REGISTER, on(DAY), new_unit(industry="65", injury_class="3")) == ["REG-04"]
    assert codes(REGISTER, on(DAY), new_unit(industry="65", injury_class="1")) == []
    assert codes(REGISTER, on(DAY), new_unit(industry="00")) == ["REG-03"]
    unit = registered(industry="00", injury_class="5")
    with acting(ENGINE):
        assert find_terms(unit.pk, 202611).injury_class == 5  # type: ignore[union-attr]


def test_ordinary_units_take_all_types_at_once_and_special_ones_what_the_agency_says_with_its_reason() -> None:
    few = [str(Insurance.INJURY.value)]
    assert codes(REGISTER, on(DAY), new_unit(insurances=few)) == ["REG-05"]
    assert codes(REGISTER, on(DAY), new_unit(insurances=few, special="yes")) == ["REG-06"]
    unit = registered(insurances=few, special="yes", special_reason="只雇退休返聘人员")
    with acting(ENGINE):
        assert find_terms(unit.pk, 202611).insurance_mask == Insurance.INJURY.flag  # type: ignore[union-attr]
    assert unit.special_reason == "只雇退休返聘人员" and len(INSURANCES) == 6


@pytest.mark.parametrize(("month", "ok"), [("202610", False), ("202611", True), ("202612", True), ("202701", False)])
def test_contributions_begin_between_founding_and_next_month(month: str, ok: bool) -> None:
    assert codes(REGISTER, on(DAY), new_unit(from_month=month)) == ([] if ok else ["REG-07"])


def test_a_code_that_is_registered_is_refused_with_who_holds_it_and_a_namesake_is_told() -> None:
    unit = registered()
    refusals, warnings = told(REGISTER, on(DAY), new_unit(uscc=unit.uscc, name=unit.name))
    assert [r.code for r in refusals] == ["REG-02"] and unit.name in refusals[0].text and unit.number in refusals[0].text
    assert "示例经办机构1" in refusals[0].text and "2026-11-12" in refusals[0].text
    assert [w.code for w in warnings] == ["REG-W2"] and unit.number in warnings[0].text


def test_two_clerks_who_register_one_code_in_the_same_second_get_one_unit_and_the_other_is_told_who_has_it() -> None:
    for n in range(5):
        typed = [new_unit(uscc=uscc(8_000 + n)) for _ in range(2)]
        cases = [enter(REGISTER, on(DAY, agency=a), t) for a, t in zip((1, 2), typed, strict=True)]
        start = threading.Barrier(2)

        def act(i: int, racer: int, cases: list[Case] = cases, start: threading.Barrier = start) -> review.Outcome:
            start.wait(30)
            return decide(cases[racer], on(DAY, agency=racer + 1), account=300 + racer)

        (outcomes,) = support.race(1, 2, act)
        assert sorted((o.done, o.returned) for o in outcomes) == [(0, 1), (1, 0)], outcomes
        loser = next(i for i, o in enumerate(outcomes) if o.returned)
        ((state, reason),) = as_owner("select state, return_reason from casework_case where id = %s", [cases[loser].pk])
        winner = typed[1 - loser]["name"]
        assert state == "draft" and winner in reason and f"示例经办机构{2 - loser}" in reason
        assert as_owner("select count(*) from parties_unit where uscc = %s", [uscc(8_000 + n)]) == [(1,)]


def test_the_database_itself_refuses_a_second_unit_of_one_code() -> None:
    unit = registered()
    with pytest.raises(UsccTakenError), acting(ENGINE):
        new = NewUnit("别的公司", unit.uscc, 1, support.PLACE, FULL, 1, 202611, DAY)
        register_unit(new, case_id=None, at=support.AT)


def test_whoever_entered_the_registration_does_not_review_it_and_a_returned_one_is_mended() -> None:
    case = enter(REGISTER, on(DAY), new_unit())
    with acting(support.reviewer()):
        now = Case.objects.get(pk=case.pk)
        review.decide(case.pk, now.version, review.Decision(return_all=review.Return("缺少营业执照")), on(DAY))
        back = Case.objects.get(pk=case.pk)
        assert (back.state, back.returned, back.unit_id) == (CaseState.DRAFT, True, 0)


# --- 变更登记 ---


def test_changed_facts_stand_beside_the_old_ones_and_the_class_counts_from_next_month() -> None:
    unit = registered()
    typed = changing(unit, name="改名后的示例公司", legal_representative="赵示例", industry="47", address="示例路 9 号")
    case = enter(CHANGE, on(DAY, unit.pk), typed)
    assert "工伤行业风险类别" in case.second_reason
    assert decide(case, on(DAY, unit.pk)).second
    with pytest.raises(review.NotReviewerError):
        decide(case, on(DAY, unit.pk))
    assert decide(case, on(DAY, unit.pk), account=201).done == 1
    with acting(ENGINE):
        now = Unit.objects.get(pk=unit.pk)
        assert (now.name, now.legal_representative, now.industry, now.address) == (
            "改名后的示例公司",
            "赵示例",
            "房屋建筑业",
            "示例路 9 号",
        )
        assert [find_terms(unit.pk, month).injury_class for month in (202611, 202612)] == [1, 6]  # type: ignore[union-attr]
    assert as_owner("select value from parties_unitfact where unit_id = %s and field = 'name' order by id", [unit.pk])[0] == (unit.name,)


def test_a_change_that_changes_nothing_is_refused_and_one_of_address_needs_one_reviewer() -> None:
    unit = registered()
    assert codes(CHANGE, on(DAY, unit.pk), changing(unit)) == ["REG-11"]
    case = enter(CHANGE, on(DAY, unit.pk), changing(unit, address="示例路 10 号"))
    assert case.second_reason == "" and decide(case, on(DAY, unit.pk)).done == 1


def test_another_units_code_is_refused_and_the_own_one_is_not() -> None:
    unit, other = registered(), registered()
    assert codes(CHANGE, on(DAY, unit.pk), changing(unit, uscc=other.uscc)) == ["REG-02"]
    assert codes(CHANGE, on(DAY, unit.pk), changing(unit, uscc=uscc(7_777))) == []


def test_new_types_of_the_unit_hold_for_its_staff_from_next_month() -> None:
    few = [str(Insurance.INJURY.value)]
    unit = registered(insurances=few, special="yes", special_reason="核定")
    (number,) = support.hire(unit.pk, mask=Insurance.INJURY.flag, month=202611)
    typed = changing(unit, insurances=support.FULL_CODES, special="no", special_reason="")
    through(CHANGE, on(DAY, unit.pk), typed)
    (person,) = support.person_ids([number])
    assert ask(
        "select from_month, to_month, insurance_mask from enrolment_spell where person_id = %s and known_to is null order by 1", [person]
    ) == [(202611, 202612, Insurance.INJURY.flag), (202612, None, FULL)]


def test_moving_to_another_agency_waits_until_bills_are_paid_and_takes_the_people_along() -> None:
    unit = registered()
    support.hire(unit.pk, month=202611)
    typed = changing(unit, agency="示例经办机构2")
    assert codes(CHANGE, on(DAY, unit.pk), changing(unit, agency="没有的机构")) == ["REG-12"]
    draft = operations_draft(unit)
    assert codes(CHANGE, on(DAY, unit.pk), typed) == ["REG-13"]
    as_owner("update casework_case set state = 'withdrawn' where id = %s", [draft])
    through(CHANGE, on(DAY, unit.pk), typed)
    assert as_owner("select agency_id from parties_unit where id = %s", [unit.pk]) == [(2,)]
    assert as_owner("select distinct agency_id from enrolment_spell where unit_id = %s and known_to is null", [unit.pk]) == [(2,)]
    with acting(ENGINE):
        new, old = certificates_of(unit.pk)
        assert (new.agency_id, new.voided_on, old.void_reason) == (2, None, "变更经办机构")


def operations_draft(unit: Unit) -> int:
    ctx = support.context(unit.pk, moment(202611, 12))
    with acting(support.operator(unit.pk)):
        return operations.save_new(item_of(ADD), ctx, support.addition(), key=None).case_id


# --- 注销登记 ---


def closing(**changed: Any) -> dict[str, Any]:
    return {"reason": "dissolved", "document": "示例核准注销通知书 1 号", "confirm": "确认注销"} | changed


def test_a_unit_without_anything_open_is_closed_and_its_accounts_end() -> None:
    unit = registered()
    account = Account.objects.using("owner").create(
        username=f"u{unit.pk}", password="!", name="某", post_class="unit", unit_id=unit.pk, created_at=support.AT
    )
    case = enter(CLOSE, on(DAY, unit.pk), closing())
    assert case.second_reason and decide(case, on(DAY, unit.pk)).second
    assert decide(case, on(DAY, unit.pk), account=201).done == 1
    with acting(ENGINE):
        now = Unit.objects.get(pk=unit.pk)
        assert now.closed_on == DAY and Closing.objects.get(unit_id=unit.pk).to_month == 202612
        assert find_terms(unit.pk, 202611) is not None and find_terms(unit.pk, 202612) is None
        assert [c.void_reason for c in certificates_of(unit.pk)] == ["注销登记"]
        assert Account.objects.get(pk=account.pk).disabled_at is not None
    assert codes(CLOSE, on(DAY, unit.pk), closing()) == ["REG-20"]
    assert support_refused(unit) == ["ENR-09"]
    refusals, _ = told(REGISTER, on(DAY), new_unit(uscc=unit.uscc))
    assert "已于 2026-11-12 注销" in refusals[0].text


def support_refused(unit: Unit) -> list[str]:
    ctx = support.context(unit.pk, moment(202611, 20))
    with acting(support.operator(unit.pk)):
        return [r.code for r in operations.examine_one(item_of(ADD), ctx, support.addition()).refusals]


def test_the_word_has_to_be_typed() -> None:
    unit = registered()
    refusals, _ = told(CLOSE, on(DAY, unit.pk), closing(confirm="注销"))
    assert [r.field for r in refusals] == ["confirm"]


def test_each_thing_that_stands_in_the_way_is_told_with_its_amount_and_where_to_go() -> None:
    unit = registered(date(2026, 9, 7), founded_on="2026-09-01", from_month="202609")
    numbers = support.hire(unit.pk, 2, month=202609, at=moment(202609))
    refusals, _ = told(CLOSE, on(date(2026, 9, 9), unit.pk), closing())
    assert [r.code for r in refusals] == ["REG-21", "REG-22"] and "2 人" in refusals[0].text
    assert refusals[0].link == f"/w/units/{unit.number}"
    for number in numbers:  # 停保 in September: nothing from October on, but September itself is not yet assessed
        support.take_effect(
            support.STOP, support.context(unit.pk, moment(202609, 10)), {"id_number": number, "name": name_of(number), "reason": "6301"}
        )
    refusals, _ = told(CLOSE, on(date(2026, 9, 11), unit.pk), closing())
    assert [r.code for r in refusals] == ["REG-22"] and "2026 年 9 月" in refusals[0].text
    assess(202609)
    with acting(ENGINE):
        (bill,) = support.Bill.objects.filter(unit_id=unit.pk)
    draft = operations_draft(unit)
    refusals, _ = told(CLOSE, on(date(2026, 9, 27), unit.pk), closing())
    assert [r.code for r in refusals] == ["REG-23", "REG-25"]
    assert bill.number in refusals[0].text and f"{bill.total_fen // 100:,}.{bill.total_fen % 100:02d} 元" in refusals[0].text
    assert refusals[0].link == f"/w/bills/{bill.number}" and refusals[1].link == f"/w/cases/{draft}"
    support.pay(bill, bill.total_fen - 1)
    assert "REG-23" in codes(CLOSE, on(date(2026, 9, 28), unit.pk), closing()), "one fen short is not paid"
    with acting(ENGINE):
        bill.refresh_from_db()
    support.pay(bill, 1)
    with acting(ENGINE):
        fees = list(support.Bill.objects.filter(unit_id=unit.pk, kind="late_fee"))
    refusals, _ = told(CLOSE, on(date(2026, 9, 28), unit.pk), closing())
    assert fees and fees[0].number in refusals[0].text, "paid late: the late fee is to be paid before the unit is closed"
    for fee in fees:
        support.pay(fee, fee.open_fen)
    as_owner("update casework_case set state = 'withdrawn' where id = %s", [draft])
    assert codes(CLOSE, on(date(2026, 9, 28), unit.pk), closing()) == []
    through(CLOSE, on(date(2026, 9, 28), unit.pk), closing())


def name_of(number: str) -> str:
    return str(ask("select name from parties_person where id_number = %s", [number])[0][0])


def test_closing_and_adding_somebody_in_the_same_second_never_leave_a_person_in_a_closed_unit() -> None:
    for _ in range(6):
        unit = registered()
        case = enter(CLOSE, on(DAY, unit.pk), closing())
        decide(case, on(DAY, unit.pk))
        with acting(support.operator(unit.pk)):
            ctx = support.context(unit.pk, moment(202611, 12))
            # Not through the casework: an open case would stand in the way before the race begins
            number = support.new_id_number()

        def act(i: int, racer: int, unit: Unit = unit, case: Case = case, ctx: Any = ctx, number: str = number) -> object:
            if racer:
                return decide(case, on(DAY, unit.pk), account=201)
            with acting(ENGINE):
                from shebao.casework.item import Filing

                item_of(ADD).perform([Filing({**values(number)}, 1, 0, 0)], ctx)
            return "added"

        (outcomes,) = support.race(1, 2, act)
        closed = as_owner("select closed_on is not null from parties_unit where id = %s", [unit.pk])[0][0]
        insured = as_owner("select count(*) from enrolment_spell where unit_id = %s and known_to is null", [unit.pk])[0][0]
        assert (closed, insured) in ((True, 0), (False, 1)), outcomes


def values(number: str) -> dict[str, Any]:
    return {
        "id_number": number,
        "name": "张三",
        "ethnicity": "01",
        "mobile": None,
        "declared_wage": 800_000,
        "insurances": support.FULL_CODES,
        "backdated_from": None,
    }


# --- 验证 and 补证 ---


def old_unit(since: int = 202501) -> int:
    """A unit registered in an earlier year."""
    return support.make_unit("老单位", since=since)


def test_a_year_is_verified_once_online_by_the_system_and_the_year_of_registration_never() -> None:
    unit = old_unit()
    ctx = support.context(unit, moment(202606))
    case = support.file(VERIFY, ctx, {"year": "2026", "answer": "same"})
    with acting(ENGINE):
        assert review.review_automatically(case, ctx).done == 1  # type: ignore[union-attr]
        (verified,) = Verification.objects.filter(unit_id=unit)
    assert (verified.year, verified.late, verified.confirmed["单位名称"]) == (2026, False, "老单位")
    with acting(support.operator(unit)):
        again = operations.examine_one(item_of(VERIFY), ctx, {"year": "2026", "answer": "same"})
        first = operations.examine_one(item_of(VERIFY), ctx, {"year": "2025", "answer": "same"})
        changed = operations.examine_one(
            item_of(VERIFY), support.context(old_unit(), moment(202606)), {"year": "2026", "answer": "different"}
        )
    assert {r.code for r in again.refusals} == {"REG-33"} and "REG-31" in {r.code for r in first.refusals}
    assert [r.code for r in changed.refusals] == ["REG-34"]


@pytest.mark.parametrize(
    ("day", "year", "refusal", "late"),
    [
        (date(2026, 1, 1), 2026, [], False),
        (date(2026, 12, 31), 2026, [], False),
        (date(2027, 1, 1), 2026, [], True),
        (date(2025, 12, 31), 2026, ["REG-30"], False),
    ],
)
def test_the_window_of_the_year_at_its_first_and_last_day(day: date, year: int, refusal: list[str], late: bool) -> None:
    unit = old_unit(202401)
    assert window(2026, on(day, unit)) == (date(2026, 1, 1), date(2026, 12, 31))
    typed = {"year": str(year), "answer": "same"}
    assert codes(VERIFY, on(day, unit), typed) == refusal
    if not refusal:
        assert ("REG-W5" in warned(VERIFY, on(day, unit), typed)) is late
        through(VERIFY, on(day, unit), typed)
        assert as_owner("select late from parties_verification where unit_id = %s", [unit]) == [(late,)]


def test_the_overdue_list_names_open_units_of_earlier_years_without_a_verification() -> None:
    unit, new = old_unit(), registered()
    with acting(ENGINE):
        ids = [u.unit_id for u in unverified(2026, agency_id=1, limit=1000)]
        assert unit in ids and new.pk not in ids
        assert not [u for u in unverified(2026, agency_id=2, limit=1000) if u.unit_id == unit]
    through(VERIFY, on(date(2026, 6, 1), unit), {"year": "2026", "answer": "same"})
    with acting(ENGINE):
        assert unit not in [u.unit_id for u in unverified(2026, agency_id=1, limit=1000)]


def test_a_lost_certificate_is_reissued_and_the_old_number_is_void_for_good() -> None:
    unit = registered()
    assert codes(REISSUE, on(DAY, unit.pk), {"reason": "never", "statement": "x"}) == ["REG-40"]
    through(REISSUE, on(DAY, unit.pk), {"reason": "lost", "statement": "搬家时遗失"})
    with acting(ENGINE):
        new, old = certificates_of(unit.pk)
    assert old.voided_on == DAY and old.void_reason == "遗失：搬家时遗失" and new.voided_on is None and new.number != old.number
    assert attempt(None, f"update parties_certificate set voided_on = null where id = {old.pk}", alias="owner") == "23001"
    assert attempt(ENGINE, f"update parties_certificate set number = 'X' where id = {new.pk}") == "23001"
    insert = "insert into parties_certificate (unit_id, agency_id, number, issued_on, issued_for) values ({}, 1, 'Y', '2026-01-01', 'x')"
    assert attempt(ENGINE, insert.format(unit.pk)) == "23505", "one live certificate a unit"


def test_a_unit_from_before_certificates_gets_its_first_one() -> None:
    unit = old_unit()
    assert codes(REISSUE, on(DAY, unit), {"reason": "lost", "statement": "x"}) == ["REG-41"]
    through(REISSUE, on(DAY, unit), {"reason": "never", "statement": "旧系统未发证"})
    with acting(ENGINE):
        assert len(certificates_of(unit)) == 1
        assert Certificate.objects.get(unit_id=unit).voided_on is None
