"""单位登记: registering, certificates, yearly verification, changed terms, closing. Called by the engine when an approved filing takes
effect. Lock order: month (levy), then unit, then person."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction

from shebao.base.errors import ShebaoError
from shebao.papers.contracts import PaperKind
from shebao.papers.models import Paper
from shebao.papers.operations import revoke
from shebao.parties.models import Certificate, Closing, Unit, UnitTerms, Verification
from shebao.parties.operations import NewUnit, register_units


class UsccTakenError(ShebaoError):
    """Another clerk registered a unit under the same 统一社会信用代码 in the same instant. Check again, then tell who."""

    code = "REG-80"


class UnitClosedError(ShebaoError):
    """The unit was closed meanwhile."""

    code = "REG-81"


class VerifiedBeforeError(ShebaoError):
    """A year is verified once."""

    code = "REG-83"


def register_unit(new: NewUnit, *, case_id: int | None, at: datetime) -> int:
    """参保登记: the unit, its terms and its certificate. Returns the unit's id. Raises: UsccTakenError."""
    try:
        with transaction.atomic():
            unit_id = register_units([new], at=at)[0]
    except IntegrityError as error:
        raise UsccTakenError("该统一社会信用代码刚刚由他人登记，请重新核对") from error
    issue_certificate(unit_id, new.agency_id, "参保登记", on=new.registered_on, place=new.place, case_id=case_id)
    return unit_id


def hold_unit(unit_id: int) -> None:
    """Take the unit FOR SHARE until the end of the transaction: nobody closes it meanwhile. Raises: UnitClosedError."""
    with connection.cursor() as cursor:
        cursor.execute("select closed_on from parties_unit where id = %s for share", [unit_id])
        row = cursor.fetchone()
    if row is None or row[0] is not None:
        raise UnitClosedError("本单位刚刚办理了注销登记，不能再办理此项业务")


def lock_unit(unit_id: int) -> Unit:
    """The unit under a row lock. Raises: UnitClosedError."""
    unit = Unit.objects.select_for_update().get(pk=unit_id)
    if unit.closed_on is not None:
        raise UnitClosedError(f"{unit.name}已于 {unit.closed_on} 办理注销登记")
    return unit


def issue_certificate(unit_id: int, agency_id: int, issued_for: str, *, on: date, place: str, case_id: int | None) -> Certificate:
    """A fresh 社会保险登记证. The database refuses a second live one."""
    with connection.cursor() as cursor:
        cursor.execute("select nextval('parties_certificate_number')")
        number = f"DJ{place}{cursor.fetchone()[0]:08d}"
    return Certificate.objects.create(
        unit_id=unit_id, agency_id=agency_id, number=number, issued_on=on, issued_for=issued_for[:100], case_id=case_id
    )


def issue_certificates(unit_ids: Sequence[int], issued_for: str) -> int:
    """First certificates of employers registered elsewhere (cut-over, the demo city), dated as registered. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into parties_certificate (unit_id, agency_id, number, issued_on, issued_for, void_reason)
            select id, agency_id, 'DJ' || place || lpad(nextval('parties_certificate_number')::text, 8, '0'), registered_on, %s, ''
            from parties_unit where id = any(%s) and kind = 'employer' and closed_on is null order by id
            on conflict do nothing
            """,
            [issued_for[:100], list(unit_ids)],
        )
        return int(cursor.rowcount)


def void_certificate(unit_id: int, reason: str, *, on: date, at: datetime) -> None:
    """The live number of a unit is void, and with it every sealed paper of it: 凭证验真 says so from now on."""
    old = Certificate.objects.filter(unit_id=unit_id, voided_on=None).first()
    if old is None:
        return
    Certificate.objects.filter(pk=old.pk).update(voided_on=on, void_reason=reason[:100])
    kind = PaperKind.REGISTRATION_CERTIFICATE
    for code in Paper.objects.filter(unit_id=unit_id, kind=kind.value, title=f"{kind.label} {old.number}", revoked_at=None).values_list(
        "code", flat=True
    ):
        revoke(code, f"登记证编号作废：{reason}"[:200], at)


def reissue_certificate(unit_id: int, reason: str, *, on: date, case_id: int | None, at: datetime) -> tuple[str | None, Certificate]:
    """补证: void the old number, issue a new one. Units from before certificates were kept here get their first one.

    Returns: the old number (None when there was none), and the new certificate. Raises: UnitClosedError.
    """
    unit = lock_unit(unit_id)
    old = Certificate.objects.filter(unit_id=unit_id, voided_on=None).first()
    void_certificate(unit_id, reason, on=on, at=at)
    new = issue_certificate(unit_id, unit.agency_id, f"补证：{reason}", on=on, place=unit.place, case_id=case_id)
    return (old.number if old else None), new


def verify_year(unit_id: int, year: int, confirmed: Mapping[str, str], *, late: bool, on: date, case_id: int | None) -> Verification:
    """登记验证 of a year, with what was confirmed. Raises: UnitClosedError, VerifiedBeforeError."""
    unit = lock_unit(unit_id)
    if Verification.objects.filter(unit_id=unit_id, year=year).exists():
        raise VerifiedBeforeError(f"{year} 年度社会保险登记证已经验证，不用重复办理")
    return Verification.objects.create(
        unit_id=unit_id, agency_id=unit.agency_id, year=year, verified_on=on, late=late, confirmed=dict(confirmed), case_id=case_id
    )


def change_terms(unit_id: int, from_month: int, *, insurance_mask: int | None, injury_class: int | None, at: datetime) -> None:
    """Another set of types or another 工伤费率类别 from a month on; what holds before it stays, what was known stays readable.

    None leaves a part as it stands. Later terms that were entered before are replaced as well.
    """
    rows = list(
        UnitTerms.objects.select_for_update()
        .filter(unit_id=unit_id, known_to=None)
        .exclude(to_month__lte=from_month)
        .order_by("from_month")
    )
    UnitTerms.objects.filter(pk__in=[row.pk for row in rows]).update(known_to=at)
    for row in rows:
        mask = row.insurance_mask if insurance_mask is None else insurance_mask
        number = row.injury_class if injury_class is None else injury_class
        if row.from_month < from_month:
            _terms(unit_id, row.insurance_mask, row.injury_class, row.from_month, from_month, at)
        _terms(unit_id, mask, number, max(row.from_month, from_month), row.to_month, at)


def correct_class(unit_id: int, from_month: int, to_month: int | None, injury_class: int, *, at: datetime) -> None:
    """Another 工伤费率类别 for months from one on until before another one (None: from then on), as a correction of what was known then."""
    rows = list(UnitTerms.objects.select_for_update().filter(unit_id=unit_id, known_to=None).order_by("from_month"))
    hit = [
        row
        for row in rows
        if (row.to_month is None or row.to_month > from_month)
        and (to_month is None or row.from_month < to_month)
        and row.injury_class != injury_class
    ]
    UnitTerms.objects.filter(pk__in=[row.pk for row in hit]).update(known_to=at)
    for row in hit:
        first = max(row.from_month, from_month)
        end = to_month if row.to_month is None else row.to_month if to_month is None else min(row.to_month, to_month)
        if row.from_month < first:
            _terms(unit_id, row.insurance_mask, row.injury_class, row.from_month, first, at)
        _terms(unit_id, row.insurance_mask, injury_class, first, end, at)
        if end is not None and end != row.to_month:
            _terms(unit_id, row.insurance_mask, row.injury_class, end, row.to_month, at)


def _terms(unit_id: int, mask: int, injury_class: int, from_month: int, to_month: int | None, at: datetime) -> None:
    UnitTerms.objects.create(
        unit_id=unit_id, insurance_mask=mask, injury_class=injury_class, from_month=from_month, to_month=to_month, known_from=at
    )


def close_unit(unit_id: int, to_month: int, reason: str, document: str, *, on: date, case_id: int | None, at: datetime) -> None:
    """注销登记: terms end, the certificate is void, nothing more can be filed. The caller has locked the unit and seen that nothing
    stands in the way."""
    unit = Unit.objects.get(pk=unit_id)
    rows = list(UnitTerms.objects.select_for_update().filter(unit_id=unit_id, known_to=None).exclude(to_month__lte=to_month))
    UnitTerms.objects.filter(pk__in=[row.pk for row in rows]).update(known_to=at)
    for row in rows:
        if row.from_month < to_month:
            _terms(unit_id, row.insurance_mask, row.injury_class, row.from_month, to_month, at)
    void_certificate(unit_id, "注销登记", on=on, at=at)
    Closing.objects.create(
        unit_id=unit_id, agency_id=unit.agency_id, closed_on=on, to_month=to_month, reason=reason, document=document, case_id=case_id
    )
    Unit.objects.filter(pk=unit_id).update(closed_on=on)


def lock_people(person_ids: Sequence[int]) -> None:
    """Take people's register rows under a lock, in the order of their ids: corrections of one person come one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("select id from parties_person where id = any(%s) order by id for update", [sorted(set(person_ids))])


def move_unit(unit_id: int, agency_id: int, *, on: date, case_id: int | None, at: datetime) -> None:
    """The unit belongs to another agency of its place from now on; it gets a certificate of that agency. Raises: UnitClosedError."""
    unit = lock_unit(unit_id)
    Unit.objects.filter(pk=unit_id).update(agency_id=agency_id)
    void_certificate(unit_id, "变更经办机构", on=on, at=at)
    issue_certificate(unit_id, agency_id, "变更经办机构", on=on, place=unit.place, case_id=case_id)
