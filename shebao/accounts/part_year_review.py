"""当年结算 by two people: one proposes what the trial came to, another settles it or sends it back."""

from datetime import datetime

from shebao.accounts.models import EndKind, PartYear, PartYearProposal, ProposalState
from shebao.accounts.part_year import NotSettleableError, attempt, settle_part_year
from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month, month_of, month_shown
from shebao.parties.models import Person
from shebao.policy.rulebook import Rulebook

REASON_MAX = 200


class ProposalError(ShebaoError):
    """The proposal is not complete, or not there any more."""

    code = "ACT-08"


class SameHandsError(ShebaoError):
    """Who proposes never decides."""

    code = "ACT-09"
    status = 403


def waiting(person_id: int, place: str) -> PartYearProposal | None:
    """The 当年结算 of an account that waits for a second person."""
    return PartYearProposal.objects.filter(person_id=person_id, place=place, state=ProposalState.PROPOSED).first()


def all_waiting(agency_id: int) -> list[PartYearProposal]:
    """Those of an agency, longest first."""
    rows = PartYearProposal.objects.filter(agency_id=agency_id, state=ProposalState.PROPOSED)
    return list(rows.select_related("person").order_by("id"))


def propose(
    person_id: int, kind: EndKind, month: Month, reason: str, *, place: str, agency_id: int, rulebook: Rulebook, at: datetime
) -> PartYearProposal:
    """Ask for a 当年结算 as it comes to now. Raises: ProposalError, NotSettleableError, RuleMissing."""
    if not reason.strip():
        raise ProposalError("请写明依据，例如：退休审批表、死亡医学证明书或关系转移联系函的编号")
    now = month_of(at.astimezone(ZONE).date())
    if month > now:
        raise NotSettleableError(f"{month_shown(month)}还没有到，不能提前结算；请按 {month_shown(now)}或以前的月份办理")
    Person.objects.select_for_update().get(pk=person_id)
    if waiting(person_id, place):
        raise ProposalError("这个账户的当年结算已有人提出，请由另一位财务人员复核，或先退回")
    tried = attempt(person_id, kind, month, place=place, rulebook=rulebook, at=at)
    if not (tried.stands.balance_fen or tried.stands.open_fen or tried.stands.product_fen):
        raise NotSettleableError("这个账户没有余额，也没有本年记账，不用做当年结算")
    made = PartYearProposal.objects.create(
        person_id=person_id, place=place, agency_id=agency_id, kind=tried.kind.value, month=month,
        reason=reason.strip()[:REASON_MAX], balance_fen=tried.balance_fen, proposed_by=current().account_id, proposed_at=at,
    )  # fmt: skip
    after = {"kind": tried.kind.value, "month": month, "balance_fen": tried.balance_fen}
    record([Trace("accounts.part_year_proposed", str(person_id), person_id=person_id, agency_id=agency_id, after=after)], at=at)
    return made


def decide(person_id: int, *, confirm: bool, place: str, agency_id: int, rulebook: Rulebook, at: datetime) -> PartYear | None:
    """复核: settled and booked as proposed, or sent back. What has come in since the proposal must be looked at first.

    Raises: ProposalError, SameHandsError, NotSettleableError, RuleMissing.
    """
    Person.objects.select_for_update().get(pk=person_id)
    rows = PartYearProposal.objects.select_for_update().filter(person_id=person_id, place=place, state=ProposalState.PROPOSED)
    made = rows.filter(agency_id=agency_id).first()
    if made is None:
        raise ProposalError("没有待复核的当年结算，或已由他人办理，请刷新页面")
    me = current().account_id
    if made.proposed_by == me:
        raise SameHandsError("提出和复核不能是同一人，请由另一位财务人员办理")
    part = None
    if confirm:
        part = settle_part_year(
            person_id, EndKind(made.kind), made.month, place=place, agency_id=made.agency_id, rulebook=rulebook,
            on=at.astimezone(ZONE).date(), at=at,
        )  # fmt: skip
        if part.balance_fen != made.balance_fen:
            raise NotSettleableError(
                f"提出之后账户有变动：当时结算余额 {yuan_shown(made.balance_fen)} 元，现为 {yuan_shown(part.balance_fen)} 元，没有结算；"
                "请退回后重新试算"
            )
    made.state, made.part_year = (ProposalState.CONFIRMED if confirm else ProposalState.DECLINED).value, part
    made.decided_by, made.decided_at = me, at
    made.save(update_fields=["state", "part_year", "decided_by", "decided_at"])
    if not confirm:
        record([Trace("accounts.part_year_declined", str(person_id), person_id=person_id, agency_id=made.agency_id)], at=at)
    return part
