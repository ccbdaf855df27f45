"""批量办理 through the pages: a workbook goes in, wrong rows are mended one by one, the good ones are submitted, the rest waits."""

import csv
import io
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState
from shebao.surfaces.workbook import TemplateMark, read_upload
from tests.db.desk_support import NOW, make_account
from tests.db.portal_support import Portal, case_of, rows_of, work
from tests.db.support import ADD, make_agency, make_unit, new_id_number

HEADER = [
    "公民身份号码",
    "姓名",
    "民族",
    "手机号码",
    "申报工资",
    *(f"参保险种：{n}" for n in ("养老", "失业", "工伤", "医疗", "大额医疗", "生育")),
]
TYPES = ["是", "是", "是", "是", "是", "否"]


@pytest.fixture(scope="module")
def desk(database: str) -> Iterator[Portal]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        make_account("hr", Post.UNIT_OPERATOR, unit=make_unit("示例科技公司", vip=True))
        yield Portal("hr")


def roster(rows: int, wrong: dict[int, tuple[int, str]]) -> bytes:
    """A CSV of the template; wrong: row -> (column, text)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*HEADER, "追溯补缴起始月"])
    for i in range(rows):
        line = [new_id_number(), f"张三{'甲乙丙丁'[i % 4]}", "汉族", "", "8000", *TYPES, ""]
        if i in wrong:
            line[wrong[i][0]] = wrong[i][1]
        writer.writerow(line)
    return out.getvalue().encode("utf-8-sig")


def uploaded(desk: Portal, content: bytes, name: str = "名册.csv") -> Case:
    """Upload and let the job check it."""
    answer = desk.client.post("/u/items/add-employee/upload", {"file": SimpleUploadedFile(name, content), "key": str(uuid4())})
    case = case_of(answer["Location"])
    assert "校验中" in desk.get(f"/u/cases/{case.pk}")
    work(case)
    return case_of(answer["Location"])


def test_the_figures_of_a_batch_add_up_and_only_wrong_fields_are_controls(desk: Portal) -> None:
    case = uploaded(desk, roster(12, {2: (4, "八千"), 5: (0, "4201991990010112"), 7: (4, "100")}))
    page = desk.page(f"/u/cases/{case.pk}")
    assert "有 2 行不能提交" in page and "提交审批（10）" in page
    wage, number = rows_of(case)[2], rows_of(case)[5]
    assert f'name="r{wage.pk}-declared_wage"' in page and f'name="r{number.pk}-id_number"' in page
    assert f'name="r{wage.pk}-name"' not in page
    words = desk.get(f"/u/cases/{case.pk}")
    assert "共上传 12 通过 9 错误 2 提醒（可提交） 1" in words


def test_one_row_is_mended_and_only_its_line_comes_back(desk: Portal) -> None:
    case = uploaded(desk, roster(4, {1: (4, "八千")}))
    row = rows_of(case)[1]
    answer = desk.client.post(
        f"/u/cases/{case.pk}/rows/{row.pk}", {f"r{row.pk}-declared_wage": "8100", "tab": "wrong"}, HTTP_HX_REQUEST="true"
    )
    text = answer.content.decode()
    assert answer.status_code == 200 and f'id="row-{row.row}"' in text and "已改" in text and "提交审批（4）" in text
    assert text.count("<tr") == 1
    assert rows_of(case)[1].refusals is None


def test_a_wrong_repair_says_so_at_the_row(desk: Portal) -> None:
    case = uploaded(desk, roster(3, {1: (4, "八千")}))
    row = rows_of(case)[1]
    answer = desk.client.post(f"/u/cases/{case.pk}/rows/{row.pk}", {f"r{row.pk}-declared_wage": "-5"}, HTTP_HX_REQUEST="true")
    assert "is-err" in answer.content.decode() and "错误" in answer.content.decode()


def test_a_suggestion_is_taken_with_one_press(desk: Portal) -> None:
    case = uploaded(desk, roster(3, {1: (11, "202601")}))
    row = rows_of(case)[1]
    page = desk.page(f"/u/cases/{case.pk}")
    assert "采用 202609" in page
    assert desk.post(f"/u/cases/{case.pk}/rows/{row.pk}", {"adopt": "backdated_from=202609"}).endswith(f"#row-{row.row}")
    assert rows_of(case)[1].refusals is None


def test_without_scripts_all_edited_rows_are_saved_together(desk: Portal) -> None:
    case = uploaded(desk, roster(5, {1: (4, "八千"), 3: (1, "")}))
    rows = rows_of(case)
    desk.post(f"/u/cases/{case.pk}/rows", {f"r{rows[1].pk}-declared_wage": "8000", f"r{rows[3].pk}-name": "补名"})
    assert [row.refusals for row in rows_of(case)] == [None] * 5


def test_good_rows_are_submitted_and_the_wrong_ones_wait_in_a_draft(desk: Portal) -> None:
    case = uploaded(desk, roster(6, {1: (4, "八千"), 4: (1, "")}))
    desk.submit(case.pk)
    work(case_of(f"/u/cases/{case.pk}"))
    page = desk.get(f"/u/cases/{case.pk}")
    assert "4 人通过" in page and "有错误的行留在另一份草稿" in page
    with acting(ENGINE):
        rest = Case.objects.get(parent=case)
    assert rest.state == CaseState.DRAFT and [row.row for row in rows_of(rest)] == [3, 6]
    assert "共上传 2 通过 0 错误 2" in desk.get(f"/u/cases/{rest.pk}")


def test_the_list_of_wrong_rows_can_be_mended_and_uploaded_again(desk: Portal) -> None:
    case = uploaded(desk, roster(5, {1: (4, "八千"), 3: (1, "")}))
    answer = desk.client.get(f"/u/cases/{case.pk}/errors.xlsx")
    item = item_of(ADD)
    sheet = read_upload(answer.content, "失败.xlsx", TemplateMark(item.code, item.version), item.fields)
    assert len(sheet) == 2 and sheet.columns["declared_wage"][0] == "八千"


def test_chosen_rows_are_taken_out(desk: Portal) -> None:
    case = uploaded(desk, roster(4, {1: (4, "八千")}))
    desk.post(f"/u/cases/{case.pk}/rows/remove", {"row": [rows_of(case)[1].pk]})
    assert "共上传 3 通过 3 错误 0" in desk.get(f"/u/cases/{case.pk}")


def test_a_file_that_cannot_be_read_says_why_and_does_nothing(desk: Portal) -> None:
    case = uploaded(desk, b"not a workbook", "名册.xlsx")
    page = desk.get(f"/u/cases/{case.pk}")
    assert "文件没有读取" in page and "重新上传" in page and rows_of(case) == []


def test_sending_no_file_is_told_at_the_control(desk: Portal) -> None:
    page = desk.post("/u/items/add-employee/upload", {"key": str(uuid4())}, status=422)
    assert "请选择要上传的文件" in page


def test_the_template_comes_back_as_a_batch(desk: Portal) -> None:
    answer = desk.client.get("/u/items/add-employee/template.xlsx")
    assert answer.status_code == 200 and answer.content[:2] == b"PK"
    assert desk.client.get("/u/items/change-wage/template.xlsx").status_code == 404
