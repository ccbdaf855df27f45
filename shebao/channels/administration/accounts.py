"""账号管理."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from shebao.access import administration, limits
from shebao.access.limits import Kind
from shebao.access.models import Account
from shebao.base.clock import now, today
from shebao.base.terms import Post
from shebao.channels.frame import frame
from shebao.channels.guards import administrators


@administrators
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The accounts of the agency and of its units."""
    search = request.GET.get("q", "").strip()[:40]
    after = request.GET.get("after", "0")
    found = administration.accounts(search, after=int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0)
    more = found[-1].pk if len(found) == administration.PAGE else None
    context = {"accounts": [(account, *_state(account)) for account in found], "q": search, "more": more}
    return render(request, "administration/accounts.html", frame(request, "账号管理") | context)


def _state(account: Account) -> tuple[str, str]:
    if account.disabled_at is not None:
        return "已停用", "err"
    if limits.closed_until(Kind.NAME, account.username, at=now()):
        return "已锁定", "warn"
    return ("待改初始密码", "warn") if account.must_change_password else ("正常", "ok")


@administrators
@require_GET
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """One account with its posts."""
    return _page(request, account_id, None)


def _page(request: HttpRequest, account_id: int, slip: administration.Slip | None) -> HttpResponse:
    found = administration.get_account(account_id)
    grants = [
        (Post(g.post).label, g.from_date, g.to_date, g.to_date is None or g.to_date > today()) for g in found.grants.order_by("from_date")
    ]
    context = {"account": found, "state": _state(found), "grants": grants, "slip": slip}
    crumbs = (("账号管理", "/a/accounts"), (found.username, None))
    return render(request, "administration/account.html", frame(request, "账号", crumbs=crumbs) | context)


@administrators
@require_POST
def reset(request: HttpRequest, account_id: int) -> HttpResponse:
    """重置密码: the new one is on this answer only."""
    return _page(request, account_id, administration.reset_password(account_id, at=now()))


@administrators
@require_POST
def disable(request: HttpRequest, account_id: int) -> HttpResponse:
    """停用."""
    administration.set_disabled(account_id, True, at=now())
    return HttpResponseRedirect(f"/a/accounts/{account_id}")


@administrators
@require_POST
def enable(request: HttpRequest, account_id: int) -> HttpResponse:
    """启用."""
    administration.set_disabled(account_id, False, at=now())
    return HttpResponseRedirect(f"/a/accounts/{account_id}")
