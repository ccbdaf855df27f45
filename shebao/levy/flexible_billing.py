"""核定 of a flexible worker (B5): 自主择档 for months of the 社保年度 → amounts with their explanation → 个人核定单, paid by its number.

A bill holds what its dues say, to the fen. A later 核定 of the same person replaces bills that nobody has been asked to pay yet.
Lock order: the person's open bills by id, the person, dues by month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of, month_shown, shift, span
from shebao.enrolment.tiers import FlexSpell, flexible_spells
from shebao.levy import flexible
from shebao.levy.flexible import PENSION, Covered, DueMovedError, NewDue
from shebao.levy.models import OPEN_STATES, Bill, BillKind, BillState, DueOrigin, DueState, FlexDue, PersonRequest
from shebao.levy.tax_standing import at_tax_office
from shebao.parties.models import Agency
from shebao.policy.explain import Explained
from shebao.policy.flexible import explain_tier
from shebao.policy.flexible_years import NO_LATER, last_payable_day, registration_places, why_not_payable, year_of_month
from shebao.policy.rulebook import Rulebook

MONTHS_MAX = 60  # of one 核定; more than any year and its late window have
NUMBER_PREFIX = "GR"


class AssessRefusedError(ShebaoError):
    """A 核定 that cannot be made. Every reason has its own code and sentence."""

    status = 422

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        if code == "FLX-11":
            self.status = 404


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. registered_at: 登记所在地 as chosen; None where nobody chooses it (the agency itself asks)."""

    person_id: int
    agency_id: int
    tier: int
    first: Month
    last: Month
    registered_at: str | None = None

    def fingerprint(self) -> str:
        """The same for the same request."""
        return f"{self.agency_id}:{self.tier}:{self.first}:{self.last}"


@dataclass(frozen=True, slots=True)
class DraftMonth:
    """One month of a 核定: what it costs, fen, why, and what becomes of the due that may be there."""

    due: NewDue
    explained: Explained | None  # None where the amount stands as it was assessed in an earlier year
    former: FlexDue | None

    @property
    def month(self) -> Month:
        return self.due.month

    @property
    def total_fen(self) -> int:
        return self.due.total_fen + self.due.interest_fen

    @property
    def changes(self) -> bool:
        """Whether a due is there already and is put to another tier."""
        return self.former is not None and (self.former.tier, self.former.total_fen) != (self.due.tier, self.due.total_fen)


@dataclass(frozen=True, slots=True)
class Draft:
    """核定信息: what would be on the bill. replaced: open bills it takes the place of."""

    wanted: Wanted
    unit_id: int
    months: tuple[DraftMonth, ...]
    replaced: tuple[Bill, ...]
    payable_until: date

    @property
    def total_fen(self) -> int:
        return sum(one.total_fen for one in self.months)

    @property
    def account_fen(self) -> int:
        return sum(one.due.account_fen for one in self.months)


def draft(wanted: Wanted, *, place: str, rulebook: Rulebook, at: datetime) -> Draft:
    """核定信息 without writing anything.  Raises: AssessRefusedError, TierUnknown, RuleMissing."""
    spells = flexible_spells(wanted.person_id)
    here = [spell for spell in spells if spell.agency_id == wanted.agency_id]
    if not here:
        raise AssessRefusedError("FLX-01", "您没有在这个经办机构的个人流动窗口参保，请选择参保的经办机构；还没有参保的，先办理灵活就业参保")
    if wanted.registered_at is not None:
        _right_place(wanted, at.astimezone(ZONE).date(), place, rulebook)
    if wanted.first > wanted.last or shift(wanted.first, MONTHS_MAX) <= wanted.last:
        raise AssessRefusedError("FLX-03", f"所属期起不能晚于所属期止，一次最多核定 {MONTHS_MAX} 个月，请核对")
    months = list(span(wanted.first, shift(wanted.last, 1)))
    known = {due.month: due for due in flexible.dues_of(wanted.person_id) if due.insurance == PENSION}
    if any(due.state == DueState.SENT for due in known.values()):
        raise AssessRefusedError("FLX-06", "您的养老保险费正在银行批扣，批扣期内不能通过其他方式缴纳；请等批扣结果出来再核定")
    for month in months:
        if (due := known.get(month)) is not None and due.state == DueState.PAID:
            paid = [m for m in months if m in known and known[m].state == DueState.PAID]
            raise AssessRefusedError("FLX-05", f"{_listed(paid)}已经缴费，请改选没有缴费的月份")
        if why := why_not_payable(month, at, place, rulebook):
            raise AssessRefusedError("FLX-04", why)
    replaced: dict[int, Bill] = {}
    found = [_month(month, known.get(month), wanted, spells, replaced, place, rulebook, at) for month in months]
    until = max(at.astimezone(ZONE).date(), min(last_payable_day(month, place, rulebook) for month in months))
    return Draft(wanted, here[-1].unit_id, tuple(found), tuple(replaced[pk] for pk in sorted(replaced)), until)


def _right_place(wanted: Wanted, on: date, place: str, rulebook: Rulebook) -> None:
    agency = Agency.objects.get(pk=wanted.agency_id)
    right = registration_places(on, place, rulebook).of(agency.district)
    if right is None:
        raise AssessRefusedError("FLX-02", f"{agency.name}所在区没有对应的登记所在地，请到该经办机构窗口核对")
    if right != wanted.registered_at:
        raise AssessRefusedError("FLX-02", f"登记所在地应为“{right}”：9 个中心城区选择“武汉市”，5 个新城区选择相应的新城区")


def _listed(months: Sequence[Month]) -> str:
    return "、".join(month_shown(month) for month in months[:6]) + (f"等 {len(months)} 个月" if len(months) > 6 else "")


def _month(
    month: Month,
    former: FlexDue | None,
    wanted: Wanted,
    spells: Sequence[FlexSpell],
    replaced: dict[int, Bill],
    place: str,
    rulebook: Rulebook,
    at: datetime,
) -> DraftMonth:
    cover = next((s for s in spells if s.from_month <= month and (s.to_month is None or month < s.to_month)), None)
    if former is not None:
        if former.agency_id != wanted.agency_id:
            raise AssessRefusedError("FLX-09", f"{month_shown(month)}的费款在另一个经办机构，请选择当时参保的经办机构另行核定")
        if former.state in (DueState.WRITTEN_OFF, DueState.LAPSED, DueState.REFUNDED):
            raise AssessRefusedError("FLX-10", f"{month_shown(month)}的费款{DueState(former.state).label}，不能再核定缴纳")
        if former.state == DueState.BILLED and former.bill is not None:
            if why := why_not_replaceable(former.bill):
                raise AssessRefusedError("FLX-07", f"{month_shown(month)}{why}")
            replaced[former.bill.pk] = former.bill
        if year_of_month(month, place, rulebook).last_month < month_of(at.astimezone(ZONE).date()):
            return _as_assessed(former)  # arrears of an earlier year are paid as they were assessed then
        cover_of_due = Covered(former.person_id, month, former.unit_id, former.agency_id, former.tier)
    elif cover is None:
        raise _not_insured(month, spells)
    elif cover.agency_id != wanted.agency_id:
        raise AssessRefusedError("FLX-09", f"{month_shown(month)}在{cover.unit_name}参保，请选择当时参保的经办机构另行核定")
    else:
        cover_of_due = Covered(wanted.person_id, month, cover.unit_id, cover.agency_id, None)
    due = flexible.new_due(cover_of_due, wanted.tier, place, rulebook)
    return DraftMonth(due, explain_tier(wanted.tier, month, place, rulebook), former)


def _as_assessed(due: FlexDue) -> DraftMonth:
    same = NewDue(
        due.person_id,
        due.month,
        due.unit_id,
        due.agency_id,
        due.tier,
        due.base_fen,
        due.total_fen,
        due.account_fen,
        due.interest_fen,
        DueOrigin(due.origin),
    )
    return DraftMonth(same, None, due)


def _not_insured(month: Month, spells: Sequence[FlexSpell]) -> AssessRefusedError:
    first, last = spells[0].from_month, spells[-1]
    if month < first:
        told = f"您从 {month_shown(first)}起参保；首次以灵活就业人员参保的，只能从参保当月开始缴纳，{month_shown(month)}不能补缴"
        return AssessRefusedError("FLX-08", told)
    if last.to_month is not None and month >= last.to_month:
        told = f"您从 {month_shown(last.to_month)}起已暂停缴费，{month_shown(month)}没有参保；需要继续缴费的，请先办理续保"
        return AssessRefusedError("FLX-09", told)
    return AssessRefusedError("FLX-09", f"{month_shown(month)}中断缴费，没有参保；{NO_LATER}，请分段选择所属期")


def why_not_replaceable(bill: Bill) -> str:
    """Why a person's open bill stays as it is when the same months are assessed again; empty when it can be replaced."""
    if bill.paid_fen:
        return f"已在核定单 {bill.number} 上，且已有缴费到账；请先缴清该单"
    if bill.lines.exclude(origin="normal").exists():
        return f"在经办机构出具的核定单 {bill.number} 上，请选择“核定流水号提取”缴费"
    if at_tax_office([bill.pk]):
        return f"已在核定单 {bill.number} 上并已传送税务部门，请按该单缴费；要改档请先撤回该单"
    return ""


def issue(
    wanted: Wanted, *, place: str, rulebook: Rulebook, on: date, at: datetime, key: UUID | None = None, case_id: int | None = None
) -> Bill:
    """核定: dues that are missing are owed, open ones put to the tier, and all of them go onto one new 个人核定单.

    key: the same key with the same request gives the same bill again.
    Raises: AssessRefusedError, DueMovedError, TierUnknown, RuleMissing.
    """
    locked = lock_open_bills(wanted.person_id)
    if key is not None and (known := _known_request(key, wanted)) is not None:
        return known
    made = draft(wanted, place=place, rulebook=rulebook, at=at)
    for bill in made.replaced:
        cancel(locked[bill.pk], reason="重新核定", place=place, on=on, at=at)
    months = [one.month for one in made.months]
    bill = open_bill(wanted.person_id, made.unit_id, wanted.agency_id, months, due_date=made.payable_until, on=on)
    flexible.create([one.due for one in made.months], place=place, key=f"flexdue:bill:{bill.pk}", text="灵活就业核定应缴", on=on, at=at)
    held = flexible.hold_dues(wanted.person_id, months)
    other = {one.month: one.due for one in made.months if _differs(held[one.month], one.due)}
    why = f"按核定单 {bill.number} 重新选档核定"
    flexible.retier(other, wanted.person_id, place=place, key=f"flexdue:retier:{bill.pk}", on=on, at=at, reason=why)
    fill_bill(bill, months)
    if key is not None:
        PersonRequest.objects.create(key=key, person_id=wanted.person_id, fingerprint=wanted.fingerprint(), bill=bill, at=at)
    after = {"months": months, "tier": wanted.tier, "total_fen": bill.person_fen}
    record(
        [Trace("levy.flexible_billed", bill.number, person_id=wanted.person_id, unit_id=bill.unit_id, case_id=case_id, after=after)], at=at
    )
    return bill


def _differs(due: FlexDue, wanted: NewDue) -> bool:
    return (due.tier, due.base_fen, due.total_fen) != (wanted.tier, wanted.base_fen, wanted.total_fen)


def _known_request(key: UUID, wanted: Wanted) -> Bill | None:
    known = PersonRequest.objects.select_related("bill").filter(key=key).first()
    if known is None:
        return None
    if known.person_id != wanted.person_id or known.fingerprint != wanted.fingerprint():
        raise AssessRefusedError("FLX-92", "这个提交编号已用于另一次核定，没有重复办理；请刷新页面后重新核定")
    return known.bill


def lock_open_bills(person_id: int) -> dict[int, Bill]:
    """The person's open bills and then the person, held. Raises: AssessRefusedError when another bill came in between."""
    mine = Bill.objects.filter(person_id=person_id, kind=BillKind.PERSON, state__in=OPEN_STATES)
    locked = {bill.pk: bill for bill in mine.select_for_update(of=("self",)).order_by("id")}
    flexible.hold_person(person_id)
    if set(mine.values_list("id", flat=True)) - set(locked):
        raise AssessRefusedError("FLX-91", "刚刚已有另一张核定单生成，没有重复核定；请刷新后核对")
    return locked


def open_bill(person_id: int, unit_id: int, agency_id: int, months: Sequence[Month], *, due_date: date, on: date) -> Bill:
    """An empty 个人核定单 with its number; fill_bill puts the dues on it."""
    with connection.cursor() as cursor:
        cursor.execute("select lpad(nextval('levy_bill_number')::text, 7, '0')")
        number = f"{NUMBER_PREFIX}{month_of(on)}-{cursor.fetchone()[0]}"
    return Bill.objects.create(
        kind=BillKind.PERSON,
        number=number,
        unit_id=unit_id,
        person_id=person_id,
        agency_id=agency_id,
        month=month_of(on),
        first_month=min(months),
        last_month=max(months),
        issued_on=on,
        due_date=due_date,
        headcount=1,
        unit_fen=0,
        person_fen=0,
    )


def fill_bill(bill: Bill, months: Sequence[Month]) -> None:
    """Put the person's open dues of these months on the bill: its lines and sums follow from them.  Raises: DueMovedError."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update levy_flexdue set state = 'billed', bill_id = %s"
            " where person_id = %s and insurance = %s and month = any(%s) and state = 'open'",
            [bill.pk, bill.person_id, PENSION, list(months)],
        )
        if cursor.rowcount != len(months):
            raise DueMovedError("有月份刚刚被缴费、核定或批扣，没有重复办理；请刷新后重新核定")
        cursor.execute(
            """
            insert into levy_billline (bill_id, insurance, origin, headcount, base_fen, unit_fen, person_fen, paid_fen)
            select bill_id, insurance, origin, 1, sum(base_fen), 0, sum(total_fen), 0 from levy_flexdue where bill_id = %s group by 1, 2, 3
            union all
            select bill_id, insurance, 'interest', 1, 0, 0, sum(interest_fen), 0 from levy_flexdue where bill_id = %s
            group by 1, 2 having sum(interest_fen) > 0
            """,
            [bill.pk, bill.pk],
        )
        cursor.execute(
            "update levy_bill set person_fen = (select sum(person_fen) from levy_billline where bill_id = %s) where id = %s"
            " returning person_fen",
            [bill.pk, bill.pk],
        )
        bill.person_fen = int(cursor.fetchone()[0])


def cancel(bill: Bill, *, reason: str, place: str, on: date, at: datetime) -> None:
    """作废 an open person bill nothing has come in for. The caller holds its lock; the tax office must not hold the bill (any more).

    What was assessed by the person is open again. What the agency had assessed on it (补缴, 延长) is owed no more.
    Raises: AssessRefusedError.
    """
    if bill.state != BillState.ISSUED or bill.paid_fen:
        raise AssessRefusedError("FLX-12", f"核定单 {bill.number} {BillState(bill.state).label}，不能作废；请刷新后核对")
    with connection.cursor() as cursor:
        cursor.execute("update levy_flexdue set state = 'open', bill_id = null where bill_id = %s and state = 'billed'", [bill.pk])
        cursor.execute("update levy_billline set moved_fen = person_fen where bill_id = %s", [bill.pk])
        cursor.execute(
            "update levy_bill set state = 'cancelled', moved_fen = person_fen where id = %s and state = 'issued' and paid_fen = 0",
            [bill.pk],
        )
    bill.state, bill.moved_fen = BillState.CANCELLED, bill.person_fen
    give_up_counter_dues(bill, place=place, on=on, at=at)
    record([Trace("levy.flexible_cancelled", bill.number, person_id=bill.person_id, unit_id=bill.unit_id, after={"reason": reason})], at=at)


def give_up_counter_dues(bill: Bill, *, place: str, on: date, at: datetime) -> None:
    """Dues that only were on this bill because the agency assessed them are written off again, out of the books too."""
    from shebao.levy.flexible_arrears import written_off  # it imports this module

    months = bill_months(bill)
    rows = FlexDue.objects.filter(person_id=bill.person_id or 0, insurance=PENSION, month__in=months, state=DueState.OPEN)
    counter = list(rows.exclude(origin=DueOrigin.NORMAL).order_by("month"))
    if counter:
        written_off(counter, key=f"flexdue:cancel:{bill.pk}", text="核定单作废，冲销应收", place=place, on=on, at=at)


def bill_months(bill: Bill) -> list[Month]:
    """The span a person bill is about."""
    return list(span(bill.first_month or bill.month, shift(bill.last_month or bill.month, 1)))


def find_own(number: str, person_id: int) -> Bill:
    """核定流水号提取: a person's bill by its number.  Raises: AssessRefusedError, the same for another's bill as for none."""
    bill = Bill.objects.filter(number=number.strip().upper(), person_id=person_id, kind=BillKind.PERSON).first()
    if bill is None:
        raise AssessRefusedError("FLX-11", "没有这个核定流水号，请核对经办机构出具的核定单；只能提取本人的核定单")
    return bill


def bills_of(person_id: int, limit: int = 60) -> list[Bill]:
    """A person's bills, newest first."""
    return list(Bill.objects.filter(person_id=person_id, kind=BillKind.PERSON).order_by("-id")[:limit])


def dues_on(bill: Bill) -> list[FlexDue]:
    """The months of a bill as they stand now, oldest first."""
    return list(FlexDue.objects.filter(bill_id=bill.pk).order_by("month"))


def explanations(dues: Sequence[FlexDue], place: str, rulebook: Rulebook) -> Mapping[Month, Explained]:
    """怎么算的 of dues that follow from their own month's tier; months whose rules say something else by now are left out."""
    found: dict[Month, Explained] = {}
    for due in dues:
        if due.origin != DueOrigin.BACK:
            explained = explain_tier(due.tier, due.month, place, rulebook)
            if explained.amount("total") == due.total_fen:
                found[due.month] = explained
    return found
