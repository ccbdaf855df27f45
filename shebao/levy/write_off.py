"""当月欠费注销: a person's dues of the current 费款所属期 are owed no more, all types together, for good; the month does not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.base.months import Month, month_of, month_shown
from shebao.ledger.models import AccountKind
from shebao.ledger.operations import Booking, Side, book
from shebao.levy import paid, taking
from shebao.levy.models import Bill, BillKind, Estimate, TakenState
from shebao.levy.owing import owed_on
from shebao.levy.shares import Owed
from shebao.levy.taking import locked_bills
from shebao.papers.operations import revoke_of


class NothingToWriteOffError(ShebaoError):
    """The bill was paid, or somebody was faster."""

    code = "ARR-93"


@dataclass(frozen=True, slots=True)
class WriteOff:
    """A person whose current month shall be written off, by an approved filing."""

    person_id: int
    case_id: int


def bill_of_month(unit_id: int, month: Month) -> Bill | None:
    """The 核定单 a month's dues stand on."""
    return Bill.objects.filter(unit_id=unit_id, month=month, kind=BillKind.MONTHLY).first()


def why_not(bill: Bill | None, month: Month) -> str:
    """Why nothing of a month can be written off; empty when it can."""
    if bill is None:
        return f"{month_shown(month)}还没有核定，没有当月欠费可以注销；核定前请办理“暂停缴费”"
    if Estimate.objects.filter(unit_id=bill.unit_id, month=month, settled_at=None).exists():
        return f"{month_shown(month)}没有申报，核定单 {bill.number} 按上月缴费额核定；请先补办月度申报，再注销欠费"
    if bill.paid_fen:
        paid = yuan_shown(bill.paid_fen)
        return f"{month_shown(month)}核定单 {bill.number} 已到账 {paid} 元，已缴的费款不能注销；如缴错，请到经办机构窗口办理"
    return ""


def dues_of(bill: Bill, people: Sequence[int]) -> list[Owed]:
    """What would be written off: the month's own dues of these people that are still on its bill."""
    return [due for due in owed_on([bill.pk], list(people)) if due.month == bill.month]


def write_off(people: Sequence[WriteOff], *, unit_id: int, agency_id: int, place: str, on: date, at: datetime) -> int:
    """Write off the current month of these people: bill, lines and books go down by the same amounts. Returns fen.

    Raises: NothingToWriteOffError for everybody when one of them has nothing (left) to write off.
    """
    month = month_of(on)
    known = bill_of_month(unit_id, month)
    bills = locked_bills([known.pk] if known else [])
    bill = bills.get(known.pk) if known else None
    if reason := why_not(bill, month):
        raise NothingToWriteOffError(reason)
    assert bill is not None
    dues = dues_of(bill, [p.person_id for p in people])
    if {due.person_id for due in dues} != {p.person_id for p in people}:
        raise NothingToWriteOffError("有人员当月没有可以注销的欠费，或刚刚已经注销、转入补缴单；没有重复办理，请刷新后核对")
    case = {p.person_id: p.case_id for p in people}
    for case_id in sorted(set(case.values())):
        mine = [due for due in dues if case[due.person_id] == case_id]
        taking.take(
            mine,
            [0] * len(mine),
            bills=bills,
            state=TakenState.WRITTEN_OFF,
            order_id=None,
            case_id=case_id,
            unit_id=unit_id,
            agency_id=agency_id,
            on=on,
        )
    book([_booking(bill, [d for d in dues if d.person_id == p.person_id], p.person_id) for p in people], place=place, on=on, at=at)
    paid.touched([bill], place=place, on=on, at=at)
    revoke_of(unit_id, [bill.number], "有人员当月欠费已注销，应缴金额有变，请重新打印", at)
    record(
        [
            Trace("levy.written_off", f"{bill.number}", person_id=p.person_id, case_id=p.case_id, unit_id=unit_id, after={"month": month})
            for p in people
        ],
        at=at,
    )
    return sum(due.open_fen for due in dues)


def _booking(bill: Bill, dues: Sequence[Owed], person_id: int) -> Booking:
    by_fund: dict[int, int] = {}
    for due in dues:
        by_fund[due.insurance.value] = by_fund.get(due.insurance.value, 0) + due.open_fen
    sides = [
        side
        for fund, fen in sorted(by_fund.items())
        for side in (Side(fund, AccountKind.INCOME, fen), Side(fund, AccountKind.RECEIVABLE, -fen))
    ]
    return Booking(f"write-off:{bill.pk}:{person_id}", "当月欠费注销", f"bill:{bill.number}", tuple(sides))
