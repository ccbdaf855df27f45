"""What the items about 欠费 need to know of people and of the unit: loaded for all filings at once, and how it is told in tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.casework.item import Context, Filing, Review, Table
from shebao.enrolment.queries import NOBODY, Standing, standings
from shebao.levy import orders
from shebao.levy.arrears_list import owed_of
from shebao.levy.models import BackPayment, BackPaymentState, TakenDue
from shebao.levy.shares import Owed
from shebao.parties.models import Person
from shebao.policy.rulebook import standard

ROWS_TOLD = 60  # lines of a table on a page; the whole list is on 单位欠费查询
WHO = "已取得社会保险网上办事资格的参保单位。"
LAW = "《武汉市社会保险网上办事业务指南（单位篇）》第五条"


@dataclass(frozen=True, slots=True)
class Debts:
    """A person with the overdue dues in the filing unit and their late fees; where a back payment stands already."""

    standing: Standing
    dues: tuple[Owed, ...] = ()
    fees: tuple[int, ...] = ()
    registered: bool = False
    order_number: str = ""


def debts(filings: Sequence[Filing], context: Context) -> list[Debts]:
    """Three queries and the dues of the overdue bills, for all filings."""
    known = standings([filing.text("id_number") for filing in filings])
    found = [known.get(filing.text("id_number"), NOBODY) for filing in filings]
    people = [standing.person_id for standing in found if standing.person_id]
    made = orders.draft(context.unit_id, people, on=context.on, place=context.place, rulebook=standard())
    by_person: dict[int, list[tuple[Owed, int]]] = {}
    for due, fee in zip(made.dues, made.fees, strict=True):
        by_person.setdefault(due.person_id, []).append((due, fee))
    live = BackPayment.objects.filter(unit_id=context.unit_id, person_id__in=people, state__in=("registered", "ordered"))
    waiting = {person: (state, number) for person, state, number in live.values_list("person_id", "state", "order__number")}
    told = []
    for standing in found:
        mine = by_person.get(standing.person_id or 0, [])
        state, number = waiting.get(standing.person_id or 0, ("", None))
        dues, fees = tuple(due for due, _ in mine), tuple(fee for _, fee in mine)
        told.append(Debts(standing, dues, fees, state == BackPaymentState.REGISTERED, number or ""))
    return told


def same_name(filing: Filing, facts: Debts, context: Context) -> Refusal | None:
    """The name of the register is meant."""
    if not facts.standing.name or not filing.text("name") or facts.standing.name == filing.text("name"):
        return None
    return Refusal("ENR-23", "姓名与参保登记的不一致，请核对身份号码和姓名", "name")


def known_here(facts: Debts, context: Context) -> bool:
    """Whether the person is or was insured through the filing unit."""
    return any(cover.unit_id == context.unit_id for cover in facts.standing.covers)


def advised_day_passed(filing: Filing, facts: object, context: Context) -> Refusal | None:
    """请于每月20日之前办理 (seed 004, 五、(三) 2): a warning, no refusal."""
    rule = standard().find("arrears.advised_before_day", context.on, context.place)
    if rule is None or rule.value is None or context.on.day <= int(rule.value):
        return None
    return Refusal("ARR-W1", f"请于每月 {rule.value} 日之前办理欠费补缴；当月 {rule.value} 日以后办理的，可能会影响其它相关业务的办理")


def automatic(context: Context) -> Review:
    """Reviewed by the system for every unit (seed 004: 其他业务也是系统自动审核)."""
    return Review.AUTOMATIC


FEE_NOTE = (
    "滞纳金由单位承担，自应缴日次日起按日加收，算至办理当日，逐笔四舍五入到分；生成补缴单时以当日为准。每笔的算法和依据见“单位欠费查询”。"
)


def by_month_and_type(dues: Sequence[Owed], fees: Sequence[int], context: Context) -> Table:
    """All months, all types: nothing is left out, nothing can be chosen (必须对所有参保险种欠费进行同步处理)."""
    sums: dict[tuple[int, Insurance], list[int]] = {}
    days: dict[tuple[int, Insurance], int] = {}
    for due, fee in zip(dues, fees, strict=True):
        row = sums.setdefault((due.month, due.insurance), [0, 0, 0])
        row[0] += due.open_unit_fen
        row[1] += due.open_person_fen
        row[2] += fee
        days[due.month, due.insurance] = max(days.get((due.month, due.insurance), 0), (context.on - due.due_date).days)
    rows = [
        (
            month_shown(month),
            SHORT_LABELS[insurance],
            *(yuan_shown(fen) for fen in parts[:2]),
            str(days[month, insurance]),
            yuan_shown(parts[2]),
            yuan_shown(sum(parts)),
        )
        for (month, insurance), parts in sorted(sums.items(), key=lambda one: (one[0][0], one[0][1].bit))
    ]
    total = [sum(parts[i] for parts in sums.values()) for i in range(3)]
    rows.append(("合计", "", yuan_shown(total[0]), yuan_shown(total[1]), "", yuan_shown(total[2]), yuan_shown(sum(total))))
    columns = ("费款所属期", "险种", "单位（元）", "个人（元）", "滞纳天数", "滞纳金（元）", "合计（元）")
    return Table("按月份和险种", columns, tuple(rows), FEE_NOTE, frozenset(range(2, 7)))


def by_person(dues: Sequence[Owed], fees: Sequence[int]) -> Table:
    """Who is on it, with how much."""
    names = Person.objects.in_bulk({due.person_id for due in dues})
    sums: dict[int, list[int]] = {}
    months: dict[int, set[int]] = {}
    for due, fee in zip(dues, fees, strict=True):
        row = sums.setdefault(due.person_id, [0, 0, 0])
        row[0] += due.open_unit_fen
        row[1] += due.open_person_fen
        row[2] += fee
        months.setdefault(due.person_id, set()).add(due.month)
    rows = [
        (
            names[person].name,
            mask_id_number(names[person].id_number),
            "、".join(str(month) for month in sorted(months[person])),
            *(yuan_shown(fen) for fen in (*parts, sum(parts))),
        )
        for person, parts in sorted(sums.items())
    ]
    note = f"只列出前 {ROWS_TOLD} 人，共 {len(rows)} 人；全部名单见补缴明细表。" if len(rows) > ROWS_TOLD else ""
    columns = ("姓名", "公民身份号码", "费款所属期", "单位（元）", "个人（元）", "滞纳金（元）", "合计（元）")
    return Table(f"补缴人员（{len(rows)} 人）", columns, tuple(rows[:ROWS_TOLD]), note, frozenset(range(3, 7)))


def taken_as_owed(taken: Sequence[TakenDue]) -> tuple[list[Owed], list[int]]:
    """Dues on an order and their late fees, for the same tables."""
    return [owed_of(due) for due in taken], [due.late_fee_fen for due in taken]
