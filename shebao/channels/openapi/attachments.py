"""POST /attachments: a photo for a field, or a scan for a case that is not submitted."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shebao.casework.attachments import find_attachment, photo_fields, store_material, store_photo
from shebao.casework.cases import NoSuchCaseError
from shebao.casework.item import item_by_slug
from shebao.casework.queries import find_case
from shebao.channels.contexts import of_request
from shebao.channels.guards import unit_api
from shebao.channels.openapi.bearer import bearer_missing
from shebao.channels.openapi.body import WrongTypeError
from shebao.surfaces.api import BadBodyError

NAMES = frozenset({"item", "field", "case", "material"})


@csrf_exempt
@unit_api
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Keep a file; its id is the value of a photo field, or it belongs to the case at once."""
    if (refused := bearer_missing(request)) is not None:
        return refused
    if request.content_type != "multipart/form-data":
        raise WrongTypeError("请用 Content-Type: multipart/form-data 上传文件")
    given = {name: request.POST[name] for name in request.POST}
    unknown = sorted(set(given) - NAMES)
    sent = request.FILES.get("file")
    if unknown or sent is None or not sent.name:
        raise BadBodyError(f"没有 {unknown[0][:40]} 这个字段；可用字段：file、item、field、case、material" if unknown else "缺少字段：file")
    context = of_request(request)
    if "case" in given:
        case = find_case(given["case"])
        if case is None:
            raise NoSuchCaseError
        found = store_material(case.pk, context, given.get("material", ""), sent.name, sent.read())
    else:
        item = item_by_slug(given.get("item", ""))
        fields = {f.name: f for f in photo_fields(item)} if item else {}
        if given.get("field", "") not in fields:
            raise BadBodyError("请用 item 和 field 指明相片用于哪个事项的哪个字段，例如 item=add-employee、field=photo")
        found = store_photo(context, fields[given["field"]], sent.name, sent.read())
    kept = find_attachment(found)
    body = {
        "id": str(kept.pk),
        "name": kept.file_name,
        "media_type": kept.media_type,
        "size": kept.size,
        "sha256": bytes(kept.sha256).hex(),
        "width": kept.width or None,
        "height": kept.height or None,
    }
    return JsonResponse(body, status=201, json_dumps_params={"ensure_ascii": False})
