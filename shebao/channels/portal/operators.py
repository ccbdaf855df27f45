"""经办人管理: the 主经办人 adds operators, gives rights by item and term, takes them away at once. Nobody treats the own account."""

from collections.abc import Callable, Mapping
from datetime import date

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shebao.access import operators
from shebao.access.operators import KnownOperatorError, NoSuchOperatorError, OperatorLine
from shebao.access.rights import EVERYTHING, SERVICES, Level, clean
from shebao.access.slips import NewOperator, SlipGoneError
from shebao.audit.operations import Trace, record
from shebao.base.clock import now, today
from shebao.base.errors import Refusal, ShebaoError
from shebao.casework import fields
from shebao.casework.fields import Field
from shebao.casework.item import Audience, items_for
from shebao.channels import forms
from shebao.channels.guards import unit_leads
from shebao.channels.papers import slip_pdf
from shebao.channels.portal.batch import download
from shebao.channels.portal.pages import HOME, actor_of, number_of, show
from shebao.surfaces.form import blank, views

PAGE = ("经办人管理", "/u/operators")
TONES = {"有效": "ok", "待启用": "warn", "已到期": "mute", "已停用": "err"}
CAPACITIES = (("operator", "单位经办人"), ("legal", "法定代表人"))
YES_NO = (("no", "否"), ("yes", "是"))
LEVELS = [(int(level), level.label) for level in Level]
TERM = (fields.day("valid_until", "有效期至（含当日）", required=False, hint="留空为长期"),)
LEAD = fields.choice("lead", "设为主经办人", YES_NO, hint="主经办人可以管理其他经办人，不能更改自己", default="no")
NEW: tuple[Field, ...] = (
    fields.choice("capacity", "身份", CAPACITIES, default="operator"),
    fields.name("name", "姓名", core=False),
    fields.id_number("id_number", "公民身份号码", core=False),
    fields.mobile("mobile", "手机号码"),
    fields.day("valid_from", "有效期自", hint="例如 2026-12-01"),
    *TERM,
    LEAD,
)
CHANGE: tuple[Field, ...] = (*TERM, LEAD)


@unit_leads
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The operators of the unit."""
    return _list(request, [])


def _list(request: HttpRequest, errors: list[tuple[str | None, str]], status: int = 200) -> HttpResponse:
    lines = operators.my_unit(now())
    record([Trace("person.looked", f"经办人 {len(lines)} 名")], at=now())
    rows = [(line, line.state(today()), TONES[line.state(today())], _in_words(line)) for line in lines]
    context = {"rows": rows, "me": actor_of(request).account_id, "errors": errors, "has_errors": bool(errors)}
    context |= {"capacities": dict(CAPACITIES), "done": request.GET.get("done", "")}
    return show(request, "operators", PAGE[0], context, crumbs=(HOME, (PAGE[0], None)), status=status)


def _in_words(line: OperatorLine) -> str:
    if line.revoked_at is not None:
        return "—"
    if EVERYTHING in line.rights:
        return f"全部事项：{line.rights[EVERYTHING].label}"
    titles = _titles()
    return "；".join(f"{titles.get(code, code)}：{level.label}" for code, level in line.rights.items()) or "没有权限"


def _titles() -> dict[str, str]:
    return {item.code: item.title for item in items_for(Audience.UNIT)} | SERVICES


@unit_leads
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """经办人信息采集: one more operator."""
    operators.my_unit(now())
    if request.method == "GET":
        typed = blank(NEW) | {"valid_from": today().isoformat()}
        return _form(request, "添加经办人", {"fields": views(NEW, typed), "errors": []}, {EVERYTHING: Level.SUBMIT}, None)
    values, refusals = forms.read(NEW, request.POST)
    rights = _rights_in(request.POST)
    if not rights:
        refusals.append(Refusal("ACC-31", "请至少给一个事项的权限", "everything"))
    first, last = _day(values["valid_from"]), _day(values["valid_until"])
    if first and last and last < first:
        refusals.append(Refusal("ACC-32", "有效期的终止日早于起始日，请核对", "valid_until"))
    if not refusals and first:
        text = {name: str(values[name]) for name in ("name", "capacity", "id_number", "mobile")}
        somebody = NewOperator(
            unit_id=actor_of(request).unit_id, valid_from=first, valid_until=last, lead=values["lead"] == "yes", rights=rights, **text
        )
        try:
            operators.add(somebody, at=now())
            return HttpResponseRedirect("/u/operators?done=added")
        except KnownOperatorError as error:
            refusals.append(Refusal(error.code, error.text, "id_number"))
    return _form(request, "添加经办人", forms.shown(NEW, request.POST, refusals), rights, None, status=422)


@unit_leads
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, account_id: int) -> HttpResponse:
    """Rights and term of one operator."""
    line = _line(account_id)
    if request.method == "GET":
        typed = {"valid_until": line.valid_until.isoformat() if line.valid_until else "", "lead": "yes" if line.lead else "no"}
        return _form(request, line.name, {"fields": views(CHANGE, typed), "errors": []}, line.rights, line)
    values, refusals = forms.read(CHANGE, request.POST)
    rights = _rights_in(request.POST)
    last = _day(values["valid_until"])
    if last and last < line.valid_from:
        refusals.append(Refusal("ACC-32", "有效期的终止日早于起始日，请核对", "valid_until"))
    if refusals:
        return _form(request, line.name, forms.shown(CHANGE, request.POST, refusals), rights, line, status=422)
    operators.change(account_id, rights, lead=values["lead"] == "yes", valid_until=last, at=now())
    return HttpResponseRedirect("/u/operators?done=changed")


@unit_leads
@require_POST
def revoke(request: HttpRequest, account_id: int) -> HttpResponse:
    """停用 at once."""
    return _tried(request, "revoked", lambda: operators.revoke(account_id, at=now()))


@unit_leads
@require_POST
def reissue(request: HttpRequest, account_id: int) -> HttpResponse:
    """补发密码条."""
    return _tried(request, "reissued", lambda: operators.reissue(account_id, at=now()))


@unit_leads
@require_POST
def print_slip(request: HttpRequest, slip_id: int) -> HttpResponse:
    """打印密码条 of an operator, once."""
    try:
        printed = operators.print_slip(slip_id, at=now())
    except SlipGoneError as error:
        return _list(request, [(None, error.text.replace("请办理“密码条补发”", "请点“补发密码条”"))], error.status)
    return download(slip_pdf(printed, at=now()), "密码条.pdf", "application/pdf", inline=True)


def _tried(request: HttpRequest, done: str, act: Callable[[], None]) -> HttpResponse:
    try:
        act()
    except ShebaoError as error:
        return _list(request, [(None, error.text)], error.status)
    return HttpResponseRedirect(f"/u/operators?done={done}")


def _line(account_id: int) -> OperatorLine:
    found = next((line for line in operators.my_unit(now()) if line.account_id == account_id and line.revoked_at is None), None)
    if found is None:
        raise NoSuchOperatorError
    return found


def _day(value: object) -> date | None:
    return date.fromisoformat(str(value)) if value else None


def _rights_in(sent: QueryDict) -> dict[str, Level]:
    """What the form gives: everything at one level, or item by item. Codes that are none fall away."""
    everything = min(number_of(sent.get("everything")), int(Level.SUBMIT))
    if everything:
        return {EVERYTHING: Level(everything)}
    return clean((code, min(number_of(sent.get(f"right-{code}")), int(Level.SUBMIT))) for code in _titles())


def _form(
    request: HttpRequest,
    title: str,
    context: Mapping[str, object],
    rights: Mapping[str, Level],
    line: OperatorLine | None,
    *,
    status: int = 200,
) -> HttpResponse:
    shown = {
        "everything": {
            "name": "everything",
            "label": "全部事项（包括以后新增的）",
            "kind": "choice",
            "required": False,
            "hint": "选“按事项”时，以下表为准",
            "value": str(int(rights.get(EVERYTHING, Level.NONE))),
            "choices": [("0", "按事项"), *((str(value), label) for value, label in LEVELS if value)],
        },
        "rights": [(code, label, int(rights.get(code, Level.NONE)), code in SERVICES) for code, label in _titles().items()],
        "levels": LEVELS,
        "line": line,
        "me": actor_of(request).account_id,
        **context,
    }
    return show(request, "operator", title, shown, crumbs=(HOME, PAGE, (title, None)), status=status)
