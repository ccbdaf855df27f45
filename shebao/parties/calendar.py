"""工作日历: years after the packaged ones, entered from the State Council's notice by one administrator and confirmed by another."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import IntegrityError, transaction

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.parties.models import CalendarYear
from shebao.policy.calendar import PACKAGED_YEAR_MAX, YearDays

WORKING_DAYS_MIN, WORKING_DAYS_MAX = 244, 253  # 2004 to 2026 had 247 to 252: a year outside is a slip of the pen
SOURCE_MIN = 4


class CalendarRefused(ShebaoError):
    """The days are not a year's arrangement, or it is not this year's turn."""

    code = "CAL-01"
    status = 422


class CalendarSettled(ShebaoError):
    """The year stands already, or somebody was faster."""

    code = "CAL-02"


class OwnEntry(ShebaoError):
    """Who enters never confirms."""

    code = "CAL-03"
    status = 403


def years() -> list[CalendarYear]:
    """All entered years, oldest first."""
    return list(CalendarYear.objects.order_by("year"))


def next_year() -> int:
    """The year that is to be entered next."""
    last = CalendarYear.objects.filter(confirmed_at__isnull=False).order_by("-year").values_list("year", flat=True).first()
    return (last or PACKAGED_YEAR_MAX) + 1


def confirmed() -> Iterable[YearDays]:
    """What counts: for shebao.policy.calendar."""
    return [
        YearDays(row.year, frozenset(map(date.fromisoformat, row.off)), frozenset(map(date.fromisoformat, row.worked)))
        for row in CalendarYear.objects.filter(confirmed_at__isnull=False).order_by("year")
    ]


def working_days(year: int, off: Iterable[date], worked: Iterable[date]) -> int:
    """How many working days a year would have."""
    days = (date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()))
    gone, more = set(off), set(worked)
    return sum(day in more or (day.weekday() < 5 and day not in gone) for day in days)


def enter(year: int, off: Iterable[date], worked: Iterable[date], source: str, *, at: datetime) -> CalendarYear:
    """Enter a year, or enter it anew while nobody has confirmed it. off may name weekend days of a holiday too; only weekdays count.

    Raises: CalendarRefused, CalendarSettled.
    """
    gone, more = sorted(set(off)), sorted(set(worked))
    _check(year, gone, more, source)
    kept = [day for day in gone if day.weekday() < 5]
    row = {
        "off": [day.isoformat() for day in kept],
        "worked": [day.isoformat() for day in more],
        "source": source[:100],
        "entered_by": current().account_id,
        "entered_name": current().name[:50],
        "entered_at": at,
    }
    if CalendarYear.objects.filter(year=year, confirmed_at=None).update(**row) == 0:
        try:
            with transaction.atomic():
                CalendarYear.objects.create(year=year, **row)
        except IntegrityError as error:
            raise CalendarSettled(f"{year} 年的工作日历已经确认，不能再改") from error
    record([Trace("parties.calendar_entered", str(year), after={"off": row["off"], "worked": row["worked"]})], at=at)
    return CalendarYear.objects.get(year=year)


def _check(year: int, off: list[date], worked: list[date], source: str) -> None:
    if year != next_year():
        raise CalendarRefused(f"现在应录入 {next_year()} 年的安排，请核对年份（各年须依次录入）")
    if len(source.strip()) < SOURCE_MIN:
        raise CalendarRefused("请写明文件依据，例如国务院办公厅通知的文号")
    if stray := [day for day in (*off, *worked) if day.year != year]:
        raise CalendarRefused(f"{stray[0]} 不在 {year} 年内，请核对")
    if both := sorted(set(off) & set(worked)):
        raise CalendarRefused(f"{both[0]} 既是放假日又是上班日，请核对")
    if weekdays := [day for day in worked if day.weekday() < 5]:
        raise CalendarRefused(f"调休上班日 {weekdays[0]} 本来就是工作日，请核对；调休上班日应为周六或周日")
    if date(year, 1, 1) not in off:
        raise CalendarRefused(f"放假日里没有 {year} 年元旦，名单可能不完整，请核对通知")
    count = working_days(year, off, worked)
    if not WORKING_DAYS_MIN <= count <= WORKING_DAYS_MAX:
        raise CalendarRefused(f"按此安排全年有 {count} 个工作日，历年为 247 至 252 个，请核对是否有漏填或多填")


def confirm(year: int, *, at: datetime) -> None:
    """A second administrator has compared it with the notice: it counts from now on, for good. Raises: OwnEntry, CalendarSettled."""
    row = CalendarYear.objects.select_for_update().filter(year=year, confirmed_at=None).first()
    if row is None:
        raise CalendarSettled("这一年没有待确认的工作日历，可能已由他人确认，请刷新页面")
    if row.entered_by == current().account_id:
        raise OwnEntry("录入和确认不能是同一人，请由另一位系统管理员对照通知确认")
    CalendarYear.objects.filter(year=year).update(confirmed_by=current().account_id, confirmed_name=current().name[:50], confirmed_at=at)
    record([Trace("parties.calendar_confirmed", str(year))], at=at)
