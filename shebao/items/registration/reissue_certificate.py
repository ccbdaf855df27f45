"""社会保险登记证补证: lost or damaged; a new number, the old one is void (seed 004, 流程 一)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.registration.unit_facts import GROUP, at_the_counter
from shebao.parties.models import Certificate, Unit
from shebao.parties.queries import get_unit
from shebao.parties.registered import certificate_of
from shebao.parties.registration import reissue_certificate

REASONS = (("lost", "遗失"), ("damaged", "损毁"), ("never", "未领取过登记证"), ("other", "其他"))


@dataclass(frozen=True, slots=True)
class Standing:
    """The unit and its live certificate."""

    unit: Unit
    certificate: Certificate | None


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Standing]:
    found = Standing(get_unit(context.unit_id), certificate_of(context.unit_id))
    return [found for _ in filings]


def open_unit(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    if found.unit.closed_on is None:
        return None
    return Refusal("REG-10", f"本单位已于 {found.unit.closed_on} 注销登记，不能补证")


def reason_fits(filing: Filing, found: Standing, context: Context) -> Refusal | None:
    never = filing.text("reason") == "never"
    if never and found.certificate is not None:
        return Refusal(
            "REG-40", f"本单位已于 {found.certificate.issued_on} 领取登记证 {found.certificate.number}，请选遗失、损毁或其他", "reason"
        )
    if not never and found.certificate is None:
        return Refusal("REG-41", "本单位还没有登记证，请选“未领取过登记证”", "reason", "未领取过登记证")
    return None


def perform(filings: Sequence[Filing], context: Context) -> None:
    for f in filings:
        reason = f"{dict(REASONS)[f.text('reason')]}：{f.text('statement')}"
        reissue_certificate(context.unit_id, reason, on=context.on, case_id=f.case_id or None, at=context.at)


def compare(filing: Filing, found: Standing, context: Context) -> Sequence[Change]:
    old = found.certificate
    return [Change("登记证编号", old.number if old else "无", "办结时取得新编号，原编号作废" if old else "办结时取得编号")]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return MoneyEffect("补证后", (), ("原证号自办结之日起作废，“凭证验真”显示作废；新证可在单位登记页打印。",))


ITEM = ServiceItem(
    code="registration.reissue_certificate",
    version=1,
    title="社会保险登记证补证",
    prefix="DK",
    audience=frozenset({Audience.COUNTER}),
    subject=Subject.UNIT,
    group=GROUP,
    icon="file-earmark-text",
    fields=(
        fields.choice("reason", "补证原因", REASONS),
        fields.text("statement", "情况说明", most=60, width=40, hint="例如何时何地遗失"),
    ),
    facts=facts,
    checks=(open_unit, reason_fits),
    warns=(),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    compare=compare,
    materials=("单位补证申请（加盖公章）", "营业执照副本原件及复印件", "损毁的登记证原件", "单位经办人员居民身份证原件及复印件"),
    guide=Guide(
        summary="社会保险登记证遗失或损毁后补发，原证号作废。",
        who="已参保的单位。",
        when="随时办理。",
        law=("《武汉社会保险办理流程》一、社会保险业务流程",),
        after="办结后打印新的社会保险登记证，原证号作废。",
        words=("登记证丢失", "补登记证", "挂失"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "REG-10": "单位已注销",
        "REG-40": "已经领取过登记证",
        "REG-41": "还没有登记证",
    },
    return_reasons=("情况说明不清楚，请补充", "缺少营业执照复印件，请补充"),
)
