"""Money paid twice goes back: claimed from suspense, reviewed by a second one of finance, sent to the bank, found on its statement; what
the statement alone knows is taken over and claimed."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from playwright.sync_api import Page, expect

from shebao.gateways import statement as codec
from shebao.gateways.statement import Direction, Movement
from tests.journeys import face_checks

ACCOUNT = "42010099000000001"
TODAY = date(2026, 11, 16)
SignedIn = Callable[..., Page]


def test_a_double_payment_goes_back_and_the_day_is_reconciled(signed_in: SignedIn, tmp_path: Path) -> None:
    first, second = signed_in("finance"), signed_in("finance2")
    # 暂收 → 退费申请
    first.goto("/w/suspense")
    expect(first.get_by_role("heading", level=1)).to_have_text("暂收待查")
    first.get_by_role("region", name="明细").locator("tbody a[href^='/w/suspense/']").first.click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("到账 SW")
    card = first.get_by_role("region", name="申请退费")
    card.get_by_label("退费金额").fill("1.00")
    card.get_by_label("收款户名").fill("示例单位")
    card.get_by_label("开户银行").fill("示例银行")
    card.get_by_label("收款账号").fill("123")
    card.get_by_label("退费原因").fill("重复缴费")
    card.get_by_role("button", name="申请退费").click()
    expect(first.get_by_text("银行账号应为 8 到 32 位数字").first).to_be_visible()
    card = first.get_by_role("region", name="申请退费")
    card.get_by_label("退费金额").fill("1.00")
    card.get_by_label("收款账号").fill("42010012345678")
    card.get_by_role("button", name="申请退费").click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("退费 TK")
    expect(first.get_by_text("待另一位财务人员复核")).to_be_visible()
    # 复核, 发银行
    second.goto(first.url)
    second.get_by_role("button", name="同意退费").click()
    expect(second.get_by_text("待发银行").first).to_be_visible()
    second.goto("/w/refunds")
    second.get_by_role("link", name=re.compile("生成付款文件")).click()
    second.get_by_role("button", name="生成", exact=True).click()
    expect(second).to_have_url(re.compile("state=instructed"))
    second.goto(first.url)
    serial = re.search(r"TK\d{8}-1", second.locator("main").inner_text())
    assert serial
    # 对账单: the refund went out; money nobody knows came in
    first.goto("/w/reconciliation")
    if first.get_by_role("button", name="登记", exact=True).count():
        first.get_by_label("账号").fill(ACCOUNT)
        first.get_by_label("开户银行").fill("示例银行")
        first.get_by_role("button", name="登记", exact=True).click()
    moves = [
        Movement("YH0000001", Direction.DEBIT, 100, "示例单位", serial[0], TODAY),
        Movement("YH0000002", Direction.CREDIT, 88_800, "武汉某公司", "WEIZHI-1", TODAY),
    ]
    file = tmp_path / "对账单.txt"
    content = codec.write(ACCOUNT, TODAY, 1, 10_000_000, moves)
    file.write_bytes(content[:-40])
    first.locator("input[type=file]").set_input_files(file)
    first.get_by_role("button", name="上传").click()
    expect(first.get_by_text(re.compile("不完整|不符")).first).to_be_visible()
    file.write_bytes(content)
    first.locator("input[type=file]").set_input_files(file)
    first.get_by_role("button", name="上传").click()
    expect(first.get_by_text("对账单已登记")).to_be_visible()
    first.get_by_role("button", name="对账", exact=True).click()
    expect(first.get_by_text("对账已开始")).to_be_visible()
    for _ in range(30):
        first.goto("/w/reconciliation")
        if first.get_by_text("WEIZHI-1").count():
            break
        first.wait_for_timeout(1_000)
    first.get_by_role("row", name=re.compile("WEIZHI-1")).get_by_role("link").first.click()
    first.get_by_role("button", name="由我负责").click()
    expect(first.get_by_role("button", name="放弃负责")).to_be_visible()
    first.get_by_label("核对情况或关闭理由").fill("不想管了")
    first.get_by_role("button", name="提出关闭").click()
    expect(first.get_by_text("款项还在暂收，不能直接关闭").first).to_be_visible()
    second.reload()
    expect(second.get_by_text("已退付").first).to_be_visible()
    # the unknown money goes back too: once that is approved, the day's rerun ends the difference
    first.get_by_role("link", name="去处理这笔暂收").click()
    card = first.get_by_role("region", name="申请退费")
    card.get_by_label("开户银行").fill("示例银行")
    card.get_by_label("收款账号").fill("42010012345678")
    card.get_by_label("退费原因").fill("误汇")
    card.get_by_role("button", name="申请退费").click()
    expect(first.get_by_text("待另一位财务人员复核")).to_be_visible()
    second.goto(first.url)
    second.get_by_role("button", name="同意退费").click()
    expect(second.get_by_text("待发银行").first).to_be_visible()
    second.goto("/w/reconciliation")
    second.get_by_role("table", name="已对账的日期").get_by_role("link", name=TODAY.isoformat()).click()
    expect(second.get_by_role("heading", level=1)).to_contain_text("对账单")
    assert face_checks.everything(second) == []
    second.goto("/w/reconciliation")
    second.get_by_role("textbox", name=re.compile("^日期")).fill(TODAY.isoformat())
    second.get_by_role("button", name="对账", exact=True).click()
    for _ in range(30):
        second.goto("/w/reconciliation?state=settled")
        if second.get_by_text("WEIZHI-1").count():
            break
        second.wait_for_timeout(1_000)
    expect(second.get_by_text("暂收已处理").first).to_be_visible()
