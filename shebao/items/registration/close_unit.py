"""注销登记: refused while people are insured or anything is owed or open, each with its figure; then terms end, accounts end (seed 004)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from shebao.access.administration import end_unit_accounts
from shebao.base.errors import Refusal, ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, month_shown, shift
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject, Table
from shebao.items.registration.unit_facts import GROUP, at_the_counter
from shebao.levy.differences import refund_total
from shebao.levy.late_fees import running_fee
from shebao.levy.months import hold
from shebao.parties.models import Unit
from shebao.parties.queries import get_unit
from shebao.parties.registration import close_unit, lock_unit
from shebao.policy.rulebook import standard

REASONS = (
    ("dissolved", "解散"),
    ("bankrupt", "破产"),
    ("revoked", "被吊销营业执照或撤销"),
    ("merged", "合并、分立"),
    ("moved", "迁出统筹区"),
    ("other", "其他"),
)


class StillOpenError(ShebaoError):
    """Somebody was insured, or something was filed, in the instant of closing: check again, then tell."""

    code = "REG-84"


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the way of closing a unit."""

    unit: Unit
    people: int = 0
    unbilled_months: tuple[int, ...] = ()
    bills: tuple[tuple[str, int], ...] = ()  # number, open fen
    loose_fen: int = 0  # 补缴 that is on no bill yet
    cases: tuple[tuple[str, int], ...] = ()  # 业务顺序号, id
    refund_fen: int = 0
    running_fee_fen: int = 0  # 滞纳金 that what is overdue would bear if it were paid today; it comes onto a bill with the payment


def standing(context: Context) -> Standing:
    """Counted by the engine for the unit, in a few queries. A case of this item does not stand in its own way."""
    unit, this = get_unit(context.unit_id), month_of(context.on)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select count(distinct person_id) from enrolment_spell
            where unit_id = %s and known_to is null and (to_month is null or to_month > %s)
            """,
            [unit.pk, shift(this, 1)],
        )
        people = int(cursor.fetchone()[0])
        cursor.execute(
            """
            select distinct m.month from generate_series(0, 36) i
            cross join lateral (select to_char(date %s - make_interval(months => i), 'YYYYMM')::int as month) m
            join enrolment_spell s on s.unit_id = %s and s.known_to is null and s.from_month <= m.month
              and (s.to_month is null or s.to_month > m.month)
            where not exists (select 1 from levy_placemonth p where p.place = %s and p.month = m.month and p.state = 'assessed')
              and m.month >= coalesce((select min(p.month) from levy_placemonth p where p.place = %s and p.state = 'assessed'), m.month)
            order by 1
            """,
            [context.on.replace(day=1), unit.pk, unit.place, unit.place],
        )
        unbilled = tuple(month for (month,) in cursor.fetchall())
        cursor.execute(
            """
            select number, unit_fen + person_fen + late_fee_fen - paid_fen - moved_fen - written_off_fen from levy_bill
            where unit_id = %s and state in ('issued', 'part_paid') order by kind, month
            """,
            [unit.pk],
        )
        bills = tuple(cursor.fetchall())
        cursor.execute(
            "select coalesce(sum(unit_fen + person_fen), 0)::bigint from levy_line where unit_id = %s and bill_id is null", [unit.pk]
        )
        loose_fen = int(cursor.fetchone()[0])
        cursor.execute(
            """
            select number, id from casework_case where unit_id = %s and state in ('checking', 'draft', 'review') and item_code <> %s
            order by id limit 20
            """,
            [unit.pk, "registration.close_unit"],
        )
        cases = tuple(cursor.fetchall())
    running = running_fee(unit.pk, unit.place, context.on, standard())
    return Standing(unit, people, unbilled, bills, loose_fen, cases, refund_total(unit.pk), running)


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Standing]:
    found = standing(context)
    return [found for _ in filings]


def _unit_page(found: Standing) -> str:
    return f"/w/units/{found.unit.number}"


def not_closed_before(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if found.unit.closed_on is None:
        return None
    return Refusal("REG-20", f"本单位已于 {found.unit.closed_on} 注销登记，不用重复办理")


def nobody_insured(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if not found.people:
        return None
    return Refusal("REG-21", f"还有 {found.people} 人在本单位参保，请先为全部职工办理暂停缴费", link=_unit_page(found))


def everything_assessed(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if not found.unbilled_months:
        return None
    told = "、".join(month_shown(month) for month in found.unbilled_months[:6])
    return Refusal("REG-22", f"{told}仍有职工参保而未核定出单，请在该月核定并缴清后再注销", link="/w/months")


def bills_paid(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if not found.bills:
        return None
    total = sum(fen for _, fen in found.bills)
    told = "、".join(f"{number}（{yuan_shown(fen)} 元）" for number, fen in found.bills[:5])
    more = f"等 {len(found.bills)} 张" if len(found.bills) > 5 else ""
    fee = f"；逾期部分的滞纳金算至今天还有 {yuan_shown(found.running_fee_fen)} 元，缴费后开单" if found.running_fee_fen else ""
    return Refusal(
        "REG-23",
        f"有未缴清的核定单、补缴单、滞纳金核定单共 {yuan_shown(total)} 元：{told}{more}{fee}；请缴清欠费和滞纳金后再注销",
        link=f"/w/bills/{found.bills[0][0]}",
    )


def back_payments_billed(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if not found.loose_fen:
        return None
    return Refusal(
        "REG-24", f"有补缴 {yuan_shown(found.loose_fen)} 元尚未并入核定单，请待出单并缴清后再注销（单位页 /w/units/{found.unit.number}）"
    )


def cases_ended(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if not found.cases:
        return None
    told = "、".join(number for number, _ in found.cases[:5])
    more = f"等 {len(found.cases)} 件" if len(found.cases) > 5 else ""
    return Refusal("REG-25", f"还有未办结的办件：{told}{more}；请办结或退单后再注销", link=f"/w/cases/{found.cases[0][1]}")


def refunds_open(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if not found.refund_fen:
        return None
    return Refusal("REG-W4", f"有待退差额 {yuan_shown(found.refund_fen)} 元，注销后仍予保留，请留下退款联系方式")


def perform(filings: Sequence[Filing], context: Context) -> None:
    following = shift(month_of(context.on), 1)
    hold(context.place, [month_of(context.on), following])
    for f in filings:
        lock_unit(context.unit_id)
        found = standing(context)  # under the lock: an addition in the same second came before, or comes too late
        for check in BLOCKERS:
            refusal = check(f, found, context)
            if refusal is not None:
                raise StillOpenError(refusal.text)
        close_unit(
            context.unit_id,
            following,
            dict(REASONS)[f.text("reason")],
            f.text("document"),
            on=context.on,
            case_id=f.case_id or None,
            at=context.at,
        )
        end_unit_accounts(context.unit_id, at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    found, following = standing(context), month_shown(shift(month_of(context.on), 1))
    rows = (
        ("在保人数", f"{found.people} 人"),
        ("有人参保而未核定的月份", "、".join(str(m) for m in found.unbilled_months) or "无"),
        (
            "未缴清的核定单、补缴单、滞纳金核定单",
            f"{yuan_shown(sum(fen for _, fen in found.bills))} 元（{len(found.bills)} 张）" if found.bills else "无",
        ),
        ("逾期部分的滞纳金（算至今天，缴费后开单）", f"{yuan_shown(found.running_fee_fen)} 元" if found.running_fee_fen else "无"),
        ("未出单的补缴、补差", f"{yuan_shown(found.loose_fen)} 元" if found.loose_fen else "无"),
        ("未办结的办件", "、".join(number for number, _ in found.cases) or "无"),
        ("待退差额", f"{yuan_shown(found.refund_fen)} 元" if found.refund_fen else "无"),
    )
    sentences = (f"{following}起终止本单位的参保险种，登记证作废，网上办事账号停用；不可恢复。", "历史缴费、核定单和凭证仍可查询。")
    return MoneyEffect("注销登记的后果", (), sentences, (Table("注销前须结清的事项", ("事项", "现在"), rows),))


def always_two(filings: Sequence[Filing], context: Context) -> str:
    return "注销登记不可恢复，需要复核"


BLOCKERS = (not_closed_before, nobody_insured, everything_assessed, bills_paid, back_payments_billed, cases_ended)
ITEM = ServiceItem(
    code="registration.close_unit",
    version=1,
    title="注销登记",
    prefix="DZ",
    audience=frozenset({Audience.COUNTER}),
    subject=Subject.UNIT,
    group=GROUP,
    icon="x-octagon",
    fields=(
        fields.choice("reason", "注销原因", REASONS),
        fields.text("document", "批准或证明文件", most=100, width=40, hint="文件名称和文号，例如注销核准通知书"),
        fields.confirm_word("confirm", "确认注销", "确认注销"),
    ),
    facts=facts,
    checks=BLOCKERS,
    warns=(refunds_open,),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    second_review=always_two,
    materials=(
        "《社会保险登记表》",
        "社会保险登记证",
        "市场监管部门核准注销文件，或法院裁定、上级批准文件等原件及复印件",
        "单位经办人员居民身份证原件及复印件",
    ),
    guide=Guide(
        summary="单位依法终止时办理社会保险登记注销。",
        who="已为全部职工办理停保、结清社会保险费和滞纳金的单位。",
        when="依法终止之日起三十日内；次月起终止。",
        law=(
            "《中华人民共和国社会保险法》第五十七条",
            "《社会保险经办条例》第六条、第十条",
            "《武汉社会保险办理流程》一、社会保险业务流程",
        ),
        after="办结后登记证作废，网上办事账号停用；历史缴费记录保留。",
        words=("注销社保户", "销户", "单位注销", "公司注销"),
    ),
    batch_rows_max=0,
    printout="registration_form",
    refusal_codes={
        "REG-20": "单位已注销",
        "REG-21": "还有人在本单位参保",
        "REG-22": "有人参保的月份没有核定",
        "REG-23": "有未缴清的核定单或补缴单",
        "REG-24": "有未出单的补缴",
        "REG-25": "有未办结的办件",
        "REG-W4": "提醒：有待退差额",
    },
    return_reasons=("注销证明文件不齐，请补充", "请先结清欠费"),
)
