"""阶段性减免 in a real month's run: the unit's part goes down on bill and books, the reduction is kept with its document, nothing else moves."""

from datetime import date

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Insurance, mask_of
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy.models import Bill, BillLine, Run
from shebao.levy.relief import relief_of, sizes_of
from shebao.parties.changes import Change, change_units
from shebao.policy.rulebook import Rulebook
from shebao.runs import monthly_assessment
from tests.db.support import AT, ask, hire, make_agency, make_unit, moment
from tests.relief_place import SOMEWHERE, book

FOUR = mask_of([Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY, Insurance.MEDICAL])


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return book(tmp_path_factory.mktemp("relief"))


@pytest.fixture(scope="module")
def units(database: str) -> dict[str, int]:
    """A small and a large enterprise, a government office, and one whose size nobody has registered."""
    make_agency(7, place=SOMEWHERE)
    found = {}
    for size, name in (("small", "小型示例公司"), ("large", "大型示例公司"), ("none", "示例机关"), ("", "规模未登记公司")):
        unit = make_unit(name, agency=7, place=SOMEWHERE, mask=FOUR, since=202001, vip=False)
        hire(unit, 2, month=202001, wage_fen=600_000, mask=FOUR, agency=7, at=moment(202001, 2))
        found[size] = unit
    register(found, "small", "large", "none")
    return found


def register(units: dict[str, int], *sizes: str) -> None:
    """企业规模 as a correction: it was so from the beginning."""
    with acting(ENGINE):
        change_units([Change(units[s], {"size": s or "micro"}, date(2020, 1, 1), correction=True) for s in sizes], at=AT)


def run(month: int, rules: Rulebook) -> Run:
    run_id = monthly_assessment.assess(SOMEWHERE, month, clock=lambda: moment(month, 25), rulebook=rules)
    with acting(ENGINE):
        return Run.objects.get(pk=run_id)


def bill_of(unit: int, month: int) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit, month=month)


def test_a_month_before_the_relief_needs_no_sizes_and_knows_no_reductions(units: dict[str, int], rules: Rulebook) -> None:
    done = run(202001, rules)
    assert done.state == "done", done.note
    assert ask("select count(*) from levy_reliefline where month = 202001") == [(0,)]


def test_a_unit_without_a_size_stops_the_month_with_its_name_and_nothing_is_billed(units: dict[str, int], rules: Rulebook) -> None:
    stopped = run(202002, rules)
    assert stopped.state == "failed"
    assert stopped.note.startswith("规模未登记公司（") and "没有登记企业规模，2020 年 2 月的阶段性减免按企业规模确定" in stopped.note
    with acting(ENGINE):
        assert not Bill.objects.filter(month=202002).exists()


def test_with_every_size_registered_the_month_is_billed_with_its_reductions(units: dict[str, int], rules: Rulebook) -> None:
    register(units, "")
    done = run(202002, rules)
    assert done.state == "done"
    small = bill_of(units["small"], 202002)
    wages = 600_000 + 600_001
    with acting(ENGINE):
        lines = {Insurance(line.insurance): (line.unit_fen, line.person_fen) for line in BillLine.objects.filter(bill=small)}
        reductions = {r.insurance: r for r in relief_of(small)}
    assert lines[Insurance.PENSION] == (0, 96_000) and lines[Insurance.MEDICAL] == (52_200, 24_000)
    assert reductions[Insurance.PENSION].before_fen == 192_000 == reductions[Insurance.PENSION].relief_fen
    assert (reductions[Insurance.PENSION].effect, reductions[Insurance.PENSION].law) == ("免征", "人社部发〔2020〕11号")
    assert (reductions[Insurance.MEDICAL].before_fen, reductions[Insurance.MEDICAL].relief_fen) == (104_400, 52_200)
    assert reductions[Insurance.MEDICAL].headcount == 2
    with acting(ENGINE):
        assert relief_of(bill_of(units["none"], 202002)) == []
        assert {line.insurance: line.base_fen for line in BillLine.objects.filter(bill=small)}[110] == wages, "bases stay as they are"
    assert bill_of(units["none"], 202002).unit_fen > bill_of(units["large"], 202002).unit_fen


def test_bases_and_the_peoples_parts_are_those_of_a_unit_without_relief(units: dict[str, int]) -> None:
    rows = ask(
        """
        select unit_id, array_agg(array[pension_base_fen, medical_base_fen, pension_person_fen, unemployment_person_fen, medical_person_fen]
                                  order by person_id) from levy_assessment where month = 202002 group by 1
        """
    )
    assert len(rows) == 4 and len({str(found) for _, found in rows}) == 1


def test_the_books_hold_what_is_owed_after_relief(units: dict[str, int]) -> None:
    with acting(ENGINE):
        due = {r.fund: r.balance_fen for r in trial_balance(SOMEWHERE, date(2030, 1, 1)) if r.kind is AccountKind.RECEIVABLE}
    owed = dict(
        ask(
            "select l.insurance, sum(l.unit_fen + l.person_fen)::bigint from levy_billline l join levy_bill b on b.id = l.bill_id where b.unit_id = any(%s) group by 1",
            [list(units.values())],
        )
    )
    assert due == owed


def test_from_july_on_the_large_one_pays_and_the_small_one_does_not(units: dict[str, int], rules: Rulebook) -> None:
    for month in (202003, 202007):
        assert run(month, rules).state == "done"
    july = {size: bill_of(unit, 202007) for size, unit in units.items()}
    with acting(ENGINE):
        assert {r.insurance for r in relief_of(july["small"])} == {Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY}
        assert relief_of(july["large"]) == []
    assert july["large"].unit_fen == july["none"].unit_fen


def test_what_was_relieved_is_never_rewritten(units: dict[str, int]) -> None:
    for sql in ("update levy_reliefline set relief_fen = 1", "delete from levy_reliefline"):
        with pytest.raises(Exception, match=r"permission denied"):
            ask(sql)


def test_a_size_that_changes_counts_from_the_month_after_whose_first_day_it_is_true(units: dict[str, int], rules: Rulebook) -> None:
    with acting(ENGINE):
        change_units([Change(units["small"], {"size": "large"}, date(2020, 8, 15))], at=AT)
    for month in (202008, 202009):
        assert run(month, rules).state == "done"
    with acting(ENGINE):
        assert relief_of(bill_of(units["small"], 202008)) != []
        assert relief_of(bill_of(units["small"], 202009)) == []


def test_the_counter_registers_a_size_from_a_day_on_and_refuses_what_makes_no_sense(
    units: dict[str, int], rules: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shebao.casework.item import Filing, item_of
    from shebao.items.corrections.common import MoneyMovedError
    from shebao.items.registration import register_size
    from shebao.levy import unit_changes
    from tests.db.support import context

    for module in (register_size, unit_changes):
        monkeypatch.setattr(module, "standard", lambda: rules)
    item, unit = item_of("registration.register_size"), units["large"]
    ctx = context(unit, agency=7, place=SOMEWHERE)

    def codes(**typed: str) -> list[str]:
        filing = Filing({"size": "small", "since": date(2020, 1, 1).isoformat(), "document": "划型文件", **typed})
        with acting(ENGINE):
            (known,) = item.facts([filing], ctx)
            return [r.code for check in item.checks if (r := check(filing, known, ctx))]

    assert codes() == []
    assert codes(size="large") == ["REG-52"]
    assert codes(since="2026-12-01") == ["REG-51"]
    filing = Filing({"size": "small", "since": "2020-07-01", "document": "划型文件"})
    july = bill_of(unit, 202007)
    with pytest.raises(MoneyMovedError), acting(ENGINE):  # nothing of it stays
        item.perform([filing], ctx)
    with acting(ENGINE):
        assert item.second_review is not None and "待退" in item.second_review([filing], ctx), "assessed months are computed anew"
        months = [202006, 202007]
        found = unit_changes.unit_differences(
            unit, SOMEWHERE, months, lambda: change_units([Change(unit, {"size": "small"}, date(2020, 7, 1))], at=AT)
        )
        before, after = (sizes_of([unit], month)[unit] for month in months)
        exempt = BillLine.objects.filter(bill=july, insurance__in=[110, 210, 410])
        assert sum(d.down_fen for d in found) == sum(line.unit_fen for line in exempt) > 0
    assert (before, after) == ("large", "small") and {d.month for d in found} == {202007} and not any(d.up_fen for d in found)
