"""日结 and 月结: what is closed stays as it is. The database holds it; here are the acts and their plain words.

Lock: the row of the place in ledger_placebook. Booking takes it FOR SHARE, closing FOR UPDATE: whoever comes first is finished first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import OperationalError, connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month, first_day, last_day, month_of, month_shown, shift
from shebao.ledger.models import AccountKind, DayClosing, MonthClosing, PlaceBook
from shebao.ledger.operations import closed_to
from shebao.ledger.queries import frozen_wrong, trial_balance

FAR = date(9999, 12, 31)
LOCK_NOT_AVAILABLE = "55P03"

# (fund, kind) → fen, debit positive: what the sub-ledgers of a place say of the control accounts they stand behind. Given by the domains
# at start; asked in the transaction of a 月结, while nothing can be booked.
SubLedger = Callable[[str], Mapping[tuple[int, AccountKind], int]]
SUB_LEDGERS: list[SubLedger] = []
# (place, day) → sentences: what is still to be booked as of that day or before, so that it cannot be closed yet.
Unfinished = Callable[[str, date], Sequence[str]]
UNFINISHED: list[Unfinished] = []


class NotClosableError(ShebaoError):
    """The day is not over, or is closed already."""

    code = "BKS-04"


class MonthNotClosableError(ShebaoError):
    """Days are open, the month before is, or something does not agree."""

    code = "BKS-05"


class SamePersonError(ShebaoError):
    """Who closes a month does not confirm it."""

    code = "BKS-06"
    status = 403


class MonthClosedError(ShebaoError):
    """Somebody was faster, or it was done long ago."""

    code = "BKS-07"


class BooksBusyError(ShebaoError):
    """Something large is being booked in these seconds."""

    code = "BKS-08"


def open_day(place: str, on: date) -> date:
    """The first open day on or after `on`; it stays open until the end of the transaction. For callers that may book later than `on`."""
    shut = closed_to(place)
    return on if shut is None or on > shut else shut + timedelta(days=1)


def close_days(place: str, to: date, *, at: datetime) -> list[date]:
    """日结: close every open day up to and with `to`, freezing the sums of each. Returns the days closed, oldest first.

    A day is closed when it is over: whoever books today is never in the way. Raises: NotClosableError.
    """
    if to >= at.astimezone(ZONE).date():
        raise NotClosableError(f"{to.isoformat()} 还没有过完，当天还会有业务入账；请在次日或以后日结")
    shut = _hold(place)
    if shut is not None and to <= shut:
        raise NotClosableError(f"{to.isoformat()} 已经日结，账已结到 {shut.isoformat()}，不用重复办理")
    for unfinished in UNFINISHED:
        if waits := unfinished(place, to):
            raise NotClosableError(f"还不能日结：{waits[0]}")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ledger_dayclosing (place, day, closed_by, closed_at)
            select %(place)s, d::date, %(by)s, %(at)s
            from generate_series(coalesce(%(shut)s::date + 1, least(%(to)s,
              (select min(booked_on) from ledger_posting where place = %(place)s))), %(to)s::date, interval '1 day') d order by d
            returning day
            """,
            {"place": place, "by": current().account_id, "at": at, "shut": shut, "to": to},
        )
        days = [row[0] for row in cursor.fetchall()]
        cursor.execute(_FREEZE, {"place": place, "first": days[0], "last": days[-1], "before": shut})
    shown = days[0].isoformat() if len(days) == 1 else f"{days[0].isoformat()} 至 {days[-1].isoformat()}"
    record([Trace("ledger.day_closed", f"{place} {shown}", after={"days": len(days)})], at=at)
    return days


# Each day × each account that was ever used up to then: sums of the day, and running totals that begin at the last closed day.
_FREEZE = """
insert into ledger_daysum (closing_id, account_id, debit_fen, credit_fen, debit_total_fen, credit_total_fen)
with moved as (
  select p.booked_on as day, e.account_id, coalesce(sum(e.amount_fen) filter (where e.amount_fen > 0), 0)::bigint as debit,
         coalesce(-sum(e.amount_fen) filter (where e.amount_fen < 0), 0)::bigint as credit
  from ledger_posting p join ledger_entry e on e.posting_id = p.id
  where p.place = %(place)s and p.state = 'posted' and p.booked_on between %(first)s and %(last)s group by 1, 2),
before as (
  select s.account_id, s.debit_total_fen as debit, s.credit_total_fen as credit from ledger_daysum s
  join ledger_dayclosing d on d.id = s.closing_id where d.place = %(place)s and d.day = %(before)s),
summed as (
  select d.id, a.id as account_id, coalesce(m.debit, 0) as debit, coalesce(m.credit, 0) as credit,
         coalesce(b.debit, 0) + sum(coalesce(m.debit, 0)) over w as debit_total,
         coalesce(b.credit, 0) + sum(coalesce(m.credit, 0)) over w as credit_total
  from ledger_dayclosing d cross join ledger_account a
  left join moved m on m.day = d.day and m.account_id = a.id left join before b on b.account_id = a.id
  where d.place = %(place)s and a.place = %(place)s and d.day between %(first)s and %(last)s
  window w as (partition by a.id order by d.day))
select id, account_id, debit, credit, debit_total, credit_total from summed
where debit_total <> 0 or credit_total <> 0 order by id, account_id
"""


def close_month(place: str, month: Month, *, at: datetime) -> int:
    """月结, first person: everything is checked, the figures wait for a second one. Returns the closing.

    Raises: MonthNotClosableError, MonthClosedError.
    """
    shut = _hold(place)
    known = MonthClosing.objects.filter(place=place, month=month).first()
    if known is not None:
        raise MonthClosedError(f"{month_shown(month)}已经月结" + ("" if known.confirmed_by else "，正等待另一位财务人员复核"))
    if refused := why_not_closable(place, month, shut):
        raise MonthNotClosableError(refused[0])
    closing = MonthClosing.objects.create(place=place, month=month, closed_by=current().account_id, closed_at=at)
    record([Trace("ledger.month_closed", f"{place} {month}")], at=at)
    return closing.pk


def confirm_month(place: str, month: Month, *, at: datetime) -> None:
    """月结, second person: everything is checked again and the month is closed for good.

    Raises: SamePersonError, MonthClosedError, MonthNotClosableError.
    """
    shut = _hold(place)
    closing = MonthClosing.objects.select_for_update().filter(place=place, month=month).first()
    if closing is None:
        raise MonthNotClosableError(f"{month_shown(month)}还没有人办理月结，请先办理，再由另一位财务人员复核")
    if closing.confirmed_by is not None:
        raise MonthClosedError(f"{month_shown(month)}已经月结并复核，不用重复办理")
    if closing.closed_by == current().account_id:
        raise SamePersonError("月结和复核不能是同一人，请由另一位财务人员复核")
    if refused := why_not_closable(place, month, shut):
        raise MonthNotClosableError(refused[0])
    MonthClosing.objects.filter(pk=closing.pk).update(confirmed_by=current().account_id, confirmed_at=at)
    record([Trace("ledger.month_confirmed", f"{place} {month}")], at=at)


def why_not_closable(place: str, month: Month, shut: date | None) -> list[str]:
    """Sentences that stand in the way of a 月结: open days, the month before, frozen sums that changed, control accounts that differ."""
    told: list[str] = []
    last = last_day(month)
    if shut is None or shut < last:
        begun = f"账已结到 {shut.isoformat()}" if shut else "从未日结"
        told.append(f"{month_shown(month)}还有没有日结的日子：{begun}，请先日结到 {last.isoformat()}")
    before = MonthClosing.objects.filter(place=place).order_by("-month").first()
    if before is not None and before.month < shift(month, -1):
        told.append(f"{month_shown(shift(month, -1))}还没有月结，请按顺序办理")
    elif before is not None and before.month == shift(month, -1) and before.confirmed_by is None:
        told.append(f"{month_shown(before.month)}的月结还没有复核，请先由另一位财务人员复核")
    if before is not None and before.month > month:
        told.append(f"{month_shown(before.month)}已经月结，{month_shown(month)}在它之前，不再单独月结")
    told += [f"{day.isoformat()} 日结时的合计与分录不符，请立即联系系统管理员" for day in frozen_wrong(place, first_day(month), last)]
    told += [line.sentence for line in controls(place) if line.difference_fen]
    return told


@dataclass(frozen=True, slots=True)
class Control:
    """A control account against the sub-ledger behind it, as of now, fen; debit positive."""

    fund: int
    kind: AccountKind
    ledger_fen: int
    sub_ledger_fen: int

    @property
    def difference_fen(self) -> int:
        return self.ledger_fen - self.sub_ledger_fen

    @property
    def sentence(self) -> str:
        ledger, detail, between = (yuan_shown(fen) for fen in (self.ledger_fen, self.sub_ledger_fen, self.difference_fen))
        fund = f"基金 {self.fund}" if self.fund else "未归属"
        return f"{self.kind.label}（{fund}）总账 {ledger} 元，明细合计 {detail} 元，相差 {between} 元，不能月结；请先查明差异"


def controls(place: str, given: Sequence[SubLedger] | None = None) -> list[Control]:
    """Every control account beside its sub-ledger. An account that no sub-ledger knows is left out; one it knows at zero is not."""
    told: dict[tuple[int, AccountKind], int] = {}
    for sub_ledger in SUB_LEDGERS if given is None else given:
        for key, fen in sub_ledger(place).items():
            told[key] = told.get(key, 0) + fen
    kinds = {kind for _, kind in told}
    booked = {(b.fund, b.kind): b.balance_fen for b in trial_balance(place, FAR) if b.kind in kinds}
    order = list(AccountKind)
    keys = sorted(set(told) | set(booked), key=lambda k: (k[0], order.index(k[1])))
    return [Control(fund, kind, booked.get((fund, kind), 0), told.get((fund, kind), 0)) for fund, kind in keys]


def _hold(place: str) -> date | None:
    """Take the books of a place: whoever books is waited for, whoever comes waits. Raises: BooksBusyError."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("insert into ledger_placebook (place) values (%s) on conflict do nothing", [place])
            return PlaceBook.objects.select_for_update().get(place=place).closed_to
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        raise BooksBusyError("有业务正在记账（例如月度核定、批扣入账），没有结账；请几分钟后再试") from error


def month_to_close(place: str, today: date) -> Month:
    """The month that is closed next: after the last one closed, or the one before today's."""
    last = MonthClosing.objects.filter(place=place).order_by("-month").first()
    if last is None:
        return shift(month_of(today), -1)
    return last.month if last.confirmed_by is None else shift(last.month, 1)


def recent_days(place: str, limit: int) -> list[DayClosing]:
    """The last closed days, newest first."""
    return list(DayClosing.objects.filter(place=place).order_by("-day")[:limit])
