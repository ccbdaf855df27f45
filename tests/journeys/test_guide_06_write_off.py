"""当月欠费注销: two sentences of warning, the consequences, the typed word; nothing of it before the month is assessed, nothing twice.

Follows seed 004, 单位篇 六、网上办理职工当月欠费注销: (一) 业务说明, (四) 注意事项 1 (所有参保险种欠费同步注销), 2 (一旦欠费注销成功将无法恢复),
3 (仅提供当月). The month is assessed here by 月度核定 of the desk unless it is already: this journey runs last (conftest).
"""

import re

from playwright.sync_api import Page, expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn
from tests.journeys.filing import Newcomer

MONTH = 202611
WORD = "确认注销"


def assessed(finance: Page) -> bool:
    finance.goto("/w/months")
    return finance.locator(f"#m{MONTH}").get_by_text("已核定").count() > 0


def somebody(clerk: Page) -> Newcomer:
    found = clerk.request.get("/api/v1/staff").json()["staff"]
    person = next(p for p in found if p["from_month"] < MONTH and p["to_month"] is None)
    return Newcomer(person["id_number"], person["name"])


def test_a_month_is_written_off_once_for_good_with_open_eyes(signed_in: SignedIn) -> None:
    clerk, finance = signed_in("unit2"), signed_in("finance")
    person = somebody(clerk)
    filing.declare(clerk, MONTH)  # an undeclared month is determined as a whole and has no dues of people
    if not assessed(finance):
        filing.started(clerk, "write-off", person)
        expect(clerk.locator("#found")).to_contain_text("还没有核定，没有当月欠费可以注销")
        finance.goto("/w/months")
        finance.locator(f"#m{MONTH} td.tight a, #m{MONTH} td.tight button").first.click()
        finance.locator("dialog[open]").get_by_role("button", name=re.compile("核定")).click()
        expect(finance.locator(f"#m{MONTH}").get_by_text("已核定")).to_be_visible(timeout=90_000)

    before = next(b for b in clerk.request.get("/api/v1/bills").json()["bills"] if b["month"] == MONTH and b["kind"] == "monthly")
    filing.started(clerk, "write-off", person)
    expect(clerk.locator("#found")).to_contain_text("注销合计")
    clerk.locator("#id_reason").fill("职工上月离职，未及时办理暂停缴费")
    clerk.locator("#id_confirm").fill("注销")
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("#errors")).to_contain_text(WORD)
    clerk.locator("#id_confirm").fill(WORD)
    filing.save(clerk)
    for words in ("所有参保险种的欠费同步注销", "一旦欠费注销成功将无法恢复", "不计入缴费月数"):
        expect(clerk.locator("main")).to_contain_text(words)
    filing.submit(clerk)
    filing.ended(clerk)

    after = clerk.request.get(f"/api/v1/bills/{before['number']}").json()
    assert float(after["written_off"]) > 0 and float(after["open"]) == round(
        float(before["open"]) - float(after["written_off"]) + float(before["written_off"]), 2
    )
    clerk.goto(f"/u/bills/{before['number']}")
    expect(clerk.locator("main")).to_contain_text("已注销当月欠费")
    row = clerk.locator("tbody tr", has_text=person.name).first
    expect(row).to_contain_text("已注销")
    clerk.goto(f"/u/staff?q={person.id_number}")
    clerk.get_by_role("link", name=person.name, exact=True).click()
    expect(clerk.locator("tbody tr", has_text="2026 年 11 月").first).to_contain_text("已注销")
    clerk.goto("/u/items/write-off/new")
    filing.look_up(clerk, person.id_number)
    expect(clerk.locator("#found")).to_contain_text("已经注销，不用重复办理")
