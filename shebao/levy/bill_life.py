"""The life of a bill, as data: every status it can be in, and what may follow. Pages show it, tests walk it.

A status is what the bill's amounts say (BillState), where it stands with the tax office (TaxState), and whether all money told of it has
been seen on a bank statement (确认). A step that is not in these tables is a mistake of ours.
"""

from collections.abc import Mapping

from shebao.levy.models import Bill, BillState
from shebao.levy.tax_models import TaxState

# What its amounts say. Money and dues come and go, so all but the ended ones reach each other again.
_LIVING = frozenset({BillState.ISSUED, BillState.PART_PAID, BillState.PAID, BillState.MOVED, BillState.WRITTEN_OFF})
BILL_STEPS: Mapping[BillState, frozenset[BillState]] = {
    BillState.ISSUED: frozenset(BillState) - {BillState.ISSUED},
    BillState.PART_PAID: _LIVING - {BillState.PART_PAID},
    BillState.PAID: _LIVING - {BillState.PAID},
    # Its dues come back when the order is rolled back, or when what was paid for it is taken back.
    BillState.MOVED: _LIVING - {BillState.MOVED},
    BillState.WRITTEN_OFF: _LIVING - {BillState.WRITTEN_OFF},
    BillState.ROLLED_BACK: frozenset(),
    BillState.CANCELLED: frozenset(),
}

# At the tax office. A bill is in one message at a time; while it is, it waits for the answer.
TAX_STEPS: Mapping[TaxState, frozenset[TaxState]] = {
    TaxState.QUEUED: frozenset({TaxState.SENT, TaxState.RECALLED, TaxState.RECALL_QUEUED, TaxState.ACCEPTED}),
    TaxState.SENT: frozenset({TaxState.ACCEPTED, TaxState.REFUSED}),
    TaxState.ACCEPTED: frozenset({TaxState.QUEUED, TaxState.RECALL_QUEUED}),
    TaxState.REFUSED: frozenset({TaxState.QUEUED, TaxState.RECALL_QUEUED, TaxState.RECALLED}),
    TaxState.RECALL_QUEUED: frozenset({TaxState.RECALL_SENT, TaxState.QUEUED, TaxState.ACCEPTED}),
    TaxState.RECALL_SENT: frozenset({TaxState.RECALLED, TaxState.ACCEPTED, TaxState.REFUSED}),
    TaxState.RECALLED: frozenset({TaxState.QUEUED}),
}
FIRST_TAX_STATES = frozenset({TaxState.QUEUED})

# What a payer reads: the one word of where the bill is. In the order in which they are asked.
CONFIRMED, PAID, AT_TAX, WAITING, REFUSED, RECALLING, ENDED = (
    "已确认到账",
    "已缴费，待确认到账",
    "税务已接收，待缴费",
    "待发送税务",
    "税务退回",
    "正在从税务撤回",
    "已结束",
)
_OF_TAX = {
    TaxState.QUEUED: WAITING,
    TaxState.SENT: WAITING,
    TaxState.ACCEPTED: AT_TAX,
    TaxState.REFUSED: REFUSED,
    TaxState.RECALL_QUEUED: RECALLING,
    TaxState.RECALL_SENT: RECALLING,
    TaxState.RECALLED: WAITING,
}


def word(bill: Bill, tax: TaxState | None, *, in_transit: bool) -> str:
    """Where a bill is, in one word. in_transit: some of its money has been told of and not yet been seen in the bank."""
    state = BillState(bill.state)
    if state is BillState.PAID or (state is BillState.MOVED and in_transit):
        return PAID if in_transit else CONFIRMED
    if state in (BillState.MOVED, BillState.WRITTEN_OFF, BillState.ROLLED_BACK, BillState.CANCELLED):
        return ENDED
    return WAITING if tax is None else _OF_TAX[tax]
