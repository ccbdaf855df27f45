"""Questions about suspense, refunds and reconciliation, within the actor's reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Sum

from shebao.levy.bank_models import BANKS
from shebao.levy.desk_queries import Found, Sums
from shebao.levy.models import Estimate, Receipt, ReceiptState, RefundDue
from shebao.levy.reconcile_models import (
    Chase,
    Difference,
    DifferenceState,
    IncomeAccount,
    Outgoing,
    ReconDay,
    Statement,
    StatementLine,
    StatementState,
)
from shebao.levy.refund_models import (
    HeldState,
    HeldTold,
    MoveState,
    Payout,
    Refund,
    RefundLine,
    RefundState,
    RefundStep,
    SourceKind,
    SuspenseMove,
)
from shebao.levy.refund_sources import Source, not_paid
from shebao.parties.models import Agency

REST = F("amount_fen") - F("allocated_fen") - F("moved_fen")


def suspense_receipts(agency_id: int, *, search: str, page: int, size: int) -> Found[Receipt]:
    """Receipts of an agency with something in suspense, the oldest first."""
    rows = Receipt.objects.filter(agency_id=agency_id, state=ReceiptState.SUSPENSE).annotate(rest=REST).filter(rest__gt=0)
    if search:
        rows = rows.filter(serial=search) | rows.filter(bill_number=search) | rows.filter(payer__contains=search)
    ordered = rows.select_related("bill", "file").order_by("paid_on", "id")
    return Found(list(ordered[(page - 1) * size : page * size]), rows.count())


def suspense_sums(agency_id: int) -> Sums:
    """How many receipts have something in suspense, and fen."""
    rows = Receipt.objects.filter(agency_id=agency_id, state=ReceiptState.SUSPENSE).annotate(rest=REST).filter(rest__gt=0)
    told = rows.aggregate(n=Count("id"), fen=Sum("rest"))
    return Sums(told["n"], told["fen"] or 0)


def moves_waiting(agency_id: int) -> list[SuspenseMove]:
    """What waits for a second person."""
    rows = SuspenseMove.objects.filter(agency_id=agency_id, state=MoveState.PROPOSED)
    return list(rows.select_related("receipt", "bill").order_by("id"))


def held_open(agency_id: int) -> list[HeldTold]:
    """Payments told again with other content that wait for a decision."""
    return list(HeldTold.objects.filter(agency_id=agency_id, state=HeldState.OPEN).select_related("receipt").order_by("id"))


def moves_of(receipt_id: int) -> list[SuspenseMove]:
    """The course of a receipt's money, newest first."""
    return list(SuspenseMove.objects.filter(receipt_id=receipt_id).select_related("bill", "child").order_by("-id"))


def refunds_of_receipt(receipt_id: int) -> list[RefundLine]:
    """Refunds that took from a receipt."""
    return list(RefundLine.objects.filter(receipt_id=receipt_id).select_related("refund").order_by("-id"))


def other_agencies(agency_id: int, place: str) -> list[Agency]:
    """To whom money can be handed over: agencies that share the books."""
    return list(Agency.objects.filter(place=place).exclude(pk=agency_id).order_by("id"))


def refunds(agency_id: int, *, state: str, search: str, page: int, size: int) -> Found[Refund]:
    """Refunds of an agency, newest first. search: a number (whole) or part of the payee's name."""
    rows = Refund.objects.filter(agency_id=agency_id).select_related("unit", "person", "payout")
    if state:
        rows = rows.filter(state=state)
    if search:
        rows = rows.filter(number=search) | rows.filter(payee_name__contains=search)
    return Found(list(rows.order_by("-id")[(page - 1) * size : page * size]), rows.count())


def refund_sums(agency_id: int) -> dict[RefundState, Sums]:
    """How many refunds are where, and fen."""
    rows = Refund.objects.filter(agency_id=agency_id).values("state").annotate(n=Count("id"), fen=Sum("amount_fen")).order_by()
    found = {RefundState(row["state"]): Sums(row["n"], row["fen"]) for row in rows}
    return {state: found.get(state, Sums(0, 0)) for state in RefundState}


def find_refund(refund_id: int) -> Refund | None:
    """A refund by id."""
    return Refund.objects.select_related("unit", "person", "payout").filter(pk=refund_id).first()


def refund_numbered(number: str) -> Refund | None:
    """A refund by its number, within the actor's reach."""
    return Refund.objects.filter(number=number).first()


def refund_lines(refund_id: int) -> list[RefundLine]:
    """From where a refund takes its money."""
    return list(RefundLine.objects.filter(refund_id=refund_id).select_related("receipt", "refund_due", "estimate").order_by("id"))


def refund_steps(refund_id: int) -> list[RefundStep]:
    """The course of a refund, oldest first."""
    return list(RefundStep.objects.filter(refund_id=refund_id).order_by("id"))


def payouts(agency_id: int, limit: int = 10) -> list[Payout]:
    """The last payout files, newest first, without their bytes."""
    return list(Payout.objects.filter(agency_id=agency_id).defer("content").order_by("-id")[:limit])


def find_payout(payout_id: int) -> Payout | None:
    """A payout file by id."""
    return Payout.objects.filter(pk=payout_id).first()


def income_account(place: str) -> IncomeAccount | None:
    """The 收入户 of a place."""
    return IncomeAccount.objects.filter(place=place).first()


def statements(agency_id: int, limit: int = 31) -> list[Statement]:
    """The last statements, newest first, without their bytes."""
    return list(Statement.objects.filter(agency_id=agency_id).defer("content").order_by("-sequence")[:limit])


def days(agency_id: int, limit: int = 31) -> list[ReconDay]:
    """The last days that were reconciled, newest first."""
    return list(ReconDay.objects.filter(agency_id=agency_id).order_by("-day")[:limit])


def next_day(agency_id: int) -> date | None:
    """The first day with a statement whose lines nobody has reconciled yet."""
    rows = Statement.objects.filter(agency_id=agency_id, state=StatementState.LOADED, lines__outcome=None)
    return rows.order_by("day").values_list("day", flat=True).first()


def differences(agency_id: int, *, state: str, kind: str, page: int, size: int) -> Found[Difference]:
    """Differences of an agency, the oldest first while open, the newest first once settled."""
    rows = Difference.objects.filter(agency_id=agency_id).select_related("receipt", "line")
    rows = rows.filter(state=DifferenceState.SETTLED) if state == "settled" else rows.exclude(state=DifferenceState.SETTLED)
    if kind:
        rows = rows.filter(kind=kind)
    order = ("-settled_at", "-id") if state == "settled" else ("found_on", "id")
    return Found(list(rows.order_by(*order)[(page - 1) * size : page * size]), rows.count())


def open_differences(agency_id: int) -> int:
    """How many differences wait."""
    return Difference.objects.filter(agency_id=agency_id).exclude(state=DifferenceState.SETTLED).count()


def find_difference(difference_id: int) -> Difference | None:
    """A difference by id."""
    return Difference.objects.select_related("receipt", "line", "line__statement").filter(pk=difference_id).first()


def chases(difference_id: int) -> list[Chase]:
    """What was asked about a difference, newest first."""
    return list(Chase.objects.filter(difference_id=difference_id).order_by("-id"))


def day_lines(statement_id: int) -> list[StatementLine]:
    """The lines of a statement with what they were found to be."""
    return list(StatementLine.objects.filter(statement_id=statement_id).order_by("line"))


# --- what a unit may ask back ---


@dataclass(frozen=True, slots=True)
class Refundable:
    """One thing a unit may have back: the source, what it is, where it came from."""

    source: Source
    label: str
    subject: str
    month: int | None


def refundable(unit_id: int) -> list[Refundable]:
    """结算多缴, 待退差额 and double or over payments of a unit that nobody has asked back yet, to the fen."""
    found: list[Refundable] = []
    credits = Estimate.objects.filter(unit_id=unit_id, credit_fen__gt=F("used_fen") + F("refunded_fen")).order_by("month", "insurance")
    for e in credits:
        rest = e.credit_fen - e.used_fen - e.refunded_fen
        found.append(Refundable(Source(SourceKind.CREDIT, e.pk, rest), "结算多缴", str(e.insurance), e.month))
    held = set(RefundLine.objects.filter(refund_due__unit_id=unit_id, released=False).values_list("refund_due_id", flat=True))
    for due in RefundDue.objects.filter(unit_id=unit_id).exclude(pk__in=held).order_by("month", "insurance", "person_id"):
        if not not_paid(due):
            source = Source(SourceKind.DIFFERENCE, due.pk, due.unit_fen + due.person_fen)
            found.append(Refundable(source, "待退差额", str(due.insurance), due.month))
    for r in doubled(unit_id):
        found.append(Refundable(Source(SourceKind.SUSPENSE, r.pk, r.rest_fen), "多缴、重复缴费", r.serial, None))
    return found


def doubled(unit_id: int) -> Sequence[Receipt]:
    """Receipts on bills of a unit of which something is in suspense and in the bank."""
    rows = Receipt.objects.filter(bill__unit_id=unit_id, state=ReceiptState.SUSPENSE).annotate(rest=REST).filter(rest__gt=0)
    return [r for r in rows.order_by("id") if r.channel not in ("tax", "bank") or r.arrived_on is not None]


def outgoing_of(difference: Difference) -> Outgoing | None:
    """What an unknown outgoing movement was found (or is proposed) to be, with its parts by fund."""
    rows = Outgoing.objects.filter(line_id=difference.line_id).exclude(state="declined") if difference.line_id else Outgoing.objects.none()
    return rows.prefetch_related("parts").first()


def paying_bank(place: str) -> str:
    """行别 of the partner bank that keeps the 收入户, by its name; else the first partner. A default only."""
    account = income_account(place)
    named = account.bank if account else ""
    return next((code for code, label in BANKS.items() if label.removesuffix("银行")[-2:] in named), next(iter(BANKS)))
