"""What the items of 单位登记 share: the list of industries, the types a unit must take, what is registered now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from shebao.base.codes import ECONOMIC_TYPE, UNIT_TYPE
from shebao.base.errors import Refusal
from shebao.base.months import month_of
from shebao.base.terms import INSURANCES, SHORT_LABELS, Insurance, mask_of
from shebao.casework import fields
from shebao.casework.fields import Value
from shebao.casework.item import Context, Filing, Review
from shebao.parties.models import Unit
from shebao.parties.queries import find_terms
from shebao.parties.registered import Holder
from shebao.policy.levy import month_rates
from shebao.policy.rulebook import Rule, standard
from shebao.policy.shapes import IndustryClasses, percent

GROUP = "社会保险登记"
UNLISTED = "00"  # an industry that the list does not name: the agency decides
NATION = "000000"
_LISTED_SINCE = date(2015, 10, 1)  # the first list with a value; fields are declared once, the rule of the day decides

CLASS_CHOICES = tuple((str(i), f"{i} 类") for i in range(1, 9))
UNIT_TYPE_CHOICES, ECONOMIC_TYPE_CHOICES = UNIT_TYPE.choices, ECONOMIC_TYPE.choices
SPECIAL_CHOICES = (("no", "一般单位（险种一次登记完毕）"), ("yes", "特殊单位（险种由经办机构核定）"))
INSURANCE_CHOICES = tuple((str(i.value), SHORT_LABELS[i]) for i in INSURANCES if i is not Insurance.MATERNITY)


@dataclass(frozen=True, slots=True)
class Known:
    """What the register holds: the unit itself (None: to be), who holds the code typed in, open units of the same name."""

    unit: Unit | None
    holder: Holder | None
    namesakes: tuple[tuple[str, str], ...]
    agencies: Mapping[str, int] = field(default_factory=dict)


def _industry_choices() -> tuple[tuple[str, str], ...]:
    listed: IndustryClasses = standard().rule("registration.industry_classes", _LISTED_SINCE, NATION).value
    return (*((one.code, one.name) for one in listed.industries), (UNLISTED, "名录未列（由经办机构核定）"))


INDUSTRY_CHOICES = _industry_choices()
INDUSTRY_NAMES = dict(INDUSTRY_CHOICES)


def at_the_counter(context: Context) -> Review:
    """Entered by one clerk, reviewed by another."""
    return Review.COUNTER


def industry_rule(context: Context) -> Rule:
    """The list of industries that holds on the day. Raises: RuleMissing."""
    return standard().rule("registration.industry_classes", context.on, context.place)


def injury_class_of(filing: Filing, context: Context) -> int | None:
    """工伤行业风险类别 by industry; by the agency's word where the list does not name it."""
    listed = industry_rule(context).value.find(filing.text("industry"))
    if listed is not None:
        return int(listed.injury_class)
    given = filing.text("injury_class")
    return int(given) if given else None


def class_by_industry(filing: Filing, known: Known, context: Context) -> Refusal | None:
    """The class follows the industry; where the list is silent the clerk says it, where it speaks nobody says otherwise."""
    listed, given = industry_rule(context).value.find(filing.text("industry")), filing.text("injury_class")
    if listed is None and not given:
        return Refusal("REG-03", "这个行业不在名录中，请由经办机构核定并选择工伤行业风险类别", "injury_class")
    if listed is not None and given and int(given) != listed.injury_class:
        return Refusal(
            "REG-04",
            f"“{listed.name}”按名录为 {listed.injury_class} 类，不能另选 {given} 类；请留空，或核对行业",
            "injury_class",
            f"{listed.injury_class} 类",
        )
    return None


@lru_cache(maxsize=64)
def whole_mask(month: int, place: str) -> int:
    """The types that a unit takes all at once in a month: those levied by themselves (生育 is levied within 职工基本医疗)."""
    rates = month_rates(standard(), month, place)
    return mask_of([i for i in INSURANCES if i not in rates.merged])


def mask_chosen(filing: Filing) -> int:
    """The types of a filing as a mask."""
    chosen = filing.values.get("insurances")
    return mask_of([Insurance(int(code)) for code in chosen]) if isinstance(chosen, list) else 0


def types_names(mask: int) -> str:
    """养老、失业… of a mask."""
    return "、".join(SHORT_LABELS[i] for i in INSURANCES if mask & i.flag)


def types_in_one_go(filing: Filing, known: Known, context: Context) -> Refusal | None:
    """应将应参加的险种一次登记完毕; 特殊类别的单位由经办机构核定 (with its reason)."""
    whole = whole_mask(month_of(context.on), context.place)
    if filing.text("special") == "yes":
        if filing.text("special_reason"):
            return None
        return Refusal("REG-06", "特殊单位的险种由经办机构核定，请写明核定依据", "special_reason")
    if mask_chosen(filing) == whole:
        return None
    return Refusal("REG-05", f"一般单位应将险种一次登记完毕：{types_names(whole)}；特殊单位请选“特殊单位”并写明依据", "insurances")


def not_registered_before(filing: Filing, known: Known, context: Context) -> Refusal | None:
    """One 统一社会信用代码, one unit; told with who holds it, since when and where."""
    holder = known.holder
    if holder is None or holder.unit_id == context.unit_id:
        return None
    ended = f"，已于 {holder.closed_on} 注销" if holder.closed_on else ""
    return Refusal(
        "REG-02",
        f"这个统一社会信用代码已于 {holder.registered_on} 由{holder.agency}登记为“{holder.name}”（单位编号 {holder.number}{ended}），"
        "不能重复登记；请核对营业执照",
        "uscc",
    )


def registered_now(unit: Unit, context: Context) -> Mapping[str, Value]:
    """What the register holds of a unit, by field."""
    terms = find_terms(unit.pk, month_of(context.on))
    mask = terms.insurance_mask if terms else 0
    code = unit.industry_code or next((code for code, name in INDUSTRY_CHOICES if name == unit.industry), UNLISTED)
    listed = industry_rule(context).value.find(code)
    return {
        "name": unit.name,
        "uscc": unit.uscc or "",
        "unit_type": unit.unit_type,
        "economic_type": unit.economic_type,
        "industry": code,
        "injury_class": str(terms.injury_class) if terms and (listed is None or listed.injury_class != terms.injury_class) else "",
        "legal_representative": unit.legal_representative,
        "legal_id_number": unit.legal_id_number,
        "contact_name": unit.contact_name,
        "contact_phone": unit.contact_phone,
        "address": unit.address,
        "postcode": unit.postcode,
        "agency": unit.agency.name,
        "special": "yes" if unit.special_reason else "no",
        "special_reason": unit.special_reason,
        "insurances": [code for code, _ in INSURANCE_CHOICES if mask & Insurance(int(code)).flag],
    }


def class_sentence(injury_class: int, context: Context) -> str:
    """工伤 class with its rate and how far both may be trusted."""
    rates = month_rates(standard(), month_of(context.on), context.place)
    known = 1 <= injury_class <= rates.injury_class_max
    rate = f"，基准费率 {percent(int(rates.injury_ppm[injury_class]))}" if known else ""
    return f"工伤行业风险类别为 {injury_class} 类{rate}（行业分类：{industry_rule(context).status.label}）。"


def registration_deadline(founded_on: date, context: Context) -> date:
    """The last day to register: so many days from the day after founding (the day itself is not counted)."""
    days = int(standard().rule("enrolment.unit_registration_days", context.on, context.place).value)
    return founded_on + timedelta(days=days)


FIELDS = {
    "name": fields.text("name", "单位名称", most=100, width=40),
    "uscc": fields.uscc("uscc"),
    "unit_type": fields.choice("unit_type", "单位类型", UNIT_TYPE_CHOICES, default="10"),
    "economic_type": fields.choice("economic_type", "经济类型", ECONOMIC_TYPE_CHOICES, default="150"),
    "industry": fields.choice("industry", "行业", INDUSTRY_CHOICES, hint="按营业执照的主要经营业务；决定工伤行业风险类别", width=30),
    "injury_class": fields.choice(
        "injury_class",
        "工伤行业风险类别",
        CLASS_CHOICES,
        required=False,
        hint="名录所列行业请留空，由系统按行业确定；名录未列的由经办机构核定",
    ),
    "legal_representative": fields.name("legal_representative", "法定代表人", core=False),
    "legal_id_number": fields.id_number("legal_id_number", "法定代表人公民身份号码", core=False, required=False, hint="持护照的请留空"),
    "contact_name": fields.name("contact_name", "联系人姓名", core=False),
    "contact_phone": fields.phone("contact_phone", "联系人电话"),
    "address": fields.text("address", "单位地址", most=120, width=40),
    "postcode": fields.postcode("postcode", required=False),
    "special": fields.choice("special", "单位类别", SPECIAL_CHOICES, default="no"),
    "special_reason": fields.text("special_reason", "险种核定依据", required=False, most=100, hint="特殊单位必填"),
    "insurances": fields.many(
        "insurances",
        "参保险种",
        INSURANCE_CHOICES,
        hint="一次登记完毕；生育保险随职工基本医疗征缴",
        default=[c for c, _ in INSURANCE_CHOICES],
    ),
}
