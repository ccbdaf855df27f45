"""暂停缴费: not covered from next month on, not stopped twice, and not with arrears.

Follows seed 004, 单位篇 三、网上办理职工暂停缴费业务 ("如参保人存在社会保险欠费，则不能办理暂停缴费业务"; "办理暂停缴费业务次月起，单位不再缴纳").
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn
from tests.journeys.filing import Newcomer


@pytest.fixture
def clerk(signed_in: SignedIn) -> Page:
    return signed_in("vip")


@pytest.fixture
def insured(clerk: Page) -> Newcomer:
    """Somebody whom the VIP unit has just insured."""
    person = filing.newcomer()
    filing.added(clerk, person)
    filing.ended(clerk)
    return person


def test_a_stopped_person_is_not_covered_next_month_and_not_stopped_twice(clerk: Page, insured: Newcomer) -> None:
    """三、(一) 业务说明, (四) 注意事项 2."""
    filing.started(clerk, "stop-employee", insured)
    expect(clerk.locator("#found")).to_contain_text("可以办理。")
    clerk.locator("#id_reason").select_option(index=1)
    filing.save(clerk)
    expect(clerk.locator("main")).to_contain_text("2026 年 12 月起不再缴纳；本月（2026 年 11 月）仍需缴费。")
    filing.submit(clerk)
    filing.ended(clerk)
    expect(clerk.get_by_role("link", name="打印《企业参保人员减员表》")).to_be_visible()
    assert filing.lists(clerk, insured), "this month is still paid"
    clerk.get_by_role("link", name=insured.name, exact=True).click()
    spells = clerk.locator("section", has=clerk.get_by_role("heading", name="参保时间", exact=True))
    expect(spells).to_contain_text(re.compile(r"2026 年 11 月 起至 2026 年 11 月"))

    clerk.goto("/u/items/stop-employee/new")
    filing.look_up(clerk, insured.id_number)
    expect(clerk.locator("#found")).to_contain_text("此人已办理暂停缴费，2026 年 12 月起不再缴费，不用重复办理")
    filing.fill(clerk, {"name": insured.name, "reason": clerk.locator("#id_reason option").nth(1).get_attribute("value") or ""})
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("#errors")).to_be_focused()
    assert any("此人已办理暂停缴费" in sentence for sentence in filing.told(clerk))


def test_a_person_with_arrears_cannot_be_stopped(signed_in: SignedIn) -> None:
    """三、(四) 注意事项 1: the sentence names the months and the item that helps."""
    clerk = signed_in("unit2")
    clerk.goto("/u/")
    expect(clerk.locator("main")).to_contain_text("有欠费")
    owing = clerk.request.get("/api/v1/staff").json()["staff"]
    bills = clerk.request.get("/api/v1/bills").json()["bills"]
    month = min(bill["month"] for bill in bills if bill["paid"] != bill["total"])
    person = next(each for each in owing if each["from_month"] <= month and each["to_month"] is None)
    clerk.goto("/u/items/stop-employee/new")
    filing.look_up(clerk, person["id_number"])
    sentence = re.compile(rf"此人有社会保险欠费（费款所属期 [\d、]*{month}[\d、]*），请先办理“单位员工欠费补缴”")
    expect(clerk.locator("#found")).to_contain_text(sentence)
    filing.fill(clerk, {"name": person["name"], "reason": clerk.locator("#id_reason option").nth(1).get_attribute("value") or ""})
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("#errors")).to_contain_text(sentence)
