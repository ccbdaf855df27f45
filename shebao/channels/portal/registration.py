"""单位登记信息: what is registered of the unit, its 社会保险登记证 with the yearly verifications, and what was corrected."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.base.clock import now, today
from shebao.base.codes import ECONOMIC_TYPE, UNIT_TYPE
from shebao.base.identifiers import mask_id_number
from shebao.base.months import month_of
from shebao.base.terms import insurances_in
from shebao.casework.hands import hands_of
from shebao.channels import due_changes
from shebao.channels.guards import unit_operators
from shebao.channels.portal.batch import download
from shebao.channels.portal.bills import PDF_TYPE
from shebao.channels.portal.pages import HOME, actor_of, show
from shebao.channels.registration_papers import certificate_pdf
from shebao.levy.differences import refund_total, refunds_due
from shebao.parties.models import Unit
from shebao.parties.queries import find_terms, get_unit
from shebao.parties.registered import certificates_of, corrections, verifications_of

CORRECTIONS_SHOWN = 50


def facts_of(unit: Unit) -> list[tuple[str, str]]:
    """登记事项 as people read them; numbers of people are masked."""
    legal = mask_id_number(unit.legal_id_number) if unit.legal_id_number else ""
    pairs = (
        ("单位名称", unit.name),
        ("单位编号", unit.number),
        ("统一社会信用代码", unit.uscc or ""),
        ("单位类型", UNIT_TYPE.shown(unit.unit_type)),
        ("经济类型", ECONOMIC_TYPE.shown(unit.economic_type)),
        ("行业", unit.industry),
        ("法定代表人", unit.legal_representative),
        ("法定代表人证件号码", legal),
        ("单位地址", unit.address),
        ("邮政编码", unit.postcode),
        ("成立日期", str(unit.founded_on or "")),
        ("登记日期", str(unit.registered_on)),
        ("经办机构", unit.agency.name),
    )
    return [(label, value or "未登记") for label, value in pairs]


@unit_operators
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """单位登记信息."""
    unit, day = get_unit(actor_of(request).unit_id), today()
    terms, certificates = find_terms(unit.pk, month_of(day)), certificates_of(unit.pk)
    told = corrections(unit_id=unit.pk, limit=CORRECTIONS_SHOWN)
    verified, refunds = verifications_of(unit.pk), refunds_due(unit_id=unit.pk)
    context = {
        "unit": unit,
        "facts": facts_of(unit),
        "insurances": insurances_in(terms.insurance_mask) if terms else (),
        "injury_class": terms.injury_class if terms else 0,
        "certificate": next((c for c in certificates if c.voided_on is None), None),
        "void": [c for c in certificates if c.voided_on is not None],
        "verified": verified,
        "year": day.year,
        "due": unit.closed_on is None and unit.registered_on.year < day.year and day.year not in {v.year for v in verified},
        "corrections": told,
        "hands": hands_of([c.case_id for c in told if c.case_id]),
        "refund_fen": refund_total(unit.pk),
        "refunds": refunds,
        "behind": due_changes.behind_refunds([pk for refund in refunds for pk in refund.ids]),
    }
    return show(request, "registration", "社会保险登记证", context, crumbs=(HOME, ("社会保险登记证", None)))


@unit_operators
@require_GET
def certificate(request: HttpRequest) -> HttpResponse:
    """社会保险登记证, sealed."""
    unit = get_unit(actor_of(request).unit_id)
    content = certificate_pdf(unit, account_id=actor_of(request).account_id, at=now())
    return download(content, f"社会保险登记证-{unit.number}.pdf", PDF_TYPE, inline=True)
