"""Reading the trace."""

from shebao.audit.models import Event

PAGE = 100

# What an action is called on pages. A test holds that every action recorded anywhere has its words here.
ACTIONS = {
    "access.signed_in": "登录",
    "access.password_changed": "修改密码",
    "access.password_reset": "重置密码",
    "access.disabled": "停用账号",
    "access.enabled": "启用账号",
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
    "case.first_reviewed": "初审",
    "levy.assessment_started": "开始月度核定",
    "levy.assessment_stopped": "月度核定中止",
    "levy.assessed": "月度核定完成",
    "levy.declared": "自主申报",
    "levy.deferred": "缓缴生效",
    "levy.receipt_file": "到账文件入账",
    "levy.receipt_entered": "手工登记到账",
    "levy.receipt_confirmed": "复核到账",
    "levy.receipt_voided": "作废到账登记",
    "papers.verified": "凭证验真",
    "case.looked": "查看办件",
    "person.looked": "查看个人信息",
    "person.searched": "查找个人",
    "person.id_number_shown": "显示完整身份号码",
    "staff.exported": "导出花名册",
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
