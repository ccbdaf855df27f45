"""What a released 重新核定 makes owed: its lines become 补差 on the next bills or 待退差额. Apart, for settling to call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from shebao.base.months import Month
from shebao.levy.models import LineState, RecalculationLine

# Lines that take effect: upwards onto the unit's next bill, downwards as 待退差额; then they are charged, and each names what it became.
_CHARGE = """
with going as (
  select x.* from levy_recalculationline x join levy_recalculation r on r.id = x.recalculation_id and r.state = 'released'
  where x.state = %(from)s and {where} for update of x),
up as (
  insert into levy_line (person_id, unit_id, agency_id, month, insurance, origin, base_fen, unit_fen, person_fen, reason, recorded_at)
  select person_id, unit_id, agency_id, month, insurance, 'diff', greatest(due_base_fen - base_fen, 0),
         greatest(due_unit_fen - unit_fen, 0), greatest(due_person_fen - person_fen, 0), reason, %(at)s
  from going where due_unit_fen > unit_fen or due_person_fen > person_fen order by unit_id, person_id, month, insurance
  on conflict on constraint levy_line_once do update set base_fen = levy_line.base_fen + excluded.base_fen,
    unit_fen = levy_line.unit_fen + excluded.unit_fen, person_fen = levy_line.person_fen + excluded.person_fen,
    reason = case when levy_line.reason = '' then excluded.reason else left(levy_line.reason || '；' || excluded.reason, 200) end
  returning id, unit_id, person_id, month, insurance),
down as (
  insert into levy_refunddue (unit_id, person_id, agency_id, month, insurance, base_fen, unit_fen, person_fen, reason, recalculation_id,
                              recorded_at)
  select unit_id, person_id, agency_id, month, insurance, greatest(base_fen - due_base_fen, 0),
         greatest(unit_fen - due_unit_fen, 0), greatest(person_fen - due_person_fen, 0), reason, recalculation_id, %(at)s
  from going where due_unit_fen < unit_fen or due_person_fen < person_fen order by unit_id, person_id, month, insurance
  returning id, unit_id, person_id, month, insurance),
taken as (
  update levy_recalculationline x set state = 'charged', line_id = up.id, refund_due_id = down.id
  from going g left join up using (unit_id, person_id, month, insurance) left join down using (unit_id, person_id, month, insurance)
  where x.id = g.id returning 1)
select (select count(*) from taken), (select count(*) from up), (select count(*) from down)
"""


@dataclass(frozen=True, slots=True)
class Released:
    """How many lines took effect, and how many of them went up and down."""

    lines: int
    up: int
    down: int


def charge(where: str, values: Mapping[str, Any]) -> Released:
    """Let lines of released recalculations take effect. where: a condition on the line `x`, of our own making."""
    with connection.cursor() as cursor:
        cursor.execute(_CHARGE.format(where=where), dict(values))
        return Released(*cursor.fetchone())


def charge_held(unit_id: int, month: Month, *, at: datetime) -> int:
    """A month that stood at 110 % was declared and settled: what released recalculations held back for it takes effect now, each in its
    turn, for a later one goes on from what the earlier one makes of a due.

    Returns how many lines. Called by settling, inside its transaction.
    """
    lines = RecalculationLine.objects.filter(unit_id=unit_id, month=month, state=LineState.HELD)
    turns = sorted(set(lines.values_list("recalculation_id", flat=True)))
    where = "x.unit_id = %(unit)s and x.month = %(month)s and x.recalculation_id = %(turn)s"
    return sum(charge(where, {"unit": unit_id, "month": month, "turn": turn, "from": "held", "at": at}).lines for turn in turns)
