"""Messages between us and the tax office: any change breaks the signature, and the reader takes nothing but what the version knows."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shebao.base.terms import Insurance
from shebao.gateways import partner_keys, signed, strict_json, tax
from shebao.gateways.strict_json import MessageRefused

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
BILL = tax.TaxBill(
    "HD202611-0000001", 1, "monthly", tax.Payer("unit", "武汉甲示例有限公司", "91420100MA4K000000"), "420102", 202611, 202611,
    date(2026, 11, 25), date(2026, 12, 9),
    (tax.Amount(Insurance.PENSION, "normal", 128_000, 64_000, 1_000), tax.Amount(Insurance.INJURY, "late_fee", 7, 0)),
    191_007, 7,
)  # fmt: skip
PAID = tax.Paid("SP0001", BILL.number, 191_000, AT, "app")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> partner_keys.OwnKey:
    return partner_keys.own_key(tmp_path_factory.mktemp("keys"))


def envelope(body: dict[str, object]) -> signed.Envelope:
    return signed.Envelope("tax", uuid4(), 7, date(2026, 11, 22), body)


def code_of(call: object, *values: object) -> str:
    with pytest.raises(MessageRefused) as told:
        call(*values)  # type: ignore[operator]
    assert (
        told.value.text.endswith(("发送", "处理", "签名发送", "公钥", "核对", "内容"))
        or "请" in told.value.text
        or "没有处理" in told.value.text
    )
    return told.value.code


@given(st.data())
def test_any_change_of_a_signed_request_is_noticed(key: partner_keys.OwnKey, data: st.DataObject) -> None:
    content = envelope(tax.payments_body([PAID])).content()
    headers = signed.sign_request(key, "POST", tax.PAYMENTS, content, at=AT)
    signed.verify_request([key.public], headers, "post", tax.PAYMENTS, content, at=AT)
    what = data.draw(st.sampled_from(["content", "path", "method", *headers]))
    path, method = tax.PAYMENTS, "POST"
    if what == "content":
        i = data.draw(st.integers(0, len(content) - 1))
        content = content[:i] + bytes([content[i] ^ data.draw(st.integers(1, 255))]) + content[i + 1 :]
    elif what == "path":
        path = tax.REVERSALS
    elif what == "method":
        method = "PUT"
    else:
        text = headers[what]
        i = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[i]))
        headers = headers | {what: text[:i] + other + text[i + 1 :]}
    with pytest.raises(MessageRefused) as told:
        signed.verify_request([key.public], headers, method, path, content, at=AT)
    assert told.value.code in ("TAX-04", "TAX-05", "TAX-06", "TAX-07")


def test_an_answer_fits_the_message_it_answers_and_no_other(key: partner_keys.OwnKey) -> None:
    mine, others = uuid4(), uuid4()
    headers = signed.sign_answer(key, 200, mine, b"{}", at=AT)
    signed.verify_answer([key.public], headers, 200, mine, b"{}", at=AT)
    for status, message, content in ((200, others, b"{}"), (409, mine, b"{}"), (200, mine, b"{ }")):
        assert code_of(lambda s=status, m=message, c=content: signed.verify_answer([key.public], headers, s, m, c, at=AT)) == "TAX-07"


@pytest.mark.parametrize(("off", "fits"), [(299, True), (-299, True), (301, False), (-301, False)])
def test_a_signature_is_good_for_five_minutes_either_way(key: partner_keys.OwnKey, off: int, fits: bool) -> None:
    headers = signed.sign_request(key, "POST", tax.PAYMENTS, b"{}", at=AT)
    later = AT + timedelta(seconds=off)
    if fits:
        signed.verify_request([key.public], headers, "POST", tax.PAYMENTS, b"{}", at=later)
    else:
        assert code_of(lambda: signed.verify_request([key.public], headers, "POST", tax.PAYMENTS, b"{}", at=later)) == "TAX-06"


def test_the_instant_is_signed_too_and_has_its_zone(key: partner_keys.OwnKey) -> None:
    """Or an old message would be made fresh by whoever overheard it."""
    headers = signed.sign_request(key, "POST", tax.PAYMENTS, b"{}", at=AT)
    later = signed.sign_request(key, "POST", tax.PAYMENTS, b"{}", at=AT + timedelta(seconds=1))
    for changed, code in (
        ({signed.TIME: later[signed.TIME]}, "TAX-07"),
        ({signed.TIME: headers[signed.TIME].removesuffix("+00:00")}, "TAX-04"),
        ({signed.SIGNATURE: later[signed.SIGNATURE]}, "TAX-07"),
    ):
        assert code_of(lambda c=changed: signed.verify_request([key.public], headers | c, "POST", tax.PAYMENTS, b"{}", at=AT)) == code


def test_a_signature_has_one_spelling(key: partner_keys.OwnKey) -> None:
    headers = signed.sign_request(key, "POST", tax.PAYMENTS, b"{}", at=AT)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = headers[signed.SIGNATURE]
    other = text[:85] + letters[letters.index(text[85]) ^ 1] + text[86:]
    assert (
        code_of(lambda: signed.verify_request([key.public], headers | {signed.SIGNATURE: other}, "POST", tax.PAYMENTS, b"{}", at=AT))
        == "TAX-04"
    )


def test_a_stranger_is_not_listened_to(key: partner_keys.OwnKey, tmp_path: Path) -> None:
    stranger = partner_keys.own_key(tmp_path)
    headers = signed.sign_request(stranger, "POST", tax.PAYMENTS, b"{}", at=AT)
    assert code_of(lambda: signed.verify_request([key.public], headers, "POST", tax.PAYMENTS, b"{}", at=AT)) == "TAX-05"
    forged = headers | {signed.KEY: key.public.key_id}
    assert code_of(lambda: signed.verify_request([key.public], forged, "POST", tax.PAYMENTS, b"{}", at=AT)) == "TAX-07"
    assert code_of(lambda: signed.verify_request([key.public], {}, "POST", tax.PAYMENTS, b"{}", at=AT)) == "TAX-04"


def test_a_key_is_made_once_kept_closed_and_two_are_known_while_it_changes(tmp_path: Path) -> None:
    first = partner_keys.own_key(tmp_path / "a")
    assert partner_keys.own_key(tmp_path / "a").public == first.public
    assert (tmp_path / "a" / partner_keys.OWN).stat().st_mode & 0o777 == 0o600
    second = partner_keys.own_key(tmp_path / "b")
    for own in (first, second, first):
        partner_keys.add_key(tmp_path / "c", "tax", own.public.line)
    assert {k.key_id for k in partner_keys.keys_of(tmp_path / "c", "tax")} == {first.public.key_id, second.public.key_id}
    for bad in ("", "ed25519 x y", first.public.line.replace(first.public.key_id, second.public.key_id)):
        with pytest.raises(partner_keys.KeyRefused):
            partner_keys.add_key(tmp_path / "c", "tax", bad)
    with pytest.raises(partner_keys.KeyRefused):
        partner_keys.keys_of(tmp_path, "../secret")


def test_many_at_once_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: partner_keys.own_key(tmp_path / str(i // 8)).public, range(64)))
    assert all(len({key.key_id for key in made[i : i + 8]}) == 1 for i in range(0, 64, 8))


amounts = st.integers(0, 10**9)
bills = st.builds(
    lambda unit, person, less, elsewhere, version: replace(
        BILL,
        version=version,
        amounts=(tax.Amount(Insurance.PENSION, "normal", unit, person, min(less, unit + person)),),
        total_fen=unit + person - min(less, unit + person),
        elsewhere_fen=min(elsewhere, unit + person - min(less, unit + person)),
    ),
    amounts, amounts, amounts, amounts, st.integers(1, 99),
)  # fmt: skip


@given(bills)
def test_a_bill_is_read_as_it_was_written(bill: tax.TaxBill) -> None:
    content = envelope(tax.bills_body([bill])).content()
    assert tax.read_bills(signed.read_envelope(content).body) == (bill,)


def test_every_message_and_answer_is_read_as_it_was_written() -> None:
    reversal = tax.Reversal("CZ1", "SP0001", 5, AT, "重复缴费")
    day = tax.DayList(date(2026, 11, 22), 1, 191_000, (tax.DayLine(PAID, True),), False)
    assert tax.read_payments(tax.payments_body([PAID])) == (PAID,)
    assert tax.read_reversals(tax.reversals_body([reversal])) == (reversal,)
    assert tax.read_recalls(tax.recalls_body([tax.Recall("A", 2, "作废")])) == (tax.Recall("A", 2, "作废"),)
    assert tax.read_outcomes(tax.outcomes_body([tax.Outcome("A", 1, "accepted")]), tax.PUSHED)[0].outcome == "accepted"
    assert tax.read_heard(tax.heard_body([tax.Heard("SP0001", "suspense", "", "多缴 1.00 元")]))[0].reason == "多缴 1.00 元"
    assert tax.read_states(tax.states_told_body([tax.State("A", 1, "paid", 5)])) == (tax.State("A", 1, "paid", 5),)
    assert tax.read_states_asked(tax.states_body(["A", "B"])) == ("A", "B")
    assert tax.read_day(day.told()) == day
    assert tax.read_day_asked(tax.DayAsked(date(2026, 11, 22), "SP1").told()) == tax.DayAsked(date(2026, 11, 22), "SP1")


def changed(**values: object) -> dict[str, object]:
    body = json.loads(json.dumps(tax.payments_body([PAID])))
    body["payments"][0] |= values
    return body  # type: ignore[no-any-return]


WRONG = {
    "an unknown field": (changed(note="x"), "TAX-03"),
    "a missing field": ({k: v for k, v in changed().items() if k != "count"}, "TAX-03"),
    "a text for an amount": (changed(amount_fen="191000"), "TAX-03"),
    "true for an amount": (changed(amount_fen=True), "TAX-03"),
    "nothing paid": (changed(amount_fen=0), "TAX-03"),
    "a huge amount": (changed(amount_fen=10**14), "TAX-03"),
    "a moment without its zone": (changed(paid_at="2026-11-22T09:00:00"), "TAX-03"),
    "an unknown channel": (changed(channel="cash"), "TAX-03"),
    "a serial with a space": (changed(serial="SP 1"), "TAX-03"),
    "one digit changed": (changed(amount_fen=191_001), "TAX-10"),
    "a wrong count": (changed() | {"count": 2}, "TAX-10"),
    "a wrong total": (changed() | {"total_fen": 1}, "TAX-10"),
    "too many": (tax.payments_body([replace(PAID, serial=f"S{i}") for i in range(1_001)]), "TAX-03"),
    "a serial twice": (tax.payments_body([PAID, PAID]), "TAX-11"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_whole_is_refused_with_its_code(case: str) -> None:
    body, code = WRONG[case]
    assert code_of(tax.read_payments, body) == code


def test_a_bill_whose_amounts_do_not_add_up_is_refused() -> None:
    for wrong in (
        replace(BILL, total_fen=BILL.total_fen + 1),
        replace(BILL, elsewhere_fen=BILL.total_fen + 1),
        replace(BILL, last_month=202610),
    ):
        assert code_of(tax.read_bills, tax.bills_body([wrong])) == "TAX-10"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"a":1.0}', b'{"a":1e3}', b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff{}", b'{"a":' + b"[" * 9 + b"]" * 9 + b"}",
     b'{"a":1234567890123456789}', b"[" * 100_000, b" " * (strict_json.BYTES_MAX + 1)],
)  # fmt: skip
def test_what_is_no_strict_json_is_refused_before_anything_is_built(content: bytes) -> None:
    assert code_of(strict_json.load, content) in ("TAX-01", "TAX-02")


def test_a_message_over_the_limit_is_too_large_whatever_is_in_it() -> None:
    with pytest.raises(MessageRefused) as told:
        strict_json.load(b'{"a":"' + b"x" * strict_json.BYTES_MAX + b'"}')
    assert (told.value.code, told.value.status) == ("TAX-01", 413)


def test_a_line_break_a_foreign_letter_and_the_same_number_twice_are_refused() -> None:
    reversal = tax.Reversal("CZ1", PAID.serial, PAID.amount_fen, AT, "缴错")
    for wrong, code in (
        ([replace(reversal, reason="缴错\n另起一行")], "TAX-03"),
        ([replace(reversal, reason="缴错\0")], "TAX-03"),
        ([replace(reversal, serial="冲1")], "TAX-03"),
        ([replace(reversal, serial="CZ１")], "TAX-03"),
        ([reversal, replace(reversal, serial="CZ2")], "TAX-11"),
    ):
        assert code_of(tax.read_reversals, tax.reversals_body(wrong)) == code
    assert code_of(tax.read_states_asked, tax.states_body(["HD1", "HD1"])) == "TAX-03"


def test_a_type_from_which_more_was_taken_than_it_had_is_refused() -> None:
    """Also when the whole bill still adds up."""
    pension, injury = BILL.amounts
    wrong = replace(BILL, amounts=(pension, replace(injury, less_fen=injury.unit_fen + 1)), total_fen=BILL.total_fen - 8)
    assert code_of(tax.read_bills, tax.bills_body([wrong])) == "TAX-10"


def test_eight_levels_are_read_and_nine_are_not() -> None:
    assert strict_json.load(b'{"a":' + b"[" * 7 + b"]" * 7 + b"}")
    assert code_of(strict_json.load, b'{"a":' + b"[" * 8 + b"]" * 8 + b"}") == "TAX-02"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_read_or_refused_and_never_breaks_the_reader(content: bytes) -> None:
    try:
        signed.read_envelope(content)
    except MessageRefused as error:
        assert error.code.startswith("TAX-") and error.status in (400, 413, 422)


@given(st.integers(0, 2_000))
def test_a_truncated_message_is_never_read(cut: int) -> None:
    content = envelope(tax.payments_body([PAID])).content()
    with pytest.raises(MessageRefused):
        signed.read_envelope(content[: min(cut, len(content) - 1)])
