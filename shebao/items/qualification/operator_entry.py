"""经办人信息采集 at the counter: one operator more, another 主经办人, or one who no longer acts (seed 000)."""

from collections.abc import Sequence
from datetime import date

from shebao.access import operators, slips
from shebao.access.models import OperatorRight
from shebao.access.slips import NewOperator
from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Audience, Context, Filing, Guide, MoneyEffect, ServiceItem, Subject
from shebao.items.qualification.people import CAPACITIES, GROUP, Standing, at_counter, facts, has_qualification, open_unit

ACTS = (("add", "新增经办人"), ("lead", "设为主经办人"), ("revoke", "停用经办人"))


def complete(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    if filing.text("act") != "add" or (filing.text("operator_name") and filing.text("operator_mobile")):
        return None
    missing = "operator_name" if not filing.text("operator_name") else "operator_mobile"
    return Refusal("QUA-05", "新增经办人请填写姓名和手机号码", missing)


def fits(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    known = filing.text("operator_number") in standing.operators
    if filing.text("act") == "add" and known:
        return Refusal("QUA-06", "此人已是本单位的经办人，不用重复采集；密码丢失请办理“密码条补发”", "operator_number")
    if filing.text("act") != "add" and not known:
        return Refusal("QUA-04", "本单位没有这位在用的经办人，请核对用户名或公民身份号码", "operator_number")
    return None


def one_lead_stays(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    row = standing.operators.get(filing.text("operator_number"))
    leads = [each for each in standing.operators.values() if each.lead]
    if filing.text("act") == "revoke" and row is not None and row.lead and len(leads) == 1:
        return Refusal("QUA-07", "此人是唯一的主经办人，请先把另一位经办人设为主经办人", "operator_number")
    return None


def term_ahead(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    until = filing.text("valid_until")
    if until and date.fromisoformat(until) < context.on:
        return Refusal("QUA-08", "有效期至早于今天，请核对", "valid_until")
    return None


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing in filings:
        rows = operators.lock_live(context.unit_id)
        until = date.fromisoformat(filing.text("valid_until")) if filing.text("valid_until") else None
        lead = filing.text("act") == "lead" or filing.text("lead") == "yes"
        if filing.text("act") == "add":
            new = NewOperator(
                context.unit_id,
                filing.text("operator_name"),
                filing.text("capacity"),
                filing.text("operator_number"),
                filing.text("operator_mobile"),
                context.on,
                until,
                lead=lead,
            )
            operators.check_new(new, rows)
            slips.open_account(new, at=context.at, reason="经办人信息采集", handed_by="agency", case_id=filing.case_id)
            continue
        row = next(each for each in rows if each.id_number == filing.text("operator_number"))
        if filing.text("act") == "revoke":
            operators.revoke_row(row, at=context.at, case_id=filing.case_id)
        else:
            held = dict(OperatorRight.objects.filter(account_id=row.account_id, level__gt=0).values_list("item_code", "level"))
            operators.set_rights(row, held, lead=True, valid_until=row.valid_until, at=context.at, case_id=filing.case_id)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    told = {
        "add": "新增的经办人可办理全部事项，主经办人可以在“经办人管理”里改权限；密码条在“密码条发放”打印。",
        "lead": "此人可以管理本单位的其他经办人，不能更改自己。",
        "revoke": "此人立即退出，不能再登录，也不能恢复。",
    }
    return MoneyEffect("通过以后", sentences=tuple(told[f.text("act")] for f in filings if f.text("act") in told))


ITEM = ServiceItem(
    code="access.operator_entry",
    version=1,
    title="经办人信息采集",
    prefix="CJ",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="person-vcard",
    subject=Subject.UNIT,
    fields=(
        fields.choice("act", "办理内容", ACTS, default="add"),
        fields.choice("capacity", "身份", CAPACITIES, default="operator"),
        fields.id_number("operator_number", "经办人公民身份号码", core=False),
        fields.name("operator_name", "经办人姓名", core=False, required=False, hint="新增时填写"),
        fields.mobile("operator_mobile", "经办人手机号码", required=False, hint="新增时填写"),
        fields.day("valid_until", "有效期至（含当日）", required=False, hint="新增时填写，留空为长期"),
        fields.choice("lead", "设为主经办人", (("no", "否"), ("yes", "是")), default="no", hint="新增时填写"),
    ),
    facts=facts,
    checks=(open_unit, has_qualification, complete, fits, one_lead_stays, term_ahead),
    warns=(),
    review=at_counter,
    perform=perform,
    effect=effect,
    look_up=None,
    materials=("单位出具的经办人委托书（盖章）", "经办人的身份证原件及复印件"),
    guide=Guide(
        summary="采集单位经办人（或法定代表人）的姓名、身份证号码和手机号码，一个单位可以有几位经办人，可随时停用。",
        who="已取得网上办事资格的参保单位；主经办人也可以在网上的“经办人管理”自己添加和停用其他经办人。",
        when="经办人变动时，到辖区社保经办机构窗口办理。",
        law=("极目新闻 2022-02-02《武汉社保新系统2月中旬上线》：单位经办人（或法人）信息的采集",),
        after="新增的经办人领取密码条；停用的立即退出。",
        words=("换经办人", "离职交接", "法人", "采集"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "QUA-01": "单位已注销",
        "QUA-02": "没有网上办事资格",
        "QUA-04": "没有这位在用的经办人",
        "QUA-05": "新增经办人缺姓名或手机号码",
        "QUA-06": "已是本单位的经办人",
        "QUA-07": "唯一的主经办人不能停用",
        "QUA-08": "有效期至早于今天",
    },
    return_reasons=("委托书没有盖章，请补齐", "身份证与填写的不一致，请核对"),
)
