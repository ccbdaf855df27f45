"""VIP 单位评估: how the unit has filed so far, in figures beside the criteria; the reviewers decide (seed 004, 问题解答 第三问)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shebao.access.models import Qualification
from shebao.base.errors import Refusal
from shebao.base.months import month_of, months_between
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject, Table
from shebao.casework.unit_record import record_of
from shebao.items.qualification.people import GROUP, GUIDE_OF_UNITS, Standing, at_counter, facts, has_qualification, open_unit
from shebao.levy.queries import open_of_unit
from shebao.parties.vip import set_vip
from shebao.policy.rulebook import standard
from shebao.policy.shapes import percent

ACTS = (("grant", "评估合格，授予 VIP 单位权限"), ("withdraw", "不再合格，取消 VIP 单位权限"))
YEAR = timedelta(days=365)
PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One criterion: what the unit has, what the rule asks (None: no document says), and whether it is met (None: cannot be told)."""

    rule_id: str
    label: str
    has: str
    asked: str
    status: str
    met: bool | None


def measured(context: Context) -> list[Measured]:
    """The criteria of the day beside the unit's own figures, computed from its cases and bills."""
    record = record_of(context.unit_id, context.on - YEAR)
    held = Qualification.objects.filter(pk=context.unit_id).first()
    begins = [moment.date() for moment in (record.first_at, held.granted_at if held else None) if moment is not None]
    months = max((months_between(month_of(first), month_of(context.on)) for first in begins), default=0)
    share = record.returned * PPM // record.submitted if record.submitted else None
    bills, _ = open_of_unit(context.unit_id, context.on)
    shown = f"{percent(share)}（{record.returned} / {record.submitted} 行）" if share is not None else "近 12 个月没有网上申报"
    return [
        _criterion("vip.months_of_use_min", f"{months} 个月", months, context, at_least=True),
        _criterion("vip.returned_share_max", shown, share, context, at_least=False),
        _criterion("vip.overdue_bills_max", f"{bills} 张", bills, context, at_least=False),
    ]


def _criterion(rule_id: str, has: str, figure: int | None, context: Context, *, at_least: bool) -> Measured:
    rule = standard().find(rule_id, context.on, context.place)
    label = standard().label(rule_id).removeprefix("VIP 评估：")
    if rule is None or rule.value is None:
        return Measured(rule_id, label, has, "未规定，由评估人判断", rule.status.label if rule else "未见规定", None)
    met = None if figure is None else figure >= rule.value if at_least else figure <= rule.value
    return Measured(rule_id, label, has, rule.shown(), rule.status.label, met)


def changes_something(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    if (filing.text("act") == "grant") == standing.vip:
        now = "已是 VIP 单位" if standing.vip else "是普通单位"
        return Refusal("QUA-11", f"该单位{now}，评估结论没有改变，不用办理", "act")
    return None


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing in filings:
        set_vip(context.unit_id, filing.text("act") == "grant", at=context.at, on=context.on, case_id=filing.case_id)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    words = {True: "达到", False: "未达到", None: "由评估人判断"}
    rows = tuple((m.label, m.has, m.asked, m.status, words[m.met]) for m in measured(context))
    table = Table("评估指标", ("指标", "该单位", "标准", "标准的来源状态", "是否达到"), rows, note="数据取自办件和核定单，评估时重新计算。")
    granting = bool(filings) and filings[0].text("act") == "grant"
    told = "通过后，该单位办理的业务全部由系统自动审核，资料由单位保存备查。" if granting else "通过后，增减员、年度工资申报须到窗口审核。"
    return MoneyEffect("评估", sentences=(told,), tables=(table,))


def compare(filing: Filing, standing: Standing, context: Context) -> Sequence[Change]:
    word = {True: "VIP 单位", False: "普通单位"}
    return (Change("单位类别", word[standing.vip], word[filing.text("act") == "grant"]),)


def two_people(filings: Sequence[Filing], context: Context) -> str:
    return "VIP 单位权限的授予和取消由两人审核"


ITEM = ServiceItem(
    code="access.vip_evaluation",
    version=1,
    title="VIP 单位评估",
    prefix="PG",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="speedometer2",
    subject=Subject.UNIT,
    fields=(
        fields.choice("act", "评估结论", ACTS, default="grant"),
        fields.long_text("opinion", "评估意见", hint="网上办理社保业务的能力及管理水平"),
    ),
    facts=facts,
    checks=(open_unit, has_qualification, changes_something),
    warns=(),
    review=at_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    second_review=two_people,
    compare=compare,
    materials=("单位的 VIP 网上办理用户申请（盖章）",),
    guide=Guide(
        summary="对参保单位网上办理社保业务的能力及管理水平进行评估，评估达到相关条件的分配 VIP 单位网上办事用户权限。",
        who="熟悉社会保险网上办事程序和流程的参保单位；第一次申请网上办事资格时都是非 VIP 用户。",
        when="单位向辖区社保经办机构申请后，由经办机构评估。",
        law=(GUIDE_OF_UNITS, "《武汉市社会保险单位网上办事问题解答》第三问"),
        after="评估合格的，增减员等业务由系统自动审核，不用到窗口，资料妥善保存备查。",
        words=("VIP", "自动审核", "免跑窗口"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"QUA-01": "单位已注销", "QUA-02": "没有网上办事资格", "QUA-11": "评估结论没有改变"},
    return_reasons=("评估意见没有写清楚，请补充", "指标没有达到，请单位改进后再申请"),
)
