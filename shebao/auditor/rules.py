"""Every rule, in the order in which they are told."""

from shebao.auditor.bill_rules import BILLS
from shebao.auditor.ledger_rules import LEDGER
from shebao.auditor.money_rules import ACCOUNTS, DEBITS, DUES, RECEIPTS, RUNS

RULES = (*LEDGER, *BILLS, *RECEIPTS, *DUES, *DEBITS, *ACCOUNTS, *RUNS)
