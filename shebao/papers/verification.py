"""凭证验真: what anyone who holds a paper's code may learn about it. Pure: the day is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from shebao.base.clock import ZONE


class PaperState(str, Enum):
    """How a paper stands; the value is what people read."""

    VALID = "有效"
    EXPIRED = "已过期"
    REVOKED = "已作废"
    UNKNOWN = "查无此证"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a paper as strangers may see it: names and numbers are masked by whoever issues the paper."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer of 凭证验真. For UNKNOWN everything but the state is empty.

    sha256: of the sealed PDF, hexadecimal, so that a file in hand can be compared.
    """

    state: PaperState
    code: str = ""
    kind: str = ""
    title: str = ""
    facts: tuple[Fact, ...] = ()
    agency: str = ""
    issued_at: datetime | None = None
    valid_until: date | None = None
    revoked_at: datetime | None = None
    revoked_reason: str = ""
    sha256: str = ""

    def is_file(self, sha256: bytes) -> bool:
        """Whether a file in hand, by its SHA-256, is the very paper that was issued."""
        return self.state is not PaperState.UNKNOWN and self.sha256 == sha256.hex()


UNKNOWN = Verification(PaperState.UNKNOWN)


def state_on(day: date, valid_until: date | None, revoked_at: datetime | None) -> PaperState:
    """How a paper stands on a day. A revocation counts from the day it was made, and outweighs expiry."""
    if revoked_at is not None and revoked_at.astimezone(ZONE).date() <= day:
        return PaperState.REVOKED
    if valid_until is not None and day > valid_until:
        return PaperState.EXPIRED
    return PaperState.VALID


def stored(facts: Sequence[Fact]) -> list[dict[str, str]]:
    """Facts as they are stored with the paper."""
    return [{"label": fact.label, "value": fact.value} for fact in facts]


def read(facts: Sequence[Mapping[str, str]]) -> tuple[Fact, ...]:
    """Facts as they were stored."""
    return tuple(Fact(fact["label"], fact["value"]) for fact in facts)
