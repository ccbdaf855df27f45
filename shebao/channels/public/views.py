"""Sign-in and out, the home page, 办事指南, 凭证验真, notices, the display mode."""

from dataclasses import replace
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.access import operations as access
from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.actor import ENGINE, PUBLIC, Actor, Role
from shebao.base.clock import now, today
from shebao.casework.item import items
from shebao.channels.frame import HOMES, frame
from shebao.channels.guards import everyone, signed_in
from shebao.channels.middleware import COOKIE, sign_in_cookie
from shebao.channels.public.news import news
from shebao.contact.answers import published
from shebao.papers import codes
from shebao.papers.queries import verification
from shebao.papers.verification import PaperState, Verification
from shebao.surfaces.jinja import moment

NEWS_SHOWN = 5
MODE_SECONDS = 365 * 24 * 3600
ADDRESS_LENGTH_MAX = 1000  # of where to go after signing in or switching the display


@everyone
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """公共首页; whoever is signed in goes to the own one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if actor.role is not Role.PUBLIC:
        return HttpResponseRedirect(landing(actor))
    groups: dict[str, list[dict[str, str]]] = {}
    for item in items():
        entry = {"label": item.title, "url": f"/items/{item.slug}", "icon": item.icon, "note": item.guide.summary}
        groups.setdefault(item.group, []).append(entry)
    words = [(word, f"/items?q={quote(word)}") for word in ("入职", "离职", "调薪", "续保")]
    context = {
        "groups": [{"title": title, "entries": entries} for title, entries in groups.items()],
        "search_words": words,
        "notices_list": news(today())[:NEWS_SHOWN],
        "answers_list": published()[:NEWS_SHOWN],
    }
    return render(request, "public/home.html", frame(request, "首页") | context)


def landing(actor: Actor) -> str:
    """Where a sign-in leads."""
    return HOMES.get(actor.role, "/")


@everyone
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """登录. The next address is followed only within this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    wanted = wanted if within(wanted) else ""
    username, password = request.POST.get("username", "").strip()[:60], request.POST.get("password", "")[:200]
    if request.method == "GET":
        return _sign_in_page(request, "", wanted, "")
    at = now()
    try:
        done = access.sign_in(
            username, password, at=at, address=request.META.get("REMOTE_ADDR", ""), agent=request.headers.get("User-Agent", "")
        )
    except access.SignInRefused as error:
        return _sign_in_page(request, username, wanted, error.text)
    with acting(done.actor):
        record([Trace("access.signed_in", username)], at=at, address=request.META.get("REMOTE_ADDR", ""))
    rotate_token(request)  # a form token planted before is worth nothing now
    response = HttpResponseRedirect("/password" if done.must_change_password else wanted or landing(done.actor))
    response.set_cookie(
        COOKIE,
        sign_in_cookie(done.actor, done.signin_id, done.token),
        httponly=True,
        samesite="Lax",
        secure=settings.SIGNIN_COOKIE_SECURE,
    )
    return response


def within(address: str) -> bool:
    """Whether an address to go on to lies within this site and is no longer than one of ours."""
    return len(address) <= ADDRESS_LENGTH_MAX and address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)


def _sign_in_page(request: HttpRequest, username: str, wanted: str, error: str) -> HttpResponse:
    form = {
        "username": _field("username", "用户名", "text", value=username, autocomplete="username"),
        "password": _field("password", "密码", "password", autocomplete="current-password"),
        "next": wanted,
    }
    context = frame(request, "登录") | {"form": form, "has_errors": bool(error)}
    if error:
        context["errors"] = [("username", error)]
    return render(request, "public/signin.html", context, status=422 if error else 200)


def _field(name: str, label: str, kind: str, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "label": label,
        "kind": kind,
        "required": True,
        "hint": "",
        "value": "",
        "error": "",
        "choices": (),
        "readonly": False,
        **more,
    }


@everyone
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """退出: ended in the database, so no copy of the cookie works any more."""
    if request.signin_id:  # type: ignore[attr-defined]
        access.sign_out(request.signin_id, at=now())  # type: ignore[attr-defined]
    response = HttpResponseRedirect("/")
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


@signed_in
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """修改密码; forced at the first sign-in with the password of the 密码条."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    live = request.live  # type: ignore[attr-defined]
    if request.method == "GET":
        return _password_page(request, live.must_change_password, "", "")
    old, new, again = (request.POST.get(name, "")[:200] for name in ("old", "new", "again"))
    try:
        if new != again:
            raise access.PasswordRefused("两次输入的新密码不一致，请重新输入")
        access.change_password(old, new, at=now())
    except access.PasswordRefused as error:
        wrong = "old" if "原密码不正确" in error.text else "again" if "不一致" in error.text else "new"
        return _password_page(request, live.must_change_password, wrong, error.text)
    access.end_sign_ins(actor.account_id, at=now(), but=request.signin_id)  # type: ignore[attr-defined]
    return HttpResponseRedirect(landing(actor))


PASSWORD_RULES = ("至少 10 位", "不要用生日、连续数字等容易猜到的密码", "不要与其他网站的密码相同")


def _password_page(request: HttpRequest, forced: bool, wrong: str, error: str) -> HttpResponse:
    labels = (("old", "原密码", "current-password"), ("new", "新密码", "new-password"), ("again", "再输一次新密码", "new-password"))
    form = {name: _field(name, label, "password", autocomplete=auto, error=error if name == wrong else "") for name, label, auto in labels}
    context = frame(request, "修改密码") | {"forced": forced, "form": form, "rules": PASSWORD_RULES, "has_errors": bool(error)}
    context["errors"] = [(wrong, error)] if error else []
    return render(request, "public/password.html", context, status=422 if error else 200)


@everyone
@require_GET
def verify(request: HttpRequest, code: str = "") -> HttpResponse:
    """凭证验真: anyone with the code sees the same facts as on the paper. Every look is recorded."""
    typed = (code or request.GET.get("code", "")).strip()[:40]
    read, error = codes.read_code(typed) if typed else None, ""
    if typed and read is None:
        error = "验真码是 16 位数字和大写字母，请对照凭证右下角重新输入"
    field = _field("code", "验真码", "code", value=typed, error=error, hint="16 位，印在凭证的页脚，可不输短横线", example="")
    context = frame(request, "凭证验真") | {"form": {"code": field}, "errors": [("code", error)] if error else [], "result": None}
    if read is None:
        return render(request, "public/verify.html", context | {"has_errors": bool(error)}, status=422 if error else 200)
    with acting(PUBLIC):
        found = verification(read, today())
    with acting(replace(ENGINE, name="公众")):  # the public writes nothing itself
        record([Trace("papers.verified", read)], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    return render(request, "public/verify.html", context | {"result": _verdict(found, read)})


VERDICTS = {PaperState.VALID: "valid", PaperState.EXPIRED: "expired", PaperState.REVOKED: "revoked", PaperState.UNKNOWN: "missing"}


def _verdict(found: Verification, code: str) -> dict[str, object]:
    facts = [(fact.label, fact.value) for fact in found.facts]
    if found.issued_at:
        facts += [("出具机构", found.agency), ("出具时间", moment(found.issued_at))]
    if found.valid_until:
        facts.append(("有效期至", found.valid_until.isoformat()))
    return {
        "state": VERDICTS[found.state],
        "kind": found.title,
        "code": codes.shown(code),
        "facts": facts,
        "revoked": moment(found.revoked_at) if found.revoked_at else "",
        "reason": found.revoked_reason,
        "expired": found.valid_until.isoformat() if found.valid_until else "",
        "sample": True,
        "checked_at": moment(now()),
    }


@everyone
@require_POST
def face(request: HttpRequest) -> HttpResponse:
    """长辈版 and high contrast, remembered in a cookie; works without scripts."""
    back = request.POST.get("next", "/")
    response = HttpResponseRedirect(back if within(back) else "/")
    for name, allowed in (("mode", ("plain", "elder")), ("contrast", ("normal", "high"))):
        if request.POST.get(name) in allowed:
            response.set_cookie(name, request.POST[name], max_age=MODE_SECONDS, samesite="Lax", secure=settings.SIGNIN_COOKIE_SECURE)
    return response


@everyone
@require_GET
def accessibility(request: HttpRequest) -> HttpResponse:
    """无障碍声明."""
    return render(request, "public/accessibility.html", frame(request, "无障碍声明"))


@everyone
@require_GET
def gallery(request: HttpRequest) -> HttpResponse:
    """Every component in every state: the baseline for screenshots and checks."""
    return render(request, "ui/gallery.html", frame(request, "组件"))


@everyone
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """For whoever watches: the process answers and the database too (the transaction around this view was opened)."""
    return HttpResponse("ok", content_type="text/plain")
