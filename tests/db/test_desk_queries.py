"""The lists of cases that portal and desk share: what is in them, in which order, how they are narrowed, and that figures add up."""

from datetime import timedelta
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.base.actor import Actor
from shebao.casework import batch, cases, operations, queries, queues, review
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState, Channel, Filing, Upload
from shebao.casework.queries import Show, Wanted
from shebao.casework.queues import BY_CODE, MINE, WAITING
from tests.db.support import ADD, AT, addition, context, file, make_agency, make_unit, new_id_number, operator, reviewer


@pytest.fixture(scope="module")
def units(database: str) -> tuple[int, int]:
    make_agency(1)
    return make_unit("甲示例公司", vip=False), make_unit("乙示例公司", vip=False)


@pytest.fixture
def unit(units: tuple[int, int]) -> int:
    """A unit without any case."""
    return make_unit("丙示例公司", vip=False)


def saved(unit: int, at: Any = AT, **typed: Any) -> int:
    with acting(operator(unit)):
        return operations.save_new(item_of(ADD), context(unit, at, vip=False), addition(**typed), key=None).case_id


def submitted(unit: int, at: Any = AT, **typed: Any) -> int:
    return file(ADD, context(unit, at, vip=False), addition(**typed))


def returned(unit: int, at: Any = AT) -> int:
    case_id = submitted(unit, at)
    with acting(reviewer()):
        case = Case.objects.get(pk=case_id)
        review.decide(case_id, case.version, review.Decision(return_all=review.Return("请核对")), context(unit, at, vip=False))
    return case_id


def uploaded(unit: int, typed: list[dict[str, Any]]) -> Case:
    """A batch whose rows are examined and not submitted."""
    item, ctx = item_of(ADD), context(unit, vip=False)
    columns = {f.name: [row.get(f.name) for row in typed] for f in item.columns}
    with acting(operator(unit)):
        case = cases.new_case(item, ctx, Channel.WORKBOOK, "增员.xlsx", CaseState.CHECKING)
        Upload.objects.create(case=case, unit_id=unit, agency_id=1, name="增员.xlsx", sha256=bytes(32), content=b"x", started_at=AT)
    batch.load(case.pk, item, ctx, columns, list(range(2, len(typed) + 2)), [], clock=lambda: AT)
    with acting(operator(unit)):
        return Case.objects.get(pk=case.pk)


def row(**typed: Any) -> dict[str, Any]:
    return addition(insurances="养老、失业、工伤、医疗、大额医疗") | typed


def ids(page: queries.Page[Case]) -> list[int]:
    return [case.pk for case in page.rows]


def test_what_is_not_submitted_is_to_do_and_what_was_returned_comes_first(unit: int) -> None:
    draft, back, sent = saved(unit, AT + timedelta(hours=2)), returned(unit), submitted(unit)
    with acting(operator(unit)):
        assert ids(queries.todo(unit)) == [back, draft]
        assert ids(queries.done(unit)) == [sent]
        assert queries.unit_counts(unit, since=AT) == queries.UnitCounts(todo=2, returned=1, review=1, done=0)


def test_lists_are_narrowed_by_what_a_person_remembers(unit: int) -> None:
    number = new_id_number()
    one, _other = saved(unit, id_number=number, name="欧阳示例"), saved(unit, AT + timedelta(days=1))
    with acting(operator(unit)):
        case = Case.objects.get(pk=one)
        for wanted in (
            Wanted(search=case.number.lower()),
            Wanted(search=number),
            Wanted(search="欧阳"),
            Wanted(to_day=AT.date()),
            Wanted(search="欧阳示例", item_code=ADD, state="draft", channel="page", returned=False),
        ):
            assert ids(queries.todo(unit, wanted)) == [one], wanted
        assert ids(queries.todo(unit, Wanted(from_day=AT.date() + timedelta(days=2)))) == []
        assert ids(queries.todo(unit, Wanted(item_code="enrolment.stop_employee"))) == []


def test_a_page_that_does_not_exist_is_the_last_one(unit: int) -> None:
    for hour in range(5):
        saved(unit, AT + timedelta(hours=hour))
    with acting(operator(unit)):
        page = queries.todo(unit, page=99, size=2)
        assert (page.page, page.pages, page.total, len(page.rows)) == (3, 3, 5, 1)
        assert queries.todo(unit, page=-1, size=2).page == 1


def test_another_units_cases_are_not_there_whatever_is_asked(units: tuple[int, int], unit: int) -> None:
    case_id = saved(unit)
    with acting(operator(units[0], 101)):
        assert ids(queries.todo(unit)) == []
        assert queries.find_case("ZY20261110-000001") is None
        with pytest.raises(cases.NoSuchCaseError):
            queries.get_case(case_id)


def test_the_figures_of_a_batch_add_up_and_every_filter_shows_its_rows(unit: int) -> None:
    typed = [row(), row(declared_wage="100"), row(id_number="42010219900101"), row(declared_wage=""), row()]
    case = uploaded(unit, typed)
    with acting(operator(unit)):
        counts = queries.row_counts(case)
        assert (counts.total, counts.clean, counts.warned, counts.refused) == (5, 2, 1, 2)
        assert counts.total == counts.clean + counts.warned + counts.refused == counts.draft
        shown = {show: [f.row for f in queries.filings(case, show).rows] for show in Show}
        assert shown[Show.ALL] == [2, 3, 4, 5, 6]
        assert (shown[Show.CLEAN], shown[Show.WARNED], shown[Show.REFUSED]) == ([2, 6], [3], [4, 5])
        assert shown[Show.EXCEPTIONS] == [3, 4, 5]
        assert shown[Show.REVIEW] == shown[Show.DONE] == shown[Show.RETURNED] == []
        assert [f.row for f in queries.filings(case, exceptions_first=True).rows] == [4, 5, 3, 2, 6]
        assert queries.filings(case, search=str(typed[0]["id_number"])).rows[0].row == 2
        assert [(g.code, g.rows, g.first_row) for g in queries.warning_groups(case)] == [("ENR-W1", 1, 3)]


def test_a_row_taken_out_is_no_longer_counted(unit: int) -> None:
    case = uploaded(unit, [row(), row()])
    with acting(operator(unit)):
        first = Filing.objects.filter(case=case).order_by("row")[0]
        operations.remove_rows(case.pk, [first.pk], at=AT)
        counts = queries.row_counts(case)
        assert counts.total == 1
        assert [f.row for f in queries.filings(case).rows] == [3]


def test_rows_left_behind_by_a_submission_are_found_as_a_part(unit: int) -> None:
    case = uploaded(unit, [row(), row(declared_wage="")])
    with acting(operator(unit)):
        operations.submit(case.pk, case.version, context(unit, vip=False))
        (part,) = queries.parts_of(case)
        assert queries.row_counts(part).refused == 1
        assert queries.row_counts(case).review == 1
        assert queries.events_of(case)[0].kind == "submitted"


def test_a_queue_is_oldest_first_and_a_claimed_case_leaves_it_for_its_reviewer(unit: int) -> None:
    late, early = submitted(unit, AT), submitted(unit, AT - timedelta(days=2))
    mine, wanted = reviewer(210), Wanted(unit_ids=[unit])
    reach = {"agency_id": 1, "account_id": 210, "at": AT}
    with acting(mine):
        assert ids(queues.queue(WAITING, wanted, **reach)) == [early, late]
        before = queues.queue_heads(**reach)["waiting"].count
        review.claim(early, at=AT)
        assert ids(queues.queue(WAITING, wanted, **reach)) == [late]
        assert ids(queues.queue(MINE, wanted, **reach)) == [early]
        heads = queues.queue_heads(**reach)
        assert (heads["waiting"].count, heads["mine"].count) == (before - 1, 1)
        assert heads["mine"].oldest_at == AT - timedelta(days=2)
    with acting(reviewer(211)):
        assert ids(queues.queue(MINE, wanted, agency_id=1, account_id=211, at=AT)) == []


def test_what_i_decided_stays_in_my_list_when_the_unit_files_it_again(unit: int) -> None:
    case_id = returned(unit)
    with acting(operator(unit)):
        operations.submit(case_id, Case.objects.get(pk=case_id).version, context(unit, vip=False))
    with acting(reviewer()):
        reach = {"agency_id": 1, "account_id": 200, "at": AT}
        assert ids(queues.queue(BY_CODE["reviewed"], Wanted(unit_ids=[unit]), **reach)) == [case_id]
        assert ids(queues.queue(WAITING, Wanted(unit_ids=[unit]), **reach)) == [case_id]
        assert queues.throughput(agency_id=1, account_id=200, since=AT).mine >= 1


def test_the_next_case_is_never_ones_own(database: str) -> None:
    unit = make_unit("丁示例公司", vip=False)
    me = 220
    filer = operator(unit, me)
    own = file(ADD, context(unit, AT - timedelta(days=300), vip=False), addition(backdated_from=""), actor=filer)
    with acting(reviewer(me)):
        found = queues.next_waiting(agency_id=1, account_id=me, at=AT)
        assert found is not None
        assert found.pk != own
    with acting(reviewer(221)):
        oldest = queues.next_waiting(agency_id=1, account_id=221, at=AT)
        assert oldest is not None
        assert oldest.pk == own


def test_another_agencys_reviewer_sees_no_queue_of_ours(unit: int) -> None:
    submitted(unit)
    foreign: Actor = reviewer(230, agency=2)
    with acting(foreign):
        for agency_id in (1, 2):
            assert queues.queue(WAITING, Wanted(), agency_id=agency_id, account_id=230, at=AT).total == 0
