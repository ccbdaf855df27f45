"""为什么变 on pages, papers and in the API: what changed a past month's due, and 怎么算的 behind its amount."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shebao.access.acting import acting
from shebao.base.actor import Actor
from shebao.base.money import yuan, yuan_shown
from shebao.base.months import month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.casework.hands import hands_of
from shebao.levy import cause_queries
from shebao.levy.cause_queries import Changed
from shebao.levy.declared_queries import explain_estimate
from shebao.levy.models import Bill, Estimate, Line
from shebao.parties.models import Person
from shebao.policy.explain import Explained, Step
from shebao.policy.rulebook import standard
from shebao.surfaces.reasons import reason

Told = list[dict[str, Any]]


def told(changes: Sequence[Changed]) -> Told:
    """Changes as pages show them: amounts, why in a sentence, the case, and the explanation behind the amount."""
    numbers = {pk: hands.number for pk, hands in hands_of([c.case_id for c in changes if c.case_id]).items()}
    return [_told(one, made, numbers) for one, made in zip(changes, cause_queries.explain(changes), strict=True)]


def _told(one: Changed, made: Explained, numbers: Mapping[int, str]) -> dict[str, Any]:
    number = numbers.get(one.case_id or 0, "")
    if number:
        made = Explained(made.title, (*made.inputs, ("业务顺序号", number)), made.steps)
    unit_fen, person_fen = one.due.unit_fen - one.was.unit_fen, one.due.person_fen - one.was.person_fen
    return {
        "change": one,
        "unit_fen": unit_fen,
        "person_fen": person_fen,
        "total_fen": unit_fen + person_fen,
        "sentence": one.sentence,
        "number": number,
        "title": f"{month_shown(one.month)}{SHORT_LABELS[one.insurance]} {yuan_shown(abs(unit_fen + person_fen))} 元怎么算的",
        "why": reason(made.to_dict()),
        "explained": made,
    }


def behind_lines(lines: Iterable[Line]) -> dict[int, Told]:
    """By 补缴 or 补差 line, what made it."""
    found = cause_queries.of_lines([line.pk for line in lines])
    flat = told([one for changes in found.values() for one in changes])
    by_line: dict[int, Told] = {}
    for row in flat:
        by_line.setdefault(row["change"].line_id, []).append(row)
    return by_line


def behind_refunds(refund_due_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By 待退差额, what made it."""
    rows = told(list(cause_queries.of_refunds(refund_due_ids).values()))
    return {row["change"].refund_due_id: row for row in rows}


def of_person(person_id: int, unit_ids: Sequence[int] | None = None) -> Told:
    """What was changed of a person's past months, the newest first."""
    return told(cause_queries.of_person(person_id, unit_ids))


def of_oneself(engine: Actor, person_id: int) -> Told:
    """The same for the person: the changes are read as the person, the register behind their amounts by the engine, for these alone."""
    changes = cause_queries.of_person(person_id)
    with acting(engine):
        return told(changes)


def sentences(bill: Bill, limit: int = 12) -> list[str]:
    """Why the 补缴 and 补差 on a bill are owed, for its paper: each act once, with whom and which months; the rest counted."""
    lines = list(Line.objects.filter(bill=bill).order_by("person_id", "month", "insurance"))
    acts: dict[str, tuple[set[int], set[int], int]] = {}
    for changes in cause_queries.of_lines([line.pk for line in lines]).values():
        for one in changes:
            people, months, fen = acts.get(one.sentence, (set(), set(), 0))
            acts[one.sentence] = (people | {one.person_id}, months | {one.month}, fen + _up(one))
    names = dict(Person.objects.filter(pk__in={p for people, _, _ in acts.values() for p in people}).values_list("pk", "name"))
    made = []
    for sentence, (people, months, fen) in acts.items():
        whom = names[next(iter(people))] if len(people) == 1 else f"{len(people)} 人"
        span = month_shown(min(months)) if len(months) == 1 else f"{month_shown(min(months))}至{month_shown(max(months))}"
        made.append(f"{whom}，{span}，{yuan_shown(fen)} 元：{sentence}。")
    rest = len(made) - limit
    return made[:limit] + ([f"另有 {rest} 项变动，逐笔原因见网上办事大厅本单页面。"] if rest > 0 else [])


def _up(one: Changed) -> int:
    return max(one.due.unit_fen - one.was.unit_fen, 0) + max(one.due.person_fen - one.was.person_fen, 0)


def in_json(rows: Told) -> list[dict[str, Any]]:
    """For the API: amounts in yuan, why, and every step."""
    return [
        {
            "month": row["change"].month,
            "insurance": str(row["change"].insurance.value),
            "unit": yuan(row["unit_fen"]),
            "person": yuan(row["person_fen"]),
            "why": row["sentence"],
            "case": row["number"] or None,
            "recalculation": row["change"].recalculation_id,
            "at": row["change"].at.isoformat(),
            "explain": row["explained"].to_dict(),
        }
        for row in rows
    ]


# --- a month at 110 % that was declared late ---


def settled(bill: Bill) -> Told:
    """What became of the lines of a bill that was determined by last month: as it was determined, as it was declared, the difference."""
    estimates = Estimate.objects.filter(unit_id=bill.unit_id, month=bill.month, settled_at__isnull=False).select_related("declaration")
    found: Told = []
    for estimate in sorted(estimates, key=lambda e: Insurance(e.insurance).bit):
        made = explain_settled(estimate, bill.unit.place)
        found.append({"label": Insurance(estimate.insurance).label, "why": reason(made.to_dict()), "explained": made, "estimate": estimate})
    return found


def explain_settled(estimate: Estimate, place: str) -> Explained:
    """怎么算的 of one type: the determination, the late declaration, what is owed less or more, what became a credit."""
    short = SHORT_LABELS[Insurance(estimate.insurance)]
    unit_fen, person_fen = estimate.settled_unit_fen or 0, estimate.settled_person_fen or 0
    before, after = estimate.unit_fen + estimate.person_fen, unit_fen + person_fen
    steps = [step for made in explain_estimate(estimate, place, standard()) for step in made.steps]
    declared = estimate.declaration
    on = f"{declared.declared_at:%Y-%m-%d} 补办第 {declared.round} 次申报" if declared is not None else "已补办申报"
    steps.append(Step("settled", "为什么变", f"{on}，按实际应缴结算，替换按上月核定的金额", None))
    told_after = f"单位 {yuan_shown(unit_fen)} + 个人 {yuan_shown(person_fen)} = {yuan_shown(after)} 元"
    steps.append(Step("declared", "实际应缴", told_after, after))
    word = "应补" if after > before else "调减"
    steps.append(
        Step(
            "difference",
            f"{short}{word}",
            f"{yuan_shown(after)} − {yuan_shown(before)} = {yuan_shown(after - before)} 元",
            abs(after - before),
        )
    )
    if estimate.credit_fen:
        steps.append(Step("credit", "已缴多出，转抵扣以后的核定单", f"{yuan_shown(estimate.credit_fen)} 元", estimate.credit_fen))
    inputs = (("费款所属期", month_shown(estimate.month)), ("险种", Insurance(estimate.insurance).label), ("变动事项", "补办申报结算"))
    return Explained(f"{month_shown(estimate.month)}{short}补办申报结算", inputs, tuple(steps))
