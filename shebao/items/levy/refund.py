"""多缴退费申请: a unit asks back what it paid too much: 结算多缴, 待退差额, double and over payments. Reviewed by two, then by finance."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, Review, ServiceItem, Subject, Table
from shebao.casework.models import Case
from shebao.gateways.statement import account_problem
from shebao.levy import refunding
from shebao.levy.refund_models import Refund, SourceKind
from shebao.levy.refund_queries import Refundable, refundable
from shebao.parties.models import Unit

KINDS = (
    (SourceKind.SUSPENSE.value, "多缴、重复缴费"),
    (SourceKind.DIFFERENCE.value, "待退差额"),
    (SourceKind.CREDIT.value, "结算多缴"),
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the unit may have back now, and of it what was chosen."""

    all: tuple[Refundable, ...]
    chosen: tuple[Refundable, ...]

    @property
    def total_fen(self) -> int:
        return sum(one.source.amount_fen for one in self.chosen)


def kinds_in(filing: Filing) -> frozenset[str]:
    chosen = filing.values.get("kinds")
    return frozenset(str(kind) for kind in chosen) if isinstance(chosen, list) else frozenset()


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Situation]:
    """A unit's filing has one row."""
    found = tuple(refundable(context.unit_id))
    return [Situation(found, tuple(one for one in found if one.source.kind.value in kinds_in(filing))) for filing in filings]


def something_chosen(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.chosen:
        return None
    text = "所选款项中没有可以退的；请按下面“可以退的款项”选择，尚未到账或已申请退费的不在其中"
    return Refusal("RFD-21", text, "kinds", link="/u/bills")


def account_right(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    problem = account_problem(filing.text("account"))
    return Refusal("RFD-10", problem, "account") if problem else None


def available(context: Context) -> Refusal | None:
    if refundable(context.unit_id):
        return None
    return Refusal("RFD-20", "本单位没有可以退的款项：没有多缴、重复缴费，也没有待退差额和结算多缴", link="/u/bills")


def two_reviewers(filings: Sequence[Filing], context: Context) -> str:
    """Money leaves the fund."""
    return "退费从基金付出款项，须由第二位审核人员复核"


def at_the_counter(context: Context) -> Review:
    return Review.COUNTER


def perform(filings: Sequence[Filing], context: Context) -> None:
    """The refund is applied for in the unit's name; finance reviews it and sends it to the bank."""
    for filing, situation in zip(filings, facts(filings, context), strict=True):
        if Refund.objects.filter(case_id=filing.case_id).exists():
            continue
        filed_by = Case.objects.values_list("submitted_by", flat=True).get(pk=filing.case_id)
        name = Unit.objects.values_list("name", flat=True).get(pk=context.unit_id)
        wanted = refunding.Application(
            [one.source for one in situation.chosen],
            refunding.Payee(name, filing.text("bank"), filing.text("account")),
            filing.text("reason"),
            context.agency_id,
            context.place,
            unit_id=context.unit_id,
            case_id=filing.case_id,
            applied_by=filed_by or 0,
        )
        refunding.apply(wanted, on=context.on, at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    title = "退费金额"
    (situation,) = facts(filings[:1], context) if filings else (Situation(tuple(refundable(context.unit_id)), ()),)
    tables = []
    if situation.chosen:
        tables.append(_table("本次申请退费", situation.chosen))
    elif situation.all:
        tables.append(_table("可以退的款项", situation.all))
    sentences = (
        f"共 {len(situation.chosen)} 项，{yuan_shown(situation.total_fen)} 元；审核通过后由财务复核付款，款项从提交生效起不再用于抵缴。",
        "退费付到本单位名下的账户；个人账户已记入的部分随之冲回。",
    ) if situation.chosen else ()  # fmt: skip
    return MoneyEffect(title, (), sentences, tuple(tables))


def _table(title: str, rows: Sequence[Refundable]) -> Table:
    told = tuple(
        (
            one.label,
            SHORT_LABELS[Insurance(int(one.subject))] if one.source.kind is not SourceKind.SUSPENSE else f"流水 {one.subject}",
            month_shown(one.month) if one.month else "—",
            yuan_shown(one.source.amount_fen),
        )
        for one in rows
    )
    return Table(title, ("种类", "险种或流水", "费款所属期", "金额（元）"), told, "", frozenset({3}))


ITEM = ServiceItem(
    code="levy.refund",
    version=1,
    title="多缴退费申请",
    prefix="TF",
    audience=frozenset({Audience.UNIT, Audience.COUNTER}),
    group="申报与缴费",
    icon="arrow-counterclockwise",
    subject=Subject.UNIT,
    fields=(
        fields.many("kinds", "要退的款项", KINDS, hint="选中的种类全部申请退费，金额见核对页"),
        fields.text("bank", "开户银行", most=100, example="示例银行武汉支行"),
        fields.text("account", "收款账号", most=32, hint="本单位名下的账户，8 到 32 位数字"),
        fields.text("reason", "退费原因", most=100, example="重复缴费"),
    ),
    facts=facts,
    checks=(something_chosen, account_right),
    warns=(),
    review=at_the_counter,
    available=available,
    perform=perform,
    effect=effect,
    look_up=None,
    second_review=two_reviewers,
    materials=("银行账户资料（到窗口办理时）",),
    guide=Guide(
        summary="单位多缴、重复缴费，或订正、补申报后有待退差额和结算多缴的，申请退回本单位账户。",
        who="有可以退的款项的参保单位。",
        when="随时；款项要已经到账。",
        law=("社会保险费征缴暂行条例", "社会保险基金财务制度（财社〔2017〕144号，原文未见）"),
        after="两位审核人员通过后，财务复核并付款；退票的，更正账户后重新退付。结算多缴不申请退费的，由以后的核定单自动抵缴。",
        words=("退费", "多缴", "重复缴费", "退款", "待退差额"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "RFD-10": "收款账户不正确",
        "RFD-20": "没有可以退的款项",
        "RFD-21": "所选款项中没有可以退的",
    },
    return_reasons=("款项应抵缴以后的费款，不予退费", "收款账户与单位名称不符，请核对"),
)
