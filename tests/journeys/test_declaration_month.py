"""自主申报: a month's statement opened to its people, declared, declared again after a change; a forgotten month settled; the desk's list.

Follows seed 000, 二: 参保单位每月申报缴纳社会保险费有哪些变化 ("用人单位每月需通过“湖北省政务服务社会保险网上办事大厅”自主申报本单位应缴纳的企业职工基本
养老保险费、失业保险费、工伤保险费，并在申报后的10个工作日内完成缴费手续"; "全月办理").
"""

import io
import re

import openpyxl
from playwright.sync_api import Page, ViewportSize, expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn

PHONE = ViewportSize(width=390, height=844)
MONTH, LAST = 202611, 202610


def fen(text: str) -> int:
    """'1 人　+1,234.56' -> 123456; '—' -> 0."""
    found = re.search(r"([+\-−]?)([\d,]+\.\d\d)", text)
    if not found:
        return 0
    return (-1 if found[1] in "-−" and found[1] else 1) * int(found[2].replace(",", "").replace(".", ""))


def sums(page: Page) -> dict[str, list[int]]:
    """The figures of the statement by row, fen."""
    rows = page.locator("table", has=page.get_by_text("申报合计")).first.locator("tbody tr, tfoot tr")
    return {row.locator("th").inner_text().split("\n")[0]: [fen(t) for t in row.locator("td").all_inner_texts()] for row in rows.all()}


def declared(page: Page) -> None:
    """确认 in the dialog, and the case ends by itself."""
    page.get_by_role("link", name=re.compile("^(确认申报|再次申报|补申报)$")).click()
    page.get_by_role("dialog").get_by_role("button", name="确认申报").click()
    filing.ended(page)


def test_a_month_is_declared_and_declared_again_after_a_change(signed_in: SignedIn) -> None:
    clerk = signed_in("vip")
    clerk.goto("/u/")
    clerk.get_by_role("link", name="去申报").click()
    expect(clerk.get_by_role("heading", level=1)).to_have_text("2026 年 11 月申报表")
    told = sums(clerk)
    for last, added, stopped, changed, this in told.values():
        assert last + added + stopped + changed == this
    for column in range(5):
        assert sum(row[column] for name, row in told.items() if name != "申报合计") == told["申报合计"][column]
    clerk.locator("tr", has_text="失业保险").get_by_role("link").last.click()
    expect(clerk.locator("#people")).to_contain_text("本月应申报：失业保险")
    names = clerk.locator("#people tbody tr")
    first = names.first.inner_text()
    clerk.get_by_role("link", name="下一页").click()
    expect(clerk.locator("#people")).to_contain_text("本月应申报：失业保险")
    assert names.first.inner_text() != first
    declared(clerk)

    clerk.goto(f"/u/months/{MONTH}")
    expect(clerk.get_by_text("已申报", exact=True)).to_be_visible()
    expect(clerk.get_by_text("距缴费截止还有 10 个工作日")).to_be_visible()
    expect(clerk.get_by_role("link", name="确认申报")).to_have_count(0)
    filing.added(clerk, filing.newcomer())
    filing.ended(clerk)
    clerk.goto(f"/u/months/{MONTH}")
    expect(clerk.get_by_text("申报后有变动", exact=True)).to_be_visible()
    declared(clerk)
    clerk.goto(f"/u/months/{MONTH}")
    expect(clerk.locator("dl", has_text="第几次申报")).to_contain_text("2")
    clerk.goto("/u/months")
    expect(clerk.locator("tr", has_text="本月")).to_contain_text("已申报")


def test_figures_that_changed_while_the_page_stood_open_are_refused(signed_in: SignedIn) -> None:
    clerk, other = signed_in("unit"), signed_in("unit")
    clerk.goto(f"/u/months/{MONTH}")
    clerk.locator("input[name=total]").evaluate("e => e.value = '1.00'")
    clerk.get_by_role("link", name="确认申报").click()
    clerk.get_by_role("dialog").get_by_role("button", name="确认申报").click()
    expect(clerk.locator("#errors")).to_contain_text("与您确认的不一致")
    other.goto(f"/u/months/{MONTH}")
    declared(other)
    clerk.get_by_role("link", name="确认申报").click()
    clerk.get_by_role("dialog").get_by_role("button", name="确认申报").click()
    expect(clerk.locator("#errors")).to_contain_text("已由陈静于")


def test_a_forgotten_month_stands_at_110_percent_until_it_is_declared_late_on_a_phone(signed_in: SignedIn) -> None:
    clerk = signed_in("unit2", **PHONE)
    clerk.goto("/u/months")
    clerk.get_by_role("link", name="2026 年 10 月").click()
    expect(clerk.get_by_text("按上月 110% 核定").first).to_be_visible()
    row = clerk.locator("#h-estimate").locator("xpath=ancestor::section").locator("tbody tr").first
    last, estimated = (fen(t) for t in row.locator("td").all_inner_texts()[:2])
    assert abs(estimated - last * 1.1) <= 1
    clerk.get_by_text("怎么算的").first.click()
    expect(clerk.get_by_text("× 110%").first).to_be_visible()
    declared(clerk)
    clerk.goto(f"/u/months/{LAST}")
    expect(clerk.get_by_text("已补申报", exact=True)).to_be_visible()
    clerk.get_by_role("link", name=re.compile("HD202610")).first.click()
    expect(clerk.locator("main")).not_to_contain_text("按上月 110% 核定）")


def test_the_desk_sees_who_has_not_declared_exports_and_reminds_once_a_day(signed_in: SignedIn) -> None:
    desk = signed_in("reviewer")
    desk.goto("/w/declarations")
    rows = desk.locator("section[aria-label=未申报单位] tbody tr")
    waiting = rows.count()
    assert waiting >= 1
    book = openpyxl.load_workbook(io.BytesIO(desk.request.get(f"/w/declarations.xlsx?month={MONTH}").body()))
    assert book.worksheets[0].max_row - 2 == waiting
    for told in ("已向", "没有重复发送"):
        desk.get_by_role("link", name="发送提醒").click()
        desk.get_by_role("dialog").get_by_role("button", name="发送").click()
        expect(desk.locator("main")).to_contain_text(told)
    desk.goto(f"/w/declarations?month={LAST}")
    assert rows.count() >= 1
    expect(rows.first).to_contain_text(re.compile(r"\d\.\d\d"))


def test_today_no_deferral_policy_is_in_force_and_the_page_says_so(signed_in: SignedIn) -> None:
    clerk = signed_in("unit")
    clerk.goto("/u/items/defer/")
    expect(clerk.locator("main")).to_contain_text("2026-11-16 没有施行中的缓缴政策")
    expect(clerk.locator("main")).to_contain_text("有效期为 2022-04-01 至 2023-12-31")
