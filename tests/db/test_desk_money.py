"""到账, 暂收, 欠费, 试算平衡 and 月度核定 through the pages of the desk."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from shebao.gateways import receipt_file
from shebao.levy.models import Bill, Receipt, ReceiptState
from shebao.runs import monthly_assessment
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.support import AT, ask, assess, hire, make_agency, make_unit, moment

TODAY = AT.date()
_batches = count(1)


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """Agency 1 with a unit whose September and October are billed, two of finance and a reviewer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        make_agency(2)
        unit = make_unit("甲示例公司", vip=False)
        hire(unit, 3, month=202608, at=moment(202608, 3))
        assess(202608, at=moment(202608, 5))
        assess(202609, at=moment(202609, 5))
        accounts = {name: make_account(name, Post.FINANCE, agency=1) for name in ("zheng", "wang")}
        make_account("zhou", Post.REVIEWER, agency=1)
        make_account("far", Post.FINANCE, agency=2)
        yield {"unit": unit, "accounts": accounts} | {name: Desk(name) for name in ("zheng", "wang", "zhou", "far")}


def bill(month: int = 202608) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(month=month)


def file_of(*payments: tuple[str, str, int], batch: str = "") -> tuple[str, bytes]:
    """(batch, bytes): serial, bill number and fen a payment."""
    batch = batch or f"YH{next(_batches):04d}"
    return batch, receipt_file.write(batch, TODAY, [(serial, number, "甲示例公司", fen, TODAY) for serial, number, fen in payments])


def upload(town: dict[str, Any], content: bytes, status: int = 302, who: str = "zheng") -> str:
    given = SimpleUploadedFile("到账.csv", content, content_type="text/csv")
    return str(town[who].post("/w/receipts/upload", {"file": given}, status))


def by_hand(town: dict[str, Any], status: int = 302, **changed: str) -> str:
    given = {"serial": "H-1", "bill_number": bill().number, "payer": "甲示例公司", "amount": "100.00", "paid_on": "2026-11-09"}
    return str(town["zheng"].post("/w/receipts/enter", given | changed, status))


def receipt(serial: str) -> Receipt:
    with acting(ENGINE):
        return Receipt.objects.get(serial=serial)


def test_a_file_is_applied_and_its_page_adds_up(town: dict[str, Any]) -> None:
    due = bill()
    part = due.total_fen // 2
    _, content = file_of(("F-1", due.number, part), ("F-2", "HD202608-9999999", 88_00))
    where = upload(town, content)
    page = town["zheng"].get(where)
    assert "文件已整批入账，共 2 笔" in page
    assert "共（笔） 2 已分配 1 暂收待查 1 重复（未再入账） 0" in page
    assert "没有这个核定单号" in page
    assert bill().paid_fen == part
    assert "zheng示例" in page
    trace = ask("select account_id, account_name, agency_id from audit_event where action = 'levy.receipt_file'")
    assert trace == [(town["accounts"]["zheng"], "zheng示例", 1)]


def test_the_same_file_again_says_when_it_came_and_leads_to_what_it_did(town: dict[str, Any]) -> None:
    due = bill()
    _, content = file_of(("G-1", due.number, 100))
    upload(town, content)
    before = bill().paid_fen
    page = upload(town, content, 409, "wang")
    assert "这个文件已于 2026-11-10 入账，没有重复处理" in page
    assert "这个批次以前的入账结果" in page
    assert bill().paid_fen == before


def test_a_line_that_came_before_is_told_as_a_double(town: dict[str, Any]) -> None:
    due = bill()
    _, content = file_of(("D-1", due.number, 100))
    upload(town, content)
    _, content = file_of(("D-1", due.number, 100), ("D-2", due.number, 200))
    page = town["zheng"].get(upload(town, content))
    assert "共（笔） 2 已分配 1 暂收待查 0 重复（未再入账） 1" in page
    assert "重复的 1.00 元以前的文件已经入账，没有再记一次。" in page


def test_a_broken_file_is_refused_with_its_reason_and_nothing_is_booked(town: dict[str, Any]) -> None:
    before = ask("select count(*), max(id) from ledger_posting")
    _, content = file_of(("B-1", bill().number, 100), ("B-2", bill().number, 100))
    page = upload(town, content[: content.rindex(b"B-2")], 422)
    assert "首行写明 2 笔，文件里有 1 笔，文件可能不完整；没有入账，请重新下载" in page
    assert "请选择银行或税务给出的到账文件（CSV）" in town["zheng"].post("/w/receipts/upload", {}, 422)
    assert ask("select count(*), max(id) from ledger_posting") == before


def test_everything_wrong_with_an_entry_is_told_at_once_and_what_was_typed_stays(town: dict[str, Any]) -> None:
    page = by_hand(town, 422, serial="流水", amount="一百", paid_on="2026-11-11", bill_number="")
    for told in ("银行流水号只能用字母、数字和短横线", "核定单号", "到账金额：金额请只填数字", "到账日期在今天之后，请对照回单核对"):
        assert told in page, told
    assert page.count("请对照回单重新填写") == 2  # above the form and at the field
    assert "没有入账" in page
    assert ask("select count(*) from levy_receipt where serial = '流水'") == [(0,)]


def test_an_entry_waits_for_another_person_of_finance(town: dict[str, Any]) -> None:
    before = bill().paid_fen
    assert by_hand(town, serial="H-10") == "/w/receipts?state=pending"
    entered = receipt("H-10")
    assert entered.entered_by == town["accounts"]["zheng"]
    page = town["zheng"].post(f"/w/receipts/{entered.pk}/confirm", status=403)
    assert "登记和复核不能是同一人，请由另一位财务人员复核" in page
    assert receipt("H-10").state == ReceiptState.PENDING
    assert "手工登记待复核 1" in town["wang"].get("/w/")
    where = town["wang"].post(f"/w/receipts/{entered.pk}/confirm")
    assert "流水号 H-10：已复核，并分配到核定单。" in town["wang"].get(where)
    assert bill().paid_fen == before + 100_00
    assert receipt("H-10").confirmed_by == town["accounts"]["wang"]
    assert "这笔到账已由他人处理" in town["wang"].post(f"/w/receipts/{entered.pk}/confirm", status=409)


def test_an_entry_can_be_voided_and_its_serial_is_spent(town: dict[str, Any]) -> None:
    by_hand(town, serial="H-20")
    entered = receipt("H-20")
    town["zheng"].post(f"/w/receipts/{entered.pk}/void")
    assert receipt("H-20").state == ReceiptState.VOID
    assert "流水号 H-20 已经登记过，请核对是否重复" in by_hand(town, 409, serial="H-20")


def test_another_agencys_finance_sees_and_settles_nothing_of_it(town: dict[str, Any]) -> None:
    by_hand(town, serial="H-30")
    entered = receipt("H-30")
    town["far"].post(f"/w/receipts/{entered.pk}/confirm", status=404)
    assert "H-30" not in town["far"].get("/w/receipts")
    town["far"].get(f"/w/bills/{bill().number}", 404)
    assert receipt("H-30").state == ReceiptState.PENDING


def test_suspense_shows_every_fen_with_its_reason(town: dict[str, Any]) -> None:
    _, content = file_of(("S-1", "HD202608-8888888", 12_345))
    upload(town, content)
    page = town["zheng"].get("/w/suspense?q=S-1")
    assert "123.45" in page
    assert "没有这个核定单号" in page


def test_arrears_tell_the_late_fee_to_the_day_and_how_it_came_about(town: dict[str, Any]) -> None:
    page = town["zheng"].get("/w/arrears")
    due = bill(202609)
    days = (TODAY - due.due_date).days
    fee = (due.open_fen * days * 500 + 500_000) // 1_000_000  # 0.5‰ a day, half up to the fen
    assert f"逾期 {days} 天" in page
    assert f"{fee // 100:,}.{fee % 100:02d} 元，怎么算的" in page
    assert "社会保险法第八十六条" in page


def test_the_trial_balance_balances_at_any_day(town: dict[str, Any]) -> None:
    for on in ("", "2026-08-05", "2026-11-10"):
        page = town["zheng"].get(f"/w/trial-balance?on={on}")
        assert "借贷平衡" in page
    assert "还没有分录" in town["zheng"].get("/w/trial-balance?on=2020-01-01")
    assert "日期请按 2026-11-21 的样子填写" in town["zheng"].get("/w/trial-balance?on=11/21", 422)


def test_a_bill_can_be_read_with_its_types_people_and_receipts(town: dict[str, Any]) -> None:
    page = town["zheng"].get(f"/w/bills/{bill(202609).number}")
    for told in ("企业职工基本养老保险", "人员明细", "张三甲", "还没有到账"):
        assert told in page, told


def test_starting_a_month_queues_its_run_in_the_same_transaction(town: dict[str, Any]) -> None:
    assert town["zheng"].post("/w/months/202610/start") == "/w/months#m202610"
    ((run_id, state, started_by),) = ask("select id, state, started_by from levy_run where month = 202610")
    assert (state, started_by) == ("running", town["accounts"]["zheng"])
    queued = "select count(*) from procrastinate_jobs where task_name = 'assess_month' and (args ->> 'run_id')::int = %s"
    assert ask(queued, [run_id]) == [(1,)]
    page = town["zhou"].get("/w/months")
    assert "2026 年 10 月正在核定" in page
    assert "继续核定" in page
    fragment = town["zhou"].client.get(f"/w/months/runs/{run_id}/progress")
    assert "HX-Refresh" not in fragment.headers
    # The process was killed before it did anything: starting again goes on with the same run.
    town["zhou"].post("/w/months/202610/start")
    assert ask("select count(*) from levy_run where month = 202610") == [(1,)]
    monthly_assessment.run(run_id, clock=lambda: AT)
    assert town["zhou"].client.get(f"/w/months/runs/{run_id}/progress").headers["HX-Refresh"] == "true"
    assert "已核定" in town["zhou"].get("/w/months")


def test_a_month_is_assessed_once_and_not_before_it_begins(town: dict[str, Any]) -> None:
    assert "2026 年 9 月已经核定过，不会重复核定" in town["zheng"].post("/w/months/202609/start", status=409)
    assert "2026 年 12 月还没有开始，不能提前核定" in town["zheng"].post("/w/months/202612/start", status=409)
    assert ask("select count(*) from levy_run where month = 202612") == [(0,)]
    assert ask("select count(*) from procrastinate_jobs where task_name = 'assess_month'")[0][0] <= 2


def test_a_run_that_failed_says_why_and_can_be_started_again(town: dict[str, Any]) -> None:
    from shebao.levy import assessing

    town["zheng"].post("/w/months/202611/start")
    ((run_id,),) = ask("select id from levy_run where month = 202611")
    with acting(ENGINE):
        assessing.fail(run_id, "没有 2026 年 11 月的费率", at=AT)
    page = town["zheng"].get("/w/months")
    assert "核定失败" in page
    assert "没有 2026 年 11 月的费率" in page
    town["zheng"].post("/w/months/202611/start")
    assert ask("select count(*), count(*) filter (where state = 'running') from levy_run where month = 202611") == [(2, 1)]


def test_the_home_page_shows_what_waits_and_how_much_has_come_in(town: dict[str, Any]) -> None:
    page = town["wang"].get("/w/")
    for told in ("手工登记待复核", "暂收待查", "逾期未缴", "征缴率", "最近的到账文件"):
        assert told in page, told
    assert "待审核" in town["zhou"].get("/w/")


@pytest.mark.parametrize(
    "path",
    [
        "/w/receipts?q=%00&state=%00&page=999999999",
        "/w/suspense?q=%00%27",
        "/w/bills/%00",
        "/w/units/%00",
        "/w/people/%00",
        "/w/search?q=%00HD",
        "/w/trial-balance?on=0000-00-00",
        "/w/receipts/files/99999999999999999999",
        "/w/months/runs/99999999999999999999/progress",
        "/w/people?q=%25%27%5C",
        "/w/units?q=%25&after=-1",
    ],
)
def test_nonsense_in_an_address_is_never_our_fault(town: dict[str, Any], path: str) -> None:
    assert town["zheng"].client.get(path).status_code in (200, 302, 400, 404, 422)


def test_there_is_no_thirteenth_month(town: dict[str, Any]) -> None:
    town["zheng"].post("/w/months/202513/start", status=404)
    assert ask("select count(*) from levy_placemonth where month = 202513") == [(0,)]
