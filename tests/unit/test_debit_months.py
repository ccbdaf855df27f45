"""批扣 collects all unpaid months of the year up to this one, and after a gap only the unbroken run that ends with this month."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shebao.base.months import shift
from shebao.levy.debit_months import BILLED, BILLED_REASON, ENDED, NOT_NOW_REASON, OPEN, OUT, OUT_REASON, PAID, collect

THIS = 202611
Dues = Mapping[int, Sequence[tuple[int, int]]]  # month → (state, fen) of each type


def asked(city: Mapping[int, Dues]) -> dict[int, tuple[int, int, int, int, int, int, int]]:
    """person → amount, first, last, months, open, dues, reason; as the run asks for all at once."""
    rows = [(p, m, s, f) for p in sorted(city) for m in sorted(city[p]) for s, f in city[p][m]]
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(4)]
    told = collect(columns[0], columns[1], columns[2], columns[3], THIS)
    fields = (told.amount_fen, told.first_month, told.last_month, told.months, told.open_fen, told.dues, told.reason)
    return {int(p): tuple(int(f[i]) for f in fields) for i, p in enumerate(told.people)}  # type: ignore[misc]


def one(dues: Dues) -> tuple[int, int, int, int, int, int, int]:
    return asked({7: dues})[7]


def test_all_unpaid_months_are_collected_in_one_sum_and_paid_ones_do_not_break_the_run() -> None:
    found = one({202608: [(OPEN, 10), (OPEN, 1)], 202609: [(PAID, 99)], 202610: [(OPEN, 20)], THIS: [(OPEN, 30)]})
    assert found == (61, 202608, THIS, 3, 61, 4, 0)


def test_after_a_gap_only_the_run_that_includes_this_month_is_collected() -> None:
    assert one({202608: [(OPEN, 10)], 202610: [(OPEN, 20)], THIS: [(OPEN, 30)]}) == (50, 202610, THIS, 2, 60, 2, 0)
    assert one({202609: [(OPEN, 10)], 202610: [(ENDED, 20)], THIS: [(OPEN, 30)]}) == (30, THIS, THIS, 1, 40, 1, 0)


@pytest.mark.parametrize("last", [{}, {THIS: [(ENDED, 5)]}], ids=["not insured this month", "this month is owed no more"])
def test_whoever_is_not_collected_for_this_month_is_not_collected_for_earlier_ones(last: Dues) -> None:
    amount, *_, reason = one({202609: [(OPEN, 10)], 202610: [(OPEN, 20)], **last})
    assert (amount, reason) == (0, NOT_NOW_REASON)


def test_whoever_has_a_bill_or_is_out_is_left_alone_with_the_reason() -> None:
    assert one({202610: [(BILLED, 20)], THIS: [(OPEN, 30)]})[::6] == (0, BILLED_REASON)
    assert one({202610: [(OUT, 20)], THIS: [(OPEN, 30)]})[::6] == (0, OUT_REASON)


def by_hand(dues: Dues) -> tuple[int, int, int]:
    """Amount, first month and reason, person by person and month by month."""
    owed = [(m, f) for m, all_of in dues.items() for s, f in all_of if s == OPEN]
    month, run = THIS, set()
    while month in dues and all(s != ENDED for s, _ in dues[month]):
        run.add(month)
        month = shift(month, -1)
    wanted = [(m, f) for m, f in owed if m in run]
    states = {s for all_of in dues.values() for s, _ in all_of}
    reason = BILLED_REASON if BILLED in states else OUT_REASON if OUT in states else 0 if wanted else NOT_NOW_REASON
    return (0 if reason else sum(f for _, f in wanted)), min((m for m, _ in wanted), default=999_999), reason


due = st.tuples(st.sampled_from([OPEN, OPEN, OPEN, PAID, ENDED, BILLED, OUT]), st.integers(1, 90_000))
year = st.dictionaries(st.sampled_from([shift(THIS, -n) for n in range(5)]), st.lists(due, min_size=1, max_size=2), min_size=1)


@given(st.dictionaries(st.integers(1, 30), year, min_size=1, max_size=12))
def test_all_at_once_is_what_one_by_one_would_be(city: dict[int, Dues]) -> None:
    found = asked(city)
    owing = {p for p, dues in city.items() if any(s == OPEN for all_of in dues.values() for s, _ in all_of)}
    assert set(found) == owing
    for person in owing:
        amount, first, reason = by_hand(city[person])
        assert (found[person][0], found[person][6]) == (amount, reason)
        assert reason or found[person][1] == first
