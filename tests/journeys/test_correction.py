"""信息订正 at the counter: a first month entered wrongly is put right beside the old fact, two people agree, the money moves to the fen.

Follows seed 004: 武汉市社会保险网上办事业务指南（单位篇）二（四）1 ("提交审核后如发现信息输录错误，需到辖区社保经办机构办理信息订正手续"), 4 ("如参保职工属于特殊人群
(如：军转干、劳动模范等)时，请先在网上办理新增或续保业务，再携带职工档案等相关资料到辖区社保经办机构办理特殊人群认定手续") and 七（四）2 ("其他职工重点信息变更时，要携带相关
资料到辖区社保经办机构审核办理").
"""

import re

from playwright.sync_api import Page, expect

from tests.journeys import desk, filing
from tests.journeys.conftest import SignedIn


def unit_number(operator: Page) -> str:
    operator.goto("/u/registration")
    found = re.search(r"\b420100\d{7}\b", operator.locator("main").inner_text())
    assert found
    return found[0]


def test_a_first_month_is_put_right_and_the_unit_sees_who_why_and_how_much(signed_in: SignedIn) -> None:
    operator, clerk = signed_in("vip"), signed_in("clerk")
    reviewer, second = signed_in("reviewer"), signed_in("reviewer2")
    number, person = unit_number(operator), filing.newcomer(wage="8000")
    filing.added(operator, person)
    expect(operator.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible(timeout=15_000)

    clerk.goto(f"/w/counter/{number}/correct-spell/new")
    filing.look_up(clerk, person.id_number)
    expect(clerk.locator("#found")).to_contain_text("2026-11 起")
    desk.fill_in(clerk, {"name": person.name, "spell_from": "202611", "from_month": "202609", "reason": "劳动合同从 9 月起"})
    case = desk.save(clerk)
    main = clerk.locator("main")
    expect(main).to_contain_text("补收")
    expect(main.get_by_role("table", name="已核定月份的差额")).to_contain_text("2026-09")
    expect(main).to_contain_text("2026-09 起")
    desk.submit(clerk)
    desk.passes(reviewer, case, "初审通过")
    expect(reviewer.locator("main")).to_contain_text("需要复核")
    desk.passes(second, case, "复核通过")

    operator.goto("/u/registration")
    row = operator.get_by_role("row", name=re.compile(case))
    expect(row).to_contain_text("2026-11 起")
    expect(row).to_contain_text("2026-09 起")
    expect(row).to_contain_text("劳动合同从 9 月起")
    expect(row).to_contain_text("补收")
    for name in ("赵颖", "郑涛", "冯雪"):
        expect(row).to_contain_text(name)

    # 特殊人群认定
    clerk.goto(f"/w/counter/{number}/special-group/new")
    filing.look_up(clerk, person.id_number)
    given = {"kind": "model_worker", "day": "2024-05-01", "evidence": "示例劳动模范证书第 1 号", "reason": "档案审核"}
    desk.fill_in(clerk, {"name": person.name, **given})
    case = desk.save(clerk)
    desk.submit(clerk)
    desk.passes(reviewer, case)
    operator.goto("/u/registration")
    expect(operator.get_by_role("row", name=re.compile(case))).to_contain_text("劳动模范")


def test_a_wrong_identity_number_is_put_right_and_the_person_stays_one(signed_in: SignedIn) -> None:
    operator, clerk = signed_in("vip"), signed_in("clerk")
    reviewer, second = signed_in("reviewer"), signed_in("reviewer2")
    number, person, right = unit_number(operator), filing.newcomer(), filing.newcomer()
    filing.added(operator, person)
    expect(operator.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible(timeout=15_000)
    clerk.goto(f"/w/counter/{number}/correct-person/new")
    filing.look_up(clerk, person.id_number)
    desk.fill_in(clerk, {"name": person.name, "new_id_number": right.id_number, "reason": "录入时错位"})
    case = desk.save(clerk)
    expect(clerk.locator("main")).to_contain_text(right.id_number)
    desk.submit(clerk)
    desk.passes(reviewer, case, "初审通过")
    desk.passes(second, case, "复核通过")
    operator.goto(f"/u/staff?q={right.id_number}")
    expect(operator.get_by_role("link", name=person.name, exact=True)).to_be_visible()
    operator.goto(f"/u/staff?q={person.id_number}")
    expect(operator.get_by_role("link", name=person.name, exact=True)).to_have_count(0)
