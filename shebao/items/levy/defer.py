"""缓缴社会保险费: the unit part of some types of some months is paid later; no late fee runs, rights stay unharmed (seed 001, 问 11)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown, shift, span
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, Review, ServiceItem, Subject, Table
from shebao.levy import deferring
from shebao.levy.models import MONTHLY_ORIGINS, OPEN_STATES, Bill, BillKind, BillLine
from shebao.parties.queries import UnitTerms, terms_in
from shebao.policy.deferral import Scope, groups, policy_in_force, scope_of
from shebao.policy.rulebook import standard

TYPES = (Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY)
MONTHS_MAX = 24
DOCUMENT = "deferral"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rule of the day gives the chosen group; what is put off already; the unit's terms; months that are paid."""

    scope: Scope | None
    deferred: dict[int, tuple[Insurance, ...]]
    terms: UnitTerms | None
    paid: frozenset[int]


def types_in(filing: Filing) -> tuple[Insurance, ...]:
    chosen = filing.values.get("insurances")
    return tuple(Insurance(int(code)) for code in chosen) if isinstance(chosen, list) else ()


def months_in(filing: Filing) -> list[int]:
    """The chosen months, oldest first; none when they are in the wrong order or too many."""
    first, last = filing.number("first_month") or 0, filing.number("last_month") or 0
    if not first or not first <= last <= shift(first, MONTHS_MAX):
        return []
    return list(span(first, shift(last, 1)))


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Situation]:
    """A unit's filing has one row."""
    found = []
    for filing in filings:
        months = months_in(filing)
        ends = (months[0], months[-1]) if months else (0, 0)
        bills = Bill.objects.filter(unit_id=context.unit_id, month__in=months, kind=BillKind.MONTHLY)
        paid = bills.exclude(state__in=OPEN_STATES).values_list("month", flat=True)
        found.append(
            Situation(
                scope_of(standard(), filing.text("scheme"), context.on, context.place),
                deferring.deferred_types(context.unit_id, ends, context.on) if months else {},
                terms_in(months[0], [context.unit_id]).get(context.unit_id) if months else None,
                frozenset(paid),
            )
        )
    return found


def policy_holds(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    return None if situation.scope else Refusal("DFR-01", no_policy_text(context))


def available(context: Context) -> Refusal | None:
    """Outside every window nobody may apply."""
    return None if policy_in_force(standard(), context.on, context.place) else Refusal("DFR-01", no_policy_text(context))


def no_policy_text(context: Context) -> str:
    """Which rules there were, and until when."""
    former = [rule for rule in standard().all(context.place) if rule.id == "deferral.unit_part"]
    told = "；".join(f"“{rule.label}”（{rule.law}）有效期为 {rule.period_shown()}" for rule in former)
    return f"{context.on} 没有施行中的缓缴政策，不能申请缓缴；{told or '本统筹区没有缓缴办法'}"


def months_in_order(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if months_in(filing):
        return None
    return Refusal("DFR-02", f"缓缴起止月不正确：止月不能早于起月，一次最多 {MONTHS_MAX} 个月；请核对", "last_month")


def types_covered(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.scope is None:
        return None
    outside = [SHORT_LABELS[i] for i in types_in(filing) if situation.scope.scheme_for(i) is None]
    if not outside:
        return None
    who, documents = situation.scope.schemes[0].who, "；".join(dict.fromkeys(s.document for s in situation.scope.schemes))
    return Refusal("DFR-03", f"{who}的缓缴办法（{documents}）不含{'、'.join(outside)}保险，请取消该险种", "insurances")


def months_covered(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    months = months_in(filing)
    for insurance in types_in(filing) if situation.scope and months else ():
        scheme = situation.scope.scheme_for(insurance) if situation.scope else None
        if scheme is None:
            continue
        early = scheme.first_month is not None and months[0] < scheme.first_month
        if early or months[-1] > scheme.last_month:
            since = f"{month_shown(scheme.first_month)}至" if scheme.first_month else "截至"
            allowed = f"{since}{month_shown(scheme.last_month)}"
            text = f"{SHORT_LABELS[insurance]}保险可缓缴的费款所属期为{allowed}（{scheme.document}），请改在此范围内"
            return Refusal("DFR-04", text, "first_month" if early else "last_month")
    return None


def start_verified(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.scope is None:
        return None
    open_ones = [s for i in types_in(filing) if (s := situation.scope.scheme_for(i)) and s.first_month is None]
    if not open_ones:
        return None
    return Refusal("DFR-05", f"{open_ones[0].who}的缓缴起始月尚未核实（{open_ones[0].document}），请携带资料到窗口申请", "scheme")


def not_yet_deferred(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    for month, types in situation.deferred.items():
        twice = [SHORT_LABELS[i] for i in types_in(filing) if i in types]
        if twice:
            return Refusal("DFR-06", f"{month_shown(month)}的{'、'.join(twice)}保险已办理缓缴，不用重复申请", "first_month")
    return None


def insured_in(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    months = months_in(filing)
    if not months:
        return None
    mask = situation.terms.insurance_mask if situation.terms else 0
    missing = [SHORT_LABELS[i] for i in types_in(filing) if not mask & i.flag]
    if not missing:
        return None
    return Refusal("DFR-07", f"本单位在{month_shown(months[0])}没有参加{'、'.join(missing)}保险，不能申请缓缴该险种", "insurances")


def something_unpaid(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    months = months_in(filing)
    if not months or set(months) - situation.paid:
        return None
    return Refusal("DFR-08", "所选费款所属期的社会保险费都已缴清，没有可以缓缴的", "first_month")


def two_reviewers(filings: Sequence[Filing], context: Context) -> str:
    """Money of the fund is put off."""
    return "缓缴推迟基金收入并停计滞纳金，须由第二位审核人员复核"


def at_the_counter(context: Context) -> Review:
    """A person weighs whether the conditions hold."""
    return Review.COUNTER


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing, situation in zip(filings, facts(filings, context), strict=True):
        months = months_in(filing)
        if situation.scope is None or not months:
            continue
        deferring.grant(
            deferring.NewDeferral(
                context.unit_id,
                context.agency_id,
                filing.text("scheme"),
                types_in(filing),
                months[0],
                months[-1],
                situation.scope.repay_by,
                f"{DOCUMENT} {filing.text('commitment')}",
                filing.case_id,
            ),
            at=context.at,
        )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    """What of the bills there are is put off."""
    title = "缓缴的影响"
    if not filings:
        return MoneyEffect(title)
    filing, (situation,) = filings[0], facts(filings[:1], context)
    if situation.scope is None:
        return MoneyEffect(title)
    months, types = months_in(filing), types_in(filing)
    lines = BillLine.objects.filter(
        bill__unit_id=context.unit_id,
        bill__month__in=months,
        bill__kind=BillKind.MONTHLY,
        bill__state__in=OPEN_STATES,
        insurance__in=[i.value for i in types],
        origin__in=MONTHLY_ORIGINS,
    )
    rows, total = [], 0
    for line in lines.select_related("bill").order_by("bill__month", "insurance"):
        put_off = min(line.unit_fen, line.open_fen)
        total += put_off
        rows.append((month_shown(line.bill.month), line.bill.number, SHORT_LABELS[Insurance(line.insurance)], yuan_shown(put_off)))
    until = situation.scope.repay_by
    sentences = (
        f"单位应缴部分缓缴至 {until}，期间不计征滞纳金，个人权益不受影响；{until} 后仍未补缴的，自次日起按日加收滞纳金。",
        "职工个人应缴部分由单位代扣，仍须按期缴纳。",
        f"已生成的核定单中缓缴 {yuan_shown(total)} 元；以后生成的核定单在缓缴月份内的，一并缓缴。" if rows
        else "所选月份还没有未缴的核定单，生成时自动标记缓缴。",
    )  # fmt: skip
    table = Table("缓缴金额", ("费款所属期", "核定单", "险种", "缓缴金额（元）"), tuple(rows), "只缓缴单位缴纳部分。", frozenset({3}))
    return MoneyEffect(title, (), sentences, (table,) if rows else ())


ITEM = ServiceItem(
    code="levy.defer",
    version=1,
    title="缓缴社会保险费",
    prefix="HJ",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    group="申报与缴费",
    icon="hourglass-split",
    subject=Subject.UNIT,
    fields=(
        fields.choice("scheme", "申请单位类别", groups(standard()), width=30),
        fields.many("insurances", "缓缴险种", [(str(i.value), i.label) for i in TYPES]),
        fields.month("first_month", "缓缴起月", hint="费款所属期，6 位数字，例如 202206"),
        fields.month("last_month", "缓缴止月", hint="费款所属期，含本月"),
        fields.long_text("reason", "申请理由", hint="生产经营困难情况", most=500),
        fields.consent("commitment", DOCUMENT, "缓缴社会保险费承诺书"),
    ),
    facts=facts,
    checks=(
        policy_holds,
        months_in_order,
        types_covered,
        months_covered,
        start_verified,
        not_yet_deferred,
        insured_in,
        something_unpaid,
    ),
    warns=(),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    available=available,
    counter_lifts=frozenset({"DFR-05"}),
    second_review=two_reviewers,
    materials=("《缓缴社会保险费承诺书》", "说明生产经营困难的资料（到窗口办理时）"),
    guide=Guide(
        summary="符合缓缴政策的单位申请推迟缴纳单位应缴部分，期间不计征滞纳金，个人权益不受影响。",
        who="符合阶段性缓缴社会保险费政策的参保单位。",
        when="缓缴政策施行期间。",
        law=(
            "人社厅发〔2022〕16号",
            "人社部发〔2022〕31号",
            "人社厅发〔2022〕50号",
            "湖北省社保信息系统停机切换问答（2022-06）第 11 问",
        ),
        after="窗口审核、复核通过后，核定单标记“缓缴中”；职工个人应缴部分仍须按期缴纳，缓缴期满前补缴单位部分。",
        words=("缓缴", "延期缴费", "缓交", "困难企业", "承诺书"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "DFR-01": "办理当日没有施行中的缓缴政策",
        "DFR-02": "起止月不正确",
        "DFR-03": "该类单位的办法不含所选险种",
        "DFR-04": "月份不在可缓缴的范围内",
        "DFR-05": "该类单位的起始月尚未核实，网上不能申请",
        "DFR-06": "已办理缓缴",
        "DFR-07": "单位没有参加所选险种",
        "DFR-08": "所选月份都已缴清",
    },
    return_reasons=("不符合缓缴条件，请按期缴费", "申请理由不充分，请补充经营困难的说明"),
)
