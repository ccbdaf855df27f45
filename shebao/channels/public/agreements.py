"""承诺书 and 服务条款: the public text of every version, and accepting those in force before anything else is done."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from shebao.access import acceptance
from shebao.access.acceptance import OtherVersionError
from shebao.access.queries import Live
from shebao.base.actor import Actor
from shebao.base.clock import now, today
from shebao.channels.frame import frame
from shebao.channels.guards import everyone, unit_accounts
from shebao.channels.public.views import landing, within
from shebao.policy import agreed


@everyone
@require_GET
def text(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """One version, word for word, with its source; printable."""
    shown = agreed.agreement(code, version)
    current = agreed.in_force(code, today())
    context = {"agreement": shown, "current": current if current.version != shown.version else None}
    crumbs = (("首页", "/"), (shown.title, None))
    return render(request, "public/agreement.html", frame(request, shown.title, crumbs=crumbs) | context)


@unit_accounts
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """The versions in force that the signed-in account has not accepted. Not accepting leaves one way: out."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    live: Live = request.live  # type: ignore[attr-defined]
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    wanted = wanted if within(wanted) else ""
    open_ones = acceptance.missing(live.accepted, today())
    if request.method == "GET":
        return _page(request, open_ones, wanted, "") if open_ones else HttpResponseRedirect(wanted or landing(actor))
    shown = [(code, version) for code, _, version in (text.partition(":") for text in request.POST.getlist("shown"))]
    if request.POST.get("agree") != "1":
        return _page(request, open_ones, wanted, "请先勾选“我已阅读并接受”，再继续；不接受请点“不接受，退出”")
    try:
        acceptance.accept(shown, at=now(), address=request.META.get("REMOTE_ADDR", ""))
    except OtherVersionError as error:
        return _page(request, open_ones, wanted, error.text)
    return HttpResponseRedirect(wanted or landing(actor))


def _page(request: HttpRequest, open_ones: list[agreed.Agreement], wanted: str, error: str) -> HttpResponse:
    box = {"name": "agree", "label": "确认", "kind": "checkbox", "error": error}
    context = {
        "agreements": open_ones,
        "next": wanted,
        "box": box,
        "errors": [("agree", error)] if error else [],
        "has_errors": bool(error),
    }
    title = "阅读并接受承诺书和服务条款"
    return render(request, "public/accept.html", frame(request, title) | context, status=422 if error else 200)
