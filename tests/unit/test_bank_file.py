"""批扣文件: what was written is read back; whatever is changed, cut, doubled or made up on the way is refused with its own sentence."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from shebao.gateways import bank
from shebao.gateways.bank import BankFileRefused, Header, Kind

DAY = date(2026, 11, 20)
KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
US, BANK, BATCH = "SB420100", "BK403", "PK42010020261120403C1"
NAMES = ("张三", "欧阳示例", "阿卜杜拉·示例", "示例䶮", "甲𬱖")


def answers(n: int = 3, **changed: Any) -> dict[str, Any]:
    """What a bank answers: the second could not be taken."""
    amounts = np.array([89_952, 179_904, 112_440] * n)[:n]
    results = np.array([b"00", b"11", b"00"] * n)[:n]
    columns = {
        "sequence": np.arange(1, n + 1) * 2,
        "number": np.array([b"%016d" % i for i in range(n)]),
        "account": np.array([b"6217990000%09d" % i for i in range(n)]),
        "name": np.array([bank.name_bytes(NAMES[i % len(NAMES)]) for i in range(n)]),
        "amount": amounts,
        "result": results,
        "taken": np.where(results == b"00", amounts, 0),
        "day": np.full(n, 20261120),
        "serial": np.array([b"YH%08d" % i for i in range(n)]),
    }
    return columns | changed


def made(columns: dict[str, Any] | None = None, *, key: Ed25519PrivateKey = KEY, **header: Any) -> bytes:
    words: dict[str, Any] = {"kind": Kind.DEBIT_RESULT, "sender": BANK, "receiver": US, "batch": BATCH, "day": DAY, "order": 1}
    return bank.write(Header(**words | header), answers() if columns is None else columns, key.private_bytes_raw())


def read(content: bytes, **changed: Any) -> bank.BankFile:
    words: dict[str, Any] = {"sender": BANK, "receiver": US, "public_key": KEY.public_key().public_bytes_raw(), "today": DAY}
    return bank.read(content, Kind.DEBIT_RESULT, **words | changed)


def refused(content: bytes, **changed: Any) -> tuple[str, str]:
    with pytest.raises(BankFileRefused) as caught:
        read(content, **changed)
    return caught.value.code, caught.value.text


def resealed(content: bytes, line: int, at: int, text: bytes) -> bytes:
    """The file with some bytes changed by somebody who owns the key: digest and signature hold again."""
    import base64
    import hashlib

    wide = bank.width(Kind.DEBIT_RESULT)
    raw = bytearray(content)
    raw[line * wide + at : line * wide + at + len(text)] = text
    body = bytes(raw[: -2 * wide])
    raw[-2 * wide + 23 : -2 * wide + 87] = hashlib.sha256(body).hexdigest().encode()
    signed = KEY.sign(bytes(raw[:wide]) + bytes(raw[-2 * wide : -wide]))
    raw[-wide + 1 : -wide + 89] = base64.b64encode(signed)
    return bytes(raw)


def respelled(content: bytes) -> bytes:
    """The same file with the signature's bytes written another way: the last letter of base64 has bits that nobody reads."""
    at = len(content) - bank.width(Kind.DEBIT_RESULT) + 86
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return content[:at] + letters[letters.index(content[at]) ^ 1 :][:1] + content[at + 1 :]


CONTENT = made()


def test_what_was_written_is_read_back_rare_characters_included() -> None:
    found = read(CONTENT)
    assert (found.header.count, found.header.total_fen, found.header.batch) == (3, 89_952 + 112_440, BATCH)
    assert {name: list(column) for name, column in found.columns.items()} == {name: list(column) for name, column in answers().items()}
    asked = bank.write(
        Header(Kind.DEBIT, US, BANK, BATCH, DAY, 1),
        {k: v for k, v in answers().items() if k in ("sequence", "number", "account", "name", "amount")}
        | {"first_month": np.full(3, 202607), "last_month": np.full(3, 202611), "months": np.full(3, 5)},
        OTHER.private_bytes_raw(),
    )
    back = bank.read(asked, Kind.DEBIT, sender=US, receiver=BANK, public_key=OTHER.public_key().public_bytes_raw(), today=DAY)
    assert back.header.total_fen == 382_296 and list(back.columns["months"]) == [5, 5, 5]
    assert len(asked) == 6 * 104 and bank.peek(asked).batch == BATCH


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0, len(CONTENT) - 1), byte=st.integers(0, 255))
def test_no_changed_byte_gets_through(at: int, byte: int) -> None:
    changed = CONTENT[:at] + bytes([byte]) + CONTENT[at + 1 :]
    if changed == CONTENT:
        return
    code, text = refused(changed)
    assert code.startswith("BNK-") and ("没有入账" in text)


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, len(CONTENT) - 1))
def test_no_truncated_file_gets_through(cut: int) -> None:
    assert refused(CONTENT[:cut])[0] in ("BNK-01", "BNK-02", "BNK-03")


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=1000))
def test_no_noise_gets_through(content: bytes) -> None:
    refused(content)


@pytest.mark.parametrize(
    ("content", "changed", "code", "told"),
    [
        (b"", {}, "BNK-01", "文件是空的"),
        (CONTENT[:-1], {}, "BNK-01", "最后一行缺了一部分"),
        (CONTENT[: -128 * 2], {}, "BNK-01", "缺少末尾的合计行或签名行"),
        (b"\xef\xbb\xbf" + CONTENT, {}, "BNK-02", "这不是批扣结果文件"),
        (CONTENT.replace(b"HDR01", b"HDR02"), {}, "BNK-03", "文件版本“02”不认识，现用版本 01"),
        (resealed(CONTENT, 0, 55, b"20261340"), {}, "BNK-04", "首行的双方、批次号、日期"),
        (resealed(CONTENT, 0, 88, b"X"), {}, "BNK-04", "首行的双方"),
        (made(order=0), {}, "BNK-04", "首行的双方"),
        (made(part=0), {}, "BNK-04", "首行的双方"),
        (CONTENT, {"receiver": "SB429000"}, "BNK-05", "应由 BK403 发给 SB429000"),
        (CONTENT, {"sender": "BK103"}, "BNK-05", "文件由 BK403 发给 SB420100，应由 BK103 发给 SB420100"),
        (made(key=OTHER), {}, "BNK-06", "签名不是对方登记的密钥所签"),
        (respelled(CONTENT), {}, "BNK-06", "签名不是对方登记的密钥所签"),
        (CONTENT.replace(b"000000089952", b"000000089953", 1), {}, "BNK-07", "与末行的 SHA-256 摘要不符"),
        (resealed(CONTENT, 0, 66, b"0000004"), {}, "BNK-08", "首行写明 4 笔、末行 3 笔，文件里有 3 笔"),
        (resealed(CONTENT, 0, 73, b"000000000000001"), {}, "BNK-09", "首行总金额 0.01 元、末行 2,023.92 元，明细合计 2,023.92 元"),
        (resealed(CONTENT, 1, 60, b"\0"), {}, "BNK-10", "第 2 行的“户名”不合格式"),
        (resealed(CONTENT, 1, 126, b"\0"), {}, "BNK-10", "第 2 行的“银行流水号”不合格式"),
        (resealed(CONTENT, 4, 1, b"0000004"), {}, "BNK-08", "首行写明 3 笔、末行 4 笔"),
        (resealed(CONTENT, 4, 8, b"000000000000001"), {}, "BNK-09", "末行 0.01 元"),
        (resealed(CONTENT, 2, 127, b" "), {}, "BNK-01", "第 3 行不在约定的位置换行"),
        (resealed(CONTENT, 2, 77, b"00000017990A"), {}, "BNK-10", "第 3 行的“应扣金额”不合格式"),
        (made(answers() | {"sequence": np.array([2, 2, 3])}), {}, "BNK-11", "第 3 行的序号 2 与前面重复"),
        (CONTENT, {"today": date(2026, 11, 19)}, "BNK-12", "文件日期 2026-11-20 在今天（2026-11-19）之后"),
        (made(answers() | {"day": np.array([20261120, 20261120, 20261121])}), {}, "BNK-12", "有明细的扣款日期"),
        (made(answers() | {"taken": np.array([89_951, 0, 112_440])}), {}, "BNK-14", "应扣 899.52 元、实扣 899.51 元；只能全额扣款"),
        (made(answers() | {"taken": np.array([89_952, 1, 112_440])}), {}, "BNK-14", "结果 11，应扣 1,799.04 元、实扣 0.01 元"),
        (made(answers() | {"result": np.array([b"00", b"77", b"00"])}), {}, "BNK-14", "结果 77"),
    ],
)
def test_each_fault_has_its_code_and_its_sentence(content: bytes, changed: dict[str, Any], code: str, told: str) -> None:
    found = refused(content, **changed)
    assert found[0] == code and told in found[1]


def test_nine_hundred_thousand_records_are_the_limit() -> None:
    columns = {name: np.repeat(column[:1], bank.RECORDS_MAX + 1) for name, column in answers().items()}
    with pytest.raises(ValueError, match="at most 900000"):
        made(columns)
    too_long = CONTENT[:128] + CONTENT[128:256] * (bank.RECORDS_MAX + 1) + CONTENT[-256:]
    assert refused(too_long)[0] == "BNK-13"


def test_a_question_mark_stands_for_a_character_the_bank_lacks() -> None:
    ours = bank.name_bytes("示例䶮")
    assert bank.same_name(ours, "示例?".encode()) is False  # UTF-8 is not the encoding of the file
    assert bank.same_name(ours, "示例?".encode("gb18030")) and bank.same_name(ours, "示例??".encode("gb18030"))
    assert not bank.same_name(ours, "示?".encode("gb18030") + "某某".encode("gb18030"))
    long = "阿卜杜拉阿卜杜拉阿卜杜拉阿卜杜拉阿"
    assert len(bank.name_bytes(long)) == 32 and bank.name_bytes(long).decode("gb18030") == long[:16]
