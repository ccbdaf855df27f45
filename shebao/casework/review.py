"""What a reviewer (or the system) does: claim, pass, return, or both in one save. Passing has its effect in the same transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import OperationalError, connection, transaction

from shebao.access.acting import DEADLOCK, acting
from shebao.base.actor import ENGINE, current
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework import large
from shebao.casework.cases import StaleCaseError, WrongStateError, locked, moved, note
from shebao.casework.examine import check, of_values
from shebao.casework.item import Context, ServiceItem, Subject, item_of
from shebao.casework.item import Filing as Row
from shebao.casework.models import Case, CaseState, Filing, FilingState
from shebao.casework.telling import tell_outcome

RACES_MAX = 3


class NotReviewerError(ShebaoError):
    """The post does not allow it, or the case was filed by the same person (who enters never reviews)."""

    code = "CAS-10"
    status = 403


class ReasonMissingError(ShebaoError):
    """Returned without saying why."""

    code = "CAS-11"
    status = 422


class ClaimedError(ShebaoError):
    """Another reviewer has it."""

    code = "CAS-12"


@dataclass(frozen=True, slots=True)
class Return:
    """Why a row goes back, and which fields to mend."""

    reason: str
    pins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer decided: rows by id that go back, everything else passes; or all goes back for one reason."""

    returns: Mapping[int, Return] = field(default_factory=dict)
    return_all: Return | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows took effect and how many went back; `pending` are those of a large batch that a job is at."""

    done: int
    returned: int
    pending: int = 0
    second: bool = False  # nothing took effect yet: a second reviewer has to confirm


def claim(case_id: int, *, at: datetime) -> None:
    """领取: nobody else decides it meanwhile. Claiming one's own again is harmless.

    Raises: NotReviewerError, WrongStateError, ClaimedError.
    """
    case = locked(case_id)
    _may_review(case)
    if case.state != CaseState.REVIEW:
        raise WrongStateError(case, "领取")
    actor = current()
    if case.claimed_by == actor.account_id:
        return
    if case.claimed_by is not None:
        raise ClaimedError(f"这个办件已由{case.claimed_name}领取，请选择其他办件")
    case.claimed_by, case.claimed_name, case.claimed_at = actor.account_id, actor.name, at
    moved(case, at=at)
    note(case, "claimed", "领取办件", at=at)


def release(case_id: int, *, at: datetime) -> None:
    """放回队列. Raises: ClaimedError when another one holds it, SettlingError while its decision takes effect."""
    case = locked(case_id)
    large.refuse_while_settling(case)
    if case.claimed_by != current().account_id:
        raise ClaimedError("只有领取人可以把办件放回队列")
    case.claimed_by, case.claimed_name, case.claimed_at = None, "", None
    moved(case, at=at)
    note(case, "released", "放回队列", at=at)


def decide(case_id: int, version: int, decision: Decision, context: Context) -> Outcome:
    """审核: pass, return, or name the rows to return and pass the rest, in one save.

    Raises: StaleCaseError when another reviewer was first, NotReviewerError, ClaimedError, ReasonMissingError, WrongStateError.
    """
    case = locked(case_id)
    if case.state != CaseState.REVIEW or case.version != version:
        raise StaleCaseError(case)
    large.refuse_while_settling(case)
    _may_review(case)
    if case.claimed_by not in (None, current().account_id):
        raise ClaimedError(f"这个办件已由{case.claimed_name}领取，请选择其他办件")
    if any(not r.reason.strip() for r in (*decision.returns.values(), *([decision.return_all] if decision.return_all else []))):
        raise ReasonMissingError("请填写不通过原因，单位才知道该怎样修改")
    if case.second_reason and decision.return_all is None:
        if case.first_by is None:
            return _first(case, decision, at=context.at)
        earlier = {int(pk): Return(reason, tuple(pins)) for pk, (reason, pins) in (case.first_returns or {}).items()}
        decision = Decision(earlier | dict(decision.returns))
    return _settle(case, decision, context, reviewer=current().account_id)


def _first(case: Case, decision: Decision, *, at: datetime) -> Outcome:
    """初审: kept until a second reviewer confirms; nothing takes effect. Returning everything needs no second one."""
    actor = current()
    case.first_by, case.first_name, case.first_at = actor.account_id, actor.name, at
    case.first_returns = {str(pk): [r.reason, list(r.pins)] for pk, r in decision.returns.items()} or None
    case.claimed_by, case.claimed_name, case.claimed_at = None, "", None
    moved(case, at=at)
    back = f"，{len(decision.returns)} 人退回" if decision.returns else ""
    note(case, "first_reviewed", f"初审通过{back}，等待复核：{case.second_reason}", at=at)
    return Outcome(0, 0, second=True)


def review_automatically(case_id: int, context: Context) -> Outcome | None:
    """系统自动审核 of a case. Run by the job process as the engine; a second run finds nothing to do."""
    case = locked(case_id)
    if case.state != CaseState.REVIEW or not case.automatic or large.open_settlement(case):
        return None
    return _settle(case, Decision(), context, reviewer=0)


def _may_review(case: Case) -> None:
    actor = current()
    if Post.REVIEWER not in actor.posts:
        raise NotReviewerError("您的岗位没有审核权限，如需办理请联系系统管理员")
    if actor.account_id in (case.submitted_by, case.created_by):
        raise NotReviewerError("录入和审核不能是同一人，请由其他审核人员办理")
    if actor.account_id == case.first_by:
        raise NotReviewerError("初审和复核不能是同一人，请由其他审核人员复核")


def _settle(case: Case, decision: Decision, context: Context, *, reviewer: int) -> Outcome:
    if large.is_large(case):
        send_back(decision.returns, context.at)
        everything = decision.return_all
        back = (everything.reason, everything.pins) if everything else ("", ())
        pending = large.begin(case, context, reviewer=reviewer, returned=len(decision.returns), back=back)
        return Outcome(0, len(decision.returns), pending)
    item = item_of(case.item_code, case.item_version)
    filings = list(Filing.objects.filter(case=case, state=FilingState.REVIEW).order_by("row"))
    returns = {f.pk: decision.return_all for f in filings} if decision.return_all else dict(decision.returns)
    passing = [f for f in filings if f.pk not in returns]
    refused = take_effect(item, case, passing, context)
    if not case.unit_id:  # a registration that took effect has given the case its unit
        case.unit_id = Case.objects.values_list("unit_id", flat=True).get(pk=case.pk)
    returns |= refused
    done = [f.pk for f in passing if f.pk not in refused]
    Filing.objects.filter(pk__in=done).update(state=FilingState.DONE, changed_at=context.at)
    send_back(returns, context.at)
    case.reviewed_by = reviewer
    case.claimed_by, case.claimed_name, case.claimed_at = None, "", None
    if returns:
        first = next(iter(returns.values()))
        case.state, case.returned = CaseState.DRAFT, True
        case.first_by, case.first_name, case.first_at, case.first_returns = None, "", None, None
        case.return_reason = (first.reason if len(returns) == 1 else f"{first.reason[:280]}（共 {len(returns)} 人被退回）")[:300]
    else:
        case.state, case.ended_at = CaseState.DONE, context.at
    moved(case, at=context.at)
    told = _told(item, case, len(done), len(returns))
    note(case, "reviewed", told, at=context.at)
    tell_outcome(case, item.title, told, at=context.at)
    return Outcome(len(done), len(returns))


def _told(item: ServiceItem, case: Case, done: int, returned: int) -> str:
    """What became of it, for the timeline."""
    if item.subject is not Subject.PERSON:
        return f"退回：{case.return_reason}" if returned else "通过"
    told = [f"{done} 人通过" if done else "", f"{returned} 人退回：{case.return_reason}" if returned else ""]
    return "，".join(part for part in told if part) or "办结"


def send_back(returns: Mapping[int, Return], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update casework_filing f set state = 'returned', return_reason = n.reason, pins = n.pins::jsonb, changed_at = %s
            from unnest(%s::bigint[], %s::text[], %s::text[]) as n (id, reason, pins) where f.id = n.id
            """,
            [
                at,
                list(returns),
                [r.reason[:300] for r in returns.values()],
                [json.dumps(r.pins) for r in returns.values()],
            ],
        )


def take_effect(item: ServiceItem, case: Case, passing: Sequence[Filing], context: Context) -> dict[int, Return]:
    """Check the passing rows against the world as it is now, perform those that still hold, and return the others with the reason."""
    rows = list(passing)
    refused: dict[int, Return] = {}
    for attempt in range(RACES_MAX):
        with acting(ENGINE):
            found = [of_values(f.row, f.values or {}, f.pk, case.pk) for f in rows]
            for filing, examined in zip(rows, check(item, context, found, taking_effect=True), strict=True):
                if examined.refusals:
                    pins = tuple(r.field for r in examined.refusals if r.field)
                    refused[filing.pk] = Return("；".join(r.text for r in examined.refusals), pins)
            rows = [f for f in rows if f.pk not in refused]
            if not rows:
                return refused
            try:
                with transaction.atomic():
                    _guard(rows, context.at)
                    item.perform([Row(f.values or {}, f.row, f.pk, case.pk) for f in rows], context)
                return refused
            except (ShebaoError, OperationalError) as error:
                # Somebody was faster in this very instant; checking again tells who and what.
                if attempt == RACES_MAX - 1 or not (isinstance(error, ShebaoError) or _is_deadlock(error)):
                    raise
    return refused


def _is_deadlock(error: OperationalError) -> bool:
    """Two effects held what the other one wanted, and the database undid this one to its savepoint."""
    return getattr(error.__cause__, "sqlstate", None) == DEADLOCK


def _guard(rows: Sequence[Filing], at: datetime) -> None:
    """One effect per filing: the primary key refuses the second."""
    with connection.cursor() as cursor:
        cursor.execute("insert into casework_effect (filing_id, at) select f, %s from unnest(%s::bigint[]) f", [at, [f.pk for f in rows]])
