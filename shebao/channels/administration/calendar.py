"""工作日历: the next year's arrangement, entered from the published notice and confirmed by a second administrator."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.channels.frame import frame
from shebao.channels.guards import administrators
from shebao.parties import calendar
from shebao.policy.calendar import PACKAGED_YEAR_MAX

DAY = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
SPAN = re.compile(rf"{DAY}(?:\s*(?:至|到|~|—|-)\s*{DAY})?\Z", re.ASCII)
TEXT_MAX, SPAN_DAYS_MAX = 4_000, 20
WEEKDAYS = "一二三四五六日"


class DaysUnreadable(ShebaoError):
    """A line that names no day."""

    code = "CAL-04"
    status = 422


def read_days(text: str) -> list[date]:
    """Days typed one a line, or as 2027-02-05 至 2027-02-11. Raises: DaysUnreadable."""
    found: list[date] = []
    for line in filter(None, (part.strip() for part in re.split(r"[\n,，、;；]", text[:TEXT_MAX]))):
        match = SPAN.match(line)
        try:
            if match is None:
                raise ValueError
            first = date.fromisoformat(match[1])
            last = date.fromisoformat(match[2]) if match[2] else first
        except ValueError:
            raise DaysUnreadable(f"“{line[:30]}”不是日期，请按 2027-02-05 或 2027-02-05 至 2027-02-11 填写，每行一个") from None
        if not 0 <= (last - first).days < SPAN_DAYS_MAX:
            raise DaysUnreadable(f"“{line[:30]}”的起止日期不对，请核对")
        found += [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return found


def _spans(days: Sequence[str]) -> list[str]:
    """Days as people read them, neighbours drawn together over weekends."""
    return [f"{d}（周{WEEKDAYS[date.fromisoformat(d).weekday()]}）" for d in days]


@administrators
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The years, and the form for the next one."""
    return _page(request)


def _page(request: HttpRequest, *, typed: dict[str, str] | None = None, error: str = "", status: int = 200) -> HttpResponse:
    rows = [
        {
            "row": row,
            "off": _spans(row.off),
            "worked": _spans(row.worked),
            "days": calendar.working_days(row.year, map(date.fromisoformat, row.off), map(date.fromisoformat, row.worked)),
            "mine": row.entered_by == request.actor.account_id,  # type: ignore[attr-defined]
        }
        for row in calendar.years()
    ]
    context = {
        "rows": rows,
        "packaged": PACKAGED_YEAR_MAX,
        "next": calendar.next_year(),
        "typed": typed or {},
        "errors": [("off", error)] if error else [],
        "has_errors": bool(error),
    }
    return render(request, "administration/calendar.html", frame(request, "工作日历") | context, status=status)


@administrators
@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    """录入 the next year."""
    typed = {name: request.POST.get(name, "")[:TEXT_MAX] for name in ("year", "off", "worked", "source")}
    try:
        year = int(typed["year"]) if re.fullmatch(r"[0-9]{4}", typed["year"], re.ASCII) else 0
        source = "".join(c for c in typed["source"] if c.isprintable()).strip()
        calendar.enter(year, read_days(typed["off"]), read_days(typed["worked"]), source, at=now())
    except ShebaoError as error:
        return _page(request, typed=typed, error=error.text, status=error.status)
    return HttpResponseRedirect("/a/calendar")


@administrators
@require_POST
def confirm(request: HttpRequest, year: int) -> HttpResponse:
    """确认 what another one entered."""
    try:
        calendar.confirm(year, at=now())
    except ShebaoError as error:
        return _page(request, error=error.text, status=error.status)
    return HttpResponseRedirect("/a/calendar")
