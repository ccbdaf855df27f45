"""参保证明 for programs: order many, ask how far they are, fetch one zip."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from shebao.access.queries import Live
from shebao.base.actor import Actor
from shebao.base.clock import now, today
from shebao.base.months import month_of
from shebao.channels import bundling, errors
from shebao.channels.certificates import Asked
from shebao.channels.guards import unit_api
from shebao.channels.openapi.body import json_body, uuid_of
from shebao.channels.portal.bundle_page import zip_answer
from shebao.channels.portal.certificate_page import month_range
from shebao.papers import bundles
from shebao.papers.bundles import ITEMS_MAX
from shebao.papers.models import Bundle
from shebao.surfaces.api import BadBodyError

NAMES = frozenset({"submission_key", "people", "first_month", "last_month"})


@csrf_exempt
@unit_api
@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """批量出具: all staff ("all") or named people (an array of 公民身份号码)."""
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        return errors.problem(request, 401, "ACC-03", "请在 Authorization 头中携带 Bearer 令牌")
    body = json_body(request, NAMES, optional=frozenset({"purpose"}))
    purpose = body.get("purpose") or ""
    if not isinstance(purpose, str) or len(purpose) > 30 or not purpose.isprintable():
        raise BadBodyError("purpose 应为不超过 30 字的字符串")
    first, last, wrong = month_range({"first": str(body["first_month"]), "last": str(body["last_month"])})
    if wrong:
        raise BadBodyError("；".join(f"{name}：{text}" for name, text in wrong.items()))
    actor: Actor = request.actor  # type: ignore[attr-defined]
    live: Live = request.live  # type: ignore[attr-defined]
    people = _people(actor.unit_id, body["people"])
    covers = Asked(first, last, purpose)
    bundle_id = bundling.order(actor, live.agency_id, people, covers, key=uuid_of(body["submission_key"]), at=now())
    return _json(Bundle.objects.get(pk=bundle_id), 201)


def _people(unit_id: int, given: Any) -> list[int]:
    if given == "all":
        return bundling.insured(unit_id, month_of(today()))
    if not isinstance(given, list) or not 1 <= len(given) <= ITEMS_MAX or not all(isinstance(each, str) for each in given):
        raise BadBodyError(f'people 应为 "all"，或 1 至 {ITEMS_MAX} 个公民身份号码的数组')
    chosen = bundling.by_numbers("\n".join(given))
    if chosen.wrong:
        raise bundling.BundleError(bundling.told(chosen.wrong))
    return chosen.people


def _json(bundle: Bundle, status: int = 200) -> JsonResponse:
    done = bundles.progress(bundle)
    body = {
        "id": bundle.pk,
        "total": done.total,
        "made": done.made,
        "failed": done.failed,
        "finished": bundle.finished_at is not None,
        "expires_at": bundle.expires_at.isoformat() if bundle.expires_at else None,
    }
    return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})


def _found(bundle_id: int) -> Bundle | None:
    return Bundle.objects.filter(pk=bundle_id).first()


@unit_api
@require_GET
def bundle(request: HttpRequest, bundle_id: int) -> HttpResponse:
    """How far an order is."""
    found = _found(bundle_id)
    return _json(found) if found else errors.page(request, 404)


@unit_api
@require_GET
def fetch(request: HttpRequest, bundle_id: int) -> HttpResponseBase:
    """The zip of a finished order."""
    found = _found(bundle_id)
    return zip_answer(request, found) if found else errors.page(request, 404)
