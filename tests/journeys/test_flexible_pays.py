"""A flexible worker pays for months of the year: chooses, sees what each month costs and why, gets the bill, pays.

Follows seed 003, 六 and 七: 依次选择经办机构、登记所在地、核定提取方式、缴费档次、所属期起、所属期止，然后点击“核定信息”；点击“核定信息”后，系统产生核定的缴费金额，
确保无误后完成缴费即可; and seed 000, 三: 灵活就业人员……可查询到账情况.
"""

import re
from datetime import date
from pathlib import Path

from playwright.sync_api import Page, expect

from shebao.gateways import receipt_file
from tests.journeys import face_checks
from tests.journeys.conftest import SignedIn

NUMBER = re.compile(r"GR\d{6}-\d{7}")


def look(page: Page, tier: str) -> None:
    """选择 → 核定信息 of the months that the page offers."""
    page.goto("/p/pay")
    page.locator("#id_tier").select_option(tier)
    page.get_by_role("button", name="核定信息", exact=True).click()
    expect(page.locator("#draft")).to_contain_text("应缴合计")


def test_a_flexible_worker_chooses_sees_why_gets_the_bill_and_pays_it(signed_in: SignedIn, tmp_path: Path) -> None:
    person = signed_in("person2")
    person.goto("/p/")
    person.locator("main").get_by_role("link", name="核定缴费").first.click()
    expect(person.locator("main")).to_contain_text("社保年度")
    assert face_checks.everything(person) == []
    look(person, "60")
    expect(person.locator("#draft")).to_contain_text("899.52")
    why = person.locator("#draft details.reason").first
    why.locator("summary").click()
    expect(why).to_contain_text("平均工资 7,496.00 元 × 60%")
    expect(why).to_contain_text("划入统筹基金")
    assert face_checks.everything(person) == []
    person.get_by_role("button", name="确认，去缴费").click()
    person.wait_for_url(re.compile("/p/bills/GR"))
    first = NUMBER.search(person.url)
    assert first
    assert face_checks.everything(person) == []

    amount = person.locator("main").inner_text().split("金额")[1].split("元")[0].strip()

    finance, day = signed_in("finance"), date(2026, 11, 16)
    file = tmp_path / "到账.csv"
    paid = [(f"LH{first[0][-7:]}", first[0], "本人", int(amount.replace(",", "").replace(".", "")), day)]
    file.write_bytes(receipt_file.write(f"LH-{first[0][-7:]}", day, paid))
    finance.goto("/w/receipts")
    finance.locator("input[type=file]").set_input_files(file)
    finance.get_by_role("button", name="上传并入账").click()
    expect(finance.get_by_text(first[0]).first).to_be_visible()
    person.goto(f"/p/bills/{first[0]}")
    expect(person.locator("main")).to_contain_text("缴清日")
    expect(person.locator("main")).to_contain_text("已确认到账")
    person.goto("/p/arrears")
    assert face_checks.everything(person) == []
