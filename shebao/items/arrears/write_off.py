"""当月欠费注销: the current month of an employee is owed no more, all types, for good (seed 004, 六、网上办理职工当月欠费注销)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.base.months import month_of, month_shown
from shebao.base.terms import SHORT_LABELS
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem, Table
from shebao.enrolment.queries import NOBODY, Standing, standings
from shebao.items.arrears.situation import WHO, automatic
from shebao.levy import write_off
from shebao.levy.models import TakenState
from shebao.levy.owing import Owed
from shebao.levy.queries import taken_people

WORD = "确认注销"
ALL_TYPES = "所有参保险种的欠费同步注销，不能只注销其中一种。"
FOR_GOOD = "请谨慎操作：一旦欠费注销成功将无法恢复，该月不计入缴费月数。"


@dataclass(frozen=True, slots=True)
class Month:
    """A person's current month in the filing unit: what could be written off; why nothing can; what became of it already."""

    standing: Standing
    dues: tuple[Owed, ...] = ()
    why_not: str = ""
    taken: str = ""


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Month]:
    known = standings([filing.text("id_number") for filing in filings])
    found = [known.get(filing.text("id_number"), NOBODY) for filing in filings]
    bill = write_off.bill_of_month(context.unit_id, month_of(context.on))
    people = [standing.person_id for standing in found if standing.person_id]
    why_not = write_off.why_not(bill, month_of(context.on))
    by_person: dict[int, list[Owed]] = {}
    for due in write_off.dues_of(bill, people) if bill else ():
        by_person.setdefault(due.person_id, []).append(due)
    taken = taken_people(bill, people) if bill else {}
    words = {
        person: "已经注销，不用重复办理"
        if state is TakenState.WRITTEN_OFF
        else f"已转入补缴单 {number}，请先办理“欠费补缴回退”"
        if state is TakenState.ORDERED
        else f"已由补缴单 {number} 缴清，不能注销"
        for person, (state, number) in taken.items()
    }
    return [
        Month(standing, tuple(by_person.get(standing.person_id or 0, ())), why_not, words.get(standing.person_id or 0, ""))
        for standing in found
    ]


def of_this_unit(filing: Filing, found: Month, context: Context) -> Refusal | None:
    if any(cover.unit_id == context.unit_id for cover in found.standing.covers):
        return None
    return Refusal("ARR-30", "此人没有在本单位参保，请核对身份号码", "id_number")


def same_name(filing: Filing, found: Month, context: Context) -> Refusal | None:
    if not found.standing.name or not filing.text("name") or found.standing.name == filing.text("name"):
        return None
    return Refusal("ENR-23", "姓名与参保登记的不一致，请核对身份号码和姓名", "name")


def issued_and_unpaid(filing: Filing, found: Month, context: Context) -> Refusal | None:
    return Refusal("ARR-31", found.why_not, "id_number", link="/u/bills") if found.why_not else None


def not_taken(filing: Filing, found: Month, context: Context) -> Refusal | None:
    if found.why_not or not found.taken:
        return None
    return Refusal("ARR-32", f"此人{month_shown(month_of(context.on))}的欠费{found.taken}", "id_number")


def owes(filing: Filing, found: Month, context: Context) -> Refusal | None:
    if found.dues or found.why_not or found.taken or of_this_unit(filing, found, context):
        return None
    month = month_shown(month_of(context.on))
    return Refusal("ARR-33", f"此人{month}没有欠费：网上只能注销当月（{month}）的欠费，以前月份请办理“单位员工欠费补缴”", "id_number")


CHECKS = (of_this_unit, same_name, issued_and_unpaid, not_taken, owes)


def perform(filings: Sequence[Filing], context: Context) -> None:
    people = [
        write_off.WriteOff(one.standing.person_id or 0, filing.case_id)
        for filing, one in zip(filings, facts(filings, context), strict=True)
    ]
    write_off.write_off(people, unit_id=context.unit_id, agency_id=context.agency_id, place=context.place, on=context.on, at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    month = month_shown(month_of(context.on))
    dues = [due for one in facts(filings, context) for due in one.dues]
    if not dues:
        return MoneyEffect("注销的后果")
    rows = [(SHORT_LABELS[d.insurance], yuan_shown(d.open_unit_fen), yuan_shown(d.open_person_fen), yuan_shown(d.open_fen)) for d in dues]
    unit_fen, person_fen = sum(d.open_unit_fen for d in dues), sum(d.open_person_fen for d in dues)
    rows.append(("合计", yuan_shown(unit_fen), yuan_shown(person_fen), yuan_shown(unit_fen + person_fen)))
    amounts = Table(f"{month}注销的费款", ("险种", "单位（元）", "个人（元）", "合计（元）"), tuple(rows), "", frozenset({1, 2, 3}))
    bill = write_off.bill_of_month(context.unit_id, month_of(context.on))
    open_fen = bill.open_fen if bill else 0
    after = Table(
        "注销以后",
        ("事项", "注销前", "注销后"),
        (
            (f"本单位{month}核定单应缴", f"{yuan_shown(open_fen)} 元", f"{yuan_shown(open_fen - unit_fen - person_fen)} 元"),
            (f"职工{month}缴费记录", "欠费，缴清后计入", "不计入缴费月数（养老年限、医疗等）"),
            ("能否恢复", "—", "无法恢复"),
            ("职工的参保状态", "参保缴费", "不变；不再参保的请另办“暂停缴费”"),
        ),
    )
    return MoneyEffect("注销的后果", (), (ALL_TYPES, FOR_GOOD), (amounts, after))


def compare(filing: Filing, found: Month, context: Context) -> Sequence[Change]:
    owed = sum(due.open_fen for due in found.dues)
    return [Change(f"{month_shown(month_of(context.on))}欠费", f"{yuan_shown(owed)} 元", "0.00 元（已注销，不可恢复）")] if owed else []


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = facts([filing], context)[0]
    refusals = tuple(r for check in CHECKS if (r := check(filing, found, context)))
    if any(r.code == "ARR-30" for r in refusals):
        return Answer((("证件号码", mask_id_number(id_number)),), {}, refusals, found.standing.person_id)
    told = [("证件号码", mask_id_number(id_number)), ("登记姓名", found.standing.name)]
    if found.dues and not found.why_not:
        told.append(("费款所属期", month_shown(found.dues[0].month)))
        for due in found.dues:
            told.append((due.insurance.label, f"单位 {yuan_shown(due.open_unit_fen)} 元，个人 {yuan_shown(due.open_person_fen)} 元"))
        told.append(("注销合计", f"{yuan_shown(sum(due.open_fen for due in found.dues))} 元（所有险种，不可恢复）"))
    return Answer(tuple(told), {"name": found.standing.name}, refusals, found.standing.person_id)


ITEM = ServiceItem(
    code="arrears.write_off",
    version=1,
    title="当月欠费注销",
    prefix="QX",
    audience=frozenset({Audience.UNIT}),
    group="单位业务办理",
    icon="x-octagon",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.long_text("reason", "情况说明", most=200, hint="为什么没有及时办理暂停缴费；职工本人签字确认的说明请留存备查"),
        fields.confirm_word("confirm", "确认", WORD),
    ),
    facts=facts,
    checks=CHECKS,
    warns=(),
    review=automatic,
    perform=perform,
    effect=effect,
    look_up=look_up,
    compare=compare,
    materials=("经职工本人签字确认的欠费注销的情况说明材料", "其他相关证明材料"),
    guide=Guide(
        summary="因客观原因未及时办理职工暂停缴费、生成了当月应缴费款的，核销该职工当月的欠费。所有险种同步注销，注销后无法恢复。",
        who=f"{WHO}职工当月费款已核定、还没有缴费到账。",
        when="费款所属期当月，单位缴费到账前。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》第六条",),
        after="系统自动审核；核定单应缴金额相应减少，请重新打印核定表，资料留存备查。职工不再参保的，另办“暂停缴费”。",
        words=("注销欠费", "核销", "离职没停保", "取消缴费"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "ENR-23": "姓名与参保登记的不一致",
        "ARR-30": "没有在本单位参保",
        "ARR-31": "当月没有核定，或已有到账",
        "ARR-32": "当月欠费已注销或已转补缴单",
        "ARR-33": "当月没有欠费",
    },
    return_reasons=("情况说明没有职工本人签字，请补充",),
)
