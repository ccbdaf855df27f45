"""The reviewer's desk, side by side: the data with pins left, the unit's scans right, reasons as templates, keys that move the focus.

Follows seed 004: 职工新增及续保业务 所需资料 ("劳动合同书或其他用工证明材料"; "参保职工电子相片(系统内无电子相片时需提供)"), 业务操作流程概述 ("普通单位经办的
业务需携带相关资料报社保经办机构审核"; "审核不通过的业务进待办任务列表，业务状态为“未提交”，回退标志为“是”") and 社保业务审批入口 ("输入不通过原因").
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import face_checks, filing
from tests.journeys.conftest import SignedIn
from tests.journeys.test_ordinary_unit import passed, taken
from tests.pictures import pdf, picture

REASON = "劳动合同缺少签字页，请补充"
CONTRACT = "劳动合同书或其他用工证明材料"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a clerk has on the disk."""
    place = tmp_path_factory.mktemp("scans")
    made = {
        "相片.png": picture(kind="PNG"),
        "小图.jpg": picture(90, 120),
        "合同第1页.jpg": picture(1240, 1754),
        "合同.pdf": pdf(),
        "表格.pdf": b"PK not a pdf",
    }
    for name, content in made.items():
        Path(place / name).write_bytes(content)
    return {name: str(place / name) for name in made}


def attach(clerk: Page, material: str, file: str) -> None:
    """Upload a scan of one material on the page of a draft."""
    row = clerk.locator(".scans > li", has_text=material)
    row.locator("input[type=file]").set_input_files(file)
    row.get_by_role("button", name="上传").click()


def test_a_filing_with_photo_and_scans_is_reviewed_side_by_side(signed_in: SignedIn, files: dict[str, str]) -> None:
    """录入带相片 → 上传资料 → 提交 → 领取，对照资料 → 退回（标记栏目、选原因）→ 单位补资料 → 通过."""
    person = filing.newcomer(wage="6900")
    clerk, reviewer = signed_in("unit"), signed_in("reviewer")
    clerk.goto("/u/items/add-employee/new")
    filing.fill(clerk, filing.typed(person))

    # 相片：不合要求的当场说清楚；合要求的先看到再保存
    clerk.locator("#id_photo").set_input_files(files["小图.jpg"])
    expect(clerk.locator("[data-photo-shown]")).to_be_visible()
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("#errors")).to_contain_text("相片只有 90×120 像素")
    clerk.locator("#id_photo").set_input_files(files["相片.png"])
    number = filing.save(clerk)
    expect(clerk.locator("main img.photo")).to_be_visible()
    assert clerk.locator("main img.photo").evaluate("i => i.complete && i.naturalWidth") == 358

    # 资料：格式不对的说清楚；扫描件和 PDF 都能传
    attach(clerk, CONTRACT, files["表格.pdf"])
    expect(clerk.locator("#errors")).to_contain_text("资料只收 PDF、JPG 或 PNG 格式")
    attach(clerk, CONTRACT, files["合同第1页.jpg"])
    expect(clerk.locator(".scans")).to_contain_text("合同第1页.jpg")
    filing.submit(clerk)
    expect(clerk.locator("#h-materials")).to_be_visible()
    expect(clerk.locator(".scans input[type=file]")).to_have_count(0)

    # 窗口：左边申报内容，右边资料
    taken(reviewer, number)
    scan = reviewer.locator(".scan img")
    assert scan.evaluate("i => (i.scrollIntoView(), i.decode().then(() => i.naturalWidth))") == 1240
    left, right = (reviewer.locator(place).first.bounding_box() for place in (".filed", ".scan"))
    assert left is not None and right is not None and left["x"] + left["width"] <= right["x"]
    before = scan.bounding_box()
    reviewer.get_by_role("button", name="放大合同第1页.jpg").click()
    after = scan.bounding_box()
    assert before is not None and after is not None and after["width"] > before["width"] * 1.4
    reviewer.get_by_role("button", name="旋转合同第1页.jpg").click()
    expect(reviewer.locator(".scan")).to_have_attribute("data-turned", "1")
    expect(reviewer.locator(".filed img.photo")).to_be_visible()
    assert face_checks.axe(reviewer) == [] and face_checks.overflow(reviewer) == []

    # 快捷键只移动焦点，回车才办；可以关掉
    reviewer.locator("h1").click()
    reviewer.keyboard.press("r")
    expect(reviewer.get_by_role("button", name="退回", exact=True)).to_be_focused()
    reviewer.keyboard.press("p")
    expect(reviewer.get_by_role("button", name="通过", exact=True)).to_be_focused()
    reviewer.get_by_role("button", name=re.compile("^快捷键")).click()
    reviewer.locator("h1").click()
    reviewer.keyboard.press("r")
    expect(reviewer.get_by_role("button", name="退回", exact=True)).not_to_be_focused()
    reviewer.get_by_role("button", name=re.compile("^快捷键")).click()

    # 退回：原因模板、标记栏目
    reviewer.get_by_label(REASON).check()
    reviewer.get_by_label("申报工资需要修改").check()
    reviewer.get_by_role("button", name="退回", exact=True).click()
    expect(reviewer.get_by_text("已退回单位")).to_be_visible()

    # 单位：标红的栏目，补传 PDF，重新提交
    clerk.goto(f"/u/todo?q={number}")
    clerk.locator("tbody tr", has_text=number).get_by_role("link", name="修改重报").click()
    expect(clerk.locator("#id_declared_wage_box")).to_have_class(re.compile("is-bad"))
    expect(clerk.locator("[data-photo-shown]")).to_be_visible()
    filing.fill(clerk, {"declared_wage": "7100"})
    assert filing.save(clerk) == number
    attach(clerk, CONTRACT, files["合同.pdf"])
    expect(clerk.locator(".scans")).to_contain_text("合同.pdf")
    filing.submit(clerk)

    taken(reviewer, number)
    expect(reviewer.locator("main")).to_contain_text("第 2 次提交")
    expect(reviewer.locator(".viewer")).to_contain_text("扫描件 2 份")
    with reviewer.expect_download() as download:
        reviewer.get_by_role("link", name="下载 PDF").click()
    assert Path(download.value.path()).read_bytes() == pdf()
    passed(reviewer)


def test_rows_of_a_batch_are_walked_by_keys(signed_in: SignedIn) -> None:
    """批量：上传三人的名册，提交；窗口用 j、k 在人员之间移动."""
    clerk, reviewer = signed_in("unit"), signed_in("reviewer")
    template = clerk.request.get("/u/items/add-employee/template.xlsx").body()
    people = [filing.newcomer() for _ in range(3)]
    rows = [
        {"公民身份号码": p.id_number, "姓名": p.name, "民族": "汉族", "申报工资": p.wage, **filing.ticked(filing.TYPES)} for p in people
    ]
    content, _ = filing.filled(template, rows)
    clerk.goto("/u/items/add-employee/batch")
    clerk.locator("input[type=file]").set_input_files({"name": "名册.xlsx", "mimeType": "application/octet-stream", "buffer": content})
    clerk.get_by_role("button", name="上传并校验").click()
    clerk.get_by_role("button", name=re.compile("^提交审批")).first.click(timeout=60_000)
    expect(clerk.locator("#course")).to_be_visible()
    number = filing.number_on(clerk)

    reviewer.goto(f"/w/queue/waiting?q={number}")
    reviewer.get_by_role("button", name=re.compile(f"领取.*{number}")).click()
    boxes = reviewer.locator("[data-pick]")
    expect(boxes).to_have_count(3)
    reviewer.locator("h1").click()
    for key, place in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        reviewer.keyboard.press(key)
        expect(boxes.nth(place)).to_be_focused()
    reviewer.keyboard.press("Space")
    expect(boxes.nth(1)).to_be_checked()
    reviewer.keyboard.press("p")
    expect(reviewer.get_by_role("button", name="批量审核通过")).to_be_focused()
    reviewer.get_by_role("button", name="放回队列").click()


def test_without_scripts_photo_and_scans_work_the_same(signed_in: SignedIn, files: dict[str, str]) -> None:
    """The form alone: a photo is kept while other fields are wrong; scans are uploaded by their own button."""
    person = filing.newcomer()
    clerk = signed_in("unit", scripts=False, width=390, height=844)
    clerk.goto("/u/items/add-employee/new")
    for name, value in {**filing.typed(person), "declared_wage": "七千"}.items():
        clerk.locator(f"#id_{name}").fill(value)
    clerk.locator("#id_photo").set_input_files(files["相片.png"])
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("#errors")).to_contain_text("金额请只填数字")
    expect(clerk.locator("[data-photo-shown]")).to_be_visible()
    clerk.locator("#id_declared_wage").fill("7000")
    for box in clerk.locator("#id_insurances_box input[type=checkbox]").all():
        if box.get_attribute("value") != "510":
            box.check()
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.get_by_role("heading", level=1)).to_contain_text("核对")
    expect(clerk.locator("main img.photo")).to_be_visible()
    attach(clerk, CONTRACT, files["合同.pdf"])
    expect(clerk.locator(".scans")).to_contain_text("合同.pdf")
