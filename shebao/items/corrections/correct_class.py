"""工伤费率类别订正: a unit's injury class was determined wrongly and months were assessed by it (社会保险法 第三十四条)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.months import iso, month_of, month_shown, shift
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.corrections.common import GROUP, NO_TRIAL, REASON, Trial, at_the_counter, why_two
from shebao.items.corrections.of_unit import corrected_unit, money_of_unit, months_since, tried_unit
from shebao.levy.models import CauseKind
from shebao.parties.corrections import NewCorrection
from shebao.parties.models import CorrectionKind, Unit
from shebao.parties.queries import classes_between, get_unit, insured_since
from shebao.parties.registration import correct_class, hold_unit
from shebao.policy.levy import month_rates
from shebao.policy.rulebook import standard

CLASS_MAX = 8


@dataclass(frozen=True, slots=True)
class Facts:
    """The unit, its classes of the months at hand as (from, until before, class), since when it is insured, what it would mean."""

    unit: Unit
    classes: tuple[tuple[int, int | None, int], ...]
    since: int | None
    trial: Trial


def _months(filing: Filing) -> tuple[int, int | None]:
    last = filing.number("to_month")
    return filing.number("from_month") or 0, shift(last, 1) if last else None


def _class(filing: Filing) -> int:
    return int(filing.text("injury_class") or 0)


def _act(filing: Filing, context: Context) -> None:
    first, end = _months(filing)
    hold_unit(context.unit_id)
    correct_class(context.unit_id, first, end, _class(filing), at=context.at)


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Facts]:
    unit, since = get_unit(context.unit_id), insured_since(context.unit_id)
    found = []
    for f in filings:
        first, end = _months(f)
        ordered = bool(first and _class(f)) and (end is None or end > first)
        months = months_since(context, first, end) if ordered else []
        trial = tried_unit(context, months, lambda f=f: _act(f, context)) if ordered else NO_TRIAL  # type: ignore[misc]
        found.append(Facts(unit, tuple(classes_between(context.unit_id, first, end)), since, trial))
    return found


def open_unit(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.unit.closed_on is None:
        return None
    return Refusal("COR-30", f"本单位已于 {found.unit.closed_on} 注销登记，不能再订正费率类别")


def in_order(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    (first, end), this = _months(filing), month_of(context.on)
    if first > this:
        return Refusal("COR-31", f"起始月不能晚于本月（{this}）；以后的类别随行业变更，请办理“变更登记”", "from_month", str(this))
    if end is not None and end <= first:
        return Refusal("COR-31", "最后月份早于起始月，请核对", "to_month")
    if found.since is None or first < found.since:
        told = month_shown(found.since) if found.since else "未登记"
        return Refusal("COR-31", f"本单位自{told}起参保，起始月不能更早", "from_month", str(found.since or ""))
    return None


def something_changes(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if not found.classes or any(number != _class(filing) for _, _, number in found.classes):
        return None
    return Refusal("COR-32", f"这些月份登记的已经是 {_class(filing)} 类，不用订正", "injury_class")


def known_class(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    first, _ = _months(filing)
    if found.since is None or first < found.since:
        return None  # said by in_order
    rates = month_rates(standard(), first, context.place)
    if 1 <= _class(filing) <= rates.injury_class_max:
        return None
    return Refusal("COR-33", f"起始月执行的工伤保险费率只有 1 至 {rates.injury_class_max} 类，请核对", "injury_class")


def can_be_done(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.trial.problem is None:
        return None
    return Refusal("COR-34", found.trial.problem.text, "from_month")


def _told(filing: Filing, found: Facts) -> tuple[str, str]:
    def period(first: int, end: int | None) -> str:
        return f"{iso(first)} 起" if end is None else f"{iso(first)} 至 {iso(shift(end, -1))}"

    before = "；".join(f"{period(first, end)} {number} 类" for first, end, number in found.classes)
    return before, f"{period(*_months(filing))} {_class(filing)} 类"


def perform(filings: Sequence[Filing], context: Context) -> None:
    for f in filings:
        first, end = _months(f)
        known = Facts(get_unit(context.unit_id), tuple(classes_between(context.unit_id, first, end)), None, NO_TRIAL)
        before, after = _told(f, known)

        def line(up: int, down: int, f: Filing = f, before: str = before, after: str = after) -> NewCorrection:
            return NewCorrection(
                context.unit_id, context.agency_id, None, CorrectionKind.UNIT, "工伤行业风险类别", before, after, f.text("reason"), up,
                down, f.case_id or None,
            )  # fmt: skip

        months = months_since(context, first, end)
        corrected_unit(f, context, months, lambda f=f: _act(f, context), CauseKind.CLASS, line)  # type: ignore[misc]


def compare(filing: Filing, found: Facts, context: Context) -> Sequence[Change]:
    before, after = _told(filing, found)
    return [Change("工伤行业风险类别", before or "—", after)]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return money_of_unit(next((found.trial for found in facts(filings[:1], context)), NO_TRIAL))


def second_review(filings: Sequence[Filing], context: Context) -> str:
    """It changes what the unit pays every month, also where no month is assessed yet."""
    return why_two([found.trial for found in facts(filings, context)]) or "订正工伤行业风险类别影响缴费，需要复核"


ITEM = ServiceItem(
    code="corrections.correct_class",
    version=1,
    title="工伤费率类别订正",
    prefix="XF",
    audience=frozenset({Audience.COUNTER}),
    subject=Subject.UNIT,
    group=GROUP,
    icon="shield-check",
    fields=(
        fields.month("from_month", "起始月"),
        fields.month("to_month", "最后月份", required=False, hint="含该月；从起始月一直到现在的请留空"),
        fields.choice("injury_class", "应为工伤行业风险类别", tuple((str(n), f"{n} 类") for n in range(1, CLASS_MAX + 1))),
        REASON,
    ),
    facts=facts,
    checks=(open_unit, in_order, something_changes, known_class, can_be_done),
    warns=(),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    second_review=second_review,
    compare=compare,
    materials=("单位出具的订正说明（加盖公章）", "营业执照或批准文件，能证明实际主营行业的材料"),
    guide=Guide(
        summary="单位的工伤行业风险类别当时核定错了，已按它核定过月份的，到窗口订正；行业变更请办理“变更登记”。",
        who="参保单位；由经办机构受理，另一人审核，第三人复核。",
        when="发现后及时办理。",
        law=("人社部发〔2015〕71号", "《中华人民共和国社会保险法》第三十四条"),
        after="已核定月份逐人重算：应补收的并入下一张核定单，多缴的记为待退差额，原因随每笔金额可查。",
        words=("工伤费率错了", "行业类别错了", "费率订正", "工伤类别"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "COR-30": "单位已注销",
        "COR-31": "起止月不合理",
        "COR-32": "与现在登记的相同",
        "COR-33": "没有这一类别的费率",
        "COR-34": "订正不能办理，原因见提示",
    },
    return_reasons=("行业证明与所选类别不一致，请核对", "证明材料不足，请补充"),
)
