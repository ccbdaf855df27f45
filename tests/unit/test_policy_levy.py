"""应缴额: one person and a million, edges of rounding and of the base, and what is refused."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shebao.base.terms import INSURANCES, Insurance, Payer, insurances_in, mask_of
from shebao.policy.formulas.levy import BLOCK_ROWS, Column, amounts, clamped, contribution, relieved, undeclared
from shebao.policy.levy import InjuryClassUnknown, MonthRates, assess, assess_one, month_rates
from shebao.policy.levy_explained import explain_month
from shebao.policy.rulebook import RuleMissing, load, standard

WUHAN = "420100"
ALL = mask_of(INSURANCES)
MILLION = 1_000_000


def _rates(month: int = 202511) -> MonthRates:
    return month_rates(standard(), month, WUHAN)


def _by_decimal(wage_fen: int, mask: int, injury_class: int, rates: MonthRates) -> dict[tuple[Insurance, Payer], int]:
    """The same rules, written a second time: Decimal yuan, one type at a time."""
    owed = {(insurance, payer): 0 for insurance in INSURANCES for payer in Payer}
    for insurance in insurances_in(mask):
        if insurance in rates.merged:
            continue
        for payer in Payer:
            if insurance is Insurance.LARGE_MEDICAL:
                owed[insurance, payer] = rates.flat_fen[insurance, payer]
                continue
            wage = Decimal(wage_fen) / 100
            base = min(max(wage, Decimal(rates.floor_fen[insurance]) / 100), Decimal(rates.cap_fen[insurance]) / 100)
            if payer is Payer.PERSON:
                ppm = rates.person_ppm[insurance]
            else:
                ppm = int(rates.injury_ppm[injury_class]) if insurance is Insurance.INJURY else rates.unit_ppm[insurance]
            amount = (base * ppm / 1_000_000).quantize(Decimal("0.01"), ROUND_HALF_UP)
            owed[insurance, payer] = int(amount * 100)
    return owed


@pytest.mark.parametrize(("month", "mask"), [(202511, ALL), (201109, ALL & ~Insurance.LARGE_MEDICAL.flag)])
def test_a_formula_gives_the_same_for_one_person_and_for_a_million(month: int, mask: int) -> None:
    rates = _rates(month)
    chosen = np.random.default_rng(20251121)
    wages = chosen.integers(0, 4_000_000, MILLION, dtype=np.int64)
    masks = chosen.integers(0, 64, MILLION).astype(np.uint8) & np.uint8(mask)
    classes = chosen.integers(1, rates.injury_class_max + 1, MILLION).astype(np.int8)
    together = assess(wages, masks, classes, rates)
    # Every cell against the plain formula on whole columns; every 499th person against two scalar ways.
    for (insurance, payer), column in together.amounts.items():
        if insurance in rates.merged or insurance not in rates.types:
            assert not column.any()
            continue
        insured = (masks & insurance.flag) != 0
        if insurance is Insurance.LARGE_MEDICAL:
            expected = np.where(insured, rates.flat_fen[insurance, payer], 0)
        else:
            base = clamped(wages, rates.floor_fen[insurance], rates.cap_fen[insurance])
            unit_ppm = rates.injury_ppm[classes] if insurance is Insurance.INJURY else rates.unit_ppm.get(insurance, 0)
            expected = contribution(base, unit_ppm if payer is Payer.UNIT else rates.person_ppm[insurance]) * insured
        assert np.array_equal(column, expected), (insurance, payer)
    for i in range(0, MILLION, 499):
        person = (int(wages[i]), int(masks[i]), int(classes[i]), rates)
        alone = assess_one(*person)
        assert alone == _by_decimal(*person)
        assert alone == {key: int(column[i]) for key, column in together.amounts.items()}


def test_an_explanation_ends_in_the_assessed_amounts() -> None:
    rates = _rates()
    for wage_fen in (0, 449_799, 449_800, 449_801, 800_033, 2_248_799, 2_248_800, 2_248_801, 10**13):
        explained = explain_month(wage_fen, ALL, 5, 202511, WUHAN, standard())
        alone = assess_one(wage_fen, ALL, 5, rates)
        for insurance in rates.types:
            for payer in Payer:
                assert explained.amount(f"{insurance.key}.{payer.value}") == alone[insurance, payer]
        assert explained.amount("unit_total") == sum(fen for (_, payer), fen in alone.items() if payer is Payer.UNIT)
        assert explained.amount("person_total") == sum(fen for (_, payer), fen in alone.items() if payer is Payer.PERSON)


def test_totals_add_the_columns_by_person() -> None:
    many = assess(np.array([800_000, 0], np.int64), np.array([ALL, 0], np.uint8), np.array([1, 1], np.int8), _rates())
    assert many.unit_total().tolist() == [204_800, 0]
    assert many.person_total().tolist() == [83_100, 0]
    assert many.pension_base.tolist() == [800_000, 449_800]
    assert many.medical_base.tolist() == [800_000, 449_800]


@pytest.mark.parametrize(
    ("base_fen", "rate_ppm", "amount_fen"),
    [(50, 10_000, 1), (49, 10_000, 0), (150, 10_000, 2), (125, 20_000, 3), (124, 20_000, 2), (0, 160_000, 0), (1, 500_000, 1)],
)
def test_half_a_fen_goes_up(base_fen: int, rate_ppm: int, amount_fen: int) -> None:
    assert contribution(base_fen, rate_ppm) == amount_fen
    column = contribution(np.array([base_fen] * 3, np.int64), rate_ppm)
    assert column.tolist() == [amount_fen] * 3
    _, rows = amounts(
        np.array([base_fen], np.int64), np.array([1], np.uint8), np.array([0], np.int8), [(0, 10**6)], [Column(0, 0, rate_ppm)]
    )
    assert rows.tolist() == [[amount_fen]]


@pytest.mark.parametrize(
    ("wage_fen", "base_fen"),
    [(0, 449_800), (449_799, 449_800), (449_800, 449_800), (449_801, 449_801), (2_248_800, 2_248_800), (2_248_801, 2_248_800)],
)
def test_floor_and_cap_belong_to_the_range(wage_fen: int, base_fen: int) -> None:
    assert clamped(wage_fen, 449_800, 2_248_800) == base_fen
    many = assess(np.array([wage_fen], np.int64), np.array([ALL], np.uint8), np.array([1], np.int8), _rates())
    assert many.pension_base.tolist() == many.medical_base.tolist() == [base_fen]


@given(
    st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 1)), min_size=1, max_size=30),
    st.integers(0, 1_000_000),
    st.integers(0, 10**8),
    st.integers(0, 10**8),
)
def test_reduced_rates_and_narrow_integers_change_no_amount(
    people: list[tuple[int, int]], rate_ppm: int, one_bound: int, other_bound: int
) -> None:
    floor_fen, cap_fen = sorted((one_bound, other_bound))
    wages = np.array([wage for wage, _ in people], np.int64)
    masks = np.array([mask for _, mask in people], np.uint8)
    columns = [Column(0, 0, rate_ppm), Column(0, 0, (0, rate_ppm)), Column(0, None, flat_fen=700)]
    bases, rows = amounts(wages, masks, np.ones(len(people), np.int8), [(floor_fen, cap_fen)], columns)
    for i, (wage, mask) in enumerate(people):
        base = min(max(wage, floor_fen), cap_fen)
        amount = (base * rate_ppm + 500_000) // 1_000_000 * mask
        assert (int(bases[0][i]), rows[:, i].tolist()) == (base, [amount, amount, 700 * mask])


def test_blocks_join_without_a_seam() -> None:
    for n in (0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1):
        wages = np.arange(n, dtype=np.int64) * 150
        many = assess(wages, np.full(n, ALL, np.uint8), np.ones(n, np.int8), _rates())
        pension = many.amounts[Insurance.PENSION, Payer.UNIT]
        assert np.array_equal(pension, contribution(clamped(wages, 449_800, 2_248_800), 160_000))


def test_medical_types_take_the_medical_base_and_the_others_the_pension_base(tmp_path: Path) -> None:
    def entry(rule_id: str, value: str) -> str:
        rest = "label: 示例, valid: {from: 2020-01-01, to: null}, law: null, source: [示例], status: derived"
        return f"- {{id: {rule_id}, {rest}, value: {value}}}\n"

    rates = "{unit_ppm: 10000, person_ppm: 10000}"
    (tmp_path / "city").mkdir()
    (tmp_path / "city" / "place.yaml").write_text('code: "510100"\nlabel: 某市\n', encoding="utf-8")
    (tmp_path / "city" / "rules.yaml").write_text(
        "".join(entry(f"{key}.rate", rates) for key in ("pension", "unemployment", "medical", "maternity"))
        + entry("injury.rate", "{class_ppm: [10000], person_ppm: 0}")
        + entry("pension.base", "{average_fen: null, floor_fen: 100000, cap_fen: 200000}")
        + entry("medical.base", "{average_fen: null, floor_fen: 300000, cap_fen: 400000}"),
        encoding="utf-8",
    )
    city = month_rates(load(tmp_path), 202501, "510100")
    mask = mask_of(city.types)
    for wage_fen, pension_fen, medical_fen in ((0, 100_000, 300_000), (500_000, 200_000, 400_000), (250_000, 200_000, 300_000)):
        many = assess(np.array([wage_fen], np.int64), np.array([mask], np.uint8), np.array([1], np.int8), city)
        assert (many.pension_base.tolist(), many.medical_base.tolist()) == ([pension_fen], [medical_fen])
        owed = assess_one(wage_fen, mask, 1, city)
        for insurance in city.types:
            base_fen = medical_fen if insurance in (Insurance.MEDICAL, Insurance.MATERNITY) else pension_fen
            assert owed[insurance, Payer.UNIT] == base_fen // 100 == many.amounts[insurance, Payer.UNIT][0]


def test_somebody_without_a_type_owes_nothing_in_it() -> None:
    mask = mask_of([Insurance.PENSION])
    owed = assess_one(800_000, mask, 1, _rates())
    assert {key[0] for key, fen in owed.items() if fen} == {Insurance.PENSION}
    many = assess(np.array([800_000] * 2, np.int64), np.array([mask, ALL], np.uint8), np.array([1, 1], np.int8), _rates())
    assert many.amounts[Insurance.MEDICAL, Payer.UNIT].tolist() == [0, 69_600]


def test_the_class_is_looked_at_only_where_somebody_is_insured_against_injury() -> None:
    pension = mask_of([Insurance.PENSION])
    many = assess(np.array([800_000], np.int64), np.array([pension], np.uint8), np.array([-3], np.int8), _rates())
    assert many.amounts[Insurance.PENSION, Payer.UNIT].tolist() == [128_000]
    for wrong in (0, 9, -1):
        with pytest.raises(InjuryClassUnknown, match=f"没有 {wrong} 类"):
            assess(np.array([1, 1], np.int64), np.array([pension, ALL], np.uint8), np.array([1, wrong], np.int8), _rates())
        with pytest.raises(InjuryClassUnknown):
            assess_one(1, ALL, wrong, _rates())
    with pytest.raises(InjuryClassUnknown, match="1 至 3 类，没有 4 类"):
        assess_one(1, Insurance.INJURY.flag, 4, _rates(201109))


def test_a_type_without_a_rule_is_refused_only_when_somebody_has_it() -> None:
    rates = _rates(201109)
    assert set(rates.missing) == {Insurance.LARGE_MEDICAL}
    masks = np.array([Insurance.PENSION.flag, Insurance.LARGE_MEDICAL.flag], np.uint8)
    with pytest.raises(RuleMissing, match=r"large_medical\.amount"):
        assess(np.zeros(2, np.int64), masks, np.ones(2, np.int8), rates)
    with pytest.raises(RuleMissing, match="2011 年 9 月 1 日"):
        assess_one(0, Insurance.LARGE_MEDICAL.flag, 1, rates)
    assert assess_one(0, Insurance.PENSION.flag, 1, rates)[Insurance.PENSION, Payer.PERSON] == 15_721


def test_a_base_whose_floor_was_never_published_is_not_computed_from_the_average() -> None:
    with pytest.raises(RuleMissing, match="下限"):
        assess_one(800_000, Insurance.PENSION.flag, 1, _rates(202406))


def test_negative_wages_and_unequal_columns_are_our_own_mistake() -> None:
    one = np.ones(1, np.int8)
    with pytest.raises(ValueError, match="negative"):
        assess(np.array([-1], np.int64), np.ones(1, np.uint8), one, _rates())
    with pytest.raises(ValueError, match="negative"):
        assess_one(-1, 1, 1, _rates())
    with pytest.raises(ValueError, match="same length"):
        assess(np.array([1, 2], np.int64), np.ones(1, np.uint8), one, _rates())


def test_an_int32_result_can_never_overflow_unseen() -> None:
    with pytest.raises(AssertionError, match="int32"):
        amounts(np.zeros(1, np.int64), np.ones(1, np.uint8), np.ones(1, np.int8), [(0, 2**31)], [Column(0, 0, 1_000_000)])


def test_the_rates_of_a_month_name_their_rules_and_what_is_merged() -> None:
    assert Insurance.MATERNITY in _rates(202511).merged
    assert Insurance.MATERNITY in _rates(201109).types
    assert [rule.id for rule in _rates().rules_of[Insurance.PENSION]] == ["pension.base", "pension.rate"]


def test_relief_and_undeclared_round_half_up() -> None:
    assert (relieved(101, "half"), relieved(100, "half"), relieved(100, "exempt")) == (51, 50, 0)
    assert (undeclared(5, 1_100_000), undeclared(4, 1_100_000), undeclared(10_000_000, 1_100_000)) == (6, 4, 11_000_000)
    with pytest.raises(KeyError):
        relieved(100, "quarter")
