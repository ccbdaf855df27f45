"""What journeys share: people who are insured nowhere yet, and the hands of a clerk filling in a form."""

import io
import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import openpyxl
from playwright.sync_api import Download, Page, expect

from shebao.base.identifiers import make_id_number
from shebao.base.terms import INSURANCES, SHORT_LABELS, Insurance

AREA = "420198"  # never assigned by GB/T 2260, and not the area of the demo city
NUMBER = re.compile(r"[A-Z]{2}\d{8}-\d{6}")
SURNAMES, GIVEN = "赵钱孙李周吴郑王", "安宁康泰明华伟芳敏静丽强磊军洋勇艳杰娟涛超秀霞平刚桂英文辉玲"
TYPES = tuple(i for i in INSURANCES if i is not Insurance.MATERNITY)  # what the units of the demo city insure
# Halls may stand for several runs (SHEBAO_TEST_HALL), so people are drawn by chance; a failed test shows whom it drew.
_CHANCE = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody of working age whose number is valid in form, and unissued."""

    id_number: str
    name: str
    wage: str = "7300"
    mobile: str = "13800005678"


def newcomer(wage: str = "7300") -> Newcomer:
    """A person whom the hall does not know, with a rare character in the name; 24 to 38 years old, which fits women and men."""
    born = date(1988, 12, 1) + timedelta(days=_CHANCE.randrange(14 * 365))
    name = f"{_CHANCE.choice(SURNAMES)}䶮{''.join(_CHANCE.choices(GIVEN, k=2))}"
    return Newcomer(make_id_number(AREA, born, _CHANCE.randrange(1, 1000)), name, wage)


def typed(person: Newcomer, **other: str) -> dict[str, str]:
    """What a clerk types for an addition, by field name."""
    return {"id_number": person.id_number, "name": person.name, "mobile": person.mobile, "declared_wage": person.wage, **other}


def look_up(page: Page, id_number: str) -> None:
    """Type the number and leave the field; the panel 人员情况 answers by itself."""
    field = page.locator("#id_id_number")
    field.fill(id_number)
    with page.expect_response(lambda answer: answer.url.endswith("/lookup")):
        field.press("Tab")
    # The answer puts a new field in the place of the old one; what comes next must not fall into the gap.
    expect(page.locator("#found dl, #found .notice").first).to_be_visible()


def fill(page: Page, values: Mapping[str, str]) -> None:
    """Fill the controls of a form, top to bottom, and let the last one say what it thinks before going on."""
    if "id_number" in values:
        look_up(page, values["id_number"])
    for name, value in values.items():
        if name == "id_number":
            continue
        control = page.locator(f"#id_{name}")
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    page.locator("h1").click()
    settled(page)


def settled(page: Page) -> None:
    """Until every field that was left has had its answer."""
    page.wait_for_function("() => !document.querySelector('.htmx-request')")


def save(page: Page) -> str:
    """保存, and the 业务顺序号 that the page 核对 shows."""
    page.get_by_role("button", name="保存，去核对").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("核对")
    return number_on(page)


def number_on(page: Page) -> str:
    """The first 业务顺序号 in the content of a page."""
    found = NUMBER.search(page.locator("main").inner_text())
    assert found, page.locator("main").inner_text()[:400]
    return found[0]


def submit(page: Page) -> None:
    """提交审批 (or 重新提交) on the page 核对."""
    page.get_by_role("button", name=re.compile("^(提交审批|重新提交)$")).click()
    expect(page.locator("#course")).to_be_visible()


def added(page: Page, person: Newcomer) -> str:
    """A whole addition up to 提交审批. Returns its 业务顺序号."""
    page.goto("/u/items/add-employee/new")
    fill(page, typed(person))
    number = save(page)
    submit(page)
    return number


def filled(template: bytes, rows: Sequence[Mapping[str, str]]) -> tuple[bytes, int]:
    """The downloaded template with rows in it, each by the labels of its columns.

    Returns: the workbook, and the number of the first row.
    """
    book = openpyxl.load_workbook(io.BytesIO(template))
    sheet = book.worksheets[0]
    header = next(line for line in sheet.iter_rows(max_row=10) if any(str(c.value or "").startswith("公民身份号码") for c in line))
    columns = {re.split(r"[*（(]", str(c.value))[0].strip(): c.column for c in header if c.value}
    first = header[0].row + 1
    for i, row in enumerate(rows):
        for label, value in row.items():
            if value:
                sheet.cell(first + i, columns[label]).value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue(), first


def sheet_of(path: Path) -> list[list[str]]:
    """The lines of a downloaded list: title, header, rows."""
    sheet = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True).worksheets[0]
    return [["" if cell is None else str(cell) for cell in line] for line in sheet.iter_rows(values_only=True)]


def opened(download: Download) -> openpyxl.Workbook:
    """A workbook that the browser was given."""
    return openpyxl.load_workbook(io.BytesIO(download.path().read_bytes()))


def staff_of(page: Page, heads: int) -> list[tuple[str, str]]:
    """ID number and name of the last people of the 花名册, as it is exported."""
    page.goto("/u/staff")
    with page.expect_download() as download:
        page.get_by_role("link", name="导出 Excel").first.click()
    sheet = opened(download.value).worksheets[0]
    rows = [[str(cell.value) for cell in row] for row in sheet.iter_rows(min_row=3)]
    return [(row[2], row[3]) for row in rows[-heads:]]


def ticked(types: Collection[Insurance]) -> dict[str, str]:
    """The columns 参保险种 of a row, 是 or 否."""
    return {f"参保险种：{SHORT_LABELS[i]}": "是" if i in types else "否" for i in INSURANCES}


def told(page: Page) -> list[str]:
    """The sentences of the error summary."""
    return page.locator("#errors li").all_inner_texts()


ENDS_WITHIN_MS = 15_000


def ended(page: Page) -> None:
    """The state reaches 结束 by itself: nobody presses anything."""
    expect(page.locator("#course .notice").get_by_text("结束", exact=True)).to_be_visible(timeout=ENDS_WITHIN_MS)


def lists(page: Page, person: Newcomer, month: str = "") -> bool:
    """Whether the 花名册 of a month (this one) has the person."""
    page.goto(f"/u/staff?month={month}&q={person.id_number}")
    return page.get_by_role("link", name=person.name, exact=True).count() == 1


def started(page: Page, slug: str, person: Newcomer) -> None:
    """Open an item and look a person up, whose registered name the page fills in."""
    page.goto(f"/u/items/{slug}/new")
    look_up(page, person.id_number)
    expect(page.locator("#id_name")).to_have_value(person.name)


def declare(page: Page, month: int) -> None:
    """月度申报 or 补申报 of a month, unless it is declared already."""
    page.goto(f"/u/months/{month}")
    confirm = page.get_by_role("link", name=re.compile("^(确认申报|补申报)$"))
    if confirm.count():
        confirm.first.click()
        page.get_by_role("dialog").get_by_role("button", name="确认申报").click()
        ended(page)
