"""个人工资变更: clamped to the floor, from next month on.

Follows seed 004, 单位篇 四、网上办理职工个人工资变更 ("系统自动对变更后的工资进行保底或封顶处理"; "办理个人工资变更业务次月起").
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


def test_the_wage_below_the_floor_is_raised_from_next_month(clerk: Page, insured: Newcomer) -> None:
    """四、(四) 注意事项 1, 2."""
    filing.started(clerk, "change-wage", insured)
    expect(clerk.locator("#found")).to_contain_text("7,300.00 元")
    filing.fill(clerk, {"declared_wage": "2000"})
    expect(clerk.locator("#id_declared_wage_box")).to_contain_text(re.compile(r"低于缴费基数下限，将按 [\d,.]+ 元保底"))
    filing.save(clerk)
    expect(clerk.locator("main")).to_contain_text(re.compile(r"低于缴费基数下限，将按 [\d,.]+ 元保底"))
    expect(clerk.locator("main")).to_contain_text("2026 年 12 月起按新的缴费基数缴费，每月合计减少")
    filing.submit(clerk)
    filing.ended(clerk)
    clerk.goto(f"/u/staff?q={insured.id_number}")
    clerk.get_by_role("link", name=insured.name, exact=True).click()
    wages = clerk.locator("section", has=clerk.get_by_role("heading", name="申报工资", exact=True))
    expect(wages).to_contain_text("7,300.00 元")
    assert re.search(r"2,000\.00 元\s+2026 年 12 月 起", wages.inner_text()), wages.inner_text()
