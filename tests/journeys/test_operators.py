"""经办人管理: the 主经办人 gives rights by item and takes them away (seed 000: 单位经办人（或法人）信息的采集)."""

import re

from playwright.sync_api import expect

from tests.journeys import filing, slips
from tests.journeys.conftest import SignedIn


def test_an_operator_does_what_was_given_until_it_is_taken_away(signed_in: SignedIn) -> None:
    lead, person = signed_in("unit"), filing.newcomer()
    name = person.name
    lead.goto("/u/operators")
    expect(lead.locator("tr", has_text="本人")).to_contain_text("主经办人")
    lead.get_by_role("link", name="添加经办人").click()
    lead.locator("#id_name").fill(name)
    lead.locator("#id_id_number").fill(person.id_number)
    lead.locator("#id_mobile").fill("13800000003")
    lead.locator("#id_everything").select_option("0")
    lead.get_by_label("增员（续保）的权限").select_option("2")
    lead.get_by_role("button", name="保存").click()
    expect(lead.get_by_text("已添加。请打印密码条")).to_be_visible()
    row = lead.locator("tr", has_text=name)
    expect(row).to_contain_text("增员（续保）：录入")
    slip = slips.printed(lead, name)

    clerk = signed_in(None)
    slips.signed_in_first(clerk, slip)
    menu = clerk.locator("nav", has=clerk.get_by_role("link", name="待办任务")).first
    expect(menu.get_by_role("link", name="增员（续保）")).to_be_visible()
    for kept in ("暂停缴费", "缴费单与到账", "经办人管理"):
        expect(menu.get_by_role("link", name=kept)).to_have_count(0)
    answer = clerk.goto("/u/items/stop-employee/new")
    assert answer and answer.status == 403
    expect(clerk.locator("main")).to_contain_text("您没有办理“暂停缴费”的权限，请联系本单位的主经办人")

    clerk.goto("/u/items/add-employee/new")
    filing.fill(clerk, filing.typed(filing.newcomer()))
    filing.save(clerk)
    case = clerk.url
    clerk.get_by_role("button", name="提交审批").click()
    expect(clerk.locator("main")).to_contain_text("您没有提交“增员（续保）”的权限")

    lead.goto("/u/operators")
    row.get_by_role("link", name=re.compile("^权限")).click()
    lead.get_by_label("增员（续保）的权限").select_option("3")
    lead.get_by_role("button", name="保存").click()
    expect(lead.get_by_text("权限已更改，立即生效")).to_be_visible()
    clerk.goto(case)
    filing.submit(clerk)

    row.get_by_role("link", name="停用").click()
    lead.get_by_role("dialog").get_by_role("button", name="停用").click()
    expect(lead.get_by_text("已停用，已登录的窗口立即退出")).to_be_visible()
    expect(row).to_contain_text("已停用")
    clerk.goto("/u/todo")
    expect(clerk.get_by_role("heading", level=1)).to_have_text("登录")


def test_the_pages_of_operators_work_without_scripts(signed_in: SignedIn) -> None:
    lead, person = signed_in("vip", scripts=False), filing.newcomer()
    lead.goto("/u/operators/new")
    lead.get_by_role("button", name="保存").click()
    expect(lead.locator("#errors")).to_contain_text("请填写姓名")
    lead.locator("#id_name").fill(person.name)
    lead.locator("#id_id_number").fill(person.id_number)
    lead.locator("#id_mobile").fill("13800000004")
    lead.locator("#id_everything").select_option("1")
    lead.get_by_role("button", name="保存").click()
    expect(lead.locator("tr", has_text=person.name)).to_contain_text("全部事项：只能查询")
