"""Issuing and revoking papers. Each call belongs into one transaction of the caller."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from shebao.base.errors import ShebaoError
from shebao.papers import codes, verification
from shebao.papers.contracts import PaperKind
from shebao.papers.models import Paper
from shebao.papers.seal import SealKeys
from shebao.papers.typeset import TypesetError, typeset
from shebao.papers.verification import Fact

REASON_LENGTH_MAX = 200


class PaperError(ShebaoError):
    """There is no such paper, or it was revoked before."""

    code = "PAP-01"
    status = 409


@dataclass(frozen=True, slots=True)
class Made:
    """A sealed paper that is not stored yet."""

    code: str
    pdf: bytes
    pages: int


def make(kind: PaperKind, title: str, data: Mapping[str, object], *, at: datetime, keys: SealKeys, base_url: str) -> Made:
    """Set and seal a paper under a new code; code, qr, verify_url and printed_at are put into the data here.

    Raises: TypesetError for data that do not fit, or for a draft, which must never be sealed.
    """
    if data.get("draft"):
        raise TypesetError("a draft is not sealed: typeset it without issuing it")
    code = codes.new_code()
    url = codes.verify_url(base_url, code)
    paper = typeset(kind.value, {**data, "printed_at": at, "code": code, "qr": codes.qr_svg(url), "verify_url": url})
    if paper.seal_at is None:
        raise TypesetError(f"{kind.value} has no place for a seal")
    from shebao.papers.pades import sign  # see seal.py: only who seals loads it

    return Made(code, sign(paper.pdf, paper.seal_at, reason=title, at=at, keys=keys), paper.pages)


def issue(
    kind: PaperKind,
    title: str,
    data: Mapping[str, object],
    facts: Sequence[Fact],
    *,
    at: datetime,
    made_by: int,
    agency_id: int,
    keys: SealKeys,
    base_url: str,
    unit_id: int | None = None,
    person_id: int | None = None,
    case_id: int | None = None,
    valid_until: date | None = None,
) -> Paper:
    """Issue a paper: set, seal and store it under a new 验证码.

    Args: data: a contracts.* dictionary of that kind. facts: what 凭证验真 shows to anyone, already masked. at: now.
    made_by: account. valid_until: last valid day, None without end. base_url: of the public site, for the QR.
    Returns: the stored paper, content included. Raises: TypesetError.
    """
    made = make(kind, title, data, at=at, keys=keys, base_url=base_url)
    return Paper.objects.create(
        code=made.code,
        kind=kind.value,
        title=title,
        facts=verification.stored(facts),
        unit_id=unit_id,
        agency_id=agency_id,
        agency_name=str(data["agency"]),
        person_id=person_id,
        case_id=case_id,
        made_by=made_by,
        made_at=at,
        sha256=sha256(made.pdf).digest(),
        size=len(made.pdf),
        content=made.pdf,
        valid_until=valid_until,
    )


def revoke(code: str, reason: str, at: datetime) -> None:
    """作废 a paper: from now on 凭证验真 says so. Compare-and-set, so of two who try at once one is told.

    Raises: PaperError when there is no such paper within reach or it was revoked before; ValueError without a reason.
    """
    if not 0 < len(reason) <= REASON_LENGTH_MAX:
        raise ValueError("a revocation needs a reason of at most 200 characters")
    if not Paper.objects.filter(code=code, revoked_at__isnull=True).update(revoked_at=at, revoked_reason=reason):
        raise PaperError("没有可以作废的凭证：验证码不存在，或已经作废")


def revoke_of(unit_id: int, references: Sequence[str], reason: str, at: datetime) -> int:
    """作废 every valid paper of a unit whose title ends in one of these numbers (核定单号, 补缴单号): what it says holds no more.

    Returns how many. There may be none: not every bill was printed.
    """
    if not 0 < len(reason) <= REASON_LENGTH_MAX:
        raise ValueError("a revocation needs a reason of at most 200 characters")
    titles = [f"{kind.label} {number}" for kind in PaperKind for number in references]
    found = Paper.objects.filter(unit_id=unit_id, title__in=titles, revoked_at__isnull=True)
    return found.update(revoked_at=at, revoked_reason=reason)
