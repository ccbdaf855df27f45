"""The Excel and CSV classes of bad input: each is refused as a whole by its own sentence, or told row by row, and nothing is taken."""

import resource
import time
from collections.abc import Callable

import pytest

from shebao.casework.intake_columns import clean_columns
from shebao.surfaces.workbook import UPLOAD_CODES, TemplateMark, UploadRefused, read_upload
from tests.unit import bad_files as bad


def refused(content: bytes, filename: str = "名册.xlsx", rows_max: int = 50_000) -> tuple[str, str]:
    with pytest.raises(UploadRefused) as caught:
        read_upload(content, filename, bad.MARK, bad.FIELDS, rows_max=rows_max)
    return caught.value.code, caught.value.text


def row_errors(*rows: list[str | float | None], filename: str = "名册.xlsx", content: bytes | None = None) -> list[list[str]]:
    """What each row is told, as 'code sentence'."""
    sheet = read_upload(content or bad.xlsx(rows), filename, bad.MARK, bad.FIELDS)
    _, refusals = clean_columns(bad.FIELDS, sheet.columns, row_numbers=sheet.row_numbers)
    return [[f"{refusal.code} {refusal.text}" for refusal in refusals.get(i, [])] for i in range(len(sheet))]


def row(**changed: str | float | None) -> list[str | float | None]:
    places = {"id": 0, "name": 1, "ethnicity": 2, "wage": 3, "month": 4, "date": 5, "pension": 6, "mobile": 9, "note": 10}
    cells = bad.good_row()
    for name, cell in changed.items():
        cells[places[name]] = cell
    return cells


def test_a_good_file_is_read_in_every_form() -> None:
    for content, filename in (
        (bad.xlsx(), "a.xlsx"),
        (bad.saved_by_library([bad.good_row()]), "A.XLSX"),
        (bad.xls(), "a.xls"),
        (bad.csv(), "a.csv"),
        (bad.csv(encoding="utf-8"), "a.csv"),
        (bad.csv(encoding="gb18030"), "a.csv"),
        (bad.csv(delimiter="\t"), "a.csv"),
    ):
        sheet = read_upload(content, filename, bad.MARK, bad.FIELDS)
        rows, refusals = clean_columns(bad.FIELDS, sheet.columns)
        assert refusals == {}
        assert rows[0] == {
            "id_number": bad.number(1),
            "name": "张敏",
            "ethnicity": "01",
            "declared_wage": 800_050,
            "first_month": 202612,
            "work_date": "2020-01-05",
            "insurances": ["pension", "injury"],
            "mobile": "13800000000",
            "note": None,
        }
        assert sheet.warnings == []
        assert len(sheet.sha256) == 32


# 1, 2
@pytest.mark.parametrize("make", [bad.row_bomb, bad.string_bomb])
def test_a_zip_bomb_is_refused_by_its_directory_without_unpacking(make: Callable[[], bytes]) -> None:
    content = make()
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    code, text = refused(content)
    assert code == "UPL-06" and "超过上限" in text
    assert time.process_time() - start < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_repeated_references_to_a_long_text_cannot_fill_the_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(bad.amplified_strings())[0] == "UPL-29"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024


# 3
def test_sizes_that_lie_are_found_while_unpacking() -> None:
    assert refused(bad.lying_size()) == (
        "UPL-13",
        "文件内部登记的大小与实际不符，可能被改动过，请用表格软件另存为 .xlsx 后重新上传",
    )


# 4, 5
@pytest.mark.parametrize("prolog", [bad.LAUGHS, bad.OUTSIDE, "<!-- <x> -->" + bad.OUTSIDE, "<?a <x> ?>\n<!-- -->" + bad.LAUGHS])
def test_entities_are_refused_wherever_they_stand(prolog: str) -> None:
    code, text = refused(bad.xlsx(prolog=prolog))
    assert code == "UPL-08" and "DTD" in text
    strings = f"{prolog}<sst><si><t>&a;</t></si></sst>".encode()
    assert refused(bad.xlsx(parts={"xl/sharedStrings.xml": strings}))[0] == "UPL-08"


# 6
def test_macros_are_refused() -> None:
    assert refused(bad.xlsx(), "a.xlsm")[0] == "UPL-09"
    assert refused(bad.xlsx(parts={"xl/vbaProject.bin": b"x"})) == ("UPL-09", "文件带有宏，请另存为不含宏的 .xlsx 后上传")
    assert refused(bad.xls(more={"_VBA_PROJECT": b"x"}), "a.xls")[0] == "UPL-09"


# 7
def test_external_links_and_embedded_objects_are_refused() -> None:
    assert refused(bad.xlsx(parts={"xl/externalLinks/externalLink1.xml": b"<x/>"}))[0] == "UPL-10"
    assert refused(bad.xlsx(parts={"xl/connections.xml": b"<x/>"}))[0] == "UPL-10"
    assert refused(bad.xlsx(parts={"xl/embeddings/oleObject1.bin": b"x"}))[0] == "UPL-11"


# 8
def test_a_password_is_to_be_removed() -> None:
    sentence = "文件设有密码，请先在表格软件里取消密码再上传"
    assert refused(bad.compound({"EncryptedPackage": b"x", "EncryptionInfo": b"x"})) == ("UPL-12", sentence)
    assert refused(bad.encrypted_entries()) == ("UPL-12", sentence)
    assert refused(bad.xls(globals_extra=bad.record(0x002F, bytes(6))), "a.xls") == ("UPL-12", sentence)


# 9
@pytest.mark.parametrize(
    ("content", "filename", "word"),
    [
        (b"<html><table><tr><td>1</td></tr></table></html>", "a.xls", "网页"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html></html>", "a.xlsx", "网页"),
        (bad.csv(), "a.xls", "文本"),
        (bad.xlsx(), "a.xls", "新版表格"),
        (bad.xls(), "a.xlsx", "旧版表格"),
        (b"<table></table>", "a.csv", "网页"),
    ],
)
def test_a_file_under_another_extension_is_named_for_what_it_is(content: bytes, filename: str, word: str) -> None:
    code, text = refused(content, filename)
    assert code == "UPL-04" and f"内容却是{word}" in text


def test_other_kinds_empty_and_too_large_files_are_refused() -> None:
    assert refused(b"%PDF-1.7", "a.pdf")[0] == "UPL-01"
    assert refused(b"x", "名册")[0] == "UPL-01"
    assert refused(b"")[0] == "UPL-02"
    assert refused(b"PK" + bytes(40 * 2**20))[0] == "UPL-03"
    assert refused(bad.zipped({"word/document.xml": b"<w/>"}))[0] == "UPL-28"
    assert refused(bad.xlsx(parts={"../../etc/x": b""}))[0] == "UPL-07"
    assert refused(bad.zipped({f"a{i}": b"" for i in range(600)}))[0] == "UPL-07"


# 10
def test_a_truncated_file_is_to_be_uploaded_again() -> None:
    whole = bad.xlsx([bad.good_row(i) for i in range(200)])
    for length in (30, len(whole) // 2, len(whole) - 10):
        code, text = refused(whole[:length])
        assert code == "UPL-05" and "重新上传" in text
    assert refused(bad.xlsx(cells='<row r="1"><c r="A1"><v>1'))[0] == "UPL-05"
    assert refused(bad.xlsx(parts={"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row>"}))[0] == "UPL-05"
    old = bad.xls([bad.good_row(i) for i in range(200)])
    for length in (600, len(old) // 2):
        assert refused(old[:length], "a.xls")[0] in ("UPL-05", "UPL-28")


def test_a_flipped_byte_is_found_by_the_checksum() -> None:
    whole = bytearray(bad.xlsx([bad.good_row(i) for i in range(200)]))
    whole[whole.find(b"sheet1.xml") + 200] ^= 0x10
    assert refused(bytes(whole))[0] == "UPL-05"


# 11
@pytest.mark.parametrize("index", ["99", "-1"])
def test_a_reference_to_no_text_is_refused(index: str) -> None:
    assert refused(bad.with_cells(f'<row r="5"><c r="A5" t="s"><v>{index}</v></c></row>'))[0] == "UPL-14"


# 12
def test_a_false_dimension_does_not_matter() -> None:
    assert len(read_upload(bad.xlsx(before='<dimension ref="A1:XFD1048576"/>'), "a.xlsx", bad.MARK, bad.FIELDS)) == 1


# 13
@pytest.mark.parametrize("ref", ["XFD1048576", "A1048576", "XFD4", "ZZ9"])
def test_one_cell_far_away_is_named_and_never_allocated(ref: str) -> None:
    digits = ref.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    start = time.process_time()
    code, text = refused(bad.with_cells(f'<row r="{digits}"><c r="{ref}"><v>1</v></c></row>'))
    assert code == "UPL-16" and "请删除" in text
    assert time.process_time() - start < 0.5


def test_cells_that_are_only_formatted_do_not_count_however_far_they_reach() -> None:
    far = "".join(f'<row r="{r}"><c r="A{r}" s="1"/><c r="XFD{r}" s="1"></c></row>' for r in (5, 60_000, 1_048_576))
    assert read_upload(bad.with_cells(far), "a.xlsx", bad.MARK, bad.FIELDS).row_numbers == [4]


def test_a_sheet_in_an_unusual_form_is_read_in_confinement() -> None:
    plain = bad.rows_xml([["说明"], [bad.MARK.text], bad.HEADERS, bad.good_row()])
    turned = plain.replace('<c r="A4" t="inlineStr"', '<c t="inlineStr" r="A4"')
    assert turned != plain
    assert read_upload(bad.xlsx(cells=turned), "a.xlsx", bad.MARK, bad.FIELDS).columns["id_number"] == [bad.number(1)]
    far = '<row r="1048576"><c s="1" r="XFD1048576"><v>1</v></c></row>'
    assert refused(bad.with_cells(far))[0] == "UPL-29"


# 14
def test_too_many_rows_are_to_be_split() -> None:
    rows = [bad.good_row(i) for i in range(30)]
    for content, filename in ((bad.xlsx(rows), "a.xlsx"), (bad.xls(rows), "a.xls"), (bad.csv(rows), "a.csv")):
        assert refused(content, filename, rows_max=29) == ("UPL-15", "共有 30 行，一次最多上传 29 行，请拆成几个文件分别上传")
    code, text = refused(bad.xlsx(rows * 2), rows_max=29)
    assert code == "UPL-15" and "最多上传 29 行" in text
    assert refused(bad.csv(rows * 9), "a.csv", rows_max=29)[0] == "UPL-15"


# 15
def test_formulas_are_refused_by_cell() -> None:
    formulas = '<row r="5"><c r="A5"><v>1</v></c><c r="D5"><f>1+1</f><v>2</v></c></row>'
    formulas += '<row r="6"><c r="D6" t="str"><f t="shared" si="0"/></c></row>'
    sentence = "D5、D6是公式，请选中后复制、选择性粘贴为数值再上传"
    assert refused(bad.with_cells(formulas)) == ("UPL-17", sentence)
    assert refused(bad.xls(extra=bad.xls_formula(4, 3) + bad.xls_formula(5, 3)), "a.xls") == ("UPL-17", sentence)


def test_error_values_are_refused_by_cell() -> None:
    assert refused(bad.with_cells('<row r="5"><c r="C5" t="e"><v>#N/A</v></c></row>')) == (
        "UPL-19",
        "C5是错误值（如 #N/A），请改成正确的内容后上传",
    )


# 16
def test_merged_cells_among_the_data_are_refused_with_their_range() -> None:
    merge = '<mergeCells count="2"><mergeCell ref="A1:I1"/><mergeCell ref="B4:B6"/></mergeCells>'
    assert refused(bad.xlsx(after=merge)) == ("UPL-18", "数据区有合并单元格（B4:B6），请取消合并，每人一行填写后上传")
    assert len(read_upload(bad.xlsx(after=merge.replace("B4:B6", "A2:C2")), "a.xlsx", bad.MARK, bad.FIELDS)) == 1
    assert refused(bad.xls(extra=bad.xls_merged(3, 4)), "a.xls")[0] == "UPL-18"


# 17
def test_other_sheets_and_hidden_rows_are_told_in_a_warning() -> None:
    content = bad.xlsx(sheets=[("名册", ""), ("去年", 'state="hidden"'), ("汇总", ""), ("字典", 'state="hidden"'), ("填写说明", "")])
    sheet = read_upload(content, "a.xlsx", bad.MARK, bad.FIELDS)
    assert sheet.warnings == ["只读取了第一个工作表“名册”，没有读取：去年（隐藏）、汇总"]
    hidden = bad.xlsx([bad.good_row(1), bad.good_row(2)], row_attributes={5: 'hidden="1"'})
    sheet = read_upload(hidden, "a.xlsx", bad.MARK, bad.FIELDS)
    assert sheet.row_numbers == [4, 5]
    assert sheet.warnings == ["有 1 行是隐藏的（第 5 行），也已读取；不需要的请删除后重新上传"]
    assert refused(bad.xlsx(sheets=[("名册", 'state="hidden"'), ("二", "")]))[0] == "UPL-27"


# 18
def test_another_or_an_old_template_is_refused_by_name() -> None:
    assert refused(bad.xlsx(mark="随便"))[0] == "UPL-21"
    assert refused(bad.xlsx(mark=TemplateMark("demo.stop", 3).text)) == (
        "UPL-22",
        "这是另一事项的模板（demo.stop），请下载本事项的模板（demo.roster）填写后上传",
    )
    assert refused(bad.xlsx(mark=TemplateMark("demo.roster", 2).text)) == (
        "UPL-23",
        "模板版本是第 2 版，现行是第 3 版，请重新下载模板，把数据只粘贴值过去后上传",
    )
    assert refused(bad.xlsx(mark=TemplateMark("demo.roster", 4).text))[0] == "UPL-23"


def test_every_difference_of_the_header_is_named() -> None:
    headers = [header for header in bad.HEADERS if header != "姓名*"] + ["工号", "手机号码", "手机号码"]
    code, text = refused(bad.xlsx([bad.good_row()[:1] + bad.good_row()[2:]], headers=headers))
    assert code == "UPL-24"
    for part in ("缺少列：姓名（请补上）", "多出列：工号（请删除）", "重复列：手机号码、手机号码（请只留一列）"):
        assert part in text
    assert refused(bad.xlsx(headers=["甲", "乙"]))[0] == "UPL-25"
    assert refused(bad.xlsx([]))[0] == "UPL-26"
    code, text = refused(bad.xlsx([[*bad.good_row(), None, "私下备注"]]))
    assert (code, text) == ("UPL-16", "M4 单元格有内容，但该列没有表头，请删除后上传")


def test_columns_in_another_order_are_read_by_name_with_a_warning() -> None:
    headers, cells = list(bad.HEADERS), bad.good_row()
    headers[0], headers[1], cells[0], cells[1] = headers[1], headers[0], cells[1], cells[0]
    sheet = read_upload(bad.xlsx([cells], headers=headers), "a.xlsx", bad.MARK, bad.FIELDS)
    assert sheet.columns["name"] == ["张敏"]
    assert sheet.warnings == ["列的顺序与模板不同（姓名、公民身份号码），已按列名读取，请核对"]


def test_blank_rows_are_skipped_and_row_numbers_kept() -> None:
    rows: list[list[str | float | None]] = [bad.good_row(1), [], [None, "  ", "\u3000"], bad.good_row(2), [""], []]
    assert read_upload(bad.xlsx(rows), "a.xlsx", bad.MARK, bad.FIELDS).row_numbers == [4, 7]


# 19 to 23
@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (420199198002020016.0, "FLD-10 公民身份号码被表格软件转成了数值，末几位已经丢失；请把该列设为文本，重新输入 18 位号码"),
        ("4.20199E+17", "FLD-10 公民身份号码被表格软件转成了数值，末几位已经丢失；请把该列设为文本，重新输入 18 位号码"),
        ("420199800202001", "FLD-11 15 位旧号码请改用 18 位新号码，请按现用居民身份证填写"),
        ("420199198002020017", "FLD-11 公民身份号码的校验码不符，可能有一位输错，请对照证件逐位核对"),
        ("420199198002300012", "FLD-11 公民身份号码中的出生日期（1980 年 02 月 30 日）不存在，请核对第 7 至 14 位"),
        ("", "FLD-01 请填写公民身份号码"),
    ],
)
def test_a_wrong_identity_number_says_what_is_wrong(cell: str | float, told: str) -> None:
    assert row_errors(row(id=cell)) == [[told]]


def test_full_width_digits_and_a_small_x_are_read_as_meant() -> None:
    ends_in_x = next(number for number in map(bad.number, range(500)) if number.endswith("X"))
    full = "".join(chr(ord(c) + 0xFEE0) for c in ends_in_x.lower())
    content = bad.xlsx([row(id=full, wage="８０００．５０", month="２０２６１２", mobile="１３８００００００００")])
    sheet = read_upload(content, "a.xlsx", bad.MARK, bad.FIELDS)
    rows, refusals = clean_columns(bad.FIELDS, sheet.columns)
    assert refusals == {}
    assert (rows[0]["id_number"], rows[0]["declared_wage"], rows[0]["first_month"]) == (ends_in_x, 800_050, 202612)
    assert rows[0]["mobile"] == "13800000000"
    assert row_errors(row(month="20261②"))[0][0].startswith("FLD-23")


# 24
@pytest.mark.parametrize("text", ["2026.1.5", "2026/1/5", "2026-01-05", "2026年1月5日", "20260105"])
def test_dates_are_read_in_five_forms(text: str) -> None:
    sheet = read_upload(bad.xlsx([row(date=text)]), "a.xlsx", bad.MARK, bad.FIELDS)
    rows, _ = clean_columns(bad.FIELDS, sheet.columns)
    assert rows[0]["work_date"] == "2026-01-05"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (46023.0, "FLD-27"),
        ("2月30日", "FLD-24"),
        ("2026-02-30", "FLD-25"),
        ("26.1.5", "FLD-24"),
        ("2026-1.5", "FLD-24"),
        ("2026年1-5", "FLD-24"),
        ("0026-01-05", "FLD-25"),
        ("1/5/2026", "FLD-24"),
    ],
)
def test_other_dates_are_refused(cell: str | float, code: str) -> None:
    assert [[text.split()[0] for text in texts] for texts in row_errors(row(date=cell))] == [[code]]


def test_a_workbook_counting_from_1904_is_refused() -> None:
    assert refused(bad.xlsx(workbook_properties='<workbookPr date1904="1"/>'))[0] == "UPL-20"
    assert refused(bad.xls(globals_extra=bad.record(0x0022, b"\x01\x00")), "a.xls")[0] == "UPL-20"


# 25
@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("8,000元", "FLD-20"),
        ("-8000", "FLD-21"),
        (-8000.0, "FLD-21"),
        ("1E+5", "FLD-20"),
        ("8000.005", "FLD-20"),
        (8000.005, "FLD-20"),
        ("1_000", "FLD-20"),
        ("١٢٣", "FLD-20"),
        (1e300, "FLD-20"),
        ("8000。5", "FLD-20"),
        (10**12 * 1.0, "FLD-20"),
        ("1000000", "FLD-22"),
    ],
)
def test_what_is_no_plain_amount_is_refused(cell: str | float, code: str) -> None:
    assert [[text.split()[0] for text in texts] for texts in row_errors(row(wage=cell))] == [[code]]


# 26
@pytest.mark.parametrize("name", ["张䶮", "李㛃", "王𬱖", "\U0002f80a", "买买提·阿卜杜拉", "JOHN F. O'NEIL"])
def test_rare_names_are_kept_character_by_character(name: str) -> None:
    for content, filename in (
        (bad.xlsx([row(name=f" {name}\u3000")]), "a.xlsx"),
        (bad.csv([row(name=name)], "gb18030"), "a.csv"),
        (bad.xls([row(name=name)]) if len(name.encode("utf-16-le")) == 2 * len(name) else bad.xlsx([row(name=name)]), None),
    ):
        sheet = read_upload(content, filename or ("a.xls" if content[:1] == b"\xd0" else "a.xlsx"), bad.MARK, bad.FIELDS)
        rows, refusals = clean_columns(bad.FIELDS, sheet.columns)
        assert refusals == {} and rows[0]["name"] == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("张\u200b敏", "FLD-03"),
        ("\u202e张敏", "FLD-03"),
        ("张\ufeff敏", "FLD-03"),
        ("张敏2", "FLD-13"),
        ("=张敏", "FLD-13"),
        ("买买提•阿卜杜拉", "FLD-14"),
        ("买买提.阿卜杜拉", "FLD-14"),
        ("张　敏", "FLD-16"),
        ("张" * 51, "FLD-12"),
    ],
)
def test_a_name_with_what_does_not_belong_in_it_is_refused(name: str, told: str) -> None:
    assert [[text.split()[0] for text in texts] for texts in row_errors(row(name=name))] == [[told]]


# 27
def test_the_same_person_twice_is_told_in_both_rows() -> None:
    errors = row_errors(row(), bad.good_row(2), row(), bad.good_row(3), bad.good_row(3), bad.good_row(3))
    assert errors[0] == ["FLD-40 公民身份号码与第 6 行重复，请删除其中一行"]
    assert errors[2] == ["FLD-40 公民身份号码与第 4 行重复，请删除其中一行"]
    assert errors[1] == []
    assert errors[3] == ["FLD-40 公民身份号码与第 8、9 行重复，请只保留一行"]


# 28
def test_the_encoding_of_a_csv_is_certain_or_asked_for() -> None:
    gbk, utf = bad.csv(encoding="gb18030"), bad.csv([bad.good_row(2)], "utf-8").split(b"\r\n")[1]
    code, text = refused(gbk + utf + b"\r\n", "a.csv")
    assert code == "UPL-31" and "第 3 行" in text and "CSV UTF-8" in text
    assert refused(b"\xef\xbb\xbf" + gbk, "a.csv")[0] == "UPL-31"
    assert refused(gbk + b"\xff\xff\r\n", "a.csv")[0] == "UPL-30"
    assert refused(bad.csv(encoding="utf-16"), "a.csv")[0] == "UPL-30"
    assert refused(bad.csv() + '"没有结束的引号'.encode(), "a.csv")[0] == "UPL-33"
    assert refused(bad.csv([[*bad.good_row(), "多一格"]]), "a.csv")[0] == "UPL-16"


# 30
def test_nul_bytes_are_refused_in_every_form() -> None:
    assert refused(bad.csv() + b"\0", "a.csv")[0] == "UPL-32"
    assert refused(bad.with_cells('<row r="5"><c r="A5"><v>\0</v></c></row>'))[0] == "UPL-32"
    assert row_errors(row(note="a_x0000_b")) == [["FLD-03 备注里有看不见的字符，请删除后重新输入"]]


def test_a_choice_column_that_holds_neither_yes_nor_no_is_named() -> None:
    assert row_errors(row(pension="对")) == [["FLD-31 参保险种的“养老”一列只能填“是”或“否”，现在是“对”"]]
    assert row_errors(row(ethnicity="汉")) == [["FLD-30 民族没有“汉”这一项，请从下拉列表选择：汉族、土家族"]]
    assert row_errors([*bad.good_row()[:6], "否", "", None, None, None]) == [["FLD-01 请填写参保险种"]]


def test_every_refusal_of_a_file_is_registered_once() -> None:
    assert len(set(UPLOAD_CODES.values())) == len(UPLOAD_CODES)
    with pytest.raises(AssertionError):
        UploadRefused("UPL-99", "")
