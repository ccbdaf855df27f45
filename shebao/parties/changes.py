"""Changing what is registered of people and units. Many at a time; projection, facts and trace in the one transaction of the caller."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.parties.facts import PERSON_FIELDS, UNIT_FIELDS, Span, changed, corrected

_TICK = timedelta(microseconds=1)
Value = str | date | bool | None


class UnknownPartyError(ShebaoError):
    """A change for somebody the register does not hold."""

    code = "INF-90"
    status = 404

    def __init__(self) -> None:
        super().__init__("登记库里没有这个单位或人员，请刷新后核对")


class NotYetTrueError(ShebaoError):
    """A change that is to be true from a day that has not come: what is registered is what is true now."""

    code = "INF-91"
    status = 422

    def __init__(self) -> None:
        super().__init__("变更日期不能晚于今天，请在变更发生后办理")


class IdentityTakenError(ShebaoError):
    """The 公民身份号码 or 统一社会信用代码 belongs to another one in the register."""

    code = "INF-92"

    def __init__(self) -> None:
        super().__init__("这个号码已登记在另一人或另一单位名下，请核对号码；确属重复登记的，请到窗口办理")


@dataclass(frozen=True, slots=True)
class Change:
    """New values of one person or unit, by field. A change is true from `true_from` on; with `correction` (信息订正) what is registered
    for the day `true_from` was never true, and the new value takes its place for the same days."""

    id: int
    values: Mapping[str, Value]
    true_from: date
    case_id: int | None = None
    correction: bool = False


def change_people(changes: Sequence[Change], *, at: datetime) -> int:
    """个人信息变更 and 信息订正. `id` is the person's. Returns how many people's register rows or histories really changed.

    Raises: UnknownPartyError, NotYetTrueError, IdentityTakenError; ValueError for a field that is not one (our own mistake).
    """
    return _change(changes, PERSON_FIELDS, "person", "registered_at", at)


def change_units(changes: Sequence[Change], *, at: datetime) -> int:
    """单位信息变更 and 信息订正. `id` is the unit's. Returns how many units really changed. Raises: as change_people."""
    known = "coalesce((select min(t.known_from) from parties_unitterms t where t.unit_id = r.id), r.registered_on::timestamptz)"
    return _change(changes, UNIT_FIELDS, "unit", known, at)


@dataclass(slots=True)
class _Party:
    """A locked register row on its way: its values as text, since when it is known, the stored timelines of the fields at hand."""

    number: str
    values: dict[str, Any]
    known: datetime
    at: datetime
    spans: dict[str, list[Span]]
    new: dict[str, str | None]


def _change(changes: Sequence[Change], fields: Mapping[str, str], of: str, known: str, at: datetime) -> int:
    if not changes:
        return 0
    for change in changes:
        if unknown := set(change.values) - set(fields):
            raise ValueError(f"no such fact of a {of}: {sorted(unknown)}")
        if change.true_from > at.astimezone(ZONE).date():
            raise NotYetTrueError
    asked = [(change.id, field) for change in changes for field in change.values]
    if len(set(asked)) < len(asked):
        raise ValueError("one field of one party is changed twice in a call")
    with transaction.atomic():
        parties = _locked(sorted({i for i, _ in asked}), sorted({field for _, field in asked}), of, known, at)
        closing: list[tuple[int, datetime]] = []
        rows: list[tuple[Any, ...]] = []
        traces: list[Trace] = []
        for change in changes:
            party = parties[change.id]
            told = [fields[field] for field, value in change.values.items() if _one(party, change, field, value, closing, rows)]
            if told:
                traces.append(_trace(of, party.number, change, told))
        _write(of, closing, rows, {i: p.new for i, p in parties.items() if p.new})
        record(traces, at=at)
    return len(traces)


def _one(party: _Party, change: Change, field: str, value: Value, closing: list[tuple[int, datetime]], rows: list[tuple[Any, ...]]) -> bool:
    """Cut the timeline of one field anew: which rows close, which are new. Returns whether anything changes."""
    stored = party.spans.get(field)
    before = stored or [Span(party.values[field])]
    after = _after(before, change, _text(value))
    if after == before:
        return False
    kept = {span.id for span in after if span.id}
    closing += [(span.id, party.at) for span in before if span.id and span.id not in kept]
    if stored is None and party.known < party.at:
        rows.append(_row(change.id, field, before[0], party.known, party.at))
    rows += [_row(change.id, field, span, party.at, None) for span in after if not span.id]
    party.new[field] = after[-1].value
    return True


def _trace(of: str, number: str, change: Change, told: list[str]) -> Trace:
    """What is on record beside the facts themselves: which fields, not their values, which are the person's own."""
    more: dict[str, Any] = {"case_id": change.case_id, "after": {"fields": told, "true_from": change.true_from.isoformat()}}
    if of == "person":
        more["person_id"] = change.id
        return Trace("person.corrected", number, **more) if change.correction else Trace("person.changed", number, **more)
    more["unit_id"] = change.id
    return Trace("unit.corrected", number, **more) if change.correction else Trace("unit.changed", number, **more)


def _after(spans: list[Span], change: Change, value: str | None) -> list[Span]:
    name = current().name[:60]
    if change.correction:
        return corrected(spans, change.true_from, Span(value, correction=True, case_id=change.case_id, account_name=name))
    return changed(spans, Span(value, change.true_from, case_id=change.case_id, account_name=name))


def _text(value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else value


def _row(party_id: int, field: str, span: Span, known_from: datetime, known_to: datetime | None) -> tuple[Any, ...]:
    return (party_id, field, span.value, span.start, span.end, known_from, known_to, span.correction, span.case_id, span.account_name)


def _locked(ids: list[int], fields: list[str], of: str, known: str, at: datetime) -> dict[int, _Party]:
    """The register rows FOR UPDATE with the known timelines of the fields. Two changes of one person come one after the other, and what
    waited is known from after what it waited for, whatever the clocks say. Raises: UnknownPartyError."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select r.id, r.number, to_jsonb(r)::text, {known} from parties_{of} r where r.id = any(%s) order by r.id for update of r
            """,
            [ids],
        )
        found = {}
        for i, number, row, since in cursor.fetchall():
            values = {name: _text(value) for name, value in json.loads(row).items() if name in fields}
            found[i] = _Party(number, values, since, at, {}, {})
        if len(found) != len(ids):
            raise UnknownPartyError
        # Only now: a statement sees what was there when it began, and the one above may have waited.
        cursor.execute(f"select {of}_id, max(known_from) from parties_{of}fact where {of}_id = any(%s) group by 1", [ids])
        for i, last in cursor.fetchall():
            found[i].at = max(at, last + _TICK)
        cursor.execute(
            f"""
            select {of}_id, field, value, true_from, true_to, id, correction, case_id, account_name from parties_{of}fact
            where {of}_id = any(%s) and field = any(%s) and known_to is null order by true_from nulls first
            """,
            [ids, fields],
        )
        for party_id, field, *span in cursor.fetchall():
            found[party_id].spans.setdefault(field, []).append(Span(*span))
    return found


def _write(of: str, closing: list[tuple[int, datetime]], rows: list[tuple[Any, ...]], new: dict[int, dict[str, str | None]]) -> None:
    if not rows:
        return
    fields = sorted({field for values in new.values() for field in values})
    sets = ", ".join(f"{field} = n.{field}" for field in fields)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"update parties_{of}fact f set known_to = n.at"
                " from unnest(%s::bigint[], %s::timestamptz[]) as n (id, at) where f.id = n.id",
                [[i for i, _ in closing], [at for _, at in closing]],
            )
            columns = list(zip(*rows, strict=True))
            cursor.execute(
                f"""
                insert into parties_{of}fact
                  ({of}_id, field, value, true_from, true_to, known_from, known_to, correction, case_id, account_name)
                select * from unnest(%s::bigint[], %s::text[], %s::text[], %s::date[], %s::date[], %s::timestamptz[], %s::timestamptz[],
                                     %s::bool[], %s::bigint[], %s::text[])
                """,
                [list(column) for column in columns],
            )
            cursor.execute(
                f"""
                update parties_{of} r set {sets}
                from (select q.id as row_id, (jsonb_populate_record(q, v.changed::jsonb)).*
                      from unnest(%s::bigint[], %s::text[]) as v (id, changed) join parties_{of} q on q.id = v.id) n
                where r.id = n.row_id
                """,
                [list(new), [json.dumps(values) for values in new.values()]],
            )
    except IntegrityError as error:
        if getattr(error.__cause__, "sqlstate", "") == "23505":
            raise IdentityTakenError from error
        raise
