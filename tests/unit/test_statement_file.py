"""银行对账单: what is written is read again; every fault is refused whole, with its code and a sentence that says what to do."""

import hashlib
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shebao.gateways import statement as codec
from shebao.gateways.statement import Direction, Movement, StatementRefused, looks_mistyped

DAY = date(2026, 11, 21)
ACCOUNT = "42010099000000001"
TWO = [
    Movement("YH1", Direction.CREDIT, 60_000, "武汉示例公司", "SW20261120-000001", DAY),
    Movement("YH2", Direction.DEBIT, 2_000, "张䶮", "TK00000001-1", DAY),
]


def sealed(body: bytes) -> bytes:
    return body + f"#摘要|{hashlib.sha256(body).hexdigest()}\r\n".encode("gb18030")


def changed(old: str, new: str) -> bytes:
    """The file with something changed, under a digest that fits: whoever writes it wrong, not whoever damages it."""
    content = codec.write(ACCOUNT, DAY, 7, 100_000, TWO)
    body = content[: content.rindex("#摘要".encode("gb18030"))]
    assert old.encode("gb18030") in body
    return sealed(body.replace(old.encode("gb18030"), new.encode("gb18030"), 1))


def refused(content: bytes) -> tuple[str, str]:
    with pytest.raises(StatementRefused) as error:
        codec.read(content, today=DAY)
    return error.value.code, error.value.text


def test_what_is_written_is_read_again() -> None:
    read = codec.read(codec.write(ACCOUNT, DAY, 7, 100_000, TWO), today=DAY)
    assert (read.account, read.day, read.sequence, read.opening_fen, read.closing_fen) == (ACCOUNT, DAY, 7, 100_000, 158_000)
    assert list(read.movements) == TWO
    assert read.sums(Direction.CREDIT) == (1, 60_000)


def test_a_day_without_movements_is_a_statement_too() -> None:
    assert codec.read(codec.write(ACCOUNT, DAY, 1, 5, []), today=DAY).closing_fen == 5


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"  \n", "STM-01"),
        (b"\x00\x01", "STM-03"),
        (b"\x81", "STM-04"),
        (b"hello", "STM-05"),
        (changed("|7|", "|0|"), "STM-05"),
        (changed(ACCOUNT, "12"), "STM-05"),
        (changed("#对账单|1|42010099000000001|2026-11-21", "#对账单|1|42010099000000001|2026-11-22"), "STM-06"),
        (codec.write(ACCOUNT, DAY, 7, 0, TWO)[:-72], "STM-07"),
        (changed("|1|600.00|", "|2|600.00|"), "STM-08"),
        (changed("|1|600.00|", "|1|600.01|"), "STM-09"),
        (changed("|1580.00|", "|1580.01|"), "STM-10"),
        (changed("|张䶮|", "|张|䶮|"), "STM-11"),
        (codec.write(ACCOUNT, DAY, 7, 0, TWO).replace(b"600.00|", b"600.10|"), "STM-12"),
        (changed("YH1|", "Y H1|"), "STM-13"),
        (changed("|借|", "|出|"), "STM-14"),
        (changed("SW20261120-000001", "SW 2026"), "STM-15"),
        (changed("TK00000001-1|2026-11-21", "TK00000001-1|2026-11-20"), "STM-16"),
        (changed("YH2|", "YH1|"), "STM-17"),
        (changed("借|20.00", "借|20.0"), "STM-18"),
        (changed("借|20.00", "借|0.00"), "STM-19"),
        (changed("TK00000001-1|2026-11-21", "TK00000001-1|2026-02-30"), "STM-20"),
    ],
)
def test_each_fault_has_its_code_and_a_sentence(content: bytes, code: str) -> None:
    found, text = refused(content)
    assert found == code
    assert any(word in text for word in ("请", "应", "不是"))


def test_one_changed_byte_anywhere_is_refused() -> None:
    content = codec.write(ACCOUNT, DAY, 7, 100_000, TWO)
    for i in range(len(content)):
        broken = content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]
        with pytest.raises(StatementRefused):
            codec.read(broken, today=DAY)
        with pytest.raises(StatementRefused):
            codec.read(content[:i], today=DAY)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine says nothing about the codec
@given(
    st.lists(
        st.tuples(
            st.sampled_from(Direction), st.integers(1, 10**12), st.text(max_size=120), st.from_regex(r"[0-9A-Za-z-]{0,60}", fullmatch=True)
        ),
        max_size=20,
    ),
    st.integers(-(10**9), 10**12),
)
def test_any_movements_travel_whole(rows: list[tuple[Direction, int, str, str]], opening: int) -> None:
    moves = [Movement(f"S{i}", d, fen, codec.plain(who), ref, DAY) for i, (d, fen, who, ref) in enumerate(rows)]
    try:
        content = codec.write(ACCOUNT, DAY, 1, opening, moves)
    except UnicodeEncodeError:
        return  # half of a character pair: no name
    assert list(codec.read(content, today=DAY).movements) == moves


def test_a_mistyped_card_number_is_told_and_an_account_of_a_unit_is_not() -> None:
    assert not looks_mistyped("6222021234567890128") or looks_mistyped("6222021234567890129")
    assert looks_mistyped("6222021234567890128") != looks_mistyped("6222021234567890129")
    assert not looks_mistyped("42010012345678")
