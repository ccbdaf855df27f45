"""What must be refused, told once for every channel. One module a family of items; each scenario makes its own unit and says what is
typed; tests/db/test_refused_everywhere.py sends it by page, by workbook (where the item has a batch) and by API.

    SCENARIOS = [Scenario("add-employee", "ENR-03", "已在本单位参保", lambda w: w.addition(w.hire()))]
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shebao.access.models import Grant
from shebao.base.actor import Actor
from shebao.base.clock import ZONE
from shebao.base.months import Month, first_day
from shebao.parties.operations import NewPerson
from tests import make

Typed = Mapping[str, str | list[str]]
NOON = datetime(2026, 11, 10, 9, tzinfo=ZONE)


@dataclass(slots=True)
class World:
    """A fresh unit of a scenario, with its operator."""

    at: datetime
    vip: bool = True
    unit: make.MadeUnit = field(init=False)
    clerk: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.move(make.SINCE)

    def move(self, since: Month) -> None:
        """Let the unit be one that was registered in another month, its operator at work since then."""
        self.unit = make.unit(vip=self.vip, since=since)
        self.clerk = make.operator(self.unit)
        Grant.objects.using("owner").filter(account_id=self.clerk.account_id).update(from_date=first_day(since))

    def hire(self, at: make.MadeUnit | None = None, **more: Any) -> make.Employee:
        """Somebody insured through the unit, or through another one."""
        return make.employee(at or self.unit, **more)

    def addition(self, somebody: make.Employee | NewPerson | None = None, **changed: Any) -> Typed:
        """增员 as typed."""
        known = NewPerson(somebody.id_number, somebody.name) if isinstance(somebody, make.Employee) else somebody
        return make.addition(self.unit, known, **changed)


@dataclass(frozen=True, slots=True)
class Scenario:
    """item: its slug. code: of the refusal that must come, in every channel. why: the edge it stands at, in Chinese or English.

    typed: makes the world and says what is typed. text: part of the sentence. at: the instant at which it is filed.
    """

    item: str
    code: str
    why: str
    typed: Callable[[World], Typed]
    text: str = ""
    at: datetime = NOON
    vip: bool = True

    def __str__(self) -> str:
        return f"{self.code} {self.why}"


def every() -> list[Scenario]:
    """The scenarios of all modules here."""
    found: list[Scenario] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        found += importlib.import_module(f"{__name__}.{module}").SCENARIOS
    return found
