"""问题报告: ask the agency, read the answers, ask on, close."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.channels import errors
from shebao.channels.guards import unit_operators
from shebao.channels.portal.pages import HOME, actor_of, live_of, show
from shebao.contact import questions
from shebao.contact.answers import answers_about, published
from shebao.contact.models import Question, QuestionState
from shebao.contact.queries import find_question, lines_of, questions_of_unit
from shebao.contact.refusals import NoQuestionError

TITLE = "问题报告"
TONES = {QuestionState.OPEN: "warn", QuestionState.CLAIMED: "info", QuestionState.ANSWERED: "ok", QuestionState.CLOSED: "mute"}


def line(question: Question) -> dict[str, object]:
    """A question as lists show it."""
    state = QuestionState(question.state)
    return {
        "number": question.number,
        "subject": question.subject,
        "category": dict(questions.CATEGORIES).get(question.category, "其他"),
        "case_number": question.case_number,
        "state": (state.label, TONES[state]),
        "changed_at": question.changed_at,
        "rounds": question.rounds,
    }


@unit_operators
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """One's questions, and the form of a new one."""
    if request.method == "GET":
        given = {name: request.GET.get(name, "")[:60] for name in ("category", "subject", "text", "case")}
        return _page(request, given)
    given = {name: request.POST.get(name, "") for name in ("category", "subject", "text", "case")}
    try:
        asked = questions.ask(
            given["category"], given["subject"], given["text"], agency_id=live_of(request).agency_id, case_number=given["case"], at=now()
        )
    except ShebaoError as error:
        return _page(request, given, problem=error.text, status=error.status)
    return HttpResponseRedirect(f"/u/questions/{asked.number}?asked=1")


def _page(request: HttpRequest, given: dict[str, str], *, problem: str = "", status: int = 200) -> HttpResponse:
    wrong = _field_of(given) if problem else ""
    fields: list[dict[str, object]] = [
        {"name": "category", "label": "类别", "kind": "choice", "choices": questions.CATEGORIES, "value": given["category"]},
        {
            "name": "case",
            "label": "业务顺序号",
            "kind": "text",
            "required": False,
            "most": 24,
            "value": given["case"],
            "hint": "与某个办件有关时填写",
        },
        {"name": "subject", "label": "一句话说明", "kind": "text", "most": questions.SUBJECT_MAX, "value": given["subject"]},
        {
            "name": "text",
            "label": "具体内容",
            "kind": "textarea",
            "most": questions.TEXT_MAX,
            "value": given["text"],
            "hint": "写清楚做了什么、看到了什么；不要写密码",
        },
    ]
    context = {
        "fields": [f | {"error": problem if f["name"] == wrong else ""} for f in fields],
        "errors": [(wrong, problem)] if problem else [],
        "has_errors": bool(problem),
        "lines": [line(q) for q in questions_of_unit(actor_of(request).unit_id)],
        "answers": (answers_about(given["subject"]) if given["subject"] else list(published()))[:5],
    }
    return show(request, "questions", TITLE, context, crumbs=(HOME, (TITLE, None)), status=status)


def _field_of(given: dict[str, str]) -> str:
    """Which field a refusal is about."""
    if not given["subject"].strip() or len(given["subject"].strip()) > questions.SUBJECT_MAX:
        return "subject"
    return "text" if not given["text"].strip() or len(given["text"]) > questions.TEXT_MAX else "category"


@unit_operators
@require_GET
def question(request: HttpRequest, number: str) -> HttpResponse:
    """The talk about one question."""
    return _question(request, number)


def _question(request: HttpRequest, number: str, *, problem: str = "", typed: str = "", status: int = 200) -> HttpResponse:
    found = find_question(number)
    if found is None:
        return errors.page(request, 404)
    context = {
        "question": found,
        "line": line(found),
        "talk": lines_of(found),
        "open": found.state != QuestionState.CLOSED,
        "asked": request.GET.get("asked") == "1",
        "field": {
            "name": "text",
            "label": "补充或再问",
            "kind": "textarea",
            "most": questions.TEXT_MAX,
            "value": typed,
            "error": problem,
        },
        "errors": [("text", problem)] if problem else [],
        "has_errors": bool(problem),
    }
    return show(request, "question", found.subject, context, crumbs=(HOME, (TITLE, "/u/questions"), (number, None)), status=status)


@unit_operators
@require_POST
def say(request: HttpRequest, number: str) -> HttpResponse:
    """再问."""
    try:
        questions.ask_on(number, request.POST.get("text", ""), at=now())
    except NoQuestionError:
        return errors.page(request, 404)
    except ShebaoError as error:
        return _question(request, number, problem=error.text, typed=request.POST.get("text", "")[: questions.TEXT_MAX], status=error.status)
    return HttpResponseRedirect(f"/u/questions/{number}")


@unit_operators
@require_POST
def close(request: HttpRequest, number: str) -> HttpResponse:
    """关闭."""
    try:
        questions.close(number, at=now())
    except NoQuestionError:
        return errors.page(request, 404)
    except ShebaoError as error:
        return _question(request, number, problem=error.text, status=error.status)
    return HttpResponseRedirect(f"/u/questions/{number}")
