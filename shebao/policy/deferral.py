"""阶段性缓缴: whose unit part of which types in which months may be paid later, and until when. Dated; nothing holds outside its rule."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from shebao.base.months import Month, last_day
from shebao.base.terms import Insurance
from shebao.policy.rulebook import Rule, Rulebook
from shebao.policy.shapes import Deferral, DeferralScheme

RULE = "deferral.unit_part"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the rule of a day gives one group of units: rows by type, and the last day to pay."""

    rule: Rule
    schemes: tuple[DeferralScheme, ...]
    repay_by: date

    def scheme_for(self, insurance: Insurance) -> DeferralScheme | None:
        """The row that covers a type, if there is one."""
        return next((s for s in self.schemes if insurance.key in s.insurances), None)


def policy_in_force(rulebook: Rulebook, on: date, place: str) -> Rule | None:
    """The deferral rule that holds on a day, or None: then no unit may put off anything."""
    rule = rulebook.find(RULE, on, place)
    return rule if rule is not None and rule.value is not None else None


def scope_of(rulebook: Rulebook, group: str, on: date, place: str) -> Scope | None:
    """What a group of units may apply for on a day; None when no rule holds or it does not name the group."""
    rule = policy_in_force(rulebook, on, place)
    if rule is None:
        return None
    value: Deferral = rule.value
    rows = tuple(s for s in value.schemes if s.group == group)
    return Scope(rule, rows, last_day(value.repay_by_month)) if rows else None


@lru_cache(maxsize=8)
def groups(rulebook: Rulebook) -> tuple[tuple[str, str], ...]:
    """(group, who) of every deferral rule there ever was, once each, for choosing in a form."""
    found: dict[str, str] = {}
    for place in rulebook.places:
        for rule in rulebook.all(place):
            if rule.id == RULE and rule.value is not None:
                for scheme in rule.value.schemes:
                    found.setdefault(scheme.group, scheme.who)
    return tuple(found.items())


def months_of(scheme: DeferralScheme) -> tuple[Month | None, Month]:
    """First (None: not verified) and last month of a row."""
    return scheme.first_month, scheme.last_month
