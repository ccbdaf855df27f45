"""What we and the tax office say to each other, version 1: bodies of messages and answers, both ways. Described in docs/partners/tax.md.

Each class has `told()` for writing and a function that reads it strictly. Amounts are whole fen. No Django, no clock.
"""

from shebao.gateways.tax_bills import (
    PUSHED as PUSHED,
)
from shebao.gateways.tax_bills import (
    RECALLED as RECALLED,
)
from shebao.gateways.tax_bills import (
    Amount as Amount,
)
from shebao.gateways.tax_bills import (
    Outcome as Outcome,
)
from shebao.gateways.tax_bills import (
    Payer as Payer,
)
from shebao.gateways.tax_bills import (
    Recall as Recall,
)
from shebao.gateways.tax_bills import (
    State as State,
)
from shebao.gateways.tax_bills import (
    TaxBill as TaxBill,
)
from shebao.gateways.tax_bills import (
    bills_body as bills_body,
)
from shebao.gateways.tax_bills import (
    outcomes_body as outcomes_body,
)
from shebao.gateways.tax_bills import (
    read_bills as read_bills,
)
from shebao.gateways.tax_bills import (
    read_outcomes as read_outcomes,
)
from shebao.gateways.tax_bills import (
    read_recalls as read_recalls,
)
from shebao.gateways.tax_bills import (
    read_states as read_states,
)
from shebao.gateways.tax_bills import (
    read_states_asked as read_states_asked,
)
from shebao.gateways.tax_bills import (
    recalls_body as recalls_body,
)
from shebao.gateways.tax_bills import (
    states_body as states_body,
)
from shebao.gateways.tax_bills import (
    states_told_body as states_told_body,
)
from shebao.gateways.tax_common import (
    ASKED_DAY as ASKED_DAY,
)
from shebao.gateways.tax_common import (
    ASKED_STATES as ASKED_STATES,
)
from shebao.gateways.tax_common import (
    BILL_MAX as BILL_MAX,
)
from shebao.gateways.tax_common import (
    BILLS as BILLS,
)
from shebao.gateways.tax_common import (
    CHANNEL_LABELS as CHANNEL_LABELS,
)
from shebao.gateways.tax_common import (
    CHANNELS as CHANNELS,
)
from shebao.gateways.tax_common import (
    INSURANCES as INSURANCES,
)
from shebao.gateways.tax_common import (
    KINDS as KINDS,
)
from shebao.gateways.tax_common import (
    LINES_MAX as LINES_MAX,
)
from shebao.gateways.tax_common import (
    MANY as MANY,
)
from shebao.gateways.tax_common import (
    PAYMENTS as PAYMENTS,
)
from shebao.gateways.tax_common import (
    RECALLS as RECALLS,
)
from shebao.gateways.tax_common import (
    REVERSALS as REVERSALS,
)
from shebao.gateways.tax_common import (
    STATES as STATES,
)
from shebao.gateways.tax_payments import (
    HEARD as HEARD,
)
from shebao.gateways.tax_payments import (
    DayAsked as DayAsked,
)
from shebao.gateways.tax_payments import (
    DayLine as DayLine,
)
from shebao.gateways.tax_payments import (
    DayList as DayList,
)
from shebao.gateways.tax_payments import (
    Heard as Heard,
)
from shebao.gateways.tax_payments import (
    Paid as Paid,
)
from shebao.gateways.tax_payments import (
    Reversal as Reversal,
)
from shebao.gateways.tax_payments import (
    heard_body as heard_body,
)
from shebao.gateways.tax_payments import (
    payments_body as payments_body,
)
from shebao.gateways.tax_payments import (
    read_day as read_day,
)
from shebao.gateways.tax_payments import (
    read_day_asked as read_day_asked,
)
from shebao.gateways.tax_payments import (
    read_heard as read_heard,
)
from shebao.gateways.tax_payments import (
    read_payments as read_payments,
)
from shebao.gateways.tax_payments import (
    read_reversals as read_reversals,
)
from shebao.gateways.tax_payments import (
    reversals_body as reversals_body,
)
