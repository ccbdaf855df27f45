"""The hall for those who use no mouse, need large type or strong contrast.

The way of seed 004, 业务操作流程概述 ("录入信息—保存—提交审批—查看业务状态"), without a pointer; 长辈版 and contrast as the law on accessible surroundings
(无障碍环境建设法 第三十二条) asks of public services on the net.
"""

import re

from playwright.sync_api import Page, expect

from tests.journeys import face_checks, filing
from tests.journeys.conftest import SignedIn

TABS_MAX = 90
ELDER_TYPE_PX = 18
ELDER_PAGES = ("/u/todo", "/u/items/add-employee/new", "/u/bills", "/u/staff", "/items/add-employee")
STOP = """selector => {
  const e = document.activeElement, r = e.getBoundingClientRect(), style = getComputedStyle(e);
  return {there: e.matches(selector), seen: r.bottom > 0 && r.top < innerHeight, ring: style.outlineStyle != 'none', name: e.outerHTML.slice(0, 90)};
}"""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the control has the focus; it is in sight and has a ring."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP, selector)
        if stop["there"]:
            assert stop["seen"] and stop["ring"], stop
            return
    raise AssertionError(f"{selector} was not reached in {TABS_MAX} steps; the last was {stop['name']}")


def test_one_person_is_added_by_keyboard_alone(signed_in: SignedIn) -> None:
    """From the search of the header to 进行中, with Tab, Enter and typing."""
    person = filing.newcomer()
    clerk = signed_in("unit")
    keys = clerk.keyboard
    keys.press("/")
    expect(clerk.locator("#site-search")).to_be_focused()
    keys.type("入职")
    keys.press("Enter")
    clerk.wait_for_url(re.compile("/u/search"))
    tab_to(clerk, "main a[href^='/u/items/add-employee/']")
    keys.press("Enter")
    clerk.wait_for_url(re.compile("/u/items/add-employee/"))
    if not clerk.url.endswith("/new"):
        tab_to(clerk, "main a[href$='/new']")
        keys.press("Enter")
        clerk.wait_for_url(re.compile("/new$"))

    keys.press("Tab")
    assert clerk.evaluate(STOP, "a.skip")["there"], "the first stop leads past the menu"
    keys.press("Enter")
    tab_to(clerk, "#id_id_number")
    keys.type(person.id_number)
    with clerk.expect_response(re.compile("/lookup$")):
        keys.press("Tab")
    expect(clerk.locator("#found dl")).to_be_visible()
    expect(clerk.locator("#id_name")).to_be_focused()
    keys.type(person.name)
    tab_to(clerk, "#id_declared_wage")
    keys.type(person.wage)
    tab_to(clerk, "button[value=save]:not(.vh)")
    filing.settled(clerk)
    keys.press("Enter")
    expect(clerk.get_by_role("heading", level=1)).to_contain_text("核对")
    number = filing.number_on(clerk)
    tab_to(clerk, "form[action$='/submit'] button")
    keys.press("Enter")
    expect(clerk.locator("#course .notice").first).to_contain_text("等待窗口审核")
    assert filing.number_on(clerk) == number

    # 退单：Enter opens the question, Escape closes it, and the focus is where it was
    tab_to(clerk, "[data-dialog=drop]")
    keys.press("Enter")
    expect(clerk.locator("dialog#drop")).to_be_visible()
    keys.press("Escape")
    expect(clerk.locator("dialog#drop")).to_be_hidden()
    expect(clerk.locator("[data-dialog=drop]")).to_be_focused()


def test_the_elder_mode_is_one_click_away_and_stays(signed_in: SignedIn) -> None:
    """长辈版: from any page, for all pages, type of 18 px and more, no sideways scrolling; one click back."""
    clerk = signed_in("unit")
    clerk.get_by_role("button", name="长辈版").first.click()
    expect(clerk.locator("html")).to_have_attribute("data-mode", "elder")
    for width in (1440, 390):
        clerk.set_viewport_size({"width": width, "height": 900})
        for address in ELDER_PAGES:
            clerk.goto(address)
            assert clerk.locator("html").get_attribute("data-mode") == "elder"
            wrong = [*face_checks.small_type(clerk, ELDER_TYPE_PX), *face_checks.overflow(clerk), *face_checks.targets(clerk)]
            assert wrong == [], f"{address} at {width}"
    clerk.set_viewport_size({"width": 1440, "height": 900})
    clerk.get_by_role("button", name="退出长辈版").first.click()
    expect(clerk.locator("html")).to_have_attribute("data-mode", "plain")


def test_high_contrast_is_kept_and_has_enough_of_it(signed_in: SignedIn) -> None:
    """高对比度 from the menu 无障碍; axe measures the contrast."""
    clerk = signed_in("unit")
    clerk.get_by_text("无障碍", exact=True).first.click()
    clerk.get_by_role("button", name="高对比度").first.click()
    expect(clerk.locator("html")).to_have_attribute("data-contrast", "high")
    for address in ("/u/todo", "/u/bills"):
        clerk.goto(address)
        expect(clerk.locator("html")).to_have_attribute("data-contrast", "high")
        assert face_checks.axe(clerk) == [], address
