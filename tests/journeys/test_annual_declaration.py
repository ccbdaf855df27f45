"""年度缴费工资申报, step by step as the guide tells it, by an ordinary unit and the agency's reviewer.

Follows seed 004, “XXXX年度社会保险缴费工资申报网上办事大厅操作流程”: 点击“单位业务办理”目录，选择“个人工资年度申报模块” → 模版下载 → 直接在表中的
“上年度月平均工资”栏中修改并保存 → 选择保存的文档上传数据 → 系统显示上传明细 → 根据身份证号查询申报错误的人员信息并可做删除处理 → 提交审批 →
已办任务列表; and the agency: 选择申报的批次查阅 → 通过输入“身份证号”查找错报人员名单，输入不通过原因，点击“保存”按钮后即可将通过和不通过数据全部提交.
Also 单位篇 九 (四): 具体操作事项以对应年度下发的文件为准.
"""

import io
import re

import openpyxl
from playwright.sync_api import Page, expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn

WAGE = "上年度月平均工资（元）*"
REASON = "与工资发放明细不一致"


def template_of(page: Page) -> openpyxl.Workbook:
    """个人工资年度申报 from the menu, and its 模板下载."""
    page.goto("/u/")
    page.get_by_role("navigation").get_by_role("link", name="个人工资年度申报").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("个人工资年度申报")
    page.get_by_role("link", name="批量办理").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("模板下载")).first.click()
    assert download.value.suggested_filename == "武汉市2027年社会保险缴费工资基数申报表.xlsx"
    return filing.opened(download.value)


def upload(page: Page, book: openpyxl.Workbook, name: str) -> None:
    """选择保存的文档上传数据, until 上传明细 stands there."""
    out = io.BytesIO()
    book.save(out)
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/vnd.ms-excel", "buffer": out.getvalue()})
    page.get_by_role("button", name="上传并校验").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("上传明细", timeout=60_000)


def test_the_yearly_declaration_from_the_template_to_the_named_rows(signed_in: SignedIn) -> None:
    clerk, reviewer = signed_in("unit"), signed_in("reviewer")

    # 模版下载：本单位职工已列好，只改“上年度月平均工资”
    book = template_of(clerk)
    sheet = book.worksheets[0]
    header = {str(cell.value): cell.column for cell in sheet[3]}
    assert list(header) == ["社保年度*", "公民身份号码*", "姓名*", WAGE]
    people = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4) if row[1].value]
    assert len(people) > 10 and {p[0] for p in people} == {"2027"} and all(p[3] > 0 for p in people)
    assert sheet.protection.sheet and sheet.cell(4, header[WAGE]).protection.locked is False and sheet.cell(4, 2).protection.locked

    low, high, wrong, kept = (str(people[i][1]) for i in range(4))
    for row, wage in ((4, 1000), (5, 99_000), (6, 12_345.67), (7, 7_000)):
        sheet.cell(row, header[WAGE]).value = wage
    stranger = filing.newcomer()
    last = 3 + len(people)
    missing = str(people[-1][1])
    for column, value in enumerate(("2027", stranger.id_number, stranger.name, 8000), start=1):
        sheet.cell(last, column).value = value  # in the place of the last one, who is left out

    # 上传明细
    upload(clerk, book, "2027年申报.xlsx")
    address = clerk.url.split("?")[0]
    expect(clerk.locator("main")).to_contain_text("此人不在本单位参保，请核对身份号码；如是新职工，请先办理增员（续保）")
    expect(clerk.locator("main")).to_contain_text("尚未公布，先按现行标准（下限 4,498.00 元，上限 22,488.00 元）试算")
    expect(clerk.locator("main")).to_contain_text("花名册上还有 1 人没有列入申报")

    # 根据身份证号查询申报错误的人员信息并可做删除处理
    clerk.locator("#find").fill(stranger.id_number)
    clerk.get_by_role("button", name="查找", exact=True).last.click()
    expect(clerk.locator("#rows-form tbody tr")).to_have_count(1)
    clerk.locator("#rows-form tbody input[type=checkbox]").check()
    clerk.get_by_role("button", name="删除选中").click()
    clerk.goto(address)
    expect(clerk.locator("main")).not_to_contain_text(stranger.name)

    # 保底封顶预览与未申报人员
    clerk.get_by_role("link", name="申报前后与未申报人员").click()
    expect(clerk.locator("tbody tr")).to_contain_text([missing[-4:]])
    clerk.get_by_role("link", name=re.compile("^保底")).last.click()
    expect(clerk.locator("tbody tr", has_text=low[-4:])).to_contain_text("4,498.00")
    clerk.get_by_role("link", name=re.compile("^封顶")).last.click()
    expect(clerk.locator("tbody tr", has_text=high[-4:])).to_contain_text("22,488.00")
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="导出 Excel").click()
    listed = filing.opened(download.value).worksheets[0]
    assert [c.value for c in listed[3]][3:] == [people[0][3], 1000, 4498, "保底"]

    # 提交审批，在已办任务列表中查询
    clerk.goto(address)
    number = filing.number_on(clerk)
    clerk.get_by_role("button", name=re.compile("^提交审批")).click()
    expect(clerk.locator("#course .notice").first).to_contain_text("等待窗口审核")
    clerk.goto(f"/u/inquiries/cases?q={number}")
    expect(clerk.locator("tbody tr")).to_contain_text("进行中")

    # 社保业务审批入口：选择批次，通过输入“身份证号”查找错报人员，输入不通过原因，保存
    reviewer.goto(f"/w/queue/waiting?q={number}")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    expect(reviewer.locator("main")).to_contain_text("个人工资年度申报审核")
    expect(reviewer.locator("main")).to_contain_text("花名册上还有 1 人没有列入申报")
    reviewer.locator("#id_other").fill(REASON)
    reviewer.locator("#find-row").fill(f"{wrong} {kept}")
    reviewer.get_by_role("button", name="查找", exact=True).click()
    expect(reviewer.get_by_text("找到 2 人。")).to_be_visible()
    reviewer.locator("tbody tr", has_text=wrong).locator("input[type=checkbox]").check()
    reviewer.get_by_role("button", name="把勾选的人加入退回名单").click()
    expect(reviewer.locator("#id_listed")).to_have_value(re.compile(f"^{wrong} .+ {REASON}$"))
    reviewer.get_by_role("button", name="名单内退回，其余通过").click()
    expect(reviewer.get_by_text(f"{len(people) - 2} 人通过并已生效，1 人退回")).to_be_visible()

    # 单位：回退标志 是、回退原因；工资申报审核结果；花名册里是 2027 年 1 月起的工资
    clerk.goto(f"/u/todo?q={number}")
    expect(clerk.locator("tbody tr", has_text=number)).to_contain_text(REASON)
    clerk.goto(f"/u/inquiries/wages?number={number}&state=returned")
    expect(clerk.locator("tbody tr")).to_have_count(1)
    expect(clerk.locator("tbody tr")).to_contain_text(REASON)
    clerk.goto(f"/u/staff?q={kept}")
    clerk.locator("tbody tr a").first.click()
    expect(clerk.locator("main")).to_contain_text("7,000.00")
    expect(clerk.locator("main")).to_contain_text("2027 年 1 月")

    # 退回的人改好重报，还是这个业务顺序号
    clerk.goto(address)
    clerk.get_by_role("button", name=re.compile("^提交审批")).click()
    expect(clerk.locator("#course .notice").first).to_contain_text("等待窗口审核")
    reviewer.goto(f"/w/queue/waiting?q={number}")
    expect(reviewer.locator("main")).to_contain_text(number)


def test_all_may_be_wrong_and_the_whole_batch_goes_back(signed_in: SignedIn) -> None:
    """若所有数据均申报错误，可通过“退单”回退所有数据; 若全部申报错误，输入批量不通过原因，并点击“保存”按钮回退全部数据."""
    clerk, reviewer = signed_in("unit2"), signed_in(None)
    book = template_of(clerk)
    upload(clerk, book, "全部有误.xlsx")
    clerk.get_by_role("link", name="退单", exact=True).click()
    clerk.get_by_role("button", name="退单", exact=True).click()
    expect(clerk.locator("main")).to_contain_text("已退单")
    reviewer.goto("/items/annual-wages")
    expect(reviewer.locator("main")).to_contain_text("以社保经办机构当年下发的文件为准")


def test_a_vip_units_declaration_passes_by_itself(signed_in: SignedIn) -> None:
    """VIP单位办理的业务全部由系统自动审核: one person, by the form, with the base before and after."""
    clerk = signed_in("vip")
    (who,) = filing.staff_of(clerk, 1)
    clerk.goto("/u/items/annual-wages/new")
    expect(clerk.locator("#id_year")).to_have_value("2027")
    filing.fill(clerk, {"id_number": who[0], "average_wage": "30000"})
    expect(clerk.locator("#found")).to_contain_text("现申报工资")
    expect(clerk.locator("#id_name")).to_have_value(who[1])
    filing.save(clerk)
    expect(clerk.locator("main")).to_contain_text("22,488.00")
    expect(clerk.locator("main")).to_contain_text("封顶 1 人")
    filing.submit(clerk)
    expect(clerk.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible(timeout=30_000)
