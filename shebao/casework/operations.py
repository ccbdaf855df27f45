"""What a filer does with a case: save, amend, submit, withdraw. Each is refused with a sentence, or has its effect once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet

from shebao.access.acting import acting
from shebao.access.rights import Level, require
from shebao.base.actor import ENGINE, current
from shebao.base.errors import Refusal, RefusedError, ShebaoError
from shebao.casework import attachments, large
from shebao.casework.cases import WrongStateError, locked, moved, new_case, note, once
from shebao.casework.examine import Examined, Typed, as_json, asked, check, examine, from_json, read, typed_of
from shebao.casework.item import Change, Context, MoneyEffect, Review, ServiceItem, Subject, item_of
from shebao.casework.item import Filing as Row
from shebao.casework.jobs import defer
from shebao.casework.models import Case, CaseState, Channel, Filing, FilingState

REEXAMINED_ROWS_MAX = 2_000  # above it a submission relies on the upload's checks; taking effect checks every row again anyway
OPEN_STATES = (FilingState.DRAFT, FilingState.RETURNED)
REFUSED = Q(refusals__isnull=False) | Q(values__isnull=True)


class CoreFixedError(ShebaoError):
    """A grey (core) field of a saved filing was to be changed."""

    code = "CAS-05"
    status = 422


class NothingToSubmitError(ShebaoError):
    """Every row of the case still has something against it."""

    code = "CAS-06"
    status = 422


class RowsRefusedError(ShebaoError):
    """Some of many filings were refused; none was stored. `rows`: refusals by position, 1…n."""

    code = "CAS-07"
    status = 422

    def __init__(self, rows: Mapping[int, Sequence[Refusal]]) -> None:
        super().__init__(f"有 {len(rows)} 项没有通过校验，全部没有提交；请按提示修改后重新发送")
        self.rows = rows


class OtherSideError(ShebaoError):
    """Entered at the counter and touched online, or the other way round."""

    code = "CAS-13"


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved single filing, with what still stands against it (a draft may be saved with errors, not submitted)."""

    case_id: int
    examined: Examined


def examine_one(item: ServiceItem, context: Context, typed: Mapping[str, str | list[str]]) -> Examined:
    """Examine what was typed into a form. Nothing is stored."""
    return examine(item, context, {f.name: [typed.get(f.name)] for f in item.fields}, [1])[0]


def save_new(
    item: ServiceItem, context: Context, typed: Typed, *, key: UUID | None, channel: Channel = Channel.PAGE, as_draft: bool = False
) -> Saved:
    """保存 a new single filing; a draft (暂存) keeps what was typed even with errors.

    Raises: RefusedError with every refusal; nothing is stored then.
    """
    examined = examine_one(item, context, typed)
    if examined.refusals and not as_draft:
        raise RefusedError(examined.refusals)

    def act() -> int:
        case = new_case(item, context, channel, _subject(item, context, examined), CaseState.DRAFT)
        Filing.objects.create(case=case, row=1, **_columns(context, examined, FilingState.DRAFT))
        attachments.bind(item, context, case, [examined.values])
        note(case, "saved", "暂存草稿" if as_draft else "保存", at=context.at)
        return case.pk

    return Saved(once(key, f"save:{item.code}", typed, context, act), examined)


def file_many(
    item: ServiceItem, context: Context, filings: Sequence[Mapping[str, str | list[str]]], *, key: UUID | None, channel: Channel
) -> int:
    """Save and submit filings at once, all or none (programs: there is nobody to repair a row in a page).

    Returns: the case. Raises: RowsRefusedError with every refusal by position.
    """

    def act() -> int:
        columns = {f.name: [typed.get(f.name) for typed in filings] for f in item.fields}
        found = examine(item, context, columns, range(1, len(filings) + 1))
        photos = attachments.against(item, context, [examined.values for examined in found])
        refused = {e.row: [*e.refusals, *told] for e, told in zip(found, photos, strict=True) if e.refusals or told}
        if refused:
            raise RowsRefusedError(refused)
        subject = _subject(item, context, found[0]) if len(found) == 1 else f"{len(found)} 人"
        case = new_case(item, context, channel, subject, CaseState.DRAFT)
        Filing.objects.bulk_create(
            [Filing(case=case, row=examined.row, **_columns(context, examined, FilingState.DRAFT)) for examined in found], batch_size=500
        )
        attachments.bind(item, context, case, [examined.values for examined in found])
        note(case, "saved", "保存", at=context.at)
        return _submit(case.pk, case.version, context)

    return once(key, f"file:{item.code}", list(filings), context, act)


def effect_of(item: ServiceItem, context: Context, found: Sequence[Examined]) -> MoneyEffect:
    """What accepted rows would do to the monthly payment. Reads across units, so the engine asks."""
    if item.effect is None:
        return MoneyEffect("")
    with acting(ENGINE):
        return item.effect([Row(examined.values, examined.row) for examined in found], context)


def changes_of(item: ServiceItem, context: Context, row: Row) -> tuple[Change, ...]:
    """What a clean filing changes, before and after."""
    if item.compare is None:
        return ()
    with acting(ENGINE):
        return tuple(item.compare(row, item.facts([row], context)[0], context))


def save_again(case_id: int, version: int, context: Context, typed: Typed, *, as_draft: bool = False) -> Saved:
    """保存 a single filing that is not submitted (or was returned) once more. Core fields stay as they were first saved.

    Raises: StaleCaseError, WrongStateError, CoreFixedError, RefusedError.
    """
    case = _own(locked(case_id, version), context)
    if case.state != CaseState.DRAFT:
        raise WrongStateError(case, "再修改")
    item = item_of(case.item_code, case.item_version)
    filing = Filing.objects.get(case=case)
    _keep_core(item, filing, typed)
    examined = examine_one(item, context, typed)
    if examined.refusals and not as_draft:
        raise RefusedError(examined.refusals)
    Filing.objects.filter(pk=filing.pk).update(**_columns(context, examined, FilingState(filing.state)))
    attachments.bind(item, context, case, [examined.values])
    case.subject = _subject(item, context, examined)
    moved(case, at=context.at)
    if not as_draft:
        note(case, "saved", "修改并保存", at=context.at)
    return Saved(case.pk, examined)


def _keep_core(item: ServiceItem, filing: Filing, typed: Typed) -> None:
    """Grey fields: what the first clean save fixed cannot be typed over; a draft that never was clean is still free."""
    if filing.values is None:
        return
    for f in item.fields:
        if f.core and typed.get(f.name) not in (None, "", []) and f.clean(typed[f.name])[0] != filing.values.get(f.name):
            raise CoreFixedError(f"{f.label}保存后不能修改；如填错，请退单后重新办理")
        if f.core:
            typed[f.name] = filing.typed.get(f.name, "")


def amend_row(case_id: int, filing_id: int, context: Context, typed: Typed) -> Examined:
    """Repair one row of a batch in the page; only this row and its doubles, former and new, are examined and stored again.

    Raises: NoSuchCaseError, WrongStateError.
    """
    case = _own(locked(case_id), context)
    if case.state != CaseState.DRAFT:
        raise WrongStateError(case, "再修改")
    item = item_of(case.item_code, case.item_version)
    filing = Filing.objects.filter(case=case, pk=filing_id, state__in=OPEN_STATES).first()
    if filing is None:
        raise WrongStateError(case, "修改这一行")
    former, filing.typed = filing.id_number, {**typed_of(item, filing.typed, filing.values), **typed}
    alone = read(item, {f.name: [filing.typed.get(f.name)] for f in asked(item, case.channel)}, [filing.row])[0]
    twins = _same_people(case, {former, alone.id_number}).exclude(pk=filing.pk)
    examined = _store_again(item, context, case, [filing, *twins], amended=filing)[0]
    Case.objects.filter(pk=case.pk).update(changed_at=context.at, version=F("version") + 1)
    return examined


def _same_people(case: Case, id_numbers: set[str]) -> QuerySet[Filing]:
    return Filing.objects.filter(case=case, id_number__in=id_numbers - {""}, state__in=OPEN_STATES).order_by("row")


def _store_again(
    item: ServiceItem, context: Context, case: Case, filings: Sequence[Filing], amended: Filing | None = None
) -> list[Examined]:
    """Examine stored rows together, as they would be typed now, and store the amended one and those whose outcome is another."""
    typed = [typed_of(item, filing.typed, filing.values) for filing in filings]
    columns = {f.name: [row.get(f.name) for row in typed] for f in asked(item, case.channel)}
    found = read(item, columns, [f.row for f in filings])
    for filing, examined in zip(filings, found, strict=True):
        examined.filing_id, examined.case_id = filing.pk, filing.case_id
    for filing, examined in zip(filings, check(item, context, found), strict=True):
        if filing is amended or as_json(examined.refusals) != filing.refusals or filing.values != examined.values:
            Filing.objects.filter(pk=filing.pk).update(**_columns(context, examined, FilingState(filing.state)))
    return found


def remove_rows(case_id: int, filing_ids: Sequence[int], *, at: datetime, context: Context | None = None) -> int:
    """Take rows out of a batch that is not submitted. The rows stay on record as deleted.

    context: when given, a double's twin is free at once, otherwise when the case is submitted.
    """
    case = locked(case_id)
    if case.state != CaseState.DRAFT:
        raise WrongStateError(case, "删除")
    rows = Filing.objects.filter(case=case, pk__in=filing_ids, state__in=OPEN_STATES)
    people = set(rows.values_list("id_number", flat=True)[:REEXAMINED_ROWS_MAX])
    count = rows.update(state=FilingState.WITHDRAWN, changed_at=at)
    if count:
        if context is not None and (twins := list(_same_people(case, people))):
            _store_again(item_of(case.item_code, case.item_version), context, case, twins)
        moved(case, at=at)
        note(case, "rows_removed", f"删除 {count} 行", at=at)
    return count


def submit(case_id: int, version: int, context: Context, *, key: UUID | None = None) -> int:
    """提交审批. Rows that are clean go to review; the rest of a batch stays behind as a draft of its own.

    Returns: the case that went to review. Raises: StaleCaseError, WrongStateError, RefusedError, NothingToSubmitError.
    """
    return once(key, "submit", [case_id], context, lambda: _submit(case_id, version, context))


def _submit(case_id: int, version: int, context: Context) -> int:
    case = _own(locked(case_id, version), context)
    if case.state != CaseState.DRAFT:
        raise WrongStateError(case, "提交审批")
    item = item_of(case.item_code, case.item_version)
    require(item.code, item.title, Level.SUBMIT)
    rows = Filing.objects.filter(case=case, state__in=OPEN_STATES)
    _examine_again(item, context, case, rows)
    good = rows.filter(refusals__isnull=True, values__isnull=False)
    bad = rows.filter(REFUSED)
    if not good.exists():
        refusals = [r for f in bad[:5] for r in f.refusals or ()]
        if case.channel == Channel.WORKBOOK or not refusals:
            raise NothingToSubmitError("没有可以提交的行：请先修改错误的行，或退单后重新上传")
        raise RefusedError(from_json(refusals))
    split = bad.exists()
    if split:
        _split(item, context, case, bad)
    case.second_reason = _second_reason(item, context, good)
    case.round += 1
    count = good.update(state=FilingState.REVIEW, round=case.round, return_reason="", pins=None, changed_at=context.at)
    case.state, case.returned, case.return_reason = CaseState.REVIEW, False, ""
    if split:
        case.subject = f"{count} 人"
    case.submitted_by, case.submitted_at, case.reviewed_by = current().account_id, context.at, None
    case.claimed_by, case.claimed_name, case.claimed_at = None, "", None
    case.first_by, case.first_name, case.first_at, case.first_returns = None, "", None, None
    case.automatic = item.review(context) is Review.AUTOMATIC and not context.counter and not case.second_reason
    moved(case, at=context.at)
    again = f"第 {case.round} 次提交审批" if case.round > 1 else "提交审批"
    many = f"，{count} 人" if item.subject is Subject.PERSON else ""
    note(case, "submitted", f"{again}{many}" + ("，系统自动审核" if case.automatic else "，等待窗口审核"), at=context.at)
    if case.automatic:
        defer("review_automatically", case_id=case.pk)
    return case.pk


def _second_reason(item: ServiceItem, context: Context, good: QuerySet[Filing]) -> str:
    """Why a second reviewer has to confirm what is submitted now; empty when one is enough."""
    if item.second_review is None:
        return ""
    rows = [Row(f.values or {}, f.row, f.pk, f.case_id) for f in good.order_by("row")]
    with acting(ENGINE):
        return item.second_review(rows, context)[:120]


def _examine_again(item: ServiceItem, context: Context, case: Case, rows: QuerySet[Filing]) -> None:
    """The world may have moved since the rows were saved."""
    filings = list(rows.order_by("row")[: REEXAMINED_ROWS_MAX + 1])
    if len(filings) > REEXAMINED_ROWS_MAX:
        # Of a large batch only what was refused: a deleted double or a changed world may have freed it.
        filings = list(rows.filter(REFUSED).order_by("row")[:REEXAMINED_ROWS_MAX])
    if filings:
        _store_again(item, context, case, filings)


def _split(item: ServiceItem, context: Context, case: Case, bad: QuerySet[Filing]) -> None:
    rest = new_case(item, context, Channel(case.channel), "", CaseState.DRAFT)
    rest.parent = case
    count = bad.update(case=rest)
    rest.subject = f"{count} 人（由 {case.number} 拆出）"
    rest.save()
    note(rest, "split", f"{case.number} 中有错误的 {count} 行留在本草稿，修改后可再提交", at=context.at)
    note(case, "split", f"{count} 行有错误，未随本次提交，留在草稿 {rest.number}", at=context.at)


def _own(case: Case, context: Context) -> Case:
    """What the counter entered is mended at the counter, what the unit filed by the unit. Raises: OtherSideError."""
    if (case.channel == Channel.COUNTER) != context.counter:
        raise OtherSideError(
            "这个办件由窗口录入，请到窗口修改或提交" if not context.counter else "这个办件由单位网上申报，请由单位修改或提交"
        )
    return case


def withdraw(case_id: int, version: int, *, at: datetime, context: Context | None = None) -> None:
    """退单: take back a case that is not submitted, or that no reviewer has opened yet.

    Raises: StaleCaseError, WrongStateError, OtherSideError, SettlingError.
    """
    case = locked(case_id, version)
    large.refuse_while_settling(case)
    if context is not None:
        _own(case, context)
    waiting = case.state == CaseState.REVIEW and case.claimed_by is None and case.first_by is None and not case.automatic
    open_to_filer = case.state == CaseState.DRAFT or waiting
    if not open_to_filer:
        raise WrongStateError(case, "退单")
    Filing.objects.filter(case=case, state__in=(*OPEN_STATES, FilingState.REVIEW)).update(state=FilingState.WITHDRAWN, changed_at=at)
    done = Filing.objects.filter(case=case, state=FilingState.DONE).exists()
    case.state = CaseState.DONE if done else CaseState.WITHDRAWN
    case.returned, case.ended_at = False, at
    moved(case, at=at)
    note(case, "withdrawn", "退单" + ("（已办结的人员不受影响）" if done else ""), at=at)


def _columns(context: Context, examined: Examined, state: FilingState) -> dict[str, object]:
    return {
        "unit_id": context.unit_id,
        "agency_id": context.agency_id,
        "state": state,
        "id_number": examined.id_number,
        "name": examined.name,
        "typed": examined.typed,
        "values": examined.values if examined.readable else None,
        "refusals": as_json(examined.refusals),
        "warnings": as_json(examined.warnings),
        "changed_at": context.at,
    }


def _subject(item: ServiceItem, context: Context, examined: Examined) -> str:
    """Whom a single case is about, as lists name it."""
    if item.subject is Subject.UNIT:
        return context.unit_name or "本单位"
    if item.subject is Subject.NEW_UNIT:
        return str(examined.values.get("unit_name") or examined.values.get("name") or "") or "新单位"
    return examined.name or examined.id_number or "未填写"
