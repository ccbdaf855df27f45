"""The cases of the fact base come out the same by command line, by operation and on the pages; and the pages of what this adds."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Insurance, Post
from shebao.channels.console import Parser
from shebao.channels.console.policy import register
from shebao.channels.desk import recalculations
from shebao.levy import receiving
from shebao.levy.models import Bill, BillLine, LateFee, Line, Recalculation
from shebao.site import jobs
from tests.changed_rules import with_changed
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.portal_support import Portal
from tests.db.support import AT, PLACE, ask, assess, finance, hire, make_agency, make_unit, moment, pay, person_ids

BASE = {"average_fen": 749_600, "floor_fen": 460_000, "cap_fen": 2_248_800}


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """A unit whose February 2025 is the case LF1 (10,000.00 due 03-14), another whose person earns 8,000 (C1) or is at the floor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        lf1 = make_unit("滞纳金案例公司", mask=Insurance.PENSION.flag, vip=False)
        for wage in (2_083_333, 2_083_334):  # 24 % of both together is 10,000.00
            hire(lf1, 1, month=202501, wage_fen=wage, mask=Insurance.PENSION.flag, at=moment(202501, 2))
        c1 = make_unit("应缴案例公司", vip=False)
        person = person_ids(hire(c1, 1, month=202501, wage_fen=800_000, at=moment(202501, 2)))[0]
        hire(c1, 1, month=202501, wage_fen=300_000, at=moment(202501, 2))
        for month in (202502, 202503):
            assess(month, at=moment(month, 5))
        with acting(ENGINE):
            Bill.objects.filter(unit_id=lf1, month=202502).update(due_date=date(2025, 3, 14))
        for name, unit in (("lf1", lf1), ("c1", c1)):
            make_account(name, Post.UNIT_OPERATOR, unit=unit)
        make_account("zheng", Post.FINANCE, agency=1)
        make_account("zhou", Post.REVIEWER, agency=1)
        yield {
            "units": {"lf1": lf1, "c1": c1},
            "person": person,
            "lf1": Portal("lf1"),
            "c1": Portal("c1"),
            "zheng": Desk("zheng"),
            "zhou": Desk("zhou"),
        }


def command(capsys: pytest.CaptureFixture[str], words: str) -> Any:
    parser = Parser(prog="shebao")
    register(parser.add_subparsers(dest="command", required=True))
    args = parser.parse_args([*words.split(), "--json"])
    assert args.func(args) == 0
    return json.loads(capsys.readouterr().out)


def bill_of(unit: int, month: int) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month, kind="monthly")


def test_lf1_by_command_by_payment_and_on_three_pages(town: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    told = command(capsys, "calc late-fee --principal 10000 --due 2025-03-14 --paid 2025-04-13")
    assert (told["days"], told["fee"]) == (30, "150.00")
    bill = bill_of(town["units"]["lf1"], 202502)
    assert bill.total_fen == 1_000_000
    pay(bill, 1_000_000, at=AT.replace(year=2025, month=4, day=13))
    with acting(ENGINE):
        (fee,) = LateFee.objects.filter(line__bill=bill).select_related("bill")
    assert (fee.days, fee.fee_fen) == (30, 15_000)
    sentence = "本金 10,000.00 元 × 每日 0.05% × 30 天 = 150.00 元"
    for page in (
        town["lf1"].get(f"/u/bills/{fee.bill.number}"),
        town["lf1"].get(f"/u/bills/{bill.number}"),
        town["zheng"].get(f"/w/bills/{fee.bill.number}"),
        town["zheng"].get(f"/w/bills/{bill.number}"),
    ):
        assert sentence in page and "150.00" in page
        assert "未设上限（行政强制法第四十五条，待定）" in page, "the rule of the cap is shown with its status"
    listed = town["lf1"].get("/u/bills")
    assert fee.bill.number in listed and "滞纳金核定单" in listed
    paper = town["lf1"].client.get(f"/u/bills/{fee.bill.number}/print")
    assert paper.status_code == 200 and paper.content[:5] == b"%PDF-"
    assert "不再计滞纳金" in town["zheng"].get("/w/arrears"), "the fee's own bill is overdue and bears none"


def test_lf3_by_command_is_the_older_rate(capsys: pytest.CaptureFixture[str]) -> None:
    told = command(capsys, "calc late-fee --principal 100000 --due 2010-03-01 --paid 2010-03-11")
    assert (told["days"], told["fee"]) == (10, "2000.00")


def test_lf3_by_operation_on_a_due_of_that_time(town: dict[str, Any]) -> None:
    """Months of 2010 are not assessed here; a bill due then is, as after a cut-over: the same payment, the rate of its days."""
    bill = bill_of(town["units"]["lf1"], 202503)
    with acting(ENGINE):
        Bill.objects.filter(pk=bill.pk).update(due_date=date(2010, 3, 1))
    made = {f.pk for f in fees()}
    told = receiving.Payment("OLD-1", bill.number, "滞纳金案例公司", 10_000, date(2010, 3, 11), 1)
    with acting(finance()):
        receiving.receive_file(b"o" * 32, "OLD", "旧.csv", [told], place=PLACE, agency_id=1, on=AT.date(), at=AT)
    (fee,) = [f for f in fees() if f.pk not in made]
    assert (fee.days, fee.day_rates_ppm, fee.fee_fen) == (10, 20_000, 200)
    assert "每日 0.2% × 10 天" in town["lf1"].get(f"/u/bills/{fee.bill.number}")


def fees() -> list[LateFee]:
    with acting(ENGINE):
        return list(LateFee.objects.select_related("bill").order_by("id"))


def test_c1_by_command_by_the_months_run_and_on_the_page(town: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    told = command(capsys, "calc contribution --on 2025-03 --declared-wage 8000 --injury-class 1")
    parts = {key: (part["unit"], part["person"]) for key, part in told["types"].items()}
    assert parts == {
        "pension": ("1280.00", "640.00"),
        "unemployment": ("56.00", "24.00"),
        "injury": ("16.00", "0.00"),
        "medical": ("696.00", "160.00"),
        "large_medical": ("0.00", "7.00"),
    }
    row = ask(
        "select pension_unit_fen, pension_person_fen, unemployment_unit_fen, unemployment_person_fen, injury_unit_fen, medical_unit_fen,"
        " medical_person_fen, large_medical_person_fen from levy_assessment where person_id = %s and month = 202503",
        [town["person"]],
    )
    assert row == [(128_000, 64_000, 5_600, 2_400, 1_600, 69_600, 16_000, 700)]
    bill = bill_of(town["units"]["c1"], 202503)
    page = town["c1"].get(f"/u/bills/{bill.number}/people/{town['person']}")
    for text in ("1,280.00", "640.00", "56.00", "24.00", "16.00", "696.00", "160.00", "7.00"):
        assert text in page
    assert "缴费基数 8,000.00 元 × 16% = 1,280.00 元" in page


def test_a_recalculation_from_trial_to_bill_on_the_pages(town: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The floor of 2025 is published anew: finance computes, the reviewer releases, the unit reads why."""
    rules = with_changed("pension.base", date(2025, 1, 1), PLACE, BASE)
    clerk, reviewer = town["zheng"], town["zhou"]
    assert "还没有重新核定" in clerk.get("/w/recalculations")
    form = {"first": "202502", "last": "202503"}
    assert "与核定时相同" in clerk.post("/w/recalculations/start", form, status=422)
    assert "年月请填 6 位数字" in clerk.post("/w/recalculations/start", {"first": "x", "last": "202503"}, status=409)
    assert "起始年月不能晚于" in clerk.post("/w/recalculations/start", {"first": "202504", "last": "202503"}, status=409)
    monkeypatch.setattr(recalculations, "standard", lambda: rules)
    where = clerk.post("/w/recalculations/start", form)
    with acting(ENGINE):
        made = Recalculation.objects.get(state="computing")
    assert where == f"/w/recalculations/{made.pk}" and "正在试算" in clerk.get(where)
    from shebao.runs import recalculate

    monkeypatch.setattr(recalculate, "standard", lambda: rules)
    jobs.recalculate.func(made.pk)
    page = clerk.get(where)
    assert "4,498.00 元" in page and "4,600.00 元" in page and "示例文号〔2025〕1号" in page and "试算人不能自己复核" in page
    assert "试算和复核生效不能是同一人" in clerk.post(f"{where}/release", status=403)
    assert reviewer.post(f"{where}/release") == where
    assert "已生效" in reviewer.get(where)
    assess(202504, at=moment(202504, 5))
    bill = bill_of(town["units"]["c1"], 202504)
    with acting(ENGINE):
        assert BillLine.objects.filter(bill=bill, origin="diff").exists()
        low = Line.objects.filter(bill=bill, origin="diff").values_list("person_id", flat=True).distinct().get()
    page = town["c1"].get(f"/u/bills/{bill.number}")
    assert "补差" in page and "改为" in page and "示例文号〔2025〕1号" in page
    assert low != town["person"]
    assert town["c1"].client.get("/w/recalculations").status_code in (302, 403, 404)


def test_a_unit_is_not_closed_while_a_late_fee_is_open(town: dict[str, Any]) -> None:
    from shebao.items.registration.close_unit import bills_paid, standing
    from tests.db.support import context

    with acting(ENGINE):
        found = standing(context(town["units"]["lf1"]))
        refusal = bills_paid(None, found, context(town["units"]["lf1"]))  # type: ignore[arg-type]
    assert refusal is not None and "ZN" in refusal.text and "滞纳金" in refusal.text
    assert found.running_fee_fen > 0, "what is unpaid bears a fee still, and the unit is told how much by today"


def test_days_after_today_are_no_days(town: dict[str, Any]) -> None:
    assert all(f.paid_on - timedelta(days=f.days) >= f.from_day for f in fees())
