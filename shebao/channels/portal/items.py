"""事项: the grid of all of them, and the landing page of each with its two ways of filing."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from shebao.access.rights import Level, may
from shebao.base.clock import today
from shebao.casework.examine import gate_of
from shebao.casework.item import Audience, Review, ServiceItem, Subject, item_by_slug
from shebao.channels import errors
from shebao.channels.contexts import of_request
from shebao.channels.frame import sees
from shebao.channels.guards import open_items, page_of, unit_operators
from shebao.channels.portal.case_lists import recent_cases
from shebao.channels.portal.pages import HOME, Crumbs, actor_of, live_of, show
from shebao.channels.portal.words import case_line, cutoff_of

SERVICES = (
    ("缴费单与到账", "/u/bills", "credit-card-2-front", "核定单、缴费期限、到账情况，每笔金额怎么算的"),
    ("参保人员花名册", "/u/staff", "person-lines-fill", "在职参保人员、申报工资，可查找和导出"),
    ("参保证明打印", "/u/certificates", "file-earmark-text", "单位和个人参保证明，带验证码和电子印章"),
    ("申报业务预约", "/u/bookings", "calendar2-check", "选办事大厅、业务和时段，到场扫码取号"),
    ("问题报告", "/u/questions", "chat-left-text", "向经办机构提问，看答复"),
)


def crumbs_of(item: ServiceItem, last: str) -> Crumbs:
    """首页 / group / item / page."""
    return (HOME, (item.group, "/u/items"), (item.title, f"/u/items/{item.slug}/"), (last, None))


@unit_operators
@require_GET
def grid(request: HttpRequest) -> HttpResponse:
    """All items by group, and what else the portal offers."""
    groups: dict[str, list[dict[str, str]]] = {}
    for item in open_items(actor_of(request)):
        entry = {"label": item.title, "url": page_of(item), "icon": item.icon, "note": item.guide.summary}
        groups.setdefault(item.group, []).append(entry)
    given = [service for service in SERVICES if sees(actor_of(request), service[1])]
    groups["查询、证明与服务"] = [{"label": label, "url": url, "icon": icon, "note": note} for label, url, icon, note in given]
    return show(request, "items", "办事", {"groups": groups}, crumbs=(HOME, ("办事", None)))


@unit_operators
@require_GET
def landing(request: HttpRequest, slug: str) -> HttpResponse:
    """One item: 单个办理, 批量办理, and what was filed lately."""
    item = item_by_slug(slug, Audience.UNIT)
    if item is None:
        return errors.page(request, 404)
    live = live_of(request)
    context = {
        "item": item,
        "files": may(actor_of(request), item.code, Level.FILE),
        "live": live,
        "gate": gate_of(item, of_request(request)),
        "automatic": item.review(of_request(request)) is Review.AUTOMATIC,
        "by_person": item.subject is Subject.PERSON,
        "cutoff": cutoff_of(live.place, today()),
        "recent": [case_line(case) for case in recent_cases(actor_of(request).unit_id, item)],
    }
    return show(request, "item", item.title, context, crumbs=(HOME, (item.group, "/u/items"), (item.title, None)))
