"""What every page needs around its content: who is here, the menu, what waits, the mode of display."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.middleware.csrf import get_token
from markupsafe import Markup

from shebao.access.queries import Live
from shebao.access.rights import Level, may
from shebao.base.actor import PUBLIC, Actor, Role
from shebao.base.terms import Post
from shebao.casework.queues import queues_for
from shebao.channels.guards import open_items, page_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    label: str
    url: str
    icon: str
    count: int = 0
    current: bool = False


HOMES = {Role.UNIT: "/u/", Role.PERSON: "/p/", Role.AGENCY: "/w/", Role.ADMIN: "/a/accounts", Role.AUDITOR: "/a/trace"}


def frame(
    request: HttpRequest,
    title: str,
    *,
    crumbs: tuple[tuple[str, str | None], ...] = (),
    counts: dict[str, int] | None = None,
) -> dict[str, object]:
    """The context that the layouts take (surfaces/templates/ui/README.md)."""
    actor: Actor = getattr(request, "actor", PUBLIC)
    live: Live | None = getattr(request, "live", None)
    counts = counts or {}
    unit, desk, person = actor.role is Role.UNIT, actor.role is Role.AGENCY, actor.role is Role.PERSON
    home = HOMES.get(actor.role, "/")
    return {
        "page_title": title,
        "actor": actor,
        "who": {"name": actor.name, "unit": "个人" if person else live.unit_name or live.agency_name, "role": _post(actor)}
        if live
        else None,
        "nav": unit_menu(request.path, actor, counts)
        if unit
        else desk_menu(request.path, actor, counts)
        if desk
        else person_menu(request.path, counts)
        if person
        else other_menu(request.path, actor),
        "tabs": unit_tabs(request.path, actor, counts)
        if unit
        else desk_tabs(request.path, actor, counts)
        if desk
        else person_tabs(request.path, counts)
        if person
        else [],
        "nav_key": (actor.role, actor.posts, actor.rights, request.path, tuple(sorted(counts.items()))),
        "crumbs": crumbs,
        "notices": [],
        "mode": "elder" if request.COOKIES.get("mode") == "elder" else "plain",
        "contrast": "high" if request.COOKIES.get("contrast") == "high" else "normal",
        "here": request.get_full_path() if request.method == "GET" else home,
        "home_url": home,
        "portal_url": home if home != "/" else "",
        "search_url": "/w/search" if desk else "/u/search" if unit else "/search",
        "unread": counts.get("unread", 0),  # counted by the page: an error page may ask nothing of the database
    }


def one_token(request: HttpRequest) -> dict[str, object]:
    """Context processor: the token of the forms, made once a page. Django's own makes a new one wherever it is named: fifty in a list."""
    return {"csrf_input": Markup('<input type="hidden" name="csrfmiddlewaretoken" value="{}">').format(get_token(request))}


def _of_whom(live: Live, person: bool) -> str:
    return "个人" if person else live.unit_name or live.agency_name


def _post(actor: Actor) -> str:
    return "、".join(post.label for post in Post if post in actor.posts)


def _entries(path: str, given: list[tuple[str, str, str, int]]) -> list[Entry]:
    return [Entry(label, url, icon, count, path == url or (len(url) > 3 and path.startswith(url))) for label, url, icon, count in given]


def _groups(path: str, groups: dict[str, list[tuple[str, str, str, int]]]) -> list[dict[str, object]]:
    return [{"title": group, "entries": _entries(path, entries)} for group, entries in groups.items()]


def unit_menu(path: str, actor: Actor, counts: dict[str, int]) -> list[dict[str, object]]:
    """The left tree of the 单位 portal, in the seeds' words; of an operator only what the 主经办人 gave."""
    groups: dict[str, list[tuple[str, str, str, int]]] = {}
    for item in open_items(actor):
        groups.setdefault(item.group, []).append((item.title, page_of(item), item.icon, 0))
    groups.setdefault("申报与缴费", []).extend(
        _held(
            actor,
            [("缴费单与到账", "/u/bills", "credit-card-2-front", counts.get("bills", 0)), ("单位缴费账户", "/u/account", "wallet2", 0)],
        )
    )
    first = [
        ("首页", "/u/", "house", 0),
        ("待办任务", "/u/todo", "inbox", counts.get("todo", 0)),
        ("已办任务", "/u/done", "check2-square", 0),
    ]
    staff = [("参保人员花名册", "/u/staff", "person-lines-fill", 0), ("单位增减员异动表", "/u/changes", "arrow-repeat", 0)]
    staff += [
        ("单位登记信息", "/u/unit", "building-gear", 0),
        ("社会保险登记证", "/u/registration", "patch-check", 0),
        ("单位欠费查询", "/u/arrears", "exclamation-octagon", 0),
        ("已办业务查询", "/u/inquiries/cases", "list-check", 0),
        ("批量增员审核结果查询", "/u/inquiries/additions", "person-plus", 0),
        ("批量减员审核结果查询", "/u/inquiries/reductions", "person-dash", 0),
        ("工资申报审核结果查询", "/u/inquiries/wages", "clipboard-data", 0),
        ("缴费记录查询", "/u/payments", "cash-stack", 0),
    ]
    papers = [("参保证明打印", "/u/certificates", "file-earmark-text", 0)]
    own = [("经办人管理", "/u/operators", "people", 0)] if Post.UNIT_LEAD in actor.posts else []
    return [
        {"title": "", "entries": _entries(path, first)},
        *_groups(path, {title: entries for title, entries in groups.items() if entries}),
        *_given(path, actor, "单位网申综合查询", staff),
        {
            "title": "预约与咨询",
            "entries": _entries(
                path,
                [
                    ("申报业务预约", "/u/bookings", "calendar2-check", 0),
                    ("问题报告", "/u/questions", "chat-left-text", counts.get("answered", 0)),
                    ("消息", "/messages", "bell", 0),
                    ("常见问题", "/answers", "question-circle", 0),
                ],
            ),
        },
        {"title": "证明与服务", "entries": _entries(path, [*_held(actor, papers), ("办事指南", "/items", "journal-text", 0)])},
        {"title": "账户与安全", "entries": _entries(path, [*own, ("修改密码", "/password", "person-gear", 0)])},
    ]


SERVICE_AT = {
    **dict.fromkeys(("/u/bills", "/u/account", "/u/arrears", "/u/payments"), "service.bills"),
    **dict.fromkeys(("/u/staff", "/u/changes"), "service.staff"),
    "/u/certificates": "service.certificates",
}


def sees(actor: Actor, url: str) -> bool:
    """Whether an operator was given what stands at an address, as far as it can be kept back."""
    return url not in SERVICE_AT or may(actor, SERVICE_AT[url], Level.QUERY)


def _held(actor: Actor, entries: list[tuple[str, str, str, int]]) -> list[tuple[str, str, str, int]]:
    return [entry for entry in entries if sees(actor, entry[1])]


def _given(path: str, actor: Actor, title: str, entries: list[tuple[str, str, str, int]]) -> list[dict[str, object]]:
    held = _held(actor, entries)
    return [{"title": title, "entries": _entries(path, held)}] if held else []


def unit_tabs(path: str, actor: Actor, counts: dict[str, int]) -> list[Entry]:
    """The five keys at the foot of the phone."""
    keys = [
        ("首页", "/u/", "house", 0),
        ("办事", "/u/items", "grid", 0),
        ("待办", "/u/todo", "inbox", counts.get("todo", 0)),
        ("缴费", "/u/bills", "credit-card-2-front", 0),
        ("花名册", "/u/staff", "people", 0),
    ]
    return _entries(path, _held(actor, keys))


# The 个人 portal: whoever adds a page there adds its line here.
PERSON_GROUPS: dict[str, list[tuple[str, str, str]]] = {
    "": [("首页", "/p/", "house")],
    "缴费": [
        ("核定缴费", "/p/pay", "credit-card-2-front"),
        ("批扣", "/p/debit", "arrow-repeat"),
        ("核定单", "/p/bills", "receipt"),
        ("欠费查询", "/p/arrears", "hourglass-split"),
    ],
    "权益": [("个人账户", "/p/account", "wallet2"), ("个人权益记录单", "/p/record", "file-earmark-text")],
    "服务": [("办事指南", "/items", "journal-text"), ("常见问题", "/answers", "question-circle")],
    "账户与安全": [("修改密码", "/password", "person-gear")],
}
PERSON_TABS: list[tuple[str, str, str]] = [
    ("首页", "/p/", "house"),
    ("缴费", "/p/pay", "credit-card-2-front"),
    ("账户", "/p/account", "wallet2"),
]


def person_menu(path: str, counts: dict[str, int]) -> list[dict[str, object]]:
    """The left tree of the 个人 portal."""
    messages = ("消息", "/messages", "bell", counts.get("unread", 0))
    groups = {title: [(*entry, 0) for entry in entries] for title, entries in PERSON_GROUPS.items() if entries}
    groups["服务"] = [messages, *groups["服务"]]
    return _groups(path, groups)


def person_tabs(path: str, counts: dict[str, int]) -> list[Entry]:
    """The keys at the foot of the phone for people."""
    return _entries(path, [*((*entry, 0) for entry in PERSON_TABS), ("消息", "/messages", "bell", counts.get("unread", 0))])


def desk_menu(path: str, actor: Actor, counts: dict[str, int]) -> list[dict[str, object]]:
    """The left tree of the desk; entries by post."""
    groups: list[dict[str, object]] = [
        {
            "title": "",
            "entries": _entries(path, [("工作台", "/w/", "house", 0)]),
        }
    ]
    if actor.posts & {Post.REVIEWER, Post.CLERK}:
        groups.append(
            {
                "title": "社保业务审批入口",
                "entries": _entries(
                    path,
                    [(q.title, f"/w/queue/{q.code}", q.icon, counts.get(q.code, 0) if q.badge else 0) for q in queues_for(actor.posts)],
                ),
            }
        )
    if Post.CLERK in actor.posts:
        groups.append({"title": "窗口受理", "entries": _entries(path, [("窗口受理", "/w/counter/", "building", 0)])})
    if actor.posts & {Post.REVIEWER, Post.CLERK}:
        services = [
            ("预约取号", "/w/bookings", "calendar-event", counts.get("queue", 0)),
            ("问题报告", "/w/questions", "chat-left-text", counts.get("questions", 0)),
            ("通知公告", "/w/notices", "megaphone", counts.get("drafts", 0)),
            ("预约设置", "/w/offices", "gear", 0),
        ]
        groups.append({"title": "预约与咨询", "entries": _entries(path, services)})
        given = [("法人注册确认", "/w/registrations", "clipboard-check", 0), ("密码条发放", "/w/slips", "key", 0)]
        groups.append({"title": "网上办事资格", "entries": _entries(path, given)})
    declared = ("申报情况", "/w/declarations", "check2-square", 0)
    if actor.posts & {Post.REVIEWER, Post.FINANCE}:
        entries = [declared, ("月度核定", "/w/months", "calendar2-check", 0), ("重新核定", "/w/recalculations", "arrow-repeat", 0)]
        entries.append(("批次管理", "/w/runs", "stack", 0))
        entries.append(("灵活就业应缴", "/w/flexible", "people", 0))
        groups.append({"title": "核定与征缴", "entries": _entries(path, entries)})
    elif Post.CLERK in actor.posts:
        groups.append({"title": "核定与征缴", "entries": _entries(path, [declared])})
    if Post.FINANCE in actor.posts:
        entries = [
            ("到账登记", "/w/receipts", "cash-stack", counts.get("pending", 0)),
            ("批扣", "/w/debits", "arrow-repeat", 0),
            ("税务往来", "/w/tax", "upload", 0),
            ("暂收待查", "/w/suspense", "exclamation-triangle", counts.get("suspense", 0)),
            ("个人账户结算", "/w/settlements", "wallet2", 0),
            ("退费", "/w/refunds", "arrow-counterclockwise", counts.get("refunds", 0)),
            ("对账", "/w/reconciliation", "check2-square", counts.get("differences", 0)),
            ("欠费单位", "/w/arrears", "receipt", 0),
            ("试算平衡表", "/w/trial-balance", "journal-text", 0),
            ("基金收支月报", "/w/books/report", "bar-chart", 0),
            ("日结月结", "/w/books/closing", "lock", 0),
        ]
        groups.append({"title": "基金财务", "entries": _entries(path, entries)})
    looks = [("单位快查", "/w/units", "building", 0), ("人员快查", "/w/people", "person-lines-fill", 0)]
    if actor.posts & {Post.REVIEWER, Post.CLERK}:
        looks.append(("统计", "/w/statistics", "bar-chart", 0))
        looks.append(("登记证验证", "/w/verifications", "patch-check", 0))
    groups.append({"title": "查询", "entries": _entries(path, looks)})
    groups.append({"title": "账户与安全", "entries": _entries(path, [("修改密码", "/password", "person-gear", 0)])})
    return groups


def other_menu(path: str, actor: Actor) -> list[dict[str, object]]:
    """The menu of administrators and auditors."""
    entries = {
        Role.ADMIN: [("账号管理", "/a/accounts", "people", 0), ("工作日历", "/a/calendar", "calendar2-check", 0)],
        Role.AUDITOR: [("操作日志", "/a/trace", "journal-text", 0)],
    }.get(actor.role)
    if entries is None:
        return []
    account = _entries(path, [("修改密码", "/password", "person-gear", 0)])
    return [{"title": "", "entries": _entries(path, entries)}, {"title": "账户与安全", "entries": account}]


def desk_tabs(path: str, actor: Actor, counts: dict[str, int]) -> list[Entry]:
    """The keys at the foot of the phone for the desk."""
    found = [("工作台", "/w/", "house", 0)]
    if actor.posts & {Post.REVIEWER, Post.CLERK}:
        found.append(("待审核", "/w/queue/waiting", "inbox", counts.get("waiting", 0)))
    if Post.FINANCE in actor.posts:
        found.append(("到账", "/w/receipts", "cash-stack", counts.get("pending", 0)))
    return _entries(path, [*found, ("快查", "/w/people", "search", 0)])
