"""What the items of 信息订正 share: whom they are about, and trying a correction to see what it would mean before it is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from shebao.base.errors import Refusal, ShebaoError
from shebao.base.identifiers import mask_id_number
from shebao.base.money import yuan_shown
from shebao.base.months import iso, month_of, shift
from shebao.base.terms import SHORT_LABELS
from shebao.casework import fields
from shebao.casework.item import Answer, Context, Filing, MoneyEffect, Review, Table
from shebao.casework.models import Case
from shebao.enrolment.queries import NOBODY, Cover, Standing, standings
from shebao.levy.causes import Because, note
from shebao.levy.differences import Difference, assessed_months, between, by_register, charged, settle, written_off
from shebao.levy.models import CauseKind
from shebao.levy.months import hold
from shebao.parties.corrections import NewCorrection, note_corrections
from shebao.parties.models import CorrectionKind
from shebao.parties.registration import lock_people

GROUP = "信息订正与认定"
REASON = fields.text("reason", "订正原因", most=100, width=30, hint="写明当时为什么录错，以及依据的材料")
KINDS = {CorrectionKind.SPELL: CauseKind.SPELL, CorrectionKind.WAGE: CauseKind.WAGE}  # the corrections that move money
TABLE_ROWS_MAX = 60  # differences listed one by one; the rest is summed up


class MoneyMovedError(ShebaoError):
    """Since the case was submitted a month was assessed: the correction moves money now, and nobody was asked to confirm that."""

    code = "COR-92"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a correction would mean: the differences of assessed months, or why it cannot be done."""

    differences: tuple[Difference, ...] = ()
    problem: ShebaoError | None = None

    @property
    def up_fen(self) -> int:
        return sum(d.up_fen for d in self.differences)

    @property
    def down_fen(self) -> int:
        return sum(d.down_fen for d in self.differences)


NO_TRIAL = Trial()


class _Undo(Exception):
    def __init__(self, found: tuple[Difference, ...]) -> None:
        super().__init__()
        self.found = found


def at_the_counter(context: Context) -> Review:
    """Entered by one clerk, reviewed by another."""
    return Review.COUNTER


def tried(person_id: int, act: Callable[[], None]) -> Trial:
    """Do a correction, see what it changes, and undo it: what is shown beforehand is what the very operation does."""
    try:
        with transaction.atomic():
            raise _Undo(tuple(_done(person_id, act)))
    except _Undo as undone:
        return Trial(undone.found)
    except ShebaoError as problem:
        return Trial((), problem)


def _done(person_id: int, act: Callable[[], None]) -> list[Difference]:
    before = by_register([person_id])
    act()
    return between(before, by_register([person_id]), charged([person_id]), written_off([person_id]))


def corrected(person_id: int, act: Callable[[], None], line: Callable[[int, int], NewCorrection], filing: Filing, context: Context) -> None:
    """Do a correction for good: the months are held, the person is locked, differences are charged or kept as 待退, the course is noted.

    line: makes the line of the course from what is charged and what is due back (fen).
    """
    this = month_of(context.on)
    hold(context.place, {*assessed_months(context.place), this, shift(this, 1)})
    lock_people([person_id])
    found = _done(person_id, act)
    if found and not Case.objects.filter(pk=filing.case_id).exclude(second_reason="").exists():
        raise MoneyMovedError("提交之后有月份已经核定，这次订正现在涉及金额，须经复核；请退回，由受理人重新提交")
    told = line(sum(d.up_fen for d in found), sum(d.down_fen for d in found))
    (correction_id,) = note_corrections([told], at=context.at)
    if not found:
        return
    kind, agency_id, case_id = KINDS[told.kind], context.agency_id, filing.case_id or None
    (cause,) = note([Because(kind, context.unit_id, agency_id, person_id, case_id, correction_id)], at=context.at)
    settle(found, {d.unit_id: agency_id for d in found}, at=context.at, causes=[cause] * len(found))


def course(
    filing: Filing, context: Context, person_id: int, kind: CorrectionKind, label: str, before: str, after: str
) -> Callable[[int, int], NewCorrection]:
    """The line of the course of corrections, but for its money."""

    def line(up_fen: int, down_fen: int) -> NewCorrection:
        return NewCorrection(
            context.unit_id,
            context.agency_id,
            person_id,
            kind,
            label,
            before,
            after,
            filing.text("reason"),
            up_fen,
            down_fen,
            filing.case_id or None,
        )

    return line


def people(filings: Sequence[Filing]) -> list[Standing]:
    """Whom the filings are about, in one query."""
    known = standings([filing.text("id_number") for filing in filings])
    return [known.get(filing.text("id_number"), NOBODY) for filing in filings]


def covers_here(standing: Standing, context: Context) -> list[Cover]:
    """The spells of a person through the unit, oldest first."""
    return [cover for cover in standing.covers if cover.unit_id == context.unit_id]


def period(first: int, to_month: int | None) -> str:
    """2026-01 起 or 2026-01 至 2026-03, the last month with cover."""
    return f"{iso(first)} 起" if to_month is None else f"{iso(first)} 至 {iso(shift(to_month, -1))}"


def money_of(trials: Sequence[Trial]) -> MoneyEffect:
    """补收 and 待退, month by month. At the counter a correction is one row."""
    title, trial = "订正对费款的影响", trials[0] if trials else NO_TRIAL
    if not trial.differences:
        return MoneyEffect(title, (), ("不涉及已核定月份的金额。",))
    rows = tuple(
        (
            iso(d.month),
            SHORT_LABELS[d.insurance],
            yuan_shown(d.charged.total_fen),
            yuan_shown(d.due.total_fen),
            _signed(d.unit_fen),
            _signed(d.person_fen),
        )
        for d in trial.differences[:TABLE_ROWS_MAX]
    )
    sentences = []
    if trial.up_fen:
        sentences.append(f"补收 {yuan_shown(trial.up_fen)} 元，并入单位下一张核定单。")
    if trial.down_fen:
        sentences.append(f"多缴 {yuan_shown(trial.down_fen)} 元，记为待退差额，不自动抵扣。")
    left = len(trial.differences) - len(rows)
    columns = ("费款所属期", "险种", "已核定", "应核定", "单位差额", "个人差额")
    note = f"另有 {left} 行未列出，合计已含在上面的金额中" if left > 0 else "单位：元"
    return MoneyEffect(title, (), tuple(sentences), (Table("已核定月份的差额", columns, rows, note, frozenset({2, 3, 4, 5})),))


def _signed(fen: int) -> str:
    return f"+{yuan_shown(fen)}" if fen > 0 else f"−{yuan_shown(-fen)}" if fen < 0 else "0.00"


def why_two(trials: Sequence[Trial]) -> str:
    """Why a second reviewer has to confirm: money is moved."""
    up, down = sum(t.up_fen for t in trials), sum(t.down_fen for t in trials)
    parts = ([f"补收 {yuan_shown(up)} 元"] if up else []) + ([f"待退 {yuan_shown(down)} 元"] if down else [])
    return f"订正涉及{'、'.join(parts)}，需要复核" if parts else ""


def look_up(id_number: str, context: Context) -> Answer:
    """Who that is, and the spells through the unit."""
    standing = people([Filing({"id_number": id_number})])[0]
    told = [("证件号码", mask_id_number(id_number))]
    here = covers_here(standing, context)
    if not here:
        refusal = Refusal("COR-01", "此人没有在本单位参保的记录，请核对身份号码和单位", "id_number")
        return Answer(tuple(told), {}, (refusal,), standing.person_id)
    told.append(("登记姓名", standing.name))
    told += [(f"第 {i} 段参保", period(c.from_month, c.to_month)) for i, c in enumerate(here, 1)]
    return Answer(tuple(told), {"name": standing.name}, (), standing.person_id)


def day_of(filing: Filing, name: str) -> date | None:
    """A DATE value."""
    text = filing.text(name)
    return date.fromisoformat(text) if text else None
