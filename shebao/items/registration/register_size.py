"""企业规模登记: 大、中、小、微型, or no enterprise, true from a day on. Relief goes by it; what is not registered is not guessed."""

from collections.abc import Sequence
from datetime import date

from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.registration.unit_facts import GROUP, at_the_counter
from shebao.parties.changes import Change as FactChange
from shebao.parties.changes import change_units
from shebao.parties.facts import UNIT_SIZES, shown
from shebao.parties.models import Unit
from shebao.parties.queries import get_unit

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


def perform(filings: Sequence[Filing], context: Context) -> None:
    changes = [FactChange(context.unit_id, {"size": f.text("size")}, since(f), f.case_id or None) for f in filings]
    change_units(changes, at=context.at)


def compare(filing: Filing, unit: Unit, context: Context) -> Sequence[Change]:
    return [Change("企业规模", shown("size", unit.size), f"{UNIT_SIZES[filing.text('size')]}（自 {filing.text('since')} 起）")]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return MoneyEffect("登记后", (), ("按企业规模减免的月份以每月 1 日的登记为准；已核定的月份不自动改变，需要时由经办机构重新核定。",))


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
    checks=(open_unit, not_in_the_future, something_new),
    warns=(),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    compare=compare,
    materials=("划型认定文件，或从业人员、营业收入、资产总额的证明", "单位经办人员居民身份证原件及复印件"),
    guide=Guide(
        summary="登记单位属于大型、中型、小型、微型企业，或非企业单位。",
        who="已参保的单位。",
        when="享受按企业规模确定的阶段性减免之前，或规模变化时。",
        law=("人社部发〔2020〕11号", "人社部发〔2020〕49号"),
        after="办结后按登记的规模核定有关月份的阶段性减免。",
        words=("企业划型", "中小微企业", "阶段性减免"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "REG-50": "单位已注销",
        "REG-51": "起始日期晚于今天",
        "REG-52": "已经登记为这一规模",
    },
    return_reasons=("划型认定文件不齐，请补充", "起始日期与文件不符，请核对"),
)
