"""批扣 of the acting person: the agreement, the next debit as it would be today, past debits; sign, change and end."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.months import month_shown
from shebao.channels import errors
from shebao.channels.debit_line import context_of
from shebao.channels.guards import individuals
from shebao.channels.personal.pages import actor_of, engine_of, live_of, show
from shebao.levy import debit_queries as queries
from shebao.levy import debit_signing, debiting
from shebao.levy.bank_models import BANKS, DebitAgreement, Scheme
from shebao.levy.debit_signing import NewAgreement, masked
from shebao.levy.debit_telling import advice_of
from shebao.policy.rulebook import standard

ACCOUNT_MAX = 30


@individuals
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """批扣."""
    return _page(request)


@individuals
@require_GET
def line(request: HttpRequest, number: str) -> HttpResponse:
    """怎么算的 of one of the own debits."""
    batch = debiting.batch_of(number)
    found = queries.line_of(batch.pk, person_id=actor_of(request).person_id) if batch is not None else None
    if batch is None or found is None:
        return errors.page(request, 404)
    context = context_of(batch, found) | {"advice": advice_of(found.result)}
    title = f"{month_shown(batch.month)}批扣"
    return show(request, "debit_line", title, context, crumbs=(("批扣", "/p/debit"), (title, None)))


@individuals
@require_POST
def sign(request: HttpRequest) -> HttpResponse:
    """签约: an own account at a partner bank."""
    return _signed(request, debit_signing.sign)


@individuals
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """换银行或账号."""
    return _signed(request, debit_signing.change)


def _signed(request: HttpRequest, act: Callable[..., DebitAgreement]) -> HttpResponse:
    actor, live = actor_of(request), live_of(request)
    account = "".join(request.POST.get("account", "").split())[:ACCOUNT_MAX]
    bank, scheme = request.POST.get("bank", ""), request.POST.get("scheme", "city")
    if scheme not in Scheme.values:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor)):
            act(NewAgreement(actor.person_id, actor.agency_id, live.place, bank, account, Scheme(scheme)), at=now())
    except ShebaoError as error:
        return _page(request, error, typed={"bank": bank, "account": account, "scheme": scheme})
    return HttpResponseRedirect("/p/debit")


@individuals
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """解约."""
    actor = actor_of(request)
    try:
        with acting(engine_of(actor)):
            debit_signing.end(actor.person_id, "本人网上解约", at=now())
    except ShebaoError as error:
        return _page(request, error)
    return HttpResponseRedirect("/p/debit")


def _page(request: HttpRequest, refused: ShebaoError | None = None, typed: dict[str, str] | None = None) -> HttpResponse:
    person_id, today, typed = actor_of(request).person_id, now().date(), typed or {}
    agreement = debit_signing.live_agreement(person_id)
    if agreement is not None:  # a change begins with what is signed; the account is typed anew
        typed = {"bank": agreement.bank, "scheme": agreement.scheme} | typed
    past = queries.debits_of(person_id)
    days = standard().find("flexible.batch_days", today, live_of(request).place)
    context: dict[str, object] = {
        "batch_days": days.shown() if days and days.value is not None else "没有公布",
        "agreement": agreement,
        "out": bool(debiting.out([person_id])),
        "past": [_told(p) for p in past],
        "banks": BANKS,
        "form": [
            _choice("bank", "协作银行", list(BANKS.items()), typed.get("bank", "")),
            {"name": "account", "label": "银行账号", "kind": "text", "required": True, "value": typed.get("account", ""), "most": 23}
            | {"hint": "本人名下的卡号或存折账号，8 到 20 位数字", "error": refused.text if refused and refused.code == "BNK-30" else ""},
            _choice("scheme", "参保范围", [(s.value, s.label) for s in Scheme], typed.get("scheme", "city")),
        ],
    }
    if agreement is not None:
        following = queries.next_debit(agreement, today, standard())
        context |= {
            "next": following,
            "bank": BANKS.get(agreement.bank, agreement.bank),
            "account": masked(agreement.account),
            "batch_day": following.day.published.day if following.day else "—",
        }
    if refused is not None:
        context |= {"errors": [("account" if refused.code == "BNK-30" else None, refused.text)], "has_errors": True}
    return show(request, "debit", "批扣", context, status=refused.status if refused else 200)


def _choice(name: str, label: str, choices: list[tuple[str, str]], value: str) -> dict[str, object]:
    return {
        "name": name,
        "label": label,
        "kind": "radio",
        "required": True,
        "value": value or choices[0][0],
        "choices": choices,
    }


def _told(p: queries.Past) -> dict[str, object]:
    names = ("batch", "bank", "planned_on", "amount_fen", "first_month", "last_month", "months", "result", "serial", "words")
    return {name: getattr(p, name) for name in names} | {"advice": advice_of(p.result)}


urls: list[URLPattern] = [
    path("debit", page, name="personal-debit"),
    path("debit/lines/<slug:number>", line, name="personal-debit-line"),
    path("debit/sign", sign, name="personal-debit-sign"),
    path("debit/change", change, name="personal-debit-change"),
    path("debit/end", end, name="personal-debit-end"),
]
