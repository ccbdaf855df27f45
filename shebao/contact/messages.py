"""消息 to units and people: told by the agency or by the system; a unit's are read by anybody of the unit."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from shebao.base.actor import current
from shebao.contact.models import Message

TITLE_MAX, TEXT_MAX = 60, 400
SIZE = 20


def tell(unit_ids: Sequence[int], title: str, text: str, *, at: datetime, case_id: int | None = None, url: str = "") -> None:
    """One message to each unit, in one statement. A unit that the actor may not see is left out.

    Args: url: where the message leads; with case_id alone the surfaces lead to the case.
    """
    if not unit_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into contact_message (unit_id, agency_id, title, text, case_id, url, at, read_name)
            select u.id, u.agency_id, %s, %s, %s, %s, %s, '' from parties_unit u where u.id = any(%s)
            """,
            [title[:TITLE_MAX], text[:TEXT_MAX], case_id, url[:80], at, sorted(set(unit_ids))],
        )


def tell_people(messages: Sequence[tuple[int, str, str]], *, at: datetime, url: str = "") -> None:
    """(person, title, text) each, in one statement. Their agency is the one of their latest 参保关系, else none is told."""
    if not messages:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into contact_message (person_id, agency_id, title, text, url, at, read_name)
            select n.person_id, s.agency_id, n.title, n.text, %s, %s, ''
            from unnest(%s::bigint[], %s::text[], %s::text[]) as n (person_id, title, text)
            cross join lateral (select agency_id from enrolment_spell where person_id = n.person_id
                                order by from_month desc, id desc limit 1) s
            """,
            [
                *(url[:80], at, [m[0] for m in messages]),
                *([m[1][:TITLE_MAX] for m in messages], [m[2][:TEXT_MAX] for m in messages]),
            ],
        )


def told_since(title: str, since: datetime, unit_ids: Sequence[int]) -> set[int]:
    """Which of some units were told under a title since an instant: what is told once a day goes by it."""
    found = Message.objects.filter(unit_id__in=list(unit_ids), title=title[:TITLE_MAX], at__gte=since)
    return {unit_id for unit_id in found.values_list("unit_id", flat=True) if unit_id is not None}


def unread(unit_id: int) -> int:
    """How many messages nobody of the unit has read. On every page of the portal: plain SQL over a small partial index."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from contact_message where unit_id = %s and read_at is null", [unit_id])
        return int(cursor.fetchone()[0])


def unread_of_person(person_id: int) -> int:
    """How many messages a person has not read."""
    return Message.objects.filter(person_id=person_id, read_at=None).count()


def messages_of(unit_id: int = 0, *, person_id: int = 0, before: int = 0, limit: int = SIZE) -> list[Message]:
    """Messages to a unit or to a person, newest first, from before one id on."""
    found = Message.objects.filter(person_id=person_id) if person_id else Message.objects.filter(unit_id=unit_id)
    return list((found.filter(pk__lt=before) if before else found).order_by("-id")[:limit])


def read(ids: Sequence[int], *, at: datetime) -> int:
    """Mark as read by the acting operator. Returns how many were new."""
    return Message.objects.filter(pk__in=ids, read_at=None).update(read_at=at, read_name=current().name[:50])


def read_all(*, at: datetime) -> int:
    """Mark all of the acting operator's unit, or of the acting person, as read. Returns how many were new."""
    actor = current()
    mine = Message.objects.filter(person_id=actor.person_id) if actor.person_id else Message.objects.filter(unit_id=actor.unit_id)
    return mine.filter(read_at=None).update(read_at=at, read_name=actor.name[:50])
