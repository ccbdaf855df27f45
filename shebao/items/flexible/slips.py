"""What the items have in common by which the agency makes a 核定单 that is fetched by its number (核定流水号提取).

Such an item says how its slip is drafted; `slip_item` makes the rest of it from that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from shebao.base.errors import Refusal, ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month
from shebao.casework import fields
from shebao.casework.fields import Field
from shebao.casework.item import Answer, Audience, Check, Context, Filing, MoneyEffect, ServiceItem, Table
from shebao.contact.messages import tell_people
from shebao.enrolment.queries import Standing
from shebao.enrolment.tiers import FlexSpell
from shebao.items.enrolment.stop_employee import same_name
from shebao.items.flexible import situation as shared
from shebao.items.flexible.situation import Situation, known_here
from shebao.levy.counting import Counted, counted_months
from shebao.levy.flexible_arrears import Slip, issue_slip, told

Draft = Callable[[Filing, int, Context], Slip]
REFUSED = {"ENR-23": "姓名与参保登记的不一致", "FLX-40": "不是在个人流动窗口办理", "FLX-25": "没有在本经办机构的窗口参保过"}


@dataclass(frozen=True, slots=True)
class Drafted:
    """A person's situation with the months that count, and the slip as it would be made, or why it cannot be."""

    situation: Situation
    counted: Counted | None
    slip: Slip | None
    refusal: Refusal | None

    @property
    def standing(self) -> Standing:
        """For the checks that only look at who it is."""
        return self.situation.standing

    @property
    def spells(self) -> tuple[FlexSpell, ...]:
        """For the check of where they were insured."""
        return self.situation.spells


def slip_item(draft: Draft, *, fields_: Sequence[Field], checks: Sequence[Check] = (), **declared: Any) -> ServiceItem:
    """An item of the counter that drafts, shows and issues a slip. fields_ and checks: those of its own, beside who it is."""
    common: dict[str, Any] = {
        "audience": frozenset({Audience.COUNTER}),
        "group": shared.GROUP,
        "fields": (fields.id_number("id_number"), fields.name("name", "姓名"), *fields_),
        "facts": partial(_facts, draft),
        "checks": (known_here, same_name, *checks, can_be_made),
        "review": shared.at_counter,
        "perform": partial(_perform, draft),
        "effect": partial(_effect, draft),
        "batch_rows_max": 0,
        "printout": "",
        "available": shared.only_window,
        "look_up": look_up,
        "warns": (),
    }
    return ServiceItem(**(common | declared))


def span_of(filing: Filing) -> tuple[Month, Month, int]:
    """First and last month and the tier as typed; 0 where nothing was."""
    return filing.number("first") or 0, filing.number("last") or 0, shared.percent_of(filing)


def _facts(draft: Draft, filings: Sequence[Filing], context: Context) -> list[Drafted]:
    """The drafts of all filings; nothing is written."""
    return [_draft(filing, found, context, draft) for filing, found in zip(filings, shared.situations(filings, context), strict=True)]


def _draft(filing: Filing, found: Situation, context: Context, draft: Draft) -> Drafted:
    person = found.standing.person_id
    counted = counted_months(person) if person else None
    if not person or not all(span_of(filing)) or known_here(filing, found, context):
        return Drafted(found, counted, None, None)
    try:
        return Drafted(found, counted, draft(filing, person, context), None)
    except ShebaoError as error:
        return Drafted(found, counted, None, Refusal(error.code, error.text, "first"))


def can_be_made(filing: Filing, drafted: Drafted, context: Context) -> Refusal | None:
    return drafted.refusal


def _perform(draft: Draft, filings: Sequence[Filing], context: Context) -> None:
    for filing, found in zip(filings, shared.situations(filings, context), strict=True):
        person = found.standing.person_id or 0
        slip = draft(filing, person, context)
        bill = issue_slip(slip, place=context.place, case_id=filing.case_id, on=context.on, at=context.at)
        text = f"核定流水号 {bill.number}，共 {yuan_shown(bill.person_fen)} 元，请在 {bill.due_date.isoformat()} 前凭流水号缴费。"
        tell_people([(person, "经办机构已出具核定单", text)], at=context.at, url=f"/p/bills/{bill.number}")


def _effect(draft: Draft, filings: Sequence[Filing], context: Context) -> MoneyEffect:
    slips = [one.slip for one in _facts(draft, filings, context) if one.slip is not None]
    rows = [row for slip in slips for row in told(slip)]
    total = sum(slip.total_fen for slip in slips)
    table = Table("核定单", ("费款所属期", "缴费基数（元）", "应缴（元）", "利息（元）"), tuple(rows), "", frozenset({1, 2, 3}))
    sentence = f"通过后出具核定单，合计 {yuan_shown(total)} 元，本人凭核定流水号缴费。"
    return MoneyEffect("核定单", sentences=(sentence,), tables=(table,)) if slips else MoneyEffect("核定单")


def look_up(id_number: str, context: Context) -> Answer:
    """Who it is and how they stand."""
    filing = Filing({"id_number": id_number})
    found = shared.situations([filing], context)[0]
    return shared.told(id_number, found, context, [r for r in (known_here(filing, found, context),) if r])
