"""The audit of the books: every control account against what stands behind it, every rule, in one consistent look at the database."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import psycopg

from shebao.auditor.controls import CONTROLS
from shebao.auditor.model import Control, Figure, Finding, Part, Rule
from shebao.auditor.rules import RULES
from shebao.base.errors import ShebaoError

FOREVER = date(9999, 12, 31)
SHOWN_MAX = 50  # offenders told one by one; the rest is counted
CONNECT_SECONDS_MAX = 10
NOW_ONLY = "明细账没有历史余额，只能核对此刻；查过去的日子时不核对"

_BOOKED = """
select a.place, a.fund, sum(e.amount_fen)::bigint from ledger_account a join ledger_entry e on e.account_id = a.id
join ledger_posting p on p.id = e.posting_id where a.kind = %(kind)s and p.state = 'posted' group by 1, 2
"""

Cursor = psycopg.Cursor[tuple[Any, ...]]


class AuditImpossible(ShebaoError):
    """The database does not answer, or not to the auditor's account."""

    code = "BKS-20"


def audit(address: str, *, place: str = "", on: date | None = None) -> list[Finding]:
    """Every finding, in the order of the checks.

    Args:  address: of the database, for an account that reads everything (shebao_auditor).  place: one place only.
           on: the ledger as it stood at the end of that day; checks that know no past are skipped, visibly.
    Raises: AuditImpossible.
    """
    try:
        with psycopg.connect(address, connect_timeout=CONNECT_SECONDS_MAX) as link:
            link.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            link.read_only = True
            with link.cursor() as cursor:
                return examine(cursor, place=place, on=on)
    except psycopg.Error as error:
        raise AuditImpossible(f"稽核没有完成：数据库没有应答或拒绝了查询（{str(error).splitlines()[0]}）") from error


def examine(cursor: Cursor, *, place: str = "", on: date | None = None) -> list[Finding]:
    """As audit, on what the caller's transaction sees."""
    told = [_control(cursor, control, place, past=on is not None) for control in CONTROLS]
    return [*(_rule(cursor, rule, place, on) for rule in RULES), *told]


def _missing(cursor: Cursor, tables: Iterable[str]) -> list[str]:
    cursor.execute("select t from unnest(%s::text[]) t where to_regclass(t) is null", [list(tables)])
    return [name for (name,) in cursor.fetchall()]


def _control(cursor: Cursor, control: Control, place: str, *, past: bool) -> Finding:
    finding = Finding(control.name, control.sentence)
    if past:
        finding.state, finding.reason = "skipped", NOW_ONLY
        return finding
    sign = -1 if control.credit else 1
    cursor.execute(_BOOKED, {"kind": control.kind})
    ledger = {(where, fund): sign * fen for where, fund, fen in cursor.fetchall()}
    behind: dict[tuple[str, int], int] = {}
    asked = 0
    for part in control.parts:
        if _absent(cursor, part, finding):
            continue
        asked += 1
        cursor.execute(part.sql.encode())
        for where, fund, fen in cursor.fetchall():
            behind[where, fund] = behind.get((where, fund), 0) + (fen or 0)
    if not asked:
        finding.state, finding.reason = "skipped", "；".join(finding.skipped)
        return finding
    for where, fund in sorted(set(ledger) | set(behind)):
        should, found = behind.get((where, fund), 0), ledger.get((where, fund), 0)
        if (not place or where == place) and (should or found):
            finding.figures.append(Figure(where, f"基金 {fund}" if fund else "未归属", should, found))
    finding.examined = len(finding.figures)
    if any(figure.difference for figure in finding.figures):
        finding.state = "wrong"
    return finding


def _absent(cursor: Cursor, part: Part, finding: Finding) -> bool:
    missing = _missing(cursor, part.needs)
    if missing:
        finding.skipped.append(f"“{part.label}”没有核对：没有表 {'、'.join(missing)}")
    return bool(missing)


def _rule(cursor: Cursor, rule: Rule, place: str, on: date | None) -> Finding:
    finding = Finding(rule.name, rule.sentence, money=rule.money)
    if on is not None and not rule.of_day:
        finding.state, finding.reason = "skipped", NOW_ONLY
        return finding
    if missing := _missing(cursor, rule.needs):
        finding.state, finding.reason = "skipped", f"没有表 {'、'.join(missing)}"
        return finding
    values: dict[str, Any] = {"on": on or FOREVER}
    cursor.execute(rule.counted.encode(), values)
    row = cursor.fetchone()
    finding.examined = int(row[0]) if row else 0
    rows: list[tuple[Any, ...]] = []
    if rule.each:
        cursor.execute(rule.each.encode())
        for (value,) in cursor.fetchall():
            cursor.execute(rule.sql.encode(), values | {"each": value})
            rows += cursor.fetchall()
    else:
        cursor.execute(rule.sql.encode(), values)
        rows = cursor.fetchall()
    offenders = [
        Figure(str(where), str(what), int(should), int(found)) for where, what, should, found in rows if not place or where == place
    ]
    finding.figures, finding.more = offenders[:SHOWN_MAX], max(0, len(offenders) - SHOWN_MAX)
    if offenders:
        finding.state = "wrong"
    return finding
