"""申请社会保险网上办事资格, from the counter to the first sign-in.

Follows seed 004, 单位篇 一 ("申请单位经办人员携带以上资料到辖区社保经办机构窗口申请社会保险网上办事资格；社保经办人员核实资料后，留存单位签字盖章的
《武汉市社会保险网上办事承诺书》及相关资料；申请单位领取网上办事用户名、密码和数字证书"; "应尽快下载安装数字证书，并修改初始登陆密码"; "如用户名、密码和
数字证书丢失请及时到辖区社保经办机构重新领取") and 操作前的准备 ("输入“单位用户密码条”的“用户名”和“单位密码”…进入“密码重置界面”").
"""

import re

from playwright.sync_api import Page, expect

from tests.journeys import filing, slips
from tests.journeys.conftest import SignedIn


def unit_without_accounts(clerk: Page) -> str:
    """The number of a unit of this agency that has no 网上办事资格 yet: the first whose application is not refused."""
    clerk.goto("/w/counter/?q=武汉")
    numbers = [text.strip() for text in clerk.locator("tbody tr td.num").all_inner_texts()]
    numbers = [each for text in numbers for each in re.findall(r"\d{13}", text)]
    for number in dict.fromkeys(numbers):
        apply_for(clerk, number)
        if "saved=1" in clerk.url:
            return number
    raise AssertionError("every unit has its accounts already")


def apply_for(clerk: Page, number: str) -> None:
    """录入 → 保存 of 网上办事资格申请."""
    person = filing.newcomer()
    clerk.goto(f"/w/counter/{number}/qualification/new")
    clerk.locator("#id_operator_name").fill("王示例")
    clerk.locator("#id_operator_number").fill(person.id_number)
    clerk.locator("#id_operator_mobile").fill("13800000001")
    clerk.get_by_label(re.compile("承诺书")).check()
    filing.settled(clerk)
    clerk.get_by_role("button", name=re.compile("^保存")).click()
    clerk.wait_for_load_state()


def submitted(clerk: Page) -> str:
    """提交审批 on 核对. Returns: the address of the case at the desk."""
    case = re.search(r"/cases/(\d+)", clerk.url)
    assert case
    clerk.get_by_role("button", name="提交审批").click()
    clerk.wait_for_url(re.compile("/w/"))
    return f"/w/cases/{case[1]}"


def passed(reviewer: Page, case: str) -> None:
    """领取 and 通过 by another person."""
    reviewer.goto(case)
    reviewer.get_by_role("button", name=re.compile("领取")).first.click()
    reviewer.get_by_role("button", name="通过", exact=True).click()
    expect(reviewer.get_by_text(re.compile("审核通过|已经生效|复核")).first).to_be_visible()


def test_from_the_counter_to_the_first_sign_in_and_a_lost_slip(signed_in: SignedIn) -> None:
    clerk, reviewer = signed_in("clerk"), signed_in("reviewer")
    number = unit_without_accounts(clerk)
    expect(clerk.locator("main")).to_contain_text("以普通单位用户开通")
    passed(reviewer, submitted(clerk))

    # 领取网上办事用户名、密码和数字证书
    clerk.goto(f"/w/slips?q={number}")
    expect(clerk.locator("tbody tr").first).to_contain_text("待打印")
    slip = slips.printed(clerk, number)
    clerk.reload()
    expect(clerk.locator("tbody tr").first).to_contain_text("已打印")
    expect(clerk.locator("form[action$='/print']")).to_have_count(0)

    # 修改初始登录密码, 接受承诺书和服务条款
    unit = signed_in(None, width=390, height=844)
    slips.signed_in_first(unit, slip)
    expect(unit.get_by_text("普通单位 · 窗口审核")).to_be_visible()
    assert number in unit.locator("main").inner_text()

    # 不接受的只能退出
    other = signed_in(None)
    slips.entered(other, slip.username, slips.NEW_PASSWORD)
    expect(other.get_by_text("普通单位 · 窗口审核")).to_be_visible()

    # 如丢失请及时到辖区社保经办机构重新领取
    clerk.goto(f"/w/counter/{number}/slip-reissue/new")
    expect(clerk.locator("#id_holder")).to_have_value(slip.username)
    clerk.locator("#id_reason").fill("密码条和密码一起遗失")
    filing.settled(clerk)
    clerk.get_by_role("button", name=re.compile("^保存")).click()
    clerk.wait_for_url(re.compile("saved=1"))
    passed(reviewer, submitted(clerk))
    unit.goto("/u/")
    expect(unit.get_by_role("heading", level=1)).to_have_text("登录")
    clerk.goto(f"/w/slips?q={number}")
    again = slips.printed(clerk, "补发：密码条和密码一起遗失")
    assert again.username == slip.username and again.password != slip.password and again.serial != slip.serial
    fresh = signed_in(None)
    slips.entered(fresh, again.username, again.password)
    expect(fresh.get_by_role("heading", level=1)).to_have_text("修改密码")


def test_a_unit_registers_itself_and_the_agency_confirms_or_declines(signed_in: SignedIn) -> None:
    """Seed 000: 完成法人用户信息注册; 采集内容包括单位编号、单位名称、单位经办人（或法人）姓名、身份证号码、手机号码."""
    visitor, clerk = signed_in(None, width=390, height=844), signed_in("clerk")
    person = filing.newcomer()
    visitor.goto("/register")
    visitor.get_by_role("button", name="提交登记").click()
    expect(visitor.locator("#errors")).to_contain_text("请填写单位编号")
    visitor.locator("#id_agency").select_option("1")
    visitor.locator("#id_unit_number").fill("4201009999998")
    visitor.locator("#id_unit_name").fill("武汉没有登记的公司")
    visitor.locator("#id_capacity").select_option("legal")
    visitor.locator("#id_name").fill("李示例")
    visitor.locator("#id_id_number").fill(person.id_number)
    visitor.locator("#id_mobile").fill("13800000002")
    visitor.get_by_role("button", name="提交登记").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("已收到登记")
    found = re.search(r"FR[0-9A-Z]{8}", visitor.locator("main").inner_text())
    assert found

    clerk.goto("/w/registrations")
    card = clerk.locator("section.card", has_text=found[0]).first
    expect(card).to_contain_text("本机构没有这个单位编号")
    expect(card.get_by_role("link", name="确认，发放密码条")).to_have_count(0)
    card.get_by_role("link", name="退回").click()
    clerk.get_by_role("dialog").get_by_role("button", name="退回").click()
    expect(clerk.locator("tr", has_text=found[0])).to_contain_text("已退回")
