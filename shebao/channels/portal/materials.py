"""资料上传: scans of what an item asks for, on the page of a case that is not submitted, or was returned."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from shebao.casework.attachments import remove_material, store_material
from shebao.casework.cases import WrongStateError
from shebao.casework.pictures import FileRefused
from shebao.channels import errors
from shebao.channels.contexts import of_request
from shebao.channels.guards import unit_operators
from shebao.channels.portal import batch_page
from shebao.channels.portal import case as case_page
from shebao.channels.portal.case_lists import get_case, is_batch, item_of_case
from shebao.channels.portal.pages import clash, number_of


@unit_operators
@require_POST
def add(request: HttpRequest, case_id: int) -> HttpResponse:
    """Keep a scan of one material."""
    case = get_case(case_id)
    materials = item_of_case(case).materials
    place = number_of(request.POST.get("material"), len(materials))
    if place >= len(materials):
        return errors.page(request, 404)
    sent = request.FILES.get("file")
    try:
        if sent is None or not sent.name:
            raise FileRefused("ATT-14", "请先选择要上传的文件")
        store_material(case_id, of_request(request), materials[place], sent.name, sent.read())
    except FileRefused as error:
        said = f"{materials[place]}：{error.text}"
        if is_batch(case):
            return batch_page.details(request, case, said=said, said_of="资料没有上传", status=422)
        return case_page.check(request, case, status=422, said=[(f"material_{place}", said)])
    except WrongStateError as error:
        return clash(request, error, f"/u/cases/{case_id}")
    return HttpResponseRedirect(f"/u/cases/{case_id}#h-materials")


@unit_operators
@require_POST
def remove(request: HttpRequest, case_id: int, attachment_id: UUID) -> HttpResponse:
    """Take a scan back."""
    try:
        remove_material(case_id, attachment_id, at=of_request(request).at)
    except WrongStateError as error:
        return clash(request, error, f"/u/cases/{case_id}")
    return HttpResponseRedirect(f"/u/cases/{case_id}#h-materials")
