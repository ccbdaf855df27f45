"""The course of a bill says where its money is, by when it should be there, and what went wrong; pages and API say the same."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.gateways import partner_keys
from shebao.gateways import tax as wire
from shebao.levy import cancelling, receiving
from shebao.levy.models import Bill
from shebao.levy.timeline import Step, shown, timeline
from shebao.policy.arrival import expected_arrival
from shebao.policy.rulebook import standard
from tests import make
from tests.db import support
from tests.db.tax_support import Office, Teller, open_office, paid, send
from tests.db.web_support import Browser, words


@pytest.fixture
def office(own_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(settings, "PARTNERS", tmp_path / "ours")
    with open_office(tmp_path) as opened:
        partner_keys.add_key(tmp_path / "ours", "tax", opened.own.public.line)
        monkeypatch.setattr(settings, "TAX_URL", opened.url)
        yield opened


@pytest.fixture
def unit(office: Office) -> make.MadeUnit:
    made = make.unit(people=2, since=202601)
    support.assess(202610)
    return made


def bill() -> Bill:
    with acting(ENGINE):
        return Bill.objects.select_related("unit").order_by("id")[0]


TODAY = support.AT.date()


def steps(on: date = TODAY) -> dict[str, Step]:
    with acting(ENGINE):
        return {step.key: step for step in timeline(bill(), on=on)}


PAID = support.AT.replace(day=6)  # a Friday


def test_from_assessed_to_confirmed_every_step_is_told(unit: make.MadeUnit, office: Office) -> None:
    assert list(steps()) == ["assessed", "due"]
    send(office)
    assert steps()["at_tax"].what == "税务已接收"
    Teller(office).pay(paid("SP1", bill().number, bill().total_fen, PAID))
    told = steps(PAID.date())
    assert list(told) == ["assessed", "at_tax", "paid", "expected"]
    assert told["paid"].who == "税务·手机应用" and told["paid"].note == "税票号 SP1"
    assert told["expected"].at == date(2026, 11, 9), "one working day after a Friday"
    with acting(ENGINE):
        receiving.arrive(["SP1"], place=support.PLACE, on=date(2026, 11, 9), at=support.AT)
    told = steps()
    assert list(told) == ["assessed", "at_tax", "paid", "confirmed"] and told["confirmed"].at == date(2026, 11, 9)


def test_money_that_is_late_is_said_plainly(unit: make.MadeUnit, office: Office) -> None:
    Teller(office).pay(paid("SP1", bill().number, bill().total_fen, PAID, "bank"))
    assert steps(date(2026, 11, 11))["expected"].at == date(2026, 11, 11), "three working days by the bank"
    late = steps(date(2026, 11, 14))
    assert "expected" not in late and late["overdue"].tone == "warn" and "已晚 3 天" in late["overdue"].note


def test_a_way_for_which_no_document_names_a_time_has_no_day(unit: make.MadeUnit) -> None:
    assert expected_arrival("counter", PAID.date(), support.PLACE, standard()).day is None
    assert expected_arrival("app", date(2021, 1, 1), support.PLACE, standard()).day is None, "before the rule"
    assert "日历" in expected_arrival("app", date(2026, 12, 31), support.PLACE, standard()).why


def test_part_payments_reversals_and_refusals_are_on_it(unit: make.MadeUnit, office: Office) -> None:
    teller = Teller(office)
    teller.pay(paid("SP1", bill().number, 100, PAID), paid("SP2", bill().number, 200, PAID))
    teller.reverse(wire.Reversal("CZ1", "SP2", 200, PAID, "刷卡失败"))
    told = steps()
    assert "刷卡失败" in told["reversed"].note and told["due"].what in ("缴费截止", "已过缴费截止日")
    office.refuses = {bill().number}
    send(office)
    assert "SW-01" in steps()["refused"].note
    assert all(set(row) == {"at", "what", "who", "note", "tone"} for row in shown(list(told.values())))


def test_pages_of_the_unit_and_the_desk_and_the_api_say_the_same(unit: make.MadeUnit, office: Office) -> None:
    operator, finance = make.operator(unit, "op_tax"), make.finance(username="fin_tax")
    assert operator and finance
    theirs, desk = Browser("op_tax"), Browser("fin_tax")
    number = bill().number
    office.refuses = {number}
    send(office)
    assert "税务退回" in words(theirs.get("/u/bills")) and "税务退回" in words(theirs.get(f"/u/bills/{number}"))
    page = words(desk.get("/w/tax"))
    assert number in page and "纳税人识别号未登记（SW-01）" in page and "重新发送" in page
    office.refuses = set()
    assert desk.post(f"/w/tax/{number}/again")["Location"] == "/w/tax?again=1"
    assert desk.post(f"/w/tax/{number}/again").status_code == 409
    send(office)
    Teller(office).pay(paid("SP1", number, bill().total_fen, PAID))
    for page in (words(theirs.get(f"/u/bills/{number}")), words(desk.get(f"/w/bills/{number}"))):
        assert "税票号 SP1" in page and "税务·手机应用" in page
    assert "已缴费，待确认到账" in words(theirs.get("/u/bills"))
    told = theirs.call("GET", f"/api/v1/bills/{number}").json()
    assert (told["tax_state"], told["tax_state_label"]) == ("accepted", "已缴费，待确认到账")
    assert [step["step"] for step in told["timeline"]][:3] == ["assessed", "at_tax", "paid"]
    assert theirs.call("GET", "/api/v1/bills").json()["bills"][0]["tax_state"] == "accepted"


def test_without_an_address_the_finance_page_says_that_bills_wait(
    unit: make.MadeUnit, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.finance(username="fin_tax")
    monkeypatch.setattr(settings, "TAX_URL", "")
    send(None)
    page = words(Browser("fin_tax").get("/w/tax"))
    assert "没有配置税务地址" in page and "待发送税务 1 张" in page.replace("\n", " ")


def test_a_person_bill_is_cancelled_after_the_office_gave_it_back(office: Office) -> None:
    from shebao.levy import flexible_billing as billing

    who = make.flexible(since=202601, dues=[202610, 202611])
    with acting(ENGINE):
        wanted = billing.Wanted(who.person_id, 1, 60, 202610, 202611)
        made = billing.issue(wanted, place=support.PLACE, rulebook=standard(), on=support.AT.date(), at=support.AT)
    send(office)
    told = office.bills[made.number]
    assert (told.kind, told.payer.kind, told.first_month, told.last_month) == ("person", "person", 202610, 202611)
    assert "*" in told.payer.code and who.id_number not in told.payer.code
    with acting(ENGINE):
        assert cancelling.cancel(made, case_id=None, on=support.AT.date(), at=support.AT) == "asked"
        made.refresh_from_db()
        assert made.state == "issued" and "cancelling" in {s.key for s in timeline(made, on=support.AT.date())}
    send(office)
    with acting(ENGINE):
        made.refresh_from_db()
    assert made.state == "cancelled" and made.number not in office.bills
    assert support.ask("select distinct state from levy_flexdue where person_id = %s", [who.person_id]) == [("open",)]
