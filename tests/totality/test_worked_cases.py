"""The worked cases of the fact base through page, run and command line alike: one table, each figure compared with the fact base's own.

A row is a case; its three ways answer with the same figures, each from what really runs: a signed-in page, the run that stores the
figure, the command of the console. Where a way cannot have a case it says so with a sentence that is tested too. Figures that are
computed from numbers nobody confirmed keep their status, and the command shows it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from shebao.access.acting import acting
from shebao.accounts.models import EntryKind
from shebao.base.actor import ENGINE
from shebao.base.errors import ShebaoError
from shebao.base.money import fen, yuan
from shebao.base.months import month_shown
from shebao.base.terms import Insurance, mask_of
from shebao.levy import debit_batches, receiving
from shebao.levy.assessing import EarlyMonthError
from shebao.levy.bank_models import DebitBatch, Scheme
from shebao.levy.models import Bill, LateFee
from shebao.runs import account_interest, bank_exchange, bank_withholding
from shebao.site import command, jobs, partners
from tests import make
from tests.db import accounts_support, support
from tests.db import debit_support as bank
from tests.db.support import PLACE, ask, assess, moment, pay
from tests.db.web_support import Browser, words

CASES = Path(__file__).parents[1] / "policy_cases"
TOWNS = {"420100": 1, "420500": 2, "421000": 3}  # place: its agency; one of each of the three bases of Hubei
MONTH = 202502
Figures = dict[str, str]


def told_by(name: str) -> list[dict[str, Any]]:
    """The cases of a file, amounts as text."""
    return yaml.load((CASES / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def case(name: str, start: str) -> dict[str, Any]:
    (found,) = [c for c in told_by(name) if c["id"].startswith(start)]
    return found


@dataclass
class City:
    """Three places with the cases as they would stand in the register, lived through up to 2026."""

    folder: Path
    people: dict[str, int] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)
    units: dict[str, make.MadeUnit] = field(default_factory=dict)
    flexible: dict[int, make.Flexible] = field(default_factory=dict)
    debits: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def city(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("cases"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "PARTNERS", made.folder / "partners")
        patch.setattr(partners, "own_private_key", bank.OUR_KEY.private_bytes_raw)
        patch.setattr(partners, "bank_keys", lambda: [bank.BANK_PUBLIC])
        patch.setattr("shebao.channels.desk.debit_files.keys_of", lambda folder, name: [_Key(bank.BANK_PUBLIC)])
        for place, agency in TOWNS.items():
            make.agency(agency, place=place)
        support.as_owner("update parties_agency set district = '420106' where id = 1")
        patch.setattr(make, "SINCE", 201001)  # their posts hold on every day of the cases
        make.finance(username="cai")
        make.reviewer(username="shen")
        _flexible(made, patch)
        _units(made)
        _accounts(made)
        _debits(made, patch)
        patch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
        yield made


@dataclass
class _Key:
    raw: bytes


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")


def shown(text: str) -> str:
    """1280.00 as pages write it."""
    return f"{fen(text) / 100:,.2f}"


def by_command(capsys: pytest.CaptureFixture[str], *given: str) -> Any:
    capsys.readouterr()
    assert command.main([*given, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def desk() -> Browser:
    return Browser("shen")


def read_on(page: str, figures: Figures) -> Figures:
    """The figures of a case that stand on a page; what does not stand there is missing from the answer."""
    return {name: text for name, text in figures.items() if (shown(text) if "." in text else text) in page}


# ---- 应缴额 ---------------------------------------------------------------------------------------------------------------------------

DUES = [c for c in told_by("contribution") if "absent" not in c]
_COLUMNS = {"pension.base": "pension_base_fen", "medical.base": "medical_base_fen"}


def _units(made: City) -> None:
    """Each case is a person of a unit of its place; the month's run and its bill are those of February 2025."""
    from tests.make import FULL_MASK

    for place, agency in TOWNS.items():
        unit = made.units[place] = make.unit(f"应缴案例{place}", agency_id=agency, place=place, mask=FULL_MASK if agency == 1 else 1)
        for one in DUES:
            given = one["given"]
            if given["place"] == place and given["month"] >= "2020":
                made.people[one["id"]] = make.employee(unit, wage_fen=fen(given["wage"])).person_id
        make.operator(unit, f"op{place}")
    pension = mask_of([Insurance.PENSION])
    for name, pairs in (("LF1", 1), ("LF3", 10)):  # 24 % of 20,833.33 and 20,833.34 is 10,000.00
        unit = made.units[name] = make.unit(f"滞纳金案例{name}", mask=pension)
        for wage in (2_083_333, 2_083_334) * pairs:
            make.employee(unit, wage_fen=wage)
        make.operator(unit, f"op{name}")
    for name, declared in DECLARED.items():
        year_month = declared.year * 100 + declared.month
        unit = made.units[name] = make.unit(f"期限案例{name}", mask=pension, since=year_month, people=1)
        make.operator(unit, f"op{name}")
        assess(year_month, at=moment(year_month, declared.day))
        made.bills[name] = bill_of(unit, year_month)
    for place in TOWNS:
        assess(MONTH, place=place, at=moment(MONTH, 28))  # declared on 02-28: due on 2025-03-14
        made.bills[place] = bill_of(made.units[place], MONTH)
    assess(202503, at=moment(202503, 31), declared=False)
    for name in ("LF1", "LF3"):
        made.bills[name] = bill_of(made.units[name], MONTH)
    with acting(ENGINE):  # LF3 is of a time whose months are not levied here: a bill due then, as one that was brought over
        Bill.objects.filter(pk=made.bills["LF3"].pk).update(due_date=date(2010, 3, 1))
    pay(made.bills["LF1"], 1_000_000, at=moment(202504, 13))
    old = receiving.Payment("OLD-1", made.bills["LF3"].number, "滞纳金案例LF3", 10_000_000, date(2010, 3, 11), 1)
    with acting(support.finance()):
        receiving.receive_file(b"o" * 32, "OLD", "旧.csv", [old], place=PLACE, agency_id=1, on=support.AT.date(), at=support.AT)


def bill_of(unit: make.MadeUnit, month: int) -> Bill:
    with acting(ENGINE):
        return Bill.objects.get(unit_id=unit.id, month=month, kind="monthly")


@pytest.mark.parametrize("one", [c for c in DUES if c["given"]["month"] >= "2020"], ids=lambda c: c["id"])
def test_what_a_month_costs(city: City, one: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    given, expected = one["given"], one["expect"]
    place, person = given["place"], city.people[one["id"]]
    told = by_command(
        capsys, "calc", "contribution", "--on", given["month"], "--place", place, "--declared-wage", given["wage"],
        "--types", ",".join(given["types"]),
    )  # fmt: skip
    flat = {f"{key}.{part}": text for key, parts in told["types"].items() for part, text in parts.items()}
    flat |= {name: told[name] for name in ("unit_total", "person_total")}
    assert {name: flat[name] for name in expected} == expected, "command"
    own = {name: text for name, text in expected.items() if not name.endswith("total")}
    names = [_COLUMNS.get(name, f"{name.replace('.', '_')}_fen") for name in own]
    stored = [name for name in names if name not in ("injury_person_fen", "large_medical_unit_fen")]  # nobody owes these
    (row,) = ask(f"select {', '.join(stored)} from levy_assessment where person_id = %s and month = {MONTH}", [person])
    run = dict(zip(stored, (yuan(value) for value in row), strict=True))
    assert run == {name: text for name, text in zip(names, own.values(), strict=True) if name in stored}, "run"
    page = words(Browser(f"op{place}").get(f"/u/bills/{city.bills[place].number}/people/{person}"))
    assert read_on(page, {k: v for k, v in own.items() if v != "0.00"}) == {k: v for k, v in own.items() if v != "0.00"}, "page"


def test_a_month_of_the_guide_of_2010_by_command_and_why_no_run_and_page_have_it(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    """C4: months are levied here from 2020 on. Run and page say so, with the same sentence."""
    one = case("contribution", "C4")
    told = by_command(
        capsys,
        "calc",
        "contribution",
        "--on",
        "2011-09",
        "--declared-wage",
        one["given"]["wage"],
        "--types",
        ",".join(one["given"]["types"]),
    )
    flat = {f"{key}.{part}": text for key, parts in told["types"].items() for part, text in parts.items()}
    assert {name: flat[name] for name in one["expect"]} == one["expect"]
    with pytest.raises(EarlyMonthError, match="生育保险仍单独计征，历史月份由数据迁移装入") as refused:
        assess(201109, at=moment(201109, 20))
    answer = Browser("cai").post("/w/months/201109/start")
    assert answer.status_code == 409 and refused.value.text in words(answer)


# ---- 未按规定申报 ---------------------------------------------------------------------------------------------------------------------


def test_a_month_that_was_not_declared(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    """100,000.00 of last month is 110,000.00 of this one."""
    last, expected = (case("declaration", "按上月的 110%")[part] for part in ("given", "expect"))
    unit = city.units["LF3"]
    assert yuan(city.bills["LF3"].total_fen) == last["last_month"]
    assert yuan(bill_of(unit, 202503).total_fen) == expected["amount"], "run"
    number = ask("select number from parties_unit where id = %s", [unit.id])[0][0]
    told = by_command(capsys, "statement", number, "--month", "2025-03")["estimates"]["pension"]
    assert yuan(fen(told["unit"]) + fen(told["person"])) == expected["amount"], "command"
    page = words(Browser("opLF3").get("/u/months/202503"))
    assert shown(expected["amount"]) in page and shown(last["last_month"]) in page, "page"


# ---- 滞纳金 ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["LF1", "LF3"])
def test_a_late_fee(city: City, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = case("late_fee", name)
    given, expected = one["given"], one["expect"]
    told = by_command(
        capsys, "calc", "late-fee", "--principal", given["principal"], "--due", given["due"], "--paid", given["paid"]
    )  # fmt: skip
    assert {"days": str(told["days"]), "fee": told["fee"]} == expected, "command"
    bill = city.bills[name]
    assert yuan(bill.total_fen) == given["principal"]
    with acting(ENGINE):
        (fee,) = LateFee.objects.filter(line__bill=bill).select_related("bill")
        assert name != "LF1" or bill.due_date.isoformat() == given["due"], "ten working days after the declaration"
    assert {"days": str(fee.days), "fee": yuan(fee.fee_fen)} == expected, "run: the file of payments that was booked"
    for page in (Browser(f"op{name}").get(f"/u/bills/{fee.bill.number}"), Browser("cai").get(f"/w/bills/{bill.number}")):
        said = words(page)
        assert f"× {expected['days']} 天 = {shown(expected['fee'])} 元" in said and shown(given["principal"]) in said, "page"


# ---- 工作日：申报后 10 个工作日 -------------------------------------------------------------------------------------------------------

DECLARED = {"2022-02-15": date(2022, 2, 15), "2022-09-20": date(2022, 9, 20)}


@pytest.mark.parametrize("name", list(DECLARED))
def test_ten_working_days_after_a_declaration(city: City, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = case("working_days", f"{name} 之后")["expect"]["date"]
    assert by_command(capsys, "calc", "working-day", "--from", name, "--add", "10") == {"date": expected}
    bill = city.bills[name]
    assert bill.due_date.isoformat() == expected, "run"
    assert expected in words(Browser(f"op{name}").get(f"/u/bills/{bill.number}")), "page"


# ---- 灵活就业档次 ---------------------------------------------------------------------------------------------------------------------

TIERS = told_by("tiers")


def _month_of(one: dict[str, Any]) -> int:
    return int(one["given"]["month"].replace("-", ""))


def _flexible(made: City, patch: pytest.MonkeyPatch) -> None:
    """One of each of the nine tiers since September 2011; the run of each month of the table, on its day."""
    for percent in sorted({int(one["given"]["percent"]) for one in TIERS}):
        made.flexible[percent] = make.flexible(tier=percent, since=201109)
    for month in sorted({_month_of(one) for one in TIERS}):
        patch.setenv("SHEBAO_NOW", f"{month // 100}-{month % 100:02d}-10T09:00:00")
        flexible_month_run(month)


def flexible_month_run(month: int) -> None:
    from shebao.runs import flexible_month as run

    run.owe(PLACE, month, clock=lambda: moment(month, 10))


@pytest.mark.parametrize("one", TIERS, ids=lambda c: c["id"])
def test_what_a_tier_costs(city: City, one: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    given, expected, month = one["given"], one["expect"], _month_of(one)
    who = city.flexible[int(given["percent"])]
    on = f"{month // 100}-{month % 100:02d}"
    told = by_command(capsys, "calc", "tier", "--on", on, "--percent", given["percent"])
    assert {name: told[name] for name in expected} == expected, "command"
    number = ask("select number from parties_person where id = %s", [who.person_id])[0][0]
    (due,) = [d for d in by_command(capsys, "flexible", "dues", number)["dues"] if d["month"] == on]
    assert {name: due[name] for name in expected} == expected, "command, of what stands in the books"
    (row,) = ask(
        "select base_fen, total_fen, account_fen, total_fen - account_fen from levy_flexdue where person_id = %s and month = %s",
        [who.person_id, month],
    )
    run = dict(zip(("base", "total", "account", "pool"), (yuan(value) for value in row), strict=True))
    assert {name: run[name] for name in expected} == expected, "run"
    page = words(desk().get(f"/w/people/{number}"))
    line = page[page.index(month_shown(month), page.index("灵活就业各月")) :][:120]
    on_page = {name: text for name, text in expected.items() if name in ("total", "account")}
    assert read_on(line, on_page) == on_page, "page"


@pytest.mark.parametrize(
    ("on", "status"), [("2011-09", "由已核实的数额推得"), ("2022-09", "推算值，投产前须核对"), ("2025-11", "第三方资料，投产前须核对")]
)
def test_an_average_that_nobody_confirmed_says_so(on: str, status: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["calc", "tier", "--on", on, "--percent", "60"]) == 0
    used = capsys.readouterr().out.split("所用参数")[1]
    assert status in next(line for line in used.splitlines() if "pension.base" in line or "平均工资" in line), used


# ---- 个人账户 -------------------------------------------------------------------------------------------------------------------------

ACCOUNTS = {"PA1": 2022, "PA3": 2023}


def _accounts(made: City) -> None:
    """Credits as they come month by month; the run settles the years."""
    unit = make.unit(people=2)
    for name, employee in zip(ACCOUNTS, unit.staff, strict=True):
        made.people[name] = employee.person_id
        given, year = case("account", name)["given"], ACCOUNTS[name]
        if fen(given["opening"]):
            brought = [(employee.person_id, year * 100 + 1, fen(given["opening"]))]
            accounts_support.credit(f"brought {name}", brought, date(year, 1, 1), kind=EntryKind.BROUGHT)
        for n, text in enumerate(given["credits"], 1):
            if fen(text):
                accounts_support.credit(f"{name} {n}", [(employee.person_id, year * 100 + n, fen(text))], date(year, n, 15))
        account_interest.settle(PLACE, year, clock=lambda year=year: accounts_support.at(date(year + 1, 7, 1)))  # type: ignore[misc]
        make.individual(employee.person_id, name.lower())


@pytest.mark.parametrize("name", list(ACCOUNTS))
def test_a_year_of_an_account(city: City, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    one, year = case("account", name), ACCOUNTS[name]
    given, expected = one["given"], one["expect"]
    person = city.people[name]
    told = by_command(
        capsys, "account", "explain", "--year", str(year), "--opening", given["opening"], "--credits", ",".join(given["credits"])
    )
    names = {"product": "product", "interest_opening": "interest_opening", "interest_credits": "interest_credits", "closing": "closing"}
    assert {k: told[v] for k, v in names.items()} | {"check": told["yearly"]} == expected, "command"
    number = ask("select number from parties_person where id = %s", [person])[0][0]
    own = by_command(capsys, "account", "show", number, "--year", str(year))["year"]
    check = {"check": own["explain"]["steps"][-1]["amount"]}
    assert {k: own[v] for k, v in names.items()} | check == expected, "command, of what stands in the books"
    (row,) = ask(
        "select s.product_fen, s.interest_opening_fen, s.interest_credits_fen, s.closing_fen from accounts_snapshot s"
        " join accounts_settlement r on r.id = s.settlement_id where r.year = %s and s.person_id = %s",
        [year, person],
    )
    run = dict(zip(names, (yuan(value) for value in row), strict=True))
    assert run == {k: expected[k] for k in names}, "run"
    wanted = {k: v for k, v in expected.items() if v != "0.00"}
    for page in (Browser(name.lower()).get(f"/p/account?year={year}"), desk().get(f"/w/people/{number}/account?year={year}")):
        assert read_on(words(page), wanted) == wanted, "page"


@pytest.mark.parametrize("year", ["2015", "2026"])
def test_a_year_without_a_published_rate_stops_everywhere(city: City, year: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["account", "explain", "--year", year, "--credits", "100"]) == 2
    told = capsys.readouterr().err.strip()
    assert "尚未确定，请先补充该参数再办理" in told
    assert command.main(["account", "settle", year]) == 2
    assert "不能结算" in capsys.readouterr().err
    with pytest.raises(ShebaoError, match="不能结算"):
        account_interest.settle(PLACE, int(year), clock=lambda: accounts_support.at(date(int(year) + 1, 7, 1)))


# ---- 批扣 -----------------------------------------------------------------------------------------------------------------------------
# Each way has people of its own with a batch of their own: the command those of one bank, the run those of the other, the page those
# of the province. The months are those of the cases, the days those of the scheme.

WAYS = {"command": (Scheme.CITY, bank.POST), "run": (Scheme.CITY, bank.FARM), "page": (Scheme.PROVINCE, bank.POST)}
BATCHES = {
    "B1": {"months": "2", "first": "2022-02", "last": "2022-03", "amount": yuan(2 * bank.FEN)},
    "B2": {"months": "2", "first": "2022-07", "last": "2022-08", "amount": yuan(2 * bank.FEN)},
    "B3": {"taken": "0.00", "left": "open", "months": "3", "first": "2026-01", "last": "2026-03", "amount": yuan(3 * bank.FEN)},
}


def _debits(made: City, patch: pytest.MonkeyPatch) -> None:
    capture: dict[str, int] = {}
    for way, (scheme, code) in WAYS.items():
        b1, b2, b3 = bank.people(3, bank=code, scheme=scheme)
        capture |= {f"{way} B1": b1, f"{way} B2": b2, f"{way} B3": b3}
        bank.owe([b1], [202107, 202108, 202109, 202110, 202111, 202112, 202202, 202203])
        bank.settle([b1], [202107, 202108, 202109])
        made.debits[way, "B1"] = build(made, patch, way, 202203)[b1]
        bank.owe([b2], [202206, 202207, 202208])
        made.debits[way, "B2 in July"] = {"refused": refused(made, patch, way, 202207)}
        made.debits[way, "B2"] = build(made, patch, way, 202208)[b2]
        bank.owe([b3], [202601, 202602])
        short = build(made, patch, way, 202602)[b3]
        answer(made, patch, way, 202602, failed={1: "11"})
        after = {"left": "、".join(sorted(set(bank.states(b3).values())))}
        after["taken"] = str(ask("select coalesce(sum(taken_fen), 0)::text from levy_debitresult where person_id = %s", [b3])[0][0])
        assert short["months"] == "2"
        bank.owe([b3], [202603])
        made.debits[way, "B3"] = build(made, patch, way, 202603)[b3] | {"left": after["left"], "taken": yuan(int(after["taken"]))}
    made.people |= capture


def on_day(patch: pytest.MonkeyPatch, way: str, month: int, hour: int = 9) -> None:
    day = 15 if WAYS[way][0] == Scheme.PROVINCE else 20
    patch.setenv("SHEBAO_NOW", f"{month // 100}-{month % 100:02d}-{day:02d}T{hour:02d}:00:00")


def build(made: City, patch: pytest.MonkeyPatch, way: str, month: int) -> dict[int, dict[str, str]]:
    """The batch of a month by one way. Returns by person what is asked of them."""
    on_day(patch, way, month)
    scheme, code = WAYS[way]
    if way == "command":
        assert command.main(["debit", "build", "--bank", code, "--month", f"{month // 100}-{month % 100:02d}"]) == 0
    elif way == "run":
        bank_withholding.withhold(PLACE, scheme, code, month, made.folder, bank.OUR_KEY.private_bytes_raw(), clock=at_now)
    else:
        assert Browser("cai").post("/w/debits/build", {"scheme": scheme.value, "bank": code}).status_code == 302
        jobs.build_batch.func(batch(way, month).pk)
    made_batch = batch(way, month)
    if way == "page":  # what the page of the batch says is the answer of this way
        page = words(Browser("cai").get(f"/w/debits/{made_batch.number}"))
        return {person: _on_page(page, one) for person, one in bank.lines(made_batch).items()}
    return {person: _told(*one) for person, one in bank.lines(made_batch).items()}


def at_now() -> Any:
    from shebao.base.clock import now as clock_now

    return clock_now()


def _told(amount: int, first: int, last: int, months: int) -> dict[str, str]:
    return {"months": str(months), "first": _iso(first), "last": _iso(last), "amount": yuan(amount)}


def _iso(month: int) -> str:
    return f"{month // 100}-{month % 100:02d}"


def _on_page(page: str, one: tuple[int, int, int, int]) -> dict[str, str]:
    amount, first, last, months = one
    span = f"{month_shown(first)} 至 {month_shown(last)}"
    assert span in page and f"共 {months} 个月" in page and f"{amount / 100:,.2f}" in page, page[-600:]
    return _told(*one)


def batch(way: str, month: int) -> DebitBatch:
    scheme, code = WAYS[way]
    with acting(ENGINE):
        return DebitBatch.objects.get(scheme=scheme, bank=code, month=month)


def refused(made: City, patch: pytest.MonkeyPatch, way: str, month: int) -> str:
    """July 2022: nothing is debited while the system is shut. The sentence."""
    scheme, code = WAYS[way]
    patch.setenv("SHEBAO_NOW", "2022-07-25T12:00:00")
    if way == "page":
        page = Browser("cai").post("/w/debits/build", {"scheme": scheme.value, "bank": code})
        assert page.status_code == 422
        return words(page)
    with pytest.raises(debit_batches.BatchDayOutage) as caught:
        bank_withholding.withhold(PLACE, scheme, code, month, made.folder, bank.OUR_KEY.private_bytes_raw(), clock=at_now)
    if way == "command":
        assert command.main(["debit", "build", "--bank", code, "--month", _iso(month)]) == 2
    return caught.value.text


def answer(made: City, patch: pytest.MonkeyPatch, way: str, month: int, *, failed: dict[int, str]) -> None:
    """Confirmed by a second one, answered by the bank, brought by the way itself."""
    on_day(patch, way, month, 10)
    found = batch(way, month)
    with acting(bank.OTHER_FINANCE):
        sent = debit_batches.confirm_sending(found.pk, at=at_now())
    folder = made.folder if way == "run" else settings.DATA / "debits"
    content = bank.answer(sent, folder, failed=failed)
    on_day(patch, way, month, 18)
    if way == "command":
        path = made.folder / "answer.txt"
        path.write_bytes(content)
        assert command.main(["debit", "receive", str(path)]) == 0
    elif way == "run":
        root = made.folder / "exchange"
        (root / "inbox").mkdir(parents=True, exist_ok=True)
        (root / "inbox" / f"DR_{sent.number}_01.txt").write_bytes(content)
        done = bank_exchange.exchange(root, bank.OUR_KEY.private_bytes_raw(), [bank.BANK_PUBLIC], None, place=PLACE, clock=at_now)
        assert (done.taken, done.refused) == (1, 0)
    else:
        given = {"file": SimpleUploadedFile("结果.txt", content)}
        assert Browser("cai").post("/w/debits/results", given).status_code == 302
        jobs.finish_answered_batches.func()


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("name", list(BATCHES))
def test_a_batch_of_debits(city: City, name: str, way: str) -> None:
    assert city.debits[way, name] == BATCHES[name]
    if name == "B2":
        assert "在系统停机期间，2022 年 7 月不批扣，未缴月份并入下一个月的批扣" in city.debits[way, "B2 in July"]["refused"]
        assert bank.states(city.people[f"{way} B2"])[202206] == "open", "June is of the year before and never debited again"
    if name == "B1":
        assert {bank.states(city.people[f"{way} B1"])[m] for m in (202110, 202111, 202112)} == {"open"}


# ---- the table is whole ---------------------------------------------------------------------------------------------------------------

FACTS = {  # the acceptance cases of the fact base, section 13, that belong to contribution, late fee, account and batch
    "C1", "C4", "T1", "T2", "LF1", "LF3", "PA1", "PA3", "B1", "B2", "B3",
}  # fmt: skip


def test_every_worked_case_of_the_fact_base_is_in_the_table() -> None:
    """Where the fact base leaves a number out (LF2, PA2, C2, C3) there is no case to have."""
    of_files = {one["id"].split()[0] for name in ("contribution", "tiers", "late_fee", "account") for one in told_by(name)}
    assert FACTS - set(BATCHES) <= of_files
    assert len(TIERS) == 9 * 5 and len(DUES) >= 6
