"""单位员工学历批量维护, the item that was added by the recipe of CONTRIBUTING.md: template, upload, errors by row, review, effect.

Follows seed 004, 业务操作流程概述 ("为了方便单位办理业务，我们还提供个别业务批量办理的功能"), and 单位篇 七.
"""

import re
from datetime import date
from pathlib import Path

from playwright.sync_api import expect

from shebao.base.identifiers import make_id_number
from tests.journeys import filing
from tests.journeys.conftest import SignedIn


def test_educations_come_by_workbook_and_a_wrong_row_says_why(signed_in: SignedIn, tmp_path: Path) -> None:
    clerk, people = signed_in("vip"), [filing.newcomer() for _ in range(2)]
    for person in people:
        filing.added(clerk, person)
        filing.ended(clerk)
    clerk.goto("/u/items/maintain-education/batch")
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name=re.compile("模板下载")).click()
    rows = [{"公民身份号码": p.id_number, "姓名": p.name, "文化程度": "大学专科"} for p in people]
    stranger = make_id_number(filing.AREA, date(1990, 1, 1), 999)
    rows += [{"公民身份号码": stranger, "姓名": "张示例", "文化程度": "硕士"}]
    content, _ = filing.filled(Path(download.value.path()).read_bytes(), rows)
    roster = tmp_path / "学历.xlsx"
    roster.write_bytes(content)
    clerk.locator("input[type=file]").set_input_files(roster)
    clerk.get_by_role("button", name="上传并校验").click()
    expect(clerk.locator("#figures")).to_be_visible(timeout=60_000)
    expect(clerk.locator("main")).to_contain_text("此人不在本单位参保或已暂停缴费")
    clerk.get_by_role("button", name=re.compile("提交审批")).first.click()
    if (sure := clerk.get_by_role("dialog")).is_visible():
        sure.get_by_role("button", name=re.compile("提交")).click()
    expect(clerk.locator("main")).to_contain_text("结束", timeout=60_000)
    for person in people:
        clerk.goto(f"/u/staff?q={person.id_number}")
        clerk.get_by_role("link", name=person.name, exact=True).click()
        expect(clerk.locator("main")).to_contain_text("大学专科")
