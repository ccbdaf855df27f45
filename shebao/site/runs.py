"""The kinds of runs, entered for the run console. A new kind: its `RUN_KIND` beside the run, and its module here."""

from shebao.levy.run_kinds import register
from shebao.runs import flexible_month, monthly_assessment

MODULES = (monthly_assessment,)


def register_all() -> None:
    """Enter every kind."""
    for module in MODULES:
        register(module.RUN_KIND)
    for kind in flexible_month.RUN_KINDS:
        register(kind)
