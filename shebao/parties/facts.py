"""What is registered of a person and of a unit, field by field, and how a value's days are cut anew when it changes. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shebao.base.codes import ECONOMIC_TYPE, EDUCATION, ETHNICITY, MARRIAGE, UNIT_TYPE
from shebao.base.identifiers import mask_id_number
from shebao.base.terms import Sex

# Label and how a value is shown, in the order of every page. The migration 0003_facts holds the same names.
PERSON_FIELDS: Mapping[str, str] = {
    "name": "姓名",
    "id_number": "公民身份号码",
    "sex": "性别",
    "birth_date": "出生日期",
    "ethnicity": "民族",
    "education": "文化程度",
    "marriage": "婚姻状况",
    "mobile": "参保人联系手机",
    "phone": "参保人联系电话",
    "household_address": "户口所在地",
    "home_address": "居住地地址",
    "photo": "照片",
}
UNIT_FIELDS: Mapping[str, str] = {
    "name": "单位名称",
    "uscc": "统一社会信用代码",
    "kind": "类型",
    "industry": "行业",
    "legal_representative": "法定代表人",
    "contact_name": "联系人姓名",
    "contact_phone": "联系人电话",
    "phone": "单位联系电话",
    "fax": "传真号码",
    "email": "邮箱地址",
    "postcode": "邮政编码",
    "address": "单位地址",
    "vip": "VIP 单位",
    # From 0004_registration on.
    "founded_on": "成立日期",
    "unit_type": "单位类型",
    "economic_type": "经济类型",
    "industry_code": "行业代码",
    "legal_id_number": "法定代表人证件号码",
    "special_reason": "险种由经办机构核定的原因",
    # From 0006_size on.
    "size": "企业规模",
}
# As models.UnitKind, which this pure module does not import.
_KINDS = {"employer": "用人单位", "window": "个人流动窗口", "residents": "城乡居民医疗保险", "students": "大学生医疗保险"}
# 大、中、小、微型企业 (统计上大中小微型企业划分办法); "none": 机关、事业单位 and others that are no enterprise. "" is not known.
UNIT_SIZES: Mapping[str, str] = {"large": "大型企业", "medium": "中型企业", "small": "小型企业", "micro": "微型企业", "none": "非企业单位"}
_SHOWN: Mapping[str, Callable[[str], str]] = {
    "sex": lambda value: Sex(value).label,
    "ethnicity": ETHNICITY.shown,
    "education": EDUCATION.shown,
    "marriage": MARRIAGE.shown,
    "vip": lambda value: "是" if value == "true" else "否",
    "photo": lambda value: "已登记",
    "kind": lambda value: _KINDS.get(value, value),
    "unit_type": UNIT_TYPE.shown,
    "economic_type": ECONOMIC_TYPE.shown,
    "legal_id_number": mask_id_number,
    "size": lambda value: UNIT_SIZES.get(value, value),
}


def shown(field: str, value: str | None) -> str:
    """A value as people read it; 未登记 when there is none."""
    if not value:
        return "未登记"
    return _SHOWN[field](value) if field in _SHOWN else value


@dataclass(frozen=True, slots=True)
class Span:
    """A value and the days it is true for: from `start` (None: ever) until before `end` (None: open). `id` 0 is not stored yet."""

    value: str | None
    start: date | None = None
    end: date | None = None
    id: int = 0
    correction: bool = False
    case_id: int | None = None
    account_name: str = ""

    def holds_on(self, day: date) -> bool:
        """Whether the value is true on a day."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


def changed(spans: Sequence[Span], new: Span) -> list[Span]:
    """The timeline when a value is true from `new.start` on: what came before stays, everything later gives way.

    spans: without gaps, oldest first, the last one open. Nothing changes when the value held since then is the same.
    """
    assert new.start is not None and new.end is None, "a change begins on a day and is open"
    if all(span.value == new.value for span in spans if span.end is None or span.end > new.start):
        return list(spans)
    kept = [span for span in spans if span.start is None or span.start < new.start]
    cut = kept[-1] if kept else None
    if cut is not None and (cut.end is None or cut.end > new.start):
        if cut.value == new.value:  # true earlier already: it goes on
            return [*kept[:-1], replace(cut, end=None, id=0 if cut.end else cut.id)]
        kept[-1] = replace(cut, end=new.start, id=0)
    return [*kept, new]


def corrected(spans: Sequence[Span], day: date, new: Span) -> list[Span]:
    """信息订正: the value held on a day was never true; the new one takes its place for just the days the old one had."""
    wrong = next(span for span in spans if span.holds_on(day))
    if wrong.value == new.value:
        return list(spans)
    return [replace(new, start=span.start, end=span.end) if span is wrong else span for span in spans]
