"""The books at the desk: 试算平衡表, 收支月报, 科目明细账, 凭证. Every amount leads to what stands behind it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now
from shebao.base.months import Month, MonthError, first_day, iso, last_day, month, month_of, month_shown, shift
from shebao.base.terms import Insurance, Post
from shebao.channels import errors
from shebao.channels.desk.behind import behind, reference_words
from shebao.channels.desk.pages import address, clean, live_of, show
from shebao.channels.guards import agency
from shebao.channels.portal.batch import download
from shebao.ledger.entries import COUNTED_MAX, AccountPage, EntryLine, Wanted, account_page, first_posting, voucher
from shebao.ledger.models import AccountKind, PostingState
from shebao.ledger.queries import Balance, MonthLine, closed, month_report, trial_balance
from shebao.policy.rulebook import standard
from shebao.surfaces.workbook import ExportKind, export_workbook

SIZE = 50
EXPORT_MAX = 100_000
NO_FUND = "未归属（暂收）"
SIDES = (("", "全部"), ("debit", "借方"), ("credit", "贷方"))
BAD_DAY = "日期请按 2026-11-21 的样子填写"
HEADERS = ("日期", "凭证号", "摘要", "凭据", "借方（元）", "贷方（元）", "余额（元，借正贷负）")
KINDS = (*(ExportKind.TEXT,) * 4, *(ExportKind.MONEY,) * 3)
WIDTHS = (12, 12, 36, 28, 16, 16, 20)


def fund_label(fund: int) -> str:
    """A fund as every page calls it."""
    return Insurance(fund).label if fund else NO_FUND


def by_fund(rows: Sequence[Balance] | Sequence[MonthLine]) -> list[dict[str, object]]:
    """Accounts under their fund, in the order of every table; money of no fund last."""
    order = {insurance.value: insurance.bit for insurance in Insurance}
    kinds = list(AccountKind)
    told: list[dict[str, object]] = []
    for fund in sorted({r.fund for r in rows}, key=lambda f: order.get(f, 99)):
        accounts = sorted((r for r in rows if r.fund == fund), key=lambda r: kinds.index(r.kind))
        told.append({"fund": fund, "label": fund_label(fund), "accounts": accounts})
    return told


@agency(Post.FINANCE)
@require_GET
def trial_balance_page(request: HttpRequest) -> HttpResponse:
    """试算平衡表 at the end of a day."""
    today, text = now().date(), clean(request.GET.get("on"))
    on = _day(text) if text else today
    problems = [("on", BAD_DAY)] if on is None else []
    shown = on or today
    rows = trial_balance(live_of(request).place, shown)
    debit, credit = sum(r.debit_fen for r in rows), sum(r.credit_fen for r in rows)
    context = {
        "on": shown,
        "typed": text or shown.isoformat(),
        "funds": by_fund(rows),
        "debit_fen": debit,
        "credit_fen": credit,
        "left_fen": sum(r.balance_fen for r in rows if r.balance_fen > 0),
        "right_fen": -sum(r.balance_fen for r in rows if r.balance_fen < 0),
        "balanced": debit == credit,
        "closed_to": closed(live_of(request).place).to,
        "begins": first_posting(live_of(request).place) or shown,
        "place": standard().place(live_of(request).place).label,
        "errors": problems,
        "has_errors": bool(problems),
    }
    return show(request, "trial_balance", "试算平衡表", context, status=422 if problems else 200)


@agency(Post.FINANCE)
@require_GET
def report(request: HttpRequest) -> HttpResponse:
    """基金收支月报 of a month."""
    place, text, present = live_of(request).place, clean(request.GET.get("month")), month_of(now().date())
    asked, problem = _month(text, present)
    lines = month_report(place, asked)
    stands = closed(place, 240)
    closing = stands.month(asked)
    context = {
        "month": asked,
        "typed": text or iso(asked),
        "funds": [f | {"sums": _sums(f["accounts"])} for f in by_fund(lines)],
        "sums": _sums(lines),
        "first": first_day(asked),
        "last": last_day(asked),
        "before": iso(shift(asked, -1)),
        "after": iso(shift(asked, 1)) if asked < present else "",
        "state": ("未月结", "mute") if closing is None else ("已月结", "ok") if closing.confirmed_by else ("月结待复核", "warn"),
        "place": standard().place(place).label,
        "errors": [("month", problem)] if problem else [],
        "has_errors": bool(problem),
    }
    return show(request, "books_report", "基金收支月报", context, status=422 if problem else 200)


@agency(Post.FINANCE)
@require_GET
def report_export(request: HttpRequest) -> HttpResponse:
    """The same as .xlsx."""
    place = live_of(request).place
    asked, _ = _month(clean(request.GET.get("month")), month_of(now().date()))
    headers = ("基金", "科目", "期初余额（元，借正贷负）", "本期借方（元）", "本期贷方（元）", "期末余额（元，借正贷负）")
    lines = month_report(place, asked)
    rows: list[tuple[str | int, ...]] = []
    for f in by_fund(lines):
        label = str(f["label"])
        rows += [(label, str(x.kind.label), x.opening_fen, x.debit_fen, x.credit_fen, x.closing_fen) for x in _lines(f["accounts"])]
        rows.append((label, "小计", *_sums(f["accounts"]).values()))
    rows.append(("合计", "", *_sums(lines).values()))
    kinds = (ExportKind.TEXT, ExportKind.TEXT, *(ExportKind.MONEY,) * 4)
    title = f"基金收支月报 {month_shown(asked)}"
    return download(export_workbook(title, headers, rows, kinds=kinds, widths=(28, 24, 24, 18, 18, 24)), f"基金收支月报-{iso(asked)}.xlsx")


@agency(Post.FINANCE)
@require_GET
def account(request: HttpRequest, fund: int, kind: str) -> HttpResponse:
    """科目明细账: entries of an account between two days, with the running balance."""
    wanted, problems = _wanted(request, fund, kind)
    if wanted is None:
        return errors.page(request, 404)
    place = live_of(request).place
    page = account_page(place, wanted, after=clean(request.GET.get("after"), 40), limit=SIZE)
    asked = {"first": wanted.first, "last": wanted.last, "q": wanted.search, "side": wanted.side}
    behind_all = behind([line.reference for line in page.lines], place)
    context = {
        "label": wanted.kind.label,
        "fund_label": fund_label(fund),
        "wanted": wanted,
        "page": page,
        "rows": [{"line": line, "behind": behind_all.get(line.reference)} for line in page.lines],
        "count": f"{page.count:,} 条{'以上' if page.count >= COUNTED_MAX else ''}分录",
        "at_beginning": not request.GET.get("after"),
        "filters": _filters(wanted, request, problems),
        "more": address(**asked, after=page.more) if page.more else "",
        "start": address(**asked),
        "export": f"/w/books/accounts/{fund}/{kind}.xlsx" + address(**asked).rstrip("&"),
        "place": standard().place(place).label,
        "errors": problems,
        "has_errors": bool(problems),
    }
    title = f"{wanted.kind.label}　{fund_label(fund)}"
    crumbs = (("试算平衡表", f"/w/trial-balance?on={wanted.last}"), (title, None))
    return show(request, "books_account", title, context, crumbs=crumbs, status=422 if problems else 200)


@agency(Post.FINANCE)
@require_GET
def account_export(request: HttpRequest, fund: int, kind: str) -> HttpResponse:
    """The entries asked for as .xlsx, the balance at both ends included."""
    wanted, problems = _wanted(request, fund, kind)
    if wanted is None or problems:
        return errors.page(request, 404)
    page = account_page(live_of(request).place, wanted, limit=EXPORT_MAX)
    title = f"科目明细账 {wanted.kind.label} {fund_label(fund)} {wanted.first} 至 {wanted.last}"
    content = export_workbook(title, HEADERS, _export_rows(page, wanted), kinds=KINDS, widths=WIDTHS)
    return download(content, f"科目明细账-{wanted.kind.label}-{fund or '未归属'}-{wanted.first}-{wanted.last}.xlsx")


def _export_rows(page: AccountPage, wanted: Wanted) -> list[Sequence[str | int | None]]:
    def entry(line: EntryLine) -> Sequence[str | int | None]:
        debit, credit = (line.amount_fen, None) if line.amount_fen > 0 else (None, -line.amount_fen)
        of = reference_words(line.reference)
        return (line.booked_on.isoformat(), str(line.posting_id), line.text, of, debit, credit, line.balance_fen)

    rows: list[Sequence[str | int | None]] = [(wanted.first.isoformat(), "", "期初余额", "", None, None, page.opening_fen)]
    rows += [entry(line) for line in page.lines]
    if page.more:
        rows.append(("", "", f"只含前 {EXPORT_MAX:,} 条，请缩小日期范围后再导出其余的", "", None, None, None))
    end = page.closing_fen if wanted.whole and not page.more else None
    rows.append((wanted.last.isoformat(), "", "本期合计与期末余额", "", page.debit_fen, page.credit_fen, end))
    return rows


@agency(Post.FINANCE)
@require_GET
def posting(request: HttpRequest, posting_id: int) -> HttpResponse:
    """凭证: entries, text, what is behind it, and what it resolves or reverses."""
    place = live_of(request).place
    found = voucher(place, posting_id)
    if found is None:
        return errors.page(request, 404)
    shut = closed(place, 0).to
    context = {
        "voucher": found,
        "state": (found.state.label, {"posted": "ok", "pending": "warn"}.get(found.state.value, "mute")),
        "rows": [{"fund": fund_label(e.fund), "entry": e} for e in found.entries],
        "behind": behind([found.reference], place).get(found.reference),
        "day_closed": shut is not None and found.booked_on <= shut,
        "resolved_word": PostingState(found.resolved_by[1]).label if found.resolved_by else "",
        "place": standard().place(place).label,
    }
    title = f"凭证 {found.posting_id}"
    return show(request, "books_posting", title, context, crumbs=(("试算平衡表", "/w/trial-balance"), (title, None)))


def _wanted(request: HttpRequest, fund: int, kind: str) -> tuple[Wanted | None, list[tuple[str | None, str]]]:
    """What an address asks for; None when there is no such account."""
    if kind not in AccountKind.values or (fund and fund not in [i.value for i in Insurance]):
        return None, []
    today = now().date()
    problems: list[tuple[str | None, str]] = []
    days: dict[str, date] = {"first": today.replace(day=1), "last": today}
    if not request.GET.get("first") and (last := _day(clean(request.GET.get("last"), 10))):
        days["first"] = last.replace(day=1)
    for name in days:
        if text := clean(request.GET.get(name), 10):
            day = _day(text)
            if day is None:
                problems.append((name, BAD_DAY))
            else:
                days[name] = day
    if not problems and days["first"] > days["last"]:
        problems.append(("first", "开始日期在结束日期之后，请核对"))
        days["first"] = days["last"]
    side = clean(request.GET.get("side"))
    wanted = Wanted(
        fund,
        AccountKind(kind),
        days["first"],
        days["last"],
        clean(request.GET.get("q"), 60),
        side if side in dict(SIDES) else "",
    )
    return wanted, problems


def _filters(wanted: Wanted, request: HttpRequest, problems: Sequence[tuple[str | None, str]]) -> list[Mapping[str, object]]:
    wrong = {name for name, _ in problems}

    def typed(name: str, day: date) -> str:
        return clean(request.GET.get(name), 10) if name in wrong else day.isoformat()

    return [
        {"name": "first", "label": "从", "kind": "date", "required": False, "value": typed("first", wanted.first)},
        {"name": "last", "label": "到", "kind": "date", "required": False, "value": typed("last", wanted.last)},
        {"name": "side", "label": "方向", "kind": "choice", "required": False, "value": wanted.side, "prompt": SIDES[0][1],
         "choices": SIDES[1:]},
        {"name": "q", "label": "摘要或凭据", "kind": "text", "required": False, "value": wanted.search},
    ]  # fmt: skip


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day > date.min + timedelta(days=400) and day.year < 9999 else None


def _month(text: str, present: Month) -> tuple[Month, str]:
    try:
        return (month(text) if text else present), ""
    except MonthError as error:
        return present, str(error)


def _lines(accounts: object) -> list[MonthLine]:
    return list(accounts)  # type: ignore[call-overload,no-any-return]


def _sums(accounts: object) -> dict[str, int]:
    lines = _lines(accounts)
    return {
        "opening": sum(x.opening_fen for x in lines),
        "debit": sum(x.debit_fen for x in lines),
        "credit": sum(x.credit_fen for x in lines),
        "closing": sum(x.closing_fen for x in lines),
    }
