"""The case itself: locking it, moving it on, its timeline, and the key that makes a submission happen once."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from shebao.access.rights import Level, require
from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.casework.item import Context, ServiceItem, item_of
from shebao.casework.models import Attachment, Case, CaseState, Channel, Event, Filing, Submission
from shebao.casework.numbers import next_numbers


class StaleCaseError(ShebaoError):
    """Another tab or another person changed the case meanwhile."""

    code = "CAS-01"

    def __init__(self, case: Case) -> None:
        self.case = case
        super().__init__(
            f"办件 {case.number} 刚刚被更改，现在的状态是“{CaseState(case.state).label}”；您的页面是旧内容，请打开最新内容核对后再操作"
        )


class NoSuchCaseError(ShebaoError):
    """Absent, or not the actor's to see: the same answer."""

    code = "CAS-02"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这个办件，它可能已被删除，或者不属于您所在的单位")


class WrongStateError(ShebaoError):
    """The case is past (or before) the step that was asked for."""

    code = "CAS-03"

    def __init__(self, case: Case, wanted: str) -> None:
        super().__init__(f"办件 {case.number} 现在的状态是“{CaseState(case.state).label}”，不能{wanted}；请刷新页面查看最新内容")


class KeyReusedError(ShebaoError):
    """The same submission key came with another content, or from another account."""

    code = "CAS-04"

    def __init__(self) -> None:
        super().__init__("这个提交编号已经用于另一项内容，请刷新页面后重新提交")


class _Twice(Exception):
    """The key was taken by a submission in the same instant: undo ours, answer with theirs."""


def locked(case_id: int, version: int | None = None) -> Case:
    """The case under a row lock. Raises: NoSuchCaseError; StaleCaseError when the version moved on; NoRightError."""
    case = Case.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise NoSuchCaseError
    require(case.item_code, item_of(case.item_code, case.item_version).title, Level.FILE)
    if version is not None and case.version != version:
        raise StaleCaseError(case)
    return case


def note(case: Case, kind: str, text: str, *, at: datetime) -> None:
    """Append to the case's timeline and to the trace."""
    actor = current()
    Event.objects.create(
        case=case,
        unit_id=case.unit_id,
        agency_id=case.agency_id,
        at=at,
        kind=kind,
        text=text[:300],
        account_id=actor.account_id,
        account_name=actor.name,
        round=case.round,
    )
    record([Trace(f"case.{kind}", case.number, case_id=case.pk, unit_id=case.unit_id, agency_id=case.agency_id)], at=at)


def moved(case: Case, *, at: datetime) -> None:
    """Store a changed case with the next version."""
    case.version += 1
    case.changed_at = at
    case.save()


def new_case(item: ServiceItem, context: Context, channel: Channel, subject: str, state: CaseState) -> Case:
    """Create an empty case with its 业务顺序号. Raises: NoRightError for an operator without the right."""
    require(item.code, item.title, Level.FILE)
    actor = current()
    return Case.objects.create(
        number=next_numbers(item.prefix, context.on)[0],
        item_code=item.code,
        item_version=item.version,
        channel=channel,
        unit_id=context.unit_id,
        agency_id=context.agency_id,
        subject=subject[:120],
        state=state,
        created_by=actor.account_id,
        created_by_name=actor.name,
        created_at=context.at,
        changed_at=context.at,
    )


def belongs_to(case_id: int, unit_id: int) -> None:
    """The case of a unit to be (登记) belongs to the unit from now on, and the unit sees it. Called by an item's effect, as the engine."""
    Case.objects.filter(pk=case_id, unit_id=0).update(unit_id=unit_id)
    Filing.objects.filter(case_id=case_id, unit_id=0).update(unit_id=unit_id)
    Attachment.objects.filter(case_id=case_id, unit_id=0).update(unit_id=unit_id)


def once(key: UUID | None, action: str, content: object, context: Context, act: Callable[[], int]) -> int:
    """Do an act that ends in a case, once per key; the same key and content again answer with the same case.

    Raises: KeyReusedError when the key came with another content or from another account.
    """
    if key is None:
        return act()
    body = json.dumps([action, content], ensure_ascii=False, sort_keys=True, default=str)
    digest = hashlib.sha256(body.encode()).digest()
    if (known := _known(key, digest)) is not None:
        return known
    try:
        with transaction.atomic():
            case_id = act()
            with connection.cursor() as cursor:
                cursor.execute(
                    """
                    insert into casework_submission (key, account_id, unit_id, agency_id, action, digest, case_id, at)
                    values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (key) do nothing returning 1
                    """,
                    [key, current().account_id, context.unit_id, context.agency_id, action, digest, case_id, context.at],
                )
                if cursor.fetchone() is None:
                    raise _Twice
            return case_id
    except _Twice:
        known = _known(key, digest)
        if known is None:
            raise KeyReusedError from None
        return known
    except ShebaoError:
        # A double click: the second one waited for the case, and finds it moved on by the first. It gets the first one's answer.
        if (known := _known(key, digest)) is not None:
            return known
        raise


def _known(key: UUID, digest: bytes) -> int | None:
    row = Submission.objects.filter(key=key).first()
    if row is None:
        return None
    if bytes(row.digest) != digest or row.account_id != current().account_id or row.case_id is None:
        raise KeyReusedError
    return row.case_id
