"""下载导入失败列表 of a large batch: made by a job, the page waits for it, and a mended row makes it anew."""

import io
from collections.abc import Iterator
from datetime import timedelta

import openpyxl
import pytest
from django.db import connection

from shebao.base.terms import Post
from shebao.casework import batch, error_files, operations
from shebao.casework.item import item_of
from shebao.casework.models import Case, Filing
from shebao.site import jobs
from tests.db import support
from tests.db.desk_support import NOW, make_account
from tests.db.portal_support import Portal
from tests.db.support import ADD, AT, ENGINE, acting, addition, context, make_agency, make_unit, operator

ROWS = error_files.AT_ONCE_ROWS_MAX + 5


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[tuple[int, Portal]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency()
        unit = make_unit()
        make_account("hr", Post.UNIT_OPERATOR, unit=unit)
        make_account("far", Post.UNIT_OPERATOR, unit=make_unit("别处公司"))
        yield unit, Portal("hr")


def uploaded(unit: int, wrong: int) -> Case:
    item = item_of(ADD)
    typed = [addition(declared_wage="8,000") for _ in range(wrong)]
    with acting(operator(unit)):
        case = batch.receive(item, context(unit), "名单.xlsx", b"x", b"d" * 32, key=None)
    columns = {f.name: [row.get(f.name) for row in typed] for f in item.fields}
    batch.load(case, item, context(unit), columns, range(4, wrong + 4), [], clock=lambda: AT)
    return fresh(case)


def fresh(case_id: int) -> Case:
    with acting(ENGINE):
        return Case.objects.get(pk=case_id)


def queued() -> int:
    with acting(ENGINE), connection.cursor() as cursor:
        cursor.execute("select count(*) from procrastinate_jobs where task_name = 'make_error_list'")
        return int(cursor.fetchone()[0])


def test_a_short_list_is_there_at_once(town: tuple[int, Portal]) -> None:
    unit, portal = town
    case = uploaded(unit, 3)
    answer = portal.client.get(f"/u/cases/{case.pk}/errors.xlsx")
    assert answer.status_code == 200 and queued() == 0
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert [row[0].value for row in sheet.iter_rows(min_row=4)][:3] == [f.typed["id_number"] for f in rows(case)]


def rows(case: Case) -> list[Filing]:
    with acting(ENGINE):
        return list(Filing.objects.filter(case=case).order_by("row"))


def test_a_long_list_is_made_by_a_job_once_and_anew_when_a_row_was_mended(town: tuple[int, Portal]) -> None:
    unit, portal = town
    case = uploaded(unit, ROWS)
    for _ in range(3):  # clicking again while it is made
        page = portal.get(f"/u/cases/{case.pk}/errors.xlsx", 202)
    assert "正在生成导入失败列表" in page and f"{ROWS:,} 行有错误" in page and queued() == 1
    assert "正在生成" in portal.get(f"/u/cases/{case.pk}/errors")
    jobs.make_error_list.func(case.pk)
    jobs.make_error_list.func(case.pk)
    assert "下载导入失败列表" in portal.get(f"/u/cases/{case.pk}/errors")
    answer = portal.client.get(f"/u/cases/{case.pk}/errors.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content), read_only=True).worksheets[0]
    assert sum(1 for row in sheet.iter_rows(min_row=4, values_only=True) if row[0]) == ROWS
    with acting(operator(unit)):
        operations.amend_row(case.pk, rows(case)[0].pk, context(unit), {"declared_wage": "8000"})
    portal.get(f"/u/cases/{case.pk}/errors.xlsx", 202)
    assert queued() == 2
    Portal("far").get(f"/u/cases/{case.pk}/errors.xlsx", 404)


def test_a_job_that_was_lost_is_queued_again_after_a_while(town: tuple[int, Portal]) -> None:
    unit, _ = town
    case, before = uploaded(unit, ROWS), queued()
    with acting(operator(unit)):
        for minutes in (0, 1, 3):
            error_files.ask(case, at=AT + timedelta(minutes=minutes))
    assert queued() == before + 2


def test_a_list_that_the_rows_have_overtaken_is_not_kept(town: tuple[int, Portal]) -> None:
    unit, _ = town
    case = uploaded(unit, ROWS)
    with acting(operator(unit)):
        error_files.ask(case, at=AT)
        operations.amend_row(case.pk, rows(case)[0].pk, context(unit), {"declared_wage": "8000"})
    with acting(ENGINE):
        error_files.keep(case, b"old", 1)  # the job read the case before the row was mended
        assert error_files.ready(fresh(case.pk)) is None
    assert support.ask("select content is null from casework_errorfile where case_id = %s", [case.pk]) == [(False,)]
