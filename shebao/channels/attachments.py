"""Photos and scans over the web: taken from a form, and served so that nothing in them can run."""

from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.audit.operations import Trace, record
from shebao.base.actor import Actor, Role
from shebao.base.clock import now
from shebao.base.errors import Refusal
from shebao.casework.attachments import find_attachment, photo_fields, store_photo
from shebao.casework.examine import Typed
from shebao.casework.item import Context, ServiceItem
from shebao.casework.pictures import JPEG, FileRefused
from shebao.channels.guards import filers_and_reviewers

# A file of somebody else's making: it loads nothing, runs nothing, and is not part of our origin.
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def photos_sent(request: HttpRequest, item: ServiceItem, context: Context, typed: Typed) -> list[Refusal]:
    """Keep the photos that came with a form and put their ids into what was typed. Returns: what is said of those not taken."""
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        key = None
    refusals = []
    for field in photo_fields(item):
        sent = request.FILES.get(f"{field.name}_file")
        if sent is not None and sent.name:
            try:
                typed[field.name] = str(store_photo(context, field, sent.name, sent.read(), key=key))
            except FileRefused as error:
                refusals.append(Refusal(error.code, error.text, field.name))
        elif request.POST.get(f"{field.name}_off"):
            typed[field.name] = ""
    return refusals


@filers_and_reviewers
@require_GET
def served(request: HttpRequest, attachment_id: UUID) -> HttpResponse:
    """One photo or scan of the actor's own unit or agency. Pictures are shown, all else is only downloaded."""
    found = find_attachment(attachment_id)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if actor.role is Role.AGENCY:
        told = Trace("attachment.looked", str(found.pk), case_id=found.case_id, unit_id=found.unit_id, agency_id=found.agency_id)
        record([told], at=now(), address=request.META.get("REMOTE_ADDR", ""))
    response = HttpResponse(bytes(found.content), content_type=found.media_type)
    shown = "inline" if found.media_type == JPEG and "download" not in request.GET else "attachment"
    response["Content-Disposition"] = f"{shown}; filename*=UTF-8''{quote(found.file_name)}"
    response["Content-Security-Policy"] = POLICY
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
