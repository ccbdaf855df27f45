"""Reading a column at once gives exactly what reading its cells one by one gives."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shebao.base.identifiers import make_id_number
from shebao.casework import fields as f
from shebao.casework.cells import BLANKS, half_width
from shebao.casework.fields import BULK_ROWS_MIN, Field

CHOICES = [("1", "养老"), ("2", "失业")]
FIELDS = [
    f.id_number(),
    f.name(),
    f.text("note", "备注", most=6),
    f.money_amount("wage", "申报工资"),
    f.money_amount("debt", "差额", least=None, most=None, required=False),
    f.month("month", "年月"),
    f.day("day", "日期", required=False),
    f.choice("kind", "类型", CHOICES),
    f.many("types", "险种", CHOICES),
    f.mobile(),
]

ids = st.builds(
    make_id_number,
    st.sampled_from(["420199", "810000", "830000", "910000", "990000", "000000", "110101", "710000"]),
    st.dates(date(1890, 1, 1), date(2110, 1, 1)),
    st.integers(0, 999),
)
damaged = st.tuples(ids, st.integers(0, 17), st.sampled_from("0123456789Xx 　１٣²a")).map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + 1 :])
dates = st.dates(date(1800, 1, 1), date(3100, 1, 1)).flatmap(
    lambda d: st.sampled_from([d.isoformat(), f"{d:%Y%m%d}", f"{d.year}.{d.month}.{d.day}", d])
)
amounts = st.one_of(
    st.integers(-(10**6), 10**15).map(lambda fen: fen / 100),
    st.floats(allow_nan=True),
    st.integers(0, 10**9).map(lambda mills: mills / 1000),
    st.sampled_from(["8000", "8,000元", "1E+5", "8000.5", "８０００", "-1", "0.001"]),
)
texts = st.text(st.sampled_from("张敏·•. 　\u200b\t0９x=<养老失业、,-2026年月日①\U0002f80a'A"), max_size=8)
others = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(""),
    st.datetimes(),
    st.just(timedelta(1)),
    st.lists(st.sampled_from(["养老", "1", "失业=对", ""]), max_size=3),
)
cells = st.one_of(
    ids,
    damaged,
    dates,
    amounts,
    texts,
    others,
    st.text(max_size=5),
    st.sampled_from(["2026-02-29", "2024-02-29", "13800000000", "12800000000"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(cells, min_size=BULK_ROWS_MIN, max_size=BULK_ROWS_MIN + 20), st.sampled_from(FIELDS))
def test_a_column_is_read_like_its_cells(column: list[f.Cell], field: Field) -> None:
    values, refusals = field.clean_column(column)
    for i, cell in enumerate(column):
        assert (values[i], refusals.get(i)) == field.clean(cell), repr(cell)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FIELDS), st.sampled_from([ids, dates, amounts, texts, others]), st.data())
def test_a_column_of_one_kind_is_read_like_its_cells(field: Field, kind: st.SearchStrategy[f.Cell], data: st.DataObject) -> None:
    column = data.draw(st.lists(kind, min_size=BULK_ROWS_MIN, max_size=60))
    values, refusals = field.clean_column(column * 5)
    for i, cell in enumerate(column * 5):
        assert (values[i], refusals.get(i)) == field.clean(cell), repr(cell)


def test_true_is_not_taken_for_the_number_one() -> None:
    column: list[f.Cell] = [1.0, True, 1] * 20
    values, refusals = f.money_amount("wage", "工资").clean_column(column)
    assert values[:3] == [100, None, 100]
    assert refusals[1].code == "FLD-02"


def test_rows_do_not_share_their_lists() -> None:
    field = f.many("types", "险种", CHOICES)
    values, _ = field.clean_column([["养老"]] * 40)
    assert isinstance(values[0], list)
    values[0].append("changed")
    assert values[1] == ["1"]


def test_a_changed_copy_of_a_field_has_its_own_choices() -> None:
    from dataclasses import replace

    field = f.choice("kind", "类型", CHOICES)
    assert field.clean("养老")[0] == "1"
    other = replace(field, choices=(("9", "工伤"),))
    assert other.clean("工伤")[0] == "9"
    assert other.clean("养老")[1] is not None
    assert field.clean("工伤")[1] is not None


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\x1f",
        "\x7f",
        "\x85",
        "\u00ad",
        "\u200b",
        "\u200f",
        "\u2028",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\uffff",
        "\ud800",
        "\U000e0041",
    ],
)
def test_no_invisible_character_passes(character: str) -> None:
    for field in (f.name(), f.text("note", "备注")):
        value, refusal = field.clean(f"张{character}敏")
        assert value is None and refusal is not None and refusal.code == "FLD-03"


def test_only_full_width_forms_are_made_half_width() -> None:
    assert half_width("２０２６．１２（Ｘ）") == "2026.12(X)"
    assert half_width("①²½，。") == "①²½，。"
    assert "\u3000" in BLANKS


def test_a_date_cell_with_a_time_is_refused_and_without_is_read() -> None:
    field = f.day("day", "日期")
    assert field.clean(datetime(2026, 1, 5)) == ("2026-01-05", None)
    assert field.clean(date(2026, 1, 5)) == ("2026-01-05", None)
    refusal = field.clean(datetime(2026, 1, 5, 13, 30))[1]
    assert refusal is not None and refusal.code == "FLD-24"


def test_a_value_shown_and_typed_reads_back() -> None:
    for field, cell in (
        (f.money_amount("w", "工资"), "8000.50"),
        (f.month("m", "年月"), "202612"),
        (f.day("d", "日期"), "2026-12-05"),
        (f.many("t", "险种", CHOICES), "养老、失业"),
    ):
        value, refusal = field.clean(cell)
        assert refusal is None
        assert field.clean(field.typed(value)) == (value, None)
