"""欠费补缴, from 单位员工欠费补缴 to the day the person can be stopped, and its way back before the receipt.

Follows seed 004, 单位篇 五、网上办理职工欠费补缴: (二) 办事程序 1 to 4, (三) 注意事项 1 (所有参保险种同步), 2 (每月 20 日之前), 3 (欠费补缴回退);
and 三、(四) 1 (欠费缴清后，再办理暂停缴费).
"""

import re
from datetime import date
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from shebao.gateways import receipt_file
from tests.journeys import filing
from tests.journeys.conftest import SignedIn
from tests.journeys.filing import Newcomer

ORDER = re.compile(r"QF\d{6}-\d{7}")


@pytest.fixture
def clerk(signed_in: SignedIn) -> Page:
    """An operator of the unit that owes two months; the one that stands at 110 % is declared first, for it is nobody's until then."""
    page = signed_in("unit2")
    filing.declare(page, 202610)
    return page


def debtor(clerk: Page) -> Newcomer:
    """Somebody of the staff whom 单位欠费查询 lists as 欠费, on no order and not registered."""
    clerk.goto("/u/arrears")
    row = clerk.locator("tbody tr", has=clerk.get_by_text("欠费", exact=True)).first
    name, masked = row.locator("td").first.locator("b").inner_text(), row.locator("td").first.locator(".sub").inner_text()
    for each in clerk.request.get("/api/v1/staff").json()["staff"]:
        number = each["id_number"]
        if each["name"] == name and number.startswith(masked[:4]) and number.endswith(masked[-4:]):
            return Newcomer(number, name)
    raise AssertionError(f"{name} {masked} is not on the staff list")


def register(clerk: Page, person: Newcomer) -> None:
    """单位员工欠费补缴 up to 结束."""
    filing.started(clerk, "back-payment", person)
    expect(clerk.locator("#found")).to_contain_text("应补缴合计")
    filing.save(clerk)
    expect(clerk.locator("main")).to_contain_text("按月份和险种")
    filing.submit(clerk)
    filing.ended(clerk)


def issue(clerk: Page) -> str:
    """生成欠费补缴单 up to 结束. Returns the number of the order."""
    clerk.goto("/u/items/issue-order/new")
    expect(clerk.locator("main")).to_contain_text("补缴单内容")
    filing.save(clerk)
    filing.submit(clerk)
    filing.ended(clerk)
    clerk.goto("/u/bills")
    found = ORDER.search(clerk.locator("section", has=clerk.get_by_role("heading", name="欠费补缴单", exact=True)).inner_text())
    assert found
    return found[0]


def stopping(clerk: Page, person: Newcomer) -> str:
    """What 暂停缴费 says of a person."""
    clerk.goto("/u/items/stop-employee/new")
    filing.look_up(clerk, person.id_number)
    return clerk.locator("#found").inner_text()


def test_arrears_are_ordered_paid_confirmed_and_then_the_person_can_be_stopped(clerk: Page, signed_in: SignedIn, tmp_path: Path) -> None:
    person = debtor(clerk)
    assert "此人有社会保险欠费" in stopping(clerk, person)
    register(clerk, person)
    clerk.goto("/u/items/back-payment/new")
    filing.look_up(clerk, person.id_number)
    expect(clerk.locator("#found")).to_contain_text("此人的欠费补缴已登记，不用重复办理")
    number = issue(clerk)

    # 打印《单位社会保险费核定表》和《社会保险费补缴明细表》
    total = clerk.request.get(f"/api/v1/bills/{number}").json()["total"]
    shown = f"{int(total.split('.')[0]):,}.{total.split('.')[1]}"
    for path, title in (("print", "单位社会保险费核定表"), ("detail", "社会保险费补缴明细表")):
        pdf = pypdfium2.PdfDocument(clerk.request.get(f"/u/bills/{number}/{path}").body())
        words = "".join(page.get_textpage().get_text_bounded() for page in pdf).replace(" ", "").replace("\n", "").replace("\r", "")
        assert title in words and number in words and shown in words

    # 滞纳金逐笔可以解释
    clerk.goto(f"/u/bills/{number}")
    clerk.get_by_role("link", name="怎么算的").first.click()
    expect(clerk.locator("main")).to_contain_text("滞纳金怎么算的")
    expect(clerk.locator("main")).to_contain_text("每日 0.05%")

    # 到税务机关缴费后，经办机构确认到账
    finance = signed_in("finance_2")
    file = tmp_path / "到账.csv"
    paid = [(f"LS-{number}", number, "示例单位", int(total.replace(".", "")), date(2026, 11, 16))]
    file.write_bytes(receipt_file.write(f"TAX-{number}", date(2026, 11, 16), paid))
    assert "此人有社会保险欠费" in stopping(clerk, person)
    finance.goto("/w/receipts")
    finance.locator("input[type=file]").set_input_files(file)
    finance.get_by_role("button", name="上传并入账").click()
    expect(finance.get_by_text(number).first).to_be_visible()
    clerk.goto(f"/u/bills/{number}")
    expect(clerk.locator("h1 + *, main").get_by_text("已到账").first).to_be_visible()
    assert "可以办理。" in stopping(clerk, person)

    # 已有到账，不能回退
    clerk.goto("/u/items/roll-back/new")
    clerk.locator("#id_target").fill(number)
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("#errors")).to_contain_text("已有缴费到账，不能回退")


def test_before_the_receipt_an_order_is_rolled_back_and_its_people_owe_again(clerk: Page) -> None:
    person = debtor(clerk)
    register(clerk, person)
    number = issue(clerk)
    printed = clerk.request.get(f"/u/bills/{number}/print")
    assert printed.ok
    clerk.goto("/u/items/roll-back/new")
    expect(clerk.locator("#id_target")).to_have_value(number)
    expect(clerk.locator("main")).to_contain_text("将作废")
    filing.save(clerk)
    filing.submit(clerk)
    filing.ended(clerk)
    clerk.goto(f"/u/bills/{number}")
    expect(clerk.locator("main")).to_contain_text("本单已回退，不要再按它缴费")
    assert clerk.request.get(f"/u/bills/{number}/print").status == 404
    assert "此人有社会保险欠费" in stopping(clerk, person)
    clerk.goto(f"/u/arrears?q={person.name}")
    expect(clerk.locator("tbody tr", has_text=person.name).first).to_contain_text("欠费")
