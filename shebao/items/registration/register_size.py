"""企业规模登记: 大、中、小、微型, or no enterprise, true from a day on. Relief goes by it; what is not registered is not guessed."""

from collections.abc import Sequence
from datetime import date

from shebao.base.errors import Refusal
from shebao.base.months import first_day, month_of
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.corrections.common import NO_TRIAL, Trial, why_two
from shebao.items.corrections.of_unit import corrected_unit, money_of_unit, months_since, tried_unit
from shebao.items.registration.unit_facts import GROUP, at_the_counter
from shebao.levy.models import CauseKind
from shebao.parties.changes import Change as FactChange
from shebao.parties.changes import change_units
from shebao.parties.corrections import NewCorrection
from shebao.parties.facts import UNIT_SIZES, shown
from shebao.parties.models import CorrectionKind, Unit
from shebao.parties.queries import get_unit
from shebao.policy.levy import month_rates
from shebao.policy.rulebook import standard

SIZES = tuple(UNIT_SIZES.items())


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Unit]:
    found = get_unit(context.unit_id)
    return [found for _ in filings]


def since(filing: Filing) -> date:
    """The day from which the size is true."""
    return date.fromisoformat(filing.text("since"))


def open_unit(filing: Filing, unit: Unit, context: Context) -> Refusal | None:
    if unit.closed_on is None:
        return None
    return Refusal("REG-50", f"本单位已于 {unit.closed_on} 注销登记，不能再登记企业规模")


def not_in_the_future(filing: Filing, unit: Unit, context: Context) -> Refusal | None:
    if since(filing) <= context.on:
        return None
    return Refusal("REG-51", f"起始日期不能晚于今天（{context.on}），请按划型文件填写", "since")


def something_new(filing: Filing, unit: Unit, context: Context) -> Refusal | None:
    if unit.size != filing.text("size") or not unit.size:
        return None
    return Refusal("REG-52", f"本单位已登记为{shown('size', unit.size)}，不用重复登记；起始日期登记有误的，请先登记为实际的前一档", "size")


def _act(filing: Filing, context: Context) -> None:
    change_units([FactChange(context.unit_id, {"size": filing.text("size")}, since(filing), filing.case_id or None)], at=context.at)


def _months(filing: Filing, context: Context) -> list[int]:
    """Assessed months whose relief goes by the size on a day from then on."""
    first = since(filing)
    return [
        month
        for month in months_since(context, month_of(first))
        if first_day(month) >= first and month_rates(standard(), month, context.place).relief
    ]


def _trial(filing: Filing, context: Context) -> Trial:
    months = _months(filing, context)
    return tried_unit(context, months, lambda: _act(filing, context)) if months else NO_TRIAL


def perform(filings: Sequence[Filing], context: Context) -> None:
    for f in filings:
        unit = get_unit(context.unit_id)
        before, after = shown("size", unit.size), f"{UNIT_SIZES[f.text('size')]}（自 {f.text('since')} 起）"
        months = _months(f, context)
        if not months:
            _act(f, context)
            continue

        def line(up: int, down: int, f: Filing = f, before: str = before, after: str = after) -> NewCorrection:
            return NewCorrection(
                context.unit_id, context.agency_id, None, CorrectionKind.UNIT, "企业规模", before, after, f"依据：{f.text('document')}", up,
                down, f.case_id or None,
            )  # fmt: skip

        corrected_unit(f, context, months, lambda f=f: _act(f, context), CauseKind.SIZE, line)  # type: ignore[misc]


def compare(filing: Filing, unit: Unit, context: Context) -> Sequence[Change]:
    return [Change("企业规模", shown("size", unit.size), f"{UNIT_SIZES[filing.text('size')]}（自 {filing.text('since')} 起）")]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    told = "按企业规模减免的月份以每月 1 日的登记为准；其中已核定的按新规模逐人重算。"
    found = money_of_unit(_trial(filings[0], context) if filings else NO_TRIAL)
    return MoneyEffect("登记后", (), (told, *found.sentences), found.tables)


def second_review(filings: Sequence[Filing], context: Context) -> str:
    """Two people where it moves money of assessed months."""
    return why_two([_trial(f, context) for f in filings])


def can_be_done(filing: Filing, unit: Unit, context: Context) -> Refusal | None:
    problem = _trial(filing, context).problem
    return Refusal("REG-53", problem.text, "since") if problem else None


ITEM = ServiceItem(
    code="registration.register_size",
    version=1,
    title="企业规模登记",
    prefix="GM",
    audience=frozenset({Audience.COUNTER}),
    subject=Subject.UNIT,
    group=GROUP,
    icon="building",
    fields=(
        fields.choice("size", "企业规模", SIZES),
        fields.day("since", "起始日期", hint="自哪一天起为这一规模，按划型认定文件；阶段性减免看每月 1 日的规模"),
        fields.text("document", "依据", most=60, width=40, hint="划型认定文件的名称和文号"),
    ),
    facts=facts,
    checks=(open_unit, not_in_the_future, something_new, can_be_done),
    warns=(),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    second_review=second_review,
    compare=compare,
    materials=("划型认定文件，或从业人员、营业收入、资产总额的证明", "单位经办人员居民身份证原件及复印件"),
    guide=Guide(
        summary="登记单位属于大型、中型、小型、微型企业，或非企业单位。",
        who="已参保的单位。",
        when="享受按企业规模确定的阶段性减免之前，或规模变化时。",
        law=("人社部发〔2020〕11号", "人社部发〔2020〕49号"),
        after="办结后按登记的规模核定有关月份的阶段性减免；已核定的月份逐人重算，应补收的并入下一张核定单，多缴的记为待退差额。",
        words=("企业划型", "中小微企业", "阶段性减免"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "REG-50": "单位已注销",
        "REG-51": "起始日期晚于今天",
        "REG-52": "已经登记为这一规模",
        "REG-53": "已核定的月份不能按新规模重算，原因见提示",
    },
    return_reasons=("划型认定文件不齐，请补充", "起始日期与文件不符，请核对"),
)
