"""What a check is and what it found. Amounts are fen."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that must never be otherwise. sql gives the offenders: (place, which one, as it should be, as it is).

    counted: sql of how many were looked at. needs: tables without which it cannot be asked. of_day: it can be asked of a past day
    (parameter on); the others speak of this moment only. each: sql of values that sql is asked for one by one (parameter each).
    """

    name: str
    sentence: str
    sql: str
    counted: str
    needs: tuple[str, ...] = ()
    of_day: bool = False
    each: str = ""
    money: bool = True  # whether the two last columns are amounts


@dataclass(frozen=True, slots=True)
class Part:
    """One source of a sub-ledger: sql gives (place, fund, fen)."""

    label: str
    sql: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A control account that must equal what stands behind it. credit: it is kept in credit, and shown so."""

    name: str
    sentence: str
    kind: str
    parts: tuple[Part, ...]
    credit: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a finding: which place, which fund or row, as it should be and as it is."""

    place: str
    what: str
    should: int
    found: int

    @property
    def difference(self) -> int:
        return self.found - self.should


@dataclass(slots=True)
class Finding:
    """What a check found. state: 一致 ok, 不一致 wrong, 未核对 skipped (with the reason)."""

    name: str
    sentence: str
    state: str = "ok"
    examined: int = 0
    figures: list[Figure] = field(default_factory=list)  # of a control account: every fund; of a rule: the offenders
    more: int = 0  # offenders that are not among the figures
    reason: str = ""
    skipped: list[str] = field(default_factory=list)  # parts that could not be asked
    money: bool = True
