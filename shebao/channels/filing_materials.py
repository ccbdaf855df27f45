"""资料上传: scans of what an item asks for, on the page of a case that is not submitted, or was returned; by the unit or at the counter."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from shebao.casework.attachments import remove_material, store_material
from shebao.casework.cases import WrongStateError
from shebao.casework.item import Context
from shebao.casework.models import Case
from shebao.casework.pictures import FileRefused
from shebao.channels import errors, filing_check
from shebao.channels.filing import Face
from shebao.channels.portal import batch_page
from shebao.channels.portal.case_lists import is_batch, item_of_case
from shebao.channels.portal.pages import number_of


def add(request: HttpRequest, case: Case, context: Context, face: Face) -> HttpResponse:
    """Keep a scan of one material."""
    materials = item_of_case(case).materials
    place = number_of(request.POST.get("material"), len(materials))
    if place >= len(materials):
        return errors.page(request, 404)
    sent = request.FILES.get("file")
    try:
        if sent is None or not sent.name:
            raise FileRefused("ATT-14", "请先选择要上传的文件")
        store_material(case.pk, context, materials[place], sent.name, sent.read())
    except FileRefused as error:
        said = f"{materials[place]}：{error.text}"
        if is_batch(case):
            return batch_page.details(request, case, said=said, said_of="资料没有上传", status=422)
        return filing_check.page(request, case, context, face, status=422, said=[(f"material_{place}", said)])
    except WrongStateError as error:
        return face.clash(request, error, f"{face.cases}/{case.pk}")
    return HttpResponseRedirect(f"{face.cases}/{case.pk}#h-materials")


def remove(request: HttpRequest, case: Case, attachment_id: UUID, context: Context, face: Face) -> HttpResponse:
    """Take a scan back. Raises: NoSuchAttachmentError."""
    try:
        remove_material(case.pk, context, attachment_id)
    except WrongStateError as error:
        return face.clash(request, error, f"{face.cases}/{case.pk}")
    return HttpResponseRedirect(f"{face.cases}/{case.pk}#h-materials")
