"""暂收待查: each receipt's money, what was done with it, and what one person proposes and another decides."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base import money
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Insurance, Post
from shebao.channels import errors
from shebao.channels.desk.pages import actor_of, address, clean, engine_of, live_of, number_of, said, show
from shebao.channels.guards import agency
from shebao.levy import matching, refund_queries, suspense
from shebao.levy.desk_queries import account_names, allocations_of, find_receipt
from shebao.levy.models import Channel, ReceiptState
from shebao.levy.refund_models import MoveKind, MoveState, RefundState

SIZE = 50
CHANNELS = {c.value: c.label for c in Channel}


@agency(Post.FINANCE)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Money that came and has no bill, with the reason; what waits for a second person above it."""
    return _list(request)


def _list(request: HttpRequest, error: ShebaoError | None = None) -> HttpResponse:
    agency_id, page = actor_of(request).agency_id, number_of(request.GET.get("page"))
    search = clean(request.GET.get("q"))
    found = refund_queries.suspense_receipts(agency_id, search=search, page=page, size=SIZE)
    moves = refund_queries.moves_waiting(agency_id)
    held = refund_queries.held_open(agency_id)
    context = {
        "rows": found.rows,
        "channels": CHANNELS,
        "sums": refund_queries.suspense_sums(agency_id),
        "moves": moves,
        "held": held,
        "kinds": {k.value: k.label for k in MoveKind},
        "names": names([*(m.proposed_by for m in moves), *(h.proposed_by or 0 for h in held)]),
        "me": actor_of(request).account_id,
        "total": found.total,
        "page": page,
        "pages": max(1, -(-found.total // SIZE)),
        "size": SIZE,
        "search": search,
        "base": address(q=search) + "page=",
        **(said(error) if error else {}),
    }
    return show(request, "suspense", "暂收待查", context, status=error.status if error else 200)


def names(ids: list[int]) -> dict[int, str]:
    """Names of accounts, which the desk itself may not read."""
    with acting(ENGINE):
        return account_names([i for i in ids if i])


@agency(Post.FINANCE)
@require_GET
def receipt(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """One receipt: where its money is, its course, what can be done."""
    return _receipt(request, receipt_id)


def _receipt(request: HttpRequest, receipt_id: int, error: ShebaoError | None = None) -> HttpResponse:
    found = find_receipt(receipt_id)
    if found is None:
        return errors.page(request, 404)
    actor, place = actor_of(request), live_of(request).place
    moves = refund_queries.moves_of(found.pk)
    shares = allocations_of([found.pk]).get(found.pk, [])
    by_fund: dict[Insurance, int] = {}
    for code, fen in shares:
        by_fund[Insurance(code)] = by_fund.get(Insurance(code), 0) + fen
    counted = found.state in (ReceiptState.ALLOCATED, ReceiptState.SUSPENSE)
    context = {
        "receipt": found,
        "channel": CHANNELS[found.channel],
        "here": suspense.has_arrived(found),
        "open": counted and found.rest_fen > 0,
        "bills": matching.bills_of(found.pk) if counted else {},
        "shares": sorted(((i, fen) for i, fen in by_fund.items() if fen), key=lambda share: share[0].bit),
        "moves": moves,
        "move_states": {s.value: s.label for s in MoveState},
        "kinds": {k.value: k.label for k in MoveKind},
        "refunds": refund_queries.refunds_of_receipt(found.pk),
        "refund_states": {s.value: s.label for s in RefundState},
        "agencies": refund_queries.other_agencies(actor.agency_id, place),
        "names": names([found.entered_by, *(m.proposed_by for m in moves), *(m.decided_by or 0 for m in moves)]),
        "me": actor.account_id,
        "typed": {name: clean(request.POST.get(name), 200) for name in ("bill", "amount", "reason", "name", "bank", "account")},
        **(said(error) if error else {}),
    }
    crumbs = (("暂收待查", "/w/suspense"), (found.serial, None))
    return show(request, "suspense_receipt", f"到账 {found.serial}", context, crumbs=crumbs, status=error.status if error else 200)


@agency(Post.FINANCE)
@require_POST
def propose(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """Propose what shall be done with some of a receipt's money."""
    found = find_receipt(receipt_id)
    if found is None:
        return errors.page(request, 404)
    try:
        kind = clean(request.POST.get("kind"))
        if kind not in MoveKind:
            raise suspense.NotPossibleError("请选择处理方式")
        wanted = suspense.Wanted(
            MoveKind(kind),
            amount_of(request.POST.get("amount")),
            clean(request.POST.get("reason"), 200),
            clean(request.POST.get("bill")),
            number_of(request.POST.get("agency"), 0) or None,
        )
        with acting(engine_of(actor_of(request))):
            suspense.propose(receipt_id, wanted, at=now())
    except ShebaoError as error:
        return _receipt(request, receipt_id, error)
    return HttpResponseRedirect(f"/w/suspense/{receipt_id}")


def amount_of(text: str | None) -> int:
    """An amount as typed, fen. Raises: suspense.TooMuchError."""
    try:
        return money.fen((text or "").strip())
    except money.MoneyError as error:
        raise suspense.TooMuchError(str(error)) from error


@agency(Post.FINANCE)
@require_POST
def decide(request: HttpRequest, receipt_id: int, move_id: int) -> HttpResponse:
    """复核 what somebody else proposed."""
    found = find_receipt(receipt_id)
    if found is None or move_id not in {m.pk for m in refund_queries.moves_of(receipt_id)}:
        return errors.page(request, 404)
    moment = now()
    try:
        with acting(engine_of(actor_of(request))):
            suspense.decide(
                move_id, confirm=request.POST.get("decision") == "confirm", note=clean(request.POST.get("note"), 200),
                place=live_of(request).place, on=moment.date(), at=moment,
            )  # fmt: skip
    except ShebaoError as error:
        return _receipt(request, receipt_id, error)
    return HttpResponseRedirect(f"/w/suspense/{receipt_id}")


@agency(Post.FINANCE)
@require_POST
def held(request: HttpRequest, held_id: int) -> HttpResponse:
    """A payment told again with other content: proposed by one, decided by another."""
    if held_id not in {h.pk for h in refund_queries.held_open(actor_of(request).agency_id)}:
        return errors.page(request, 404)
    moment = now()
    try:
        with acting(engine_of(actor_of(request))):
            if request.POST.get("decision") == "confirm":
                suspense.decide_held(held_id, place=live_of(request).place, on=moment.date(), at=moment)
            else:
                take = request.POST.get("decision") == "take"
                suspense.propose_held(held_id, take=take, reason=clean(request.POST.get("reason"), 200), at=moment)
    except ShebaoError as error:
        return _list(request, error)
    return HttpResponseRedirect("/w/suspense")
