"""单个办理 in a VIP unit, told through the browser: one person comes, changes wage and leaves.

Follows seed 004: 业务操作流程概述 ("录入信息—保存—提交审批—查看业务状态"; "VIP单位办理的业务全部由系统自动审核"), 二、网上办理职工新增及续保业务,
三、网上办理职工暂停缴费业务 ("如参保人存在社会保险欠费，则不能办理暂停缴费业务"; "办理暂停缴费业务次月起，单位不再缴纳") and 四、网上办理职工个人
工资变更 ("系统自动对变更后的工资进行保底或封顶处理"; "办理个人工资变更业务次月起").
"""

import re

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from shebao.base.terms import SHORT_LABELS
from tests.journeys import filing
from tests.journeys.conftest import SignedIn
from tests.journeys.filing import Newcomer

ENDS_WITHIN_MS = 15_000
WRONG = {
    "name": ("张3丰", "姓名里有数字或符号，请按身份证上的姓名填写"),
    "mobile": ("12345", "手机号码应为 11 位手机号码，请核对"),
    "declared_wage": ("8,000元", "申报工资"),
    "backdated_from": ("202613", "追溯补缴起始月"),
}


def ended(page: Page) -> None:
    """The state reaches 结束 by itself: nobody presses anything."""
    expect(page.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible(timeout=ENDS_WITHIN_MS)


def lists(page: Page, person: Newcomer, month: str = "") -> bool:
    """Whether the 花名册 of a month (this one) has the person."""
    page.goto(f"/u/staff?month={month}&q={person.id_number}")
    return page.get_by_role("link", name=person.name, exact=True).count() == 1


def started(page: Page, slug: str, person: Newcomer) -> None:
    """Open an item and look a person up, whose registered name the page fills in."""
    page.goto(f"/u/items/{slug}/new")
    filing.look_up(page, person.id_number)
    expect(page.locator("#id_name")).to_have_value(person.name)


@pytest.fixture
def clerk(signed_in: SignedIn) -> Page:
    return signed_in("vip")


@pytest.fixture
def insured(clerk: Page) -> Newcomer:
    """Somebody whom the VIP unit has just insured."""
    person = filing.newcomer()
    filing.added(clerk, person)
    ended(clerk)
    return person


def test_one_person_is_added_and_printed(clerk: Page) -> None:
    """二、(三) 办事程序 1, 3; 第一步至第六步: 输入身份证号 → 信息录入 → 业务顺序号 → 信息核对 → 提交审批 → 结束 → 打印《企业参保人员增员表》."""
    person = filing.newcomer()
    clerk.goto("/u/items/add-employee/new")
    filing.look_up(clerk, person.id_number)
    expect(clerk.locator("#found")).to_contain_text("未参过保，本次为新参保")
    for insurance in filing.TYPES:  # the unit's own types are ticked for the clerk
        expect(clerk.locator("#id_insurances_box").get_by_label(SHORT_LABELS[insurance], exact=True)).to_be_checked()

    # 填错的每一栏各有一句话，一次说全
    filing.fill(clerk, {"id_number": person.id_number[:17]} | {name: value for name, (value, _) in WRONG.items()})
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("#errors")).to_be_focused()
    told = filing.told(clerk)
    assert len(told) == len(WRONG) + 1, told
    assert any("17 位，应为 18 位" in sentence for sentence in told)
    for name, (value, sentence) in WRONG.items():
        assert any(sentence in each for each in told), told
        expect(clerk.locator(f"#id_{name}_error")).to_contain_text(sentence)
        expect(clerk.locator(f"#id_{name}")).to_have_value(value)
    clerk.locator("#errors").get_by_role("link", name=re.compile("^申报工资")).click()
    expect(clerk.locator("#id_declared_wage")).to_be_focused()

    # 改一栏，光标留在下一栏：那一栏的回答不抢走它
    box = clerk.locator("#id_name")
    box.fill(person.name)
    with clerk.expect_response(re.compile(r"/validate\?field=name$")):
        box.press("Tab")
    expect(clerk.locator("#id_name_box")).not_to_have_class(re.compile("is-bad"))
    expect(clerk.locator("#id_ethnicity")).to_be_focused()

    # 改好，保存：业务顺序号，核对页面的金额与算法
    filing.fill(clerk, filing.typed(person, backdated_from=""))
    number = filing.save(clerk)
    main = clerk.locator("main")
    expect(main).to_contain_text(f"业务顺序号 {number}。保存不等于提交审批")
    for label in ("养老保险", "失业保险", "医疗保险", "工伤保险"):
        expect(main.locator("table").get_by_role("rowheader", name=re.compile(label)).first).to_be_visible()
    expect(main.locator("table")).to_contain_text("7,300.00")
    main.get_by_text("怎么算的").click()
    expect(main.locator("details.reason[open]")).to_contain_text("7,300.00")
    expect(main.locator("details.reason[open]")).to_contain_text("费率")

    filing.submit(clerk)
    ended(clerk)
    address = clerk.get_by_role("link", name="打印《企业参保人员增员表》").get_attribute("href")
    assert address
    paper = pypdfium2.PdfDocument(clerk.request.get(address).body())
    text = "".join(page.get_textpage().get_text_range() for page in paper)
    assert "企业参保人员增员表" in text.replace(" ", "")
    assert person.name in text, "the rare character is in the text, not only drawn"
    assert person.id_number in text
    assert number in text
    assert lists(clerk, person)
    clerk.goto(f"/u/done?q={number}")
    row = clerk.get_by_role("row", name=re.compile(number))
    expect(row).to_contain_text("结束")


def test_the_wage_below_the_floor_is_raised_from_next_month(clerk: Page, insured: Newcomer) -> None:
    """四、(四) 注意事项 1, 2."""
    started(clerk, "change-wage", insured)
    expect(clerk.locator("#found")).to_contain_text("7,300.00 元")
    filing.fill(clerk, {"declared_wage": "2000"})
    expect(clerk.locator("#id_declared_wage_box")).to_contain_text(re.compile(r"低于缴费基数下限，将按 [\d,.]+ 元保底"))
    filing.save(clerk)
    expect(clerk.locator("main")).to_contain_text(re.compile(r"低于缴费基数下限，将按 [\d,.]+ 元保底"))
    expect(clerk.locator("main")).to_contain_text("2026 年 12 月起按新的缴费基数缴费，每月合计减少")
    filing.submit(clerk)
    ended(clerk)
    clerk.goto(f"/u/staff?q={insured.id_number}")
    clerk.get_by_role("link", name=insured.name, exact=True).click()
    wages = clerk.locator("section", has=clerk.get_by_role("heading", name="申报工资", exact=True))
    expect(wages).to_contain_text("7,300.00 元")
    assert re.search(r"2,000\.00 元\s+2026 年 12 月 起", wages.inner_text()), wages.inner_text()


def test_a_stopped_person_is_not_covered_next_month_and_not_stopped_twice(clerk: Page, insured: Newcomer) -> None:
    """三、(一) 业务说明, (四) 注意事项 2."""
    started(clerk, "stop-employee", insured)
    expect(clerk.locator("#found")).to_contain_text("可以办理。")
    clerk.locator("#id_reason").select_option(index=1)
    filing.save(clerk)
    expect(clerk.locator("main")).to_contain_text("2026 年 12 月起不再缴纳；本月（2026 年 11 月）仍需缴费。")
    filing.submit(clerk)
    ended(clerk)
    expect(clerk.get_by_role("link", name="打印《企业参保人员减员表》")).to_be_visible()
    assert lists(clerk, insured), "this month is still paid"
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
