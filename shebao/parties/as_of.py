"""The register as it was known at an instant, for a day. Today's rows are the answer for whatever never changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.base.clock import ZONE
from shebao.parties.facts import PERSON_FIELDS, UNIT_FIELDS, shown

# A value of field {field} of the {of} {id} as known at %(known)s for %(on)s; to be put into a query that has both as parameters.
VALUE_KNOWN = """(select f.value from parties_{of}fact f where f.{of}_id = {id} and f.field = '{field}'
    and f.known_from <= %(known)s and (f.known_to is null or f.known_to > %(known)s)
    and (f.true_from is null or f.true_from <= %(on)s) and (f.true_to is null or f.true_to > %(on)s))"""


@dataclass(frozen=True, slots=True)
class Known:
    """A person or a unit as the register held it: every field as text (dates ISO, yes and no as true and false)."""

    id: int
    number: str
    values: dict[str, str | None]

    def __getitem__(self, field: str) -> str:
        return self.values[field] or ""

    def shown(self, field: str) -> str:
        """A value as people read it."""
        return shown(field, self.values[field])


def person_as_of(ids: Sequence[int], known_at: datetime | None, on: date | None = None) -> dict[int, Known]:
    """People as the register knew them at an instant, for a day (that of the instant when none is named).

    known_at: None for what is held true now, whatever the clocks of processes say; `on` then means nothing.
    Who was not registered by then, or is not the actor's to see, is absent.
    """
    return _as_of(ids, known_at, on, "person", "r.registered_at <= %(known)s", tuple(PERSON_FIELDS))


def unit_as_of(ids: Sequence[int], known_at: datetime | None, on: date | None = None) -> dict[int, Known]:
    """Units as the register knew them at an instant (None: now), for a day. What was not registered by then is absent."""
    known = "exists (select 1 from parties_unitterms t where t.unit_id = r.id and t.known_from <= %(known)s)"
    return _as_of(ids, known_at, on, "unit", known, tuple(UNIT_FIELDS))


def _as_of(
    ids: Sequence[int], known_at: datetime | None, on: date | None, of: str, registered: str, fields: tuple[str, ...]
) -> dict[int, Known]:
    if known_at is None:  # the register row is the newest version
        with connection.cursor() as cursor:
            cursor.execute(f"select id, number, to_jsonb(r)::text from parties_{of} r where id = any(%s)", [list(ids)])
            rows = [(i, number, json.loads(row)) for i, number, row in cursor.fetchall()]
        return {i: Known(i, number, {name: _text(now[name]) for name in fields}) for i, number, now in rows}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select r.id, r.number, to_jsonb(r)::text,
                   (select jsonb_object_agg(f.field, f.value)::text from parties_{of}fact f where f.{of}_id = r.id
                    and f.known_from <= %(known)s and (f.known_to is null or f.known_to > %(known)s)
                    and (f.true_from is null or f.true_from <= %(on)s) and (f.true_to is null or f.true_to > %(on)s))
            from parties_{of} r where r.id = any(%(ids)s) and {registered}
            """,
            {"ids": list(ids), "known": known_at, "on": on or known_at.astimezone(ZONE).date()},
        )
        found = {}
        for i, number, row, facts in cursor.fetchall():
            now = json.loads(row)
            values = {name: _text(now[name]) for name in fields}
            found[i] = Known(i, number, values | (json.loads(facts) if facts else {}))
        return found


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else "true" if value is True else "false" if value is False else str(value)


@dataclass(frozen=True, slots=True)
class Version:
    """One line of a history: a value, its days, and between which instants the register held it so, by whom and in which case."""

    field: str
    label: str
    value: str
    true_from: date | None
    true_to: date | None
    known_from: datetime
    known_to: datetime | None
    correction: bool
    case_id: int | None
    account_name: str


def history_of_person(person_id: int, *, known_at: datetime | None = None) -> list[Version]:
    """What the register ever held of a person's fields that changed, newest knowledge first. known_at: only what was known by then."""
    return _history("person", PERSON_FIELDS, person_id, known_at)


def history_of_unit(unit_id: int, *, known_at: datetime | None = None) -> list[Version]:
    """What the register ever held of a unit's fields that changed, newest knowledge first."""
    return _history("unit", UNIT_FIELDS, unit_id, known_at)


def _history(of: str, labels: Mapping[str, str], party_id: int, known_at: datetime | None) -> list[Version]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select field, value, true_from, true_to, known_from, case when known_to <= coalesce(%s, known_to) then known_to end,
                   correction, case_id, account_name
            from (select *, min(known_from) over (partition by field) as first from parties_{of}fact where {of}_id = %s) f
            where known_from <= coalesce(%s, known_from)
              and not (known_from = first and account_name = '' and true_to is null and coalesce(known_to > %s, false))
            order by known_from desc, true_from desc nulls last, field
            """,
            [known_at, party_id, known_at, known_at],  # the first version is written down when it ends: before, nothing had changed
        )
        return [Version(field, labels[field], shown(field, value), *rest) for field, value, *rest in cursor.fetchall()]


def known_since() -> date | None:
    """The first day the register knows anything of the units within the actor's reach; None when it knows none."""
    with connection.cursor() as cursor:
        cursor.execute("select min(known_from) from parties_unitterms")
        (first,) = cursor.fetchone()
    return first.astimezone(ZONE).date() if first else None
