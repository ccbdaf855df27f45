"""法人注册: a unit registers itself on the public page; the agency confirms. The answer never tells whether a unit exists."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from shebao.access import registrations
from shebao.base.clock import now, today
from shebao.base.errors import Refusal, ShebaoError
from shebao.casework import fields
from shebao.casework.fields import Field
from shebao.channels import forms
from shebao.channels.frame import frame
from shebao.channels.guards import everyone
from shebao.parties.models import Agency
from shebao.policy.agreed import in_force
from shebao.surfaces.form import blank, views

UNIT_NUMBER = re.compile(r"[0-9]{13}\Z", re.ASCII)
CAPACITIES = (("operator", "单位经办人"), ("legal", "法定代表人"))


def _fields() -> tuple[Field, ...]:
    agencies = tuple((str(pk), name) for pk, name in Agency.objects.order_by("pk").values_list("pk", "name"))
    return (
        fields.choice("agency", "参保所在辖区的经办机构", agencies),
        fields.text("unit_number", "单位编号", most=13, hint="13 位数字，见社会保险登记证或缴费单"),
        fields.text("unit_name", "单位名称", most=100, hint="与社会保险登记的名称一致"),
        fields.choice("capacity", "登记人身份", CAPACITIES),
        fields.name("name", "姓名", core=False),
        fields.id_number("id_number", "公民身份号码", core=False),
        fields.mobile("mobile", "手机号码"),
    )


@everyone
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The form, and afterwards the 受理编号 with what comes next."""
    asked = _fields()
    context = frame(request, "法人注册", crumbs=(("首页", "/"), ("法人注册", None))) | {"agreement": in_force("online_service", today())}
    if request.method == "GET":
        return render(request, "public/register.html", context | {"fields": views(asked, blank(asked)), "errors": []})
    values, refusals = forms.read(asked, request.POST)
    if values["unit_number"] and not UNIT_NUMBER.match(str(values["unit_number"])):
        refusals.append(Refusal("ACC-30", "单位编号是 13 位数字，请对照社会保险登记证或缴费单核对", "unit_number"))
    if refusals:
        return render(request, "public/register.html", context | forms.shown(asked, request.POST, refusals), status=422)
    agency_id = int(str(values.pop("agency")))
    told = registrations.Told(agency_id, **{name: str(value) for name, value in values.items()})
    try:
        number = registrations.register(told, at=now(), address=request.META.get("REMOTE_ADDR", ""))
    except registrations.TooManyRegistrationsError as error:
        return _again(request, context, asked, error)
    agency = Agency.objects.get(pk=agency_id)
    return render(request, "public/registered.html", context | {"number": number, "agency": agency.name})


def _again(request: HttpRequest, context: dict[str, object], asked: tuple[Field, ...], error: ShebaoError) -> HttpResponse:
    told = forms.shown(asked, request.POST, [Refusal(error.code, error.text)])
    return render(request, "public/register.html", context | told, status=error.status)
