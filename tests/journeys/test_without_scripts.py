"""The hall with scripts switched off: old offices, locked-down computers, screen readers. Everything still works.

Follows seed 004: 业务操作流程概述 ("录入信息—保存—提交审批—查看业务状态"), 批量办理 第2步至第5步, and 社保业务审批入口 ("批量审核通过").
"""

import re
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn
from tests.journeys.filing import Newcomer

CHECKED_SECONDS_MAX = 40
WITHIN_MS = 1_000


def line(person: Newcomer, wage: str) -> dict[str, str]:
    """A person's row of the roster."""
    told = {"公民身份号码": person.id_number, "姓名": person.name, "民族": "汉族", "申报工资": wage}
    return told | filing.ticked(filing.TYPES)


def reloaded_until(page: Page, words: str) -> None:
    """刷新, as the page asks of whoever has no scripts, until words appear."""
    until = time.monotonic() + CHECKED_SECONDS_MAX
    while time.monotonic() < until:
        if page.locator("main").get_by_text(re.compile(words)).count():
            return
        page.wait_for_timeout(WITHIN_MS)
        page.reload()
    raise AssertionError(page.locator("main").inner_text())


def test_one_person_from_the_form_to_the_counter(signed_in: SignedIn) -> None:
    """单个办理 by plain forms: 查询 is a button, 保存, 提交审批, 通过."""
    person = filing.newcomer()
    clerk, reviewer = signed_in("unit", scripts=False), signed_in("reviewer", scripts=False)
    clerk.goto("/u/items/add-employee/new")
    clerk.locator("#id_id_number").fill(person.id_number)
    clerk.get_by_role("button", name="查询", exact=True).click()
    expect(clerk.locator("#found")).to_contain_text("未参过保，本次为新参保")
    expect(clerk.locator("#id_insurances_box input:checked")).to_have_count(len(filing.TYPES))
    clerk.locator("#id_name").fill("张3丰")
    clerk.locator("#id_declared_wage").fill(person.wage)
    clerk.get_by_role("button", name="保存，去核对").click()
    assert filing.told(clerk) == ["姓名里有数字或符号，请按身份证上的姓名填写"]
    assert clerk.locator("#errors a").get_attribute("href") == "#id_name"
    clerk.locator("#id_name").fill(person.name)
    number = filing.save(clerk)
    filing.submit(clerk)
    expect(clerk.locator("#course")).to_contain_text("等待窗口审核")

    reviewer.goto(f"/w/queue/waiting?q={number}")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    reviewer.get_by_role("button", name="通过", exact=True).click()
    expect(reviewer.locator("main")).to_contain_text("审核通过，已经生效")
    clerk.reload()
    expect(clerk.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible()


def test_a_roster_from_upload_to_the_counter(signed_in: SignedIn, tmp_path: Path) -> None:
    """批量办理 by plain forms: 模板下载, 上传, 明细, a mended row, 提交审批, 批量审核通过."""
    people = [filing.newcomer() for _ in range(4)]
    clerk, reviewer = signed_in("unit", scripts=False), signed_in("reviewer", scripts=False)
    clerk.goto("/u/items/add-employee/batch")
    template = clerk.request.get("/u/items/add-employee/template.xlsx").body()
    file = tmp_path / "名册.xlsx"
    rows = [line(person, person.wage) for person in people[:-1]] + [line(people[-1], "")]
    file.write_bytes(filing.filled(template, rows)[0])
    clerk.locator("input[type=file]").set_input_files(file)
    clerk.get_by_role("button", name="上传并校验").click()
    reloaded_until(clerk, "明细")
    details = clerk.url
    row = clerk.locator("tr[id^=row-]", has_text=people[-1].id_number)
    expect(row).to_contain_text("请填写申报工资")
    row.get_by_label("申报工资").fill("6500")
    row.get_by_role("button", name="保存").click()
    clerk.goto(details)
    clerk.get_by_role("button", name="提交审批（4）").click()
    number = filing.number_on(clerk)

    reviewer.goto(f"/w/queue/waiting?q={number}")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    reviewer.get_by_role("button", name="批量审核通过").click()
    expect(reviewer.locator("main")).to_contain_text("审核通过，已经生效")
    clerk.goto(details)
    expect(clerk.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible()
    expect(clerk.locator("#course tbody tr")).to_have_count(4)


def test_a_filing_is_taken_back(signed_in: SignedIn) -> None:
    """退单: the confirmation is part of the page and opens by its address."""
    person = filing.newcomer()
    clerk = signed_in("unit", scripts=False)
    clerk.goto("/u/items/add-employee/new")
    for name, value in filing.typed(person).items():
        clerk.locator(f"#id_{name}").fill(value)
    clerk.get_by_role("button", name="查询", exact=True).click()
    filing.save(clerk)
    clerk.get_by_role("link", name="退单", exact=True).click()
    expect(clerk.get_by_role("heading", name="确认退单？")).to_be_visible()
    clerk.get_by_role("button", name="退单", exact=True).click()
    expect(clerk.locator("#course .notice").get_by_text("已退单", exact=True)).to_be_visible()


def test_the_elder_mode_is_switched(signed_in: SignedIn) -> None:
    """长辈版 is a form like any other."""
    anyone = signed_in(None, scripts=False)
    anyone.goto("/items")
    anyone.get_by_role("button", name="长辈版").first.click()
    expect(anyone.locator("html")).to_have_attribute("data-mode", "elder")
    assert anyone.url.endswith("/items")
