"""办件审核: one case, its checks and its decision, in one save. Everything works without scripts."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post
from shebao.casework import review
from shebao.casework.cases import StaleCaseError
from shebao.casework.item import item_of
from shebao.casework.large import open_settlement
from shebao.casework.models import Case, CaseState
from shebao.casework.queries import Show, filings, find_filing, get_case, show_of
from shebao.channels import case_papers
from shebao.channels.contexts import of_case
from shebao.channels.desk.deciding import NOTHING, Sent, grown, returns_of, sent_in
from shebao.channels.desk.pages import Errors, actor_of, address, clean, number_of, show
from shebao.channels.desk.sheet import sheet_of, shown_with
from shebao.channels.guards import agency

FOUND_ROWS_MAX = 1_000  # rows found by pasted ID numbers that go onto the list at once


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def case_page(request: HttpRequest, case_id: int) -> HttpResponse:
    """办件审核. Opening it is on record: it shows people's data."""
    case = get_case(case_id)
    record([Trace("case.looked", case.number, case_id=case.pk, unit_id=case.unit_id)], at=now())
    return _page(request, case_id, NOTHING, [])


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def print_case(request: HttpRequest, case_id: int) -> HttpResponse:
    """The paper of a case, for whom came to the counter. On record like the page."""
    case = get_case(case_id)
    record([Trace("case.looked", case.number, case_id=case.pk, unit_id=case.unit_id)], at=now())
    content = case_papers.print_case(case, account_id=actor_of(request).account_id, at=now())
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{case.number}.pdf"'
    return response


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def settling(request: HttpRequest, case_id: int) -> HttpResponse:
    """How far the effect of a large batch is, for the page that asks again; when it has ended the page is loaded anew."""
    case = get_case(case_id)
    settlement = open_settlement(case)
    response = render(request, "desk/settling.html", {"case": case, "settlement": settlement})
    if settlement is None:
        response["HX-Redirect"] = f"/w/cases/{case_id}?decided=1"
    return response


@agency(Post.REVIEWER)
@require_POST
def claim(request: HttpRequest, case_id: int) -> HttpResponse:
    """领取."""
    return _tried(request, case_id, lambda: review.claim(case_id, at=now()), f"/w/cases/{case_id}")


@agency(Post.REVIEWER)
@require_POST
def release(request: HttpRequest, case_id: int) -> HttpResponse:
    """放回队列."""
    return _tried(request, case_id, lambda: review.release(case_id, at=now()), "/w/queue/mine")


def _tried(request: HttpRequest, case_id: int, act: Callable[[], None], then: str) -> HttpResponse:
    try:
        with acting(actor_of(request)):
            act()
    except ShebaoError as error:
        return _page(request, case_id, NOTHING, [(None, error.text)], status=error.status)
    return HttpResponseRedirect(then)


@agency(Post.REVIEWER)
@require_POST
def decide(request: HttpRequest, case_id: int) -> HttpResponse:
    """审核: pass, return, or name who goes back and pass the rest. Searching and turning pages keep what is in the form."""
    case = get_case(case_id)
    sent = sent_in(request.POST, item_of(case.item_code, case.item_version))
    if sent.act not in DECISIONS:
        return _page(request, case_id, _turned(case, sent), [])
    decision, problems = DECISIONS[sent.act](case, sent)
    if problems:
        return _page(request, case_id, sent, problems, status=422)
    try:
        with acting(actor_of(request)):
            review.decide(case_id, sent.version, decision, of_case(case, now()))
    except review.ReasonMissingError as error:
        return _page(request, case_id, sent, [("other", error.text)], status=422)
    except StaleCaseError as error:
        return _page(request, case_id, NOTHING, [(None, _overtaken(case_id, error))], status=409)
    except ShebaoError as error:
        return _page(request, case_id, sent, [(None, error.text)], status=error.status)
    return HttpResponseRedirect(f"/w/cases/{case_id}?decided=1")


def _all_pass(case: Case, sent: Sent) -> tuple[review.Decision, Errors]:
    if sent.listed.strip():
        lines = len(sent.listed.strip().splitlines())
        return review.Decision(), [("listed", f"退回名单里还有 {lines} 行；请点“名单内退回，其余通过”，或清空名单后再全部通过")]
    return review.Decision(), []


def _all_back(case: Case, sent: Sent) -> tuple[review.Decision, Errors]:
    return review.Decision(return_all=review.Return(sent.why, sent.pins)), []


DECISIONS: dict[str, Callable[[Case, Sent], tuple[review.Decision, Errors]]] = {
    "pass": _all_pass,
    "back": _all_back,
    "except": returns_of,
}


def _turned(case: Case, sent: Sent) -> Sent:
    """The form after a button that decides nothing: rows added to the list, another page, another search."""
    if sent.act == "add":
        rows = [row for pk in sent.picked if (row := find_filing(case, pk))]
        sent.listed = grown(sent, rows)
        sent.picked = ()
    elif sent.act == "add-found":
        sent.listed = grown(sent, filings(case, Show.REVIEW, search=sent.search, size=FOUND_ROWS_MAX).rows if sent.search else [])
    elif sent.act.startswith("page-"):
        sent.page = number_of(sent.act.removeprefix("page-"))
    elif sent.act == "find":
        sent.page = 1
    elif sent.act == "all":
        sent.search, sent.page = "", 1
    elif sent.act == "clear":
        sent.listed = ""
    return sent


def _overtaken(case_id: int, error: StaleCaseError) -> str:
    """What happened meanwhile, from the timeline: who did what, and that this save had no effect."""
    last = get_case(case_id).events.order_by("-id").first()
    happened = f"{last.account_name or '系统'}：{last.text}" if last else ""
    state = CaseState(error.case.state).label
    return f"您打开页面以后，这个办件已被更改，现在是“{state}”；最近一次变化是“{happened}”。您这次的审核意见没有保存，下面是最新内容。"


def _page(request: HttpRequest, case_id: int, sent: Sent, problems: Errors, *, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    search = sent.search or clean(request.GET.get("q"))
    wanted = show_of(request.GET.get("show", ""))
    page = sent.page if sent is not NOTHING else number_of(request.GET.get("page"))
    sheet = sheet_of(case_id, now(), search=search, page=page, show=wanted)
    context = {
        **shown_with(sheet, actor.account_id),
        "may_review": Post.REVIEWER in actor.posts,
        "sent": sent,
        "search": search,
        "wanted": wanted.value,
        "base": address(q=search, show=wanted.value if request.GET.get("show") else "") + "page=",
        "decided": bool(request.GET.get("decided")),
        "errors": problems,
        "has_errors": bool(problems),
    }
    waits = ("待复核", "/w/queue/second") if sheet.case.first_by is not None else ("待审核", "/w/queue/waiting")
    back = waits if sheet.case.state == "review" and not context["holding"] else ("我领取的", "/w/queue/mine")
    template = "case" if sheet.single else "batch"
    return show(request, template, f"{sheet.item.title}审核", context, crumbs=(back, (sheet.case.number, None)), status=status)
