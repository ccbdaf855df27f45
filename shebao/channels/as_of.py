"""`?as_of=2026-10-31`: a page or an answer as the register held it at the end of that day, for that day. One way for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from shebao.base.clock import ZONE, today
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of
from shebao.casework.models import Case
from shebao.parties.as_of import Version, known_since

Row = TypeVar("Row", bound=Model)


class BadAsOfError(ShebaoError):
    """The day asked for is none, has not come yet, or lies before the register's first entry."""

    code = "INF-01"
    status = 422
    heading = "不能按这一天查询"


@dataclass(frozen=True, slots=True)
class AsOf:
    """The day a page is about. known_at is None for today: what is held true now."""

    day: date
    known_at: datetime | None = None

    @property
    def past(self) -> bool:
        """Whether the page tells of another day than today."""
        return self.known_at is not None

    @property
    def month(self) -> Month:
        return month_of(self.day)

    @property
    def query(self) -> str:
        """What links on the page carry on."""
        return f"as_of={self.day.isoformat()}" if self.past else ""

    @property
    def sentence(self) -> str:
        """What banners, files and papers say."""
        return f"以下为登记库截至 {self.day.isoformat()} 的记载" if self.past else ""

    @property
    def field(self) -> dict[str, Any]:
        """The filter of a list (see ui.filters)."""
        value = self.day.isoformat() if self.past else ""
        return {"name": "as_of", "label": "记载截至", "kind": "date", "required": False, "value": value}


def as_of(request: HttpRequest) -> AsOf:
    """The day that the address asks for; today when it asks for none. Raises: BadAsOfError with a sentence."""
    return parsed(request.GET.get("as_of", ""), today())


def parsed(text: str, on: date) -> AsOf:
    """Read the day. on: today. Raises: BadAsOfError."""
    if not (text := text.strip()):
        return AsOf(on)
    try:
        if len(text) != 10:
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise BadAsOfError("截至日期请按 2026-10-31 的样子填写，并核对有没有这一天") from None
    if day > on:
        raise BadAsOfError(f"截至日期不能晚于今天（{on.isoformat()}），请改填今天或以前的日期")
    if day == on:
        return AsOf(day)
    first = known_since()
    if first is None or day < first:
        since = f"登记库从 {first.isoformat()} 起才有记载，请填这一天或以后的日期" if first else "登记库里还没有记载"
        raise BadAsOfError(f"截至日期早于登记库的第一条记载；{since}")
    return AsOf(day, datetime.combine(day, time.max, ZONE))


def versions(history: Sequence[Version]) -> list[dict[str, Any]]:
    """A history with the 业务顺序号 of the cases that the actor may see, for the macro `history` of as_of.html."""
    numbers = dict(Case.objects.filter(pk__in={v.case_id for v in history if v.case_id}).values_list("pk", "number"))
    return [{"version": version, "case": numbers.get(version.case_id or 0, "")} for version in history]


def held(rows: QuerySet[Row], asked: AsOf) -> QuerySet[Row]:
    """Of rows with known_from and known_to, those that the register held on the day asked for."""
    if asked.known_at is None:
        return rows.filter(known_to__isnull=True)
    return rows.filter(Q(known_to__isnull=True) | Q(known_to__gt=asked.known_at), known_from__lte=asked.known_at)
