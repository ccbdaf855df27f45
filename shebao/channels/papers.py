"""From cases, bills and people to the data of official papers (shebao.papers knows no insurance), and issuing them under the seal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from django.conf import settings

from shebao.access.acting import acting
from shebao.access.slips import Printed
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.identifiers import mask_id_number, sex_of
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, month_shown, shift
from shebao.base.terms import ETHNICITIES, SHORT_LABELS, Insurance, Payer, StopReason, insurances_in
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState, Event, Filing, FilingState
from shebao.channels import due_changes
from shebao.enrolment.models import Spell
from shebao.levy.deferring import deferred_of
from shebao.levy.late_payments import fees_of_bill
from shebao.levy.models import MONTHLY_ORIGINS, Bill, BillKind, BillLine, Line, Origin, TakenState
from shebao.levy.queries import TakenSum, bill_lines, order_dues, orders_of_bill, taken_sums, written_off_people
from shebao.papers import codes, operations
from shebao.papers.contracts import (
    AdditionRoster,
    AdditionRow,
    ArrearsDetail,
    ArrearsDetailRow,
    ArrearsLine,
    AssessmentLine,
    PaperKind,
    PasswordSlip,
    ReductionRoster,
    ReductionRow,
    RosterHead,
    UnitAssessment,
)
from shebao.papers.models import Paper
from shebao.papers.seal import keys_of_day
from shebao.papers.typeset import typeset
from shebao.papers.verification import Fact, stored
from shebao.parties.models import Person, Unit
from shebao.parties.queries import find_terms, get_unit
from shebao.policy.levy import MonthRates, month_rates
from shebao.policy.rulebook import standard
from shebao.policy.shapes import percent

ROSTER_ROWS_MAX = 20_000
VALID_DAYS = 90
VALID_TEXT = f"本证明自打印之日起 {VALID_DAYS} 日内有效（有效期为示例，以经办机构规定为准）。"
SAME_WITHIN = timedelta(minutes=1)  # the same request twice (double click, reload) gives the same paper


class PaperTooLongError(ShebaoError):
    """More people than one paper holds."""

    code = "POR-01"
    status = 422


class NothingToPrintError(ShebaoError):
    """The case has no rows that a paper could show."""

    code = "POR-02"
    status = 422


def issued(
    kind: PaperKind,
    title: str,
    data: Mapping[str, object],
    facts: Sequence[Fact],
    *,
    unit: Unit,
    account_id: int,
    at: datetime,
    person_id: int | None = None,
    case_id: int | None = None,
    valid_until: date | None = None,
) -> Paper:
    """Issue a paper under the seal; the same paper asked for twice in a minute is issued once."""
    with acting(ENGINE):
        # The masked facts of two people may be the same; the paper of one is never given for the other.
        about = {"unit_id": unit.pk, "person_id": person_id, "case_id": case_id, "kind": kind.value, "title": title}
        recent = Paper.objects.filter(**about, facts=stored(facts), made_at__gte=at - SAME_WITHIN, revoked_at__isnull=True)
        twin = recent.first()
        if twin is not None:
            return twin
        return operations.issue(
            kind,
            title,
            data,
            facts,
            at=at,
            made_by=account_id,
            agency_id=unit.agency_id,
            keys=keys_of_day(settings.DATA / "seal", at=at),
            base_url=settings.BASE_URL,
            unit_id=unit.pk,
            person_id=person_id,
            case_id=case_id,
            valid_until=valid_until,
        )


# --- 密码条 ---


def slip_pdf(printed: Printed, *, at: datetime) -> bytes:
    """单位用户密码条. Goes into one answer and nowhere else."""
    data: PasswordSlip = {
        "agency": printed.agency_name,
        "unit_name": printed.unit_name,
        "unit_number": printed.unit_number,
        "holder": printed.holder,
        "username": printed.username,
        "password": printed.password,
        "certificate_serial": printed.serial,
        "download_password": printed.download_password,
        "printed_at": at,
    }
    return typeset("password_slip", data, apart=True).pdf


# --- 增员表, 减员表 ---


def roster_pdf(case: Case, *, account_id: int, at: datetime) -> bytes:
    """《企业参保人员增员表》 or 《企业参保人员减员表》 of a case: a draft until the case has ended, sealed once afterwards.

    Raises: NothingToPrintError, PaperTooLongError.
    """
    kind = PaperKind(item_of(case.item_code, case.item_version).printout)
    ended = case.state == CaseState.DONE
    if ended and (paper := Paper.objects.filter(case_id=case.pk, revoked_at__isnull=True).first()):
        return bytes(paper.content)
    unit = get_unit(case.unit_id)
    rows = _rows_of(case, ended)
    data = _roster(kind, case, unit, rows, ended)
    if ended:
        facts = (Fact("单位名称", unit.name), Fact("业务顺序号", case.number), Fact("人数", f"{len(rows)} 人"))
        return bytes(
            issued(kind, f"{kind.label} {case.number}", data, facts, unit=unit, account_id=account_id, at=at, case_id=case.pk).content
        )
    qr = codes.qr_svg(f"{settings.BASE_URL}/w/cases/{case.pk}")
    return typeset(kind.value, {**data, "printed_at": at, "draft": True, "qr": qr}).pdf


def _rows_of(case: Case, ended: bool) -> list[Filing]:
    rows = Filing.objects.filter(case=case, values__isnull=False).exclude(state=FilingState.WITHDRAWN).order_by("row")
    if ended:
        rows = rows.filter(state=FilingState.DONE)
    found = list(rows[: ROSTER_ROWS_MAX + 1])
    if not found:
        raise NothingToPrintError("这个办件没有可以打印的人员，请先填写完整并保存")
    if len(found) > ROSTER_ROWS_MAX:
        raise PaperTooLongError(f"一张表最多打印 {ROSTER_ROWS_MAX:,} 人，请分批办理后打印，或下载名册核对")
    return found


def _roster(kind: PaperKind, case: Case, unit: Unit, rows: list[Filing], ended: bool) -> AdditionRoster | ReductionRoster:
    month = month_of((case.submitted_at or case.created_at).astimezone(ZONE).date())
    head = _head(case, unit, month, ended)
    if kind is PaperKind.ADDITION_ROSTER:
        people = [_addition(row, month, unit.place) for row in rows]
        return {**head, "rows": people, "wage_total_fen": sum(person["wage_fen"] for person in people)}
    return {**head, "rows": _reductions(rows, unit, month)}


def _head(case: Case, unit: Unit, month: int, ended: bool) -> RosterHead:
    reviewed = Event.objects.filter(case=case, kind="reviewed").order_by("-id").first() if ended else None
    reviewer = None if reviewed is None else "系统自动审核" if case.automatic else reviewed.account_name
    return {
        "agency": unit.agency.name,
        "unit_number": unit.number,
        "unit_name": unit.name,
        "period_month": month,
        "serial": case.number,
        "filled_by": case.created_by_name,
        "filled_phone": unit.contact_phone or None,
        "opinion": "审核通过" if ended else None,
        "handled_by": reviewer,
        "reviewed_by": reviewer,
        "decided_date": case.ended_at.astimezone(ZONE).date() if ended and case.ended_at else None,
    }


def _addition(row: Filing, month: int, place: str) -> AdditionRow:
    values = row.values or {}
    first, wage_fen = values.get("backdated_from") or month, int(values.get("declared_wage") or 0)
    rates = month_rates(standard(), month, place)
    floor, cap = rates.floor_fen.get(Insurance.PENSION), rates.cap_fen.get(Insurance.PENSION)
    return {
        "id_number": row.id_number,
        "name": row.name,
        "sex": sex_of(row.id_number).label,
        "ethnicity": ETHNICITIES.get(str(values.get("ethnicity") or ""), ""),
        "first_month": first,
        "wage_fen": wage_fen,
        "base_fen": min(max(wage_fen, floor), cap) if floor is not None and cap is not None else None,
        "insurances": frozenset(int(code) for code in values.get("insurances") or ()),
        "note": "追溯补缴" if first < month else "",
    }


def _reductions(rows: list[Filing], unit: Unit, month: int) -> list[ReductionRow]:
    people = {p.id_number: p for p in Person.objects.filter(id_number__in=[row.id_number for row in rows])}
    spells = Spell.objects.filter(unit_id=unit.pk, person_id__in=[p.pk for p in people.values()], known_to__isnull=True).order_by(
        "from_month"
    )
    masks = {spell.person_id: spell.insurance_mask for spell in spells}
    return [_reduction(row, people.get(row.id_number), masks, month) for row in rows]


def _reduction(row: Filing, person: Person | None, masks: Mapping[int, int], month: int) -> ReductionRow:
    values = row.values or {}
    return {
        "id_number": row.id_number,
        "name": row.name,
        "sex": sex_of(row.id_number).label,
        "ethnicity": ETHNICITIES.get(person.ethnicity, "") if person else "",
        "reason": StopReason(str(values["reason"])).label,
        "last_month": month,
        "first_unpaid_month": shift(month, 1),
        "insurances": frozenset(i.value for i in insurances_in(masks.get(person.pk, 0) if person else 0)),
        "note": str(values.get("note") or ""),
    }


# --- 核定表 ---


def bill_pdf(bill: Bill, *, account_id: int, at: datetime) -> bytes:
    """《单位社会保险费核定表》 of a bill, sealed once and then the same file for good."""
    kind = PaperKind.UNIT_ASSESSMENT
    title = f"{kind.label} {bill.number}"
    paper = Paper.objects.filter(unit_id=bill.unit_id, kind=kind.value, title=title, revoked_at__isnull=True).first()
    if paper is not None:
        return bytes(paper.content)
    unit = get_unit(bill.unit_id)
    of = {BillKind.ARREARS: order_assessment_of, BillKind.LATE_FEE: fee_assessment_of}.get(BillKind(bill.kind), assessment_of)
    data = of(bill, unit)
    return bytes(issued(kind, title, data, _bill_facts(bill, unit), unit=unit, account_id=account_id, at=at).content)


def _bill_facts(bill: Bill, unit: Unit) -> tuple[Fact, ...]:
    return (
        Fact("单位名称", unit.name),
        Fact("补缴单号" if bill.kind == BillKind.ARREARS else "核定单号", bill.number),
        Fact("费款所属期", month_shown(bill.month)),
        Fact("应缴合计", f"{yuan_shown(bill.total_fen - bill.moved_fen - bill.written_off_fen)} 元"),
    )


def assessment_of(bill: Bill, unit: Unit) -> UnitAssessment:
    """The data of the 核定表: the month net of what was written off, and what went onto orders as a deduction."""
    terms = find_terms(unit.pk, bill.month)
    rates = month_rates(standard(), bill.month, unit.place)
    off = {(t.insurance, t.origin): t for t in taken_sums(bill) if t.state is TakenState.WRITTEN_OFF}
    lines = bill_lines(bill)
    normal = [line for line in lines if line.origin in MONTHLY_ORIGINS]
    back = [line for line in lines if line.origin not in MONTHLY_ORIGINS]
    injury_class = terms.injury_class if terms else 0
    written_off = written_off_people(bill) if off else 0
    data: UnitAssessment = {
        **_assessment_head(bill, unit),
        "people": bill.headcount - written_off,
        "lines": [_assessment_line(line, off.get((Insurance(line.insurance), line.origin)), rates, injury_class) for line in normal],
        "arrears": [_arrears_line(line, off.get((Insurance(line.insurance), line.origin)), bill) for line in back],
        "unit_fen": bill.unit_fen - sum(t.unit_fen for t in off.values()),
        "person_fen": bill.person_fen - sum(t.person_fen for t in off.values()),
        "total_fen": bill.total_fen - bill.written_off_fen,
        "notices": [
            *unverified(rates),
            *([f"已注销 {written_off} 人本月欠费 {yuan_shown(bill.written_off_fen)} 元，不在本表内。"] if off else []),
            *_standing_of(bill, lines),
            *(f"补缴、补差：{sentence}" for sentence in due_changes.sentences(bill)),
            "请于缴费截止日前到税务机关缴费；逾期按日加收滞纳金。",
        ],
    }
    if bill.moved_fen:
        data["deductions"] = [{"label": f"已转补缴单 {number}", "amount_fen": fen} for number, fen in orders_of_bill(bill)]
        data["payable_fen"] = data["total_fen"] - bill.moved_fen
    return data


def _standing_of(bill: Bill, lines: Sequence[BillLine]) -> list[str]:
    """Sentences about a bill that is not the plain one: undeclared, deferred."""
    told = []
    if any(line.origin == Origin.ESTIMATE for line in lines):
        told.append("本月未按规定申报，养老、失业、工伤保险费按上月缴费额的 110% 核定；补办申报后结算。")
    if (later := deferred_of(bill, bill.due_date)) is not None:
        told.append(f"其中单位应缴 {yuan_shown(later.amount_fen)} 元缓缴至 {later.due_date}，期间不计滞纳金。")
    return told


def order_assessment_of(order: Bill, unit: Unit) -> UnitAssessment:
    """The data of the 核定表 of a 欠费补缴单: no month of its own, arrears by type with their late fee."""
    dues = order_dues(order)
    fees = {line.insurance: line.unit_fen for line in bill_lines(order) if line.origin == Origin.LATE_FEE}
    rows: list[ArrearsLine] = []
    for line in bill_lines(order):
        if line.origin == Origin.LATE_FEE:
            continue
        months = [due.month for due in dues if due.insurance == line.insurance]
        fee_fen = fees.get(line.insurance, 0)
        rows.append(
            {
                "insurance": Insurance(line.insurance).label,
                "people": line.headcount,
                "first_month": min(months),
                "last_month": max(months),
                "unit_fen": line.unit_fen,
                "person_fen": line.person_fen,
                "late_fee_fen": fee_fen,
                "total_fen": line.unit_fen + line.person_fen + fee_fen,
            }
        )
    return {
        **_assessment_head(order, unit),
        "people": order.headcount,
        "lines": [],
        "arrears": rows,
        "unit_fen": order.unit_fen,
        "person_fen": order.person_fen,
        "late_fee_fen": order.late_fee_fen,
        "total_fen": order.total_fen,
        "notices": [ORDER_NOTICE, f"滞纳金由单位承担，自应缴日次日起按日加收，算至生成补缴单当日（{order.issued_on}）。"],
    }


def fee_assessment_of(bill: Bill, unit: Unit) -> UnitAssessment:
    """The data of the 核定表 of a 滞纳金核定单: by type the fee and the months whose late payment it comes from."""
    months: dict[int, list[int]] = {}
    for fee in fees_of_bill(bill):
        months.setdefault(fee.insurance, []).append(fee.month)
    rows: list[ArrearsLine] = [
        {
            "insurance": Insurance(line.insurance).label,
            "people": line.headcount,
            "first_month": min(months[line.insurance]),
            "last_month": max(months[line.insurance]),
            "unit_fen": 0,
            "person_fen": 0,
            "late_fee_fen": line.unit_fen,
            "total_fen": line.unit_fen,
        }
        for line in bill_lines(bill)
    ]
    notice = "逾期缴纳社会保险费，自应缴日次日起至缴费当日按日加收滞纳金，由单位承担；请凭本单号到税务渠道缴纳。"
    return {
        **_assessment_head(bill, unit),
        "people": bill.headcount,
        "lines": [],
        "arrears": rows,
        "unit_fen": 0,
        "person_fen": 0,
        "late_fee_fen": bill.late_fee_fen,
        "total_fen": bill.total_fen,
        "notices": [notice],
    }


ORDER_NOTICE = (
    "请携带《单位社会保险费核定表》和《社会保险费补缴明细表》及时到税务机关缴费，并凭税票到经办机构确认到账；"
    "税务机关开具税票前如需取消，请办理“欠费补缴回退”。"
)


def order_detail_pdf(order: Bill, *, account_id: int, at: datetime) -> bytes:
    """《社会保险费补缴明细表》 of a 欠费补缴单, sealed once and then the same file for good. Raises: PaperTooLongError."""
    kind = PaperKind.ARREARS_DETAIL
    title = f"{kind.label} {order.number}"
    paper = Paper.objects.filter(unit_id=order.unit_id, kind=kind.value, title=title, revoked_at__isnull=True).first()
    if paper is not None:
        return bytes(paper.content)
    unit = get_unit(order.unit_id)
    data = order_detail_of(order, unit)
    return bytes(issued(kind, title, data, _bill_facts(order, unit), unit=unit, account_id=account_id, at=at).content)


def order_detail_of(order: Bill, unit: Unit) -> ArrearsDetail:
    """The data of the 补缴明细表: one row a person, month and type. Raises: PaperTooLongError."""
    dues = order_dues(order)
    if len(dues) > ROSTER_ROWS_MAX:
        raise PaperTooLongError(f"一张表最多打印 {ROSTER_ROWS_MAX:,} 行，本单有 {len(dues):,} 行；请在补缴单页面导出明细")
    rows: list[ArrearsDetailRow] = [
        {
            "name": due.person.name,
            "id_number": due.person.id_number,
            "due_month": due.month,
            "insurance": Insurance(due.insurance).label,
            "base_fen": due.base_fen or None,
            "unit_fen": due.unit_fen,
            "person_fen": due.person_fen,
            "days": (order.issued_on - due.due_date).days,
            "late_fee_fen": due.late_fee_fen,
            "total_fen": due.taken_fen + due.late_fee_fen,
        }
        for due in dues
    ]
    return {
        "agency": unit.agency.name,
        "bill_number": order.number,
        "unit_number": unit.number,
        "unit_name": unit.name,
        "due_date": order.due_date,
        "people": order.headcount,
        "rows": rows,
        "unit_fen": order.unit_fen,
        "person_fen": order.person_fen,
        "late_fee_fen": order.late_fee_fen,
        "total_fen": order.total_fen,
        "assessed_by": "系统自动核定",
        "assessed_date": order.issued_on,
        "notices": [ORDER_NOTICE],
    }


def _assessment_head(bill: Bill, unit: Unit) -> UnitAssessment:
    """What the 核定表 of a month and of an order share; figures still to be filled in."""
    terms = find_terms(unit.pk, bill.month)
    return {
        "agency": unit.agency.name,
        "bill_number": bill.number,
        "unit_number": unit.number,
        "unit_name": unit.name,
        "uscc": unit.uscc or "",
        "facts": [
            {"label": "行业", "value": unit.industry or "未登记"},
            {"label": "工伤行业风险类别", "value": f"{terms.injury_class} 类" if terms else "未登记"},
        ],
        "period_month": bill.month,
        "due_date": bill.due_date,
        "people": 0,
        "lines": [],
        "arrears": [],
        "unit_fen": 0,
        "person_fen": 0,
        "late_fee_fen": 0,
        "total_fen": 0,
        "assessed_by": "系统自动核定",
        "reviewed_by": None,
        "assessed_date": bill.issued_on,
        "notices": [],
    }


def _assessment_line(line: BillLine, off: TakenSum | None, rates: MonthRates, injury_class: int) -> AssessmentLine:
    insurance = Insurance(line.insurance)
    estimated = line.origin == Origin.ESTIMATE
    parts = [] if estimated else [percent(ppm) for ppm in line_rates(insurance, rates, injury_class) if ppm]
    return {
        "insurance": f"{insurance.label}（按上月核定）" if estimated else insurance.label,
        "people": line.headcount - (off.people if off else 0),
        "base_fen": line.base_fen - (off.base_fen if off else 0),
        "rate": " + ".join(parts) or None,
        "unit_fen": line.unit_fen - (off.unit_fen if off else 0),
        "person_fen": line.person_fen - (off.person_fen if off else 0),
        "total_fen": line.unit_fen + line.person_fen - (off.fen if off else 0),
    }


def line_rates(insurance: Insurance, rates: MonthRates, injury_class: int) -> tuple[int | None, int | None]:
    """费率 of unit and person, ppm; None where the type has none (定额)."""
    if insurance is Insurance.INJURY:
        known = 1 <= injury_class <= rates.injury_class_max
        return (int(rates.injury_ppm[injury_class]) if known else None), None
    return rates.unit_ppm.get(insurance), rates.person_ppm.get(insurance)


def _arrears_line(line: BillLine, off: TakenSum | None, bill: Bill) -> ArrearsLine:
    months = list(Line.objects.filter(bill=bill, insurance=line.insurance).values_list("month", flat=True)) or [bill.month]
    return {
        "insurance": Insurance(line.insurance).label,
        "people": line.headcount - (off.people if off else 0),
        "first_month": min(months),
        "last_month": max(months),
        "unit_fen": line.unit_fen - (off.unit_fen if off else 0),
        "person_fen": line.person_fen - (off.person_fen if off else 0),
        "late_fee_fen": 0,
        "total_fen": line.unit_fen + line.person_fen - (off.fen if off else 0),
    }


def unverified(rates: MonthRates) -> list[str]:
    """Sentences about rules that must be compared with the official paper before real use."""
    rules = [rule for rule in rates.rules if rule.status.verify_before_production]
    return [f"“{rule.label}”：{rule.status.label}。" for rule in rules]


# --- small things that several papers share ---


def masked(name: str, id_number: str) -> tuple[str, str]:
    """A person as strangers may see it."""
    return name[:1] + "*" * (len(name) - 1), mask_id_number(id_number)


def short_labels(insurances: Iterable[Insurance]) -> list[str]:
    """Column heads of a paper."""
    return [SHORT_LABELS[insurance] for insurance in insurances]


def amount_of(amounts: Mapping[tuple[Insurance, Payer], int], insurance: Insurance, payer: Payer) -> int | None:
    """An amount of a person's month; None where the type has none for that payer."""
    return amounts.get((insurance, payer)) or None
