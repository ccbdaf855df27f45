"""阶段性减免 2020: only the unit part, only the named types, months and sizes; never a guess, and nothing at all in other months."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shebao.base.terms import Insurance, Payer, mask_of
from shebao.policy.formulas.levy import relieved
from shebao.policy.levy import assess, assess_one, month_rates, relieve
from shebao.policy.levy_explained import explain_month
from shebao.policy.relief import SIZES, UnitSizeUnknown, reliefs
from shebao.policy.rulebook import Rulebook, standard
from tests.relief_place import SOMEWHERE, book

FOUR = mask_of([Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY, Insurance.MEDICAL])
RELIEVED = (Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return book(tmp_path_factory.mktemp("relief"))


def owed(rules: Rulebook, month: int, size: str, wage_fen: int = 600_000) -> dict[tuple[str, str], int]:
    found = assess_one(wage_fen, FOUR, 1, month_rates(rules, month, SOMEWHERE), size)
    return {(i.key, p.value): fen for (i, p), fen in found.items() if fen}


def test_from_february_to_june_every_enterprise_is_exempt_and_the_people_pay_as_ever(rules: Rulebook) -> None:
    for size in ("large", "medium", "small", "micro"):
        assert owed(rules, 202002, size) == {
            ("pension", "person"): 48_000,
            ("unemployment", "person"): 1_800,
            ("medical", "unit"): 26_100,  # 8.7 % of 6,000 is 522.00, half of it
            ("medical", "person"): 12_000,
        }
    assert owed(rules, 202002, "none")["pension", "unit"] == 96_000, "who is no enterprise is not relieved"


def test_from_july_on_large_enterprises_pay_again_and_smaller_ones_do_not(rules: Rulebook) -> None:
    assert owed(rules, 202007, "large")["pension", "unit"] == 96_000
    for size in ("medium", "small", "micro"):
        assert ("pension", "unit") not in owed(rules, 202012, size)


def test_the_medical_part_is_halved_for_five_months_and_no_longer(rules: Rulebook) -> None:
    parts = [owed(rules, month, "small")["medical", "unit"] for month in (202001, 202002, 202006, 202007)]
    assert parts == [52_200, 26_100, 26_100, 52_200]


def test_what_is_left_to_the_place_takes_nothing_off_by_itself(tmp_path: Path) -> None:
    undecided = book(tmp_path, half_medical=False)
    assert owed(undecided, 202003, "small")["medical", "unit"] == 52_200


def test_an_unknown_size_is_refused_in_a_month_of_a_relief_and_not_asked_for_in_another(rules: Rulebook) -> None:
    with pytest.raises(UnitSizeUnknown, match="没有登记企业规模，2020 年 2 月的阶段性减免按企业规模确定"):
        owed(rules, 202002, "")
    assert owed(rules, 202001, "")["pension", "unit"] == 96_000
    assert assess_one(600_000, Insurance.LARGE_MEDICAL.flag, 1, month_rates(standard(), 202503, "420100"))


def test_months_without_a_relief_hold_none_so_nothing_is_spent_on_it() -> None:
    for month in (202001, 202101, 202503, 202610):
        assert not reliefs(standard(), month, "420100")
    assert reliefs(standard(), 202002, "420100").of("micro").keys() == set(RELIEVED)


@given(
    st.lists(st.tuples(st.integers(0, 5_000_000), st.sampled_from(SIZES[1:])), min_size=1, max_size=30), st.sampled_from([202002, 202007])
)
def test_columns_are_relieved_as_one_by_one_and_only_in_the_unit_part(people: list[tuple[int, str]], month: int) -> None:
    rules = _shared()
    rates = month_rates(rules, month, SOMEWHERE)
    wages = np.array([wage for wage, _ in people], np.int64)
    plain = assess(wages, np.full(len(people), FOUR, np.uint8), np.ones(len(people), np.int8), rates)
    sizes = np.array([SIZES.index(size) for _, size in people], np.int8)
    after, taken = relieve(plain, sizes, rates)
    assert (after.pension_base == plain.pension_base).all() and (after.person_total() == plain.person_total()).all()
    for i, (wage, size) in enumerate(people):
        one = assess_one(wage, FOUR, 1, rates, size)
        assert {key: int(column[i]) for key, column in after.amounts.items()} == one
    for insurance, column in taken.items():
        assert (plain.amounts[insurance, Payer.UNIT] - after.amounts[insurance, Payer.UNIT] == column).all() and (column >= 0).all()


_BOOKS: list[Rulebook] = []


def _shared() -> Rulebook:
    if not _BOOKS:
        import tempfile

        _BOOKS.append(book(Path(tempfile.mkdtemp())))
    return _BOOKS[0]


def test_the_explanation_shows_the_normal_amount_the_reduction_and_its_document(rules: Rulebook) -> None:
    told = explain_month(600_000, FOUR, 1, 202002, SOMEWHERE, rules, "small")
    assert told.amount("pension.unit.before") == 96_000 and told.amount("pension.unit") == 0
    assert told.step("pension.unit").expression == "应缴 960.00 元，免征（人社部发〔2020〕11号），减免 960.00 元，实际应缴 0.00 元"
    assert told.step("medical.unit").expression == "应缴 522.00 元，减半征收（医保发〔2020〕6号），减免 261.00 元，实际应缴 261.00 元"
    assert told.amount("unit_total") == 26_100 and told.amount("person_total") == 61_800


def test_a_half_is_rounded_half_up_once() -> None:
    assert [relieved(fen, "half") for fen in (0, 1, 2, 3, 26_101)] == [0, 1, 1, 2, 13_051]
    assert relieved(np.array([1, 26_101], np.int64), "exempt").tolist() == [0, 0]
    with pytest.raises(KeyError):
        relieved(1, "defer")
