"""增员（续保） in a VIP unit, told through the browser: one person comes, is printed, and stands in the roster.

Follows seed 004, 单位篇 二、网上办理职工新增及续保业务, and 业务操作流程概述 ("录入信息—保存—提交审批—查看业务状态"; "VIP单位办理的业务全部由系统自动审核"). The photo
stands in tests of attachments, the batch in test_roster_to_paid_month, the counter in test_ordinary_unit.
"""

import re

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from shebao.base.terms import SHORT_LABELS
from tests.journeys import filing
from tests.journeys.conftest import SignedIn

WRONG = {
    "name": ("张3丰", "姓名里有数字或符号，请按身份证上的姓名填写"),
    "mobile": ("12345", "手机号码应为 11 位手机号码，请核对"),
    "declared_wage": ("8,000元", "申报工资"),
    "backdated_from": ("202613", "追溯补缴起始月"),
}


@pytest.fixture
def clerk(signed_in: SignedIn) -> Page:
    return signed_in("vip")


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
    filing.ended(clerk)
    address = clerk.get_by_role("link", name="打印《企业参保人员增员表》").get_attribute("href")
    assert address
    paper = pypdfium2.PdfDocument(clerk.request.get(address).body())
    text = "".join(page.get_textpage().get_text_range() for page in paper)
    assert "企业参保人员增员表" in text.replace(" ", "")
    assert person.name in text, "the rare character is in the text, not only drawn"
    assert person.id_number in text
    assert number in text
    assert filing.lists(clerk, person)
    clerk.goto(f"/u/done?q={number}")
    row = clerk.get_by_role("row", name=re.compile(number))
    expect(row).to_contain_text("结束")
