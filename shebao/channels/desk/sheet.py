"""The review page of a case: what was filed, what the register knows, what the checks say right now, what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import Refusal
from shebao.casework.attachments import materials_of
from shebao.casework.examine import check, of_values
from shebao.casework.item import Answer, Change, Context, MoneyEffect, ServiceItem, item_of
from shebao.casework.item import Filing as Row
from shebao.casework.large import open_settlement
from shebao.casework.models import Attachment, Case, CaseState, Event, Filing, FilingState
from shebao.casework.operations import changes_of
from shebao.casework.pictures import JPEG
from shebao.casework.queries import (
    ROWS_SIZE,
    Page,
    RowCounts,
    Show,
    events_of,
    filings,
    get_case,
    parts_of,
    row_counts,
    upload_of,
    warning_groups,
)
from shebao.channels.contexts import of_case
from shebao.channels.desk.words import state_words
from shebao.channels.year_overview import overview_of
from shebao.levy.desk_queries import unit_names
from shebao.surfaces.form import attachment_url, display
from shebao.surfaces.jinja import moment
from shebao.surfaces.reasons import reason

CHECKED_ROWS_MAX = 2_000  # of a batch that is checked whole for its page; taking effect checks every row of any batch again


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a case as the reviewer sees it: its values as people read them, and what stands against it now."""

    filing: Filing
    values: list[tuple[str, str, str]]  # (field, label, shown)
    refusals: list[Refusal]
    warnings: list[Refusal]

    @property
    def tone(self) -> str:
        return "err" if self.refusals else "warn" if self.warnings else ""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check of an item: what it looks for, and what it found (empty: nothing)."""

    code: str
    meaning: str
    found: str
    tone: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the review page shows of a case."""

    case: Case
    item: ServiceItem
    unit: tuple[str, str]
    counts: RowCounts
    lines: Page[Line]
    whole: bool  # whether every row was checked now, not only those shown
    refused_rows: int
    warned_rows: int
    groups: list[tuple[str, str, int]]  # (sentence, tone, rows) of what stands against rows
    common: list[str]  # warnings that hold for every row
    checks: list[CheckLine]
    answer: Answer | None
    effect: MoneyEffect | None
    changes: tuple[Change, ...]
    events: list[Event]
    state: tuple[str, str]

    @property
    def single(self) -> bool:
        return self.counts.total == 1


def sheet_of(case_id: int, at: datetime, *, search: str = "", page: int = 1, show: Show = Show.ALL) -> Sheet:
    """Read a case for its review page; nothing is changed. Raises: NoSuchCaseError."""
    case = get_case(case_id)
    item, context = item_of(case.item_code, case.item_version), of_case(case, at)
    counts = row_counts(case)
    whole = counts.total <= CHECKED_ROWS_MAX
    if whole:
        every, common = _without_common(_lines(item, context, filings(case, size=CHECKED_ROWS_MAX).rows))
        lines = _page_of_whole(case, every, search, page, show)
    else:
        found = filings(case, show, search=search, page=page, exceptions_first=True)
        every, common = _lines(item, context, found.rows), []
        lines = Page(every, found.total, found.page, found.size)
    pending = _rows(every)
    only = every[0] if counts.total == 1 and every else None
    with acting(ENGINE):
        answer = item.look_up(only.filing.id_number, context) if item.look_up and only and only.filing.id_number else None
        effect = item.effect(pending, context) if item.effect and whole and pending else None
    changes = changes_of(item, context, pending[0]) if only and pending else ()
    return Sheet(
        case=case,
        item=item,
        unit=unit_names([case.unit_id]).get(case.unit_id, ("", "")),
        counts=counts,
        lines=lines,
        whole=whole,
        refused_rows=sum(line.tone == "err" for line in every),
        warned_rows=sum(line.tone == "warn" for line in every) if whole else counts.warned,
        groups=_groups(every) if whole else [(g.text, "warn", g.rows) for g in warning_groups(case)],
        common=common,
        checks=_checks(item, only) if only and pending else [],
        answer=answer,
        effect=effect if effect and (effect.amounts or effect.tables or effect.sentences) else None,
        changes=changes,
        events=events_of(case),
        state=state_words(case),
    )


def _page_of_whole(case: Case, every: list[Line], search: str, page: int, show: Show) -> Page[Line]:
    """A page of a batch that was checked whole: what stands against rows now decides the order."""
    narrowed = bool(search) or show not in (Show.ALL, Show.EXCEPTIONS)
    wanted = {f.pk for f in filings(case, show, search=search, size=CHECKED_ROWS_MAX).rows} if narrowed else None
    shown = [line for line in every if (wanted is None or line.filing.pk in wanted) and (line.tone or show is not Show.EXCEPTIONS)]
    shown.sort(key=lambda line: (line.filing.state != FilingState.RETURNED, not line.refusals, not line.warnings, line.filing.row))
    page = min(max(page, 1), max(1, -(-len(shown) // ROWS_SIZE)))
    return Page(shown[(page - 1) * ROWS_SIZE : page * ROWS_SIZE], len(shown), page, ROWS_SIZE)


def _without_common(lines: list[Line]) -> tuple[list[Line], list[str]]:
    """A warning that holds for every row of a batch is told once above it, not on every line."""
    if len(lines) < 2:
        return lines, []
    common = set.intersection(*({w.text for w in line.warnings} for line in lines))
    kept = [replace(line, warnings=[w for w in line.warnings if w.text not in common]) for line in lines]
    return kept, sorted(common)


def shown_with(sheet: Sheet, account_id: int) -> Mapping[str, object]:
    """The sheet as the template takes it."""
    case, settlement = sheet.case, open_settlement(sheet.case)
    deciding = case.state == CaseState.REVIEW and settlement is None
    return {
        "settlement": settlement,
        "overview": overview_of(case),
        "sheet": sheet,
        "case": case,
        "item": sheet.item,
        "holding": deciding and case.claimed_by == account_id,
        "free": deciding and case.claimed_by is None,
        "own": account_id in (case.submitted_by, case.created_by),
        "first_mine": case.first_by == account_id,
        "second": case.first_by is not None,
        "first_returns": len(case.first_returns or {}),
        "amounts": [
            {"label": a.label, "base_fen": a.base_fen or None, "unit_fen": a.unit_fen, "person_fen": a.person_fen}
            for a in (sheet.effect.amounts if sheet.effect else ())
        ],
        "effect_why": next((reason(a.explained) for a in sheet.effect.amounts if a.explained), None) if sheet.effect else None,
        "scans": scans_of(case, sheet.item),
        "timeline": [_told(event) for event in sheet.events],
        "upload": upload_of(case),
        "split_off": parts_of(case),
        "reasons": sheet.item.return_reasons,
        "pin_choices": [(f.name, f.label) for f in sheet.item.fields],
    }


def scans_of(case: Case, item: ServiceItem) -> list[dict[str, object]]:
    """Each material of the item with the scans that the unit handed in, for desk/scans.html."""
    found = materials_of(case)
    return [{"name": name, "files": [_scan(one) for one in found if one.name == name]} for name in item.materials]


def _scan(one: Attachment) -> dict[str, object]:
    told = {"url": attachment_url(one.pk), "name": one.file_name, "size": one.size, "at": one.at, "who": one.account_name}
    return {**told, "picture": one.media_type == JPEG, "width": one.width, "height": one.height}


def _lines(item: ServiceItem, context: Context, rows: Sequence[Filing]) -> list[Line]:
    """Rows with their checks done anew against the register as it is now; rows that are decided are shown as they were."""
    examined = [of_values(f.row, f.values or {}, f.pk, f.case_id) for f in rows]
    live = [e for e, f in zip(examined, rows, strict=True) if f.state == FilingState.REVIEW]
    check(item, context, live, taking_effect=True)
    return [
        Line(
            f,
            [(field.name, field.label, display(field, (f.values or {}).get(field.name))) for field in item.fields],
            e.refusals,
            e.warnings,
        )
        for f, e in zip(rows, examined, strict=True)
    ]


def _rows(lines: Sequence[Line]) -> list[Row]:
    return [
        Row(line.filing.values or {}, line.filing.row, line.filing.pk, line.filing.case_id)
        for line in lines
        if line.filing.state == FilingState.REVIEW
    ]


def _checks(item: ServiceItem, line: Line) -> list[CheckLine]:
    against = {r.code: (r.text, "err") for r in line.refusals} | {w.code: (w.text, "warn") for w in line.warnings}
    told = [CheckLine(code, meaning.removeprefix("提醒："), *against.pop(code, ("", "ok"))) for code, meaning in item.refusal_codes.items()]
    rest = [CheckLine(code, text, text, tone) for code, (text, tone) in against.items()]
    return sorted([*told, *rest], key=lambda c: {"err": 0, "warn": 1, "ok": 2}[c.tone])


def _groups(lines: Sequence[Line]) -> list[tuple[str, str, int]]:
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for tone, stood in (("err", line.refusals), ("warn", line.warnings)):
            for refusal in stood:
                found.setdefault((refusal.code, tone), []).append(refusal.text)
    return sorted(((texts[0], tone, len(texts)) for (_, tone), texts in found.items()), key=lambda g: (g[1] != "err", -g[2]))


def _told(event: Event) -> dict[str, object]:
    tone = {"reviewed": "ok", "first_reviewed": "ok", "deciding": "now", "refused": "err", "submitted": "now"}.get(event.kind, "")
    if event.kind == "reviewed" and "退回" in event.text:
        tone = "err"
    who = event.account_name if event.account_id else "系统"
    return {"at": moment(event.at), "who": who, "what": event.text, "tone": tone}
