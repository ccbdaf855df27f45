"""个人账户年度结算: to the fen, once, in order, never without a rate; a killed run ends as an undisturbed one; part years are settled again."""

from datetime import date

import pytest

from shebao.accounts import crediting, settling
from shebao.accounts.models import EndKind, EntryKind, PartYear, PlaceYear, Resettled, Settlement
from shebao.accounts.part_year import NotSettleableError, settle_part_year
from shebao.base.money import fen
from shebao.policy.account import year_of
from shebao.policy.rulebook import Rulebook, standard
from shebao.runs import account_interest
from tests.db import support
from tests.db.accounts_support import at, books_agree, credit, one, people, reverse
from tests.db.support import ENGINE, acting, as_owner

PLACES = iter(
    sorted(code for code in standard().places if code.startswith("42") and code != "420000")
)  # rules of Hubei hold in each; one place a test


@pytest.fixture(scope="module", autouse=True)
def agency(database: str) -> None:
    support.make_agency(1)


@pytest.fixture
def place() -> str:
    """A place whose accounts nobody else settles."""
    return next(PLACES)


def settle(place: str, year: int, on: date | None = None, rulebook: Rulebook | None = None) -> Settlement:
    run_id = account_interest.settle(place, year, clock=lambda: at(on or date(year + 1, 7, 1)), rulebook=rulebook)
    with acting(ENGINE):
        return Settlement.objects.get(pk=run_id)


def monthly(person: int, year: int, amounts: list[str], place: str, name: str = "m") -> None:
    for n, amount in enumerate(amounts, 1):
        if fen(amount):
            credit(f"{name}:{place}:{year}:{n}:{person}", [(person, year * 100 + n, fen(amount))], date(year, n, 15), place=place)


def closing(person: int, place: str, year: int) -> tuple[int, int, int, int]:
    rows = as_owner(
        "select s.closing_fen, s.interest_opening_fen, s.interest_credits_fen, s.product_fen from accounts_snapshot s"
        " join accounts_settlement r on r.id = s.settlement_id where s.person_id = %s and r.place = %s and r.year = %s",
        [person, place, year],
    )
    return rows[0]


def test_the_worked_cases_come_out_of_the_run(place: str) -> None:
    pa1, pa3 = people(2)
    credit(f"open:{place}", [(pa1, 202201, 1_000_000)], date(2022, 1, 1), place=place, kind=EntryKind.BROUGHT)
    monthly(pa1, 2022, ["337.92"] * 12, place)
    run = settle(place, 2022)
    assert closing(pa1, place, 2022) == (1_480_146, 61_200, 13_442, 2_635_776)
    assert (run.state, run.rows, run.total_fen, run.interest_fen, run.rate_ppm) == ("done", 1, 1_480_146, 74_642, 61_200)
    monthly(pa3, 2023, ["0"] * 6 + ["500"] * 6, place)
    run = settle(place, 2023)
    assert closing(pa3, place, 2023) == (303_474, 0, 3_474, 1_050_000)
    assert closing(pa1, place, 2023)[0] == 1_480_146 + 58_762  # the year after begins with what it ended with: × 3.97 %
    # 年度计算法 would have given 3,064.49: reported, not posted.
    assert run.differing == 1
    books_agree(place)


def test_a_year_without_a_rate_stops_with_a_sentence_and_changes_nothing(place: str) -> None:
    (person,) = people(1)
    credit(f"early:{place}", [(person, 201501, 100_000)], date(2015, 3, 1), place=place)
    before = as_owner("select * from accounts_placeyear order by id")
    for year in (2015, 2026):
        with pytest.raises(settling.NoRateError, match=f"{year} 年的个人账户记账利率尚未公布或未见文件.*不能结算"):
            settle(place, year)
    assert as_owner("select * from accounts_placeyear order by id") == before
    assert not as_owner("select 1 from accounts_settlement where place = %s", [place])
    with pytest.raises(settling.YearNotOverError, match="2025 年还没有结束"):
        settle(place, 2025, on=date(2025, 12, 31))
    with pytest.raises(settling.YearOrderError, match="请先结算 2015 年"):
        settle(place, 2016)


def test_a_year_is_settled_once_and_later_credits_go_to_the_next(place: str) -> None:
    (person,) = people(1)
    monthly(person, 2023, ["100"] * 12, place)
    settle(place, 2023)
    before = as_owner("select * from accounts_snapshot order by settlement_id, person_id")
    with pytest.raises(settling.AlreadySettledError, match="不会重复计息"):
        settle(place, 2023)
    with acting(ENGINE):
        run = Settlement.objects.get(place=place, year=2023)
    account_interest.run(run.pk, clock=lambda: at(date(2024, 8, 1)))
    assert as_owner("select * from accounts_snapshot order by settlement_id, person_id") == before
    with acting(ENGINE):
        late = crediting.credit(
            [crediting.Reference("late", "补记", 1)],
            crediting.Rows.of([("late", person, 202312, 5_000, 0)]),
            place=place,
            on=date(2023, 12, 30),
            at=at(date(2024, 7, 9)),
        )
    assert late.rows == 1 and as_owner("select credited_month from accounts_entry where month = 202312 and own_fen = 5000") == [(202407,)]
    books_agree(place)


def test_a_credit_that_comes_while_the_year_is_being_settled_goes_to_the_next_year(place: str) -> None:
    (person,) = people(1)
    monthly(person, 2024, ["100"] * 12, place)
    on = date(2025, 7, 1)
    with acting(ENGINE):
        run_id = settling.begin(place, 2024, rulebook=standard(), on=on, at=at(on))
    credit(f"meanwhile:{place}", [(person, 202412, 700)], date(2024, 12, 31), place=place)
    account_interest.run(run_id, clock=lambda: at(on))
    expected = year_of(0, [10_000] * 12, 2024, place, standard())
    assert closing(person, place, 2024)[0] == expected.closing_fen
    assert as_owner("select year from accounts_entry where own_fen = 700") == [(2025,)]
    books_agree(place)


def test_killed_between_chunks_it_goes_on_and_ends_as_an_undisturbed_run(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "CHUNK_IDS", 2)
    who = people(9)
    for i, person in enumerate(who):
        monthly(person, 2021, [f"{100 + i}.{i}7"] * 12, place)
    on = date(2022, 7, 1)
    with acting(ENGINE):
        run_id = settling.begin(place, 2021, rulebook=standard(), on=on, at=at(on))
        work = settling.plan(run_id)
    assert len(work.chunks) >= 5
    for chunk in work.chunks[1:4]:
        with acting(ENGINE):
            settling.do_chunk(work, chunk)
    with pytest.raises(ZeroDivisionError), acting(ENGINE):  # dies with the chunk's rows written and nothing committed
        settling.do_chunk(work, work.chunks[0])
        raise ZeroDivisionError
    with acting(ENGINE):
        assert settling.do_chunk(work, work.chunks[1]) == 0  # its guard stands: not twice
    assert not as_owner("select 1 from accounts_snapshot where settlement_id = %s", [run_id])
    account_interest.run(run_id, clock=lambda: at(on))
    for i, person in enumerate(who):
        expected = year_of(0, [fen(f"{100 + i}.{i}7")] * 12, 2021, place, standard())
        assert closing(person, place, 2021)[0] == expected.closing_fen
    assert one("select count(*) from accounts_snapshot where settlement_id = %s", run_id) == 9
    books_agree(place)


def test_what_does_not_fit_its_guards_is_not_published(place: str) -> None:
    (person,) = people(1)
    monthly(person, 2022, ["10"] * 12, place)
    on = date(2023, 7, 1)
    with acting(ENGINE):
        run_id = settling.begin(place, 2022, rulebook=standard(), on=on, at=at(on))
        work = settling.plan(run_id)
        for chunk in work.chunks:
            settling.do_chunk(work, chunk)
    support.as_owner(f"update {work.table} set other_fen = other_fen + 1, closing_fen = closing_fen + 1")
    with pytest.raises(Exception, match="its guards say"), acting(ENGINE):
        settling.publish(run_id, rulebook=standard(), on=on, at=at(on))
    assert not as_owner("select 1 from accounts_snapshot where settlement_id = %s", [run_id])
    support.as_owner(f"update {work.table} set other_fen = other_fen - 1, closing_fen = closing_fen - 1")
    account_interest.run(run_id, clock=lambda: at(on))
    books_agree(place)


def half_up(fen_months_ppm: int) -> int:
    return (fen_months_ppm + 6_000_000) // 12_000_000


def part(person: int, kind: EndKind, month: int, place: str) -> PartYear:
    on = date(month // 100, month % 100, 10)
    with acting(ENGINE):
        return settle_part_year(person, kind, month, place=place, agency_id=1, rulebook=standard(), on=on, at=at(on))


def test_an_account_whose_last_year_is_not_settled_yet_is_not_paid_out_and_one_without_that_year_is(place: str) -> None:
    """Its opening balance would be missing from what the heirs get."""
    waits, fresh = people(2)
    monthly(waits, 2024, ["500"] * 12, place)
    monthly(fresh, 2025, ["600"] * 2, place)
    monthly(waits, 2025, ["600"] * 2, place)
    with pytest.raises(NotSettleableError, match="2024 年个人账户尚未结算"):
        part(waits, EndKind.DEATH, 202504, place)
    assert part(fresh, EndKind.DEATH, 202504, place).open_fen == 0
    settle(place, 2024)
    row = part(waits, EndKind.DEATH, 202504, place)
    assert row.open_fen == closing(waits, place, 2024)[0] and row.paid_fen == row.open_fen + 120_000 + row.interest_fen
    books_agree(place)


def test_a_death_within_the_year_pays_out_with_the_last_rate_and_is_settled_again_when_its_own_rate_appears(place: str) -> None:
    (person,) = people(1)
    monthly(person, 2024, ["500"] * 12, place)
    settle(place, 2024)
    opening = closing(person, place, 2024)[0]
    monthly(person, 2025, ["600"] * 3, place)
    # The rate of 2025 is published (1.50 %), so stand in 2024's as the last one by a rule book that does not have it yet.
    without = Rulebook(standard().places.values(), [r for r in standard().all(place) if r.id != settling.RATE or r.valid_from.year < 2025])
    on = date(2025, 5, 10)
    with acting(ENGINE):
        row = settle_part_year(person, EndKind.DEATH, 202505, place=place, agency_id=1, rulebook=without, on=on, at=at(on))
    rate = 26_200
    product = 60_000 * (4 + 3 + 2)  # January to March bear interest to April
    expected = half_up(opening * rate * 4) + half_up(product * rate)
    assert (row.rate_ppm, row.rate_year, row.interest_fen) == (rate, 2024, expected)
    assert row.paid_fen == row.balance_fen == opening + 180_000 + expected
    books_agree(place)
    with pytest.raises(NotSettleableError, match="没有重复结算"):
        part(person, EndKind.DEATH, 202506, place)
    credit(f"after:{place}", [(person, 202504, 60_000)], date(2025, 6, 20), place=place)
    settle(place, 2025)
    with acting(ENGINE):
        again = Resettled.objects.get(part_year=row)
    true = half_up(opening * 15_000 * 4) + half_up(product * 15_000)
    assert (again.rate_ppm, again.interest_fen, again.difference_fen) == (15_000, true, true - expected)
    assert again.difference_fen < 0  # too much was paid out
    # What came after the payout bears its own interest only.
    assert closing(person, place, 2025)[:3] == (60_000 + half_up(60_000 * 7 * 15_000), 0, half_up(60_000 * 7 * 15_000))
    assert as_owner("select own_fen, year from accounts_entry where person_id = %s and kind = 7", [person]) == [(true - expected, 2026)]
    books_agree(place)


def test_a_month_of_a_settled_year_is_no_month_to_settle_within_and_moves_to_no_other(place: str) -> None:
    """The account would get the interest of a year it already has, or that of another month than the one told."""
    (person,) = people(1)
    monthly(person, 2024, ["500"] * 12, place)
    settle(place, 2024)
    monthly(person, 2025, ["600"] * 2, place)
    with pytest.raises(NotSettleableError, match="2024 年个人账户已经结算或正在结算，不能再按 2024 年 11 月做当年结算"):
        part(person, EndKind.DEATH, 202411, place)
    with acting(ENGINE):
        assert not PartYear.objects.filter(person_id=person).exists()
    assert part(person, EndKind.DEATH, 202503, place).month == 202503
    books_agree(place)


def test_at_retirement_the_balance_is_fixed_and_stays(place: str) -> None:
    (person,) = people(1)
    monthly(person, 2025, ["100"] * 6, place)
    row = part(person, EndKind.RETIREMENT, 202507, place)
    assert row.paid_fen == 0 and row.balance_fen == 60_000 + row.interest_fen
    settle(place, 2025)
    assert closing(person, place, 2025)[0] == row.balance_fen  # its interest is not given twice
    books_agree(place)


def test_taking_back_a_credit_of_a_settled_year_takes_its_interest_too(place: str) -> None:
    first, second = people(2)
    for person in (first, second):
        credit(f"bill:{place}:{person}", [(person, 202303, 70_000)], date(2023, 3, 5), place=place)
    settle(place, 2023), settle(place, 2024)
    kept = closing(second, place, 2024)[0]
    reverse(f"bill:{place}:{first}", date(2025, 2, 1), place=place)
    balance = one(
        "select sum(brought_fen + own_fen + employer_fen + other_fen) from accounts_tally where person_id = %s and year = 2025", first
    )
    assert closing(first, place, 2024)[0] + balance == 0 and kept > 70_000
    books_agree(place)


def test_years_are_settled_in_the_place_they_belong_to(place: str) -> None:
    other, (person,) = next(PLACES), people(1)
    monthly(person, 2024, ["100"] * 12, place), monthly(person, 2024, ["200"] * 12, other)
    settle(place, 2024)
    assert closing(person, place, 2024)[0] == year_of(0, [10_000] * 12, 2024, place, standard()).closing_fen
    with acting(ENGINE):
        assert PlaceYear.objects.get(place=other, year=2024).state == "open"
    settle(other, 2024)
    books_agree(place), books_agree(other)
