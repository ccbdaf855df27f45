"""The enumerations of the field: the English name for code, the national code for files, the Chinese label for people.

Codes follow the implementations listed in docs/glossary.yaml (LD/T 92 style); they are for import and export, never names.
"""

from enum import Enum, IntEnum


class Insurance(IntEnum):
    """险种. The value is the national code AAE140; `bit` is its place in a mask of types."""

    PENSION = 110
    UNEMPLOYMENT = 210
    MEDICAL = 310
    LARGE_MEDICAL = 330
    INJURY = 410
    MATERNITY = 510

    @property
    def label(self) -> str:
        return _INSURANCE_LABELS[self]

    @property
    def bit(self) -> int:
        return _INSURANCE_ORDER.index(self)

    @property
    def flag(self) -> int:
        return 1 << self.bit

    @property
    def key(self) -> str:
        """The lower-case name, as in JSON and rules: 'pension'."""
        return self.name.lower()


_INSURANCE_LABELS = {
    Insurance.PENSION: "企业职工基本养老保险",
    Insurance.UNEMPLOYMENT: "失业保险",
    Insurance.INJURY: "工伤保险",
    Insurance.MEDICAL: "职工基本医疗保险",
    Insurance.LARGE_MEDICAL: "大额医疗保险",
    Insurance.MATERNITY: "生育保险",
}
# The order of every table, mask and paper. Append only: masks are stored.
_INSURANCE_ORDER = [
    Insurance.PENSION,
    Insurance.UNEMPLOYMENT,
    Insurance.INJURY,
    Insurance.MEDICAL,
    Insurance.LARGE_MEDICAL,
    Insurance.MATERNITY,
]
INSURANCES: tuple[Insurance, ...] = tuple(_INSURANCE_ORDER)
SHORT_LABELS = {
    Insurance.PENSION: "养老",
    Insurance.UNEMPLOYMENT: "失业",
    Insurance.INJURY: "工伤",
    Insurance.MEDICAL: "医疗",
    Insurance.LARGE_MEDICAL: "大额医疗",
    Insurance.MATERNITY: "生育",
}


def mask_of(insurances: "frozenset[Insurance] | set[Insurance] | list[Insurance] | tuple[Insurance, ...]") -> int:
    """A set of types as one small int, bit by `Insurance.bit`."""
    return sum(insurance.flag for insurance in set(insurances))


def insurances_in(mask: int) -> tuple[Insurance, ...]:
    """The types of a mask, in the order of every table."""
    return tuple(insurance for insurance in INSURANCES if mask & insurance.flag)


class Sex(str, Enum):
    """性别 (AAC004)."""

    MALE = "1"
    FEMALE = "2"

    @property
    def label(self) -> str:
        return "男" if self is Sex.MALE else "女"


class Payer(str, Enum):
    """Who bears a contribution: 单位 or 个人."""

    UNIT = "unit"
    PERSON = "person"


class Post(str, Enum):
    """岗位. Four classes that one person may never mix (人社部 内部控制): business, finance, data, audit."""

    UNIT_OPERATOR = "unit_operator"
    UNIT_LEAD = "unit_lead"  # follows from the 经办人信息 (access.Operator.lead), never from a grant
    INDIVIDUAL = "individual"
    CLERK = "clerk"
    REVIEWER = "reviewer"
    FINANCE = "finance"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"

    @property
    def label(self) -> str:
        return _POST_LABELS[self]

    @property
    def post_class(self) -> str:
        return _POST_CLASSES[self]


_POST_LABELS = {
    Post.UNIT_OPERATOR: "单位经办人",
    Post.UNIT_LEAD: "主经办人",
    Post.INDIVIDUAL: "个人",
    Post.CLERK: "受理经办",
    Post.REVIEWER: "审核",
    Post.FINANCE: "基金财务",
    Post.ADMINISTRATOR: "系统管理员",
    Post.AUDITOR: "稽核审计",
}
_POST_CLASSES = {
    Post.UNIT_OPERATOR: "unit",
    Post.UNIT_LEAD: "unit",
    Post.INDIVIDUAL: "person",
    Post.CLERK: "business",
    Post.REVIEWER: "business",
    Post.FINANCE: "finance",
    Post.ADMINISTRATOR: "data",
    Post.AUDITOR: "audit",
}


class StopReason(str, Enum):
    """停保原因 (AAE160, as one public system has them)."""

    CONTRACT_ENDED = "6301"
    MOVED_WITHIN_POOL = "6302"
    JOINED_ARMY = "6303"
    STUDYING = "6304"
    IN_PRISON = "6305"
    MISSING = "6306"
    UNPAID_LEAVE = "6307"
    ENTITLED = "6308"
    OTHER = "6399"

    @property
    def label(self) -> str:
        return _STOP_LABELS[self]


_STOP_LABELS = {
    StopReason.CONTRACT_ENDED: "解除或终止劳动合同",
    StopReason.MOVED_WITHIN_POOL: "统筹范围内转出",
    StopReason.JOINED_ARMY: "参军",
    StopReason.STUDYING: "上学",
    StopReason.IN_PRISON: "服刑",
    StopReason.MISSING: "失踪",
    StopReason.UNPAID_LEAVE: "停薪留职",
    StopReason.ENTITLED: "达到待遇领取条件",
    StopReason.OTHER: "其他",
}

# 民族 GB 3304
ETHNICITIES: dict[str, str] = {
    f"{i:02d}": name
    for i, name in enumerate(
        [
            "汉族",
            "蒙古族",
            "回族",
            "藏族",
            "维吾尔族",
            "苗族",
            "彝族",
            "壮族",
            "布依族",
            "朝鲜族",
            "满族",
            "侗族",
            "瑶族",
            "白族",
            "土家族",
            "哈尼族",
            "哈萨克族",
            "傣族",
            "黎族",
            "傈僳族",
            "佤族",
            "畲族",
            "高山族",
            "拉祜族",
            "水族",
            "东乡族",
            "纳西族",
            "景颇族",
            "柯尔克孜族",
            "土族",
            "达斡尔族",
            "仫佬族",
            "羌族",
            "布朗族",
            "撒拉族",
            "毛南族",
            "仡佬族",
            "锡伯族",
            "阿昌族",
            "普米族",
            "塔吉克族",
            "怒族",
            "乌孜别克族",
            "俄罗斯族",
            "鄂温克族",
            "德昂族",
            "保安族",
            "裕固族",
            "京族",
            "塔塔尔族",
            "独龙族",
            "鄂伦春族",
            "赫哲族",
            "门巴族",
            "珞巴族",
            "基诺族",
        ],
        start=1,
    )
} | {"97": "其他", "98": "外国血统中国籍人士"}
