"""参保证明打印: choose what it shall cover, issue it under the seal, find it again."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods

from shebao.base.clock import now, today
from shebao.base.months import Month, MonthError, first_day, month, month_of, months_between, shift
from shebao.channels import case_papers, certificates, errors
from shebao.channels.guards import unit_operators
from shebao.channels.portal.batch import download
from shebao.channels.portal.bills import PDF_TYPE
from shebao.channels.portal.case_lists import get_case, item_of_case
from shebao.channels.portal.pages import HOME, actor_of, number_of, show
from shebao.enrolment.queries import staff
from shebao.papers import codes
from shebao.papers.models import Paper
from shebao.papers.queries import find_paper, papers_of_unit
from shebao.papers.verification import read, state_on
from shebao.parties.models import Person
from shebao.parties.queries import get_unit

MONTHS_MAX = 36
PEOPLE_MAX = 50  # named on one certificate of the unit
PERSONAL_MAX = 10  # personal certificates in one go
PAPERS_SHOWN = 30
CHOICES_SHOWN = 10
STATE_TONES = {"有效": "ok", "已过期": "mute", "已作废": "err"}


@unit_operators
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The form with people to choose, and what was issued before."""
    if request.method == "POST":
        return _issue(request)
    this = month_of(today())
    asked = {"kind": request.GET.get("kind", "unit"), "first": str(shift(this, -12)), "last": str(shift(this, -1)), "purpose": ""}
    return _page(request, asked, {})


def _page(request: HttpRequest, asked: dict[str, str], wrong: dict[str, str], *, status: int = 200) -> HttpResponse:
    unit_id, on = actor_of(request).unit_id, today()
    text = request.GET.get("q", "").strip()[:40]
    chosen = {number_of(each) for each in [*request.POST.getlist("person"), *request.GET.getlist("person")]}
    people = staff(unit_id, month_of(on), search=text, limit=CHOICES_SHOWN)
    named = list(Person.objects.filter(pk__in=chosen).order_by("pk")[:PEOPLE_MAX])
    papers = list(papers_of_unit(unit_id)[:PAPERS_SHOWN])
    made = {number_of(each) for each in request.GET.getlist("made")}
    context = {
        "kind": {
            "name": "kind",
            "label": "证明种类",
            "kind": "radio",
            "value": asked["kind"],
            "choices": [("unit", "单位参保证明"), ("person", "个人参保证明")],
            "hint": "单位证明可附人员名单；个人证明每人一份",
        },
        "fields": [
            {
                "name": "first_month",
                "label": "起始月",
                "kind": "month",
                "value": asked["first"],
                "hint": "6 位数字",
                "error": wrong.get("first_month", ""),
            },
            {
                "name": "last_month",
                "label": "终止月",
                "kind": "month",
                "value": asked["last"],
                "hint": f"最多 {MONTHS_MAX} 个月",
                "error": wrong.get("last_month", ""),
            },
            {
                "name": "purpose",
                "label": "用途",
                "kind": "text",
                "required": False,
                "value": asked["purpose"],
                "most": 30,
                "hint": "印在证明上，例如：招标投标",
            },
        ],
        "errors": list(wrong.items()),
        "has_errors": bool(wrong),
        "q": text,
        "named": [{"id": p.pk, "name": p.name, "id_number": p.id_number} for p in named],
        "people": [p for p in people if p.person_id not in chosen],
        "papers": [_paper_line(paper, on) | {"fresh": paper.pk in made} for paper in papers],
        "made": len(made),
    }
    return show(request, "certificates", "参保证明打印", context, crumbs=(HOME, ("参保证明打印", None)), status=status)


def _paper_line(paper: Paper, on: object) -> dict[str, object]:
    state = state_on(today(), paper.valid_until, paper.revoked_at).value
    facts = {fact.label: fact.value for fact in read(paper.facts)}
    about = facts.get("姓名") or facts.get("证明期间") or facts.get("费款所属期") or facts.get("人数") or ""
    return {
        "title": paper.title,
        "about": about,
        "code": codes.shown(paper.code),
        "url": f"/u/papers/{paper.code}.pdf",
        "verify_url": f"/v/{paper.code}",
        "made_at": paper.made_at,
        "valid_until": paper.valid_until,
        "state": (state, STATE_TONES.get(state, "mute")),
    }


def _issue(request: HttpRequest) -> HttpResponse:
    asked = {
        "kind": request.POST.get("kind", "unit"),
        "first": request.POST.get("first_month", "").strip(),
        "last": request.POST.get("last_month", "").strip(),
        "purpose": request.POST.get("purpose", "").strip()[:30],
    }
    chosen = [number_of(each) for each in request.POST.getlist("person")]
    people = list(Person.objects.filter(pk__in=chosen).order_by("pk"))
    first, last, wrong = month_range(asked)
    most = PEOPLE_MAX if asked["kind"] == "unit" else PERSONAL_MAX
    if asked["kind"] != "unit" and not people:
        wrong["people"] = "请在下面选择要打印证明的人员"
    elif len(people) > most:
        wrong["people"] = f"一次最多选择 {most} 人，请分几次打印"
    if wrong:
        return _page(request, asked, wrong, status=422)
    actor, moment = actor_of(request), now()
    unit = get_unit(actor.unit_id)
    covers = certificates.Asked(first, last, asked["purpose"])
    if asked["kind"] == "unit":
        made = [certificates.for_unit(unit, people, covers, account_id=actor.account_id, at=moment)]
    else:
        made = [certificates.for_person(unit, person, covers, account_id=actor.account_id, at=moment) for person in people]
    return HttpResponseRedirect("/u/certificates?" + "&".join(f"made={paper.pk}" for paper in made))


def month_range(asked: dict[str, str]) -> tuple[Month, Month, dict[str, str]]:
    """The months `first` and `last` as typed, and what is wrong with them by the name of the field."""
    wrong: dict[str, str] = {}
    read_months: dict[str, Month] = {}
    for name in ("first", "last"):
        try:
            read_months[name] = month(asked[name])
        except MonthError as error:
            wrong[f"{name}_month"] = str(error)
    if wrong:
        return 0, 0, wrong
    first, last = read_months["first"], read_months["last"]
    if first > last:
        wrong["last_month"] = "终止月不能早于起始月，请核对"
    elif months_between(first, last) >= MONTHS_MAX:
        wrong["last_month"] = f"一张证明最多 {MONTHS_MAX} 个月，请缩短期间或分几张打印"
    elif first_day(last) > today():
        wrong["last_month"] = "终止月不能晚于本月，请核对"
    return first, last, wrong


@unit_operators
@require_GET
def paper(request: HttpRequest, code: str) -> HttpResponse:
    """The sealed PDF of the own unit."""
    found = find_paper(code)
    if found is None:
        return errors.page(request, 404)
    return download(bytes(found.content), f"{found.title}-{found.code}.pdf", PDF_TYPE, inline=True)


@unit_operators
@require_GET
def print_case(request: HttpRequest, case_id: int) -> HttpResponse:
    """《企业参保人员增员表》, 《企业参保人员减员表》 or 《社会保险业务申报表》: with a 草稿 watermark until the case has ended."""
    case = get_case(case_id)
    content = case_papers.print_case(case, account_id=actor_of(request).account_id, at=now())
    return download(content, f"{item_of_case(case).title}-{case.number}.pdf", PDF_TYPE, inline=True)
