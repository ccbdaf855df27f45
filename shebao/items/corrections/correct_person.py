"""个人重点信息变更与订正: name and 公民身份号码 (with it sex and birth date); the person stays one (seed 004, 七(四)2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shebao.base.errors import Refusal
from shebao.base.identifiers import age_on, birth_date_of, mask_id_number, sex_of
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment.queries import NOBODY, Standing, standings
from shebao.items.corrections.common import GROUP, REASON, at_the_counter, course, covers_here, look_up, people
from shebao.parties.changes import Change as FactChange
from shebao.parties.changes import change_people
from shebao.parties.corrections import note_corrections
from shebao.parties.models import CorrectionKind
from shebao.parties.registration import lock_people

CORRECTED, CHANGED = "corrected", "changed"
KINDS = ((CORRECTED, "订正（当时就录错了）"), (CHANGED, "变更（从现在起改变，例如改名）"))


@dataclass(frozen=True, slots=True)
class Facts:
    """The person, and who already has the number that is to become theirs."""

    standing: Standing
    other: Standing


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Facts]:
    wanted = standings([f.text("new_id_number") for f in filings if f.text("new_id_number")])
    return [Facts(standing, wanted.get(f.text("new_id_number"), NOBODY)) for f, standing in zip(filings, people(filings), strict=True)]


def insured_here(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if covers_here(found.standing, context):
        return None
    return Refusal("COR-01", "此人没有在本单位参保的记录，请核对身份号码和单位", "id_number")


def same_name(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if not found.standing.name or found.standing.name == filing.text("name"):
        return None
    return Refusal("COR-03", f"姓名与登记的不一致（登记为 {found.standing.name}）；“登记姓名”请填现在登记的姓名", "name")


def something_changes(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if _new(filing, found.standing):
        return None
    return Refusal("COR-04", "没有填写与现在登记不同的姓名或公民身份号码，不用订正", "new_name")


def number_is_free(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if found.other.person_id is None or found.other.person_id == found.standing.person_id:
        return None
    hidden = found.other.name[:1] + "*" * (len(found.other.name) - 1)
    return Refusal(
        "COR-10",
        f"号码 {mask_id_number(filing.text('new_id_number'))} 已是另一参保人（{hidden}，个人编号 {found.other.number}）的号码；"
        "同一人有两个个人编号的，须先归并账户，不能在这里改号",
        "new_id_number",
    )


def born_before_now(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    number = filing.text("new_id_number")
    if not number or birth_date_of(number) <= context.on:
        return None
    return Refusal("COR-11", f"新号码中的出生日期（{birth_date_of(number)}）晚于今天，请核对", "new_id_number")


def age_or_sex_moves(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    number, now = filing.text("new_id_number"), filing.text("id_number")
    if not number or not found.standing.person_id:
        return None
    told = []
    if sex_of(number) is not sex_of(now):
        told.append(f"性别由{sex_of(now).label}改为{sex_of(number).label}")
    if birth_date_of(number) != birth_date_of(now):
        ages = [age_on(birth_date_of(n), context.on) for n in (now, number)]
        told.append(f"出生日期由 {birth_date_of(now)} 改为 {birth_date_of(number)}（{ages[0]} 周岁改为 {ages[1]} 周岁）")
    return Refusal("COR-W2", f"{'，'.join(told)}，影响退休年龄等待遇，请核对档案", "new_id_number") if told else None


def _new(filing: Filing, standing: Standing) -> dict[str, str | date]:
    """The facts that become others."""
    found: dict[str, str | date] = {}
    name, number, now = filing.text("new_name"), filing.text("new_id_number"), filing.text("id_number")
    if name and name != standing.name:
        found["name"] = name
    if number and number != now:
        found["id_number"] = number
        if sex_of(number) is not sex_of(now):
            found["sex"] = sex_of(number).value
        if birth_date_of(number) != birth_date_of(now):
            found["birth_date"] = birth_date_of(number)
    return found


def perform(filings: Sequence[Filing], context: Context) -> None:
    found = facts(filings, context)
    lock_people([one.standing.person_id or 0 for one in found])
    changes, lines = [], []
    for f, one in zip(filings, found, strict=True):
        person_id = one.standing.person_id or 0
        correction = f.text("kind") == CORRECTED
        changes.append(FactChange(person_id, _new(f, one.standing), context.on, f.case_id or None, correction))
        pairs = _pairs(f, one)
        told = [" / ".join(pair[i] for pair in pairs) for i in (1, 2)]
        label = "、".join(pair[0] for pair in pairs)
        lines.append(course(f, context, person_id, CorrectionKind.PERSON, label, *told)(0, 0))
    change_people(changes, at=context.at)
    note_corrections(lines, at=context.at)


def _pairs(filing: Filing, found: Facts) -> list[tuple[str, str, str]]:
    new, now = _new(filing, found.standing), filing.text("id_number")
    pairs = []
    if "name" in new:
        pairs.append(("姓名", found.standing.name, str(new["name"])))
    if "id_number" in new:
        pairs.append(("公民身份号码", mask_id_number(now), mask_id_number(str(new["id_number"]))))
    if "sex" in new:
        pairs.append(("性别", sex_of(now).label, sex_of(str(new["id_number"])).label))
    if "birth_date" in new:
        pairs.append(("出生日期", str(birth_date_of(now)), str(new["birth_date"])))
    return pairs


def compare(filing: Filing, found: Facts, context: Context) -> Sequence[Change]:
    if "id_number" not in _new(filing, found.standing):
        return [Change(*pair) for pair in _pairs(filing, found)]
    whole = ("公民身份号码", filing.text("id_number"), filing.text("new_id_number"))  # the reviewer compares every digit with the document
    return [Change(*(whole if pair[0] == "公民身份号码" else pair)) for pair in _pairs(filing, found)]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    told = ["参保关系、缴费记录和个人账户都随个人编号保留，不受影响。"]
    if filings and filings[0].text("new_id_number"):
        told.append("今后请用新号码办理业务；旧号码查不到此人。")
    return MoneyEffect("订正的影响", (), tuple(told))


def second_review(filings: Sequence[Filing], context: Context) -> str:
    return "变更公民身份号码，需要复核" if any(f.text("new_id_number") for f in filings) else ""


ITEM = ServiceItem(
    code="corrections.correct_person",
    version=1,
    title="个人重点信息变更",
    prefix="XR",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="person-vcard",
    fields=(
        fields.id_number("id_number", label="现登记的公民身份号码"),
        fields.name("name", "登记姓名"),
        fields.choice("kind", "类别", KINDS, default=CORRECTED),
        fields.name("new_name", "应为姓名", required=False, core=False, hint="不变请留空"),
        fields.id_number("new_id_number", "应为公民身份号码", required=False, core=False, hint="18 位；不变请留空"),
        REASON,
    ),
    facts=facts,
    checks=(insured_here, same_name, something_changes, number_is_free, born_before_now),
    warns=(age_or_sex_moves,),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    second_review=second_review,
    compare=compare,
    materials=("职工公民身份证原件及复印件", "公安机关出具的姓名或号码变更证明", "职工档案（涉及出生日期的）"),
    guide=Guide(
        summary="姓名、公民身份号码等重点信息变更或录错的，携带资料到窗口办理；文化程度、手机等一般信息可在网上变更。",
        who="在本单位参保的职工，由单位代办。",
        when="发现后及时办理。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》七（四）2：其他职工重点信息变更时，要携带相关资料到辖区社保经办机构审核办理",),
        after="审核通过后立即生效；原登记内容保留可查，个人编号不变。",
        words=("改名", "身份证号错了", "换身份证号", "姓名订正", "重点信息"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "COR-01": "没有在本单位参保的记录",
        "COR-03": "姓名与登记的不一致",
        "COR-04": "与现在登记的相同",
        "COR-10": "新号码已是另一参保人的号码",
        "COR-11": "新号码的出生日期晚于今天",
        "COR-W2": "提醒：性别或出生日期随号码改变",
    },
    return_reasons=("公安机关证明与填写的不一致，请核对", "缺少身份证复印件，请补充"),
)
