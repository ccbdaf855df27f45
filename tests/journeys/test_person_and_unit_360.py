"""A person and a unit all round: what is registered, every month by type, money, cases, papers, and who looked.

Follows seed 004: 单位网申综合查询 ("可查询单位和职工的基本信息、参保信息、缴费信息") and, for the desk, 社保业务审批入口.
"""

import re

from playwright.sync_api import expect

from tests.journeys import face_checks
from tests.journeys.conftest import SignedIn


def test_the_desk_sees_a_person_all_round_and_leaves_a_trace(signed_in: SignedIn) -> None:
    """单位 → 在保人员 → 个人: months as a grid with legend and table; the next reviewer sees who looked."""
    reviewer = signed_in("reviewer")
    reviewer.goto("/w/units?q=公司")
    reviewer.locator("tbody a").first.click()
    main = reviewer.locator("main")
    for heading in (
        "在保人员",
        "逐月缴费情况",
        "人数变化",
        "核定单",
        "到账",
        "登记信息",
        "经办人",
        "最近的办件",
        "登记变更记录",
        "谁查看过",
    ):
        expect(main.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    grid = main.locator("table.months")
    expect(grid.locator("thead th")).to_have_count(13)
    assert grid.locator("td.m-paid, td.m-owed, td.m-part, td.m-due").count() > 4
    assert face_checks.axe(reviewer) == []

    reviewer.locator("tbody a[href^='/w/people/']").first.click()
    for heading in ("身份信息", "逐月缴费情况", "参保关系", "申报工资", "办件", "凭证", "登记变更记录", "谁查看过"):
        expect(main.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    legend = main.locator(".legend.marks")
    expect(legend).to_contain_text(re.compile(r"(已到账|欠费|待缴费) \d+ 个月"))
    main.get_by_text("数据表：逐月金额").click()
    expect(main.get_by_role("columnheader", name="费款所属期")).to_be_visible()
    assert face_checks.axe(reviewer) == []
    person = reviewer.url

    second = signed_in("reviewer2")
    second.goto(person)
    expect(second.locator("main")).to_contain_text("郑涛")
    clerk = signed_in("clerk")
    clerk.goto(person)
    expect(clerk.get_by_role("heading", name="谁查看过")).to_have_count(0)


def test_the_grid_fits_the_phone_the_printer_and_the_elder_mode(signed_in: SignedIn) -> None:
    """Nothing scrolls sideways at 320 pixels; what is printed keeps signs and words."""
    page = signed_in("reviewer", width=320, height=640)
    page.goto("/w/units?q=公司")
    page.locator("tbody a").first.click()
    expect(page.locator("table.months")).to_be_visible()
    assert face_checks.overflow(page) == []
    page.context.add_cookies([{"name": "mode", "value": "elder", "url": page.url}])
    page.reload()
    expect(page.locator("table.months")).to_be_visible()
    assert face_checks.overflow(page) == []
    page.emulate_media(media="print")
    expect(page.locator("table.months")).to_be_visible()


def test_a_unit_sees_the_same_grid_of_its_employee(signed_in: SignedIn) -> None:
    """花名册 → 职工: the months through this unit, and none of another one's."""
    clerk = signed_in("unit", scripts=False)
    clerk.goto("/u/staff")
    clerk.locator("tbody a[href^='/u/staff/']").first.click()
    main = clerk.locator("main")
    expect(main.get_by_role("heading", name="逐月缴费情况", exact=True)).to_be_visible()
    expect(main.locator("table.months")).to_be_visible()
    assert main.locator("td.m-paid, td.m-owed, td.m-part, td.m-due, td.m-pending").count() > 4
