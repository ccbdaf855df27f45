"""The kinds of runs, entered for the run console. A new kind: its `RUN_KIND` beside the run, and its module here."""

from shebao.levy.run_kinds import register
from shebao.runs import (
    account_interest,
    closing_console,
    flexible_month,
    monthly_assessment,
    recalculate,
    reconcile_day,
    tax_console,
    withholding_console,
)

KINDS = (
    monthly_assessment.RUN_KIND,
    recalculate.RUN_KIND,
    flexible_month.RUN_KIND,
    flexible_month.RUN_KIND_YEAR,
    withholding_console.RUN_KIND,
    account_interest.RUN_KIND,
    reconcile_day.RUN_KIND,
    tax_console.RUN_KIND,
    closing_console.RUN_KIND,
    closing_console.RUN_KIND_MONTH,
)


def register_all() -> None:
    """Enter every kind."""
    for kind in KINDS:
        register(kind)
