"""The sandbox tax office from outside: real processes, the real protocol, money that really moves at the sandbox bank."""

import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import date
from uuid import uuid4

import pytest

from shebao.gateways import tax as wire
from shebao.gateways.tax_client import PartnerAway, PartnerRefused
from shebao.sandbox.bank_link import PartnerSaysNo
from tests.sandbox.support import TODAY, Sandbox, await_true, bill, sandbox


@pytest.fixture(scope="module")
def partners() -> Iterator[Sandbox]:
    with sandbox() as made:
        yield made


def state_of(partners: Sandbox, number: str) -> wire.State:
    return wire.read_states(partners.say(wire.ASKED_STATES, wire.states_body([number])))[0]


def day_of(partners: Sandbox, day: date = TODAY) -> wire.DayList:
    return wire.read_day(partners.say(wire.ASKED_DAY, wire.DayAsked(day).told()))


def test_a_partner_imports_nothing_of_ours_but_its_codecs() -> None:
    told = "import sys, shebao.sandbox.__main__; print(*sorted(m for m in sys.modules if m.startswith('shebao.')), 'django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    *modules, django = done.stdout.split()
    assert django == "False"
    assert {name.split(".")[1] for name in modules} == {"base", "gateways", "sandbox"}


def test_a_bill_is_paid_from_an_account_at_the_bank_and_handed_over_on_the_next_working_day(partners: Sandbox) -> None:
    number = "HD202611-0000101"
    assert partners.push(bill(number, fen=200_000)) == ["accepted"]
    assert state_of(partners, number) == wire.State(number, 1, "waiting", 0)
    (paid,) = partners.pay(number)
    assert (paid["state"], paid["amount"], paid["due_on"]) == ("paid", "2000.00", "2026-11-17")
    assert state_of(partners, number) == wire.State(number, 1, "paid", 200_000)
    listed = [line.paid.serial for line in day_of(partners).lines]
    assert paid["serial"] in listed
    before = partners.bank.call("GET", "/control/show")["fund"]["balance"]
    partners.next_day()
    after = partners.bank.call("GET", "/control/show")["fund"]["balance"]
    assert (before, after) == ("0.00", "2000.00")
    assert partners.show("bank")["books"] == "right"
    with pytest.raises(PartnerSaysNo, match="没有待缴金额") as refused:
        partners.pay(number)
    assert refused.value.code == "SBX-31"


def test_a_higher_version_replaces_a_lower_one_and_a_late_one_changes_nothing(partners: Sandbox) -> None:
    number = "HD202611-0000102"
    assert partners.push(bill(number, 2, fen=90_000)) == ["accepted"]
    assert partners.push(bill(number, 1, fen=120_000)) == ["accepted"]
    (paid,) = partners.pay(number)
    assert paid["amount"] == "900.00"


def test_a_recalled_bill_cannot_be_paid_and_a_paid_one_stands(partners: Sandbox) -> None:
    one, two = "HD202611-0000103", "HD202611-0000104"
    partners.push(bill(one), bill(two))
    partners.pay(two)
    body = wire.recalls_body([wire.Recall(one, 2, "测试撤回"), wire.Recall(two, 2, "测试撤回"), wire.Recall("HD-NONE", 1, "测试撤回")])
    told = wire.read_outcomes(partners.say(wire.RECALLS, body), wire.RECALLED)
    assert [each.outcome for each in told] == ["recalled", "paid", "unknown"]
    with pytest.raises(PartnerSaysNo, match="已被社保经办机构撤回"):
        partners.pay(one)
    assert partners.push(bill(one, 1)) == ["accepted"], "an old version comes late"
    assert state_of(partners, one).state == "recalled"
    partners.push(bill(one, 3))
    assert state_of(partners, one).state == "waiting"


def test_the_same_message_gets_the_same_answer_and_other_bytes_under_its_name_are_refused(partners: Sandbox) -> None:
    message, number = uuid4(), "HD202611-0000105"
    first = partners.say(wire.BILLS, wire.bills_body([bill(number)]), message=message, sequence=900)
    assert partners.say(wire.BILLS, wire.bills_body([bill(number)]), message=message, sequence=900) == first
    with pytest.raises(PartnerRefused) as other:
        partners.say(wire.BILLS, wire.bills_body([bill(number, fen=5_000)]), message=message, sequence=900)
    assert other.value.their_code == "TAX-08"
    with pytest.raises(PartnerRefused) as twice:
        partners.say(wire.BILLS, wire.bills_body([bill(number)]), sequence=900)
    assert twice.value.their_code == "TAX-09"


@pytest.mark.parametrize(
    ("kind", "said"),
    [("truncated", "签名与报文不符"), ("digit", "签名与报文不符"), ("late", "当日清单还没有生成")],
)
def test_a_day_list_in_trouble_is_not_believed_and_the_next_one_is_right(partners: Sandbox, kind: str, said: str) -> None:
    partners.trouble("tax", kind, 1, message="day")
    with pytest.raises(PartnerAway, match=said):
        day_of(partners)
    day = day_of(partners)
    assert day.total_fen == sum(line.paid.amount_fen for line in day.lines if not line.reversed)


def test_a_day_list_with_wrong_totals_is_signed_and_a_fen_off(partners: Sandbox) -> None:
    partners.trouble("tax", "wrong-totals", 1, message="day")
    day = day_of(partners)
    assert day.total_fen == sum(line.paid.amount_fen for line in day.lines) + 1


@pytest.mark.parametrize("how", ["503", "refuse", "lost"])
def test_while_it_is_down_nobody_is_answered_and_what_was_lost_is_answered_the_same_later(partners: Sandbox, how: str) -> None:
    message, number = uuid4(), f"HD202611-D{how}"
    body = wire.bills_body([bill(number)])
    partners.trouble("tax", "down", 1, how=how)
    sequence = {"503": 911, "refuse": 912, "lost": 913}[how]
    with pytest.raises(PartnerAway):
        partners.say(wire.BILLS, body, message=message, sequence=sequence)
    assert state_of(partners, number).state == ("waiting" if how == "lost" else "unknown")
    told = wire.read_outcomes(partners.say(wire.BILLS, body, message=message, sequence=sequence), wire.PUSHED)
    assert [each.outcome for each in told] == ["accepted"]


def test_too_little_in_the_account_fails_the_payment_and_leaves_the_bill_open(partners: Sandbox) -> None:
    number, account = "HD202611-0000106", "6200000000000106"
    partners.push(bill(number, fen=50_000))
    partners.bank.call("POST", "/control/account", {"number": account, "balance_fen": 49_999, "holder": "武汉沙箱示例有限公司"})
    (failed,) = partners.pay(number, account=account)
    assert failed["state"] == "failed"
    assert "余额 499.99 元，不足 500.00 元" in failed["reason"]
    assert state_of(partners, number).state == "waiting"
    partners.bank.call("POST", "/control/account", {"number": account, "balance_fen": 50_000})
    (paid,) = partners.pay(number, account=account)
    assert paid["state"] == "paid"


def test_a_reversed_payment_gives_the_money_back_and_opens_the_bill(partners: Sandbox) -> None:
    number, account = "HD202611-0000107", "6200000000000107"
    partners.push(bill(number, fen=70_000))
    partners.bank.call("POST", "/control/account", {"number": account, "balance_fen": 70_000, "holder": "武汉沙箱示例有限公司"})
    (paid,) = partners.pay(number, account=account)
    assert partners.bank.call("GET", f"/control/account/{account}")["balance"] == "0.00"
    partners.tax.call("POST", "/control/reverse", {"serial": paid["serial"], "reason": "测试冲正"})
    partners.rounds()
    assert partners.bank.call("GET", f"/control/account/{account}")["balance"] == "700.00"
    assert state_of(partners, number) == wire.State(number, 1, "waiting", 0)
    assert [line.reversed for line in day_of(partners, date(2026, 11, 17)).lines if line.paid.serial == paid["serial"]] == [True]


def test_part_over_and_double_payments_take_as_much_as_they_say(partners: Sandbox) -> None:
    part, over, double = "HD202611-0000108", "HD202611-0000109", "HD202611-0000110"
    partners.push(bill(part, fen=60_000), bill(over, fen=60_000), bill(double, fen=60_000))
    assert [each["amount"] for each in partners.pay(part, part_fen=20_000)] == ["200.00"]
    assert state_of(partners, part) == wire.State(part, 1, "part_paid", 20_000)
    assert [each["amount"] for each in partners.pay(over, over_fen=1_00)] == ["601.00"]
    assert [each["amount"] for each in partners.pay(double, twice=True)] == ["600.00", "600.00"]


def page(partners: Sandbox, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str, str]:
    content = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(partners.tax.address() + path, content, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.url
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), ""


def test_the_page_pays_the_amount_it_showed_and_says_that_it_is_a_sandbox(partners: Sandbox) -> None:
    number = "HD202611-0000111"
    partners.push(bill(number, fen=123_456))
    status, shown, _ = page(partners, f"/pay/{number}")
    assert status == 200
    assert "1,234.56" in shown
    assert "不是真实的税务系统" in shown
    status, said, _ = page(partners, f"/pay/{number}", {"channel": "bank", "amount": "1"})
    assert (status, "待缴金额已经变化" in said) == (409, True)
    status, said, url = page(partners, f"/pay/{number}", {"channel": "bank", "amount": "123456"})
    assert status == 200
    assert "/receipt/S20261117" in url
    assert "缴费成功" in said
    assert "2026-11-20" in said, "three working days after Tuesday"
    status, said, _ = page(partners, "/pay?number=HD-404")
    assert (status, "没有收到核定单“HD-404”" in said) == (404, True)


def test_other_sites_and_callers_without_the_token_reach_nothing(partners: Sandbox) -> None:
    number = "HD202611-0000112"
    partners.push(bill(number))
    form = {"channel": "app", "amount": "128000"}
    assert page(partners, f"/pay/{number}", form, Origin="http://evil.example")[0] == 403
    assert page(partners, "/", Host="evil.example")[0] == 403
    assert page(partners, "/control/show")[0] == 403
    assert page(partners, "/control/pay", {"bill": number})[0] == 403
    assert state_of(partners, number).state == "waiting"


def test_markup_in_a_name_is_shown_and_not_obeyed(partners: Sandbox) -> None:
    from dataclasses import replace

    number = "HD202611-0000113"
    nasty = replace(bill(number), payer=wire.Payer("unit", "<script>alert(1)</script>", "9142"))
    partners.push(nasty)
    shown = page(partners, f"/pay/{number}")[1]
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_killed_at_any_moment_of_paying_the_money_moves_once(partners: Sandbox) -> None:
    """The bank is away when the payer pays, and the tax office is killed with the payment half done."""
    number, account = "HD202611-0000114", "6200000000000114"
    partners.push(bill(number, fen=80_000))
    partners.bank.call("POST", "/control/account", {"number": account, "balance_fen": 200_000, "holder": "武汉沙箱示例有限公司"})
    partners.trouble("bank", "down", None, how="lost", message="peer/transfer")  # the money moves, and nobody hears of it
    (half_done,) = partners.pay(number, account=account)
    assert half_done["state"] == "intended"
    assert partners.bank.call("GET", f"/control/account/{account}")["balance"] == "1200.00"
    with pytest.raises(PartnerSaysNo, match="没有待缴金额"):
        partners.pay(number, account=account)
    partners.kill("tax")
    partners.kill("bank")
    partners.start("bank", "tax")
    assert state_of(partners, number).state == "waiting", "the switch is still on after the fall"
    partners.bank.call("POST", "/control/trouble", {"kind": "off"})
    await_true(lambda: state_of(partners, number) == wire.State(number, 1, "paid", 80_000))
    assert partners.bank.call("GET", f"/control/account/{account}")["balance"] == "1200.00"
    assert partners.show("bank")["books"] == "right"
