"""为什么变: what changed dues of past months, for every page, paper and program that shows such a due.

A due was changed by an act (a correction, a back-enrolment, …) or by a 重新核定. Both answer in one form: from what to what, by which
act, and by which rules the present amount was computed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from shebao.base.money import yuan_shown
from shebao.base.months import Month, month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.levy.differences import Share
from shebao.levy.models import CauseKind
from shebao.levy.month_rules import as_rulebook
from shebao.levy.relief import SIZE_THEN
from shebao.policy.explain import Explained, Step
from shebao.policy.levy_explained import explain_month
from shebao.policy.rulebook import standard

RECALCULATED = "重新核定（参数变动）"
_SIDES = (("单位", "unit_fen"), ("个人", "person_fen"))


@dataclass(frozen=True, slots=True)
class Changed:
    """One change of one due. was: charged until then; due: by the register and rules of `at`. line_id, refund_due_id: what it became."""

    line_id: int | None
    refund_due_id: int | None
    unit_id: int
    person_id: int
    month: Month
    insurance: Insurance
    was: Share
    due: Share
    kind: str
    before: str
    after: str
    reason: str
    case_id: int | None
    recalculation_id: int | None
    at: datetime
    place: str
    rules: Sequence[Mapping[str, Any]]

    @property
    def label(self) -> str:
        """What was done."""
        return CauseKind(self.kind).label if self.kind else RECALCULATED

    @property
    def difference_fen(self) -> int:
        """Above zero: to be paid; below: due back. Both parts."""
        return self.due.total_fen - self.was.total_fen

    @property
    def sentence(self) -> str:
        """Why, in one sentence."""
        if not self.kind:
            return f"{self.label}：{self.reason}"
        moved = f"由“{self.before}”改为“{self.after}”" if self.after else ""
        return "；".join(part for part in (f"{self.label}：{moved}" if moved else self.label, self.reason) if part)


_CHANGED = """
select x.line_id, x.refund_due_id, x.unit_id, x.person_id, x.month, x.insurance, x.base_fen, x.unit_fen, x.person_fen,
       x.due_base_fen, x.due_unit_fen, x.due_person_fen, c.kind, coalesce(k.before, c.before), coalesce(k.after, c.after),
       coalesce(k.reason, c.reason), c.case_id, null::int, c.at, coalesce(s.place, ''), coalesce(s.rules, '[]')::text
from levy_duechange x join levy_cause c on c.id = x.cause_id
left join parties_correction k on k.id = c.correction_id left join levy_ruleset s on s.id = x.rules_id
where {where}
union all
select x.line_id, x.refund_due_id, x.unit_id, x.person_id, x.month, x.insurance, x.base_fen, x.unit_fen, x.person_fen,
       x.due_base_fen, x.due_unit_fen, x.due_person_fen, '', '', '', x.reason, null, x.recalculation_id, r.computed_at, r.place,
       coalesce((select m.rules from levy_monthrules m where m.recalculation_id = r.id and m.month = x.month), '[]')::text
from levy_recalculationline x join levy_recalculation r on r.id = x.recalculation_id
where x.state = 'charged' and {where}
order by 19, 5, 4, 6 limit %(limit)s
"""


def of_lines(line_ids: Sequence[int]) -> dict[int, list[Changed]]:
    """What made these 补缴 and 补差 (levy_line), the first change first: several acts may have charged into one."""
    found: dict[int, list[Changed]] = {}
    for one in _changed("x.line_id = any(%(ids)s)", {"ids": list(line_ids)}) if line_ids else ():
        found.setdefault(one.line_id or 0, []).append(one)
    return found


def of_refunds(refund_due_ids: Sequence[int]) -> dict[int, Changed]:
    """What made these 待退差额, each by one act."""
    found = _changed("x.refund_due_id = any(%(ids)s)", {"ids": list(refund_due_ids)}) if refund_due_ids else ()
    return {one.refund_due_id or 0: one for one in found}


def of_person(person_id: int, unit_ids: Sequence[int] | None = None, *, limit: int = 200) -> list[Changed]:
    """Every change of a person's past months within the actor's reach, the newest first; through some units when these are named."""
    where = "x.person_id = %(person)s and (%(units)s::int[] is null or x.unit_id = any(%(units)s))"
    return _changed(where, {"person": person_id, "units": None if unit_ids is None else list(unit_ids)}, limit=limit)[::-1]


def _changed(where: str, values: dict[str, Any], *, limit: int = 10_000) -> list[Changed]:
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED.format(where=where), values | {"limit": limit})
        rows = cursor.fetchall()
    return [Changed(*[*row[:5], Insurance(row[5]), Share(*row[6:9]), Share(*row[9:12]), *row[12:20], json.loads(row[20])]) for row in rows]


# --- 怎么算的 ---


@dataclass(frozen=True, slots=True)
class _Register:
    """What the register held of a person's month at an instant."""

    wage_fen: int
    mask: int
    injury_class: int
    size: str


def explain(changes: Sequence[Changed]) -> list[Explained]:
    """怎么算的 of changes: why, what had been charged, how it comes about by the rules kept, the difference. One query."""
    known = _registers(changes)
    return [_explained(one, register) for one, register in zip(changes, known, strict=True)]


def _explained(one: Changed, register: _Register | None) -> Explained:
    short = SHORT_LABELS[one.insurance]
    steps = [
        Step("why", "为什么", one.sentence, None),
        Step("was", "此前已核定", _parts(one.was), one.was.total_fen),
        *_computed(one, register),
        Step("due", "现应核定", _parts(one.due), one.due.total_fen),
    ]
    word = "应补" if one.difference_fen > 0 else "多缴待退"
    for side, field in _SIDES:
        less, more = getattr(one.was, field), getattr(one.due, field)
        if less != more:
            told = f"{yuan_shown(more)} − {yuan_shown(less)} = {yuan_shown(more - less)} 元"
            steps.append(Step(field.removesuffix("_fen"), f"{side}{'应补' if more > less else '多缴待退'}", told, abs(more - less)))
    steps.append(Step("difference", f"{short}{word}", _parts(one.due, one.was), abs(one.difference_fen)))
    inputs = [("费款所属期", month_shown(one.month)), ("险种", one.insurance.label), ("变动事项", one.label)]
    if one.recalculation_id:
        inputs.append(("重新核定", f"第 {one.recalculation_id} 号"))
    return Explained(f"{month_shown(one.month)}{short}{word}", tuple(inputs), tuple(steps))


def _parts(share: Share, less: Share | None = None) -> str:
    unit, person = share.unit_fen - (less.unit_fen if less else 0), share.person_fen - (less.person_fen if less else 0)
    return f"单位 {yuan_shown(unit)} + 个人 {yuan_shown(person)} = {yuan_shown(unit + person)} 元"


def _computed(one: Changed, register: _Register | None) -> list[Step]:
    """The steps of the present amount by the rules kept with it; only a sentence where the register of that instant gives another one."""
    key = one.insurance.key
    if one.due.total_fen == 0:
        return [Step("none", "计算", "变动后该月该险种没有应缴", None)]
    if register is None or not one.rules or not register.mask & one.insurance.flag:
        return []
    made = explain_month(
        register.wage_fen,
        one.insurance.flag,
        register.injury_class,
        one.month,
        one.place,
        as_rulebook(one.rules, standard()),
        register.size,
    )
    amounts = {step.key: step.amount_fen for step in made.steps}
    if (amounts.get(f"{key}.unit"), amounts.get(f"{key}.person")) != (one.due.unit_fen, one.due.person_fen):
        return []
    return [step for step in made.steps if not step.key.endswith("_total")]


def _registers(changes: Sequence[Changed]) -> list[_Register | None]:
    """What the register held when each change was made."""
    if not changes:
        return []
    day = "to_date(n.month::text, 'YYYYMM')"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select n.i, s.mask, w.wage_fen, coalesce(t.injury_class, 0), coalesce({SIZE_THEN.format(day=day, at="n.at")}, '')
            from unnest(%s::int[], %s::bigint[], %s::int[], %s::timestamptz[]) with ordinality as n (unit_id, person_id, month, at, i)
            join parties_unit u on u.id = n.unit_id
            join lateral (select bit_or(s.insurance_mask) as mask from enrolment_spell s
              where s.unit_id = n.unit_id and s.person_id = n.person_id and s.from_month <= n.month
                and (s.to_month is null or s.to_month > n.month)
                and s.known_from <= n.at and (s.known_to is null or s.known_to > n.at)) s on s.mask is not null
            join lateral (select w.wage_fen from enrolment_wage w
              where w.unit_id = n.unit_id and w.person_id = n.person_id and w.from_month <= n.month
                and (w.to_month is null or w.to_month > n.month)
                and w.known_from <= n.at and (w.known_to is null or w.known_to > n.at) limit 1) w on true
            left join lateral (select t.injury_class from parties_unitterms t
              where t.unit_id = n.unit_id and t.from_month <= n.month and (t.to_month is null or t.to_month > n.month)
                and t.known_from <= n.at and (t.known_to is null or t.known_to > n.at) limit 1) t on true
            """,
            [
                [one.unit_id for one in changes],
                [one.person_id for one in changes],
                [one.month for one in changes],
                [one.at for one in changes],
            ],
        )
        found = {row[0]: _Register(row[2], row[1], row[3], row[4]) for row in cursor.fetchall()}
    return [found.get(i) for i in range(1, len(changes) + 1)]
