"""特殊人群认定: a dated finding about a person with its evidence; ended or put right by a new fact beside the old."""

from datetime import date, datetime

from django.db import IntegrityError, transaction

from shebao.base.errors import ShebaoError
from shebao.parties.models import SpecialGroup, SpecialKind


class SpecialOverlapError(ShebaoError):
    """The same finding holds already on some of the days."""

    code = "COR-90"


class NoSpecialError(ShebaoError):
    """There is no such finding that could be ended."""

    code = "COR-91"


def recognise(
    person_id: int,
    kind: SpecialKind,
    from_date: date,
    evidence: str,
    *,
    unit_id: int,
    agency_id: int,
    to_date: date | None,
    case_id: int | None,
    at: datetime,
) -> SpecialGroup:
    """认定 from a day on. Raises: SpecialOverlapError."""
    try:
        with transaction.atomic():
            return SpecialGroup.objects.create(
                person_id=person_id,
                unit_id=unit_id,
                agency_id=agency_id,
                kind=kind,
                from_date=from_date,
                to_date=to_date,
                evidence=evidence[:200],
                known_from=at,
                case_id=case_id,
            )
    except IntegrityError as error:
        raise SpecialOverlapError("此人在这段时间已有同类特殊人群认定，请先核对已有的认定") from error


def end_special(person_id: int, kind: SpecialKind, end: date, *, case_id: int | None, at: datetime) -> SpecialGroup:
    """The running finding ends: `end` is the first day without it. Raises: NoSpecialError."""
    running = SpecialGroup.objects.select_for_update().filter(person_id=person_id, kind=kind, known_to=None, to_date=None).first()
    if running is None or running.from_date >= end:
        raise NoSpecialError("此人没有可以终止的这类认定，或终止日期早于认定日期；请核对")
    SpecialGroup.objects.filter(pk=running.pk).update(known_to=at)
    return SpecialGroup.objects.create(
        person_id=person_id,
        unit_id=running.unit_id,
        agency_id=running.agency_id,
        kind=kind,
        from_date=running.from_date,
        to_date=end,
        evidence=running.evidence,
        known_from=at,
        case_id=case_id,
    )
