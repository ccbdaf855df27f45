"""From a clerk's Excel roster to a paid, proven contribution: the main job, told through the browser.

Follows seed 004: 批量办理 第1步至第6步, 业务操作流程概述, 欠费与到账; and the public 凭证验真.
"""

import io
import re
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pypdfium2
import zxingcpp
from playwright.sync_api import Page, expect

from shebao.base.identifiers import make_id_number
from shebao.gateways import receipt_file
from tests.journeys.conftest import Hall, SignedIn

ROWS, BAD = 200, 10
AREA = "420199"  # never assigned by GB/T 2260


def person(i: int) -> dict[str, object]:
    """Row i of the roster: a new employee, valid but unissued."""
    return {
        "公民身份号码": make_id_number(AREA, date(1990, 1, 1) + timedelta(days=11 * i), 500 + i % 400),
        "姓名": "赵钱孙李周"[i % 5] + "䶮㛃伟芳敏"[i % 5] + "明华"[i % 2],
        "民族": "汉族",
        "手机号码": f"138{i:08d}",
        "申报工资": 6000 + 10 * i,
        "追溯补缴起始月": "",
    }


WRONG = {
    3: ("公民身份号码", lambda p: str(p["公民身份号码"])[:17]),
    7: ("姓名", lambda p: ""),
    15: ("申报工资", lambda p: "8,000元"),
    20: ("追溯补缴起始月", lambda p: "202601"),
    33: ("民族", lambda p: "外星族"),
    41: ("公民身份号码", lambda p: float(str(p["公民身份号码"])[:17] + "0")),
    58: ("手机号码", lambda p: "12345"),
    77: ("申报工资", lambda p: "-5"),
    99: ("追溯补缴起始月", lambda p: "209912"),
    150: ("姓名", lambda p: "张3丰"),
}


def filled(template: bytes) -> bytes:
    """The downloaded template with 200 people, ten of them wrong."""
    book = openpyxl.load_workbook(io.BytesIO(template))
    sheet = book.worksheets[0]
    header = next(row for row in sheet.iter_rows(max_row=10) if any(str(c.value or "").startswith("公民身份号码") for c in row))
    columns = {str(c.value).split("*")[0].split("（")[0].split("(")[0].strip(): c.column for c in header if c.value}
    first = header[0].row + 1
    for i in range(ROWS):
        values = person(i)
        if i in WRONG:
            name, spoil = WRONG[i]
            values[name] = spoil(values)
        for name, value in values.items():
            if value != "":
                sheet.cell(first + i, columns[name]).value = value  # type: ignore[assignment]
        for name, column in columns.items():
            if name.startswith("参保险种："):
                sheet.cell(first + i, column).value = "否" if name.endswith("生育") else "是"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def figure(page: Page, label: str) -> int:
    """One of the figures 共 = 通过 + 错误 + 提醒."""
    text = page.locator("#figures").inner_text()
    match = re.search(rf"{label}[^0-9]*([0-9,]+)", text)
    assert match, text
    return int(match[1].replace(",", ""))


def repair(page: Page, row: int, label: str, value: str) -> None:
    """Mend one cell in the page and save the row; only that row is swapped."""
    line = page.locator(f"#row-{row}")
    line.get_by_label(re.compile(label)).first.fill(value)
    line.get_by_role("button", name="保存").click()
    expect(page.locator(f"#row-{row}").get_by_text(re.compile("已通过|通过|可提交")).first).to_be_visible()


def test_a_roster_becomes_a_paid_month_and_a_certificate(hall: Hall, signed_in: SignedIn, tmp_path: Path) -> None:
    clerk = signed_in("unit")
    # 模板下载 → 填写 → 上传
    clerk.goto("/u/items/add-employee/batch")
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name=re.compile("模板下载")).click()
    roster = tmp_path / "增员名册.xlsx"
    roster.write_bytes(filled(Path(download.value.path()).read_bytes()))
    clerk.locator("input[type=file]").set_input_files(roster)
    clerk.get_by_role("button", name="上传并校验").click()
    expect(clerk.locator("#figures")).to_be_visible(timeout=60_000)
    address = clerk.url.split("?")[0]
    assert figure(clerk, "错误") == BAD
    assert figure(clerk, "共") == ROWS

    # 在页面里修改三行
    first = int(clerk.locator("tr[id^=row-]").first.get_attribute("id").removeprefix("row-")) - 3  # type: ignore[union-attr]
    repair(clerk, first + 3, "公民身份号码", str(person(3)["公民身份号码"]))
    repair(clerk, first + 7, "姓名", str(person(7)["姓名"]))
    repair(clerk, first + 15, "申报工资", "8000")
    clerk.goto(address)
    assert figure(clerk, "错误") == BAD - 3

    # 提交其余的；错误的留作草稿
    clerk.get_by_role("button", name=re.compile("提交审批（193）")).click()
    expect(clerk.get_by_text("进行中").first).to_be_visible()
    number = re.search(r"ZY\d{8}-\d{6}", clerk.content())[0]  # type: ignore[index]

    # 审核：退回一人，其余通过
    reviewer = signed_in("reviewer")
    reviewer.goto("/w/queue/waiting")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    returned = str(person(50)["公民身份号码"])
    reviewer.get_by_label("退回名单").fill(f"{returned} 劳动合同缺少签字页，请补充")
    reviewer.get_by_role("button", name="名单内退回，其余通过").click()
    expect(reviewer.get_by_text("劳动合同缺少签字页，请补充").first).to_be_visible()

    # 单位看到回退原因，修改后重新提交，仍是同一个业务顺序号
    clerk.goto("/u/todo")
    expect(clerk.get_by_text("劳动合同缺少签字页，请补充").first).to_be_visible()
    clerk.goto(address)
    line = clerk.locator("tr[id^=row-]", has_text=returned)
    line.get_by_label(re.compile("手机号码")).first.fill("13900001111") if line.get_by_label(re.compile("手机号码")).count() else None
    if line.get_by_role("button", name="保存").count():
        line.get_by_role("button", name="保存").click()
        clerk.wait_for_timeout(500)
        clerk.goto(address)
    clerk.get_by_role("button", name=re.compile("提交审批（1）")).click()
    expect(clerk.get_by_text(number).first).to_be_visible()
    reviewer.goto("/w/queue/waiting")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    reviewer.get_by_role("button", name=re.compile("批量审核通过|^通过$")).first.click()
    clerk.goto(address)
    expect(clerk.get_by_text("结束").first).to_be_visible()

    # 月度核定
    finance = signed_in("finance")
    finance.goto("/w/months")
    finance.locator("#m202611 td.tight a, #m202611 td.tight button").first.click()
    finance.locator("dialog[open]").get_by_role("button", name=re.compile("核定")).click()
    expect(finance.locator("#m202611").get_by_text("已核定")).to_be_visible(timeout=90_000)

    # 核定单 → 到账文件 → 已到账
    clerk.goto("/u/bills")
    clerk.get_by_role("link", name=re.compile("HD202611-")).first.click()
    bill = re.search(r"HD202611-\d{7}", clerk.url)[0]  # type: ignore[index]
    from_api = clerk.request.get(f"/api/v1/bills/{bill}").json()
    total = from_api["total"]
    assert clerk.get_by_text(f"{float(total):,.2f}").count() > 0
    file = tmp_path / "到账.csv"
    amount_fen = int(total.replace(".", ""))
    file.write_bytes(
        receipt_file.write("WH20261116-01", date(2026, 11, 16), [("LS-0001", bill, "示例单位", amount_fen, date(2026, 11, 16))])
    )
    finance.goto("/w/receipts")
    finance.locator("input[type=file]").set_input_files(file)
    finance.get_by_role("button", name="上传并入账").click()
    expect(finance.get_by_text(bill).first).to_be_visible()
    clerk.goto(f"/u/bills/{bill}")
    expect(clerk.get_by_text("已到账").first).to_be_visible()
    finance.goto("/w/receipts")
    finance.locator("input[type=file]").set_input_files(file)
    finance.get_by_role("button", name="上传并入账").click()
    expect(finance.get_by_text("没有重复处理").first).to_be_visible()

    # 一个人的金额，每一步都有依据
    clerk.goto(f"/u/bills/{bill}")
    clerk.locator(f"a[href^='/u/bills/{bill}/people/']").first.click()
    expect(clerk.get_by_text(re.compile("费率")).first).to_be_visible()

    # 参保证明，扫码验真
    clerk.goto("/u/certificates?kind=person")
    clerk.get_by_label("姓名或身份号码").fill(str(person(50)["公民身份号码"]))
    clerk.get_by_role("button", name="查找").click()
    clerk.locator("input[name=person]").first.check()
    clerk.get_by_role("button", name="出具证明").click()
    issued = clerk.locator("tr.is-fixed").get_by_role("link", name="下载打印").get_attribute("href")
    pdf = pypdfium2.PdfDocument(clerk.request.get(f"{hall.address}{issued}").body())
    codes = [code.text for page in pdf for code in zxingcpp.read_barcodes(page.render(scale=3).to_pil())]
    assert len(codes) == 1
    assert codes[0].startswith(f"{hall.address}/v/")
    anyone = signed_in(None)
    anyone.goto(codes[0])
    expect(anyone.get_by_text("有效", exact=True).first).to_be_visible()
    assert str(person(50)["公民身份号码"]) not in anyone.content(), "a stranger sees masked numbers only"
