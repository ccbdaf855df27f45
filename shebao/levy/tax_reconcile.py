"""The tax office's list of a day against what it told us: asked for, kept as it came, compared line by line. Nothing is booked from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE
from shebao.gateways import tax as wire
from shebao.gateways.statement import TaxDayRow
from shebao.gateways.strict_json import MessageRefused
from shebao.levy.tax_models import TaxDay, TaxDayLine

KINDS = {
    "missing_here": "税务清单有、未告知我方",
    "missing_there": "我方已收到、税务清单没有",
    "amount": "金额不同",
    "bill": "核定单号不同",
    "reversed_there": "税务已冲正、未告知我方",
    "reversed_here": "我方已冲正、税务清单没有冲正",
}


@dataclass(frozen=True, slots=True)
class DayDifference:
    """One line on which the two sides disagree, fen; None where a side has nothing."""

    kind: str
    serial: str
    our_bill: str
    their_bill: str
    our_fen: int | None
    their_fen: int | None

    @property
    def label(self) -> str:
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class DayAnswer:
    """How a day stands: their list (without what was reversed) and ours, and where they differ."""

    day: date
    asked_at: datetime
    their_count: int
    their_fen: int
    our_count: int
    our_fen: int
    differences: tuple[DayDifference, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences


def keep(day: date, pages: Sequence[wire.DayList], *, at: datetime) -> TaxDay:
    """Keep a day's list as it came, all its pages. As the engine.  Raises: MessageRefused when it does not hold what it promises."""
    lines = [line for page in pages for line in page.lines]
    counted = [line.paid.amount_fen for line in lines if not line.reversed]
    promised = {(page.day, page.count, page.total_fen) for page in pages}
    if promised != {(day, len(counted), sum(counted))} or len({line.paid.serial for line in lines}) != len(lines):
        raise MessageRefused("TAX-10", f"税务 {day} 的清单与其写明的笔数、金额不符，没有采用，请稍后重新取")
    kept = TaxDay.objects.create(day=day, asked_at=at, count=len(counted), total_fen=sum(counted))
    TaxDayLine.objects.bulk_create(
        [
            TaxDayLine(
                list_id=kept.pk, serial=line.paid.serial, bill_number=line.paid.bill_number, amount_fen=line.paid.amount_fen,
                paid_at=line.paid.paid_at, channel=line.paid.channel, reversed=line.reversed,
            )
            for line in lines
        ]
    )  # fmt: skip
    record([Trace("levy.tax_day", day.isoformat(), after={"count": kept.count, "total_fen": kept.total_fen})], at=at)
    return kept


def day_rows(day: date) -> list[TaxDayRow] | None:
    """The newest list of a day without what was reversed, for the daily reconciliation; None when it was never fetched. As the engine."""
    kept = TaxDay.objects.filter(day=day).order_by("-id").first()
    if kept is None:
        return None
    lines = TaxDayLine.objects.filter(list_id=kept.pk, reversed=False).order_by("serial")
    return [TaxDayRow(line.serial, line.bill_number, line.amount_fen, line.paid_at.astimezone(ZONE).date()) for line in lines]


def compare(day: date) -> DayAnswer | None:
    """The newest list of a day against what we were told; None when it was never fetched. As the engine."""
    kept = TaxDay.objects.filter(day=day).order_by("-id").first()
    if kept is None:
        return None
    first = datetime.combine(day, time(), ZONE)
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, {"list": kept.pk, "first": first, "last": first + timedelta(days=1)})
        rows = cursor.fetchall()
    ours = [our_fen for _, _, _, our_fen, _, _, reversed_here in rows if our_fen is not None and not reversed_here]
    found = [each for row in rows if (each := _difference(*row)) is not None]
    return DayAnswer(day, kept.asked_at, kept.count, kept.total_fen, len(ours), sum(ours), tuple(found))


_COMPARE = """
with ours as (
  select p.serial, p.bill_number, p.amount_fen, coalesce(r.state = 'done', false) as reversed from levy_taxpayment p
  left join levy_taxreversal r on r.of = p.serial where p.paid_at >= %(first)s and p.paid_at < %(last)s),
theirs as (select serial, bill_number, amount_fen, reversed from levy_taxdayline where list_id = %(list)s)
select coalesce(o.serial, t.serial), o.bill_number, t.bill_number, o.amount_fen, t.amount_fen, t.reversed, o.reversed
from ours o full join theirs t on t.serial = o.serial order by 1
"""


def _difference(
    serial: str,
    our_bill: str | None,
    their_bill: str | None,
    our_fen: int | None,
    their_fen: int | None,
    reversed_there: bool | None,
    reversed_here: bool | None,
) -> DayDifference | None:
    if our_fen is None:
        kind = "" if reversed_there else "missing_here"
    elif their_fen is None:
        kind = "" if reversed_here else "missing_there"
    elif our_fen != their_fen:
        kind = "amount"
    elif our_bill != their_bill:
        kind = "bill"
    else:
        kind = "" if reversed_there == reversed_here else "reversed_there" if reversed_there else "reversed_here"
    return DayDifference(kind, serial, our_bill or "", their_bill or "", our_fen, their_fen) if kind else None
