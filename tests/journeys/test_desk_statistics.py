"""统计: charts with the table beside each, for a period; the same figures without scripts, on the phone, on paper and as a workbook.

Follows seed 004: 社保业务审批入口; the figures count what reviewers and the system decided there.
"""

import io
import json

import openpyxl
from playwright.sync_api import expect

from tests.journeys import face_checks
from tests.journeys.conftest import SignedIn


def test_charts_and_tables_tell_the_same(signed_in: SignedIn) -> None:
    """A period is chosen; every chart is drawn, nothing breaks the content security policy, and the workbook holds the same figures."""
    page = signed_in("reviewer")
    page.goto("/w/")
    page.locator("nav").get_by_role("link", name="统计").first.click()
    page.locator("#f_first").fill("2026-11-01")
    page.locator("#f_last").fill("2026-11-16")
    page.get_by_role("button", name="统计", exact=True).click()
    expect(page.locator("h1")).to_contain_text("统计")
    plots = page.locator("[data-chart]")
    drawn = plots.locator("canvas")
    expect(drawn.first).to_be_visible()
    assert drawn.count() == plots.count() >= 3
    days = json.loads(plots.first.get_attribute("data-chart") or "")
    total = sum(sum(series["values"]) for series in days["series"])
    expect(page.locator(".kpi", has_text="办结").first).to_contain_text(f"{total:,}")
    page.get_by_text("数据表：每日办结").click()
    told = [int(text.replace(",", "")) for text in page.locator("details[open] tbody tr td:last-child").all_inner_texts()]
    assert len(told) == 16 and sum(told) == total > 0
    assert face_checks.axe(page) == [] and face_checks.overflow(page) == []

    with page.expect_download() as download:
        page.get_by_role("link", name="导出 Excel").click()
    rows = list(openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes())).active.iter_rows(min_row=3, values_only=True))
    assert sum(row[2] for row in rows if row[0] == "每日办结") == total


def test_without_scripts_there_are_the_tables(signed_in: SignedIn) -> None:
    page = signed_in("reviewer", scripts=False, width=390, height=844)
    page.goto("/w/statistics")
    expect(page.locator("[data-chart]").first).to_be_hidden()
    for caption in ("审核人办结件数", "待审核已等待", "各事项", "各渠道"):
        expect(page.get_by_role("table", name=caption)).to_be_visible()
    assert face_checks.overflow(page) == []


def test_high_contrast_and_elder_mode_draw_anew(signed_in: SignedIn) -> None:
    page = signed_in("reviewer", width=390, height=844)
    page.goto("/w/statistics")
    expect(page.locator("[data-chart] canvas").first).to_be_visible()
    for name, value in (("mode", "elder"), ("contrast", "high")):
        page.evaluate("([name, value]) => { document.documentElement.dataset[name] = value; }", [name, value])
        expect(page.locator("[data-chart] canvas").first).to_be_visible()
    assert face_checks.overflow(page) == []


def test_a_wrong_period_is_told_and_something_useful_is_shown(signed_in: SignedIn) -> None:
    page = signed_in("reviewer")
    page.goto("/w/statistics?first=2026-11-16&last=2026-11-01")
    expect(page.locator("#errors")).to_contain_text("开始日期晚于结束日期")
    expect(page.get_by_role("table", name="各渠道")).to_be_visible()
