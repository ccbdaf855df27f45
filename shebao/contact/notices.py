"""通知公告: written by one person, published by another, withdrawn when it must be; never edited once it was out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.actor import PUBLIC, current
from shebao.base.clock import ZONE
from shebao.contact import refusals
from shebao.contact.messages import tell
from shebao.contact.models import Audience, Notice, NoticeState

TITLE_MAX, TEXT_MAX = 80, 5000
SIZE = 20


@dataclass(frozen=True, slots=True)
class NoticeData:
    """What a notice says, to whom, from and to which day (None: until it is withdrawn)."""

    title: str
    text: str
    audience: str
    unit_id: int | None
    from_date: date
    to_date: date | None


def save_notice(notice_id: int | None, data: NoticeData, *, at: datetime) -> int:
    """Write or change a draft. Raises: NoticeWrongError, NoNoticeError, NoticeMovedError."""
    _whole(data)
    actor = current()
    words = {
        "title": data.title.strip(),
        "text": data.text.replace("\r\n", "\n").strip(),
        "audience": data.audience,
        "unit_id": data.unit_id if data.audience == Audience.UNIT else None,
        "from_date": data.from_date,
        "to_date": data.to_date,
    }
    if notice_id is None:
        notice = Notice.objects.create(
            agency_id=actor.agency_id, written_by=actor.account_id, written_name=actor.name[:50], written_at=at, **words
        )
    else:
        notice = _locked(notice_id)
        if notice.state != NoticeState.DRAFT:
            raise refusals.NoticeMovedError(NoticeState(notice.state).label, "修改")
        if notice.written_by != actor.account_id:  # who changes the words is a writer too and must not publish them
            raise refusals.NoticeMovedError(f"{notice.written_name}起草", "由他人修改")
        Notice.objects.filter(pk=notice.pk).update(**words)
    record([Trace("contact.notice_written", data.title[:80], after={"audience": data.audience})], at=at)
    return notice.pk


def _whole(data: NoticeData) -> None:
    if not data.title.strip() or not data.text.strip():
        raise refusals.NoticeWrongError("请填写通知的标题和正文")
    if len(data.title) > TITLE_MAX or len(data.text) > TEXT_MAX:
        raise refusals.NoticeWrongError(f"标题最多 {TITLE_MAX} 字，正文最多 {TEXT_MAX} 字，请删减")
    if data.audience not in Audience.values:
        raise refusals.NoticeWrongError("请选择通知的对象")
    if data.audience == Audience.UNIT and data.unit_id is None:
        raise refusals.NoticeWrongError("没有找到这个单位，请输入本机构参保单位的单位编号")
    if data.to_date is not None and data.to_date < data.from_date:
        raise refusals.NoticeWrongError("结束日期不能早于开始日期，请核对")


def publish(notice_id: int, *, at: datetime) -> None:
    """发布 what another one wrote. Raises: NoNoticeError, SameWriterError, NoticeMovedError."""
    notice, actor = _locked(notice_id), current()
    if notice.state != NoticeState.DRAFT:
        raise refusals.NoticeMovedError(NoticeState(notice.state).label, "发布")
    if notice.written_by == actor.account_id:
        raise refusals.SameWriterError
    Notice.objects.filter(pk=notice.pk).update(
        state=NoticeState.PUBLISHED, published_by=actor.account_id, published_name=actor.name[:50], published_at=at
    )
    if notice.audience == Audience.UNIT and notice.unit_id:
        tell([notice.unit_id], notice.title, notice.text, at=at, url=f"/notices/{notice.pk}")
    record([Trace("contact.notice_published", notice.title[:80])], at=at)


def withdraw(notice_id: int, reason: str, *, at: datetime) -> None:
    """撤回; a draft is thrown away the same way. Raises: NoNoticeError, NoticeMovedError, NoticeWrongError."""
    notice = _locked(notice_id)
    if notice.state == NoticeState.WITHDRAWN:
        raise refusals.NoticeMovedError(NoticeState.WITHDRAWN.label, "再撤回")
    if not reason.strip():
        raise refusals.NoticeWrongError("请写明撤回的原因")
    Notice.objects.filter(pk=notice.pk).update(
        state=NoticeState.WITHDRAWN, withdrawn_name=current().name[:50], withdrawn_at=at, reason=reason.strip()[:120]
    )
    record([Trace("contact.notice_withdrawn", notice.title[:80], after={"reason": reason.strip()[:120]})], at=at)


def _locked(notice_id: int) -> Notice:
    notice = Notice.objects.select_for_update().filter(pk=notice_id).first()
    if notice is None:
        raise refusals.NoNoticeError
    return notice


# --- reading ---


def _current(on: date) -> QuerySet[Notice]:
    shown = Notice.objects.filter(state=NoticeState.PUBLISHED, from_date__lte=on)
    return shown.filter(Q(to_date=None) | Q(to_date__gte=on)).order_by("-from_date", "-id")


def public_notices(on: date, limit: int = SIZE) -> list[Notice]:
    """What everybody may read on a day, whoever asks, newest first."""
    with acting(PUBLIC):
        return list(_current(on)[:limit])


def notices_for(on: date, limit: int = SIZE) -> list[Notice]:
    """What the acting person may read on a day: what is for everybody, and what the own rows allow beside it."""
    own = list(_current(on)[:limit])
    every = {n.pk: n for n in (*public_notices(on, limit), *own)}
    return sorted(every.values(), key=lambda n: (n.from_date, n.pk), reverse=True)[:limit]


def find_notice(notice_id: int, at: datetime) -> Notice | None:
    """A notice that is out today and may be read by the actor, or is the own agency's."""
    on = at.astimezone(ZONE).date()
    with acting(PUBLIC):
        found = _current(on).filter(pk=notice_id).first()
    return found or _current(on).filter(pk=notice_id).first()


def find_notices(on: date, text: str, limit: int) -> list[Notice]:
    """Notices of today by words of title or text."""
    return [n for n in notices_for(on, 200) if text in n.title or text in n.text][:limit]


def kept_notices(states: Sequence[str] = (), limit: int = 100) -> list[Notice]:
    """All notices of the acting agency for its desk, drafts first."""
    found = Notice.objects.filter(state__in=states) if states else Notice.objects.all()
    return sorted(found.order_by("-id")[:limit], key=lambda n: n.state != NoticeState.DRAFT)


def kept_notice(notice_id: int) -> Notice | None:
    """One notice of the acting agency in any state."""
    return Notice.objects.filter(pk=notice_id).first()
