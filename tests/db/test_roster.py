"""花名册 and 异动表 of a unit: whole, in order, as known on any day; and of 100,000 people in little memory."""

import random
import tracemalloc
from datetime import date, datetime
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shebao.base.months import shift
from shebao.base.terms import Insurance
from shebao.channels.as_of import BadAsOfError, parsed
from shebao.enrolment import operations as enrolment
from shebao.enrolment.operations import NewSpell, NewWage, Stop
from shebao.enrolment.roster import (
    CHUNK_ROWS,
    Basis,
    Cover,
    Move,
    Period,
    all_movements,
    all_staff,
    headcount,
    movement_totals,
    movements,
    staff,
)
from shebao.parties.changes import Change, change_people
from shebao.surfaces.workbook import export_file
from tests.db import support
from tests.db.support import ENGINE, FULL, acting, as_owner, moment, operator

UNITS: list[int] = []
BIG = 100_000
MEMORY_BYTES_MAX = 24 * 1024 * 1024
PENSION, MEDICAL = Insurance.PENSION.flag, Insurance.MEDICAL.flag
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency()
    UNITS[:] = [support.make_unit(name) for name in ("甲", "乙", "丙", "大")]


def filed(month: int) -> Period:
    return Period(month, Basis.FILED, moment(month, 1, 0), moment(shift(month, 1), 1, 0))


def effect(month: int, known_at: datetime | None = None) -> Period:
    return Period(month, Basis.EFFECT, moment(month, 1, 0), moment(shift(month, 1), 1, 0), known_at)


def stop(people: list[int], unit: int, month: int, at: datetime) -> None:
    with acting(ENGINE):
        enrolment.stop([Stop(p, unit, month, "6301", None) for p in people], at=at)


def test_a_person_insured_by_two_spells_is_one_line_whatever_the_size_of_a_page() -> None:
    unit = UNITS[0]
    numbers = [support.hire(unit, mask=PENSION, month=202503, at=moment(202503))[0] for _ in range(3)]
    people = support.person_ids(numbers)
    with acting(ENGINE):
        enrolment.start([NewSpell(p, unit, 1, MEDICAL, 202505, 700_000, None) for p in people], at=moment(202505))
    with acting(operator(unit)):
        for limit in (1, 2, 5):
            found, after = [], 0
            while page := staff(unit, 202505, after=after, limit=limit):
                found += page
                after = page[-1].person_id
            assert [(m.id_number, m.insurance_mask, m.from_month) for m in found] == [(n, PENSION | MEDICAL, 202503) for n in numbers]
        assert [m.insurance_mask for m in staff(unit, 202504)] == [PENSION] * 3
        assert staff(unit, 202504, mask=MEDICAL) == [] and len(staff(unit, 202505, mask=MEDICAL)) == 3
        assert headcount(unit, 202505) == 3


def test_the_roster_of_a_past_day_tells_what_was_known_then_names_and_wages_too() -> None:
    unit = UNITS[1]
    (stays,), (leaves,) = support.hire(unit, month=202501, at=moment(202501)), support.hire(unit, month=202501, at=moment(202501))
    a, b = support.person_ids([stays, leaves])
    stop([b], unit, 202504, moment(202503, 20))
    with acting(ENGINE):
        enrolment.declare_wages([NewWage(a, unit, 1, 202504, 999_900, None)], at=moment(202503, 25))
        change_people([Change(a, {"name": "新名"}, date(2025, 4, 2))], at=moment(202504))
    with acting(operator(unit)):
        now = staff(unit, 202504)
        assert [(m.name, m.wage_fen) for m in now] == [("新名", 999_900)]
        then = staff(unit, 202504, known_at=moment(202503, 19), on=date(2025, 3, 19))
        assert [(m.id_number, m.name, m.wage_fen) for m in then] == [(stays, "张三甲", 800_000), (leaves, "张三甲", 800_000)]
        assert headcount(unit, 202504, known_at=moment(202503, 19)) == 2 and headcount(unit, 202504) == 1
        assert [m.id_number for m in staff(unit, 202504, cover=Cover.STOPPED)] == [leaves]
        assert staff(unit, 202504, cover=Cover.STOPPED, known_at=moment(202503, 19), on=date(2025, 3, 19)) == []
        assert [m.id_number for m in staff(unit, 202504, search="新")] == [stays]
        assert staff(unit, 202504, search="新", known_at=moment(202503, 30), on=date(2025, 3, 30)) == []
        assert [m.id_number for m in staff(unit, 202503, search=leaves[:14])] in ([leaves], [stays, leaves])
        assert staff(unit, 202503, search="%") == staff(unit, 202503, search="_") == []  # signs of the search language mean themselves


def test_the_movements_of_a_month_add_up_by_entry_and_by_effect() -> None:
    unit = UNITS[2]
    support.hire(unit, 3, month=202501, at=moment(202501))
    old = support.person_ids(support.hire(unit, 2, month=202501, at=moment(202501)))
    (late,) = support.person_ids(support.hire(unit, month=202502, at=moment(202504)))  # 追溯补缴
    (brief,) = support.person_ids(support.hire(unit, month=202504, at=moment(202504, 3)))
    stop([brief], unit, 202505, moment(202504, 18))
    stop(old[:1], unit, 202505, moment(202504, 18))
    with acting(operator(unit)):
        april = {m.person_id: m for m in movements(unit, filed(202504))}
        assert {p: m.move for p, m in april.items()} == {late: Move.ADDED, brief: Move.BOTH, old[0]: Move.STOPPED}
        assert (april[late].from_month, april[old[0]].to_month, april[old[0]].stop_reason) == (202502, 202505, "6301")
        totals = movement_totals(unit, filed(202504))
        assert (totals.before, totals.now, totals.moves) == (5, 5, {Move.ADDED: 1, Move.STOPPED: 1, Move.TYPES: 0, Move.BOTH: 1})
        assert {m.person_id for m in movements(unit, effect(202502))} == {late}
        assert movements(unit, effect(202502, moment(202503))) == []  # as known then, nobody came in February
        assert {m.person_id: m.move for m in movements(unit, effect(202505))} == {old[0]: Move.STOPPED, brief: Move.STOPPED}
        assert [m.person_id for m in movements(unit, effect(202505), move=Move.ADDED)] == []


def test_whatever_happened_before_and_now_differ_by_who_came_and_who_left() -> None:
    chance, unit = random.Random(7), support.make_unit("多变")
    inside: list[int] = []
    for month in (202501, 202502, 202503, 202504, 202505, 202506):
        for day in (3, 12, 21):
            new = support.person_ids(
                support.hire(unit, chance.randint(1, 4), month=shift(month, -chance.randint(0, 1)), at=moment(month, day))
            )
            inside += new
            gone = chance.sample(inside, chance.randint(0, 2))
            stop(gone, unit, shift(month, 1), moment(month, day, 15))
            inside = [p for p in inside if p not in gone]
    with acting(operator(unit)):
        for make in (filed, effect):
            told = [movement_totals(unit, make(month)) for month in (202501, 202502, 202503, 202504, 202505, 202506, 202507)]
            assert all(t.before + t.moves[Move.ADDED] - t.moves[Move.STOPPED] == t.now for t in told)
            assert all(x.now == y.before for x, y in pairwise(told)) and told[-1].now == len(inside)
        for month in (202501, 202503, 202506):
            listed = list(all_movements(unit, filed(month)))
            counted = movement_totals(unit, filed(month)).moves
            assert {move: sum(m.move is move for m in listed) for move in Move} == counted
            one_by_one, after = [], 0
            while page := movements(unit, filed(month), after=after, limit=1):
                one_by_one += page
                after = page[-1].person_id
            assert one_by_one == listed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2025-02-30", "有没有这一天"),
        ("昨天", "2026-10-31 的样子"),
        ("20250301", "2026-10-31 的样子"),
        ("2026-11-11", "不能晚于今天（2026-11-10）"),
        ("2023-12-31", "登记库从 2024-01-01 起才有记载"),
    ],
)
def test_a_day_that_cannot_be_asked_for_is_told_why(text: str, told: str) -> None:
    with acting(operator(UNITS[0])), pytest.raises(BadAsOfError, match=told):
        parsed(text, date(2026, 11, 10))


def test_today_is_what_is_held_now_and_the_first_day_of_the_register_can_be_asked_for() -> None:
    with acting(operator(UNITS[0])):
        assert not parsed("", date(2026, 11, 10)).past and not parsed("2026-11-10", date(2026, 11, 10)).past
        assert parsed("2026-11-09", date(2026, 11, 10)).past and parsed("2024-01-01", date(2026, 11, 10)).past


# --- a unit of 100,000 people ---


@pytest.fixture(scope="module")
def crowd(town: None) -> int:
    unit = UNITS[3]
    as_owner(
        """
        with p as (
          insert into parties_person (number, id_number, name, sex, birth_date, ethnicity, mobile, registered_at)
          select 'B' || lpad(i::text, 9, '0'), '4299' || lpad(i::text, 13, '0') || '0', '众' || i %% 977, '1', '1990-01-01', '01', '',
                 '2025-01-01' from generate_series(1, %s) i returning id)
        insert into enrolment_spell (person_id, unit_id, agency_id, insurance_mask, from_month, stop_reason, known_from)
        select id, %s, 1, %s, 202501, '', '2025-01-01' from p
        """,
        [BIG, unit, FULL],
    )
    as_owner(
        """
        insert into enrolment_wage (person_id, unit_id, agency_id, wage_fen, from_month, known_from)
        select person_id, unit_id, 1, 500000 + person_id %% 1000, 202501, known_from from enrolment_spell
        where unit_id = %s and person_id %% 10 = 0
        """,
        [unit],
    )
    as_owner("analyze parties_person, enrolment_spell, enrolment_wage")
    return unit


def test_a_page_of_a_unit_of_100000_reads_a_page(crowd: int) -> None:
    with acting(operator(crowd)):
        assert headcount(crowd, 202511) == BIG
        deep = staff(crowd, 202511, limit=1, search="B000099000")[0].person_id
        for known in ({}, {"known_at": moment(202510), "on": date(2025, 10, 10)}):
            with CaptureQueriesContext(connection) as asked:
                page = staff(crowd, 202511, after=deep, limit=51, **known)
            assert len(asked) == 1 and len(page) == 51 and all(x.person_id < y.person_id for x, y in pairwise(page))
            assert read_by(asked[0]["sql"]) < 2_000


def read_by(sql: str) -> int:
    """How many rows the nodes of a plan really gave, the largest of them."""
    with connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, format json) {sql}")
        plan = cursor.fetchone()[0][0]["Plan"]

    def largest(node: dict) -> int:  # type: ignore[type-arg]
        rows = int(node["Actual Rows"] * node["Actual Loops"]) + int(node.get("Rows Removed by Filter", 0))
        return max([rows, *(largest(child) for child in node.get("Plans", []))])

    return largest(plan)


def test_the_list_of_100000_is_written_in_chunks_and_little_memory(crowd: int) -> None:
    seen = 0

    def rows():  # type: ignore[no-untyped-def]
        nonlocal seen
        for m in all_staff(crowd, 202511):
            seen += 1
            yield (str(seen), m.number, m.id_number, m.name, m.wage_fen)

    with acting(operator(crowd)), CaptureQueriesContext(connection) as asked:
        tracemalloc.start()
        try:
            with export_file("大单位", ("序号", "编号", "身份号码", "姓名", "工资"), rows()) as file:
                _, peak = tracemalloc.get_traced_memory()
                size = len(file.read())
        finally:
            tracemalloc.stop()
    assert seen == BIG and size > 1_000_000
    assert len(asked) == BIG // CHUNK_ROWS + 1
    assert peak < MEMORY_BYTES_MAX, f"{peak / 2**20:.1f} MiB"
