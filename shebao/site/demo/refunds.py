"""The demo city's 退费 and 暂收: a double payment asked back and approved, one that waits for review, money proposed for a bill."""

from datetime import date, datetime, time, timedelta

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.levy import refund_queries, refunding, suspense
from shebao.levy.models import OPEN_STATES, Bill, BillKind
from shebao.levy.refund_models import MoveKind, SourceKind
from shebao.levy.refund_sources import Source
from shebao.site.demo.scale import PLACE

AGENCY = 1


def ask_back(first: Actor, second: Actor, today: date) -> None:
    """What finance did yesterday with the oldest three receipts in suspense, as far as there are any."""
    at = datetime.combine(today - timedelta(days=1), time(14, 20), ZONE)
    clerk, colleague = (Actor(Role.ENGINE, a.account_id, a.name) for a in (first, second))
    with acting(ENGINE):
        waiting = refund_queries.suspense_receipts(AGENCY, search="", page=1, size=50).rows
        bill = Bill.objects.filter(agency_id=AGENCY, state__in=OPEN_STATES, kind=BillKind.MONTHLY).order_by("id").first()
    doubled = [r for r in waiting if r.bill_id]
    for number, receipt in enumerate(doubled[:2]):
        payee = refunding.Payee(receipt.payer or "示例单位", "示例银行武汉支行", f"4201001234567{number}")
        fen = receipt.rest_fen if number else min(receipt.rest_fen, 50_000)
        source = Source(SourceKind.SUSPENSE, receipt.pk, fen)
        unit_id = receipt.bill.unit_id if receipt.bill else None
        with acting(clerk):
            wanted = refunding.Application((source,), payee, "重复缴费，单位来函申请退回", AGENCY, PLACE, unit_id)
            made = refunding.apply(wanted, on=at.date(), at=at)
        if number == 0:
            with acting(colleague):
                refunding.review(made.pk, approve=True, on=at.date(), at=at)
    unknown = next((r for r in waiting if not r.bill_id), None)
    if unknown is not None and bill is not None:
        with acting(clerk):
            fen = min(unknown.rest_fen, bill.open_fen)
            suspense.propose(unknown.pk, suspense.Wanted(MoveKind.MATCH, fen, "单号误写，经与单位核对为本单", bill.number), at=at)
