"""个人一般信息变更: education, marriage, ethnicity, telephones, addresses, photo of an employee (seed 004, 单位篇 七)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.codes import EDUCATION, ETHNICITY, MARRIAGE
from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Change, Context, Filing, Guide, ServiceItem
from shebao.enrolment.queries import NOBODY, Cover, Standing, standings
from shebao.items.enrolment.situation import always_automatic
from shebao.parties.as_of import Known, person_as_of
from shebao.parties.changes import Change as Registered
from shebao.parties.changes import change_people
from shebao.parties.facts import PERSON_FIELDS, shown

GENERAL = ("education", "marriage", "ethnicity", "mobile", "phone", "household_address", "home_address")
KEY = "姓名、公民身份号码、性别、出生日期等重点信息变更，请携带相关资料到辖区社保经办机构窗口办理"


@dataclass(frozen=True, slots=True)
class Situation:
    """Who the number is, whether insured through the filing unit, and what is registered of the person now."""

    standing: Standing
    cover: Cover | None
    known: Known | None


def facts(filings: Sequence[Filing], context: Context) -> list[Situation]:
    """Two queries for all filings: standings, and what is registered."""
    found = standings([f.text("id_number") for f in filings])
    people = [found.get(f.text("id_number"), NOBODY) for f in filings]
    known = person_as_of([p.person_id for p in people if p.person_id], None)
    return [Situation(p, _cover(p, context), known.get(p.person_id or 0)) for p in people]


def _cover(standing: Standing, context: Context) -> Cover | None:
    return next((c for c in standing.covers if c.unit_id == context.unit_id and c.to_month is None), None)


def insured_here(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.cover is not None and situation.known is not None:
        return None
    return Refusal("INF-10", "此人不在本单位参保或已暂停缴费，不能由本单位变更信息；请核对身份号码", "id_number")


def right_name(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.cover is None or filing.text("name") == situation.standing.name:
        return None
    return Refusal("INF-11", f"姓名与参保登记的不一致，请核对身份号码；{KEY}", "name")


def really_changes(filing: Filing, situation: Situation, context: Context) -> Refusal | None:
    if situation.cover is None or changed(filing, situation):
        return None
    return Refusal("INF-12", f"填写的内容与登记的相同，没有需要变更的；请至少改动一项。{KEY}")


def changed(filing: Filing, situation: Situation) -> dict[str, str]:
    """What the filing gives anew, by field; what is left empty stays as it is registered."""
    known = situation.known
    given = [name for name in PERSON_FIELDS if filing.text(name)]
    return {name: filing.text(name) for name in given if known is not None and known[name] != filing.text(name)}


def compare(filing: Filing, situation: Situation, context: Context) -> Sequence[Change]:
    before = situation.known
    after = {n: "本次上传的照片" if n == "photo" else shown(n, v) for n, v in changed(filing, situation).items()}
    return [Change(PERSON_FIELDS[n], before.shown(n) if before else "", text) for n, text in after.items()]


def perform(filings: Sequence[Filing], context: Context) -> None:
    """True from the day the change takes effect; what was registered before stays on record."""
    found = facts(filings, context)
    change_people(
        [Registered(s.standing.person_id or 0, changed(f, s), context.on, f.case_id) for f, s in zip(filings, found, strict=True)],
        at=context.at,
    )


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    (situation,) = facts([filing], context)
    told = (("证件号码", mask_id_number(id_number)),)
    if (refusal := insured_here(filing, situation, context)) is not None:
        return Answer(told, {}, (refusal,), situation.standing.person_id)
    known = situation.known
    assert known is not None, "who is insured is registered"
    registered = tuple((PERSON_FIELDS[name], known.shown(name)) for name in GENERAL)
    # What would not be accepted today is left empty, which leaves it as it is.
    given = [f for f in ITEM.fields if f.name in ("name", *GENERAL) and known[f.name]]
    values = {f.name: known[f.name] for f in given if f.clean(known[f.name])[1] is None}
    return Answer((*told, ("登记姓名", known["name"]), *registered), values, (), known.id)


ITEM = ServiceItem(
    code="register.change_person",
    version=1,
    title="个人一般信息变更",
    prefix="GX",
    audience=frozenset({Audience.UNIT}),
    group="单位业务办理",
    icon="person-gear",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("education", "文化程度", EDUCATION.choices, required=False, hint="留空的项目不变更"),
        fields.choice("marriage", "婚姻状况", MARRIAGE.choices, required=False),
        fields.choice("ethnicity", "民族", ETHNICITY.choices, required=False),
        fields.mobile("mobile", "参保人联系手机", required=False),
        fields.phone("phone", "参保人联系电话", required=False),
        fields.text("household_address", "户口所在地", required=False, most=150, width=30),
        fields.text("home_address", "居住地地址", required=False, most=150, width=30),
        fields.photo("photo", "照片", required=False, hint="一寸红底免冠，JPG 或 PNG，不超过 5 MB"),
    ),
    facts=facts,
    checks=(insured_here, right_name, really_changes),
    warns=(),
    review=always_automatic,
    perform=perform,
    effect=None,
    look_up=look_up,
    compare=compare,
    materials=("经职工本人签字确认的信息变更相关的证明及说明材料",),
    guide=Guide(
        summary="职工的文化程度、婚姻状况、联系方式等情况发生变化，与系统登记信息不一致时，办理信息的修改。",
        who="已取得社会保险网上办事资格的参保单位，为在本单位参保的职工办理。",
        when="全月办理；系统自动审核，通过后立即生效。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》第七条",),
        after=f"资料请妥善留存并归档备查。{KEY}。",
        words=("改手机号", "改电话", "改地址", "学历", "文化程度", "婚姻状况", "民族", "个人信息", "信息修改"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "INF-10": "不在本单位参保或已暂停缴费",
        "INF-11": "姓名与参保登记的不一致；重点信息到窗口变更",
        "INF-12": "没有任何变更",
    },
    return_reasons=("证明材料与申报内容不一致，请核对",),
)
