"""密码条补发: user name, password or certificate lost (seed 004: 如丢失请及时到辖区社保经办机构重新领取)."""

from collections.abc import Mapping, Sequence

from shebao.access import slips
from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.fields import Value
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.qualification.people import GROUP, GUIDE_OF_UNITS, Standing, at_counter, facts, has_qualification, reason_field

WHAT = (("both", "密码和数字证书"), ("password", "只补发密码"), ("certificate", "只补发数字证书"))


def known_holder(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    if standing.find(filing.text("holder")) is not None or not standing.qualified:
        return None
    return Refusal("QUA-04", "本单位没有这位在用的经办人，请核对用户名或公民身份号码", "holder")


def prefill(context: Context) -> Mapping[str, Value]:
    accounts = list(facts([Filing({})], context)[0].accounts)
    return {"holder": accounts[0]} if len(accounts) == 1 else {}


def perform(filings: Sequence[Filing], context: Context) -> None:
    standing = facts(filings[:1], context)[0]
    for filing in filings:
        account, what = standing.find(filing.text("holder")), filing.text("what")
        assert account is not None, "checked in this transaction"
        slips.reissue(
            account.pk,
            f"补发：{filing.text('reason')}",
            password=what != "certificate",
            certificate=what != "password",
            at=context.at,
            case_id=filing.case_id,
        )


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    both = filings[0].text("what") if filings else ""
    lost = {"password": "原密码", "certificate": "原来未下载的证书"}.get(both, "原密码和原来未下载的证书")
    return MoneyEffect("通过以后", sentences=(f"{lost}立即失效，已登录的窗口全部退出。", "新的密码条在“密码条发放”打印，只打印一次。"))


ITEM = ServiceItem(
    code="access.slip_reissue",
    version=1,
    title="密码条补发",
    prefix="BF",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="key",
    subject=Subject.UNIT,
    fields=(
        fields.text("holder", "用户名或经办人公民身份号码", most=40, core=True),
        fields.choice("what", "补发内容", WHAT, default="both"),
        reason_field("补发原因"),
    ),
    facts=facts,
    checks=(has_qualification, known_holder),
    warns=(),
    review=at_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    prefill=prefill,
    materials=("补发申请（单位盖章）", "经办人员的身份证原件及复印件"),
    guide=Guide(
        summary="用户名、密码或数字证书丢失，到辖区社保经办机构重新领取。",
        who="已取得网上办事资格的参保单位。",
        when="发现丢失后及时办理，到辖区社保经办机构窗口。",
        law=(GUIDE_OF_UNITS,),
        after="审核通过后当场领取新的密码条，原密码立即失效。",
        words=("忘记密码", "重置密码", "丢失", "密码条"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"QUA-02": "没有网上办事资格", "QUA-04": "没有这位在用的经办人"},
    return_reasons=("补发申请没有盖章，请补齐", "经办人身份证与登记的不一致，请核对"),
)
