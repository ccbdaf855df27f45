"""单位一般信息变更: contact, telephones, fax, e-mail, postcode and address of the unit itself (seed 004, 单位篇 八)."""

from collections.abc import Mapping, Sequence

from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.fields import Value
from shebao.casework.item import Audience, Change, Context, Filing, Guide, ServiceItem, Subject
from shebao.items.enrolment.situation import always_automatic
from shebao.parties.as_of import Known, unit_as_of
from shebao.parties.changes import Change as Registered
from shebao.parties.changes import change_units
from shebao.parties.facts import UNIT_FIELDS, shown

GENERAL = ("contact_name", "contact_phone", "fax", "email", "postcode", "phone", "address")
KEY = "单位名称、统一社会信用代码、法定代表人等重点信息变更，请携带相关资料到辖区社保经办机构窗口办理"


def registered(context: Context) -> Known:
    """What is registered of the filing unit now."""
    return unit_as_of([context.unit_id], None)[context.unit_id]


def facts(filings: Sequence[Filing], context: Context) -> list[Known]:
    return [registered(context)] * len(filings)


def prefill(context: Context) -> Mapping[str, Value]:
    """What is registered; what would not be accepted today is left empty, which leaves it as it is."""
    known = registered(context)
    return {f.name: known[f.name] for f in ITEM.fields if known[f.name] and f.clean(known[f.name])[1] is None}


def changed(filing: Filing, known: Known) -> dict[str, str]:
    """What the filing gives anew, by field; what is left empty stays as it is registered."""
    return {name: value for name in GENERAL if (value := filing.text(name)) and known[name] != value}


def really_changes(filing: Filing, known: Known, context: Context) -> Refusal | None:
    if changed(filing, known):
        return None
    return Refusal("INF-20", f"填写的内容与登记的相同，没有需要变更的；请至少改动一项。{KEY}")


def compare(filing: Filing, known: Known, context: Context) -> Sequence[Change]:
    return [Change(UNIT_FIELDS[name], known.shown(name), shown(name, value)) for name, value in changed(filing, known).items()]


def perform(filings: Sequence[Filing], context: Context) -> None:
    """True from the day the change takes effect; what was registered before stays on record."""
    for filing in filings:  # a unit files about itself: one row
        change_units([Registered(context.unit_id, changed(filing, registered(context)), context.on, filing.case_id)], at=context.at)


ITEM = ServiceItem(
    code="register.change_unit",
    version=1,
    title="单位一般信息变更",
    prefix="DX",
    audience=frozenset({Audience.UNIT}),
    subject=Subject.UNIT,
    group="单位业务办理",
    icon="building",
    fields=(
        fields.name("contact_name", "联系人姓名", required=False, core=False, hint="留空的项目不变更"),
        fields.phone("contact_phone", "联系人电话", required=False),
        fields.phone("fax", "传真号码", required=False),
        fields.email("email", "邮箱地址", required=False),
        fields.postcode("postcode", "邮政编码", required=False),
        fields.phone("phone", "单位联系电话", required=False),
        fields.text("address", "单位地址", required=False, most=120, width=30),
    ),
    facts=facts,
    checks=(really_changes,),
    warns=(),
    review=always_automatic,
    perform=perform,
    effect=None,
    look_up=None,
    prefill=prefill,
    compare=compare,
    materials=("信息变更相关的证明及说明材料",),
    guide=Guide(
        summary="单位更换地址、联系人等相关信息，与系统登记信息不一致时，办理信息的修改。",
        who="已取得社会保险网上办事资格的参保单位。",
        when="全月办理；系统自动审核，通过后立即生效。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》第八条",),
        after=f"资料请妥善留存并归档备查。{KEY}。",
        words=("换联系人", "改地址", "单位电话", "传真", "邮箱", "邮编", "单位信息", "搬家"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={"INF-20": "没有任何变更；重点信息到窗口变更"},
    return_reasons=("证明材料与申报内容不一致，请核对",),
)
