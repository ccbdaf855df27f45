"""办事指南 generated from an item's declaration: nothing in it can go out of date against what the system does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shebao.casework.fields import Field, Kind
from shebao.casework.item import Audience, ServiceItem, items

KINDS = {
    Kind.ID_NUMBER: "18 位身份号码",
    Kind.NAME: "姓名",
    Kind.TEXT: "文字",
    Kind.MONEY: "金额（元）",
    Kind.MONTH: "年月，6 位数字",
    Kind.DATE: "日期",
    Kind.CHOICE: "选一项",
    Kind.MANY: "可选多项",
    Kind.MOBILE: "11 位手机号码",
    Kind.PHONE: "座机（含区号）或手机号码",
    Kind.EMAIL: "邮箱地址",
    Kind.POSTCODE: "6 位数字",
    Kind.USCC: "18 位代码",
    Kind.NUMBER: "整数",
    Kind.LONG_TEXT: "文字，可分行",
    Kind.CONSENT: "阅读后勾选同意",
    Kind.WORD: "按提示输入确认",
}


@dataclass(frozen=True, slots=True)
class Guide:
    """What the page shows beside the item's own words."""

    channels: tuple[str, ...]
    fields: tuple[tuple[str, str, str], ...]
    refusals: tuple[tuple[str, str], ...]
    paths: tuple[tuple[str, str], ...]
    on: date


def guide_of(item: ServiceItem, on: date) -> Guide:
    """The guide of an item as of a day."""
    paths: tuple[tuple[str, str], ...] = ()
    channels = []
    if Audience.UNIT in item.audience:
        channels += ["网上办事大厅（单个办理）", *(["网上办事大厅（批量办理，Excel）"] if item.batch_rows_max else []), "开放接口"]
        paths = (
            ("VIP 单位", "录入 → 保存 → 提交审批 → 系统自动审核 → 结束"),
            ("普通单位", "录入 → 保存 → 提交审批 → 打印表格、携带资料到窗口 → 审核 → 结束；退回的修改后重新提交"),
        )
    if Audience.COUNTER in item.audience:
        channels.append("经办机构窗口")
        paths += (("窗口", "携带资料到窗口 → 窗口人员录入 → 另一人审核 → 结束"),)
    return Guide(
        channels=tuple(channels),
        fields=tuple((f.label, "必填" if f.required else "选填", _how(f)) for f in item.fields),
        refusals=tuple((code, text) for code, text in item.refusal_codes.items() if "-W" not in code),
        paths=paths,
        on=on,
    )


def _how(f: Field) -> str:
    return "；".join(part for part in (KINDS.get(f.kind, ""), f.hint) if part)


def matching(query: str) -> Sequence[ServiceItem]:
    """Items whose title, words or summary hold the query, best first: 入职 finds 增员（续保）."""
    ranked = []
    for item in items():
        if query in item.title:
            ranked.append((0, item))
        elif any(query in word or word in query for word in item.guide.words):
            ranked.append((1, item))
        elif query in item.guide.summary or any(query in f.label for f in item.fields):
            ranked.append((2, item))
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]
