"""What became of every month: paid, owed from the day after the due date, not assessed yet, a gap; for a person, for a unit, and on pages."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Insurance, Post
from shebao.levy import deferring
from shebao.levy.deferring import NewDeferral
from shebao.levy.models import Bill
from shebao.levy.month_marks import Mark, grid_of, person_marks, unit_marks
from tests.db import arrears_support, support
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.support import ADD, STOP, addition, ask, context, hire, make_agency, make_unit, moment, pay, person_ids, take_effect

PENSION = Insurance.PENSION
ON = moment(202611, 10).date()


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """A unit whose people were insured in 2026-08, billed for 08, 09 and 10: paid, half paid, not paid."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1), make_agency(2)
        unit, far = make_unit("示例公司"), make_unit("外地公司", agency=2)
        people = hire(unit, 3, month=202608, at=moment(202608))
        hire(far, 1, month=202608, agency=2, at=moment(202608))
        for month in (202608, 202609, 202610):
            support.assess(month)
        with acting(ENGINE):
            bills = {b.month: b for b in Bill.objects.filter(unit_id=unit)}
        pay(bills[202608], bills[202608].total_fen)
        pay(bills[202609], bills[202609].total_fen // 2)
        for name, post, agency in (("zhou", Post.REVIEWER, 1), ("clerk", Post.CLERK, 1), ("far", Post.REVIEWER, 2)):
            make_account(name, post, agency=agency)
        make_account("op", Post.UNIT_OPERATOR, unit=unit)
        yield {
            "unit": unit,
            "people": people,
            "ids": person_ids(people),
            "bills": bills,
            "zhou": Desk("zhou"),
            "clerk": Desk("clerk"),
            "far": Desk("far"),
        }


def marks(town: dict[str, Any], place: int = 0, **more: Any) -> dict[int, str]:
    """Months of the pension of a person, with their marks."""
    with acting(ENGINE):
        found = person_marks(town["ids"][place], [town["unit"]], more.pop("on", ON), **more)
    return {month: cell.mark.value for (month, insurance), cell in sorted(found.items()) if insurance is PENSION}


def test_a_month_is_paid_partly_paid_or_owed_as_its_bill_is(town: dict[str, Any]) -> None:
    late = max(b.due_date for b in town["bills"].values()) + timedelta(days=1)
    assert marks(town, on=late) | {} == {
        202608: "paid",
        202609: "part",
        202610: "owed",
        **({202611: "pending"} if late.month >= 11 else {}),
        **({202612: "pending"} if late.month == 12 else {}),
    }


def test_a_bill_is_owed_from_the_day_after_its_due_date(town: dict[str, Any]) -> None:
    due = town["bills"][202610].due_date
    assert marks(town, on=due)[202610] == "due"
    assert marks(town, on=due + timedelta(days=1))[202610] == "owed"


def test_a_covered_month_without_a_bill_is_pending_and_what_nothing_covers_is_a_gap(town: dict[str, Any]) -> None:
    number = town["people"][1]
    stopped = take_effect(
        STOP, context(town["unit"], moment(202609)), {"id_number": number, "name": "张三乙", "reason": "6301", "note": ""}
    )
    assert stopped is not None and stopped.done == 1
    told = marks(town, 1)
    assert (told[202609], told[202610], told[202611]) == ("part", "owed", "gap"), "October was assessed before the stop was filed"
    without = marks(town, 1, until_now=False)
    assert max(without) == 202610
    assert marks(town, 0)[202611] == "pending"


def test_a_back_payment_waits_for_the_next_bill(town: dict[str, Any]) -> None:
    typed = addition(backdated_from="202610")
    assert take_effect(ADD, context(town["unit"]), typed).done == 1
    (person,) = person_ids([typed["id_number"]])
    with acting(ENGINE):
        found = person_marks(person, [town["unit"]], ON)
        cell = found[202610, PENSION]
    assert cell.mark is Mark.PENDING and cell.unit_fen > 0
    owed = ask("select unit_fen, person_fen from levy_line where person_id = %s and insurance = 110", [person])
    assert owed == [(cell.unit_fen, cell.person_fen)]


def test_amounts_are_those_of_the_person_and_add_up_to_the_units(town: dict[str, Any]) -> None:
    with acting(ENGINE):
        whole = unit_marks(town["unit"], ON)
        each = [person_marks(person, [town["unit"]], ON) for person in town["ids"]]
        table = grid_of(whole).table
    for insurance in (Insurance.PENSION, Insurance.INJURY, Insurance.LARGE_MEDICAL):
        assert sum(m[202608, insurance].total_fen for m in each) == whole[202608, insurance].total_fen > 0
    row = next(r for r in table if r.month == 202608)
    assert row.unit_fen + row.person_fen == town["bills"][202608].total_fen


def test_first_leaves_out_what_lies_before(town: dict[str, Any]) -> None:
    assert min(marks(town, first=202610)) == 202610


def test_the_grid_has_twelve_cells_a_type_and_counts_months_for_its_legend(town: dict[str, Any]) -> None:
    with acting(ENGINE):
        grid = grid_of(person_marks(town["ids"][0], [town["unit"]], ON))
    assert [y.year for y in grid.years] == [2026] and all(len(cells) == 12 for _, cells in grid.years[0].rows)
    assert dict(grid.legend)[Mark.PAID] == 1 and [i for i, _ in grid.years[0].rows] == grid.types


def test_everything_of_a_person_is_on_one_page_and_the_look_is_on_it_next_time(town: dict[str, Any]) -> None:
    number = ask("select number from parties_person where id = %s", [town["ids"][0]])[0][0]
    page = town["clerk"].get(f"/w/people/{number}")
    assert "谁查看过" not in page
    page = town["zhou"].get(f"/w/people/{number}")
    for told in (
        "逐月缴费情况",
        "2026 年",
        "已到账",
        "部分到账",
        "未核定",
        "示例公司",
        "申报工资",
        "登记变更记录",
        "谁查看过",
        "clerk示例",
        "查看个人信息",
    ):
        assert told in page, told


def test_everything_of_a_unit_is_on_one_page(town: dict[str, Any]) -> None:
    number = ask("select number from parties_unit where id = %s", [town["unit"]])[0][0]
    ((serial,),) = ask("select serial from levy_receipt where bill_id = %s", [town["bills"][202608].pk])
    page = town["zhou"].get(f"/w/units/{number}")
    for told in (
        "逐月缴费情况",
        "人数变化",
        "核定单",
        "到账",
        serial,
        "op示例",
        "可办理",
        "还没有登录过",
        "登记变更记录",
        "谁查看过",
        "查看单位信息",
    ):
        assert told in page, told
    town["far"].get(f"/w/units/{number}", 404)


@pytest.mark.parametrize("kind", ["people", "units"])
def test_a_page_all_round_takes_few_queries(town: dict[str, Any], kind: str) -> None:
    table, key = ("parties_person", town["ids"][0]) if kind == "people" else ("parties_unit", town["unit"])
    number = ask(f"select number from {table} where id = %s", [key])[0][0]
    town["zhou"].get(f"/w/{kind}/{number}")
    with CaptureQueriesContext(connection) as counted:
        town["zhou"].get(f"/w/{kind}/{number}")
    own = [q["sql"] for q in counted.captured_queries if "set_config" not in q["sql"] and "SAVEPOINT" not in q["sql"]]
    assert len(own) <= 26, "\n".join(own)


def test_what_was_taken_onto_an_order_is_owed_until_it_is_paid_and_the_others_stand_as_before(town: dict[str, Any]) -> None:
    on = town["bills"][202610].due_date + timedelta(days=1)
    person = town["ids"][2]
    arrears_support.register(town["unit"], [person], on)
    order = arrears_support.issue(town["unit"], on)
    assert marks(town, 2, on=on)[202610] == "owed" and marks(town, 0, on=on)[202610] == "owed"
    pay(order, order.total_fen)
    assert marks(town, 2, on=on)[202610] == "paid" and marks(town, 0, on=on)[202610] == "owed"
    with acting(ENGINE):
        assert unit_marks(town["unit"], on)[202610, PENSION].mark is Mark.OWED


def test_a_deferred_unit_part_is_put_off_until_its_last_day(town: dict[str, Any]) -> None:
    """Of October nothing has come in: the person's part is owed. Once it has, only the deferred part is open."""
    last = date(2026, 12, 20)
    with acting(ENGINE):
        deferring.grant(NewDeferral(town["unit"], 1, "test", (PENSION,), 202609, 202609, last, "协议", None), at=moment(202611))
        whole = unit_marks(town["unit"], ON)[202609, PENSION]
        line = ask(
            "select l.unit_fen, l.unit_fen + l.person_fen - l.paid_fen from levy_billline l join levy_bill b on b.id = l.bill_id"
            " where b.unit_id = %s and b.month = 202609 and insurance = 110",
            [town["unit"]],
        )[0]
        assert (whole.mark is Mark.DEFERRED) == (line[1] <= line[0]) and line[1] <= line[0], "half has come in, the person's third with it"
        assert unit_marks(town["unit"], last)[202609, PENSION].mark is Mark.DEFERRED
        assert unit_marks(town["unit"], last + timedelta(days=1))[202609, PENSION].mark is Mark.PART
