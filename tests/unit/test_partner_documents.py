"""docs/partners is all that the other side's engineers have: each example in it is read by our readers and written by our writers."""

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shebao.gateways import bank, partner_keys, receipt_file, signed, statement, tax
from shebao.gateways.bank import BankFileRefused, Kind

DOCS = Path(__file__).parents[2] / "docs" / "partners"
OURS, BANKS = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
SIDES = {Kind.DEBIT: ("SB420100", "BK403", OURS), Kind.DEBIT_RESULT: ("BK403", "SB420100", BANKS)}


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


def blocks(name: str, kind: str = "") -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", page(name), re.M | re.S)


def codes(name: str, prefix: str) -> set[str]:
    return {f"{prefix}-{n:02d}" for n in map(int, re.findall(rf"^\| {prefix}-([0-9]{{2}}) \|", page(name), re.M))}


def used(folder: str, prefix: str) -> set[str]:
    """The codes that modules of a folder raise."""
    text = "".join(path.read_text() for path in sorted((DOCS.parents[1] / "shebao" / folder).glob("*.py")))
    return set(re.findall(rf'"({prefix}-[0-9]{{2}})"', text))


@pytest.mark.parametrize("kind", SIDES)
def test_the_files_of_the_bank_page_are_read_and_written_byte_for_byte(kind: Kind) -> None:
    (shown,) = blocks("bank", kind.value)
    content = shown.replace("␣", " ").encode("gb18030")
    sender, receiver, key = SIDES[kind]
    public = key.public_key().public_bytes_raw()
    assert public.hex() in page("bank")
    file = bank.read(content, kind, sender=sender, receiver=receiver, public_key=public, today=date(2026, 12, 20))
    assert bank.write(file.header, file.columns, key.private_bytes_raw()) == content
    assert file.columns["sequence"].tolist() == [1, 3]


@pytest.mark.parametrize("kind", Kind)
def test_the_bank_page_tells_every_field_with_its_form_and_width(kind: Kind) -> None:
    told = page("bank")
    assert f"| `{kind.value}` |" in told and f"| {bank.width(kind)} |" in told.split(f"| `{kind.value}` |")[1].split("\n")[0]
    record = " + ".join(f"{f.name} {f.form}{f.width}" for f in bank.LAYOUTS[kind])
    assert f"`{bank.MARKS[kind].decode()}` + {record}." in told
    assert all(f"| {code} | {label} |" in told for code, label in bank.RESULTS.items())


def test_the_pages_name_every_code_that_the_other_side_can_meet() -> None:
    bank_codes = (used("gateways", "BNK") | used("levy", "BNK")) & {f"BNK-{n:02d}" for n in range(1, 30)}
    assert codes("bank", "BNK") == bank_codes
    spoken = used("gateways", "TAX") | {"TAX-08", "TAX-09", "TAX-12", "TAX-13", "TAX-15", "TAX-18", "TAX-19", "TAX-24"}
    assert spoken - codes("tax", "TAX") <= {"TAX-30"}, "TAX-30 is said to us, of a key of theirs"


def test_a_taken_line_without_the_bank_s_serial_is_refused() -> None:
    (shown,) = blocks("bank", "DR")
    file = bank.lines_of(shown.replace("␣", " ").encode("gb18030"), Kind.DEBIT_RESULT)
    nameless = {**file, "serial": file["serial"][1:].repeat(2)}
    header = bank.Header(Kind.DEBIT_RESULT, "BK403", "SB420100", "PK1", date(2026, 12, 20), 1)
    content = bank.write(header, nameless, BANKS.private_bytes_raw())
    with pytest.raises(BankFileRefused, match="没有银行流水号") as told:
        bank.read(
            content, Kind.DEBIT_RESULT, sender="BK403", receiver="SB420100", public_key=BANKS.public_key().public_bytes_raw(),
            today=date(2026, 12, 20),
        )  # fmt: skip
    assert told.value.code == "BNK-10"


def read_example(told: dict[str, Any]) -> object:
    """An example of the tax page by the reader of its kind."""
    match list(told):
        case ["sender", *_]:
            return tax.read_payments(signed.read_envelope(json.dumps(told).encode()).body)
        case ["number", *_]:
            return tax.read_bills({"bills": [told], "count": 1, "total_fen": told["total_fen"]})
        case ["reversals", *_]:
            return tax.read_reversals(told)
        case ["states"]:
            return tax.read_states(told)
        case ["day", *_]:
            return tax.read_day(told)
        case ["outcomes"] if "serial" in told["outcomes"][0]:
            return tax.read_heard(told)
        case ["outcomes"]:
            return tax.read_outcomes(told, tax.RECALLED if told["outcomes"][0]["outcome"] == "paid" else tax.PUSHED)
    raise AssertionError(f"nobody reads this example: {told}")


def test_every_example_of_the_tax_page_is_read_by_its_reader() -> None:
    found = [json.loads(block) for block in blocks("tax", "json")]
    assert len(found) == 8
    assert all(read_example(told) for told in found)


def test_the_signature_of_the_tax_page_is_that_of_its_example() -> None:
    (content,) = (b.rstrip("\n").encode() for b in blocks("tax", "json") if b.startswith('{"sender"'))
    line, *rest = blocks("tax", "headers")[0].splitlines()
    headers = dict(each.split(": ", 1) for each in rest)
    key = partner_keys.public_key(line)
    assert signed.verify_request([key], headers, "POST", tax.PAYMENTS, content, at=datetime.fromisoformat(headers[signed.TIME])) == key
    private = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    own = partner_keys.OwnKey(private, partner_keys.PublicKey(key.key_id, private.public_key().public_bytes_raw()))
    assert signed.sign_request(own, "POST", tax.PAYMENTS, content, at=datetime.fromisoformat(headers[signed.TIME])) == headers


def test_the_statement_of_its_page_is_read_and_written() -> None:
    (shown,) = (b.replace("\n", "\r\n").encode("gb18030") for b in blocks("statement"))
    file = statement.read(shown, today=date(2026, 11, 21))
    assert statement.write(file.account, file.day, file.sequence, file.opening_fen, file.movements) == shown


def test_the_receipt_file_of_its_page_is_read() -> None:
    (shown,) = blocks("receipts")
    file = receipt_file.read(shown.encode(), today=date(2026, 11, 20))
    assert len(file.payments) == 2
