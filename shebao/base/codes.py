"""Code lists of the register that no enumeration of the program needs: what a code is called, and how sure we are of the list.

No official copy of LD/T 92 was at hand: the lists are those of running systems (see `source`), and are to be compared before production.
A code that is not listed is kept as it came and shown with its mark, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shebao.base.terms import ETHNICITIES

VERIFY = "verify_before_production"


@dataclass(frozen=True, slots=True)
class CodeList:
    """A national code list as we have it. status: as in the rules; `verify_before_production` until compared with the standard."""

    code: str
    label: str
    source: str
    values: Mapping[str, str]
    status: str = VERIFY
    _unknown: str = field(default="未知代码 {}（待核对）", init=False, repr=False)

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """(code, label) pairs, in the order of the list."""
        return tuple(self.values.items())

    def shown(self, code: str) -> str:
        """The label of a code; what is not in the list is marked. Empty when nothing is registered."""
        return self.values.get(code) or (self._unknown.format(code) if code else "")


_SOURCE = "SZXC DicConstant.java (b7c580ba, 2022-08-19), an implementation in the style of LD/T 92"
EDUCATION = CodeList(
    "AAC011",
    "文化程度",
    _SOURCE,
    {
        "11": "博士",
        "14": "硕士",
        "21": "大学本科",
        "31": "大学专科",
        "41": "中专",
        "44": "职高",
        "47": "技校",
        "61": "高中",
        "71": "初中",
        "81": "小学",
        "90": "其他",
    },
)
MARRIAGE = CodeList("AAC017", "婚姻状况", _SOURCE, {"1": "未婚", "2": "已婚", "3": "丧偶", "4": "离异", "9": "未说明"})
ETHNICITY = CodeList("AAC005", "民族", "GB 3304", ETHNICITIES)
UNIT_TYPE = CodeList(
    "AAB019",
    "单位类型",
    _SOURCE,
    {
        "10": "企业",
        "21": "全额拨款事业单位",
        "22": "差额拨款事业单位",
        "23": "自收自支事业单位",
        "30": "机关",
        "40": "社会团体",
        "50": "民办非企业单位",
        "60": "个体工商户",
        "91": "代理",
        "99": "其他",
    },
)
ECONOMIC_TYPE = CodeList(
    "AAB020",
    "经济类型",
    _SOURCE,
    {
        "100": "内资",
        "110": "国有",
        "120": "集体",
        "130": "股份合作",
        "150": "有限责任公司",
        "160": "股份有限公司",
        "170": "私有",
        "175": "个体经营",
        "200": "港澳台投资",
        "300": "国外投资",
        "900": "其他",
    },
)
