"""Payments, their reversals, and the list of a day, as the tax office tells them. Described in docs/partners/tax.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shebao.gateways.strict_json import Reader
from shebao.gateways.tax_common import BILL_MAX, CHANNELS, MANY, check_once, check_sums


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment at the tax office. serial: the 税票号, its own for ever."""

    serial: str
    bill_number: str
    amount_fen: int
    paid_at: datetime
    channel: str

    def told(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "bill": self.bill_number,
            "amount_fen": self.amount_fen,
            "paid_at": self.paid_at.isoformat(timespec="seconds"),
            "channel": self.channel,
        }


def payments_body(payments: Sequence[Paid]) -> dict[str, Any]:
    return {"payments": [p.told() for p in payments], "count": len(payments), "total_fen": sum(p.amount_fen for p in payments)}


def read_payments(body: Mapping[str, Any]) -> tuple[Paid, ...]:
    """Raises: MessageRefused."""
    reader = Reader(body)
    payments = reader.many("payments", _paid, MANY)
    check_sums(reader, [p.amount_fen for p in payments])
    check_once([p.serial for p in payments], "税票号")
    return payments


def _paid(reader: Reader) -> Paid:
    return Paid(
        reader.token("serial", 40), reader.token("bill", BILL_MAX), reader.whole("amount_fen", 1), reader.instant("paid_at"),
        reader.one_of("channel", CHANNELS),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reversal:
    """冲正: the payment `of` was none; the whole of it is taken back. serial: the reversal's own."""

    serial: str
    of: str
    amount_fen: int
    reversed_at: datetime
    reason: str

    def told(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "of": self.of,
            "amount_fen": self.amount_fen,
            "reversed_at": self.reversed_at.isoformat(timespec="seconds"),
            "reason": self.reason,
        }


def reversals_body(reversals: Sequence[Reversal]) -> dict[str, Any]:
    return {"reversals": [r.told() for r in reversals], "count": len(reversals), "total_fen": sum(r.amount_fen for r in reversals)}


def read_reversals(body: Mapping[str, Any]) -> tuple[Reversal, ...]:
    """Raises: MessageRefused."""

    def one(inner: Reader) -> Reversal:
        return Reversal(
            inner.token("serial", 40), inner.token("of", 40), inner.whole("amount_fen", 1), inner.instant("reversed_at"),
            inner.text("reason", 100),
        )  # fmt: skip

    reader = Reader(body)
    reversals = reader.many("reversals", one, MANY)
    check_sums(reader, [r.amount_fen for r in reversals])
    check_once([r.serial for r in reversals], "冲正流水号")
    check_once([r.of for r in reversals], "原税票号")
    return reversals


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one payment or reversal that we were told of.

    of payments: booked, suspense (booked, and waiting to be assigned), known (told before), refused (the serial stands for another one).
    of reversals: reversed, waiting (its payment was not told yet), known, refused.
    """

    serial: str
    outcome: str
    code: str = ""
    reason: str = ""

    def told(self) -> dict[str, Any]:
        return {"serial": self.serial, "outcome": self.outcome, "code": self.code, "reason": self.reason}


HEARD = ("booked", "suspense", "known", "refused", "reversed", "waiting")


def heard_body(heard: Sequence[Heard]) -> dict[str, Any]:
    return {"outcomes": [each.told() for each in heard]}


def read_heard(body: Mapping[str, Any]) -> tuple[Heard, ...]:
    """Raises: MessageRefused."""

    def one(inner: Reader) -> Heard:
        serial, outcome = inner.token("serial", 40), inner.one_of("outcome", HEARD)
        return Heard(serial, outcome, inner.token("code", 20, empty=True), inner.text("reason", 200, empty=True))

    reader = Reader(body)
    heard = reader.many("outcomes", one, MANY)
    reader.done()
    return heard


@dataclass(frozen=True, slots=True)
class DayAsked:
    """The payments that the tax office took on a day, in the order of their serials, from after one serial on."""

    day: date
    after: str = ""

    def told(self) -> dict[str, Any]:
        return {"day": self.day.isoformat(), "after": self.after}


def read_day_asked(body: Mapping[str, Any]) -> DayAsked:
    """Raises: MessageRefused."""
    reader = Reader(body)
    made = DayAsked(reader.day("day"), reader.token("after", 40, empty=True))
    reader.done()
    return made


@dataclass(frozen=True, slots=True)
class DayLine:
    """One payment of a day's list; one that was reversed stays in it, marked."""

    paid: Paid
    reversed: bool

    def told(self) -> dict[str, Any]:
        return {**self.paid.told(), "reversed": self.reversed}


@dataclass(frozen=True, slots=True)
class DayList:
    """Up to 1,000 lines of a day. count and total_fen: of the whole day, without what was reversed. more: there are lines after these."""

    day: date
    count: int
    total_fen: int
    lines: tuple[DayLine, ...]
    more: bool

    def told(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "count": self.count,
            "total_fen": self.total_fen,
            "lines": [each.told() for each in self.lines],
            "more": self.more,
        }


def read_day(body: Mapping[str, Any]) -> DayList:
    """Raises: MessageRefused."""

    def one(inner: Reader) -> DayLine:
        return DayLine(_paid(inner), inner.yes("reversed"))

    reader = Reader(body)
    made = DayList(
        reader.day("day"), reader.whole("count", 0, 10**7), reader.whole("total_fen"), reader.many("lines", one, MANY), reader.yes("more")
    )
    reader.done()
    check_once([line.paid.serial for line in made.lines], "税票号")
    return made
