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


def money_effect(item: ServiceItem, filings: list[Filing], context: Context) -> MoneyEffect:
    """What clean filings do to the monthly payment."""
    rows = [Row(f.values or {}, f.row, f.pk, f.case_id) for f in filings if f.values]
    with acting(ENGINE):
        return item.effect(rows, context)
