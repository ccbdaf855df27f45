"""How the days of a value are cut anew: a change from a day on, and a correction of what was never true."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shebao.base.codes import EDUCATION, ETHNICITY, MARRIAGE, VERIFY
from shebao.parties.facts import Span, changed, corrected, shown

D = [date(2026, 1, day) for day in range(1, 29)]


def told(spans: list[Span]) -> list[tuple[str | None, date | None, date | None]]:
    return [(span.value, span.start, span.end) for span in spans]


def test_a_change_keeps_what_was_true_before_its_day() -> None:
    spans = changed([Span("a")], Span("b", D[9]))
    assert told(spans) == [("a", None, D[9]), ("b", D[9], None)]
    assert spans[0].holds_on(D[8]) and not spans[0].holds_on(D[9]) and spans[1].holds_on(D[9])


def test_an_earlier_change_told_later_makes_everything_after_its_day_give_way() -> None:
    spans = changed(changed([Span("a")], Span("b", D[9])), Span("c", D[4]))
    assert told(spans) == [("a", None, D[4]), ("c", D[4], None)]


def test_a_change_on_the_same_day_replaces_the_one_before() -> None:
    assert told(changed(changed([Span("a")], Span("b", D[9])), Span("c", D[9]))) == [("a", None, D[9]), ("c", D[9], None)]


def test_what_was_already_true_changes_nothing() -> None:
    spans = changed([Span("a")], Span("b", D[9]))
    assert changed(spans, Span("b", D[9])) == spans and changed(spans, Span("b", D[20])) == spans


def test_a_change_back_to_the_value_before_lets_that_go_on() -> None:
    assert told(changed(changed([Span("a")], Span("b", D[9])), Span("a", D[4]))) == [("a", None, None)]
    assert told(changed(changed([Span("a")], Span("b", D[9])), Span("a", D[14]))) == [
        ("a", None, D[9]),
        ("b", D[9], D[14]),
        ("a", D[14], None),
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (D[8], [("x", None, D[9]), ("b", D[9], None)]),  # the value before the change was wrong
        (D[9], [("a", None, D[9]), ("x", D[9], None)]),  # the one since then was
    ],
)
def test_a_correction_takes_just_the_days_of_the_wrong_value(day: date, expected: list[tuple[str, date, date]]) -> None:
    assert told(corrected(changed([Span("a")], Span("b", D[9])), day, Span("x", correction=True))) == expected


STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from(D), st.sampled_from("abc")), max_size=8)


@given(STEPS)
def test_a_timeline_never_has_a_gap_or_an_overlap_and_says_what_was_told_last(steps: list[tuple[bool, date, str]]) -> None:
    spans = [Span("a")]
    for correction, day, value in steps:
        before = spans
        spans = corrected(spans, day, Span(value, correction=True)) if correction else changed(spans, Span(value, day))
        assert spans[0].start is None and spans[-1].end is None
        assert all(x.end == y.start for x, y in pairwise(spans))
        assert all(x.start is None or x.end is None or x.start < x.end for x in spans)
        assert next(s for s in spans if s.holds_on(day)).value == value
        if not correction:  # days before the change are as they were
            for earlier in [d for d in D if d < day]:
                assert [s.value for s in spans if s.holds_on(earlier)] == [s.value for s in before if s.holds_on(earlier)]


def test_an_unknown_code_is_shown_with_its_mark_and_never_guessed() -> None:
    assert shown("education", "21") == "大学本科" and shown("marriage", "2") == "已婚" and shown("ethnicity", "01") == "汉族"
    assert shown("education", "33") == "未知代码 33（待核对）"
    assert shown("phone", "") == "未登记" and shown("phone", None) == "未登记"
    assert EDUCATION.status == MARRIAGE.status == ETHNICITY.status == VERIFY
