"""法人注册确认 and 密码条发放: the counter's part of 网上办事资格. What is filed (申请, 补发, 评估, 停用) goes through 柜面受理."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access import registrations, slips
from shebao.access.models import Slip
from shebao.access.slips import SlipGoneError
from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.base.terms import Post
from shebao.channels.desk.pages import address, clean, show
from shebao.channels.guards import agency
from shebao.channels.papers import slip_pdf
from shebao.channels.portal.batch import download
from shebao.policy.agreed import in_force

SLIPS_SHOWN = 30
STATES = {"ready": ("待打印", "warn"), "printed": ("已打印", "ok"), "void": ("已作废", "mute")}
REGISTERED = {"confirmed": ("已确认", "ok"), "declined": ("已退回", "err")}
CAPACITIES = {"operator": "单位经办人", "legal": "法定代表人"}


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def registrations_page(request: HttpRequest) -> HttpResponse:
    """What units registered, beside the register."""
    return _registrations(request, "")


def _registrations(request: HttpRequest, error: str, status: int = 200) -> HttpResponse:
    waiting = registrations.waiting()
    if waiting:
        record([Trace("person.looked", f"法人注册 {len(waiting)} 条")], at=now())
    context = {
        "waiting": waiting,
        "decided": [(each, *REGISTERED[each.state]) for each in registrations.decided()],
        "capacities": CAPACITIES,
        "agreement": in_force("online_service", today()),
        "errors": [(None, error)] if error else [],
        "has_errors": bool(error),
        "done": request.GET.get("done", ""),
    }
    return show(request, "registrations", "法人注册确认", context, status=status)


@agency(Post.REVIEWER, Post.CLERK)
@require_POST
def confirm(request: HttpRequest, registration_id: int) -> HttpResponse:
    """确认: the papers were seen; the account is opened and its slip waits."""
    if request.POST.get("seen") != "1":
        return _registrations(request, "请核对身份证原件、留存签字盖章的承诺书，并勾选确认后再办理", 422)
    try:
        registrations.confirm(registration_id, at=now())
    except registrations.NotRegistrableError as error:
        return _registrations(request, error.text, 409)
    return HttpResponseRedirect("/w/slips")


@agency(Post.REVIEWER, Post.CLERK)
@require_POST
def decline(request: HttpRequest, registration_id: int) -> HttpResponse:
    """退回."""
    try:
        registrations.decline(registration_id, clean(request.POST.get("reason"), 200), at=now())
    except registrations.NotRegistrableError as error:
        return _registrations(request, error.text, 422)
    return HttpResponseRedirect("/w/registrations?done=declined")


@agency(Post.REVIEWER, Post.CLERK)
@require_GET
def slips_page(request: HttpRequest) -> HttpResponse:
    """密码条 that wait to be printed, and the latest others."""
    return _slips(request, "")


def _slips(request: HttpRequest, error: str, status: int = 200) -> HttpResponse:
    search = clean(request.GET.get("q"))
    found = Slip.objects.filter(handed_by="agency").select_related("unit").order_by("-id")
    if search:
        found = found.filter(unit__name__contains=search) | found.filter(unit__number=search)
    context = {
        "slips": [(slip, *STATES[slip.state]) for slip in sorted(found[:SLIPS_SHOWN], key=lambda s: s.state != "ready")],
        "search": search,
        "errors": [(None, error)] if error else [],
        "has_errors": bool(error),
        "base": address(q=search),
    }
    return show(request, "slips", "密码条发放", context, status=status)


@agency(Post.REVIEWER, Post.CLERK)
@require_POST
def print_slip(request: HttpRequest, slip_id: int) -> HttpResponse:
    """打印, once. Should the answer get lost on its way, the slip is gone too: 补发."""
    try:
        printed = slips.print_slip(slip_id, at=now(), handed_by="agency")
    except SlipGoneError as error:
        return _slips(request, error.text, error.status)
    return download(slip_pdf(printed, at=now()), "密码条.pdf", "application/pdf", inline=True)
