"""缓缴: what a unit may pay later, and what is due of a bill on a day. Arrears, late fees and receiving ask through levy.suspension, which
knows of deferrals by `last_days`; pages and papers ask here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_shown, shift, span
from shebao.base.terms import INSURANCES, Insurance, insurances_in, mask_of
from shebao.levy import paid
from shebao.levy.models import MONTHLY_ORIGINS, OPEN_STATES, Bill, BillKind, BillLine, BillState, Deferral
from shebao.levy.suspension import Deferred, suspended
from shebao.levy.taking import units_taken
from shebao.papers.operations import revoke_of


class AlreadyDeferredError(ShebaoError):
    """One of the types of one of the months is put off already."""

    code = "DFR-90"

    def __init__(self) -> None:
        super().__init__("所选险种和费款所属期中有的已经办理缓缴，不用重复办理；请核对后重新选择")


@dataclass(frozen=True, slots=True)
class NewDeferral:
    """A deferral to grant: the unit part of types for months first to last (both included), payable until repay_by."""

    unit_id: int
    agency_id: int
    scheme: str
    insurances: tuple[Insurance, ...]
    first_month: Month
    last_month: Month
    repay_by: date
    agreement: str
    case_id: int | None


def grant(deferral: NewDeferral, *, at: datetime) -> int:
    """缓缴 takes effect, for bills that are issued and for those to come. Returns the deferral. Raises: AlreadyDeferredError."""
    with connection.cursor() as cursor:  # one at a time a unit: two inserts under an exclusion constraint would wait for each other
        cursor.execute("select 1 from parties_unit where id = %s for no key update", [deferral.unit_id])
    try:
        with transaction.atomic():
            made = Deferral.objects.create(
                unit_id=deferral.unit_id,
                agency_id=deferral.agency_id,
                scheme=deferral.scheme,
                insurance_mask=mask_of(deferral.insurances),
                first_month=deferral.first_month,
                last_month=deferral.last_month,
                repay_by=deferral.repay_by,
                agreement=deferral.agreement,
                granted_at=at,
                case_id=deferral.case_id,
            )
    except IntegrityError as error:
        raise AlreadyDeferredError from error
    bills = Bill.objects.filter(
        unit_id=deferral.unit_id, kind=BillKind.MONTHLY, month__gte=deferral.first_month, month__lte=deferral.last_month
    )
    if numbers := list(bills.filter(state__in=OPEN_STATES).values_list("number", flat=True)):
        revoke_of(deferral.unit_id, numbers, "已办理缓缴，请重新打印", at)
    if counting := list(bills.filter(paid_fen__gt=0).select_related("unit")):  # what came in may be all that was owed by the people
        paid.touched(counting, place=counting[0].unit.place, on=at.astimezone(ZONE).date(), at=at)
    told = {"types": [i.key for i in deferral.insurances], "months": [deferral.first_month, deferral.last_month]}
    record([Trace("levy.deferred", f"{deferral.unit_id}", after=told, unit_id=deferral.unit_id, agency_id=deferral.agency_id)], at=at)
    return made.pk


def last_days(unit_ids: Sequence[int], on: date) -> Deferred:
    """Last day of deferral by (unit, month, insurance), running and ended ones: the provider of levy.suspension."""
    found: dict[tuple[int, int, int], date] = {}
    for d in Deferral.objects.filter(unit_id__in=list(unit_ids)):
        for month in span(d.first_month, shift(d.last_month, 1)):
            for insurance in insurances_in(d.insurance_mask):
                found[d.unit_id, month, insurance.value] = d.repay_by
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what is open of a bill, fen, and until when it is to be paid."""

    amount_fen: int
    due_date: date
    deferred: bool


def open_parts(bill: Bill, deferred: Deferred | None = None) -> tuple[Part, ...]:
    """What is open of a bill, the deferred part apart: late fees run for each part from its own due date.

    deferred: what levy.suspension says of the unit, when it is at hand.
    """
    if bill.state not in OPEN_STATES or not bill.open_fen:
        return ()
    known = suspended([bill.unit_id], bill.due_date) if deferred is None and bill.kind == BillKind.MONTHLY else deferred or {}
    last_of = {i.value: known[key] for i in INSURANCES if (key := (bill.unit_id, bill.month, i.value)) in known}
    later: dict[date, int] = {}
    if last_of and bill.kind == BillKind.MONTHLY:
        lines = list(BillLine.objects.filter(bill=bill, insurance__in=list(last_of), origin__in=MONTHLY_ORIGINS))
        gone = units_taken(line.pk for line in lines)
        for line in lines:
            day = max(last_of[line.insurance], bill.due_date)
            later[day] = later.get(day, 0) + min(line.unit_fen - gone.get(line.pk, 0), line.open_fen)
    parts = [Part(bill.open_fen - sum(later.values()), bill.due_date, False), *(Part(later[day], day, True) for day in sorted(later))]
    return tuple(part for part in parts if part.amount_fen)


def overdue_fen(bill: Bill, on: date) -> int:
    """What is overdue of a bill on a day, fen."""
    return sum(part.amount_fen for part in open_parts(bill) if part.due_date < on)


def deferred_of(bill: Bill, on: date) -> Part | None:
    """What is open of a bill and put off on a day, until its last day; None when nothing is."""
    running = [part for part in open_parts(bill) if part.deferred and on <= part.due_date]
    return Part(sum(part.amount_fen for part in running), running[-1].due_date, True) if running else None


def bill_word(bill: Bill, on: date, deferred: Deferred | None = None) -> tuple[str, str]:
    """缴费状态 of a bill on a day and its tone: 已到账, 欠费, 缓缴中, 部分到账, 待缴费 …"""
    if bill.state == BillState.PAID:
        return "已到账", "ok"
    if bill.state not in OPEN_STATES:
        return BillState(bill.state).label, "mute"
    parts = open_parts(bill, deferred)
    if any(part.due_date < on for part in parts):
        return ("欠费", "err") if bill.kind == BillKind.MONTHLY else ("已过缴费期限", "err")
    if all(part.deferred for part in parts):
        return "缓缴中", "info"
    return ("部分到账", "warn") if bill.state == BillState.PART_PAID else ("待缴费", "info")


def deferred_types(unit_id: int, months: tuple[Month, Month], on: date) -> dict[Month, tuple[Insurance, ...]]:
    """Whether, and in which types, a unit's months (first and last, both included) are deferred on a day: by month, only those that are."""
    found: dict[Month, int] = {}
    first, last = months
    for deferral in Deferral.objects.filter(unit_id=unit_id, first_month__lte=last, last_month__gte=first, repay_by__gte=on):
        for month in span(max(first, deferral.first_month), shift(min(last, deferral.last_month), 1)):
            found[month] = found.get(month, 0) | deferral.insurance_mask
    return {month: insurances_in(mask) for month, mask in sorted(found.items())}


def months_words(deferral: Deferral) -> str:
    """费款所属期 of a deferral in words."""
    first, last = month_shown(deferral.first_month), month_shown(deferral.last_month)
    return first if deferral.first_month == deferral.last_month else f"{first}至{last}"
