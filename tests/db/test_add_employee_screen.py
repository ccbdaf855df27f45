"""Many rows judged at once are judged as one by one; a batch that stopped half-way goes on, and two jobs at one batch do no harm."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import product
from typing import Any

import pytest

from shebao.base.months import shift
from shebao.casework import batch
from shebao.casework.cases import new_case
from shebao.casework.item import Context, Filing, ServiceItem, item_of
from shebao.casework.models import CaseState, Channel, Upload
from shebao.items.enrolment.situation import bounds
from tests.db import support
from tests.db.support import ADD, ENGINE, FULL_CODES, acting, ask, context, make_unit, moment, new_id_number, take_effect

ITEM = item_of(ADD)
DAYS = (moment(202611, 10), moment(202611, 25), moment(202601, 5))
UNITS: dict[str, int] = {}
PEOPLE: list[tuple[str, str]] = []
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    """People insured here, elsewhere, stopped in different months, and unknown ones of ages about the limits."""
    support.make_agency()
    UNITS["ours"], UNITS["other"] = make_unit("本公司"), make_unit("另一公司")
    for unit in UNITS.values():
        for number in support.hire(unit, 6):
            PEOPLE.append((number, ask("select name from parties_person where id_number = %s", [number])[0][0]))
    for i, (number, name) in enumerate(PEOPLE[9:12]):
        typed = {"id_number": number, "name": name, "reason": ITEM_STOP_REASON}
        assert take_effect(support.STOP, context(UNITS["other"], moment(202610 + i % 2, 10)), typed) is not None
    for year in range(1960, 2012):
        for day in (9, 10, 11):
            PEOPLE.extend((new_id_number(date(year, 11, day), male=male), "李四") for male in (True, False))


ITEM_STOP_REASON = item_of(support.STOP).field("reason").choices[0][0]


def rows(count: int, at: datetime) -> dict[str, list[Any]]:
    chance = random.Random(f"{count} {at}")
    people = [chance.choice(PEOPLE) if chance.random() < 0.6 else (new_id_number(date(1990, 1, 1)), '王"五·\\') for _ in range(count)]
    seen: set[str] = set()
    people = [(new_id_number(), "王五") if p[0] in seen or seen.add(p[0]) else p for p in people]  # type: ignore[func-returns-value]
    months = ["", "", "", str(at.year * 100 + at.month), "202610", "202609", "202608", "202612", "202511"]
    types = [FULL_CODES] * 8 + [FULL_CODES[:-1], []]
    return {
        "id_number": [number for number, _ in people],
        "name": [name if chance.random() < 0.9 else "赵改名" for _, name in people],
        "ethnicity": [chance.choice(["汉族", "汉族", "回族", "没有"]) for _ in people],
        "mobile": [chance.choice(["", "13800000000", "123"]) for _ in people],
        "declared_wage": [chance.choice([0.0, 100.0, 5000.5, 8000.0, 20000.0, 99999.99]) for _ in people],
        "insurances": [chance.choice(types) for _ in people],
        "backdated_from": [chance.choice(months) for _ in people],
    }


def started(ctx: Context) -> int:
    with acting(support.operator(ctx.unit_id)):
        case = new_case(ITEM, ctx, Channel.WORKBOOK, "名册", CaseState.CHECKING)
        Upload.objects.create(
            case=case, unit_id=ctx.unit_id, agency_id=ctx.agency_id, name="名册", sha256=b"x" * 32, content=b"", started_at=ctx.at
        )
    return case.pk


def load(item: ServiceItem, ctx: Context, columns: dict[str, list[Any]], *, case_id: int = 0) -> int:
    case_id = case_id or started(ctx)
    batch.load(case_id, item, ctx, columns, range(4, 4 + len(columns["name"])), [], clock=lambda: ctx.at)
    return case_id


def stored(case_id: int) -> Sequence[tuple[Any, ...]]:
    return ask(
        "select row, state, id_number, name, typed, values, refusals, warnings, return_reason, round from casework_filing"
        " where case_id = %s order by row",
        [case_id],
    )


@pytest.mark.parametrize("at", DAYS)
@pytest.mark.parametrize("vip", [True, False])
def test_rows_judged_at_once_are_stored_as_rows_judged_one_by_one(at: datetime, vip: bool) -> None:
    ctx, columns = context(UNITS["ours"], at, vip=vip), rows(500, at)
    at_once, one_by_one = load(ITEM, ctx, columns), load(replace(ITEM, screen=None), ctx, columns)
    assert stored(at_once) == stored(one_by_one)
    clean = [row for row in stored(at_once) if row[6] is None]
    assert 20 < len(clean) < 480


@pytest.mark.parametrize("at", DAYS)
def test_nobody_passes_at_once_whom_a_check_refuses_or_warns_otherwise(at: datetime) -> None:
    """Every person of the town with every month, set of types, name and wage about the edges."""
    ctx, this = context(UNITS["ours"], at, vip=False), at.year * 100 + at.month
    months = (None, *(shift(this, i) for i in (-3, -2, -1, 0, 1)))
    floor, cap = bounds(ctx.place, this)
    assert floor and cap
    wages, types = (floor - 1, floor, cap, cap + 1), (FULL_CODES, FULL_CODES[:-1])
    given = [
        {"id_number": number, "name": called, "declared_wage": wage, "insurances": chosen, "backdated_from": month}
        for (number, name), month, chosen, wage in product(PEOPLE, months, types, wages)
        for called in (name, "赵改名")
    ]
    assert ITEM.screen is not None
    filings = [Filing(values) for values in given]
    with acting(ENGINE):
        told = ITEM.screen({name: [values[name] for values in given] for name in given[0]}, ctx)
        facts = ITEM.facts(filings, ctx)
    passes = 0
    for filing, fact, one in zip(filings, facts, told, strict=True):
        refused = [refusal for check in ITEM.checks if (refusal := check(filing, fact, ctx))]
        assert (one is not None) == (not refused), (filing.values, refused)
        if one is not None:
            passes += 1
            assert one == tuple(warning for warn in ITEM.warns if (warning := warn(filing, fact, ctx)))
    assert len(given) // 20 < passes < len(given) // 2


def test_a_batch_that_stopped_half_way_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 50)
    ctx, columns = context(UNITS["ours"]), rows(170, moment(202611, 10))
    case_id = started(ctx)
    kept, calls = batch.store_passed, 0

    def fails_at_the_third(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RuntimeError("killed")
        kept(*given)

    monkeypatch.setattr(batch, "store_passed", fails_at_the_third)
    with pytest.raises(RuntimeError):
        load(ITEM, ctx, columns, case_id=case_id)
    assert ask("select rows_total, rows_checked from casework_upload where case_id = %s", [case_id]) == [(170, 100)]
    assert len(stored(case_id)) == 100
    load(ITEM, ctx, columns, case_id=case_id)
    assert stored(case_id) == stored(load(ITEM, ctx, columns))
    assert ask("select state from casework_case where id = %s", [case_id]) == [("draft",)]


def test_a_second_job_at_the_same_batch_stores_nothing_twice_and_ends_nothing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 40)
    ctx, columns = context(UNITS["ours"]), rows(200, moment(202611, 10))
    case_id = started(ctx)
    outcomes = support.race(1, 3, lambda i, racer: load(ITEM, ctx, columns, case_id=case_id))
    assert outcomes == [[case_id] * 3]
    assert stored(case_id) == stored(load(ITEM, ctx, columns))
    assert ask(
        "select c.state, u.rows_checked from casework_case c join casework_upload u on u.case_id = c.id where c.id = %s", [case_id]
    ) == [("draft", 200)]


def test_the_announced_rows_are_an_estimate_that_the_reading_puts_right() -> None:
    ctx, columns = context(UNITS["ours"]), rows(30, moment(202611, 10))
    case_id = started(ctx)
    batch.announce(case_id, 33)
    assert ask("select rows_total, rows_checked from casework_upload where case_id = %s", [case_id]) == [(33, 0)]
    load(ITEM, ctx, columns, case_id=case_id)
    batch.announce(case_id, 33)  # too late: the file is read
    assert ask("select rows_total, rows_checked from casework_upload where case_id = %s", [case_id]) == [(30, 30)]
