"""批量出具参保证明: choose people by filter, all of them, or by pasted numbers; follow the job; fetch one zip."""

from uuid import uuid4

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_http_methods

from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.base.months import month_of, month_shown, shift
from shebao.channels import bundling, errors
from shebao.channels.certificates import Asked
from shebao.channels.guards import unit_operators
from shebao.channels.portal.certificate_page import MONTHS_MAX, month_range
from shebao.channels.portal.pages import HOME, actor_of, key_of, live_of, piece, show
from shebao.enrolment.queries import headcount
from shebao.papers import bundles
from shebao.papers.bundles import FETCH_HOURS, ITEMS_MAX, BundleError
from shebao.papers.models import Bundle

CRUMBS = (HOME, ("参保证明打印", "/u/certificates"))
SCOPES = (("all", "全部在职参保人员"), ("filter", "按姓名或身份号码筛选"), ("numbers", "粘贴身份号码"))


@unit_operators
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; ordering leads to the bundle's page at once, the papers are made meanwhile."""
    this = month_of(today())
    asked = {"scope": "all", "first": str(shift(this, -12)), "last": str(shift(this, -1)), "purpose": "", "q": "", "numbers": ""}
    if request.method == "GET":
        return _form(request, asked, {})
    asked = {
        "scope": request.POST.get("scope", ""),
        "first": request.POST.get("first_month", "").strip(),
        "last": request.POST.get("last_month", "").strip(),
        "purpose": request.POST.get("purpose", "").strip()[:30],
        "q": request.POST.get("q", "").strip()[:40],
        "numbers": request.POST.get("numbers", "")[: ITEMS_MAX * 30],
    }
    first, last, wrong = month_range(asked)
    people = _people(actor_of(request).unit_id, asked, wrong)
    if not wrong:
        try:
            covers = Asked(first, last, asked["purpose"])
            actor, agency_id = actor_of(request), live_of(request).agency_id
            bundle_id = bundling.order(actor, agency_id, people, covers, key=key_of(request) or uuid4(), at=now())
            return HttpResponseRedirect(f"/u/certificates/bundles/{bundle_id}")
        except BundleError as error:
            wrong["scope"] = error.text
    return _form(request, asked, wrong, status=422)


def _people(unit_id: int, asked: dict[str, str], wrong: dict[str, str]) -> list[int]:
    month = month_of(today())
    if asked["scope"] == "numbers":
        chosen = bundling.by_numbers(asked["numbers"])
        if chosen.wrong or not chosen.people:
            wrong["numbers"] = bundling.told(chosen.wrong) or "请粘贴身份号码，一行一个"
        return chosen.people
    if asked["scope"] == "filter":
        people = bundling.insured(unit_id, month, asked["q"]) if asked["q"] else []
        if not people:
            wrong["q"] = f"没有找到“{asked['q']}”，请核对姓名或身份号码" if asked["q"] else "请输入姓名或身份号码"
        return people
    if asked["scope"] != "all":
        wrong["scope"] = "请选择人员范围"
        return []
    return bundling.insured(unit_id, month)


def _form(request: HttpRequest, asked: dict[str, str], wrong: dict[str, str], *, status: int = 200) -> HttpResponse:
    unit_id = actor_of(request).unit_id

    def given(name: str, label: str, kind: str, value: str, **more: object) -> dict[str, object]:
        return {"name": name, "label": label, "kind": kind, "value": value, "error": wrong.get(name, ""), "required": True, **more}

    context = {
        "fields": [
            given(
                "scope",
                "人员范围",
                "radio",
                asked["scope"],
                choices=SCOPES,
                hint=f"在职 {headcount(unit_id, month_of(today()))} 人，一次最多 {ITEMS_MAX} 人",
            ),
            given("q", "姓名 / 身份号码", "text", asked["q"], required=False, hint="选“筛选”时填写，可只填一部分"),
            given("numbers", "身份号码", "textarea", asked["numbers"], required=False, hint="选“粘贴”时填写，一行一个，也可用逗号隔开"),
            given("first_month", "起始月", "month", asked["first"], hint="6 位数字"),
            given("last_month", "终止月", "month", asked["last"], hint=f"最多 {MONTHS_MAX} 个月"),
            given("purpose", "用途", "text", asked["purpose"], required=False, most=30, hint="印在每一份证明上"),
        ],
        "errors": list(wrong.items()),
        "has_errors": bool(wrong),
        "bundles": [_line(bundle) for bundle in bundles.bundles_of(unit_id)],
        "hours": FETCH_HOURS,
    }
    return show(request, "bundle_new", "批量出具参保证明", context, crumbs=(*CRUMBS, ("批量出具", None)), status=status)


def _line(bundle: Bundle) -> dict[str, object]:
    gone = bundle.expires_at is not None and now() >= bundle.expires_at
    state = ("出具中", "info") if bundle.finished_at is None else ("已过期", "mute") if gone else ("可下载", "ok")
    return {"bundle": bundle, "state": state, "period": _period(bundle), "link": f"/u/certificates/bundles/{bundle.pk}"}


def _period(bundle: Bundle) -> str:
    return f"{month_shown(bundle.asked['first_month'])} 至 {month_shown(bundle.asked['last_month'])}"


def _found(bundle_id: int) -> Bundle | None:
    return Bundle.objects.filter(pk=bundle_id).first()


@unit_operators
@require_GET
def page(request: HttpRequest, bundle_id: int) -> HttpResponse:
    """How far it is, then the zip, and for whom nothing could be made."""
    bundle = _found(bundle_id)
    if bundle is None:
        return errors.page(request, 404)
    problems = list(bundle.items.exclude(problem="").order_by("place")[:50])
    context = _line(bundle) | {"progress": bundles.progress(bundle), "problems": problems, "hours": FETCH_HOURS}
    return show(request, "bundle", "批量出具参保证明", context, crumbs=(*CRUMBS, ("批量出具", "/u/certificates/bundles"), ("进度", None)))


@unit_operators
@require_GET
def progress(request: HttpRequest, bundle_id: int) -> HttpResponse:
    """The count again; leads to the result when it is done."""
    bundle = _found(bundle_id)
    if bundle is None:
        return errors.page(request, 404)
    if bundle.finished_at is not None:
        response = HttpResponse(status=204)
        response["HX-Redirect"] = f"/u/certificates/bundles/{bundle_id}"
        return response
    return piece(request, "bundle_progress", {"bundle": bundle, "progress": bundles.progress(bundle)})


@unit_operators
@require_GET
def fetch(request: HttpRequest, bundle_id: int) -> HttpResponseBase:
    """The zip, of the own unit and within its time."""
    bundle = _found(bundle_id)
    return zip_answer(request, bundle) if bundle else errors.page(request, 404)


def zip_answer(request: HttpRequest, bundle: Bundle) -> HttpResponseBase:
    """The zip as a file; on record. Raises: BundleGoneError."""
    file = bundling.zipped(bundle, at=now())
    record([Trace("papers.bundle_fetched", f"{bundle.title} {bundle.total} 份")], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    name = f"{bundle.title}-{bundle.made_at:%Y%m%d}-{bundle.pk}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
