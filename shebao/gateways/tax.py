"""What we and the tax office say to each other, version 1: bodies of messages and answers, both ways. Described in docs/partners/tax.md.

Each class has `told()` for writing and a function that reads it strictly. Amounts are whole fen. No Django, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shebao.base.terms import Insurance
from shebao.gateways.strict_json import FEN_MAX, MessageRefused, Reader

MANY = 1_000  # of anything in one message
LINES_MAX = 60
BILL_MAX = 20  # letters of a bill's number
KINDS = ("monthly", "arrears", "late_fee", "person")
ORIGIN_MAX = 20
CHANNELS = ("app", "bank", "counter")
CHANNEL_LABELS = {"app": "手机应用", "bank": "银行网点", "counter": "办税服务厅"}
STATES = ("unknown", "waiting", "part_paid", "paid", "recalled")
INSURANCES = {insurance.key: insurance for insurance in Insurance}
# Where to: ours to the tax office, and the tax office's to us.
BILLS, RECALLS, ASKED_STATES, ASKED_DAY = "/v1/bills", "/v1/recalls", "/v1/states", "/v1/day"
PAYMENTS, REVERSALS = "/partners/tax/v1/payments", "/partners/tax/v1/reversals"


@dataclass(frozen=True, slots=True)
class Payer:
    """kind: unit, with its 统一社会信用代码 (or our number, where it has none), or person, with a masked ID number."""

    kind: str
    name: str
    code: str

    def told(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "code": self.code}


@dataclass(frozen=True, slots=True)
class Amount:
    """One type and origin of a bill as assessed, fen. less_fen: how much of it was moved to another bill or written off since."""

    insurance: Insurance
    origin: str
    unit_fen: int
    person_fen: int
    less_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.unit_fen + self.person_fen - self.less_fen

    def told(self) -> dict[str, Any]:
        told = {"insurance": self.insurance.key, "origin": self.origin, "unit_fen": self.unit_fen, "person_fen": self.person_fen}
        return told | {"less_fen": self.less_fen}


@dataclass(frozen=True, slots=True)
class TaxBill:
    """A bill as pushed. A higher version takes the place of a lower one; a lower one that comes late changes nothing.

    payable: total_fen − elsewhere_fen − what the tax office itself has taken for it. elsewhere_fen: came in by other ways than through it.
    """

    number: str
    version: int
    kind: str
    payer: Payer
    agency: str
    first_month: int
    last_month: int
    issued_on: date
    due_date: date
    amounts: tuple[Amount, ...]
    total_fen: int
    elsewhere_fen: int

    def told(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "version": self.version,
            "kind": self.kind,
            "payer": self.payer.told(),
            "agency": self.agency,
            "first_month": self.first_month,
            "last_month": self.last_month,
            "issued_on": self.issued_on.isoformat(),
            "due_date": self.due_date.isoformat(),
            "amounts": [each.told() for each in self.amounts],
            "total_fen": self.total_fen,
            "elsewhere_fen": self.elsewhere_fen,
        }


def bills_body(bills: Sequence[TaxBill]) -> dict[str, Any]:
    return {"bills": [each.told() for each in bills], "count": len(bills), "total_fen": sum(each.total_fen for each in bills)}


def read_bills(body: Mapping[str, Any]) -> tuple[TaxBill, ...]:
    """Raises: MessageRefused."""
    reader = Reader(body)
    bills = reader.many("bills", _bill, MANY)
    _whole(reader, [each.total_fen for each in bills])
    _once([each.number for each in bills], "核定单号")
    return bills


def _bill(reader: Reader) -> TaxBill:
    made = TaxBill(
        number=reader.token("number", BILL_MAX),
        version=reader.whole("version", 1, 10**6),
        kind=reader.one_of("kind", KINDS),
        payer=_payer(reader.inner("payer")),
        agency=reader.token("agency", 12),
        first_month=reader.month("first_month"),
        last_month=reader.month("last_month"),
        issued_on=reader.day("issued_on"),
        due_date=reader.day("due_date"),
        amounts=reader.many("amounts", _amount, LINES_MAX),
        total_fen=reader.whole("total_fen"),
        elsewhere_fen=reader.whole("elsewhere_fen"),
    )
    if made.total_fen != sum(each.total_fen for each in made.amounts):
        raise MessageRefused("TAX-10", f"核定单 {made.number} 的合计与各险种金额之和不符，没有处理")
    if made.last_month < made.first_month or made.elsewhere_fen > made.total_fen:
        raise MessageRefused("TAX-10", f"核定单 {made.number} 的所属期或已缴金额前后不一致，没有处理")
    return made


def _payer(reader: Reader) -> Payer:
    made = Payer(reader.one_of("kind", ("unit", "person")), reader.text("name", 100), reader.text("code", 30))
    reader.done()
    return made


def _amount(reader: Reader) -> Amount:
    insurance = INSURANCES[reader.one_of("insurance", tuple(INSURANCES))]
    origin = reader.text("origin", ORIGIN_MAX)
    made = Amount(insurance, origin, reader.whole("unit_fen"), reader.whole("person_fen"), reader.whole("less_fen"))
    if made.total_fen < 0:
        raise MessageRefused("TAX-10", "核定单有一项减掉的比核定的多，没有处理")
    return made


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one bill of a message. code and reason: why not, when it was refused.

    of bills: accepted, refused. of recalls: recalled, paid (something was paid already, so it stands), unknown, refused.
    """

    number: str
    version: int
    outcome: str
    code: str = ""
    reason: str = ""

    def told(self) -> dict[str, Any]:
        return {"number": self.number, "version": self.version, "outcome": self.outcome, "code": self.code, "reason": self.reason}


PUSHED = ("accepted", "refused")
RECALLED = ("recalled", "paid", "unknown", "refused")


def outcomes_body(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {"outcomes": [each.told() for each in outcomes]}


def read_outcomes(body: Mapping[str, Any], words: tuple[str, ...]) -> tuple[Outcome, ...]:
    """Raises: MessageRefused."""

    def one(inner: Reader) -> Outcome:
        return Outcome(
            inner.token("number", BILL_MAX), inner.whole("version", 0, 10**6), inner.one_of("outcome", words),
            inner.token("code", 20, empty=True), inner.text("reason", 200, empty=True),
        )  # fmt: skip

    reader = Reader(body)
    outcomes = reader.many("outcomes", one, MANY)
    reader.done()
    _once([each.number for each in outcomes], "核定单号")
    return outcomes


@dataclass(frozen=True, slots=True)
class Recall:
    """Take a bill back that nothing was paid for. version: higher than any that was pushed."""

    number: str
    version: int
    reason: str

    def told(self) -> dict[str, Any]:
        return {"number": self.number, "version": self.version, "reason": self.reason}


def recalls_body(recalls: Sequence[Recall]) -> dict[str, Any]:
    return {"recalls": [each.told() for each in recalls], "count": len(recalls)}


def read_recalls(body: Mapping[str, Any]) -> tuple[Recall, ...]:
    """Raises: MessageRefused."""

    def one(inner: Reader) -> Recall:
        return Recall(inner.token("number", BILL_MAX), inner.whole("version", 1, 10**6), inner.text("reason", 100))

    reader = Reader(body)
    recalls = reader.many("recalls", one, MANY)
    _count(reader, len(recalls))
    _once([each.number for each in recalls], "核定单号")
    return recalls


def states_body(numbers: Sequence[str]) -> dict[str, Any]:
    return {"numbers": list(numbers)}


def read_states_asked(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Raises: MessageRefused."""
    reader = Reader(body)
    numbers = reader.tokens("numbers", MANY)
    reader.done()
    return numbers


@dataclass(frozen=True, slots=True)
class State:
    """A bill as the tax office has it. version 0 and nothing paid when it knows none of that number."""

    number: str
    version: int
    state: str
    paid_fen: int

    def told(self) -> dict[str, Any]:
        return {"number": self.number, "version": self.version, "state": self.state, "paid_fen": self.paid_fen}


def states_told_body(states: Sequence[State]) -> dict[str, Any]:
    return {"states": [each.told() for each in states]}


def read_states(body: Mapping[str, Any]) -> tuple[State, ...]:
    """Raises: MessageRefused."""

    def one(inner: Reader) -> State:
        number, version = inner.token("number", BILL_MAX), inner.whole("version", 0, 10**6)
        return State(number, version, inner.one_of("state", STATES), inner.whole("paid_fen"))

    reader = Reader(body)
    states = reader.many("states", one, MANY)
    reader.done()
    return states


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
    _whole(reader, [p.amount_fen for p in payments])
    _once([p.serial for p in payments], "税票号")
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
    _whole(reader, [r.amount_fen for r in reversals])
    _once([r.serial for r in reversals], "冲正流水号")
    _once([r.of for r in reversals], "原税票号")
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
    _once([line.paid.serial for line in made.lines], "税票号")
    return made


def _whole(reader: Reader, amounts: Sequence[int]) -> None:
    count, total = reader.whole("count", 0, MANY), reader.whole("total_fen", 0, FEN_MAX * MANY)
    reader.done()
    if count != len(amounts):
        raise MessageRefused("TAX-10", f"报文写明 {count} 笔，实有 {len(amounts)} 笔，可能不完整；没有处理，请用新的报文编号重新发送")
    if total != sum(amounts):
        raise MessageRefused("TAX-10", f"报文写明合计 {total} 分，明细合计 {sum(amounts)} 分；没有处理，请核对后重新发送")


def _count(reader: Reader, found: int) -> None:
    count = reader.whole("count", 0, MANY)
    reader.done()
    if count != found:
        raise MessageRefused("TAX-10", f"报文写明 {count} 笔，实有 {found} 笔，可能不完整；没有处理，请用新的报文编号重新发送")


def _once(names: Sequence[str], label: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise MessageRefused("TAX-11", f"{label} {name} 在同一报文里出现两次；没有处理，请核对后重新发送")
        seen.add(name)
