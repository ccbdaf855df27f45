"""资料上传 by the unit."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from shebao.channels import filing_materials
from shebao.channels.contexts import of_request
from shebao.channels.guards import unit_operators
from shebao.channels.portal.case_lists import get_case, item_of_case
from shebao.channels.portal.single import face_of


@unit_operators
@require_POST
def add(request: HttpRequest, case_id: int) -> HttpResponse:
    """Keep a scan of one material."""
    case = get_case(case_id)
    return filing_materials.add(request, case, of_request(request), face_of(item_of_case(case).slug))


@unit_operators
@require_POST
def remove(request: HttpRequest, case_id: int, attachment_id: UUID) -> HttpResponse:
    """Take a scan back."""
    case = get_case(case_id)
    return filing_materials.remove(request, case, attachment_id, of_request(request), face_of(item_of_case(case).slug))
