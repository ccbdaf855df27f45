"""批量办理: doubles, repairs, partial submission, mixed decisions, and uploads that were killed half-way."""

from datetime import date
from typing import Any

import pytest

from shebao.casework import batch, operations, queries, review
from shebao.casework.examine import as_json, asked, examine
from shebao.casework.item import item_of
from shebao.casework.models import Case, Channel, Filing, FilingState, Upload
from shebao.casework.operations import NothingToSubmitError, RowsRefusedError
from shebao.casework.review import Decision, Return
from tests.db import support
from tests.db.support import ADD, AT, ENGINE, acting, addition, ask, context, new_id_number, operator, reviewer

ITEM = item_of(ADD)
UNIT: list[int] = []
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()
    UNIT.append(support.make_unit(vip=False))


def ours() -> Any:
    return context(UNIT[0], vip=False)


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {f.name: [row.get(f.name) for row in rows] for f in asked(ITEM, "workbook")}


def received() -> int:
    with acting(operator(UNIT[0])):
        return batch.receive(ITEM, ours(), "名单.xlsx", b"content", b"d" * 32, key=None)


def load(case: int, rows: list[dict[str, Any]]) -> None:
    batch.load(case, ITEM, ours(), columns(rows), range(2, len(rows) + 2), [], clock=lambda: AT)


def uploaded(rows: list[dict[str, Any]]) -> int:
    case = received()
    load(case, rows)
    return case


def filings(case: int) -> list[Filing]:
    with acting(ENGINE):
        return list(Filing.objects.filter(case_id=case).order_by("row"))


def codes(case: int) -> dict[int, list[str]]:
    return {f.row: [r["code"] for r in f.refusals or ()] for f in filings(case)}


def fresh(case: int) -> Case:
    with acting(ENGINE):
        return Case.objects.get(pk=case)


def test_an_upload_becomes_rows_of_a_draft_with_what_stands_against_each() -> None:
    rows = [addition(), addition("42010"), addition(insurances=["110"]), addition(declared_wage="100")]
    case = uploaded(rows)
    assert codes(case) == {2: [], 3: ["FLD-11"], 4: ["ENR-05"], 5: []}
    assert [r["code"] for r in filings(case)[3].warnings or ()] == ["ENR-W1"]
    assert (fresh(case).state, fresh(case).subject) == ("draft", "4 人")
    with acting(ENGINE):
        upload = Upload.objects.get(case_id=case)
    assert (upload.rows_total, upload.rows_checked, upload.finished_at, upload.problem) == (4, 4, AT, "")


def test_a_batch_hears_the_same_as_each_row_by_itself() -> None:
    """However a batch is sifted, in bulk or by column: what stands against a row does not depend on its company."""
    other = support.make_unit("别处公司")
    elsewhere, former = support.hire(other, 2, month=202601)
    support.take_effect(support.STOP, context(other, support.moment(202609)), {"id_number": former, "name": "张三乙", "reason": "6301"})
    ages = [date(y, m, d) for y, m, d in ((2010, 11, 10), (2010, 11, 11), (1976, 11, 10), (1976, 11, 11), (1986, 11, 10), (1986, 11, 11))]
    rows = [addition(new_id_number(born, male=male)) for born in ages for male in (True, False)]
    rows += [
        addition(elsewhere, name="张三甲"),
        addition(former, name="张三乙"),
        addition(former[:-1], name="张三乙"),
        addition(name="张3"),
    ]
    rows += [addition(declared_wage=wage) for wage in ("4497.99", "4498", "22488", "22488.01", "0", "1e5")]
    rows += [addition(backdated_from=month) for month in ("202608", "202609", "202611", "202612", "2026")]
    rows += [addition(insurances=types) for types in (["110"], [*support.FULL_CODES, "510"], support.FULL_CODES[::-1], [])]
    at = support.moment(202611, 25)
    ctx = context(UNIT[0], at, vip=False)
    case = received()
    batch.load(case, ITEM, ctx, columns(rows), range(2, len(rows) + 2), [], clock=lambda: at)
    with acting(operator(UNIT[0])):
        alone = [examine(ITEM, ctx, columns([row]), [1])[0] for row in rows]
    together = filings(case)
    assert [as_json(e.refusals) for e in alone] == [f.refusals for f in together]
    assert [as_json(e.warnings) for e in alone] == [f.warnings for f in together]
    assert [e.values if e.readable else None for e in alone] == [f.values for f in together]
    assert {len(e.refusals) for e in alone} == {0, 1}


def test_the_good_rows_go_to_review_and_the_rest_stays_behind_as_a_draft_of_its_own() -> None:
    case = uploaded([addition(), addition("42010"), addition()])
    with acting(operator(UNIT[0])):
        assert operations.submit(case, fresh(case).version, ours()) == case
        rest = Case.objects.get(parent_id=case)
    assert [f.row for f in filings(case)] == [2, 4] and [f.row for f in filings(rest.pk)] == [3]
    assert (fresh(case).state, rest.state, rest.subject) == ("review", "draft", f"1 人（由 {fresh(case).number} 拆出）")
    with acting(operator(UNIT[0])):
        operations.amend_row(rest.pk, filings(rest.pk)[0].pk, ours(), {"id_number": new_id_number()})
        operations.submit(rest.pk, fresh(rest.pk).version, ours())
    assert fresh(rest.pk).state == "review" and fresh(rest.pk).number != fresh(case).number


def test_a_batch_without_one_good_row_is_not_submitted() -> None:
    case = uploaded([addition("42010"), addition(insurances=["110"])])
    with pytest.raises(NothingToSubmitError, match="没有可以提交的行：请先修改错误的行，或退单后重新上传"), acting(operator(UNIT[0])):
        operations.submit(case, fresh(case).version, ours())
    assert fresh(case).state == "draft" and len(filings(case)) == 2


def test_doubles_name_each_other_and_repairing_one_frees_the_other() -> None:
    number = new_id_number()
    case = uploaded([addition(number), addition(), addition(number), addition(number)])
    assert codes(case) == {2: ["FLD-40"], 3: [], 4: ["FLD-40"], 5: ["FLD-40"]}
    assert "第 4、5 行重复，请只保留一行" in filings(case)[0].refusals[0]["text"]  # type: ignore[index]
    rows = {f.row: f.pk for f in filings(case)}
    with acting(operator(UNIT[0])):
        assert operations.amend_row(case, rows[4], ours(), {"id_number": new_id_number()}).refusals == []
    assert codes(case) == {2: ["FLD-40"], 3: [], 4: [], 5: ["FLD-40"]}
    assert "第 5 行重复，请删除其中一行" in filings(case)[0].refusals[0]["text"]  # type: ignore[index]
    with acting(operator(UNIT[0])):
        operations.remove_rows(case, [rows[5]], at=AT, context=ours())
    assert codes(case) | {5: []} == {2: [], 3: [], 4: [], 5: []}
    assert filings(case)[3].state == FilingState.WITHDRAWN


def test_repairing_a_row_into_a_double_flags_both() -> None:
    case = uploaded([addition(), addition()])
    first, second = filings(case)
    with acting(operator(UNIT[0])):
        examined = operations.amend_row(case, second.pk, ours(), {"id_number": first.id_number})
    assert [r.code for r in examined.refusals] == ["FLD-40"] and codes(case) == {2: ["FLD-40"], 3: ["FLD-40"]}
    with acting(operator(UNIT[0])):
        assert operations.amend_row(case, second.pk, ours(), {"id_number": "12"}).refusals
    assert codes(case) == {2: [], 3: ["FLD-11"]}
    assert filings(case)[1].typed["id_number"] == "12"


def test_a_double_removed_without_a_fresh_look_is_free_on_submission() -> None:
    number = new_id_number()
    case = uploaded([addition(number), addition(number)])
    with acting(operator(UNIT[0])):
        operations.remove_rows(case, [filings(case)[0].pk], at=AT)
        operations.submit(case, fresh(case).version, ours())
    assert [f.state for f in filings(case)] == [FilingState.WITHDRAWN, FilingState.REVIEW]


def test_a_large_batch_frees_its_doubles_on_submission_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "REEXAMINED_ROWS_MAX", 3)
    number = new_id_number()
    case = uploaded([addition(), addition(number), addition(number), addition(), addition()])
    with acting(operator(UNIT[0])):
        operations.remove_rows(case, [filings(case)[2].pk], at=AT)
        operations.submit(case, fresh(case).version, ours())
    assert [f.row for f in filings(case) if f.state == FilingState.REVIEW] == [2, 3, 5, 6]


def test_repairing_a_row_leaves_the_other_rows_alone() -> None:
    case = uploaded([addition(), addition("42010")])
    before = filings(case)[0]
    with acting(operator(UNIT[0])):
        operations.amend_row(case, filings(case)[1].pk, ours(), {"declared_wage": "8100"})
    after = filings(case)
    assert {f: getattr(before, f) for f in ("values", "typed", "refusals", "changed_at")} == {
        f: getattr(after[0], f) for f in ("values", "typed", "refusals", "changed_at")
    }
    assert after[1].typed["declared_wage"] == "8100" and codes(case)[3] == ["FLD-11"]


def test_an_upload_killed_half_way_goes_on_without_doubles_and_ends_as_an_undisturbed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = new_id_number()
    rows = [addition() for _ in range(10)] + [addition(twice), addition("42010"), addition(twice)]
    rows[3] = addition(twice)
    monkeypatch.setattr(batch, "CHUNK_ROWS", 4)
    whole, killed = uploaded(rows), received()
    chunks, store = {"left": 2}, batch._store

    def dies(*given: Any) -> Any:
        if chunks["left"] == 0:
            raise KeyboardInterrupt
        chunks["left"] -= 1
        return store(*given)

    monkeypatch.setattr(batch, "_store", dies)
    with pytest.raises(KeyboardInterrupt):
        load(killed, rows)
    assert len(filings(killed)) == 8 and fresh(killed).state == "checking"
    monkeypatch.setattr(batch, "_store", store)
    load(killed, rows)
    load(killed, rows)
    kept = ("row", "id_number", "name", "typed", "values", "refusals", "warnings", "state")
    assert [[getattr(f, k) for k in kept] for f in filings(killed)] == [[getattr(f, k) for k in kept] for f in filings(whole)]
    assert codes(killed)[5] == codes(killed)[12] == codes(killed)[14] == ["FLD-40"]
    with acting(ENGINE):
        assert list(queries.Event.objects.filter(case_id=killed, kind="checked").values_list("text", flat=True)) == ["校验完成，共 13 行"]
    assert (fresh(killed).state, fresh(killed).version) == ("draft", fresh(whole).version)


def test_named_rows_go_back_and_the_rest_takes_effect_in_one_save() -> None:
    case = uploaded([addition() for _ in range(4)])
    with acting(operator(UNIT[0])):
        operations.submit(case, fresh(case).version, ours())
    first, second, *_ = filings(case)
    with acting(reviewer()):
        outcome = review.decide(
            case, fresh(case).version, Decision({first.pk: Return("缺合同"), second.pk: Return("姓名不清", ("name",))}), ours()
        )
    assert outcome == review.Outcome(2, 2)
    assert [f.state for f in filings(case)] == ["returned", "returned", "done", "done"]
    assert (fresh(case).state, fresh(case).returned, fresh(case).return_reason) == ("draft", True, "缺合同（共 2 人被退回）")
    people = [f.id_number for f in filings(case)]
    found = ask("select id_number from parties_person where id_number = any(%s) order by id", [people])
    assert sorted(n for (n,) in found) == sorted(people[2:])
    with acting(operator(UNIT[0])):
        operations.submit(case, fresh(case).version, ours())
    assert [f.state for f in filings(case)] == ["review", "review", "done", "done"]
    with acting(reviewer(201)):
        assert review.decide(case, fresh(case).version, Decision(), ours()) == review.Outcome(2, 0)
    assert fresh(case).state == "done"


def test_withdrawing_the_returned_rest_keeps_what_took_effect() -> None:
    case = uploaded([addition(), addition()])
    with acting(operator(UNIT[0])):
        operations.submit(case, fresh(case).version, ours())
    with acting(reviewer()):
        review.decide(case, fresh(case).version, Decision({filings(case)[0].pk: Return("缺合同")}), ours())
    with acting(operator(UNIT[0])):
        operations.withdraw(case, fresh(case).version, at=AT)
    assert [f.state for f in filings(case)] == ["withdrawn", "done"] and fresh(case).state == "done"


def test_a_file_that_cannot_be_read_is_told_and_kept() -> None:
    case = received()
    batch.refuse(case, operations.NothingToSubmitError("这个文件不是本事项的模板"), at=AT)
    with acting(ENGINE):
        upload = Upload.objects.get(case_id=case)
    assert (upload.problem, upload.problem_code, bytes(upload.content)) == ("这个文件不是本事项的模板", "CAS-06", b"content")
    assert fresh(case).state == "withdrawn"


def test_programs_file_all_or_nothing() -> None:
    with acting(ENGINE):
        before = Case.objects.count()
    with pytest.raises(RowsRefusedError, match="有 2 项没有通过校验，全部没有提交") as refused, acting(operator(UNIT[0])):
        operations.file_many(ITEM, ours(), [addition("1"), addition(), addition(insurances=["110"])], key=None, channel=Channel.API)
    assert {row: [r.code for r in found] for row, found in refused.value.rows.items()} == {1: ["FLD-11"], 3: ["ENR-05"]}
    with acting(ENGINE):
        assert Case.objects.count() == before
    with acting(operator(UNIT[0])):
        case = operations.file_many(ITEM, ours(), [addition(), addition()], key=None, channel=Channel.API)
    assert (fresh(case).state, fresh(case).subject, len(filings(case))) == ("review", "2 人", 2)
