"""滞纳金 of late payments and 减免 on the pages of a bill, for units and for the desk: each amount with how it came about."""

from typing import Any

from shebao.base.terms import Insurance
from shebao.levy.late_payments import fees_for_bill, fees_of_bill, whence
from shebao.levy.models import Bill, BillKind, LateFee
from shebao.levy.relief import relief_of
from shebao.policy.explain import Explained
from shebao.policy.late_fee import explain_late_fee
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason


def fee_rows(fees: list[LateFee], place: str) -> list[dict[str, Any]]:
    """Each late fee with its explanation. A fee stays as it was charged; `differs` says that the rules make it another amount today."""
    rows, first = [], whence(fees)
    for fee in fees:
        month = fee.month if fee.line.bill.kind == BillKind.MONTHLY else None
        told = explain_late_fee(fee.principal_fen, fee.from_day, fee.paid_on, place, standard(), Insurance(fee.insurance), month)
        told = Explained(told.title, told.inputs, (*first[fee.pk], *told.steps))
        rows.append(
            {
                "fee": fee,
                "label": Insurance(fee.insurance).label,
                "source": fee.line.bill.number,
                "why": reason(told.to_dict()),
                "differs": told.amount("fee") != fee.fee_fen,
            }
        )
    return rows


def extras(bill: Bill) -> dict[str, Any]:
    """What a bill's page shows beside its lines: late fees that its payments made due (or that it demands), and what was taken off."""
    is_fee = bill.kind == BillKind.LATE_FEE
    fees = fees_of_bill(bill) if is_fee else fees_for_bill(bill)
    return {"late_fees": fee_rows(fees, bill.unit.place), "is_fee": is_fee, "reliefs": relief_of(bill)}
