"""The control accounts of the ledger and, in our own words, what must stand behind each of them."""

from shebao.auditor.model import Control, Part

_OPEN_LINE = "l.unit_fen + l.person_fen - l.paid_fen - l.moved_fen - l.written_off_fen"
# A cancelled bill is owed no more, whatever its amounts say.
_LINES = f"""
select g.place, l.insurance, sum({_OPEN_LINE})::bigint from levy_billline l join levy_bill b on b.id = l.bill_id
join parties_agency g on g.id = b.agency_id where b.state <> 'cancelled' and l.origin {{}} group by 1, 2
"""
_DUES = """
select g.place, d.insurance, sum(d.{})::bigint from levy_flexdue d join parties_agency g on g.id = d.agency_id
where d.state in ('open', 'sent') group by 1, 2
"""
_BILLS, _FLEX = ("levy_billline", "levy_bill"), ("levy_flexdue",)

# What came in, whoever told of it. What the tax office or a bank tells has arrived once a statement shows it; file, hand and the statement
# itself tell of arrivals. What was handed over to another agency (a receipt with a parent) is no new money.
_WHERE = "r.state in ('allocated', 'suspense') and {}"
_ARRIVED = "(r.channel not in ('tax', 'bank') or r.arrived_on is not null)"
_ON_ITS_WAY = "r.channel in ('tax', 'bank') and r.arrived_on is null"
_SHARED = """
select g.place, l.insurance, sum(s.amount_fen)::bigint from levy_receipt r join levy_allocation s on s.receipt_id = r.id
join levy_billline l on l.id = s.line_id join parties_agency g on g.id = r.agency_id where {} group by 1, 2
"""
_REST = """
select g.place, 0, sum(case when r.parent_id is null then r.amount_fen else 0 end - r.allocated_fen)::bigint
from levy_receipt r join parties_agency g on g.id = r.agency_id where {} group by 1
"""
_RECEIPTS = ("levy_receipt", "levy_allocation")
# 批扣 pays dues of the pension fund only; what a late answer brought without a due is a receipt.
_DEBITS = """
select b.place, 110, sum(case when f.part = 1 then (select coalesce(sum(r.taken_fen), 0) from levy_debitresult r
                                                    where r.batch_id = b.id and r.part = 1 and r.result = '00')
                              else f.taken_fen - f.suspense_fen end)::bigint
from levy_debitbatch b join levy_debitfile f on f.batch_id = b.id
where b.state = 'posted' and f.arrived_on is {} group by 1
"""
_DEBIT_TABLES = ("levy_debitbatch", "levy_debitfile", "levy_debitresult")
_BACK = """
select r.place, l.fund, {}sum(l.amount_fen)::bigint from levy_refundline l join levy_refund r on r.id = l.refund_id
where r.booked and {} group by 1, 2
"""
_REFUNDS = ("levy_refund", "levy_refundline")


_OUT = """
select g.place, p.fund, {}sum(p.amount_fen)::bigint from levy_outgoing o join levy_outgoingpart p on p.outgoing_id = o.id
join parties_agency g on g.id = o.agency_id where o.state = 'confirmed' and o.returned_on is null and o.kind {} group by 1, 2
"""
_OUTGOING = ("levy_outgoing", "levy_outgoingpart")


def _came_in(which: str) -> tuple[Part, ...]:
    where = _WHERE.format(which)
    return (
        Part("已分配的到账", _SHARED.format(where), _RECEIPTS),
        Part("未分配的到账", _REST.format(where), _RECEIPTS),
        Part("批扣款", _DEBITS.format("not null" if which == _ARRIVED else "null"), _DEBIT_TABLES),
    )


CONTROLS = (
    Control(
        "receivable",
        "应收保险费 = 未作废核定单、补缴单、个人核定单的未缴余额 + 灵活就业待缴和批扣中的应缴",
        "receivable",
        (
            Part("核定单余额", _LINES.format("not in ('late_fee', 'interest')"), _BILLS),
            Part("灵活就业待缴、批扣中", _DUES.format("total_fen"), _FLEX),
        ),
    ),
    Control(
        "late_fee_due",
        "应收滞纳金 = 未作废单据上滞纳金的未缴余额",
        "late_fee_due",
        (Part("滞纳金行余额", _LINES.format("= 'late_fee'"), _BILLS),),
    ),
    Control(
        "interest_due",
        "应收补缴利息 = 未作废单据上利息的未缴余额 + 灵活就业待缴和批扣中的利息",
        "interest_due",
        (
            Part("利息行余额", _LINES.format("= 'interest'"), _BILLS),
            Part("灵活就业待缴、批扣中的利息", _DUES.format("interest_fen"), _FLEX),
        ),
    ),
    Control(
        "bank",
        "收入户存款 = 已经到账的缴费 − 已经付出的退费 − 划转财政专户和待处理的支出",
        "bank",
        (
            *_came_in(_ARRIVED),
            Part("已付的退费", _BACK.format("-", "r.state = 'paid'"), _REFUNDS),
            Part("划转和待处理的支出", _OUT.format("-", "is not null"), _OUTGOING),
        ),
    ),
    Control(
        "fiscal",
        "财政专户存款 = 已复核的划转财政专户",
        "fiscal",
        (Part("划转财政专户", _OUT.format("", "= 'fiscal'"), _OUTGOING),),
    ),
    Control(
        "advance",
        "暂付款 = 已复核、银行还没有退回的待处理支出",
        "advance",
        (Part("待处理支出", _OUT.format("", "= 'advance'"), _OUTGOING),),
    ),
    Control(
        "personal",
        "个人账户基金 = 记入个人账户的缴费、转入、支付和当年利息 + 各年度结算的利息",
        "personal",
        (
            Part(
                "各账户的记账",
                "select s.place, 110, sum(e.own_fen + e.employer_fen)::bigint from accounts_entry e"
                " join accounts_source s on s.id = e.source_id group by 1",
                ("accounts_entry", "accounts_source"),
            ),
            Part(
                "年度结算的利息",
                "select r.place, 110, sum(s.interest_opening_fen + s.interest_credits_fen)::bigint from accounts_snapshot s"
                " join accounts_settlement r on r.id = s.settlement_id where r.state = 'done' group by 1",
                ("accounts_snapshot", "accounts_settlement"),
            ),
        ),
        credit=True,
    ),
    Control("transit", "在途款 = 税务、银行已告知但对账单还没有显示的缴费", "transit", _came_in(_ON_ITS_WAY)),
    Control(
        "suspense",
        "暂收款 = 到账中没有归属的部分 + 补办申报结算多缴、尚未抵扣的部分 − 其中已核准退费的",
        "suspense",
        (
            Part("到账未分配", _REST.format("r.state in ('allocated', 'suspense')"), _RECEIPTS),
            Part(
                "结算多缴未抵扣",
                "select g.place, e.insurance, sum(e.credit_fen - e.used_fen)::bigint from levy_estimate e"
                " join parties_agency g on g.id = e.agency_id group by 1, 2",
                ("levy_estimate",),
            ),
            Part("已核准的退费", _BACK.format("-", "l.source in ('suspense', 'credit')"), _REFUNDS),
        ),
        credit=True,
    ),
    Control(
        "refund_due",
        "应退保险费 = 已核准、尚未付出的退费",
        "refund_due",
        (Part("已核准未付的退费", _BACK.format("", "r.state <> 'paid'"), _REFUNDS),),
        credit=True,
    ),
)
