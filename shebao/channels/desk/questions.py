"""问题报告 at the desk: the queue with its age, claim, answer."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.channels import errors
from shebao.channels.desk.bookings import COUNTER_POSTS
from shebao.channels.desk.pages import actor_of, clean, show
from shebao.channels.desk.words import age
from shebao.channels.guards import agency
from shebao.contact import questions
from shebao.contact.models import QuestionState
from shebao.contact.queries import WAITING_STATES, find_question, lines_of, question_counts, question_queue
from shebao.contact.refusals import NoQuestionError
from shebao.levy.desk_queries import unit_names

TITLE = "问题报告"
TONES = {QuestionState.OPEN: "warn", QuestionState.CLAIMED: "info", QuestionState.ANSWERED: "ok", QuestionState.CLOSED: "mute"}
ACTS = {"claim": questions.claim, "release": questions.release}
TABS = (("", "待处理"), ("mine", "我领取的"), ("answered", "已答复"), ("closed", "已关闭"))


@agency(*COUNTER_POSTS)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The queue, the oldest first."""
    tab, moment = clean(request.GET.get("state"), 10), now()
    mine = actor_of(request).account_id if tab == "mine" else 0
    rows = question_queue("claimed" if mine else tab, mine=mine)
    units, counts = unit_names([q.unit_id for q in rows]), question_counts()
    numbers = {"": sum(counts.get(s, 0) for s in WAITING_STATES), "answered": counts.get("answered", 0), "closed": counts.get("closed", 0)}
    context = {
        "tabs_of": [{"label": label, "url": f"?state={key}", "count": numbers.get(key), "current": key == tab} for key, label in TABS],
        "rows": [
            {
                "question": q,
                "unit": units.get(q.unit_id, ("", ""))[1],
                "category": dict(questions.CATEGORIES).get(q.category, "其他"),
                "state": (QuestionState(q.state).label, TONES[QuestionState(q.state)]),
                "age": age(q.waiting_since, moment) if q.state in WAITING_STATES else None,
            }
            for q in rows
        ],
        "waiting": tab in ("", "mine"),
    }
    return show(request, "questions", TITLE, context)


@agency(*COUNTER_POSTS)
@require_GET
def question(request: HttpRequest, number: str) -> HttpResponse:
    """One question."""
    return _question(request, number)


def _question(request: HttpRequest, number: str, *, problem: str = "", typed: str = "", status: int = 200) -> HttpResponse:
    found = find_question(number)
    if found is None:
        return errors.page(request, 404)
    unit_number, unit_name = unit_names([found.unit_id]).get(found.unit_id, ("", ""))
    state = QuestionState(found.state)
    mine = found.claimed_by == actor_of(request).account_id
    context = {
        "question": found,
        "unit": unit_name,
        "unit_number": unit_number,
        "category": dict(questions.CATEGORIES).get(found.category, "其他"),
        "state": (state.label, TONES[state]),
        "age": age(found.waiting_since, now()) if state in WAITING_STATES else None,
        "talk": lines_of(found),
        "may_answer": state is not QuestionState.CLOSED and (state is not QuestionState.CLAIMED or mine),
        "may_claim": state is QuestionState.OPEN,
        "mine": mine and state is QuestionState.CLAIMED,
        "answered": request.GET.get("answered") == "1",
        "field": {"name": "text", "label": "答复", "kind": "textarea", "most": questions.TEXT_MAX, "value": typed, "error": problem},
        "errors": [("text", problem)] if problem else [],
        "has_errors": bool(problem),
    }
    return show(request, "question", found.subject, context, crumbs=((TITLE, "/w/questions"), (number, None)), status=status)


@agency(*COUNTER_POSTS)
@require_POST
def turn(request: HttpRequest, number: str) -> HttpResponse:
    """领取 or 放回."""
    if find_question(number) is None:
        return errors.page(request, 404)
    act = ACTS.get(request.POST.get("act", ""))
    try:
        if act is not None:
            act(number, at=now())
    except ShebaoError as error:
        return _question(request, number, problem=error.text, status=error.status)
    return HttpResponseRedirect(f"/w/questions/{number}")


@agency(*COUNTER_POSTS)
@require_POST
def answer(request: HttpRequest, number: str) -> HttpResponse:
    """答复."""
    try:
        questions.answer(number, request.POST.get("text", ""), at=now())
    except NoQuestionError:
        return errors.page(request, 404)
    except ShebaoError as error:
        return _question(request, number, problem=error.text, typed=request.POST.get("text", "")[: questions.TEXT_MAX], status=error.status)
    return HttpResponseRedirect(f"/w/questions/{number}?answered=1")
