"""《社会保险登记表》, 社会保险登记证 and 登记验证单: from the register and a case to papers, sealed when the case has ended."""

from datetime import datetime

from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import month_of
from shebao.base.terms import SHORT_LABELS, insurances_in
from shebao.casework.examine import of_values
from shebao.casework.item import ServiceItem
from shebao.casework.models import Case, Event, Filing, FilingState
from shebao.casework.operations import changes_of, effect_of
from shebao.channels.contexts import of_case
from shebao.channels.papers import NothingToPrintError, issued
from shebao.channels.portal.case_parts import row_of
from shebao.papers.contracts import PaperKind, RegistrationCertificate, RegistrationForm, VerificationSlip
from shebao.papers.verification import Fact
from shebao.parties.models import Agency, Certificate, Unit
from shebao.parties.queries import find_terms
from shebao.parties.registered import certificate_of, certificates_of, find_verification, verifications_of
from shebao.surfaces.form import shown

WIDE = frozenset({"name", "address", "insurances", "special_reason", "document", "agency"})
KINDS = frozenset({PaperKind.REGISTRATION_FORM.value, PaperKind.VERIFICATION_SLIP.value})
Data = RegistrationForm | VerificationSlip


class NoCertificateError(ShebaoError):
    """The unit has no live certificate (yet, or any more)."""

    code = "POR-10"
    status = 404


def of_case_data(case: Case, item: ServiceItem, unit: Unit | None, ended: bool, at: datetime) -> Data:
    """The data of a registration case's paper. Raises: NothingToPrintError."""
    rows = Filing.objects.filter(case=case, values__isnull=False).exclude(state=FilingState.WITHDRAWN).order_by("row")
    filing = (rows.filter(state=FilingState.DONE) if ended else rows).first()
    if filing is None:
        raise NothingToPrintError("这个办件没有可以打印的内容，请先填写完整并保存")
    agency = unit.agency.name if unit else Agency.objects.values_list("name", flat=True).get(pk=case.agency_id)
    if item.printout == PaperKind.VERIFICATION_SLIP.value:
        return _slip(case, filing, unit, agency, ended, at)
    return _form(case, item, filing, unit, agency, ended, at)


def _reviewer(case: Case, ended: bool) -> str | None:
    if not ended:
        return None
    told = Event.objects.filter(case=case, kind="reviewed").order_by("-id").first()
    return "系统自动审核" if case.automatic else told.account_name if told else None


def _form(case: Case, item: ServiceItem, filing: Filing, unit: Unit | None, agency: str, ended: bool, at: datetime) -> RegistrationForm:
    context = of_case(case, at)
    typed = [(f, text) for f, text in shown(item.fields, filing.values, filing.typed) if text not in ("未填", "—") and f.name != "confirm"]
    changes = changes_of(item, context, row_of(filing)) if item.compare is not None and not ended else ()
    facts = [("单位编号", unit.number, False)] if unit else []
    certificate = certificate_of(unit.pk) if unit else None
    if certificate is not None:
        facts.append(("登记证编号", certificate.number, False))
    if unit and "name" not in {f.name for f, _ in typed}:
        facts = [("单位名称", unit.name, True), *facts, ("统一社会信用代码", unit.uscc or "未登记", False)]
    facts += [(f.label, text, f.name in WIDE) for f, text in typed]
    # What the filing does is told as long as it has not been done; afterwards the register has moved on.
    told = effect_of(item, context, [of_values(filing.row, filing.values or {})]).sentences if not ended else ()
    decided = case.ended_at.astimezone(ZONE).date() if ended and case.ended_at else None
    return {
        "agency": agency,
        "business": item.title,
        "serial": case.number,
        "unit_name": unit.name if unit else case.subject,
        "facts": [{"label": label, "value": value, "wide": wide} for label, value, wide in facts],
        "changes_title": "变更事项",
        "changes": [
            {"label": c.label, "before": c.before, "after": c.after.partition("（")[0], "since": c.after.partition("（")[2].rstrip("）")}
            for c in changes
        ],
        "materials": list(item.materials),
        "notices": [*told, *(str(warning["text"]) for warning in filing.warnings or ())],
        "filled_by": case.created_by_name,
        "opinion": "同意" if ended else None,
        "handled_by": case.first_name or (case.created_by_name if ended else None),
        "reviewed_by": _reviewer(case, ended),
        "decided_date": decided,
    }


def _slip(case: Case, filing: Filing, unit: Unit | None, agency: str, ended: bool, at: datetime) -> VerificationSlip:
    assert unit is not None, "a verification is of a unit"
    year = int((filing.values or {}).get("year") or at.year)
    verified = find_verification(unit.pk, year) if ended else None
    certificate = certificate_of(unit.pk)
    told = verified.confirmed if verified else {"单位名称": unit.name, "法定代表人": unit.legal_representative or "未登记"}
    result = "待审核" if verified is None else "逾期验证" if verified.late else "验证合格"
    return {
        "agency": agency,
        "year": year,
        "serial": case.number,
        "unit_name": unit.name,
        "unit_number": unit.number,
        "uscc": unit.uscc or "",
        "certificate": certificate.number if certificate else None,
        "result": result,
        "confirmed": [{"label": label, "value": value} for label, value in told.items()],
        "filled_by": case.created_by_name,
        "reviewed_by": _reviewer(case, ended) or "",
        "verified_date": verified.verified_on if verified else at.astimezone(ZONE).date(),
    }


# --- 社会保险登记证 ---


def certificate_pdf(unit: Unit, *, account_id: int, at: datetime) -> bytes:
    """社会保险登记证 of a unit as it stands today, sealed; papers of a number that is void are void too (parties.registration).

    Raises: NoCertificateError.
    """
    certificate = certificate_of(unit.pk)
    if certificate is None:
        raise NoCertificateError("本单位没有有效的社会保险登记证；遗失、损毁或未领取过的，请到窗口办理补证")
    kind = PaperKind.REGISTRATION_CERTIFICATE
    data = certificate_data(unit, certificate, at)
    facts = (
        Fact("单位名称", unit.name),
        Fact("登记证编号", certificate.number),
        Fact("统一社会信用代码", unit.uscc or "未登记"),
        Fact("发证日期", str(certificate.issued_on)),
        Fact("最近验证", f"{data['verifications'][0]['year']} 年度" if data["verifications"] else "登记当年免验"),
    )
    return bytes(issued(kind, f"{kind.label} {certificate.number}", data, facts, unit=unit, account_id=account_id, at=at).content)


def certificate_data(unit: Unit, certificate: Certificate, at: datetime) -> RegistrationCertificate:
    """The data of the certificate."""
    terms = find_terms(unit.pk, month_of(at.astimezone(ZONE).date()))
    before = next((c for c in certificates_of(unit.pk) if c.pk < certificate.pk and c.voided_on is not None), None)
    return {
        "agency": unit.agency.name,
        "number": certificate.number,
        "unit_name": unit.name,
        "unit_number": unit.number,
        "uscc": unit.uscc or "",
        "legal_representative": unit.legal_representative,
        "address": unit.address,
        "insurances": "、".join(SHORT_LABELS[i] for i in insurances_in(terms.insurance_mask)) if terms else "无",
        "injury_class": f"{terms.injury_class} 类" if terms else "未登记",
        "registered_date": unit.registered_on,
        "issued_date": certificate.issued_on,
        "replaces": f"原证号 {before.number} 自 {before.voided_on} 起作废（{before.void_reason}）" if before else None,
        "verifications": [
            {"year": v.year, "verified_date": v.verified_on, "result": "逾期验证" if v.late else "验证合格"}
            for v in verifications_of(unit.pk)[:6]
        ],
    }
