"""到账文件: read whole or not at all. Every refusal is tried with its words, every class of bad bank file as far as a reader sees it."""

import hashlib
from collections.abc import Callable
from datetime import date

import pytest

from shebao.gateways import receipt_file
from shebao.gateways.receipt_file import ReceiptFileRefused, read, write

TODAY = date(2026, 11, 21)
DAY = date(2026, 11, 20)
ROWS = [
    ("YH2026112000001", "HD202611-0000001", "武汉甲示例有限公司", 316_080_63, DAY),
    ("YH2026112000002", "HD202611-0000002", "武汉乙示例有限公司", 12_345, date(2026, 11, 19)),
]
HEAD = "#到账文件,1,YH20261120,2026-11-20,2,316204.08\r\n"
COLUMNS = "流水号,核定单号,缴费单位,缴费金额,缴费日期\r\n"
FIRST = "YH2026112000001,HD202611-0000001,武汉甲示例有限公司,316080.63,2026-11-20\r\n"
SECOND = "YH2026112000002,HD202611-0000002,武汉乙示例有限公司,123.45,2026-11-19\r\n"
GOOD = HEAD + COLUMNS + FIRST + SECOND


def refusal(content: bytes | str) -> tuple[str, str]:
    """(code, sentence) of what a reader says to a file."""
    with pytest.raises(ReceiptFileRefused) as refused:
        read(content.encode() if isinstance(content, str) else content, today=TODAY)
    assert refused.value.status == 422
    return refused.value.code, refused.value.text


def with_line(line: str) -> str:
    """The good file with another first payment."""
    return HEAD + COLUMNS + line + SECOND


def test_what_a_partner_writes_is_read_to_the_fen() -> None:
    content = write("YH20261120", DAY, ROWS)
    found = read(content, today=TODAY)
    assert (found.batch, found.day, found.total_fen) == ("YH20261120", DAY, 316_204_08)
    assert found.sha256 == hashlib.sha256(content).digest()
    assert [(p.line, p.serial, p.bill_number, p.payer, p.amount_fen, p.paid_on) for p in found.payments] == [
        (3, *ROWS[0]),
        (4, *ROWS[1]),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_utf_8_with_or_without_mark_and_gb18030_say_the_same(encoding: str) -> None:
    found = read(GOOD.replace("武汉甲", "武汉䶮").encode(encoding), today=TODAY)
    assert found.payments[0].payer == "武汉䶮示例有限公司"
    assert found.total_fen == 316_204_08


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_both_kinds_of_line_end_and_blank_lines_at_the_end_are_read(ends: str) -> None:
    assert len(read((GOOD + "\r\n").replace("\r\n", ends).encode(), today=TODAY).payments) == 2


def test_a_file_of_no_payments_is_a_file() -> None:
    assert read(write("YH1", DAY, []), today=TODAY).payments == ()


def test_a_payer_whose_rare_characters_came_as_question_marks_is_kept_as_it_came() -> None:
    """Class 39: the bill is found by its number, never by the name."""
    assert read(GOOD.replace("武汉甲示例", "武汉??示例").encode(), today=TODAY).payments[0].payer == "武汉??示例有限公司"


def test_a_name_with_a_comma_in_quotes_stays_one_column() -> None:
    assert read(GOOD.replace("武汉甲示例有限公司", '"甲,乙示例"').encode(), today=TODAY).payments[0].payer == "甲,乙示例"


REFUSALS: list[tuple[str, str | bytes, str, str]] = [
    ("empty", "", "RCF-01", "文件是空的，请重新下载后再上传"),
    ("blank", " \r\n\r\n", "RCF-01", "文件是空的，请重新下载后再上传"),
    ("binary", b"PK\x03\x04\x00\x00", "RCF-03", "这不是到账文件（含有二进制内容），请上传银行或税务给出的 CSV 文件"),
    ("encoding", HEAD.encode() + b"\xff\xff\xff\r\n", "RCF-04", "文件编码既不是 UTF-8 也不是 GB18030，请重新导出"),
    ("no mark", COLUMNS + FIRST, "RCF-05", "首行应为：#到账文件,1,批次号,日期,笔数,总金额"),
    ("version", GOOD.replace("#到账文件,1,", "#到账文件,2,"), "RCF-05", "首行应为：#到账文件,1,批次号,日期,笔数,总金额"),
    ("batch", GOOD.replace("YH20261120,", "批 1,", 1), "RCF-05", "首行的批次号只能用字母、数字和短横线，最多 40 位"),
    ("count", GOOD.replace(",2,316", ",two,316", 1), "RCF-05", "首行的笔数不是数字"),
    ("future", GOOD.replace("2026-11-20,2", "2026-11-22,2", 1), "RCF-06", "文件日期 2026-11-22 在今天之后，请核对后重新出盘"),
    (
        "columns",
        GOOD.replace("缴费单位,缴费金额", "缴费金额,缴费单位"),
        "RCF-07",
        "第 2 行的列名应为：流水号,核定单号,缴费单位,缴费金额,缴费日期",
    ),
    ("only a head", HEAD, "RCF-07", "第 2 行的列名应为：流水号,核定单号,缴费单位,缴费金额,缴费日期"),
    ("truncated", HEAD + COLUMNS + FIRST, "RCF-08", "首行写明 2 笔，文件里有 1 笔，文件可能不完整；没有入账，请重新下载"),
    ("too many", GOOD + SECOND, "RCF-08", "首行写明 2 笔，文件里有 3 笔，文件可能不完整；没有入账，请重新下载"),
    (
        "total",
        GOOD.replace("316204.08", "316204.09"),
        "RCF-09",
        "首行总金额 316,204.09 元，明细合计 316,204.08 元，两者不符；没有入账，请与对方核对",
    ),
    ("cut in a line", HEAD + COLUMNS + FIRST + "YH2026112000002,HD20", "RCF-10", "第 4 行有 2 列，应为 5 列；没有入账，请重新出盘"),
    ("serial", with_line(FIRST.replace("YH2026112000001", "")), "RCF-11", "第 3 行的流水号为空或含有不允许的字符；没有入账，请重新出盘"),
    (
        "serial '?'",
        with_line(FIRST.replace("YH2026112000001", "YH?1")),
        "RCF-11",
        "第 3 行的流水号为空或含有不允许的字符；没有入账，请重新出盘",
    ),
    (
        "bill",
        with_line(FIRST.replace("HD202611-0000001", "核定单1")),
        "RCF-12",
        "第 3 行的核定单号为空、超过 20 位或含有不允许的字符；没有入账，请重新出盘",
    ),
    (
        "bill longer than any",
        with_line(FIRST.replace("HD202611-0000001", "H" * 21)),
        "RCF-12",
        "第 3 行的核定单号为空、超过 20 位或含有不允许的字符；没有入账，请重新出盘",
    ),
    ("zero", with_line(FIRST.replace("316080.63", "0.00")), "RCF-13", "第 3 行的缴费金额不大于零；退款请走退费流程，不能放在到账文件里"),
    (
        "negative",
        with_line(FIRST.replace("316080.63", "-1.00")),
        "RCF-13",
        "第 3 行的缴费金额不大于零；退款请走退费流程，不能放在到账文件里",
    ),
    (
        "paid after the file",
        with_line(FIRST.replace("2026-11-20", "2026-11-21")),
        "RCF-14",
        "第 3 行的缴费日期 2026-11-21 晚于文件日期 2026-11-20；没有入账，请与对方核对",
    ),
    (
        "the same serial twice",
        HEAD + COLUMNS + FIRST + FIRST,
        "RCF-15",
        "第 3 行和第 4 行的流水号相同（YH2026112000001）；没有入账，请与对方核对",
    ),
    (
        "three decimals",
        with_line(FIRST.replace("316080.63", "316080.630")),
        "RCF-16",
        "第 3 行的金额“316080.630”不是金额，应如 1234.56；没有入账，请重新出盘",
    ),
    (
        "thousands",
        with_line(FIRST.replace("316080.63", '"316,080.63"')),
        "RCF-16",
        "第 3 行的金额“316,080.63”不是金额，应如 1234.56；没有入账，请重新出盘",
    ),
    (
        "exponent",
        with_line(FIRST.replace("316080.63", "3.2E5")),
        "RCF-16",
        "第 3 行的金额“3.2E5”不是金额，应如 1234.56；没有入账，请重新出盘",
    ),
    (
        "no such day",
        with_line(FIRST.replace("2026-11-20", "2026-11-31")),
        "RCF-17",
        "第 3 行的日期“2026-11-31”应如 2026-11-21；没有入账，请重新出盘",
    ),
    (
        "day otherwise",
        with_line(FIRST.replace("2026-11-20", "20261120")),
        "RCF-17",
        "第 3 行的日期“20261120”应如 2026-11-21；没有入账，请重新出盘",
    ),
    (
        "day of the head",
        GOOD.replace("2026-11-20,2", "20/11/2026,2", 1),
        "RCF-17",
        "第 1 行的日期“20/11/2026”应如 2026-11-21；没有入账，请重新出盘",
    ),
    (
        "open quotation mark",
        HEAD + COLUMNS + FIRST + '"YH2026112000002,HD202611',
        "RCF-18",
        "第 4 行的引号没有配对，或一列太长，文件可能不完整；没有入账，请重新下载",
    ),
]


@pytest.mark.parametrize(("content", "code", "text"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_a_file_that_does_not_hold_what_it_says_is_refused_as_a_whole(content: str | bytes, code: str, text: str) -> None:
    assert refusal(content) == (code, text)


def test_a_file_above_the_limit_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_file, "BYTES_MAX", 2 * 1024 * 1024)
    assert refusal(b"1" * (2 * 1024 * 1024 + 1)) == ("RCF-02", "文件超过 2 兆，请拆成几批")


def test_every_code_of_the_reader_is_tried_here() -> None:
    from pathlib import Path
    from re import findall

    written = set(findall(r'"(RCF-\d\d)"', Path(receipt_file.__file__).read_text(encoding="utf-8")))
    assert written == {code for _, _, code, _ in REFUSALS} | {"RCF-02"}


CUTS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("the last line is gone", lambda content: content[: content.rindex(b"YH")]),
    ("half of the file is gone", lambda content: content[: len(content) // 2]),
    ("a digit of an amount is another one", lambda content: content.replace(b"123.45", b"123.46")),
    ("a payment is there twice", lambda content: content + content[content.rindex(b"YH") :]),
]


@pytest.mark.parametrize(("harm",), [(harm,) for _, harm in CUTS], ids=[name for name, _ in CUTS])
def test_no_harm_on_the_way_goes_unnoticed(harm: Callable[[bytes], bytes]) -> None:
    """Classes 31 and 32: count and total of the first line have to hold."""
    content = write("YH20261120", DAY, ROWS)
    with pytest.raises(ReceiptFileRefused):
        read(harm(content), today=TODAY)
