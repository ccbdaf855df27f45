"""An ordinary unit and the counter: a draft that survives, a filing that comes back, reviewers and tabs that cross.

Follows seed 004: 业务操作流程概述 ("普通单位经办的业务（包括增减员、年度工资申报）需携带相关资料报社保经办机构审核"; "审核不通过的业务进待办任务列表，业务状态
为“未提交”，回退标志为“是”"; "仅点击了【保存】按钮，未点击【提交审批】按钮的业务也可在此处查询和进行操作，但回退标志显示为【否】，且无回退原因") and
社保业务审批入口 ("输入不通过原因").
"""

import re

from playwright.sync_api import Page, Request, ViewportSize, expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn

PHONE = ViewportSize(width=390, height=844)
REASON = "申报工资与劳动合同不一致，请核对"
OTHER = "合同第三条写的是 7,800 元"


def taken(reviewer: Page, number: str) -> None:
    """领取 a case from the queue, which leads to its review page."""
    reviewer.goto(f"/w/queue/waiting?q={number}")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    expect(reviewer.get_by_role("button", name="通过", exact=True)).to_be_visible()


def passed(reviewer: Page) -> None:
    """通过 on the review page."""
    reviewer.get_by_role("button", name="通过", exact=True).click()
    expect(reviewer.get_by_text("审核通过，已经生效")).to_be_visible()


def test_a_draft_outlives_the_browser(signed_in: SignedIn) -> None:
    """待办任务列表 keeps what was typed, wrong or not, with 回退标志 否."""
    person = filing.newcomer()
    clerk = signed_in("unit", **PHONE)
    clerk.goto("/u/items/add-employee/new")
    filing.fill(clerk, filing.typed(person, mobile="1380000", declared_wage=""))
    clerk.get_by_role("button", name="暂存草稿").click()
    expect(clerk.get_by_text("草稿已保存")).to_be_visible()
    clerk.context.close()

    again = signed_in("unit")
    again.goto(f"/u/todo?q={person.name}")
    row = again.locator("tbody tr", has_text=person.name).first
    expect(row).to_contain_text("未提交")
    expect(row).to_contain_text("否")
    row.get_by_role("link", name="继续填写").click()
    expect(again.locator("#id_id_number")).to_have_value(person.id_number)
    expect(again.locator("#id_name")).to_have_value(person.name)
    expect(again.locator("#id_mobile")).to_have_value("1380000")
    expect(again.locator("#errors")).to_contain_text("请填写申报工资")


def test_what_the_counter_returns_is_mended_under_the_same_number(signed_in: SignedIn) -> None:
    """进行中 → 回退（是，回退原因）→ 修改 → 重新提交 → 结束; the 业务顺序号 stays."""
    person = filing.newcomer(wage="6800")
    clerk, reviewer = signed_in("unit", **PHONE), signed_in("reviewer")
    number = filing.added(clerk, person)
    address = clerk.url
    expect(clerk.locator("#course .notice").first).to_contain_text("等待窗口审核")
    clerk.goto(f"/u/done?q={number}")
    expect(clerk.locator("tbody tr", has_text=number)).to_contain_text("进行中")

    # 窗口：不通过原因、补充说明、需要修改的项目
    taken(reviewer, number)
    reviewer.get_by_role("button", name="退回", exact=True).click()
    expect(reviewer.locator("#errors")).to_contain_text("请填写不通过原因")
    reviewer.get_by_label(REASON).check()
    reviewer.get_by_label("补充说明").fill(OTHER)
    reviewer.locator("#id_pins_box").get_by_label("申报工资").check()
    reviewer.get_by_role("button", name="退回", exact=True).click()
    expect(reviewer.get_by_text("已退回单位")).to_be_visible()

    # 待办任务列表：回退标志 是，回退原因
    clerk.set_viewport_size({"width": 1440, "height": 900})
    clerk.goto(f"/u/todo?q={number}")
    row = clerk.locator("tbody tr", has_text=number)
    expect(row).to_contain_text(f"{REASON}；{OTHER}")
    expect(row.locator("td").nth(3)).to_have_text("是")
    clerk.set_viewport_size(PHONE)
    row.get_by_role("link", name="修改重报").click()
    expect(clerk.locator("#id_declared_wage_box")).to_have_class(re.compile("is-bad"))
    expect(clerk.locator("#id_declared_wage_error")).to_contain_text(REASON)
    expect(clerk.locator("#id_mobile_box")).not_to_have_class(re.compile("is-bad"))
    expect(clerk.locator("#id_id_number")).to_have_attribute("readonly", "")
    filing.fill(clerk, {"declared_wage": "7800"})
    assert filing.save(clerk) == number
    expect(clerk.locator("main")).to_contain_text("这是第 2 次提交")
    filing.submit(clerk)
    assert clerk.url == address

    taken(reviewer, number)
    expect(reviewer.locator("main")).to_contain_text("第 2 次提交")
    expect(reviewer.locator("main")).to_contain_text("7,800.00")
    passed(reviewer)
    clerk.goto(address)
    expect(clerk.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible()
    clerk.goto(f"/u/staff?q={person.id_number}")
    expect(clerk.get_by_role("link", name=person.name, exact=True)).to_be_visible()


def test_the_second_of_two_reviewers_is_told_who_was_first(signed_in: SignedIn) -> None:
    """409 with the newest content, twice: when both take it, and when one decides in two tabs."""
    clerk, first, second = signed_in("unit"), signed_in("reviewer"), signed_in("reviewer2")
    number = filing.added(clerk, filing.newcomer())
    first.goto(f"/w/queue/waiting?q={number}")
    first.get_by_role("link", name=re.compile("^增员（续保）：")).click()
    second.goto(first.url)
    expect(second.get_by_role("button", name="领取并审核")).to_be_visible()
    first.get_by_role("button", name="领取并审核").click()
    with second.expect_navigation() as late:
        second.get_by_role("button", name="领取并审核").click()
    assert late.value is not None and late.value.status == 409
    expect(second.locator("#errors")).to_contain_text("这个办件已由郑涛领取，请选择其他办件")
    expect(second.get_by_role("button", name="通过", exact=True)).to_have_count(0)

    other_tab = first.context.new_page()
    other_tab.goto(re.sub(r"/claim$", "", first.url))
    expect(other_tab.get_by_role("button", name="退回", exact=True)).to_be_visible()
    passed(first)
    other_tab.get_by_label(REASON).check()
    with other_tab.expect_navigation() as late:
        other_tab.get_by_role("button", name="退回", exact=True).click()
    assert late.value is not None and late.value.status == 409
    expect(other_tab.locator("#errors")).to_contain_text("您打开页面以后，这个办件已被更改，现在是“结束”")
    expect(other_tab.locator("#errors")).to_contain_text("您这次的审核意见没有保存")


def test_the_clerks_stale_tab_is_told(signed_in: SignedIn) -> None:
    """Two tabs with the same draft: the second to save loses nothing silently."""
    person = filing.newcomer()
    first = signed_in("unit")
    first.goto("/u/items/add-employee/new")
    filing.fill(first, filing.typed(person))
    number = filing.save(first)
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto(re.sub(r"\?.*", "", first.url).removesuffix("/edit") + "/edit")
    filing.fill(first, {"declared_wage": "8100"})
    filing.save(first)
    filing.fill(second, {"declared_wage": "8200"})
    with second.expect_navigation() as late:
        second.get_by_role("button", name="保存，去核对").click()
    assert late.value is not None and late.value.status == 409
    expect(second.get_by_role("heading", level=1)).to_have_text("这份办件刚被改动过")
    expect(second.locator("main")).to_contain_text(f"办件 {number} 刚刚被更改")
    second.get_by_role("link", name="打开最新内容").click()
    expect(second.locator("main")).to_contain_text("8,100.00")


def sent_again(page: Page, request: Request) -> str:
    """The same form once more, as a browser repeats it after Back. Returns where it leads."""
    kept = {"content-type": request.headers["content-type"], "referer": page.url, "origin": request.headers["origin"]}
    return page.request.post(request.url, data=request.post_data_buffer, headers=kept).url


def test_a_double_click_and_a_submit_repeated_after_back_make_one_case(signed_in: SignedIn) -> None:
    """保存 twice and 提交审批 twice: one 办件, submitted once."""
    person = filing.newcomer()
    clerk = signed_in("unit")
    clerk.goto("/u/items/add-employee/new")
    filing.fill(clerk, filing.typed(person))
    with clerk.expect_request(lambda request: request.method == "POST") as saving:
        clerk.get_by_role("button", name="保存，去核对").dblclick()
    expect(clerk.get_by_role("heading", level=1)).to_contain_text("核对")
    saved = clerk.url
    clerk.go_back()
    expect(clerk.locator("#id_id_number")).to_have_value("")  # the page is not kept: there is nothing to send by accident
    assert sent_again(clerk, saving.value) == saved

    clerk.goto(saved)
    with clerk.expect_request(lambda request: request.method == "POST") as submitting:
        clerk.get_by_role("button", name="提交审批").dblclick()
    expect(clerk.locator("#course")).to_be_visible()
    submitted = clerk.url
    clerk.go_back()
    expect(clerk.locator("main")).to_contain_text("等待窗口审核")
    assert sent_again(clerk, submitting.value) == submitted
    clerk.goto(f"/u/done?q={person.name}")
    expect(clerk.locator("tbody tr", has_text=person.name)).to_have_count(1)
    clerk.goto(f"/u/todo?q={person.name}")
    expect(clerk.locator("tbody tr", has_text=person.name)).to_have_count(0)
    clerk.goto(submitted)
    expect(clerk.locator("#course").get_by_text("提交审批，1 人")).to_have_count(1)
