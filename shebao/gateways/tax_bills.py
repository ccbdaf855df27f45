"""Bills on their way to the tax office and back: pushed, recalled, asked for. Described in docs/partners/tax.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shebao.base.terms import Insurance
from shebao.gateways.strict_json import MessageRefused, Reader
from shebao.gateways.tax_common import BILL_MAX, INSURANCES, KINDS, LINES_MAX, MANY, ORIGIN_MAX, STATES, check_count, check_once, check_sums


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
    check_sums(reader, [each.total_fen for each in bills])
    check_once([each.number for each in bills], "核定单号")
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
    check_once([each.number for each in outcomes], "核定单号")
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
    check_count(reader, len(recalls))
    check_once([each.number for each in recalls], "核定单号")
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
