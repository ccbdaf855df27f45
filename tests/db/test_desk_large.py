"""工资申报审核 through the desk's pages: naming rows by pasted ID numbers, one save, progress (seed 004, 年度工资申报操作流程)."""

from collections.abc import Iterator
from typing import Any

import pytest

from shebao.base.terms import Post
from shebao.casework.models import FilingState
from shebao.casework.queries import id_numbers_in
from shebao.channels.desk.deciding import sent_in
from shebao.site import jobs
from tests.db import test_large_batches as large
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.support import ask, make_agency


@pytest.fixture(scope="module")
def desk(database: str) -> Iterator[Desk]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency()
        make_account("zhou", Post.REVIEWER, agency=1)
        yield Desk("zhou")


def form(case: Any, act: str, **more: Any) -> dict[str, Any]:
    return {"version": large.fresh(case.pk).version, "act": act, **more}


def test_id_numbers_are_found_however_they_were_pasted() -> None:
    one, two = "42019919800101001X", "420199198001010028"
    for text in (f"{one}{two}", f"{one}\n{two}", f"{one}，{two} {one}", f"张三{one.lower()}李四{two}"):
        assert id_numbers_in(text) == [one, two], text
    assert id_numbers_in("12345678901234567") == [] == id_numbers_in("ZY20261110000001")


@pytest.mark.parametrize(
    ("listed", "lines"),
    [
        ("{0} 资料不全", ["{0} 资料不全"]),
        ("{0}{1}", ["{0}", "{1}"]),
        ("{0}，{1}：资料不全", ["{0} 资料不全", "{1} 资料不全"]),
        ("{0} 工资不符；{1} 资料不全", ["{0} 工资不符", "{1} 资料不全"]),
        ("{0}\n{1} 资料不全", ["{0}", "{1} 资料不全"]),
    ],
)
def test_a_pasted_list_has_one_line_a_person(listed: str, lines: list[str]) -> None:
    from django.http import QueryDict

    from shebao.casework.item import item_of

    numbers = ("420199198001010010", "420199198001010028")
    query = QueryDict(mutable=True)
    query["listed"] = listed.format(*numbers)
    assert sent_in(query, item_of(large.ANNUAL)).listed.splitlines() == [line.format(*numbers) for line in lines]


def test_the_reviewer_names_rows_by_number_and_passes_the_rest_in_one_save(desk: Desk) -> None:
    unit, case, numbers = large.submitted()
    desk.post(f"/w/cases/{case.pk}/claim")
    page = desk.get(f"/w/cases/{case.pk}")
    assert "个人工资年度申报审核" in page and "2,100" in page and "批量审核通过" in page and "批量不通过" in page
    assert page.count("张三甲") < 60, "a page holds fifty rows, not all of them"
    picked = f"{numbers[5]}{numbers[1999]}"
    page = desk.post(f"/w/cases/{case.pk}/decide", form(case, "find", q=picked), 200)
    assert "找到 2 人" in page and numbers[5] in page and numbers[1999] in page and numbers[6] not in page
    page = desk.post(f"/w/cases/{case.pk}/decide", form(case, "add-found", q=picked, other="工资发放明细与申报不符"), 200)
    listed = f"{numbers[5]} 张三乙 工资发放明细与申报不符\n{numbers[1999]} 张三丁 工资发放明细与申报不符"
    assert "退回名单 2 人" in page and numbers[5] in page
    answer = desk.post(f"/w/cases/{case.pk}/decide", form(case, "pass", listed=listed), 422)
    assert "退回名单里还有 2 行" in answer
    assert desk.post(f"/w/cases/{case.pk}/decide", form(case, "except", listed=listed)) == f"/w/cases/{case.pk}?decided=1"
    page = desk.get(f"/w/cases/{case.pk}?decided=1")
    assert "审核意见已保存，正在逐批生效" in page and "批量审核通过" not in page and "放回队列" not in page
    assert "已生效" in desk.get(f"/w/cases/{case.pk}/settling")
    jobs.settle_case.func(case.pk)
    answer = desk.client.get(f"/w/cases/{case.pk}/settling")
    assert answer["HX-Redirect"] == f"/w/cases/{case.pk}?decided=1"
    page = desk.get(f"/w/cases/{case.pk}?decided=1")
    assert "2098 人通过并已生效，2 人退回" in page.replace(",", "")
    reasons = ask("select distinct return_reason from casework_filing where case_id = %s and state = %s", [case.pk, FilingState.RETURNED])
    assert reasons == [("工资发放明细与申报不符",)] and large.effects(unit) == (2_098,) * 3


def test_all_go_back_for_one_reason_and_without_a_reason_nothing_is_saved(desk: Desk) -> None:
    unit, case, _ = large.submitted()
    desk.post(f"/w/cases/{case.pk}/claim")
    assert "请填写不通过原因" in desk.post(f"/w/cases/{case.pk}/decide", form(case, "back"), 422)
    desk.post(f"/w/cases/{case.pk}/decide", form(case, "back", other="未按当年文件申报"))
    jobs.settle_case.func(case.pk)
    assert large.states(case) == {"returned": large.HEADS} and large.effects(unit) == (0, 0, 0)
