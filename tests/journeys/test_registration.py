"""社会保险登记 at the counter, told through the browser: a new unit registers, adds its first employee, is looked after and closed.

Follows seed 004: 单位办理社会保险参保登记缴费服务指南 一 ("用人单位应当自成立之日起三十日内，到地税关系所在地社保经办机构申请办理社会保险登记"; "用人单位一般
情况下应当参加的社会保险有…，特殊类别的单位由社保经办机构核定其应参保的险种"; "工伤保险缴费比例由社保经办机构根据用人单位工商登记和主要经营生产业务确定")
and 武汉社会保险办理流程 一 ("武汉市社会保险登记包括：参保登记、变更登记、注销登记、验证和补证等内容"; "参保单位应按规定将应参加的险种一次登记完毕").
"""

import random
import re

import pypdfium2
from playwright.sync_api import Page, expect

from shebao.base.identifiers import make_uscc
from tests.journeys import desk, filing
from tests.journeys.conftest import SignedIn

_CHANCE = random.SystemRandom()


def newcomer_unit() -> dict[str, str]:
    """A unit that the hall does not know, founded two weeks before the hall's day (2026-11-16)."""
    n = _CHANCE.randrange(10_000_000)
    return {
        "name": f"武汉䶮江新设示例{n:07d}有限公司",
        "uscc": make_uscc("420199", f"MA{n:07d}"),
        "founded_on": "2026-11-02",
        "industry": "47",
        "legal_representative": "王䶮示",
        "legal_id_number": filing.newcomer().id_number,
        "contact_name": "李示例",
        "contact_phone": "027-85550100",
        "address": "示例区示例路 8 号",
    }


def registered(clerk: Page, reviewer: Page, unit: dict[str, str]) -> str:
    """A unit through 参保登记. Returns its 单位编号."""
    clerk.goto("/w/counter/new/register-unit/new")
    desk.fill_in(clerk, unit)
    number = desk.save(clerk)
    expect(clerk.locator("main")).to_contain_text("工伤行业风险类别为 6 类，基准费率 1.3%")
    expect(clerk.locator("main")).to_contain_text("登记期限为 2026-12-02")
    desk.submit(clerk)
    desk.passes(reviewer, number)
    reviewer.goto(f"/w/units?q={unit['uscc']}")
    row = reviewer.locator("main").get_by_role("link", name=unit["name"]).first
    row.click()
    expect(reviewer.get_by_role("heading", level=1)).to_contain_text(unit["name"])
    found = re.search(r"\b420100\d{7}\b", reviewer.locator("main").inner_text())
    assert found, reviewer.locator("main").inner_text()[:300]
    return found[0]


def text_of(page: Page, address: str) -> str:
    """The text of a PDF behind an address."""
    answer = page.request.get(address)
    assert answer.status == 200, answer.status
    paper = pypdfium2.PdfDocument(answer.body())
    return "".join(p.get_textpage().get_text_range() for p in paper).replace("\r\n", "").replace(" ", "")


def test_a_new_unit_registers_and_insures_its_first_employee(signed_in: SignedIn) -> None:
    """一、3 办理流程: 登记 → 登记证 → 职工新参保."""
    clerk, reviewer, unit = signed_in("clerk"), signed_in("reviewer"), newcomer_unit()
    clerk.goto("/w/counter/")
    clerk.get_by_role("link", name=re.compile("参保登记")).first.click()
    # 行业 decides the class, nobody types another; a wrong character of the code and a forgotten field are told at once
    desk.fill_in(clerk, unit | {"uscc": unit["uscc"][:-1] + ("0" if unit["uscc"][-1] != "0" else "1"), "injury_class": "1", "address": ""})
    clerk.get_by_role("button", name="保存，去核对").click()
    told = filing.told(clerk)
    assert any("统一社会信用代码的校验码不符" in sentence for sentence in told) and any("请填写单位地址" in sentence for sentence in told)
    desk.fill_in(clerk, unit)
    clerk.get_by_role("button", name="保存，去核对").click()
    assert any("“房屋建筑业”按名录为 6 类" in sentence for sentence in filing.told(clerk))

    number = registered(clerk, reviewer, unit)
    paper = text_of(reviewer, f"/w/units/{number}/certificate.pdf")
    assert "社会保险登记证" in paper and unit["name"] in paper and number in paper and "王䶮示" in paper and "DJ420100" in paper

    # The same code again: refused with who holds it
    clerk.goto("/w/counter/new/register-unit/new")
    desk.fill_in(clerk, unit | {"name": "另一个示例公司"})
    clerk.get_by_role("button", name="保存，去核对").click()
    assert any(unit["name"] in sentence and number in sentence for sentence in filing.told(clerk))

    # 第一名职工, at the counter
    person = filing.newcomer()
    clerk.goto(f"/w/counter/{number}/add-employee/new")
    filing.fill(clerk, filing.typed(person))
    case = desk.save(clerk)
    desk.submit(clerk)
    desk.passes(reviewer, case)
    reviewer.goto(f"/w/units/{number}")
    expect(reviewer.locator("main")).to_contain_text(person.name)

    # 注销: refused while somebody is insured, with where to go
    clerk.goto(f"/w/counter/{number}/close-unit/new")
    desk.fill_in(clerk, {"reason": "dissolved", "document": "示例注销通知书", "confirm": "确认注销"})
    clerk.get_by_role("button", name="保存，去核对").click()
    assert any("还有 1 人在本单位参保" in sentence for sentence in filing.told(clerk))


def test_key_facts_change_with_two_reviewers_and_the_lost_certificate_is_replaced(signed_in: SignedIn) -> None:
    """变更登记, 补证: 原登记内容保留, 原证号作废."""
    clerk, reviewer, second, unit = signed_in("clerk"), signed_in("reviewer"), signed_in("reviewer2"), newcomer_unit()
    number = registered(clerk, reviewer, unit)
    clerk.goto(f"/w/counter/{number}/change-registration/new")
    expect(clerk.locator("#id_name")).to_have_value(unit["name"])
    renamed = unit["name"].replace("新设", "更名")
    desk.fill_in(clerk, {"name": renamed, "industry": "65"})
    case = desk.save(clerk)
    expect(clerk.locator("main")).to_contain_text("2026 年 12 月起")
    expect(clerk.locator("main")).to_contain_text("房屋建筑业")
    desk.submit(clerk)
    desk.passes(reviewer, case, "初审通过")
    desk.passes(second, case, "复核通过")
    second.goto(f"/w/units/{number}")
    expect(second.get_by_role("heading", level=1)).to_contain_text(renamed)

    before = text_of(second, f"/w/units/{number}/certificate.pdf")
    clerk.goto(f"/w/counter/{number}/reissue-certificate/new")
    desk.fill_in(clerk, {"reason": "lost", "statement": "搬家时遗失"})
    case = desk.save(clerk)
    desk.submit(clerk)
    desk.passes(reviewer, case)
    after = text_of(second, f"/w/units/{number}/certificate.pdf")
    numbers = [re.search(r"DJ420100\d{8}", paper) for paper in (before, after)]
    assert numbers[0] and numbers[1] and numbers[0][0] != numbers[1][0]
    assert f"原证号{numbers[0][0]}自2026-11-16起作废（遗失：搬家时遗失）" in after


def test_a_unit_verifies_its_registration_online_and_the_desk_sees_who_has_not(signed_in: SignedIn) -> None:
    """验证: once a year, by the system."""
    operator, clerk = signed_in("unit2"), signed_in("clerk")
    operator.goto("/u/registration")
    expect(operator.get_by_role("heading", level=1)).to_contain_text("社会保险登记证")
    waiting = operator.get_by_role("link", name="办理验证").count()
    if waiting:  # a hall that stands may have seen this journey before
        operator.get_by_role("link", name="办理验证").click()
        operator.locator("#id_answer").select_option("same")
        desk.save(operator)
        expect(operator.locator("main")).to_contain_text("现在登记的信息")
        operator.get_by_role("button", name="提交审批").click()
        expect(operator.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible(timeout=15_000)
        slip = operator.get_by_role("link", name=re.compile("打印《?社会保险登记验证单")).get_attribute("href")
        assert slip and "验证合格" in text_of(operator, slip)
        operator.goto("/u/registration")
    expect(operator.locator("main")).to_contain_text("2026 年度")
    expect(operator.locator("main")).to_contain_text("验证合格")
    clerk.goto("/w/verifications")
    expect(clerk.get_by_role("heading", level=1)).to_contain_text("登记证验证")
    expect(clerk.locator("main")).to_contain_text("每年 01-01 至 12-31")
