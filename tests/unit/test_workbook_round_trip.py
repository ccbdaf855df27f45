"""What we write, we read: template, error list and exports, opened by two other readers as well."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence

import openpyxl  # type: ignore[import-untyped]
import pytest

from shebao.base.errors import Refusal
from shebao.casework.fields import Cell, Value
from shebao.casework.intake_columns import clean_columns
from shebao.surfaces.workbook import (
    ExportKind,
    Sheet,
    UploadRefused,
    error_workbook,
    export_csv,
    export_workbook,
    make_template,
    read_upload,
)
from tests.unit.bad_files import FIELDS, MARK, good_row, number, xlsx, zipped

PEOPLE: list[dict[str, Value]] = [
    {
        "id_number": number(i),
        "name": "买买提·阿卜杜拉" if i % 2 else "张䶮",
        "ethnicity": "08",
        "declared_wage": 800_000 + i,
        "first_month": 202612,
        "work_date": None,
        "insurances": ["pension", "injury"],
        "mobile": "13800000000",
        "note": "a & b <c>",
    }
    for i in range(300)
]


def template(people: Sequence[Mapping[str, Value]] = ()) -> bytes:
    return make_template("增员（续保）", MARK, FIELDS, rows_max=500, notes=("一人一行。",), prefilled=people)


def test_a_template_filled_by_us_reads_back_to_the_same_values() -> None:
    sheet = read_upload(template(PEOPLE), "a.xlsx", MARK, FIELDS)
    rows, refusals = clean_columns(FIELDS, sheet.columns)
    assert refusals == {}
    assert rows == PEOPLE
    assert sheet.warnings == []
    assert sheet.row_numbers == list(range(4, 304))


def test_an_empty_template_has_no_data_and_no_example_among_the_data() -> None:
    with pytest.raises(UploadRefused, match="没有填写任何数据"):
        read_upload(template(), "a.xlsx", MARK, FIELDS)


def test_a_template_carries_its_mark_lists_checks_and_formats() -> None:
    book = openpyxl.load_workbook(io.BytesIO(template()))
    sheet = book.worksheets[0]
    assert {p.name: p.value for p in book.custom_doc_props.props} == {"template_item": "demo.roster", "template_version": "3"}
    assert "模板编号：demo.roster　第 3 版" in sheet["A2"].value
    assert book["字典"].sheet_state == "hidden"
    assert [cell.value for cell in sheet[3]][:4] == ["公民身份号码*", "姓名*", "民族*", "申报工资（元）*"]
    assert sheet["A3"].font.color.rgb == "FFB3201B"
    assert sheet["K3"].font.color is None or sheet["K3"].font.color.rgb != "FFB3201B"
    assert sheet.freeze_panes == "C4"
    with zipfile.ZipFile(io.BytesIO(template())) as archive:
        columns = re.findall(r"<col [^>]*>", archive.read("xl/worksheets/sheet1.xml").decode())
    assert columns and all(' style="' in column and ' width="' in column for column in columns)
    filled = openpyxl.load_workbook(io.BytesIO(template(PEOPLE[:1]))).worksheets[0]
    assert [cell.number_format for cell in filled[4]][:6] == ["@", "@", "@", "#,##0.00", "@", "@"]
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert rules["C4:C503"].formula1 == "DIC_1" and "DIC_1" in book.defined_names
    assert rules["G4:G503"].prompt == "填“是”或“否”，空白视同“否”"
    assert "LEN(A4)=18" in rules["A4:A503"].formula1
    assert all(rule.prompt and rule.error for rule in rules.values())
    notes = [cell.value for cell in book["填写说明"]["A"]]
    assert "一人一行。" in notes and "参保险种" in notes


def test_the_cell_counts_when_the_properties_are_lost_and_the_other_way_round() -> None:
    content = template(PEOPLE[:2])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert len(read_upload(zipped({k: v for k, v in parts.items() if k != "docProps/custom.xml"}), "a.xlsx", MARK, FIELDS)) == 2
    parts["xl/sharedStrings.xml"] = re.sub("模板编号[^<]*".encode(), b"", parts["xl/sharedStrings.xml"])
    assert len(read_upload(zipped(parts), "a.xlsx", MARK, FIELDS)) == 2


def refused_sheet() -> tuple[Sheet, dict[int, list[Refusal]]]:
    wrong = good_row(2)
    wrong[0], wrong[3], wrong[6], wrong[10] = 420199198002020016.0, "8,000元", "对", "=1+1 & <b>\u0001"
    sheet = read_upload(xlsx([good_row(1), wrong, [], good_row(3)]), "a.xlsx", MARK, FIELDS)
    _, refusals = clean_columns(FIELDS, sheet.columns, row_numbers=sheet.row_numbers)
    return sheet, {sheet.row_numbers[i]: found for i, found in refusals.items()}


def test_an_error_list_holds_the_users_own_rows_and_uploads_again_as_it_is() -> None:
    sheet, errors = refused_sheet()
    content = error_workbook(sheet, errors, FIELDS, MARK)
    shown = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    assert [cell.value for cell in shown[3]][-2:] == ["原行号", "错误原因"]
    cells = [cell.value for cell in shown[4]]
    assert cells[3] == "8,000元" and cells[6] == "对" and cells[7] == "否" and cells[11] == "5"
    assert "转成了数值" in cells[12] and "；" in cells[12]
    assert shown["M4"].font.color.rgb == "FFB3201B"
    again = read_upload(content, "a.xlsx", MARK, FIELDS)
    assert again.row_numbers == [4]
    rows, refusals = clean_columns(FIELDS, again.columns)
    assert [refusal.text for refusal in refusals[0]] == [refusal.text for refusal in errors[5]]
    assert again.columns["insurances"] == sheet.columns["insurances"][1:2]
    assert rows[0]["name"] == "张敏"


def test_types_given_as_one_column_of_text_go_back_as_one_column() -> None:
    headers = ["公民身份号码", "姓名", "民族", "申报工资", "参保起始年月", "工作", "参保险种"]
    headers[5] = "参加工作日期"
    fields = FIELDS[:7]
    rows: list[list[str | float | None]] = [
        [number(1), "张敏", "汉族", 8000.0, "202612", "", "养老、工伤"],
        [number(2), "张敏", "汉族", 8000.0, "202612", "", "养老、天气"],
    ]
    sheet = read_upload(xlsx(rows, headers=headers), "a.xlsx", MARK, fields)
    values, refusals = clean_columns(fields, sheet.columns)
    assert values[0]["insurances"] == ["pension", "injury"]
    again = read_upload(error_workbook(sheet, {5: refusals[1]}, fields, MARK), "a.xlsx", MARK, fields)
    assert again.columns["insurances"] == ["养老、天气"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "{=1}", "http://x", "_x0041_"])
def test_no_text_becomes_a_formula_or_a_link(text: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(export_workbook("名册", ["备注"], [[text]])))
    cell = book.worksheets[0]["A3"]
    assert cell.data_type == "s" and cell.hyperlink is None
    if text != "_x0041_":
        assert cell.value.replace("_x000D_", "\r") == text
    line = list(csv.reader(io.StringIO(export_csv(["备注"], [[text]]).decode("utf-8-sig"), newline="")))[1][0]
    assert line == (f"'{text}" if text[0] in "=+-@\t\r" else text)
    sheet = read_upload(xlsx([[*good_row()[:10], text]]), "a.xlsx", MARK, FIELDS)
    with zipfile.ZipFile(io.BytesIO(error_workbook(sheet, {4: [Refusal("X", text)]}, FIELDS, MARK))) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_an_export_shows_money_in_yuan_and_keeps_identity_numbers_as_text() -> None:
    rows: list[list[Cell]] = [[number(i), 123_456 + i, i] for i in range(12_000)]
    kinds = [ExportKind.TEXT, ExportKind.MONEY, ExportKind.NUMBER]
    sheet = openpyxl.load_workbook(
        io.BytesIO(export_workbook("花名册", ["号码", "工资", "月数"], rows, kinds=kinds)), read_only=True
    ).worksheets[0]
    found = list(sheet.iter_rows(min_row=3, values_only=True))
    assert found[0] == (number(0), 1234.56, 0) and found[-1] == (number(11_999), 1354.55, 11_999) and len(found) == 12_000
    lines = export_csv(["号码", "工资", "月数"], rows[:1], kinds=kinds).decode("utf-8-sig").splitlines()
    assert lines == ["号码,工资,月数", f"{number(0)},1234.56,0"]


def test_rows_for_export_are_taken_one_by_one() -> None:
    taken = []

    def rows() -> Iterator[list[str]]:
        for i in range(3):
            taken.append(i)
            yield [str(i)]

    export_workbook("名册", ["甲"], rows())
    assert taken == [0, 1, 2]
