"""The steps of the killing drill by name, known without Django, and where they take place."""

PLACE, ACCOUNTS_PLACE = "420100", "420500"
NAMES = (
    "monthly_assessment",
    "job_process",
    "tax_exchange",
    "receipts",
    "flexible_month",
    "recalculate",
    "bank_withholding_build",
    "web_process",
    "bank_withholding_send",
    "bank_withholding_post_and_reconcile",
    "close_days_and_month",
    "account_interest",
)
