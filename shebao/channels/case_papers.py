"""The printout of any case: the roster of 增减员, or 《社会保险业务申报表》 of what has no paper of its own."""

from datetime import datetime

from django.conf import settings

from shebao.base.clock import ZONE
from shebao.casework.item import ServiceItem, Subject, item_of
from shebao.casework.models import Case, CaseState, Event, Filing, FilingState
from shebao.casework.operations import changes_of
from shebao.channels import registration_papers
from shebao.channels.contexts import of_case
from shebao.channels.papers import NothingToPrintError, PaperTooLongError, issued, roster_pdf
from shebao.channels.portal.case_parts import row_of
from shebao.papers import codes
from shebao.papers.contracts import FilingForm, FormTable, PaperKind
from shebao.papers.models import Paper
from shebao.papers.typeset import typeset
from shebao.papers.verification import Fact
from shebao.parties.models import Agency, Unit
from shebao.parties.queries import get_unit
from shebao.surfaces.form import shown

ROSTERS = ("addition_roster", "reduction_roster")
FORM_ROWS_MAX = 2_000
COLUMNS_MAX = 6  # of a portrait page; the rest is told in the page of the case


def kind_of(item: ServiceItem) -> PaperKind:
    """The paper of an item's cases."""
    return PaperKind(item.printout) if item.printout else PaperKind.FILING_FORM


def print_case(case: Case, *, account_id: int, at: datetime) -> bytes:
    """The paper of a case: a draft until it has ended, sealed once afterwards. Raises: NothingToPrintError, PaperTooLongError."""
    item = item_of(case.item_code, case.item_version)
    if item.printout in ROSTERS:
        return roster_pdf(case, account_id=account_id, at=at)
    kind = kind_of(item)
    ended = case.state == CaseState.DONE
    if ended and (paper := Paper.objects.filter(case_id=case.pk, kind=kind.value, revoked_at__isnull=True).first()):
        return bytes(paper.content)
    unit = get_unit(case.unit_id) if case.unit_id else None
    registering = item.printout in registration_papers.KINDS
    data = registration_papers.of_case_data(case, item, unit, ended, at) if registering else _form(case, item, unit, ended, at)
    if ended and unit is not None:
        facts = (Fact("单位名称", unit.name), Fact("业务顺序号", case.number), Fact("业务事项", item.title))
        title = f"{kind.label} {case.number}"
        return bytes(issued(kind, title, data, facts, unit=unit, account_id=account_id, at=at, case_id=case.pk).content)
    qr = codes.qr_svg(f"{settings.BASE_URL}/w/cases/{case.pk}")
    return typeset(kind.value, {**data, "printed_at": at, "draft": True, "qr": qr}).pdf


def _form(case: Case, item: ServiceItem, unit: Unit | None, ended: bool, at: datetime) -> FilingForm:
    rows = Filing.objects.filter(case=case, values__isnull=False).exclude(state=FilingState.WITHDRAWN).order_by("row")
    found = list((rows.filter(state=FilingState.DONE) if ended else rows)[: FORM_ROWS_MAX + 1])
    if not found:
        raise NothingToPrintError("这个办件没有可以打印的内容，请先填写完整并保存")
    if len(found) > FORM_ROWS_MAX:
        raise PaperTooLongError(f"一张表最多打印 {FORM_ROWS_MAX:,} 行，请分批办理后打印，或下载名册核对")
    single = len(found) == 1
    changes = changes_of(item, of_case(case, at), row_of(found[0])) if single and not ended else ()
    reviewed = Event.objects.filter(case=case, kind="reviewed").order_by("-id").first() if ended else None
    last = None if reviewed is None else "系统自动审核" if case.automatic else reviewed.account_name
    return {
        "agency": unit.agency.name if unit else Agency.objects.values_list("name", flat=True).get(pk=case.agency_id),
        "item": item.title,
        "unit_number": unit.number if unit else None,
        "unit_name": unit.name if unit else case.subject,
        "serial": case.number,
        "filled_by": case.created_by_name,
        "filled_date": case.created_at.astimezone(ZONE).date(),
        "state": "审核通过" if ended else str(CaseState(case.state).label),
        "facts": [{"label": f.label, "value": text} for f, text in shown(item.fields, found[0].values, found[0].typed)] if single else [],
        "changes": [{"label": c.label, "before": c.before, "after": c.after} for c in changes],
        "tables": [] if single else [_table(item, found)],
        "materials": list(item.materials),
        "opinion": "审核通过" if ended else None,
        "handled_by": case.first_name or last,
        "reviewed_by": last if case.first_name else None,
        "decided_date": case.ended_at.astimezone(ZONE).date() if ended and case.ended_at else None,
    }


def _table(item: ServiceItem, rows: list[Filing]) -> FormTable:
    fields = item.columns[:COLUMNS_MAX]
    cells = [[str(i), *(text for _, text in shown(fields, row.values, row.typed))] for i, row in enumerate(rows, start=1)]
    title = f"申报名册（共 {len(rows)} 人）" if item.subject is Subject.PERSON else "申报内容"
    return {"title": title, "columns": ["序号", *(f.label for f in fields)], "rows": cells}
