"""通知公告 for everybody, messages for who is signed in."""

from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from shebao.base.actor import Actor, Role
from shebao.base.clock import now, today
from shebao.casework.models import Event
from shebao.channels import errors
from shebao.channels.desk.pages import menu_counts as desk_counts
from shebao.channels.frame import frame
from shebao.channels.guards import everyone, message_readers, signed_in
from shebao.channels.portal.pages import menu_counts as unit_counts
from shebao.channels.searching import news_line
from shebao.contact import messages as inbox
from shebao.contact import notices as board
from shebao.contact.models import Message
from shebao.parties.models import Agency
from shebao.policy.rulebook import Rule, standard

NEWS_DAYS = 730
EVENTS_SHOWN = 50


def recent_rules(on: date) -> list[Rule]:
    """Rules of the place that began within the last two years, newest first."""
    found = [
        r for r in standard().all(settings.PLACE) if r.valid_from <= on and (on - r.valid_from).days < NEWS_DAYS and r.value is not None
    ]
    return sorted(found, key=lambda r: r.valid_from, reverse=True)


def news(on: date) -> list[dict[str, object]]:
    """Lines for the public home page: notices first, then parameters lately in force."""
    rules = recent_rules(on)
    lines = [{"title": f"{r.label}：{r.shown()}", "url": f"/notices#{r.id}-{r.valid_from}", "on": r.valid_from} for r in rules]
    return [*(news_line(n) for n in board.public_notices(on)), *lines]


@everyone
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """通知公告: what agencies wrote, and parameters that came into force lately, each with its source and how far it is verified."""
    on = today()
    context = {"board": [news_line(n) for n in board.notices_for(on, 100)], "rules": recent_rules(on)}
    return render(request, "public/notices.html", frame(request, "通知公告") | context)


@everyone
@require_GET
def notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """One notice, for those whom it is for."""
    found = board.find_notice(notice_id, now())
    if found is None:
        return errors.page(request, 404, text="没有找到这条通知，可能已被撤回")
    agency = Agency.objects.filter(pk=found.agency_id).values_list("name", flat=True).first() or ""
    crumbs = (("首页", "/"), ("通知公告", "/notices"), (found.title[:20], None))
    return render(request, "public/notice.html", frame(request, found.title, crumbs=crumbs) | {"notice": found, "agency": agency})


@signed_in
@require_GET
def messages(request: HttpRequest) -> HttpResponse:
    """消息 to the unit, newest first, and what others did to the own cases."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    unit = actor.role is Role.UNIT
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    person = actor.role is Role.PERSON
    told = inbox.messages_of(actor.unit_id, person_id=actor.person_id, before=before) if unit or person else []
    events = Event.objects.select_related("case").exclude(account_id=actor.account_id).order_by("-id")[:EVENTS_SHOWN]
    context = {
        "messages": told,
        "older": told[-1].pk if len(told) == inbox.SIZE else 0,
        "inbox": unit or person,
        "events": list(events) if actor.role in (Role.UNIT, Role.AGENCY) else [],
    }
    counts = unit_counts(actor.unit_id) if unit else desk_counts(actor) if actor.role is Role.AGENCY else {}
    if person:
        counts = {"unread": inbox.unread_of_person(actor.person_id)}
    return render(request, "public/messages.html", frame(request, "消息", counts=counts) | context)


@message_readers
@require_GET
def message(request: HttpRequest, message_id: int) -> HttpResponse:
    """Read one message: it counts as read, and leads to what it is about."""
    found = Message.objects.filter(pk=message_id).first()
    if found is None:
        return errors.page(request, 404)
    inbox.read([found.pk], at=now())
    return HttpResponseRedirect(found.url or (f"/u/cases/{found.case_id}" if found.case_id else "/messages"))


@message_readers
@require_POST
def messages_read(request: HttpRequest) -> HttpResponse:
    """全部标为已读."""
    inbox.read_all(at=now())
    return HttpResponseRedirect("/messages")
