"""参保证明 of many people as one zip, and anyone may verify each (seed 001: 参保证明打印)."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pypdf
from playwright.sync_api import expect

from tests.journeys.conftest import SignedIn


def test_many_certificates_are_ordered_made_fetched_and_verified(signed_in: SignedIn, tmp_path: Path) -> None:
    page = signed_in("vip")
    page.goto("/u/certificates")
    page.get_by_role("link", name="批量出具（压缩包）").click()
    page.get_by_label("粘贴身份号码").check()
    page.locator("#id_numbers").fill("420199199001011234")
    page.get_by_role("button", name="开始出具").click()
    expect(page.locator("#errors")).to_contain_text("第 1 个“420199199001011234”")

    page.get_by_label("按姓名或身份号码筛选").check()
    page.locator("#id_q").fill("王")
    page.locator("#id_purpose").fill("招标投标")
    page.get_by_role("button", name="开始出具").click()
    expect(page.get_by_role("link", name="下载压缩包")).to_be_visible(timeout=180_000)  # by itself, from the job process
    with page.expect_download() as fetched:
        page.get_by_role("link", name="下载压缩包").click()
    file = tmp_path / "all.zip"
    fetched.value.save_as(file)

    archive = zipfile.ZipFile(file)
    assert archive.testzip() is None
    rows = list(openpyxl.load_workbook(io.BytesIO(archive.read("清单.xlsx"))).worksheets[0].iter_rows(min_row=2, values_only=True))
    head, people = list(rows[0]), rows[1:]
    assert len(people) == len(archive.namelist()) - 1 > 20
    codes = [str(row[head.index("验证码")]) for row in people]
    assert len(set(codes)) == len(codes)
    last = people[-1]
    text = "".join(each.extract_text() for each in pypdf.PdfReader(io.BytesIO(archive.read(str(last[head.index("文件名")])))).pages)
    assert str(last[head.index("姓名")]) in text and codes[-1] in text and "招标投标" in text

    visitor = signed_in(None, width=390, height=844)
    visitor.goto(f"/v/{codes[-1]}")
    expect(visitor.locator("main")).to_contain_text("有效")
    expect(visitor.locator("main")).to_contain_text("社会保险参保证明")
    other = signed_in("unit")
    assert other.request.get(page.url + ".zip").status == 404
