"""《武汉市社会保险单位网上办事问题解答》 (seed 004), question by question: what it promises is what the hall does."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import SignedIn

QUESTIONS = (
    ("filing-online", "能不能让我们参保企业自己通过网上办理日常的社保业务？", "领取社会保险网上办事用户名及密码"),
    ("what-can-be-filed", "我们参保单位可以通过网上办理哪些社保业务，还用不用跑社保处？", "VIP用户如办理以上业务完全不用跑社保处办理了"),
    ("who-becomes-vip", "什么样的参保单位可以申请VIP网上办理用户？", "对评估合格的单位发放VIP用户"),
    ("book-ahead", "有没有办法进行提前预约？", "到了预约的时间再去社保经办机构办理业务可以大大减少排队等待时间甚至不用排队了"),
    ("how-to-enter", "我们怎么通过因特网进入“武汉市社会保险网上办事大厅”办理本单位业务？", "再按页面上的提示即可进入"),
)


@pytest.mark.parametrize(("anchor", "question", "answer"), QUESTIONS, ids=[q[0] for q in QUESTIONS])
def test_every_question_stands_on_the_help_page_with_its_answer_and_source(
    signed_in: SignedIn, anchor: str, question: str, answer: str
) -> None:
    visitor = signed_in(None)
    visitor.goto(f"/answers#{anchor}")
    card = visitor.locator(f"#{anchor}")
    expect(card).to_contain_text(question)
    expect(card).to_contain_text(answer)
    expect(card).to_contain_text("出处：《武汉市社会保险单位网上办事问题解答》")


def test_one_and_five_an_operator_comes_in_from_the_home_page_with_user_name_and_password(signed_in: SignedIn) -> None:
    """一、"即可自行通过网上办理社保部门授权的社保业务"; 五、"再按页面上的提示即可进入"."""
    visitor = signed_in(None)
    visitor.goto("/")
    visitor.get_by_role("link", name=re.compile("^单位办事")).click()
    visitor.locator("input[name=username]").fill("unit")
    visitor.locator("input[name=password]").fill("wuhan-demo-2026")
    visitor.get_by_role("button", name="登录", exact=True).click()
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("陈静")


def test_two_what_can_be_filed_is_in_the_menu_and_vip_units_need_no_counter(signed_in: SignedIn) -> None:
    """二、"VIP用户如办理以上业务完全不用跑社保处办理了……非VIP用户除社会保险新参保、社会保险续接和社会保险暂停缴费业务需要到辖区社保经办机构办理审核外，其他业务不需跑社保处了"."""
    for username, word in (("vip", "VIP 单位 · 自动审核"), ("unit", "普通单位 · 窗口审核")):
        page = signed_in(username)
        page.goto("/u/")
        expect(page.locator("main")).to_contain_text(word)
        for item in ("增员（续保）", "暂停缴费", "个人工资变更"):
            expect(page.locator("nav.side").get_by_role("link", name=item, exact=True)).to_be_visible()
    visitor = signed_in(None)
    visitor.goto("/items/change-wage")
    expect(visitor.locator("main")).to_contain_text("系统自动审核，不用跑窗口")
    for slug in ("add-employee", "stop-employee"):
        visitor.goto(f"/items/{slug}")
        expect(visitor.locator("section", has=visitor.get_by_role("heading", name="怎么办：普通单位"))).to_contain_text("窗口审核")


def test_four_an_ordinary_unit_books_ahead_and_sees_how_many_wait(signed_in: SignedIn) -> None:
    """四、"我们单位不是VIP单位，部分业务需要到社保经办部门审核，但怕去了人很多，有没有办法进行提前预约？"."""
    page = signed_in("unit")
    page.goto("/u/search?q=预约")
    page.get_by_role("link", name=re.compile("有没有办法进行提前预约")).click()
    expect(page.locator("#book-ahead")).to_be_visible()
    page.goto("/u/")
    page.locator("nav.side").get_by_role("link", name="申报业务预约").click()
    expect(page.locator("main")).to_contain_text("现在排队人数")
    page.get_by_label("预约日期").get_by_role("link", name=re.compile("11 月 24 日")).click()
    page.get_by_role("radio", name=re.compile("^09:00–09:30")).check()
    page.locator("select[name=item]").last.select_option(label="增员（续保）")
    page.get_by_role("button", name="预约", exact=True).click()
    expect(page.get_by_text("预约成功，预约号")).to_be_visible()
    page.goto("/u/")
    expect(page.locator("main")).to_contain_text("11 月 24 日（周二） 09:00–09:30")


def test_what_is_not_answered_there_can_be_asked(signed_in: SignedIn) -> None:
    """网申指南: 问题报告."""
    page = signed_in("unit2")
    page.goto("/u/")
    page.locator("nav.side").get_by_role("link", name="问题报告").click()
    page.get_by_label("类别").select_option(label="业务办理")
    page.get_by_label("一句话说明").fill("三证合一后还要组织机构代码证吗？")
    page.get_by_label("具体内容").fill("问题解答第一问说要带，营业执照上已经没有了。")
    page.get_by_role("button", name="提交问题").click()
    expect(page.get_by_text("问题已提交，编号")).to_be_visible()
