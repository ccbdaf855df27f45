"""The shape of each rule's value: what a YAML entry must hold, and how people read it. A rule id that is not listed here is refused.

Units are in the names: _fen money, _ppm parts per million, _month an int like 202209.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, TypeAdapter, model_validator

from shebao.base.money import FEN_MAX, yuan_shown
from shebao.base.terms import SHORT_LABELS, Insurance

_StrictInt = Annotated[int, Strict()]
Fen = Annotated[_StrictInt, Field(ge=0, le=FEN_MAX)]
Ppm = Annotated[_StrictInt, Field(ge=0, le=10_000_000)]
Count = Annotated[_StrictInt, Field(ge=0, le=10_000)]
Month = Annotated[_StrictInt, Field(ge=190001, le=299912)]
InsuranceKey = Literal["pension", "unemployment", "medical", "large_medical", "injury", "maternity"]


def percent(rate_ppm: int) -> str:
    """87000 -> '8.7%'."""
    whole, part = divmod(rate_ppm, 10_000)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".") + "%"


def _fen(amount_fen: int | None) -> str:
    return "待定" if amount_fen is None else f"{yuan_shown(amount_fen)} 元"


def _types(keys: tuple[InsuranceKey, ...]) -> str:
    return "、".join(SHORT_LABELS[Insurance[key.upper()]] for key in keys)


def _month(month: int | None) -> str:
    return "待定" if month is None else f"{month // 100}-{month % 100:02d}"


class Shape(BaseModel):
    """A structured value. `shown` is the Chinese text of the 参数表 and of explanations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def shown(self) -> str:
        """The value as people read it; a shape that stands alone in a table says it in better words."""
        return "、".join(str(part) for part in self.model_dump().values())


class Rate(Shape):
    """费率: shares of the contribution base."""

    unit_ppm: Ppm
    person_ppm: Ppm

    def shown(self) -> str:
        return f"单位 {percent(self.unit_ppm)}，个人 {percent(self.person_ppm)}"


class Merged(Shape):
    """The type is no longer levied by itself: its rate stands in another one."""

    merged_into: InsuranceKey

    def shown(self) -> str:
        return f"并入{_types((self.merged_into,))}，不单独征缴"


class InjuryRate(Shape):
    """工伤基准费率 by 行业风险类别: the first entry is class 1."""

    class_ppm: Annotated[tuple[Ppm, ...], Field(min_length=1, max_length=20)]
    person_ppm: Ppm

    def shown(self) -> str:
        classes = "，".join(f"{i} 类 {percent(rate)}" for i, rate in enumerate(self.class_ppm, 1))
        return f"单位：{classes}；个人 {percent(self.person_ppm)}"


class Flat(Shape):
    """定额 a month."""

    unit_fen: Fen
    person_fen: Fen

    def shown(self) -> str:
        return f"每月单位 {_fen(self.unit_fen)}，个人 {_fen(self.person_fen)}"


class Base(Shape):
    """缴费基数: average wage, floor and cap as published. Each part may be unknown; none is computed from another."""

    average_fen: Fen | None
    floor_fen: Fen | None
    cap_fen: Fen | None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        known = [part for part in (self.floor_fen, self.average_fen, self.cap_fen) if part is not None]
        if not known or known != sorted(known):
            raise ValueError("floor, average and cap must rise, and one of them must be known")
        return self

    def shown(self) -> str:
        return f"平均工资 {_fen(self.average_fen)}，下限 {_fen(self.floor_fen)}，上限 {_fen(self.cap_fen)}"


class Floating(Shape):
    """工伤浮动费率: the steps that a unit's rate may take, in parts per million of the base rate."""

    first_class_ppm: tuple[Ppm, ...]
    other_classes_ppm: tuple[Ppm, ...]

    def shown(self) -> str:
        first, others = ("、".join(percent(step) for step in steps) for steps in (self.first_class_ppm, self.other_classes_ppm))
        return f"一类 {first}；二至八类 {others}"


class Tiers(Shape):
    """缴费档次: the percentages that may be chosen; percents is null where only the lowest and the highest are known."""

    percents: tuple[Count, ...] | None
    percent_min: Count
    percent_max: Count

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.percents is not None and (min(self.percents), max(self.percents)) != (self.percent_min, self.percent_max):
            raise ValueError("percent_min and percent_max must be the ends of percents")
        return self

    def allows(self, chosen_percent: int) -> bool:
        if self.percents is not None:
            return chosen_percent in self.percents
        return self.percent_min <= chosen_percent <= self.percent_max

    def shown(self) -> str:
        if self.percents is None:
            return f"最低 {self.percent_min}%，最高 {self.percent_max}%，其间档次未见公布"
        return "、".join(f"{tier}%" for tier in self.percents)


class FlexibleRate(Shape):
    """灵活就业费率: the whole, and the share of the base that goes to the personal account."""

    total_ppm: Ppm
    account_ppm: Ppm

    def shown(self) -> str:
        return f"合计 {percent(self.total_ppm)}，其中个人账户 {percent(self.account_ppm)}"


class AgeLimits(Shape):
    """周岁: from …_min up to, but not including, …_below."""

    male_age_min: Count
    male_age_below: Count
    female_age_min: Count
    female_age_below: Count

    def shown(self) -> str:
        return (
            f"男满 {self.male_age_min} 周岁不满 {self.male_age_below} 周岁，"
            f"女满 {self.female_age_min} 周岁不满 {self.female_age_below} 周岁"
        )


class RegistrationPlace(Shape):
    """One 登记所在地 of the tax office, and the districts (GB/T 2260) whose agencies belong to it."""

    label: Annotated[str, Field(min_length=1)]
    districts: tuple[Annotated[str, Field(pattern=r"^[0-9]{6}$")], ...]


class RegistrationPlaces(Shape):
    """登记所在地: which one flexible workers of a district choose. Each district stands once."""

    places: tuple[RegistrationPlace, ...]

    @model_validator(mode="after")
    def _once(self) -> Self:
        districts = [district for place in self.places for district in place.districts]
        if len(set(districts)) != len(districts):
            raise ValueError("a district belongs to one place of registration")
        return self

    def of(self, district: str) -> str | None:
        """The label for a district; None where it is not known."""
        return next((place.label for place in self.places if district in place.districts), None)

    def shown(self) -> str:
        return "、".join(place.label for place in self.places)


class BackPayment(Shape):
    """灵活就业补缴: which gaps may be paid later."""

    pension_allowed: bool
    medical_allowed: bool
    with_interest: bool

    def shown(self) -> str:
        pension = "可以补缴" if self.pension_allowed else "不得事后追溯补缴"
        return f"养老{pension}{'（计息）' if self.with_interest else ''}，医疗{'可以' if self.medical_allowed else '不得'}补缴"


class DayRange(Shape):
    """Days of the month, both included."""

    first_day: Count
    last_day: Count

    def shown(self) -> str:
        return f"每月 {self.first_day} 日至 {self.last_day} 日"


class BatchDays(Shape):
    """批扣日 of the city's and of the provincial units' persons."""

    city_day: Count
    provincial_day: Count

    def shown(self) -> str:
        return f"市属每月 {self.city_day} 日，省直每月 {self.provincial_day} 日"


BATCH_SHIFTS = {"none": "不顺延，按原日期", "next_workday": "顺延至下一工作日", "previous_workday": "提前至上一工作日"}


class SocialInsuranceYear(Shape):
    """社保年度: a row, not a formula, because the year has been moved once."""

    code: Count
    first_month: Month
    last_month: Month

    def shown(self) -> str:
        return f"{self.code} 年度：{_month(self.first_month)} 至 {_month(self.last_month)}"


class IndustryClass(Shape):
    """One line of the list 行业 → 工伤行业风险类别. code: division (大类) of the national classification the list was made for."""

    code: Annotated[str, Field(pattern=r"^[0-9]{2}$")]
    name: Annotated[str, Field(min_length=1)]
    injury_class: Annotated[_StrictInt, Field(ge=1, le=8)]


class IndustryClasses(Shape):
    """工伤行业风险分类: what is not listed is decided by the agency."""

    industries: Annotated[tuple[IndustryClass, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        for values in ([one.code for one in self.industries], [one.name for one in self.industries]):
            if len(set(values)) != len(values):
                raise ValueError("an industry stands in the list once")
        return self

    def find(self, code: str) -> IndustryClass | None:
        """The line of a division, None when it is not listed."""
        return next((one for one in self.industries if one.code == code), None)

    def shown(self) -> str:
        by_class: dict[int, list[str]] = {}
        for one in self.industries:
            by_class.setdefault(one.injury_class, []).append(one.name)
        return "；".join(f"{injury_class} 类：{'、'.join(names)}" for injury_class, names in sorted(by_class.items()))


class YearWindow(Shape):
    """Days of every year, MM-DD, both included."""

    first_day: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
    last_day: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day < self.first_day or "02-29" in (self.first_day, self.last_day):
            raise ValueError("the window lies within a year and on days that every year has")
        return self

    def days(self, year: int) -> tuple[date, date]:
        """First and last day of a year's window."""
        first, last = (date.fromisoformat(f"{year:04d}-{day}") for day in (self.first_day, self.last_day))
        return first, last

    def shown(self) -> str:
        return f"每年 {self.first_day} 至 {self.last_day}"


class ChangeFrom(Shape):
    """When a change of the register begins to count for contributions."""

    effect: Literal["next_month", "next_year"]

    def month(self, this_month: int) -> int:
        """The first month of the new value, for a change entered in a month (YYYYMM)."""
        if self.effect == "next_year":
            return (this_month // 100 + 1) * 100 + 1
        return this_month + 1 if this_month % 100 < 12 else (this_month // 100 + 1) * 100 + 1

    def shown(self) -> str:
        return "次月起" if self.effect == "next_month" else "次年 1 月起"


_SIZES = {"large": "大", "medium": "中", "small": "小", "micro": "微"}


class Relief(Shape):
    """阶段性减免: applied to the unit's part after the normal calculation, never by editing rates."""

    effect: Literal["exempt", "half"]
    insurances: tuple[InsuranceKey, ...]
    unit_sizes: tuple[Literal["large", "medium", "small", "micro"], ...]
    optional: bool
    months_max: Count

    def shown(self) -> str:
        effect = "免征" if self.effect == "exempt" else "减半征收"
        sizes = "".join(_SIZES[size] for size in self.unit_sizes)
        return f"{sizes}型企业{_types(self.insurances)}单位部分{'可' if self.optional else ''}{effect}，最多 {self.months_max} 个月"


class DeferralScheme(Shape):
    """One row of a deferral: whose unit part of which types in which months. Rows of one group share their `who`."""

    group: Annotated[str, Field(pattern=r"^[a-z]+$")]
    who: str
    insurances: tuple[InsuranceKey, ...]
    first_month: Month | None
    last_month: Month
    document: str


class Deferral(Shape):
    """阶段性缓缴: unit part only, no late fee until repay_by_month."""

    schemes: tuple[DeferralScheme, ...]
    repay_by_month: Month

    def shown(self) -> str:
        rows = "；".join(f"{s.who} {_types(s.insurances)} {_month(s.first_month)} 至 {_month(s.last_month)}" for s in self.schemes)
        return f"{rows}；{_month(self.repay_by_month)} 底前补缴，期间不计滞纳金"


class Window(Shape):
    """An interval of local time, ISO text to the minute, both ends included."""

    opens: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$")]
    closes: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$")]

    def shown(self) -> str:
        return f"{self.opens.replace('T', ' ')} 至 {self.closes.replace('T', ' ')}"


class LateWindow(Window):
    """A window in which months may be declared and paid late without a late fee; both months included."""

    first_month: Month
    last_month: Month

    def shown(self) -> str:
        return f"{super().shown()}，补报 {_month(self.first_month)} 至 {_month(self.last_month)}"


class DeclaredTypes(Shape):
    """Types whose monthly amount the unit itself declares."""

    insurances: Annotated[tuple[InsuranceKey, ...], Field(min_length=1)]

    def shown(self) -> str:
        return _types(self.insurances)


class PhotoSize(Shape):
    """An identity photo: pixels, and width over height."""

    width_min_px: Count
    height_min_px: Count
    ratio_min_ppm: Ppm
    ratio_max_ppm: Ppm

    def shown(self) -> str:
        ratio = f"{percent(self.ratio_min_ppm)} 至 {percent(self.ratio_max_ppm)}"
        return f"至少 {self.width_min_px}×{self.height_min_px} 像素，宽为高的 {ratio}"


class AnnualWindow(Shape):
    """年度申报受理时间: the days on which a year's wages may be declared, both included. None: that end was not published."""

    opens: date | None
    closes: date | None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens is None and self.closes is None:
            raise ValueError("a window without any end is null, not a window")
        if self.opens is not None and self.closes is not None and self.closes < self.opens:
            raise ValueError("the window closes before it opens")
        return self

    def shown(self) -> str:
        return f"{self.opens or '起日未公布'} 至 {self.closes or '止日未公布'}"


class AccountShare(Shape):
    """划入个人账户 of the base: the person's own part and the employer's."""

    person_ppm: Ppm
    unit_ppm: Ppm

    def shown(self) -> str:
        whole = percent(self.person_ppm + self.unit_ppm)
        return (
            f"缴费基数的 {whole}（个人 {percent(self.person_ppm)}，单位 {percent(self.unit_ppm)}）"
            if self.unit_ppm
            else f"缴费基数的 {whole}（个人缴费）"
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """How the value of one rule id is checked and shown."""

    adapter: TypeAdapter[Any]
    shown: Callable[[Any], str]


def _structured(*shapes: type[Shape]) -> Kind:
    union: Any = shapes[0] if len(shapes) == 1 else shapes[0] | shapes[1]
    return Kind(TypeAdapter(union), lambda value: str(value.shown()))


def _count(unit: str) -> Kind:
    return Kind(TypeAdapter(Count), lambda value: f"{value} {unit}")


def _ppm(per: str = "") -> Kind:
    return Kind(TypeAdapter(Ppm), lambda value: f"{per}{percent(value)}")


KINDS: dict[str, Kind] = {
    "pension.rate": _structured(Rate),
    "unemployment.rate": _structured(Rate),
    "medical.rate": _structured(Rate),
    "maternity.rate": _structured(Rate, Merged),
    "injury.rate": _structured(InjuryRate),
    "injury.floating": _structured(Floating),
    "injury.temporary_factor": _ppm(),
    "large_medical.amount": _structured(Flat),
    "pension.base": _structured(Base),
    "medical.base": _structured(Base),
    "relief.unit_part": _structured(Relief),
    "relief.medical_unit_part": _structured(Relief),
    "deferral.unit_part": _structured(Deferral),
    "flexible.tiers": _structured(Tiers),
    "flexible.rate": _structured(FlexibleRate),
    "flexible.age": _structured(AgeLimits),
    "flexible.back_payment": _structured(BackPayment),
    "flexible.medical_rate": _structured(FlexibleRate),
    "flexible.batch_days": _structured(BatchDays),
    "flexible.batch_shift": Kind(TypeAdapter(Literal["none", "next_workday", "previous_workday"]), lambda value: BATCH_SHIFTS[str(value)]),
    "flexible.late_window": _structured(LateWindow),
    "flexible.registration_places": _structured(RegistrationPlaces),
    "pension.minimum_months": _count("个月"),
    "flexible.medical_waiting_months": _count("个月"),
    "enrolment.online_age": _structured(AgeLimits),
    "enrolment.back_months_max": _count("个月（含当月）"),
    "enrolment.cutoff_day": _count("日"),
    "enrolment.counter_days": _structured(DayRange),
    "enrolment.unit_registration_days": _count("日"),
    "enrolment.employee_registration_days": _count("日"),
    "registration.verification_window": _structured(YearWindow),
    "registration.industry_classes": _structured(IndustryClasses),
    "registration.class_change_from": _structured(ChangeFrom),
    "arrears.advised_before_day": _count("日"),
    "declaration.payment_working_days": _count("个工作日"),
    "payment.arrival_days.app": _count("个工作日"),
    "payment.arrival_days.bank": _count("个工作日"),
    "declaration.undeclared_ratio": _ppm("上月的 "),
    "declaration.late_window": _structured(LateWindow),
    "declaration.monthly_types": _structured(DeclaredTypes),
    "late_fee.daily_rate": _ppm("每日 "),
    "late_fee.injury_daily_rate": _ppm("每日 "),
    "late_fee.cap_ratio": _ppm("本金的 "),
    "interest.back_payment_rate": _ppm("每年 "),
    "account.interest_rate": _ppm("每年 "),
    "account.credit_share": _structured(AccountShare),
    "social_insurance_year": _structured(SocialInsuranceYear),
    "annual_declaration.window": _structured(AnnualWindow),
    "outside_retiree.rate": _structured(Rate),
    "service.outage": _structured(Window),
    "photo.one_inch": _structured(PhotoSize),
    "refund.two_reviewers_from": Kind(TypeAdapter(Fen), lambda value: f"{_fen(value)}起须两人复核"),
    "vip.months_of_use_min": _count("个月"),
    "vip.returned_share_max": _ppm("申报的 "),
    "vip.overdue_bills_max": _count("张"),
}
