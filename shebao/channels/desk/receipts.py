"""到账登记: files of the bank or tax office, payments entered by hand and confirmed by another, what became of them."""

import re
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.errors import ShebaoError
from shebao.base.terms import Insurance, Post
from shebao.casework import fields
from shebao.casework.fields import Field
from shebao.channels import errors
from shebao.channels.desk.pages import Errors, actor_of, address, clean, engine_of, live_of, number_of, show
from shebao.channels.guards import agency
from shebao.gateways import receipt_file
from shebao.levy import receiving
from shebao.levy.desk_queries import (
    account_names,
    allocations_of,
    file_sums,
    find_receipt,
    find_receipt_file,
    receipt_file_of_batch,
    receipt_files,
    receipt_sums,
    receipts,
)
from shebao.levy.models import Receipt, ReceiptState

SIZE = 20
FILE_SIZE = 50
FEN_MAX = 10**12
TOKEN = re.compile(r"[0-9A-Za-z-]{1,40}\Z", re.ASCII)  # as in the file format
STATE_TONES = {"pending": "warn", "allocated": "ok", "suspense": "err", "void": "mute"}
HAND: tuple[Field, ...] = (
    fields.text("serial", "银行流水号", most=40, hint="银行回单上的流水号；字母、数字和短横线"),
    fields.text("bill_number", "核定单号", most=20, example="HD202611-0000001"),
    fields.text("payer", "缴费单位", most=100),
    fields.money_amount("amount", "到账金额", most=FEN_MAX),
    fields.day("paid_on", "到账日期", hint="银行回单上的入账日期"),
)


@agency(Post.FINANCE)
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """到账: upload, hand entry, files and receipts."""
    return _page(request)


@agency(Post.FINANCE)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Read a file and apply it whole, or nothing of it. A file that came before leads to what it did then."""
    given, moment = request.FILES.get("file"), now()
    if given is None:
        return _page(request, problems=[("file", "请选择银行或税务给出的到账文件（CSV）")], status=422)
    batch = ""
    try:
        if (given.size or 0) > receipt_file.BYTES_MAX:
            raise receipt_file.ReceiptFileRefused("RCF-02", f"文件超过 {receipt_file.BYTES_MAX // 1024 // 1024} 兆，请拆成几批")
        read = receipt_file.read(given.read(), today=moment.date())
        batch = read.batch
        payments = [receiving.Payment(p.serial, p.bill_number, p.payer, p.amount_fen, p.paid_on, p.line) for p in read.payments]
        with acting(engine_of(actor_of(request))):
            receiving.receive_file(
                read.sha256, batch, given.name or "到账文件.csv", payments, place=live_of(request).place,
                agency_id=actor_of(request).agency_id, on=moment.date(), at=moment,
            )  # fmt: skip
    except ShebaoError as error:
        known = receipt_file_of_batch(batch) if batch else None
        return _page(request, problems=[("file", error.text)], status=error.status, known=known.pk if known else 0)
    done = receipt_file_of_batch(batch)
    return HttpResponseRedirect(f"/w/receipts/files/{done.pk}?received=1" if done else "/w/receipts")


@agency(Post.FINANCE)
@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    """手工登记: counts once another one of finance has confirmed it."""
    moment = now()
    values, problems = _read_hand(request, moment.date())
    if problems:
        return _page(request, problems=problems, status=422)
    payment = receiving.Payment(
        str(values["serial"]), str(values["bill_number"]), str(values["payer"]), int(str(values["amount"])),
        date.fromisoformat(str(values["paid_on"])),
    )  # fmt: skip
    try:
        with acting(engine_of(actor_of(request))):
            receiving.enter_by_hand(
                payment, agency_id=actor_of(request).agency_id, place=live_of(request).place, on=moment.date(), at=moment
            )
    except ShebaoError as error:
        return _page(request, problems=[("serial", error.text)], status=error.status)
    return HttpResponseRedirect("/w/receipts?state=pending")


def _read_hand(request: HttpRequest, today: date) -> tuple[dict[str, fields.Value], Errors]:
    values: dict[str, fields.Value] = {}
    problems: Errors = []
    for field in HAND:
        values[field.name], refusal = field.clean(request.POST.get(field.name, ""))
        if refusal:
            problems.append((field.name, refusal.text))
    named = {name for name, _ in problems}
    for name, label in (("serial", "银行流水号"), ("bill_number", "核定单号")):
        if name not in named and not TOKEN.match(str(values[name])):
            problems.append((name, f"{label}只能用字母、数字和短横线，请对照回单重新填写"))
    if "paid_on" not in named and date.fromisoformat(str(values["paid_on"])) > today:
        problems.append(("paid_on", "到账日期在今天之后，请对照回单核对"))
    order = [field.name for field in HAND]
    return values, sorted(problems, key=lambda p: order.index(p[0] or order[0]))


@agency(Post.FINANCE)
@require_POST
def confirm(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """复核 by a second one of finance: it is allocated and booked."""
    return _settled(request, receipt_id, "confirm")


@agency(Post.FINANCE)
@require_POST
def void(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """作废 what nobody has confirmed."""
    return _settled(request, receipt_id, "void")


def _settled(request: HttpRequest, receipt_id: int, act: str) -> HttpResponse:
    moment, place = now(), live_of(request).place
    if find_receipt(receipt_id) is None:
        return errors.page(request, 404)
    try:
        with acting(engine_of(actor_of(request))):
            if act == "confirm":
                receiving.confirm(receipt_id, place=place, on=moment.date(), at=moment)
            else:
                receiving.void(receipt_id, place=place, on=moment.date(), at=moment)
    except ShebaoError as error:
        return _page(request, problems=[(None, error.text)], status=error.status)
    return HttpResponseRedirect(f"/w/receipts?settled={receipt_id}")


@agency(Post.FINANCE)
@require_GET
def file_page(request: HttpRequest, file_id: int) -> HttpResponse:
    """What became of a file: 共 = 已分配 + 暂收 + 重复, and every line."""
    file = find_receipt_file(file_id)
    if file is None:
        return errors.page(request, 404)
    page, state = number_of(request.GET.get("page")), clean(request.GET.get("state"))
    sums = file_sums(file_id)
    recorded = sum(s.count for s in sums.values())
    found = receipts(file.agency_id, file_id=file_id, state=state, page=page, size=FILE_SIZE)
    allocated, suspended = (sums.get(s) for s in (ReceiptState.ALLOCATED, ReceiptState.SUSPENSE))
    context = {
        "file": file,
        "by": _names([file.received_by]).get(file.received_by, ""),
        "sums": sums,
        "recorded_fen": sum(s.fen for s in sums.values()),
        "figures": [
            {"label": "共（笔）", "value": file.lines},
            {"label": "已分配", "value": allocated.count if allocated else 0, "tone": "ok"},
            {"label": "暂收待查", "value": suspended.count if suspended else 0, "tone": "warn" if suspended else ""},
            {"label": "重复（未再入账）", "value": file.lines - recorded},
        ],
        "rows": _rows(found.rows, {}),
        "total": found.total,
        "page": page,
        "pages": max(1, -(-found.total // FILE_SIZE)),
        "size": FILE_SIZE,
        "state": state,
        "base": address(state=state) + "page=",
        "received": bool(request.GET.get("received")),
    }
    return show(request, "receipt_file", f"到账文件 {file.batch}", context, crumbs=(("到账登记", "/w/receipts"), (file.batch, None)))


def _page(request: HttpRequest, *, problems: Errors | None = None, status: int = 200, known: int = 0) -> HttpResponse:
    actor, asked, moment = actor_of(request), request.GET, now()
    state, search, page = clean(asked.get("state")), clean(asked.get("q")), number_of(asked.get("page"))
    found = receipts(actor.agency_id, state=state, search=search, page=page, size=SIZE)
    files = receipt_files(actor.agency_id)
    names = _names([*(r.entered_by for r in found.rows), *(r.confirmed_by or 0 for r in found.rows), *(f.received_by for f in files)])
    told = {name: text for name, text in problems or [] if name}
    context: dict[str, object] = {
        "sums": receipt_sums(actor.agency_id),
        "tabs_of": _tabs(actor.agency_id, state, search),
        "rows": _rows(found.rows, names),
        "total": found.total,
        "page": min(page, max(1, -(-found.total // SIZE))),
        "pages": max(1, -(-found.total // SIZE)),
        "size": SIZE,
        "base": address(state=state, q=search) + "page=",
        "state": state,
        "search": search,
        "files": [{"file": f, "by": names.get(f.received_by, "")} for f in files],
        "hand": [_hand_field(f, request, told, moment) for f in HAND],
        "hand_open": any(name in told for name in (f.name for f in HAND)),
        "file_field": {
            "name": "file",
            "kind": "file",
            "label": "到账文件",
            "accept": ".csv",
            "required": True,
            "error": told.get("file", ""),
        },
        "me": actor.account_id,
        "known": known,
        "settled": find_receipt(number_of(asked.get("settled"), 0)) if asked.get("settled") else None,
        "errors": problems or [],
        "has_errors": bool(problems),
    }
    return show(request, "receipts", "到账登记", context, status=status)


def _tabs(agency_id: int, state: str, search: str) -> list[dict[str, object]]:
    sums = receipt_sums(agency_id)
    labels = [("", "全部", sum(s.count for s in sums.values()))]
    labels += [(s.value, str(s.label), sums[s].count) for s in ReceiptState]
    return [
        {"label": label, "url": "/w/receipts" + address(state=value, q=search), "count": count, "current": value == state}
        for value, label, count in labels
    ]


def _hand_field(field: Field, request: HttpRequest, told: dict[str, str], at: datetime) -> dict[str, object]:
    before = at.date().isoformat() if field.name == "paid_on" else ""
    value = clean(request.POST.get(field.name, before), 100)
    return {
        "name": field.name, "label": field.label, "kind": field.kind, "required": True, "hint": field.hint,
        "example": field.example, "value": value, "error": told.get(field.name, ""),
    }  # fmt: skip


def _rows(rows: list[Receipt], names: dict[int, str]) -> list[dict[str, object]]:
    shares = allocations_of([r.pk for r in rows])
    return [
        {
            "receipt": r,
            "word": ReceiptState(r.state).label,
            "tone": STATE_TONES[r.state],
            "rest_fen": r.amount_fen - r.allocated_fen if r.state == ReceiptState.SUSPENSE else 0,
            "shares": sorted(((Insurance(code), fen) for code, fen in shares.get(r.pk, [])), key=lambda share: share[0].bit),
            "entered": names.get(r.entered_by, ""),
            "confirmed": names.get(r.confirmed_by or 0, ""),
        }
        for r in rows
    ]


def _names(ids: list[int]) -> dict[int, str]:
    """Who entered and confirmed. Accounts are not the desk's to read; only these names are."""
    with acting(ENGINE):
        return account_names([i for i in ids if i])
