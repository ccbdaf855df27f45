"""The tax office's pages for payers: plain HTML that says it is a sandbox, one stylesheet, no script. Everything shown is escaped."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from shebao.base.money import yuan_shown
from shebao.gateways.tax import CHANNEL_LABELS
from shebao.sandbox.tax_books import HAND_OVER_DAYS, Bill, Payment
from shebao.sandbox.web import Answer

CSP = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_KINDS = {"monthly": "核定单", "arrears": "欠费补缴单", "person": "个人核定单"}
_ORIGINS = {
    "normal": "正常应缴",
    "back": "补缴",
    "arrears": "欠费补缴",
    "late_fee": "滞纳金",
    "estimate": "按上月 110% 核定",
    "interest": "补缴利息",
}
_STATES = {"waiting": "待缴费", "part_paid": "部分缴费", "paid": "已缴费", "recalled": "已撤回"}

STYLE = Path(__file__).with_name("style.css").read_text()


def home(bills: Sequence[Bill], asked: str = "", problem: str = "") -> str:
    """Enter a number, or take one of those that wait."""
    rows = "".join(
        f'<tr><td><a href="/pay/{escape(b.pushed.number)}">{escape(b.pushed.number)}</a></td><td class="wide">{escape(b.pushed.payer.name)}'
        f'</td><td class="fen">{yuan_shown(b.payable_fen)}</td></tr>'
        for b in bills
    )
    listed = (
        f'<section><h2>待缴费的单据</h2><table><thead><tr><th scope="col">单号</th><th scope="col" class="wide">缴费人</th>'
        f'<th scope="col" class="fen">待缴金额（元）</th></tr></thead><tbody>{rows}</tbody></table>'
        "<p>真实的税务系统不会公开列出单据；沙箱列出它们，方便演示。最多列 50 张。</p></section>"
        if bills
        else "<section><h2>待缴费的单据</h2><p>现在没有待缴费的单据。社保经办机构传来核定单后会出现在这里。</p></section>"
    )
    said = f'<p class="refused" role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "社会保险费缴费",
        f"""<h1>社会保险费缴费</h1>
        <section>{said}<form method="get" action="/pay"><label for="number">核定单号</label>
        <div class="row"><input type="text" id="number" name="number" value="{escape(asked)}" autocomplete="off" maxlength="20" required
        placeholder="例如 HD202611-0000001"><button>查询</button></div></form></section>{listed}""",
    )


def pay(bill: Bill, account: str, balance_fen: int | None, payments: Sequence[Payment], problem: str = "") -> str:
    """A bill and, when something is to be paid, the form that pays it."""
    pushed = bill.pushed
    months = f"{_month(pushed.first_month)}" + (f" 至 {_month(pushed.last_month)}" if pushed.last_month != pushed.first_month else "")
    lines = "".join(
        f'<tr><td>{escape(a.insurance.label)}</td><td class="wide">{escape(_ORIGINS.get(a.origin, a.origin))}</td>'
        f'<td class="fen">{yuan_shown(a.total_fen)}</td></tr>'
        for a in pushed.amounts
    )
    said = f'<section class="refused" role="alert"><p>{escape(problem)}</p></section>' if problem else ""
    elsewhere = f"<dt>其他渠道已缴</dt><dd>{yuan_shown(pushed.elsewhere_fen)} 元</dd>" if pushed.elsewhere_fen else ""
    taken = f"<dt>已在税务缴纳</dt><dd>{yuan_shown(bill.taken_fen)} 元</dd>" if bill.taken_fen else ""
    return _page(
        f"{pushed.number} 缴费",
        f"""<h1>{_KINDS[pushed.kind]} {escape(pushed.number)}</h1>{said}
        <section><p><span class="state {bill.state}">{_STATES[bill.state]}</span></p>
        <dl><dt>缴费人</dt><dd>{escape(pushed.payer.name)}</dd><dt>费款所属期</dt><dd>{months}</dd>
        <dt>缴费期限</dt><dd>{pushed.due_date:%Y-%m-%d}</dd><dt>应缴合计</dt><dd>{yuan_shown(pushed.total_fen)} 元</dd>{elsewhere}{taken}
        <dt>待缴金额</dt><dd class="sum">{yuan_shown(bill.payable_fen)} 元</dd></dl></section>
        <section><h2>金额明细</h2><table><thead><tr><th scope="col">险种</th><th scope="col" class="wide">款项</th>
        <th scope="col" class="fen">金额（元）</th></tr></thead><tbody>{lines}</tbody></table></section>
        {_paid_so_far(payments)}{_form(bill, account, balance_fen) if bill.payable_fen else _nothing(bill)}""",
    )


def _form(bill: Bill, account: str, balance_fen: int | None) -> str:
    choices = "".join(
        f'<label class="choice"><input type="radio" name="channel" value="{key}"{" checked" if key == "app" else ""}>'
        f"<span>{label}<br><small>{HAND_OVER_DAYS[key]} 个工作日划到社保收入户</small></span></label>"
        for key, label in CHANNEL_LABELS.items()
    )
    holds = f"（余额 {yuan_shown(balance_fen)} 元）" if balance_fen is not None else "（首次使用时开户）"
    return f"""<section><h2>缴费</h2><form method="post" action="/pay/{escape(bill.pushed.number)}">
      <fieldset><legend>缴费渠道</legend>{choices}</fieldset>
      <p>从沙箱银行的模拟账户 {escape(account)} {holds} 扣款。</p>
      <input type="hidden" name="amount" value="{bill.payable_fen}">
      <button>缴费 {yuan_shown(bill.payable_fen)} 元</button></form></section>"""


def _nothing(bill: Bill) -> str:
    words = {"paid": "这张单据已经缴清，不必再缴。", "recalled": "这张单据已被社保经办机构撤回，不能缴费；请按新的核定单号缴费。"}
    return f'<section class="said"><p>{words.get(bill.state, "这张单据没有待缴金额。")}</p></section>'


def _paid_so_far(payments: Sequence[Payment]) -> str:
    if not payments:
        return ""
    words = {"intended": "正在扣款", "paid": "已缴费", "failed": "扣款失败", "reversing": "正在冲正", "reversed": "已冲正"}
    rows = "".join(
        f'<tr><td><a href="/receipt/{escape(p.serial)}">{escape(p.serial)}</a></td><td>{words[p.state]}</td>'
        f'<td class="fen">{yuan_shown(p.amount_fen)}</td></tr>'
        for p in payments
    )
    return f"""<section><h2>缴费记录</h2><table><thead><tr><th scope="col">税票号</th><th scope="col">状态</th>
      <th scope="col" class="fen">金额（元）</th></tr></thead><tbody>{rows}</tbody></table></section>"""


def receipt(payment: Payment, told: str, hall_url: str) -> str:
    """What became of one payment."""
    heading, word = {
        "paid": ("缴费成功", "款项已从账户扣除。"),
        "failed": ("缴费没有成功", payment.reason + "。没有扣款，可以换一个渠道或稍后再试。"),
        "intended": ("正在扣款", "银行还没有答复。请稍候刷新本页，不要重复缴费。"),
        "reversing": ("正在冲正", "款项正在退回账户。"),
        "reversed": ("已冲正", f"款项已退回账户：{payment.reason}。"),
    }[payment.state]
    kind = "refused" if payment.state == "failed" else "said"
    arrives = (
        f"<dt>到账</dt><dd>{payment.handed_over} 已划到社保收入户</dd>"
        if payment.handed_over
        else f"<dt>预计到账</dt><dd>{payment.due_on:%Y-%m-%d} 划到社保收入户</dd>"
        if payment.state == "paid"
        else ""
    )
    back = f'<a class="button" href="{escape(hall_url)}">返回网上办事大厅</a>' if hall_url else ""
    return _page(
        heading,
        f"""<h1>{heading}</h1><section class="{kind}" role="status"><p>{escape(word)}</p>
        <dl><dt>税票号</dt><dd>{escape(payment.serial)}</dd><dt>核定单号</dt><dd>{escape(payment.bill)}</dd>
        <dt>金额</dt><dd class="sum">{yuan_shown(payment.amount_fen)} 元</dd><dt>渠道</dt><dd>{CHANNEL_LABELS[payment.channel]}</dd>
        <dt>账户</dt><dd>{escape(payment.account)} {escape(payment.holder)}</dd><dt>时间</dt><dd>{payment.paid_at:%Y-%m-%d %H:%M}</dd>
        <dt>告知社保</dt><dd>{escape(told)}</dd>{arrives}</dl></section>
        <p class="row">{back} <a class="button second" href="/">再缴一张</a></p>""",
    )


def refused(heading: str, text: str) -> str:
    """A 'no' to somebody with a browser."""
    return _page(
        heading,
        f'<h1>{escape(heading)}</h1><section class="refused" role="alert"><p>{escape(text)}</p></section>'
        '<p><a href="/">返回缴费首页</a></p>',
    )


def answer(page: str, status: int = 200) -> Answer:
    return Answer(status, page.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": CSP, "Referrer-Policy": "same-origin"})


def _page(title: str, body: str) -> str:
    return f"""<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - 税务沙箱</title><link rel="stylesheet" href="/style.css"></head><body>
<div class="note" role="note">沙箱：这不是真实的税务系统，金额和账户都是模拟的，不会动用真实资金</div>
<header><a href="/">税务沙箱 · 社会保险费缴费</a></header><main>{body}</main>
<footer>模拟的税务端，供演示和联调使用。</footer></body></html>"""


def _month(month: int) -> str:
    return f"{month // 100}年{month % 100}月"
