"""单个办理 in a unit's portal. What a form does is in shebao.channels.filing."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from shebao.casework.item import Audience, item_by_slug
from shebao.casework.models import Channel
from shebao.channels import errors, filing
from shebao.channels.contexts import of_request
from shebao.channels.filing import Face
from shebao.channels.guards import unit_operators
from shebao.channels.portal.case_lists import get_case, item_of_case
from shebao.channels.portal.items import crumbs_of
from shebao.channels.portal.pages import clash, piece, show


def face_of(slug: str) -> Face:
    """The forms of an item in the portal."""
    return Face(f"/u/items/{slug}", "/u/cases", "/u/todo", "/items", Channel.PAGE, show, piece, clash, crumbs_of)


@unit_operators
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """录入 → 保存."""
    item = item_by_slug(slug, Audience.UNIT)
    return filing.new(request, item, of_request(request), face_of(slug)) if item else errors.page(request, 404)


@unit_operators
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, case_id: int) -> HttpResponse:
    """修改."""
    case = get_case(case_id)
    return filing.edit(request, case, of_request(request), face_of(item_of_case(case).slug))


@unit_operators
@require_POST
def look_up(request: HttpRequest, slug: str) -> HttpResponse:
    """查询 by 公民身份号码."""
    item = item_by_slug(slug, Audience.UNIT)
    return filing.look_up(request, item, of_request(request), face_of(slug)) if item else errors.page(request, 404)


@unit_operators
@require_POST
def validate(request: HttpRequest, slug: str) -> HttpResponse:
    """One field."""
    item = item_by_slug(slug, Audience.UNIT)
    answer = filing.validate(request, item, of_request(request), face_of(slug)) if item else None
    return answer or errors.page(request, 404)
