"""退费: applied for, reviewed by another one of finance, sent to the bank in one file, paid or returned."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import SHORT_LABELS, Insurance, Post
from shebao.channels import due_changes, errors
from shebao.channels.desk.pages import actor_of, address, clean, engine_of, live_of, number_of, said, show
from shebao.channels.desk.suspense import amount_of, names
from shebao.channels.guards import agency
from shebao.gateways.partner_keys import own_key
from shebao.gateways.statement import looks_mistyped
from shebao.levy import payouts, refund_queries, refunding
from shebao.levy.bank_models import BANKS
from shebao.levy.desk_queries import find_receipt
from shebao.levy.refund_models import Refund, RefundLine, RefundState, SourceKind
from shebao.levy.refund_sources import Source
from shebao.policy.rulebook import standard

SIZE = 30
TONES = {"applied": "warn", "reviewed": "warn", "approved": "info", "instructed": "info"}
TONES |= {"paid": "ok", "returned": "err", "declined": "mute"}
STEPS = {
    "applied": "申请退费",
    "reviewed": "复核通过，待二次复核",
    "approved": "核准",
    "declined": "不予退费",
    "instructed": "发送银行",
    "paid": "银行付讫",
    "returned": "银行退票",
    "applied_again": "更正账户，重新申请",
}


@agency(Post.FINANCE)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Refunds by state, what waits for whom, files to the bank."""
    return _list(request)


def _list(request: HttpRequest, error: ShebaoError | None = None) -> HttpResponse:
    agency_id, page = actor_of(request).agency_id, number_of(request.GET.get("page"))
    state, search = clean(request.GET.get("state")), clean(request.GET.get("q"))
    found = refund_queries.refunds(agency_id, state=state, search=search, page=page, size=SIZE)
    sums = refund_queries.refund_sums(agency_id)
    tabs = [("", "全部", sum(s.count for s in sums.values())), *((s.value, str(s.label), sums[s].count) for s in RefundState)]
    files = refund_queries.payouts(agency_id)
    rule = standard().find("refund.two_reviewers_from", now().date(), live_of(request).place)
    context = {
        "rows": found.rows,
        "words": {s.value: s.label for s in RefundState},
        "tones": TONES,
        "sums": {s.value: sums[s] for s in RefundState},
        "tabs_of": [
            {"label": label, "url": "/w/refunds" + address(state=value, q=search), "count": n, "current": value == state}
            for value, label, n in tabs
        ],
        "files": files,
        "names": names([*(r.applied_by for r in found.rows), *(f.made_by for f in files)]),
        "rule": rule,
        "banks": BANKS,
        "bank": refund_queries.paying_bank(live_of(request).place),
        "total": found.total,
        "page": page,
        "pages": max(1, -(-found.total // SIZE)),
        "size": SIZE,
        "search": search,
        "base": address(state=state, q=search) + "page=",
        **(said(error) if error else {}),
    }
    return show(request, "refunds", "退费", context, status=error.status if error else 200)


@agency(Post.FINANCE)
@require_GET
def refund(request: HttpRequest, refund_id: int) -> HttpResponse:
    """One refund: whose, from where, to which account, its course."""
    return _refund(request, refund_id)


def _refund(request: HttpRequest, refund_id: int, error: ShebaoError | None = None) -> HttpResponse:
    found = refund_queries.find_refund(refund_id)
    if found is None:
        return errors.page(request, 404)
    steps = refund_queries.refund_steps(found.pk)
    told = names([s.account_id for s in steps])
    me = actor_of(request).account_id
    lines = refund_queries.refund_lines(found.pk)
    waiting = found.state in (RefundState.APPLIED, RefundState.REVIEWED)
    context = {
        "refund": found,
        "word": RefundState(found.state).label,
        "tone": TONES[found.state],
        "lines": [_line(line) for line in lines],
        "behind": due_changes.behind_refunds([line.refund_due_id for line in lines if line.refund_due_id]),
        "course": [
            {"at": s.at, "who": told.get(s.account_id, "系统"), "what": STEPS[s.step], "note": s.note, "tone": _tone(s.step)} for s in steps
        ],
        "may_review": waiting and me not in (found.applied_by, found.reviewed_by),
        "waits_for_others": waiting and me in (found.applied_by, found.reviewed_by),
        "mistyped": looks_mistyped(found.payee_account),
        "rule": standard().find("refund.two_reviewers_from", now().date(), found.place),
        "typed": {n: clean(request.POST.get(n), 200) for n in ("name", "bank", "account", "reason")},
        **(said(error) if error else {}),
    }
    crumbs = (("退费", "/w/refunds"), (found.number, None))
    return show(request, "refund", f"退费 {found.number}", context, crumbs=crumbs, status=error.status if error else 200)


def _tone(step: str) -> str:
    return {"returned": "err", "declined": "err", "paid": "ok", "approved": "ok"}.get(step, "")


def _line(line: RefundLine) -> dict[str, object]:
    return {
        "label": SourceKind(line.source).label,
        "fund": SHORT_LABELS[Insurance(line.fund)] if line.fund else "未归属",
        "month": line.month,
        "fen": line.amount_fen,
        "interest_fen": line.interest_fen,
        "receipt": line.receipt,
        "reason": line.refund_due.reason if line.refund_due else "",
        "due_id": line.refund_due_id,
    }


@agency(Post.FINANCE)
@require_POST
def apply(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """Ask for money of a receipt's suspense to go back to its payer."""
    found = find_receipt(receipt_id)
    if found is None:
        return errors.page(request, 404)
    moment, live, actor = now(), live_of(request), actor_of(request)
    bill = found.bill
    try:
        source = Source(SourceKind.SUSPENSE, found.pk, amount_of(request.POST.get("amount")))
        wanted = refunding.Application(
            (source,), _payee(request), clean(request.POST.get("reason"), 200), actor.agency_id, live.place,
            unit_id=bill.unit_id if bill and not bill.person_id else None, person_id=bill.person_id if bill else None,
        )  # fmt: skip
        with acting(engine_of(actor)):
            made = refunding.apply(wanted, on=moment.date(), at=moment)
    except ShebaoError as error:
        from shebao.channels.desk.suspense import _receipt

        return _receipt(request, receipt_id, error)
    return HttpResponseRedirect(f"/w/refunds/{made.pk}")


def _payee(request: HttpRequest) -> refunding.Payee:
    account = clean(request.POST.get("account"), 40).replace(" ", "")
    return refunding.Payee(clean(request.POST.get("name"), 100), clean(request.POST.get("bank"), 100), account)


@agency(Post.FINANCE)
@require_POST
def review(request: HttpRequest, refund_id: int) -> HttpResponse:
    """复核 or 不予退费."""
    return _act(
        request, refund_id,
        lambda found, at: refunding.review(
            found.pk, approve=request.POST.get("decision") == "approve", note=clean(request.POST.get("note"), 200), on=at.date(), at=at
        ),
    )  # fmt: skip


@agency(Post.FINANCE)
@require_POST
def again(request: HttpRequest, refund_id: int) -> HttpResponse:
    """A returned refund goes out again, to a corrected account, after another review."""
    return _act(
        request, refund_id,
        lambda found, at: refunding.apply_again(
            found.pk, _payee(request), reason=clean(request.POST.get("reason"), 200), on=at.date(), at=at
        ),
    )  # fmt: skip


def _act(request: HttpRequest, refund_id: int, act) -> HttpResponse:  # type: ignore[no-untyped-def]
    found: Refund | None = refund_queries.find_refund(refund_id)
    if found is None:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            act(found, now())
    except ShebaoError as error:
        return _refund(request, refund_id, error)
    return HttpResponseRedirect(f"/w/refunds/{refund_id}")


@agency(Post.FINANCE)
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Put all approved refunds into one signed file for the partner bank that was chosen."""
    moment, actor, bank = now(), actor_of(request), clean(request.POST.get("bank"), 3) or refund_queries.paying_bank(live_of(request).place)
    try:
        key = own_key(Path(settings.PARTNERS)).private.private_bytes_raw()
        with acting(engine_of(actor)):
            payouts.instruct(actor.agency_id, live_of(request).place, bank=bank, private_key=key, on=moment.date(), at=moment)
    except ShebaoError as error:
        return _list(request, error)
    return HttpResponseRedirect("/w/refunds?state=instructed")


@agency(Post.FINANCE)
@require_GET
def payout_file(request: HttpRequest, payout_id: int) -> HttpResponse:
    """The file as it was signed, byte for byte."""
    found = refund_queries.find_payout(payout_id)
    if found is None:
        return errors.page(request, 404)
    answer = HttpResponse(bytes(found.content), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="FK_{found.number}_01.txt"'
    return answer
