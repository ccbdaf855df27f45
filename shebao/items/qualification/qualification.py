"""网上办事资格申请: against the signed 承诺书 the unit gets its first account (seed 004, 一、申请社会保险网上办事资格)."""

from collections.abc import Sequence

from shebao.access import slips
from shebao.access.slips import NewOperator
from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.qualification.people import CAPACITIES, GROUP, GUIDE_OF_UNITS, Standing, at_counter, facts, open_unit


def not_yet(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    if not standing.qualified:
        return None
    return Refusal("QUA-03", "该单位已有网上办事资格；密码丢失请办理“密码条补发”，增加经办人请办理“经办人信息采集”")


def employer(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    return None if standing.employer else Refusal("QUA-12", "个人流动窗口和居民、学生医保不是用人单位，不能申请单位网上办事资格")


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing in filings:
        new = NewOperator(
            context.unit_id,
            filing.text("operator_name"),
            filing.text("capacity"),
            filing.text("operator_number"),
            filing.text("operator_mobile"),
            context.on,
            lead=True,
        )
        slips.qualify(new, ("online_service", filing.text("agreement")), at=context.at, case_id=filing.case_id)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return MoneyEffect(
        "通过以后",
        sentences=(
            "以普通单位用户开通；业务熟练后可申请 VIP 单位评估。",
            "密码条在“密码条发放”打印，只打印一次，含用户名、初始密码、证书序列号和证书密码。",
            "首次登录须修改初始密码，并接受现行的承诺书和服务条款。",
        ),
    )


ITEM = ServiceItem(
    code="access.qualification",
    version=1,
    title="网上办事资格申请",
    prefix="ZG",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="patch-check",
    subject=Subject.UNIT,
    fields=(
        fields.choice("capacity", "身份", CAPACITIES, default="operator"),
        fields.name("operator_name", "经办人姓名", core=False),
        fields.id_number("operator_number", "经办人公民身份号码", core=False),
        fields.mobile("operator_mobile", "经办人手机号码"),
        fields.consent("agreement", "online_service", "已核对并留存单位签字盖章的承诺书"),
    ),
    facts=facts,
    checks=(open_unit, employer, not_yet),
    warns=(),
    review=at_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    materials=("《社会保险网上办事承诺书》（单位签字盖章）", "申请单位经办人员的身份证原件及复印件"),
    guide=Guide(
        summary="单位向辖区社保经办机构申请社会保险网上办事资格，领取用户名、密码和数字证书。",
        who="已办理社会保险登记、还没有网上办事资格的参保单位。",
        when="经办机构办公时间，到辖区社保经办机构窗口办理。",
        law=(GUIDE_OF_UNITS,),
        after="审核通过后当场领取密码条；应尽快下载安装数字证书，并修改初始登录密码。",
        words=("开通", "注册", "用户名", "密码", "数字证书", "承诺书"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"QUA-01": "单位已注销", "QUA-03": "已有网上办事资格", "QUA-12": "不是用人单位"},
    return_reasons=("承诺书没有签字盖章，请补齐", "经办人身份证与填写的不一致，请核对"),
)
