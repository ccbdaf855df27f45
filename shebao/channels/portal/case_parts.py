"""What the pages of single cases and of batches share: title, place, effect on money."""

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.casework.item import Context, MoneyEffect, ServiceItem
from shebao.casework.item import Filing as Row
from shebao.casework.models import Case, CaseState, Channel, Filing
from shebao.channels.portal.case_lists import item_of_case
from shebao.channels.portal.pages import HOME, Crumbs


def case_title(case: Case) -> str:
    """事项, and whether it is a batch."""
    return item_of_case(case).title + ("批量办理" if case.channel == Channel.WORKBOOK else "")


def crumbs_of(case: Case) -> Crumbs:
    """Where a case belongs: to what waits, or to what is done."""
    waiting = case.state in (CaseState.DRAFT, CaseState.CHECKING)
    return (HOME, ("待办任务", "/u/todo") if waiting else ("已办任务", "/u/done"), (case.number, None))


def row_of(filing: Filing) -> Row:
    """A stored row as items take it."""
    return Row(filing.values or {}, filing.row, filing.pk, filing.case_id)


def money_effect(item: ServiceItem, filings: list[Filing], context: Context) -> MoneyEffect | None:
    """What clean filings do to the monthly payment; None for an item without money."""
    if item.effect is None:
        return None
    with acting(ENGINE):
        return item.effect([row_of(f) for f in filings if f.values is not None], context)
