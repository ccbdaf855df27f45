"""When a flexible worker's month can be paid: in its 社保年度, in a late window, or (the older rule) whenever it is in arrears."""

from dataclasses import dataclass
from datetime import date, datetime

from shebao.base.clock import ZONE
from shebao.base.identifiers import age_on
from shebao.base.months import Month, first_day, last_day, month_of, month_shown
from shebao.base.terms import Sex
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import AgeLimits, BackPayment, LateWindow, RegistrationPlaces, SocialInsuranceYear

NO_LATER = "灵活就业人员中断缴纳职工基本养老保险费的，不得以事后追溯方式补缴"


def year_of_month(month: Month, place: str, rulebook: Rulebook) -> SocialInsuranceYear:
    """The 社保年度 a month belongs to.  Raises: RuleMissing where its beginning and end are not published."""
    year: SocialInsuranceYear = rulebook.rule("social_insurance_year", first_day(month), place).value
    return year


def year_shown(year: SocialInsuranceYear) -> str:
    """2021 社保年度（2021年7月至2022年6月）."""
    return f"{year.code} 社保年度（{month_shown(year.first_month)}至{month_shown(year.last_month)}）"


def late_window(month: Month, place: str, rulebook: Rulebook) -> LateWindow | None:
    """The window in which a month may still be paid after its year, whenever that window is."""
    for rule in rulebook.all(place):
        if rule.id == "flexible.late_window" and rule.value is not None and rule.value.first_month <= month <= rule.value.last_month:
            window: LateWindow = rule.value
            return window
    return None


def back_payment(on: date, place: str, rulebook: Rulebook) -> BackPayment:
    """Which regime holds on a day.  Raises: RuleMissing."""
    found: BackPayment = rulebook.rule("flexible.back_payment", on, place).value
    return found


def last_payable_day(month: Month, place: str, rulebook: Rulebook) -> date:
    """The last day a month can be paid where nothing may be paid back: the end of its year, or of its late window.  Raises: RuleMissing."""
    year_end = last_day(year_of_month(month, place, rulebook).last_month)
    window = late_window(month, place, rulebook)
    return max(year_end, datetime.fromisoformat(window.closes).date()) if window else year_end


def why_not_payable(month: Month, at: datetime, place: str, rulebook: Rulebook) -> str:
    """Why a month cannot be paid at an instant; empty when it can.  Raises: RuleMissing."""
    now = at.astimezone(ZONE)
    if month > month_of(now.date()):
        return f"{month_shown(month)}还没有到，所属期止不能晚于本月（{month_shown(month_of(now.date()))}）"
    year = year_of_month(month, place, rulebook)
    if month_of(now.date()) <= year.last_month or back_payment(now.date(), place, rulebook).pension_allowed:
        return ""
    window, moment = late_window(month, place, rulebook), now.strftime("%Y-%m-%dT%H:%M")
    if window is None:
        return f"{month_shown(month)}属于 {year_shown(year)}，只能在该社保年度内缴纳；{NO_LATER}"
    if moment < window.opens:
        return f"{month_shown(month)}属于 {year_shown(year)}，请在 {window.opens.replace('T', ' ')} 至 {window.closes[:10]} 期间缴纳"
    if moment > window.closes:
        return f"{month_shown(month)}属于 {year_shown(year)}，补缴期已于 {window.closes[:10]} 截止，不能再缴纳"
    return ""


@dataclass(frozen=True, slots=True)
class Ages:
    """周岁 from … up to, but not including, … of one sex, and the rule behind it."""

    least: int
    below: int
    rule: Rule


def ages(sex: Sex, on: date, place: str, rulebook: Rulebook) -> Ages | None:
    """The ages in which one may be insured as a flexible worker; None on days without a rule."""
    rule = rulebook.find("flexible.age", on, place)
    if rule is None or rule.value is None:
        return None
    limits: AgeLimits = rule.value
    if sex is Sex.MALE:
        return Ages(limits.male_age_min, limits.male_age_below, rule)
    return Ages(limits.female_age_min, limits.female_age_below, rule)


def why_not_of_age(birth: date, sex: Sex, on: date, place: str, rulebook: Rulebook) -> str:
    """Why somebody cannot enrol as a flexible worker by age; empty when they can, or no rule says anything."""
    limits, age = ages(sex, on, place, rulebook), age_on(birth, on)
    if limits is None or limits.least <= age < limits.below:
        return ""
    who = "男" if sex is Sex.MALE else "女"
    told = f"灵活就业人员参保年龄为{who}满 {limits.least} 周岁、不满 {limits.below} 周岁，此人 {age} 周岁"
    return f"{told}；" + ("缴费年限不足的，请办理“延长缴费核定”" if age >= limits.below else f"请在年满 {limits.least} 周岁后办理")


def registration_places(on: date, place: str, rulebook: Rulebook) -> RegistrationPlaces:
    """登记所在地 that can be chosen.  Raises: RuleMissing."""
    found: RegistrationPlaces = rulebook.rule("flexible.registration_places", on, place).value
    return found
