"""The hands of a clerk and of reviewers at the desk, for journeys through the counter."""

import re

from playwright.sync_api import Page, expect

ANY_NUMBER = re.compile(r"[A-Z]{2}\d{8}-\d{6}")


def fill_in(page: Page, values: dict[str, str]) -> None:
    """Fill controls by field name, whatever they are; a field that answers by itself is left and waited for."""
    for name, value in values.items():
        control = page.locator(f"#id_{name}")
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    page.locator("h1").click()
    page.wait_for_function("() => !document.querySelector('.htmx-request')")


def save(page: Page) -> str:
    """保存，去核对; the 业务顺序号."""
    page.get_by_role("button", name="保存，去核对").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("核对")
    found = ANY_NUMBER.search(page.locator("main").inner_text())
    assert found, page.locator("main").inner_text()[:400]
    return found[0]


def submit(page: Page) -> None:
    """提交审批 at the counter; the case's page at the desk follows."""
    page.get_by_role("button", name=re.compile("^(提交审批|重新提交)$")).click()
    expect(page).to_have_url(re.compile(r"/w/cases/\d+"))


def take(reviewer: Page, number: str) -> None:
    """Open a case at the desk and claim it."""
    reviewer.goto(f"/w/search?q={number}")
    expect(reviewer).to_have_url(re.compile(r"/w/cases/\d+"))
    reviewer.get_by_role("button", name=re.compile("领取并(审核|复核)")).click()


def passes(reviewer: Page, number: str, word: str = "通过") -> None:
    """Claim a case and pass it: 通过, 初审通过 or 复核通过."""
    take(reviewer, number)
    reviewer.get_by_role("button", name=word, exact=True).click()
    told = "初审意见已保存" if word == "初审通过" else "审核通过，已经生效"
    expect(reviewer.get_by_text(told)).to_be_visible()
