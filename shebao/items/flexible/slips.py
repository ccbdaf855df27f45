"""What the two items have in common by which the agency makes a 核定单 that is fetched by its number (核定流水号提取)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal, ShebaoError
from shebao.base.money import yuan_shown
from shebao.casework.item import Answer, Context, Filing, MoneyEffect, Table
from shebao.contact.messages import tell_people
from shebao.items.flexible import situation as shared
from shebao.items.flexible.situation import Situation
from shebao.levy.flexible_arrears import Slip, issue_slip, told

Draft = Callable[[Filing, int, Context], Slip]


@dataclass(frozen=True, slots=True)
class Drafted:
    """A person's situation with the slip as it would be made, or why it cannot be."""

    situation: Situation
    slip: Slip | None
    refusal: Refusal | None

    @property
    def standing(self):  # type: ignore[no-untyped-def]
        """For the checks that only look at who it is."""
        return self.situation.standing


def facts(filings: Sequence[Filing], context: Context, draft: Draft) -> list[Drafted]:
    """The drafts of all filings; nothing is written."""
    return [_draft(filing, found, context, draft) for filing, found in zip(filings, shared.situations(filings, context), strict=True)]


def _draft(filing: Filing, found: Situation, context: Context, draft: Draft) -> Drafted:
    complete = filing.number("first") and filing.number("last") and shared.percent_of(filing)
    if not found.standing.person_id or not complete or shared.known_here(filing, found, context):
        return Drafted(found, None, None)
    try:
        return Drafted(found, draft(filing, found.standing.person_id, context), None)
    except ShebaoError as error:
        return Drafted(found, None, Refusal(error.code, error.text, "first"))


def known(filing: Filing, drafted: Drafted, context: Context) -> Refusal | None:
    return shared.known_here(filing, drafted.situation, context)


def can_be_made(filing: Filing, drafted: Drafted, context: Context) -> Refusal | None:
    return drafted.refusal


def perform(filings: Sequence[Filing], context: Context, draft: Draft) -> None:
    for filing, found in zip(filings, shared.situations(filings, context), strict=True):
        person = found.standing.person_id or 0
        slip = draft(filing, person, context)
        bill = issue_slip(slip, place=context.place, case_id=filing.case_id, on=context.on, at=context.at)
        text = f"核定流水号 {bill.number}，共 {yuan_shown(bill.person_fen)} 元，请在 {bill.due_date.isoformat()} 前凭流水号缴费。"
        tell_people([(person, "经办机构已出具核定单", text)], at=context.at, url=f"/p/bills/{bill.number}")


def effect(drafted: Sequence[Drafted]) -> MoneyEffect:
    slips = [one.slip for one in drafted if one.slip is not None]
    rows = [row for slip in slips for row in told(slip)]
    total = sum(slip.total_fen for slip in slips)
    table = Table("核定单", ("费款所属期", "缴费基数（元）", "应缴（元）", "利息（元）"), tuple(rows), "", frozenset({1, 2, 3}))
    sentence = f"通过后出具核定单，合计 {yuan_shown(total)} 元，本人凭核定流水号缴费。"
    return MoneyEffect("核定单", sentences=(sentence,), tables=(table,)) if slips else MoneyEffect("核定单")


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = shared.situations([filing], context)[0]
    return shared.told(id_number, found, context, [r for r in (shared.known_here(filing, found, context),) if r])
