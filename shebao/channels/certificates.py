"""参保证明 of a unit and of its people: data from the register, the assessments and the bills; issued under the seal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from shebao.base.months import Month, iso, month_of, shift, span
from shebao.base.terms import INSURANCES, Insurance, Payer, insurances_in
from shebao.channels.papers import VALID_DAYS, VALID_TEXT, amount_of, issued, masked, short_labels
from shebao.enrolment.models import Spell
from shebao.levy.bulk import AMOUNT_COLUMNS
from shebao.levy.deferring import bill_word, deferred_types
from shebao.levy.models import Bill
from shebao.levy.queries import PersonDue, person_months
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


def month_states(unit_id: int, on: date) -> dict[Month, str]:
    """How each billed month of a unit stands: 已缴清, 缓缴, 欠费, or not yet due."""
    return {bill.month: _STATES.get(bill_word(bill, on)[0], "未到缴费截止日") for bill in Bill.objects.filter(unit_id=unit_id)}


_STATES = {"已到账": "已缴清", "缓缴中": "缓缴", "欠费": "欠费"}


def for_unit(unit: Unit, people: Sequence[Person], asked: Asked, *, account_id: int, at: datetime) -> Paper:
    """社会保险参保证明（单位）, with the named people on it."""
    kind, states = PaperKind.UNIT_CERTIFICATE, month_states(unit.pk, at.date())
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
        "months": [_unit_month(m, insurances, counts.get(m, {}), states.get(m, "未核定")) for m in _months(asked)],
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
            f"select month, {sums} from levy_assessment where unit_id = %s and month between %s and %s group by month",
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


def _unit_month(month: Month, insurances: list[Insurance], people: dict[Insurance, int], state: str) -> UnitMonth:
    return {"paid_month": month, "people": [people.get(i) or None for i in insurances], "state": state}


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
    kind, states = PaperKind.INSURANCE_CERTIFICATE, month_states(unit.pk, at.date())
    deferred = _deferred(unit.pk, states, at.date())
    dues = {due.month: due for due in person_months(person.pk, [unit.pk])}
    spells = _spells(unit.pk, [person.pk]).get(person.pk, [])
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
        "months": [_month(m, insurances, dues.get(m), states.get(m, ""), deferred.get(m, ())) for m in _months(asked)],
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
    until = at.date() + timedelta(days=VALID_DAYS)
    return issued(kind, kind.label, data, facts, unit=unit, account_id=account_id, at=at, person_id=person.pk, valid_until=until)


def _standing(
    insurance: Insurance, spells: list[Spell], dues: dict[Month, PersonDue], states: dict[Month, str], month: Month
) -> InsuranceStanding:
    own = [s for s in spells if s.insurance_mask & insurance.flag]
    running = any(s.to_month is None or s.to_month > month for s in own)
    # 缓缴 leaves rights unharmed (seed 001, 问 11): what of such a month is not deferred is paid, and the deferred part counts.
    paid = sum(1 for m, due in dues.items() if due.mask & insurance.flag and states.get(m) in ("已缴清", "缓缴"))
    return {
        "insurance": insurance.label,
        "status": "参保缴费" if running else "暂停缴费",
        "first_month": min(s.from_month for s in own),
        "months_paid": paid,
    }


def _deferred(unit_id: int, states: dict[Month, str], on: date) -> dict[Month, tuple[Insurance, ...]]:
    """The deferred types of the months that are 缓缴."""
    months = sorted(m for m, state in states.items() if state == "缓缴")
    return deferred_types(unit_id, (months[0], months[-1]), on) if months else {}


def _month(month: Month, insurances: list[Insurance], due: PersonDue | None, state: str, deferred: Sequence[Insurance]) -> CertificateMonth:
    return {"paid_month": month, "cells": [_cell(i, due, state if state != "缓缴" or i in deferred else "已缴清") for i in insurances]}


def _cell(insurance: Insurance, due: PersonDue | None, state: str) -> MonthCell:
    if due is None or not due.mask & insurance.flag:
        return NOTHING
    if state != "已缴清":
        return {**NOTHING, "mark": state if state in ("欠费", "缓缴") else "待缴"}
    base = {Insurance.MEDICAL: due.medical_base_fen, Insurance.LARGE_MEDICAL: None}.get(insurance, due.pension_base_fen)
    return {
        "base_fen": base,
        "unit_fen": amount_of(due.amounts_fen, insurance, Payer.UNIT),
        "person_fen": amount_of(due.amounts_fen, insurance, Payer.PERSON),
        "mark": "",
    }
