"""The register by the open API: the unit, its staff by pages, one employee; today or as the register held it on a day (`as_of`)."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.actor import Actor
from shebao.base.clock import now
from shebao.base.money import yuan
from shebao.base.months import Month
from shebao.base.terms import INSURANCES, Insurance, insurances_in
from shebao.channels import errors
from shebao.channels.as_of import AsOf, as_of, held
from shebao.channels.guards import unit_api
from shebao.channels.portal.staff import told_until
from shebao.channels.registered import UNIT_TOLD, terms_at, unit_at
from shebao.enrolment.models import Spell, Wage
from shebao.enrolment.roster import Cover, staff
from shebao.parties.as_of import Version, history_of_person, history_of_unit, person_as_of
from shebao.parties.facts import PERSON_FIELDS
from shebao.parties.models import Person
from shebao.surfaces.api import BadBodyError

PAGE = 100
MONTH_OR_NOTHING = re.compile(r"(?:[0-9]{4}(?:0[1-9]|1[0-2]))?\Z", re.ASCII)
ID = re.compile(r"[0-9]{1,18}\Z", re.ASCII)


def _json(body: dict[str, Any], asked: AsOf) -> JsonResponse:
    return JsonResponse({"as_of": asked.day.isoformat(), **body}, json_dumps_params={"ensure_ascii": False})


def _codes(mask: int) -> list[str]:
    return [str(insurance.value) for insurance in insurances_in(mask)]


def _version(version: Version) -> dict[str, Any]:
    def day(value: Any) -> str | None:
        return value.isoformat() if value else None

    return {
        "field": version.field,
        "value": version.value,
        "true_from": day(version.true_from),
        "true_to": day(version.true_to),
        "known_from": day(version.known_from),
        "known_to": day(version.known_to),
        "correction": version.correction,
    }


@unit_api
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """花名册 of a month, in the order of registration, a hundred at a time; narrowed as on the page."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked, given = as_of(request), request.GET
    month, after, insurance, cover = (given.get(name, "") for name in ("month", "after", "insurance", "cover"))
    if not MONTH_OR_NOTHING.match(month) or not ID.match(after or "0"):
        raise BadBodyError("month 应为 6 位年月，after 应为数字")
    if insurance not in {"", *(str(i.value) for i in INSURANCES)} or cover not in {"", *(c.value for c in Cover)}:
        raise BadBodyError("insurance 应为险种代码（如 110），cover 应为 running 或 stopped")
    rows = staff(
        actor.unit_id,
        Month(month) if month else asked.month,
        search=given.get("q", "").strip()[:40].replace("\x00", ""),
        after=int(after or "0"),
        limit=PAGE,
        mask=Insurance(int(insurance)).flag if insurance else 0,
        cover=Cover(cover) if cover else Cover.RUNNING,
        known_at=asked.known_at,
        on=asked.day,
    )
    told = [
        {
            "number": m.number,
            "id_number": m.id_number,
            "name": m.name,
            "insurances": m.insurance_mask,
            "insurance_codes": _codes(m.insurance_mask),
            "from_month": m.from_month,
            "to_month": m.to_month,
            "declared_wage": yuan(m.wage_fen) if m.wage_fen is not None else None,
        }
        for m in rows
    ]
    return _json({"staff": told, "next_after": rows[-1].person_id if len(rows) == PAGE else None}, asked)


@unit_api
@require_GET
def employee(request: HttpRequest, number: str) -> HttpResponse:
    """One employee by 个人编号: what is registered, spells, wages, every change. The look is on record."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked = as_of(request)
    person = Person.objects.filter(number=number).first()
    if person is None:
        return _nobody(request)
    spells = list(held(Spell.objects.filter(unit_id=actor.unit_id, person=person), asked).order_by("from_month"))
    wages = held(Wage.objects.filter(unit_id=actor.unit_id, person=person), asked).order_by("from_month")
    until = told_until(spells, asked)
    known = person_as_of([person.pk], until).get(person.pk)
    if known is None or not spells:
        return _nobody(request)
    record([Trace("person.looked", person.number, person_id=person.pk)], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    return _json(
        {
            "number": known.number,
            **{field: known.values[field] for field in PERSON_FIELDS if field != "photo"},
            "spells": [
                {
                    "insurance_codes": _codes(s.insurance_mask),
                    "from_month": s.from_month,
                    "to_month": s.to_month,
                    "stop_reason": s.stop_reason or None,
                }
                for s in spells
            ],
            "wages": [{"declared_wage": yuan(w.wage_fen), "from_month": w.from_month, "to_month": w.to_month} for w in wages],
            "history": [_version(v) for v in history_of_person(person.pk, known_at=until)],
        },
        asked,
    )


def _nobody(request: HttpRequest) -> HttpResponse:
    return errors.problem(request, 404, "INF-02", "没有找到这个人，或者当时没有在您所在的单位参保，请核对个人编号和日期")


@unit_api
@require_GET
def unit(request: HttpRequest) -> HttpResponse:
    """The unit itself: what is registered, its types and injury class, every change."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked = as_of(request)
    known = unit_at(actor.unit_id, asked)
    if known is None:
        return _nobody(request)
    terms = [told["terms"] for told in terms_at(actor.unit_id, asked)]
    return _json(
        {
            "number": known.number,
            "name": known["name"],
            "vip": known["vip"] == "true",
            **{field: known.values[field] for field in UNIT_TOLD},
            "terms": [
                {
                    "insurance_codes": _codes(t.insurance_mask),
                    "injury_class": t.injury_class,
                    "from_month": t.from_month,
                    "to_month": t.to_month,
                }
                for t in terms
            ],
            "history": [_version(v) for v in history_of_unit(actor.unit_id, known_at=asked.known_at)],
        },
        asked,
    )
