"""自主申报: which types a unit declares in a month, until when it pays, and what is determined when it does not declare."""

from datetime import date, datetime

from shebao.base.money import yuan_shown
from shebao.base.months import Month, first_day, last_day, month_shown
from shebao.base.terms import Insurance, mask_of
from shebao.policy.calendar import add_working_days
from shebao.policy.explain import Explained, Step, rounded
from shebao.policy.formulas import PPM
from shebao.policy.formulas.levy import undeclared
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import LateWindow

TYPES_RULE, RATIO_RULE, DAYS_RULE = "declaration.monthly_types", "declaration.undeclared_ratio", "declaration.payment_working_days"


def declared_mask(rulebook: Rulebook, month: Month, place: str) -> int:
    """The types that units of a place declare for a month, as a mask; 0 where (or when) the month is assessed by the register alone.

    The rule of the month's last day counts: 2022-02 was declared although the system opened in its middle. Raises: UnknownPlace.
    """
    rule = types_rule(rulebook, month, place)
    return mask_of([Insurance[key.upper()] for key in rule.value.insurances]) if rule else 0


def types_rule(rulebook: Rulebook, month: Month, place: str) -> Rule | None:
    """The rule behind declared_mask, if one holds."""
    rule = rulebook.find(TYPES_RULE, last_day(month), place)
    return rule if rule is not None and rule.value is not None else None


def late_window(rulebook: Rulebook, month: Month, on: date, place: str) -> LateWindow | None:
    """The window that is open on a day for declaring a month late without consequences (停机后补申报), or None."""
    rule = rulebook.find("declaration.late_window", on, place)
    if rule is None or rule.value is None:
        return None
    window: LateWindow = rule.value
    return window if window.first_month <= month <= window.last_month else None


def payment_due(rulebook: Rulebook, month: Month, on: date, place: str) -> date:
    """缴费截止日 counted from a declaration (or, when that comes later, from the bill): so many working days, or the end of the
    late window when that is later.  Raises: RuleMissing, CalendarMissing."""
    due = add_working_days(on, int(rulebook.rule(DAYS_RULE, on, place).value))
    window = late_window(rulebook, month, on, place)
    return max(due, datetime.fromisoformat(window.closes).date()) if window else due


def undeclared_ppm(rulebook: Rulebook, month: Month, place: str) -> int:
    """The share of last month's amount that is determined for an undeclared month, ppm. Raises: RuleMissing."""
    return int(rulebook.rule(RATIO_RULE, first_day(month), place).value)


def explain_undeclared(label: str, last_fen: int, last_month: Month, month: Month, place: str, rulebook: Rulebook) -> Explained:
    """How the amount of one type and payer of an undeclared month came about. Steps: 'last', 'undeclared'.  Raises: RuleMissing."""
    rule = rulebook.rule(RATIO_RULE, first_day(month), place)
    amount_fen = undeclared(last_fen, int(rule.value))
    told = f"{yuan_shown(last_fen)} 元 × {rule.shown().removeprefix('上月的 ')} {rounded(last_fen * int(rule.value), PPM, amount_fen)}"
    steps = (
        Step("last", "上月缴费额", f"{month_shown(last_month)}{label} {yuan_shown(last_fen)} 元", last_fen),
        Step("undeclared", "本月核定额", told, amount_fen, (rule,)),
    )
    inputs = (("参保地", f"{rulebook.place(place).label}（{place}）"), ("费款所属期", month_shown(month)), ("项目", label))
    return Explained("未申报，按上月缴费额核定", inputs, steps)
