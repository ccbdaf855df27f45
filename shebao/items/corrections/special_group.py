"""特殊人群认定: 军转干部, 劳动模范 …, a dated attribute of a person with its evidence (seed 004, 二(四)4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment.queries import Standing
from shebao.items.corrections.common import GROUP, at_the_counter, course, covers_here, day_of, look_up, people
from shebao.parties.corrections import note_corrections
from shebao.parties.models import CorrectionKind, SpecialGroup, SpecialKind
from shebao.parties.registered import special_groups
from shebao.parties.registration import lock_people
from shebao.parties.special import end_special, recognise

RECOGNISE, END = "recognise", "end"
ACTIONS = ((RECOGNISE, "认定"), (END, "终止"))
KINDS = tuple((kind.value, str(kind.label)) for kind in SpecialKind)


@dataclass(frozen=True, slots=True)
class Facts:
    """The person and the findings that hold."""

    standing: Standing
    known: tuple[SpecialGroup, ...]


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Facts]:
    return [Facts(one, tuple(special_groups(one.person_id)) if one.person_id else ()) for one in people(filings)]


def _same_kind(filing: Filing, found: Facts) -> list[SpecialGroup]:
    return [one for one in found.known if one.kind == filing.text("kind")]


def insured_here(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if covers_here(found.standing, context):
        return None
    return Refusal("COR-20", "此人还没有在本单位参保；请先办理新增或续保，再办理特殊人群认定", "id_number")


def same_name(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if not found.standing.name or found.standing.name == filing.text("name"):
        return None
    return Refusal("COR-03", f"姓名与登记的不一致（登记为 {found.standing.name}），请核对", "name")


def day_fits(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    day = day_of(filing, "day")
    if day is None or day <= context.on:
        return None
    return Refusal("COR-21", f"日期不能晚于今天（{context.on}），请核对认定文件", "day")


def evidence_of_other(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    if filing.text("kind") != SpecialKind.OTHER or len(filing.text("evidence")) >= 6:
        return None
    return Refusal("COR-22", "其他特殊人群请在认定依据中写明类别、文件名称和文号", "evidence")


def not_known_already(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    day = day_of(filing, "day")
    if filing.text("way") != RECOGNISE or day is None:
        return None
    clash = [one for one in _same_kind(filing, found) if one.to_date is None or one.to_date > day]
    if not clash:
        return None
    ended = f" 至 {clash[0].to_date}" if clash[0].to_date else " 起"
    return Refusal("COR-23", f"此人已有同类认定（{clash[0].from_date}{ended}，依据：{clash[0].evidence}），不用重复认定", "kind")


def something_to_end(filing: Filing, found: Facts, context: Context) -> Refusal | None:
    day = day_of(filing, "day")
    if filing.text("way") != END or day is None:
        return None
    running = [one for one in _same_kind(filing, found) if one.to_date is None]
    if not running:
        return Refusal("COR-24", "此人没有正在执行的这类认定，不用终止", "kind")
    if running[0].from_date >= day:
        return Refusal("COR-24", f"终止日期应晚于认定日期（{running[0].from_date}）", "day")
    return None


def perform(filings: Sequence[Filing], context: Context) -> None:
    found = facts(filings, context)
    lock_people([one.standing.person_id or 0 for one in found])
    lines = []
    for f, one in zip(filings, found, strict=True):
        person_id, day, kind = one.standing.person_id or 0, day_of(f, "day"), SpecialKind(f.text("kind"))
        assert day is not None
        case_id = f.case_id or None
        if f.text("way") == END:
            end_special(person_id, kind, day, case_id=case_id, at=context.at)
        else:
            recognise(
                person_id,
                kind,
                day,
                f.text("evidence"),
                unit_id=context.unit_id,
                agency_id=context.agency_id,
                to_date=None,
                case_id=case_id,
                at=context.at,
            )
        change = compare(f, one, context)[0]
        line = course(f, context, person_id, CorrectionKind.SPECIAL, change.label, change.before, change.after)
        lines.append(line(0, 0))
    note_corrections(lines, at=context.at)


def compare(filing: Filing, found: Facts, context: Context) -> Sequence[Change]:
    label = f"特殊人群：{dict(KINDS)[filing.text('kind')]}"
    running = [one for one in _same_kind(filing, found) if one.to_date is None]
    before = f"{running[0].from_date} 起" if running else "未认定"
    after = f"{filing.text('day')} 起" if filing.text("way") == RECOGNISE else f"{filing.text('day')} 终止"
    return [Change(label, before, after)]


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    return MoneyEffect("认定后", (), ("认定结果登记在个人信息中，供待遇核定时使用；不改变每月缴费。",))


ITEM = ServiceItem(
    code="corrections.special_group",
    version=1,
    title="特殊人群认定",
    prefix="TR",
    audience=frozenset({Audience.COUNTER}),
    group=GROUP,
    icon="person-badge",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("way", "办理方式", ACTIONS, default=RECOGNISE),
        fields.choice("kind", "特殊人群类别", KINDS),
        fields.day("day", "认定（终止）日期", hint="认定文件上的日期；终止的填不再属于的第一天"),
        fields.text("evidence", "认定依据", most=200, width=40, hint="文件名称和文号、档案材料"),
        fields.text("reason", "办理说明", most=100, width=30),
    ),
    facts=facts,
    checks=(insured_here, same_name, day_fits, evidence_of_other, not_known_already, something_to_end),
    warns=(),
    review=at_the_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    compare=compare,
    materials=("职工档案", "军转干部审批表、劳动模范证书等认定材料原件及复印件", "职工公民身份证复印件"),
    guide=Guide(
        summary="参保职工属于军转干部、劳动模范等特殊人群的认定与终止。",
        who="已在本单位参保的职工，由单位代办。",
        when="先在网上办理新增或续保，再携带职工档案等资料到窗口办理。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》二（四）4",),
        after="审核通过后记入个人信息，带有认定日期和依据。",
        words=("军转干", "劳模", "劳动模范", "军转干部", "特殊身份"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "COR-03": "姓名与登记的不一致",
        "COR-20": "还没有在本单位参保",
        "COR-21": "认定日期晚于今天",
        "COR-22": "其他类别没有写明依据",
        "COR-23": "已有同类认定",
        "COR-24": "没有可以终止的认定",
    },
    return_reasons=("档案中没有认定材料，请补充", "认定日期与材料不一致，请核对"),
)
