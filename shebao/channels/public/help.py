"""办事指南, 常见问题, search: what anybody may read before signing in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from shebao.base.clock import today
from shebao.casework.item import ServiceItem, item_by_slug, items
from shebao.channels import errors
from shebao.channels.frame import frame
from shebao.channels.guards import everyone
from shebao.channels.portal.batch import blank_template
from shebao.channels.searching import found_by_all
from shebao.contact.answers import answers_about, published
from shebao.surfaces.guide import guide_of, matching

QUERY_MAX = 40
RELATED_MAX = 6


def query_of(request: HttpRequest) -> str:
    """What was typed into the search box: no control characters, trimmed, cut."""
    return "".join(c for c in request.GET.get("q", "") if c.isprintable()).strip()[:QUERY_MAX]


@everyone
@require_GET
def guides(request: HttpRequest) -> HttpResponse:
    """事项目录 with search by any word people use."""
    query = query_of(request)
    groups: dict[str, list[ServiceItem]] = {}
    for item in matching(query) if query else items():
        groups.setdefault(item.group, []).append(item)
    return render(request, "public/guides.html", frame(request, "办事指南") | {"query": query, "groups": list(groups.items())})


@everyone
@require_GET
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """办事指南 of one item, generated from its declaration."""
    item = item_by_slug(slug)
    if item is None:
        return errors.page(request, 404)
    context = frame(request, f"{item.title}办事指南", crumbs=(("首页", "/"), ("办事指南", "/items"), (item.title, None)))
    words = (item.title, *item.guide.words)
    answers = [a for a in published() if any(a in answers_about(word) for word in words)]
    others = [other for other in items() if other.group == item.group and other is not item][:RELATED_MAX]
    context |= {"item": item, "guide": guide_of(item, today()), "answers": answers, "others": others}
    return render(request, "public/guide.html", context)


@everyone
@require_GET
def template(request: HttpRequest, slug: str) -> HttpResponse:
    """样表下载: the blank template of an item, for everybody."""
    item = item_by_slug(slug)
    return blank_template(item) if item is not None and item.batch_rows_max else errors.page(request, 404)


@everyone
@require_GET
def answers(request: HttpRequest) -> HttpResponse:
    """常见问题."""
    query = query_of(request)
    found = answers_about(query) if query else list(published())
    return render(request, "public/answers.html", frame(request, "常见问题") | {"query": query, "answers": found})


@everyone
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """全站搜索 of what everybody may read."""
    query = query_of(request)
    title = f"搜索“{query}”" if query else "搜索"
    context = {"q": query, "search_text": query, "found": found_by_all(query, today())}
    return render(request, "public/search.html", frame(request, title) | context)
