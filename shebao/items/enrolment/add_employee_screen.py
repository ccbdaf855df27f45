"""增员 of many people at once: who certainly passes every check of the item. Whoever does not is checked by the checks themselves, which
find the sentences; so nothing is refused here, and tests/db/test_add_employee_screen.py holds that nobody passes whom they refuse."""

from collections.abc import Mapping, Sequence

from shebao.base.errors import Refusal
from shebao.base.months import month_of, shift, span
from shebao.base.terms import INSURANCES
from shebao.casework.fields import Value
from shebao.casework.item import Context, Filing
from shebao.enrolment.queries import NOBODY, Standing, standings
from shebao.items.enrolment.situation import Situation, after_cutoff, bounds, clamped
from shebao.parties.queries import find_terms, get_unit, insured_since
from shebao.policy.levy import month_rates
from shebao.policy.rulebook import standard

Birth = tuple[str, str]  # born after the first and not after the second day, YYYYMMDD


def screen(columns: Mapping[str, Sequence[Value]], context: Context) -> list[tuple[Refusal, ...] | None]:
    """See casework.item.Screen."""
    numbers = [str(number) for number in columns["id_number"]]
    unit, terms, month = get_unit(context.unit_id), find_terms(context.unit_id, month_of(context.on)), month_of(context.on)
    if terms is None or unit.closed_on is not None or "photo" in columns:  # no template asks for photos
        return [None] * len(numbers)
    known = standings(numbers)
    types = [str(i.value) for i in INSURANCES if terms.insurance_mask & i.flag]
    earliest = shift(month, 1 - int(standard().rule("enrolment.back_months_max", context.on, context.place).value))
    backdated = [m for m in columns["backdated_from"] if type(m) is int and m < month]
    if backdated:  # months that lie back may lack what a charge needs: those rows are checked by the checks
        earliest = _chargeable_from(unit.pk, min(backdated), terms.insurance_mask, context) or month
    men, women = _births(context)
    low, plain, high = _warnings(Situation(unit, terms, NOBODY), context)
    floor, cap = bounds(context.place, month)
    found: list[tuple[Refusal, ...] | None] = []
    rows = zip(numbers, columns["name"], columns["declared_wage"], columns["insurances"], columns["backdated_from"], strict=True)
    for number, name, wage, chosen, back in rows:
        first = month if back is None else back
        standing = known.get(number, NOBODY)
        sure = (
            chosen == types
            and type(first) is int
            and earliest <= first <= month
            and (standing is NOBODY or _may_return(standing, name, first))
            and (standing.covers or _born(number, men if number[16] in "13579" else women))
        )
        if not sure or type(wage) is not int:
            found.append(None)
        else:
            found.append(low if floor is not None and wage < floor else high if cap is not None and wage > cap else plain)
    return found


def _chargeable_from(unit_id: int, first: int, mask: int, context: Context) -> int | None:
    """The earliest month back to which every month can be charged, not before the online limit; None: none that lies back."""
    month = month_of(context.on)
    least = max(first, shift(month, 1 - int(standard().rule("enrolment.back_months_max", context.on, context.place).value)))
    since = insured_since(unit_id)
    for back in span(least, month):
        rates = month_rates(standard(), back, context.place)
        if since is None or back < since or any(mask & i.flag for i in rates.missing):
            least = shift(back, 1)
    return least if least < month else None


def _born(number: str, within: Birth) -> bool:
    return within[0] < number[6:14] <= within[1]


def _may_return(standing: Standing, name: Value, first: int) -> bool:
    """Known under the same name, and whatever cover there was ended before the first month."""
    return (not standing.name or standing.name == name) and all(c.to_month is not None and c.to_month <= first for c in standing.covers)


def _births(context: Context) -> tuple[Birth, Birth]:
    """The days of birth of men and of women who may be insured for the first time; of an age from the birthday itself on."""
    limits = standard().rule("enrolment.online_age", context.on, context.place).value
    day = f"{context.on:%m%d}"
    men = (f"{context.on.year - limits.male_age_below:04d}{day}", f"{context.on.year - limits.male_age_min:04d}{day}")
    women = (f"{context.on.year - limits.female_age_below:04d}{day}", f"{context.on.year - limits.female_age_min:04d}{day}")
    return men, women


def _warnings(anyone: Situation, context: Context) -> tuple[tuple[Refusal, ...], tuple[Refusal, ...], tuple[Refusal, ...]]:
    """What the item's warnings say of a wage below the floor, between, and above the cap."""
    floor, cap = bounds(context.place, month_of(context.on))
    late = after_cutoff(Filing({}), anyone, context)

    def told(wage_fen: int | None) -> tuple[Refusal, ...]:
        clamp = None if wage_fen is None else clamped(Filing({"declared_wage": wage_fen}), anyone, context)
        return tuple(refusal for refusal in (clamp, late) if refusal is not None)

    return told(None if floor is None else floor - 1), told(None), told(None if cap is None else cap + 1)
