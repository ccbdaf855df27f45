"""参保证明 of a unit and of its people: data from the register, the assessments and the bills; issued under the seal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from shebao.base.months import Month, iso, month_of, shift, span
from shebao.base.terms import INSURANCES, Insurance, Payer, insurances_in
from shebao.channels.papers import VALID_DAYS, VALID_TEXT, amount_of, issued, masked, short_labels
from shebao.enrolment.models import Spell
from shebao.levy import standing
from shebao.levy.bulk import AMOUNT_COLUMNS
from shebao.levy.queries import PersonDue, people_months
from shebao.levy.standing import BilledMonth, Standing, unit_months
from shebao.papers import operations
from shebao.papers.contracts import (
    CertificateMonth,
    CertificatePerson,
    InsuranceCertificate,
    InsuranceStanding,
    MonthCell,
    PaperKind,
    UnitCertificate,
    UnitMonth,
    UnitStanding,
)
from shebao.papers.models import Paper
from shebao.papers.seal import keys_of_day
from shebao.papers.verification import Fact
from shebao.parties.models import Person, Unit, UnitTerms

NOTHING: MonthCell = {"base_fen": None, "unit_fen": None, "person_fen": None, "mark": ""}
SHOWN = tuple(i for i in INSURANCES if any(key[0] is i for key in AMOUNT_COLUMNS))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a certificate shall cover."""

    first_month: Month
    last_month: Month
    purpose: str


@dataclass(frozen=True, slots=True)
class PersonData:
    """What is printed for a person, and what 凭证验真 shows to anyone."""

    data: InsuranceCertificate
    facts: tuple[Fact, ...]


def for_unit(unit: Unit, people: Sequence[Person], asked: Asked, *, account_id: int, at: datetime) -> Paper:
    """社会保险参保证明（单位）, with the named people on it."""
    kind, states = PaperKind.UNIT_CERTIFICATE, unit_months(unit.pk, at.date())
    counts = _people_by_type(unit.pk, asked)
    terms = list(UnitTerms.objects.filter(unit=unit, known_to__isnull=True).order_by("from_month"))
    insurances = [i for i in SHOWN if any(t.insurance_mask & i.flag for t in terms)]
    data: UnitCertificate = {
        "agency": unit.agency.name,
        "unit_name": unit.name,
        "unit_number": unit.number,
        "uscc": unit.uscc or "",
        "standings": [_unit_standing(i, terms, counts.get(asked.last_month, {})) for i in insurances],
        "first_month": asked.first_month,
        "last_month": asked.last_month,
        "columns": short_labels(insurances),
        "months": [_unit_month(m, insurances, counts.get(m, {}), states.get(m)) for m in _months(asked)],
        "persons": _named(unit, people),
        "purpose": asked.purpose or None,
        "valid_text": VALID_TEXT,
    }
    facts = (
        Fact("单位名称", unit.name),
        Fact("单位编号", unit.number),
        Fact("证明期间", f"{iso(asked.first_month)} 至 {iso(asked.last_month)}"),
        Fact("所列人员", f"{len(people)} 人"),
    )
    until = at.date() + timedelta(days=VALID_DAYS)
    return issued(kind, kind.label, data, facts, unit=unit, account_id=account_id, at=at, valid_until=until)


def _months(asked: Asked) -> list[Month]:
    return list(span(asked.first_month, shift(asked.last_month, 1)))


def _people_by_type(unit_id: int, asked: Asked) -> dict[Month, dict[Insurance, int]]:
    sums = ", ".join(f"count(*) filter (where profile & {i.flag} <> 0)" for i in SHOWN)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select month, {sums} from levy_assessment a where unit_id = %s and month between %s and %s
              and not exists (select 1 from levy_takendue t where t.unit_id = a.unit_id and t.person_id = a.person_id
                              and t.month = a.month and t.origin = 'normal' and t.state = 'written_off') group by month
            """,
            [unit_id, asked.first_month, asked.last_month],
        )
        return {row[0]: dict(zip(SHOWN, row[1:], strict=True)) for row in cursor.fetchall()}


def _unit_standing(insurance: Insurance, terms: list[UnitTerms], people: dict[Insurance, int]) -> UnitStanding:
    own = [t for t in terms if t.insurance_mask & insurance.flag]
    running = any(t.to_month is None for t in own)
    return {
        "insurance": insurance.label,
        "status": "正常参保" if running else "已停保",
        "first_month": min(t.from_month for t in own),
        "people": people.get(insurance, 0),
    }


def _unit_month(month: Month, insurances: list[Insurance], people: dict[Insurance, int], state: BilledMonth | None) -> UnitMonth:
    word = state.standing.value if state else "未核定"
    return {"paid_month": month, "people": [people.get(i) or None for i in insurances], "state": word}


def _named(unit: Unit, people: Sequence[Person]) -> list[CertificatePerson]:
    spells = _spells(unit.pk, [p.pk for p in people])
    named: list[CertificatePerson] = []
    for person in people:
        own = spells.get(person.pk, [])
        mask = own[-1].insurance_mask if own else 0
        named.append(
            {
                "name": person.name,
                "id_number": masked(person.name, person.id_number)[1],
                "person_number": person.number,
                "first_month": own[0].from_month if own else None,
                "insurances": frozenset(i.value for i in insurances_in(mask)),
            }
        )
    return named


def _spells(unit_id: int, people: Sequence[int]) -> dict[int, list[Spell]]:
    found: dict[int, list[Spell]] = {}
    for spell in Spell.objects.filter(unit_id=unit_id, person_id__in=people, known_to__isnull=True).order_by("from_month"):
        found.setdefault(spell.person_id, []).append(spell)
    return found


def for_person(unit: Unit, person: Person, asked: Asked, *, account_id: int, at: datetime) -> Paper:
    """社会保险参保证明 of one employee, as far as it ran through this unit."""
    kind, given = PaperKind.INSURANCE_CERTIFICATE, people_data(unit, [person], asked, at=at)[person.pk]
    until = at.date() + timedelta(days=VALID_DAYS)
    return issued(
        kind, kind.label, given.data, given.facts, unit=unit, account_id=account_id, at=at, person_id=person.pk, valid_until=until
    )


def issue_to(unit: Unit, person: Person, given: PersonData, *, account_id: int, at: datetime) -> Paper:
    """The same paper of a bundle, whose items say themselves what was made. Call as the engine. Raises: TypesetError."""
    kind = PaperKind.INSURANCE_CERTIFICATE
    return operations.issue(
        kind,
        kind.label,
        given.data,
        given.facts,
        at=at,
        made_by=account_id,
        agency_id=unit.agency_id,
        keys=keys_of_day(settings.DATA / "seal", at=at),
        base_url=settings.BASE_URL,
        unit_id=unit.pk,
        person_id=person.pk,
        valid_until=at.date() + timedelta(days=VALID_DAYS),
    )


def people_data(unit: Unit, people: Sequence[Person], asked: Asked, *, at: datetime) -> dict[int, PersonData]:
    """The data of many certificates, by person, in as many queries as for one."""
    ids = [person.pk for person in people]
    states, spells, dues = standing.people_months(unit.pk, ids, at.date()), _spells(unit.pk, ids), people_months(ids, unit.pk)
    return {p.pk: _person_data(unit, p, asked, states[p.pk], spells.get(p.pk, []), dues.get(p.pk, {}), at) for p in people}


def _person_data(
    unit: Unit,
    person: Person,
    asked: Asked,
    states: dict[Month, BilledMonth],
    spells: list[Spell],
    dues: dict[Month, PersonDue],
    at: datetime,
) -> PersonData:
    insurances = [i for i in SHOWN if any(s.insurance_mask & i.flag for s in spells)]
    data: InsuranceCertificate = {
        "agency": unit.agency.name,
        "name": person.name,
        "id_number": person.id_number,
        "person_number": person.number,
        "unit_name": unit.name,
        "unit_number": unit.number,
        "uscc": unit.uscc,
        "standings": [_standing(i, spells, dues, states, month_of(at.date())) for i in insurances],
        "first_month": asked.first_month,
        "last_month": asked.last_month,
        "columns": short_labels(insurances),
        "months": [_month(m, insurances, dues.get(m), states.get(m)) for m in _months(asked)],
        "purpose": asked.purpose or None,
        "valid_text": VALID_TEXT,
    }
    name, number = masked(person.name, person.id_number)
    facts = (
        Fact("姓名", name),
        Fact("社会保障号码", number),
        Fact("参保单位", unit.name),
        Fact("证明期间", f"{iso(asked.first_month)} 至 {iso(asked.last_month)}"),
    )
    return PersonData(data, facts)


def _standing(
    insurance: Insurance, spells: list[Spell], dues: dict[Month, PersonDue], states: dict[Month, BilledMonth], month: Month
) -> InsuranceStanding:
    own = [s for s in spells if s.insurance_mask & insurance.flag]
    running = any(s.to_month is None or s.to_month > month for s in own)
    paid = sum(1 for m, due in dues.items() if due.mask & insurance.flag and m in states and states[m].standing.counts)
    return {
        "insurance": insurance.label,
        "status": "参保缴费" if running else "暂停缴费",
        "first_month": min(s.from_month for s in own),
        "months_paid": paid,
    }


def _month(month: Month, insurances: list[Insurance], due: PersonDue | None, state: BilledMonth | None) -> CertificateMonth:
    return {"paid_month": month, "cells": [_cell(i, due, state) for i in insurances]}


MARKS = {Standing.OVERDUE: "欠费", Standing.ORDERED: "欠费", Standing.NOT_DUE: "待缴", Standing.WRITTEN_OFF: "已注销"}


def _cell(insurance: Insurance, due: PersonDue | None, state: BilledMonth | None) -> MonthCell:
    if due is None or state is None or not due.mask & insurance.flag:
        return NOTHING
    if insurance in state.deferred:
        return {**NOTHING, "mark": Standing.DEFERRED.value}
    if not state.standing.counts:
        return {**NOTHING, "mark": MARKS[state.standing]}
    base = {Insurance.MEDICAL: due.medical_base_fen, Insurance.LARGE_MEDICAL: None}.get(insurance, due.pension_base_fen)
    return {
        "base_fen": base,
        "unit_fen": amount_of(due.amounts_fen, insurance, Payer.UNIT),
        "person_fen": amount_of(due.amounts_fen, insurance, Payer.PERSON),
        "mark": "",
    }
