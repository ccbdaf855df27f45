"""Reading the trace."""

from shebao.audit.models import Event
from shebao.base.actor import Role

PAGE = 100

# What an action is called on pages. A test holds that every action recorded anywhere has its words here.
ACTIONS = {
    "access.signed_in": "登录",
    "access.person_account": "开通个人账号",
    "access.password_changed": "修改密码",
    "access.password_reset": "重置密码",
    "access.disabled": "停用账号",
    "access.enabled": "启用账号",
    "access.accepted": "接受承诺书、服务条款",
    "access.qualified": "取得网上办事资格",
    "access.qualification_stopped": "停用网上办事资格",
    "access.qualification_resumed": "恢复网上办事资格",
    "access.vip_changed": "VIP 单位权限变更",
    "access.operator_added": "添加经办人",
    "access.operator_changed": "变更经办人权限",
    "access.operator_revoked": "停用经办人",
    "access.slip_reissued": "补发密码条",
    "access.slip_printed": "打印密码条",
    "access.registration_confirmed": "确认法人注册",
    "access.registration_declined": "退回法人注册",
    "case.saved": "保存办件",
    "case.submitted": "提交审批",
    "case.split": "拆分批次",
    "case.withdrawn": "退单",
    "case.rows_removed": "删除批次中的行",
    "case.uploaded": "上传文件",
    "case.checked": "校验完成",
    "case.refused": "文件未能读取",
    "case.claimed": "领取办件",
    "case.released": "放回队列",
    "case.reviewed": "审核",
    "case.deciding": "保存大批次审核意见",
    "case.first_reviewed": "初审",
    "levy.assessment_started": "开始月度核定",
    "levy.assessment_stopped": "月度核定中止",
    "levy.assessed": "月度核定完成",
    "levy.declared": "自主申报",
    "levy.reminded": "催促申报",
    "levy.deferred": "缓缴生效",
    "levy.receipt_file": "到账文件入账",
    "levy.receipt_entered": "手工登记到账",
    "levy.receipt_confirmed": "复核到账",
    "levy.receipt_voided": "作废到账登记",
    "levy.told": "合作方告知缴费",
    "levy.suspense_proposed": "提出暂收款处理",
    "levy.suspense_confirmed": "复核暂收款处理",
    "levy.suspense_declined": "退回暂收款处理",
    "levy.held_proposed": "提出重复告知的处理意见",
    "levy.held_decided": "复核重复告知",
    "levy.refund_applied": "申请退费",
    "levy.refund_reviewed": "复核退费",
    "levy.refund_declined": "不予退费",
    "levy.refund_paid": "退费付讫",
    "levy.refund_returned": "退费退票",
    "levy.refund_applied_again": "更正账户重新退费",
    "levy.payout_made": "生成退费付款文件",
    "levy.account_registered": "登记收入户",
    "levy.statement": "登记银行对账单",
    "levy.reconciled": "对账",
    "levy.difference_taken": "负责差异",
    "levy.difference_given_up": "放弃负责差异",
    "levy.difference_chased": "催收、核对差异",
    "levy.difference_proposed": "提出关闭差异",
    "levy.difference_closed": "复核关闭差异",
    "levy.difference_reopened": "退回关闭差异",
    "levy.difference_ended": "差异自行了结",
    "levy.late_fee": "核定逾期缴费滞纳金",
    "levy.late_fee_reversed": "冲销逾期缴费滞纳金",
    "levy.back_payment": "登记欠费补缴",
    "levy.back_payment_cancelled": "取消欠费补缴登记",
    "levy.order_issued": "生成欠费补缴单",
    "levy.order_rolled_back": "回退欠费补缴单",
    "levy.written_off": "注销当月欠费",
    "levy.flexible_billed": "灵活就业核定",
    "levy.flexible_cancelled": "作废个人核定单",
    "levy.flexible_written_off": "注销灵活就业欠费",
    "levy.flexible_slip": "出具补缴（延长）核定单",
    "levy.flexible_run_started": "开始灵活就业批次",
    "levy.flexible_run_done": "完成灵活就业批次",
    "levy.flexible_run_stopped": "灵活就业批次中止",
    "levy.run_restarted": "继续执行批次",
    "levy.run_reversed": "冲回批次",
    "ledger.reversed": "冲销凭证",
    "ledger.day_closed": "日结",
    "ledger.month_closed": "月结（待复核）",
    "ledger.month_confirmed": "复核月结",
    "levy.tax_refused": "税务退回核定单",
    "levy.tax_sent_again": "重新发送税务",
    "levy.tax_reversed": "税务冲正",
    "levy.tax_day": "取税务日清单",
    "levy.cancel_asked": "申请作废，向税务撤回",
    "levy.cancel_refused": "税务未能撤回，不作废",
    "debit.signed": "批扣签约",
    "debit.ended": "批扣解约",
    "debit.begun": "开始生成批扣批次",
    "debit.built": "批扣批次已生成",
    "debit.sent": "复核发送批扣",
    "debit.recalled": "撤销批扣批次",
    "debit.answered": "收到批扣结果",
    "debit.posted": "批扣入账",
    "debit.arrived": "批扣款到账",
    "papers.verified": "凭证验真",
    "papers.bundle_ordered": "批量出具参保证明",
    "papers.bundle_fetched": "下载参保证明压缩包",
    "case.looked": "查看办件",
    "case.material_added": "上传资料",
    "case.material_removed": "删除资料",
    "attachment.looked": "查看相片或资料",
    "person.looked": "查看个人信息",
    "unit.looked": "查看单位信息",
    "person.searched": "查找个人",
    "person.changed": "个人信息变更",
    "person.corrected": "个人信息订正",
    "unit.changed": "单位信息变更",
    "unit.corrected": "单位信息订正",
    "person.id_number_shown": "显示完整身份号码",
    "case.exported": "导出办件明细",
    "cases.exported": "导出办件列表",
    "payments.exported": "导出缴费记录",
    "changes.exported": "导出增减员异动表",
    "arrears.exported": "导出单位欠费明细",
    "staff.exported": "导出花名册",
    "contact.booked": "预约",
    "contact.rebooked": "改约",
    "contact.cancelled": "取消预约",
    "contact.checked_in": "预约取号",
    "contact.called": "叫号",
    "contact.served": "预约办理完毕",
    "contact.missed": "预约未到场",
    "contact.office_saved": "设置办事大厅",
    "contact.hours_added": "添加办公时段",
    "contact.hours_removed": "移除办公时段",
    "contact.slots_made": "生成预约号源",
    "contact.day_closed": "设为停办日",
    "contact.day_reopened": "取消停办日",
    "contact.asked": "提交问题报告",
    "contact.asked_on": "补充问题",
    "contact.question_claimed": "领取问题",
    "contact.question_released": "放回问题",
    "contact.answered": "答复问题",
    "contact.question_closed": "关闭问题",
    "contact.notice_written": "起草通知",
    "contact.notice_published": "发布通知",
    "contact.notice_withdrawn": "撤回通知",
}


def trace(*, search: str = "", action: str = "", before: int | None = None) -> list[Event]:
    """Lines of the trace within the actor's reach, newest first, a hundred from before one id on."""
    found = Event.objects.order_by("-id")
    if before is not None:
        found = found.filter(pk__lt=before)
    if action:
        found = found.filter(action=action)
    if search:
        found = found.filter(account_name=search) | found.filter(subject=search)
    return list(found[:PAGE])


LOOKS = ("person.looked", "person.id_number_shown", "unit.looked", "case.looked", "attachment.looked", "staff.exported")
LOOKS_SHOWN = 20


def looks_at_person(person_id: int, limit: int = LOOKS_SHOWN) -> list[Event]:
    """Who looked at a person, newest first, within the actor's reach."""
    return list(Event.objects.filter(person_id=person_id, action__in=LOOKS).order_by("-at", "-id")[:limit])


def looks_at_unit(unit_id: int, limit: int = LOOKS_SHOWN) -> list[Event]:
    """Who of the agency looked at a unit, its cases and scans, newest first, within the actor's reach."""
    return list(Event.objects.filter(unit_id=unit_id, action__in=LOOKS, role=Role.AGENCY.value).order_by("-at", "-id")[:limit])
