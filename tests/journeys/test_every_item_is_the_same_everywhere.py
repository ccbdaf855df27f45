"""One declaration of an item, four surfaces: the same mistakes are told in the same words, with the same codes, on the page, in the
workbook, in the 导入失败列表 and by the API.

Follows seed 004: 批量办理 第4步 ("若模板里人员资料填写不符合要求，该人员记录导入时会失败，可点击【下载导入失败列表】查看错误原因") and 二、(四) 注意事项.
"""

import html
import io
import re
import uuid
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

import openpyxl
from playwright.sync_api import APIResponse, Page, expect

from shebao.base.identifiers import make_id_number
from shebao.base.terms import INSURANCES, Insurance
from tests.journeys import filing
from tests.journeys.conftest import PASSWORD, SignedIn

Row = dict[str, str | list[str]]
Told = list[tuple[str, str, str | None, str | None]]  # code, sentence, field, suggestion

LABELS = {
    "id_number": "公民身份号码",
    "name": "姓名",
    "ethnicity": "民族",
    "mobile": "手机号码",
    "declared_wage": "申报工资",
    "backdated_from": "追溯补缴起始月",
}
REASON = "错误原因"
ADDRESS = "/u/items/add-employee/new"


def codes(insurances: Sequence[Insurance]) -> list[str]:
    return [str(i.value) for i in insurances]


def right() -> Row:
    """A row without a mistake."""
    return {**filing.typed(filing.newcomer()), "ethnicity": "汉族", "insurances": codes(filing.TYPES), "backdated_from": ""}


def mistakes(insured_elsewhere: str) -> dict[str, tuple[str, Row]]:
    """Ten rows with their mistakes, and the codes they must have."""
    number = filing.newcomer().id_number
    wrong_check = number[:17] + ("0" if number[17] != "0" else "1")
    return {
        "too short a number": ("FLD-11", {"id_number": number[:17]}),
        "a wrong check character": ("FLD-11", {"id_number": wrong_check}),
        "no name": ("FLD-01", {"name": ""}),
        "a wrong dot in the name": ("FLD-14", {"name": "买买提.阿卜杜拉"}),
        "a wage that is no amount": ("FLD-20", {"declared_wage": "八千"}),
        "a people that is not on the list": ("FLD-30", {"ethnicity": "外星族"}),
        "insured elsewhere under another name": ("ENR-01 ENR-02", {"id_number": insured_elsewhere}),
        "too old for the net": ("ENR-04", {"id_number": make_id_number(filing.AREA, date(1950, 5, 5), 7)}),
        "one type too few": ("ENR-05", {"insurances": codes(filing.TYPES[1:])}),
        "back for too long": ("ENR-07", {"backdated_from": "202608"}),
    }


def by_page(clerk: Page, row: Row) -> list[str]:
    """The error summary after 保存."""
    clerk.goto(ADDRESS)
    token = clerk.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    sent = urlencode({**row, "action": "save", "csrfmiddlewaretoken": token}, doseq=True)
    answer = clerk.request.post(ADDRESS, data=sent, headers={"content-type": "application/x-www-form-urlencoded", "referer": clerk.url})
    assert answer.status == 422, answer.text()
    summary = answer.text().split('id="errors"')[1].split("</ul>")[0]
    return [html.unescape(re.sub("<[^>]+>", "", item)).strip() for item in re.findall("<li>(.*?)</li>", summary)]


def by_api(clerk: Page, rows: list[Row]) -> list[Told]:
    """What one request with all rows is refused for, row by row."""
    token = clerk.request.post("/api/v1/sign-in", data={"username": "unit", "password": PASSWORD}).json()["token"]
    answer: APIResponse = clerk.request.post(
        "/api/v1/items/add-employee/filings",
        data={"submission_key": str(uuid.uuid4()), "filings": rows},
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.status == 422, answer.text()
    errors = answer.json()["errors"]
    return [[(e["code"], e["text"], e["field"], e["suggestion"]) for e in errors if e["filing"] == n + 1] for n in range(len(rows))]


def line(row: Row) -> dict[str, str]:
    """The same row as cells of the workbook."""
    told = {label: str(row[name]) for name, label in LABELS.items()}
    return told | filing.ticked([i for i in INSURANCES if str(i.value) in row["insurances"]])


def by_workbook(clerk: Page, rows: list[Row], folder: Path) -> tuple[list[Told], list[str]]:
    """What an upload is refused for, row by row, and the reasons of the 导入失败列表."""
    template = clerk.request.get("/u/items/add-employee/template.xlsx").body()
    content, first = filing.filled(template, [line(row) for row in rows])
    file = folder / "名册.xlsx"
    file.write_bytes(content)
    clerk.goto("/u/items/add-employee/batch")
    clerk.locator("input[type=file]").set_input_files(file)
    clerk.get_by_role("button", name="上传并校验").click()
    expect(clerk.locator("#figures")).to_be_visible(timeout=60_000)
    stored = {f["row"]: f["errors"] for f in clerk.request.get(f"/api/v1/cases/{filing.number_on(clerk)}").json()["filings"]}
    told = [[(e["code"], e["text"], e["field"], e["suggestion"]) for e in stored[first + i]] for i in range(len(rows))]
    failed = clerk.request.get(re.sub(r"\?.*", "", clerk.url) + "/errors.xlsx").body()
    sheet = openpyxl.load_workbook(io.BytesIO(failed)).worksheets[0]
    lines = list(sheet.iter_rows(values_only=True))
    at = next(i for i, line in enumerate(lines) if REASON in line)
    place = lines[at].index(REASON)
    return told, [str(line[place]) for line in lines[at + 1 : at + 1 + len(rows)]]


def test_the_same_mistakes_are_told_alike_on_page_workbook_and_api(signed_in: SignedIn, tmp_path: Path) -> None:
    elsewhere = signed_in("vip").request.get("/api/v1/staff").json()["staff"]
    given = mistakes(next(person["id_number"] for person in elsewhere if person["to_month"] is None))
    clerk = signed_in("unit")
    rows: list[Row] = [{**right(), **wrong} for _, wrong in given.values()]

    told = by_api(clerk, rows)
    assert {what: [code for code, *_ in one] for what, one in zip(given, told, strict=True)} == {
        what: expected.split() for what, (expected, _) in given.items()
    }
    from_file, reasons = by_workbook(clerk, rows, tmp_path)
    assert from_file == told
    sentences = [[text for _, text, *_ in one] for one in told]
    assert reasons == ["；".join(one) for one in sentences]
    assert [by_page(clerk, row) for row in rows] == sentences
