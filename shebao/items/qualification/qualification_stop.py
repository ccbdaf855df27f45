"""停用网上办事资格, and giving it back (seed 004, 服务条款: 主办方有权暂停其单位（个人）用户资格)."""

from collections.abc import Sequence

from shebao.access import slips
from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.qualification.people import GROUP, Standing, at_counter, facts, has_qualification, reason_field

ACTS = (("stop", "停用"), ("resume", "恢复"))


def state_fits(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    if filing.text("act") == "stop" and standing.stopped:
        return Refusal("QUA-09", f"该单位的网上办事资格已经停用（{standing.stop_reason}），不用重复办理", "act")
    if filing.text("act") == "resume" and not standing.stopped:
        return Refusal("QUA-10", "该单位的网上办事资格没有停用，不用恢复", "act")
    return None


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing in filings:
        if filing.text("act") == "stop":
            slips.stop(context.unit_id, filing.text("reason"), at=context.at, case_id=filing.case_id)
        else:
            slips.resume(context.unit_id, at=context.at, case_id=filing.case_id)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    stopping = bool(filings) and filings[0].text("act") == "stop"
    told = "该单位所有经办人立即退出，网页和接口都不能登录；已提交的办件照常审核。" if stopping else "原有经办人可以用原密码登录。"
    return MoneyEffect("通过以后", sentences=(told,))


ITEM = ServiceItem(
    code="access.qualification_stop",
    version=1,
    title="网上办事资格停用与恢复",
    prefix="TY",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="pause-circle",
    subject=Subject.UNIT,
    fields=(fields.choice("act", "办理内容", ACTS, default="stop"), reason_field()),
    facts=facts,
    checks=(has_qualification, state_fits),
    warns=(),
    review=at_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    materials=("停用或恢复的依据（核实记录、单位申请等）",),
    guide=Guide(
        summary="单位提供虚假注册资料等情形，经核实后暂停其网上办事资格；原因消除后恢复。",
        who="已取得网上办事资格的参保单位。",
        when="经核实后，由经办机构窗口办理。",
        law=("《武汉市社会保险网上办事服务条款》第二条第 2 款",),
        after="停用后单位到窗口办理业务；恢复后用原账号登录。",
        words=("暂停", "冻结", "恢复"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"QUA-02": "没有网上办事资格", "QUA-09": "已经停用", "QUA-10": "没有停用"},
    return_reasons=("缺少停用的依据，请补充", "原因没有写清楚，请补充"),
)
