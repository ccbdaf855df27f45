"""月度申报 and 缓缴 as items: filed by the unit, refused with a sentence, performed once, seen by two reviewers where money is put off."""

from datetime import datetime
from typing import Any

import pytest

from shebao.base.clock import ZONE
from shebao.base.errors import RefusedError
from shebao.base.money import yuan
from shebao.base.terms import Insurance, mask_of
from shebao.casework import operations, review
from shebao.casework.item import item_of
from shebao.casework.models import Case
from shebao.levy import deferring
from shebao.levy.models import Bill, Declaration, Deferral
from shebao.levy.statement import statement
from shebao.policy.rulebook import standard
from tests.db import support
from tests.db.support import ENGINE, PLACE, acting, ask, assess, context, hire, make_unit, moment, operator, reviewer, take_effect

DECLARE, DEFER = "levy.declare_month", "levy.defer"
MASK_2022 = mask_of([Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY, Insurance.MEDICAL])


@pytest.fixture(autouse=True)
def agency(own_database: str) -> None:
    support.make_agency(1)


def figures(unit: int, month: int) -> dict[str, str]:
    with acting(ENGINE):
        this = statement(unit, PLACE, month, standard()).this
    return {"month": str(month), "headcount": str(this.heads), "total": yuan(this.total_fen)}


def refused(unit: int, typed: dict[str, Any], at: datetime, code: str = DECLARE) -> list[str]:
    with pytest.raises(RefusedError) as told:
        support.file(code, context(unit, at), typed)
    return [r.code for r in told.value.refusals]


def test_the_form_opens_with_the_figures_of_the_statement_and_declaring_is_recorded_for_the_person() -> None:
    unit, at = make_unit(), moment(202610, 12)
    hire(unit, 3)
    ctx = context(unit, at)
    with acting(operator(unit)):
        opened = item_of(DECLARE).prefill(ctx)  # type: ignore[misc]
    assert {"month": opened["month"], "headcount": opened["headcount"]} == {"month": 202610, "headcount": 3}
    assert yuan(int(opened["total"])) == figures(unit, 202610)["total"]
    outcome = take_effect(DECLARE, ctx, figures(unit, 202610))
    assert outcome is not None and outcome.done == 1
    with acting(operator(unit)):
        declaration = Declaration.objects.get(unit_id=unit)
        case = Case.objects.get(pk=declaration.case_id)
    assert (declaration.declared_by, declaration.declared_name, case.state) == (100, "经办甲", "done")


def test_the_effect_is_the_statement_and_its_last_line_adds_up() -> None:
    unit = make_unit()
    hire(unit, 2)
    with acting(operator(unit)):
        examined = operations.examine_one(item_of(DECLARE), context(unit, moment(202610)), figures(unit, 202610))
        effect = operations.effect_of(item_of(DECLARE), context(unit, moment(202610)), [examined])
    (table,) = effect.tables
    assert table.columns == ("险种", "上月", "本月增加", "本月减少", "基数等变更", "本月应申报")
    assert [row[0] for row in table.rows] == ["养老", "失业", "工伤", "合计"]
    assert table.rows[-1][5] == f"2 人　{effect.unit_fen / 100 + effect.person_fen / 100:,.2f}"
    assert table.rows[0][2].startswith("2 人　+") and table.rows[0][1] == "—"


def test_what_stands_in_the_way_has_its_code() -> None:
    unit, at = make_unit(), moment(202610, 12)
    empty = {"month": "202610", "headcount": "1", "total": "1.00"}
    assert refused(unit, empty, at) == ["DCL-03"]
    hire(unit, 2)
    right = figures(unit, 202610)
    assert refused(unit, right | {"headcount": "3"}, at) == ["DCL-06"]
    assert refused(unit, right | {"month": "202611"}, at) == ["DCL-02"]
    assert refused(unit, right | {"month": "202112"}, at) == ["DCL-01"]
    take_effect(DECLARE, context(unit, at), right)
    assert refused(unit, right, at) == ["DCL-04"]
    assess(202610, declared=False)
    assert refused(unit, right, moment(202611)) == ["DCL-05"]


def test_two_clerks_submit_the_same_month_and_the_second_case_comes_back_with_who_and_when() -> None:
    unit, at = make_unit(), moment(202610, 12)
    hire(unit, 2)
    ctx = context(unit, at)
    cases = [support.file(DECLARE, ctx, figures(unit, 202610), actor=operator(unit, 100 + i, name=f"经办{'甲乙'[i]}")) for i in range(2)]

    def pass_(i: int, racer: int) -> review.Outcome | None:
        with acting(ENGINE):
            return review.review_automatically(cases[racer], ctx)

    (row,) = support.race(1, 2, pass_)
    assert sorted((o.done, o.returned) for o in row) == [(0, 1), (1, 0)], row
    told = ask("select return_reason from casework_filing where state = 'returned'")
    assert len(told) == 1 and "已由经办" in told[0][0] and "于 2026-10-12 09:00:00 申报" in told[0][0]
    assert ask("select count(*) from levy_declaration where unit_id = %s", [unit]) == [(1,)]


def test_a_late_declaration_is_told_so_and_settles_the_month() -> None:
    unit = make_unit()
    hire(unit, 2, month=202609)
    assess(202609), assess(202610, declared=False)
    ctx = context(unit, moment(202611, 5))
    with acting(operator(unit)):
        assert item_of(DECLARE).prefill(ctx)["month"] == 202610  # type: ignore[misc]
        examined = operations.examine_one(item_of(DECLARE), ctx, figures(unit, 202610))
    assert [w.code for w in examined.warnings] == ["DCL-W1"] and examined.refusals == []
    outcome = take_effect(DECLARE, ctx, figures(unit, 202610))
    assert outcome is not None and outcome.done == 1
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202610)
        assert bill.total_fen == Bill.objects.get(unit_id=unit, month=202609).total_fen


# --- 缓缴 ---


def wish(**changed: Any) -> dict[str, Any]:
    return {
        "scheme": "hardship", "insurances": ["110"], "first_month": "202206", "last_month": "202207",
        "reason": "受疫情影响停业", "commitment": "2022-05",
    } | changed  # fmt: skip


def life() -> int:
    unit = make_unit(since=202201)
    hire(unit, 2, month=202205, mask=MASK_2022)
    return unit


def test_a_deferral_takes_two_reviewers_and_marks_the_bills_of_the_outage() -> None:
    """Seed 001 question 11: applied for afterwards, for June and July of 2022; no late fee, rights unharmed."""
    unit, at = life(), datetime(2022, 7, 26, 10, tzinfo=ZONE)
    assess(202206, at=moment(202207, 25))
    ctx = context(unit, at)
    case = support.file(DEFER, ctx, wish())
    with acting(ENGINE):
        assert review.review_automatically(case, ctx) is None
        version = Case.objects.get(pk=case).version
    with acting(reviewer(200)):
        assert review.decide(case, version, review.Decision(), ctx).second
    assert ask("select count(*) from levy_deferral") == [(0,)]
    with acting(reviewer(200)), pytest.raises(review.NotReviewerError):
        review.decide(case, version + 1, review.Decision(), ctx)
    with acting(reviewer(201, name="审核乙")):
        assert review.decide(case, version + 1, review.Decision(), ctx).done == 1
    with acting(operator(unit)):
        deferral = Deferral.objects.get(unit_id=unit)
        bill = Bill.objects.get(unit_id=unit, month=202206)
        later = deferring.deferred_of(bill, at.date())
    assert (deferral.agreement, deferral.case_id, str(deferral.repay_by)) == ("deferral 2022-05", case, "2023-12-31")
    assert later is not None and later.due_date == deferral.repay_by and later.amount_fen > 0
    assert refused(unit, wish(last_month="202208"), at, DEFER) == ["DFR-06"]


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"insurances": ["210", "410"], "first_month": "202204", "last_month": "202303"}, None),
        ({"first_month": "202204", "last_month": "202212"}, None),
        ({"first_month": "202203"}, ["DFR-04"]),
        ({"last_month": "202301"}, ["DFR-04"]),
        ({"insurances": ["210"], "last_month": "202304"}, ["DFR-04"]),
        ({"scheme": "expanded", "insurances": ["410"]}, ["DFR-03"]),
        ({"scheme": "small"}, ["DFR-05"]),
        ({"first_month": "202207", "last_month": "202206"}, ["DFR-02"]),
        ({"commitment": ""}, ["FLD-01"]),
    ],
)
def test_the_documents_of_2022_say_who_what_and_when(changed: dict[str, Any], codes: list[str] | None) -> None:
    unit, at = life(), datetime(2022, 7, 26, 10, tzinfo=ZONE)
    if codes is None:
        assert support.file(DEFER, context(unit, at), wish(**changed))
    else:
        assert refused(unit, wish(**changed), at, DEFER) == codes


@pytest.mark.parametrize(
    ("day", "allowed"), [("2022-03-31", False), ("2022-04-01", False), ("2022-05-01", True), ("2023-12-31", True), ("2024-01-01", False)]
)
def test_the_days_at_the_edges_of_the_window(day: str, allowed: bool) -> None:
    """The rule holds from 2022-04-01 to 2023-12-31; the 承诺书 of the hall is in force from 2022-05-01."""
    unit, at = life(), datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=ZONE)
    item, ctx = item_of(DEFER), context(unit, at)
    refusal = item.available(ctx) if item.available else None
    if allowed:
        assert refusal is None and support.file(DEFER, ctx, wish())
        return
    if day == "2022-04-01":
        assert refusal is None  # the policy holds; there was no text to accept yet
        return
    assert refusal is not None and refusal.code == "DFR-01"
    assert "没有施行中的缓缴政策" in refusal.text and "人社厅发〔2022〕16号" in refusal.text and "2022-04-01 至 2023-12-31" in refusal.text


def test_today_there_is_no_policy_and_a_paid_month_has_nothing_to_put_off() -> None:
    unit = life()
    assert item_of(DEFER).available(context(unit)) is not None  # type: ignore[misc]
    assess(202206, at=moment(202207, 25))
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit, month=202206)
    support.pay(bill, bill.open_fen, at=moment(202207, 26))
    at = datetime(2022, 7, 27, 10, tzinfo=ZONE)
    assert refused(unit, wish(last_month="202206"), at, DEFER) == ["DFR-08"]
