"""Sharing a line's money over its people: to the fen, and only over those who were on the line when it came in (decision 0010)."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from shebao.base.terms import Insurance
from shebao.levy.shares import Owed, shared


def due(person: int, unit_fen: int, person_fen: int) -> Owed:
    return Owed(person, 202609, Insurance.PENSION, "normal", 0, unit_fen, person_fen, 1, 1, "HD", date(2026, 10, 20), 1)


def key(person: int) -> tuple[int, int, int]:
    return 1, person, 202609


A, B = due(1, 160, 80), due(2, 160, 80)


def test_nothing_came_in_and_everything_is_open() -> None:
    assert shared([A, B], 0, {}) == {key(1): (160, 80), key(2): (160, 80)}


def test_half_of_the_money_leaves_half_of_everything() -> None:
    assert shared([A, B], 240, {}) == {key(1): (80, 40), key(2): (80, 40)}


def test_who_left_another_line_changes_nothing_here() -> None:
    """Levels of another line's money are not levels of this one: they would cut it in two, and each piece would be rounded."""
    three = [due(1, 86_915, 43_458), due(2, 86_915, 43_458), due(3, 86_915, 43_458)]
    alone = shared(three, 130_503, {})
    assert alone == shared(three, 130_503, {(2, 1, 202609): [(5_439, None)], (3, 1, 202609): [(58_182, 700)]})
    assert alone == shared(three, 130_503, {key(1): [(130_503, None)]}), "nor does it change the money that was there before"


def test_the_last_fen_is_owed_by_one_person_alone() -> None:
    assert shared([A, B], 479, {}) == {key(1): (0, 0), key(2): (1, 0)}


def test_money_that_came_in_while_somebody_was_away_is_the_others() -> None:
    """A left before anything was paid and came back after the rest was: A owes all of it, B nothing."""
    assert shared([A, B], 240, {key(1): [(0, 240)]}) == {key(1): (160, 80), key(2): (0, 0)}


def test_who_left_after_a_part_was_paid_keeps_that_share_for_good() -> None:
    told = shared([A, B], 480 - 120, {key(1): [(240, None)]})
    assert told[key(1)] == (80, 40) and sum(told[key(2)]) == 0


def test_who_was_away_twice_has_part_only_in_what_came_between() -> None:
    told = shared([A, B], 240, {key(1): [(0, 60), (180, 240)]})
    assert sum(told[key(1)]) + sum(told[key(2)]) == 240
    assert 240 - sum(told[key(1)]) == 120 * 240 // (240 + 180) + 1  # the middle 120 in proportion to 240 and 180, half up by remainder


def test_people_first_where_the_units_part_is_deferred() -> None:
    assert shared([A, B], 160, {}, people_first=True) == {key(1): (160, 0), key(2): (160, 0)}
    assert sum(sum(parts) for parts in shared([A, B], 161, {}, people_first=True).values()) == 319


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 3_000)), min_size=1, max_size=8),
    st.integers(0, 1_000),
    st.booleans(),
)
def test_the_open_parts_always_add_up_and_nobody_is_paid_for_more_than_owed(
    parts: list[tuple[int, int]], mille: int, people_first: bool
) -> None:
    dues = [due(i, unit_fen, person_fen) for i, (unit_fen, person_fen) in enumerate(parts)]
    whole = sum(u + p for u, p in parts)
    told = shared(dues, whole * mille // 1_000, {}, people_first=people_first)
    assert sum(map(sum, told.values())) == whole - whole * mille // 1_000
    assert all(0 <= told[d.key][0] <= d.unit_fen and 0 <= told[d.key][1] <= d.person_fen for d in dues)
