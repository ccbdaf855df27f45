"""通知公告 at the desk: write, have it published by another, withdraw."""

from datetime import date

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.channels import errors
from shebao.channels.desk.bookings import COUNTER_POSTS
from shebao.channels.desk.pages import actor_of, clean, show
from shebao.channels.guards import agency
from shebao.contact import notices
from shebao.contact.models import Audience, Notice, NoticeState
from shebao.contact.refusals import NoNoticeError
from shebao.levy.desk_queries import find_unit, unit_names

TITLE = "通知公告"
TONES = {NoticeState.DRAFT: "warn", NoticeState.PUBLISHED: "ok", NoticeState.WITHDRAWN: "mute"}


@agency(*COUNTER_POSTS)
@require_http_methods(["GET", "POST"])
def listed(request: HttpRequest) -> HttpResponse:
    """All notices of the agency, and the form of a new one."""
    if request.method == "POST":
        return _save(request, None)
    return _listed(request, {"from_date": now().date().isoformat(), "audience": Audience.AGENCY.value})


def _listed(request: HttpRequest, given: dict[str, str], problem: tuple[str, str] | None = None, *, status: int = 200) -> HttpResponse:
    moment = now()
    rows = [_row(n, moment.date()) for n in notices.kept_notices()]
    context = {"rows": rows, "fields": _fields(given, problem), "errors": [problem] if problem else [], "has_errors": bool(problem)}
    return show(request, "notices", TITLE, context, status=status)


def _row(notice: Notice, today: date) -> dict[str, object]:
    state = NoticeState(notice.state)
    over = state is NoticeState.PUBLISHED and notice.to_date is not None and notice.to_date < today
    coming = state is NoticeState.PUBLISHED and notice.from_date > today
    return {
        "notice": notice,
        "state": ("已过期", "mute") if over else ("待生效", "info") if coming else (state.label, TONES[state]),
        "audience": Audience(notice.audience).label,
    }


def _given(request: HttpRequest) -> dict[str, str]:
    given = {name: clean(request.POST.get(name), 100) for name in ("title", "audience", "unit", "from_date", "to_date")}
    text = request.POST.get("text", "").replace("\r\n", "\n")
    return given | {"text": "".join(c for c in text if c == "\n" or c.isprintable())}


def _fields(given: dict[str, str], problem: tuple[str, str] | None) -> list[dict[str, object]]:
    wrong = dict([problem]) if problem else {}
    found: list[dict[str, object]] = [
        {"name": "title", "label": "标题", "kind": "text", "most": notices.TITLE_MAX},
        {"name": "audience", "label": "对象", "kind": "radio", "choices": Audience.choices},
        {"name": "unit", "label": "单位编号", "kind": "text", "most": 13, "required": False, "hint": "对象为一个单位时填写"},
        {"name": "from_date", "label": "开始日期", "kind": "date"},
        {"name": "to_date", "label": "结束日期", "kind": "date", "required": False, "hint": "不填则一直显示到撤回"},
        {"name": "text", "label": "正文", "kind": "textarea", "most": notices.TEXT_MAX},
    ]
    return [f | {"value": given.get(str(f["name"]), ""), "error": wrong.get(str(f["name"]), "")} for f in found]


def _save(request: HttpRequest, notice_id: int | None) -> HttpResponse:
    given = _given(request)
    problem: tuple[str, str] | None = None
    try:
        first = date.fromisoformat(given["from_date"])
        last = date.fromisoformat(given["to_date"]) if given["to_date"] else None
    except ValueError:
        problem = ("from_date", "日期请写成 2026-11-23 的样子")
    else:
        unit = find_unit(given["unit"]) if given["audience"] == Audience.UNIT else None
        data = notices.NoticeData(given["title"], given["text"], given["audience"], unit.pk if unit else None, first, last)
        try:
            saved = notices.save_notice(notice_id, data, at=now())
            return HttpResponseRedirect(f"/w/notices/{saved}?saved=1")
        except NoNoticeError:
            return errors.page(request, 404)
        except ShebaoError as error:
            problem = (_field_of(given, last, first), error.text)
    if notice_id is None:
        return _listed(request, given, problem, status=422)
    return _notice(request, notice_id, given, problem, status=422)


def _field_of(given: dict[str, str], last: date | None, first: date) -> str:
    if not given["title"].strip():
        return "title"
    if not given["text"].strip() or len(given["text"]) > notices.TEXT_MAX:
        return "text"
    return "to_date" if last is not None and last < first else "unit"


@agency(*COUNTER_POSTS)
@require_http_methods(["GET", "POST"])
def notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """One notice: as it will be seen; changed by its writer while it is a draft, published by another."""
    if request.method == "POST":
        return _save(request, notice_id)
    return _notice(request, notice_id, None)


def _notice(
    request: HttpRequest, notice_id: int, given: dict[str, str] | None, problem: tuple[str | None, str] | None = None, *, status: int = 200
) -> HttpResponse:
    found = notices.kept_notice(notice_id)
    if found is None:
        return errors.page(request, 404)
    unit_number, unit_name = unit_names([found.unit_id]).get(found.unit_id, ("", "")) if found.unit_id else ("", "")
    mine = found.written_by == actor_of(request).account_id
    draft = found.state == NoticeState.DRAFT
    shown = given or {
        "title": found.title,
        "text": found.text,
        "audience": found.audience,
        "unit": unit_number,
        "from_date": found.from_date.isoformat(),
        "to_date": found.to_date.isoformat() if found.to_date else "",
    }
    named = (problem[0], problem[1]) if problem and problem[0] else None
    context = {
        **_row(found, now().date()),
        "unit_name": unit_name,
        "may_change": draft and mine,
        "may_publish": draft and not mine,
        "may_withdraw": found.state != NoticeState.WITHDRAWN,
        "draft": draft,
        "fields": _fields(shown, named),
        "saved": request.GET.get("saved") == "1",
        "errors": [problem] if problem else [],
        "has_errors": bool(problem),
    }
    return show(request, "notice", found.title, context, crumbs=((TITLE, "/w/notices"), (found.title[:20], None)), status=status)


@agency(*COUNTER_POSTS)
@require_POST
def decide(request: HttpRequest, notice_id: int) -> HttpResponse:
    """发布 or 撤回."""
    try:
        if request.POST.get("act") == "publish":
            notices.publish(notice_id, at=now())
        else:
            notices.withdraw(notice_id, clean(request.POST.get("reason"), 120), at=now())
    except NoNoticeError:
        return errors.page(request, 404)
    except ShebaoError as error:
        return _notice(request, notice_id, None, (None, error.text), status=error.status)
    return HttpResponseRedirect(f"/w/notices/{notice_id}")
