"""批量办理 第1步 to 第6步, as the guide tells them for 暂停缴费.

Follows seed 004, 操作指南（单位篇）下: 点击‘暂停缴费’ → 【批量办理】 → 【模板下载】 → 【浏览】【上传】 → “可点击【下载导入失败列表】查看错误原因” →
“勾选信息有误或暂不需办理的人员进行删除处理” → 【提交审批】 → ‘已办任务列表’ → “‘批量减员审核结果查询’查看审核结果”; and 【退单】.
"""

import io
import re

import openpyxl
from playwright.sync_api import expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn

REASON = "缺少解除劳动关系证明"


def test_the_six_steps_of_a_batch(signed_in: SignedIn) -> None:
    clerk, reviewer = signed_in("unit"), signed_in("reviewer")
    leaving = filing.staff_of(clerk, 4)

    # 第1、2、3步
    clerk.goto("/u/")
    clerk.get_by_role("navigation").get_by_role("link", name="暂停缴费").first.click()
    clerk.get_by_role("link", name="批量办理").first.click()
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name=re.compile("模板下载")).first.click()
    stranger = filing.newcomer()
    rows = [{"公民身份号码": number, "姓名": name} for number, name in [*leaving, (stranger.id_number, stranger.name)]]
    book = filing.opened(download.value)
    labels = [str(cell.value) for cell in book.worksheets[0][3]]
    why = next(label for label in labels if "原因" in label)
    content, _ = filing.filled(download.value.path().read_bytes(), [row | {re.split(r"[*（(]", why)[0]: "辞职"} for row in rows])
    reasons = _choices(book)
    content = _with(content, why, reasons[0])

    # 第4步：上传，失败的行有原因，可下载导入失败列表
    clerk.locator("input[type=file]").set_input_files({"name": "减员.xlsx", "mimeType": "application/vnd.ms-excel", "buffer": content})
    clerk.get_by_role("button", name="上传并校验").click()
    expect(clerk.get_by_role("heading", level=1)).to_contain_text("上传明细", timeout=60_000)
    address = clerk.url.split("?")[0]
    expect(clerk.locator("main")).to_contain_text("此人不在本单位参保，请核对身份号码")
    with clerk.expect_download() as failed:
        clerk.get_by_role("link", name="下载导入失败列表").click()
    listed = filing.opened(failed.value).worksheets[0]
    wrong = [[cell.value for cell in row] for row in listed.iter_rows(min_row=4) if row[0].value]
    assert len(wrong) == 1 and stranger.id_number in wrong[0] and "此人不在本单位参保" in str(wrong[0][-1])

    # 勾选有误或暂不需办理的人员删除
    for who in (stranger.id_number, leaving[0][0]):
        clerk.goto(f"{address}?q={who}")
        clerk.locator("#rows-form tbody input[type=checkbox]").check()
        clerk.get_by_role("button", name="删除选中").click()
    clerk.goto(address)
    number = filing.number_on(clerk)
    clerk.get_by_role("button", name="提交审批（3）").click()
    expect(clerk.locator("#course .notice").first).to_contain_text("等待窗口审核")

    # 第5步：普通用户到辖区社保处办理审核；一人退回，其余通过
    reviewer.goto(f"/w/queue/waiting?q={number}")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    reviewer.locator("#id_listed").fill(f"{leaving[1][0]} {REASON}")
    reviewer.get_by_role("button", name="名单内退回，其余通过").click()
    expect(reviewer.get_by_text("2 人通过并已生效，1 人退回")).to_be_visible()
    clerk.goto(f"/u/todo?q={number}")
    row = clerk.locator("tbody tr", has_text=number)
    expect(row).to_contain_text(REASON)
    expect(row.locator("td").nth(3)).to_have_text("是")

    # 第6步：批量减员审核结果查询
    clerk.get_by_role("navigation").get_by_role("link", name="批量减员审核结果查询").first.click()
    clerk.locator("input[name=number]").fill(number)
    clerk.get_by_role("button", name="查询").click()
    expect(clerk.locator("tbody tr")).to_have_count(3)
    expect(clerk.locator("tbody tr", has_text=leaving[1][1])).to_contain_text(REASON)
    expect(clerk.locator("tbody tr", has_text=leaving[2][0][-4:])).to_contain_text("通过")
    with clerk.expect_download() as results:
        clerk.get_by_role("link", name="导出 Excel").click()
    sheet = filing.opened(results.value).worksheets[0]
    states = {row[3].value: (row[4].value, row[5].value) for row in sheet.iter_rows(min_row=3)}
    assert states == {leaving[1][0]: ("已退回", REASON), leaving[2][0]: ("通过", None), leaving[3][0]: ("通过", None)}


def _choices(book: openpyxl.Workbook) -> list[str]:
    """The reasons that the template's hidden list offers."""
    sheet = book["字典"]
    return [str(cell.value) for column in sheet.iter_cols() for cell in column if cell.value and cell.value not in ("是", "否")]


def _with(content: bytes, header: str, value: str) -> bytes:
    """A workbook with a value in a column of every row."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    column = next(cell.column for cell in sheet[3] if cell.value == header)
    for row in range(4, sheet.max_row + 1):
        if sheet.cell(row, 1).value:
            sheet.cell(row, column).value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
