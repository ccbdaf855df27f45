"""办件 of the demo city: filed, returned, waiting, done and half-filled, through the operations that the pages call."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor
from shebao.base.clock import ZONE
from shebao.base.money import yuan
from shebao.base.months import Month
from shebao.base.terms import StopReason, insurances_in
from shebao.casework import batch, operations, review
from shebao.casework.examine import Typed
from shebao.casework.fields import Value
from shebao.casework.item import Context, ServiceItem, item_of
from shebao.casework.models import Case, CaseState, Channel, Filing
from shebao.levy.arrears import overdue, overdue_bills
from shebao.levy.owing import owed_on
from shebao.parties.models import Person
from shebao.site.demo.accounts import Cast
from shebao.site.demo.register import instant
from shebao.site.demo.scale import PLACE, Scale
from shebao.site.demo.town import Employer, Town, Worker, round_wage
from shebao.surfaces.workbook import TemplateMark, make_template, read_upload

ADD, STOP, CHANGE = "enrolment.add_employee", "enrolment.stop_employee", "enrolment.change_wage"
BACK, ORDER = "arrears.back_payment", "arrears.issue_order"
WAITING_AT_COUNTER = 6


@dataclass(frozen=True, slots=True)
class Desk:
    """Who files for which unit."""

    employer: Employer
    actor: Actor
    channel: Channel = Channel.PAGE

    def context(self, at: datetime) -> Context:
        e = self.employer
        return Context(e.unit_id, e.agency_id, PLACE, e.vip, at.date(), at, counter=self.channel is Channel.COUNTER)


class Casework:
    """Files the cases of the demo units."""

    def __init__(self, town: Town, cast: Cast, scale: Scale) -> None:
        self._chance = random.Random(f"{scale.seed}:filings")
        self._town, self._cast = town, cast
        self._vip = Desk(town.vip, cast["vip"])
        self._unit = Desk(town.ordinary, cast["unit"])
        self._neighbour = Desk(town.neighbour, cast["unit2"])

    @property
    def quiet(self) -> list[Employer]:
        """The units that change through 办件 only, while these are filed."""
        return [desk.employer for desk in (self._vip, self._unit, self._neighbour)]

    def past_month(self, month: Month) -> None:
        """A month of the demo units, all done by its end."""
        for day in (4, 8, 15):
            self._finish(self._add(self._vip, instant(month, day, 9, 12)), instant(month, day, 9, 13))
        for day in (6, 13):
            self._finish(self._stop(self._vip, instant(month, day, 14, 5)), instant(month, day, 14, 6))
            self._finish(self._change(self._vip, instant(month, day, 15, 31)), instant(month, day, 15, 32))
        self._pass(self._add(self._unit, instant(month, 7, 10, 20)), instant(month, 9, 11, 2))
        self._finish(self._change(self._unit, instant(month, 10, 16, 40)), instant(month, 10, 16, 41))
        if month % 2:
            self._pass(self._stop(self._unit, instant(month, 14, 9, 50)), instant(month, 15, 14, 27))
        self._finish(self._change(self._neighbour, instant(month, 12, 11, 15)), instant(month, 12, 11, 16))

    def these_days(self, today: date) -> None:
        """What lies on the desks today: drafts, returned and waiting cases, batches with mistakes, a queue at the counter."""
        self._days_of_unit(today)
        self._days_of_vip(today)
        self._submit(self._add(self._neighbour, _ago(today, 2, 15, 20)), _ago(today, 2, 15, 22))
        self._arrears(today)
        with acting(ENGINE):
            owing = {row.unit_id for row in overdue(today, agency_id=1)}
        others = [e for e in self._town.employers if e.agency_id == 1 and not e.vip and e not in self.quiet and e.unit_id not in owing]
        cases = []
        for i, employer in enumerate(self._chance.sample(others, min(WAITING_AT_COUNTER, len(others)))):
            desk = Desk(employer, self._cast["clerk"], Channel.COUNTER)
            filed = (self._add, self._add, self._stop)[i % 3](desk, _ago(today, 3, 9, 10 + 7 * i))
            cases.append(self._submit(filed, _ago(today, 3, 9, 12 + 7 * i)))
        for case in cases[:1]:
            with acting(self._cast["reviewer2"]):
                review.claim(case.case_id, at=_ago(today, 2, 9, 5))

    def _arrears(self, today: date) -> None:
        """The neighbour owes a month: an order for two people waits for payment, a third one for the next order."""
        desk = self._neighbour
        on = today - timedelta(days=2)
        with acting(ENGINE):
            dues = owed_on(overdue_bills(desk.employer.unit_id, on))
            owing = set(Person.objects.filter(pk__in={d.person_id for d in dues if d.open_fen}).values_list("id_number", flat=True))
        leavers = [worker for worker in desk.employer.staff if worker.id_number in owing][:3]
        if len(leavers) < 3:
            return
        for minute, worker in enumerate(leavers[:2], start=10):
            self._finish(self._save(desk, BACK, _named(worker), _ago(today, 2, 9, minute)), _ago(today, 2, 9, minute + 1))
        self._finish(self._save(desk, ORDER, {"note": ""}, _ago(today, 2, 9, 20)), _ago(today, 2, 9, 21))
        self._finish(self._save(desk, BACK, _named(leavers[2]), _ago(today, 1, 9, 10)), _ago(today, 1, 9, 11))

    def _days_of_unit(self, today: date) -> None:
        desk = self._unit
        self._return(
            self._add(desk, _ago(today, 5, 9, 30)),
            review.Return("申报工资与劳动合同不一致，请核对", ("declared_wage",)),
            _ago(today, 4, 10, 15),
        )
        for hour in (9, 14):
            self._submit(self._add(desk, _ago(today, 2, hour, 5)), _ago(today, 2, hour, 8))
        self._submit(self._stop(desk, _ago(today, 2, 16, 0)), _ago(today, 2, 16, 3))
        self._add(desk, _ago(today, 1, 10, 0))
        half = self._town.newcomer(desk.employer)
        self._save(
            desk, ADD, _typed(half, desk.employer) | {"declared_wage": "", "mobile": "1380013800"}, _ago(today, 1, 11, 40), draft=True
        )
        taken_back = self._save(desk, CHANGE, self._new_wage(desk.employer), _ago(today, 3, 17, 0))
        with acting(desk.actor):
            case = Case.objects.get(pk=taken_back.case_id)
            operations.withdraw(case.pk, case.version, at=_ago(today, 3, 17, 6))
        self._upload(desk, self._rows(desk.employer, good=8, bad=4), _ago(today, 1, 15, 0))

    def _days_of_vip(self, today: date) -> None:
        desk = self._vip
        for minute in (10, 25):
            self._finish(self._add(desk, _ago(today, 1, 9, minute)), _ago(today, 1, 9, minute + 1))
        self._finish(self._stop(desk, _ago(today, 1, 13, 50)), _ago(today, 1, 13, 51))
        self._add(desk, _ago(today, 1, 16, 0))
        # Submitted: the clean rows take effect, the others stay behind as a draft.
        loaded = self._upload(desk, self._rows(desk.employer, good=20, bad=3), _ago(today, 4, 10, 0))
        self._finish(loaded, _ago(today, 4, 10, 9))
        self._upload(desk, self._rows(desk.employer, good=46, bad=10), _ago(today, 1, 14, 30))

    def _add(self, desk: Desk, at: datetime) -> "Filed":
        worker = self._town.newcomer(desk.employer)
        return self._save(desk, ADD, _typed(worker, desk.employer), at, joins=worker)

    def _stop(self, desk: Desk, at: datetime) -> "Filed":
        worker = self._someone(desk.employer)
        typed: Typed = {"id_number": worker.id_number, "name": worker.name, "reason": StopReason.CONTRACT_ENDED.value, "note": ""}
        return self._save(desk, STOP, typed, at, leaves=worker)

    def _change(self, desk: Desk, at: datetime) -> "Filed":
        return self._save(desk, CHANGE, self._new_wage(desk.employer), at)

    def _new_wage(self, employer: Employer) -> Typed:
        worker = self._someone(employer)
        worker.wage_fen = round_wage(worker.wage_fen * self._chance.uniform(1.03, 1.15))
        return {"id_number": worker.id_number, "name": worker.name, "declared_wage": yuan(worker.wage_fen)}

    def _someone(self, employer: Employer) -> Worker:
        """Staff that no other case of these days is about: from the front, each taken once a turn."""
        worker = employer.staff.pop(0)
        employer.staff.append(worker)
        return worker

    def _save(
        self,
        desk: Desk,
        code: str,
        typed: Typed,
        at: datetime,
        *,
        draft: bool = False,
        joins: Worker | None = None,
        leaves: Worker | None = None,
    ) -> "Filed":
        with acting(desk.actor):
            saved = operations.save_new(item_of(code), desk.context(at), typed, key=None, channel=desk.channel, as_draft=draft)
        return Filed(desk, saved.case_id, joins, leaves)

    def _submit(self, filed: "Filed", at: datetime) -> "Filed":
        with acting(filed.desk.actor):
            version = Case.objects.values_list("version", flat=True).get(pk=filed.case_id)
            operations.submit(filed.case_id, version, filed.desk.context(at))
        return filed

    def _finish(self, filed: "Filed", at: datetime) -> None:
        """Submit what the system reviews, and let it review at once."""
        self._submit(filed, at)
        with acting(ENGINE):
            review.review_automatically(filed.case_id, filed.desk.context(at))
        self._took_effect(filed)

    def _pass(self, filed: "Filed", at: datetime) -> None:
        """Submit, and the reviewer passes it."""
        self._submit(filed, at - timedelta(hours=20))
        self._decide(filed, review.Decision(), at)
        self._took_effect(filed)

    def _return(self, filed: "Filed", why: review.Return, at: datetime) -> None:
        self._submit(filed, at - timedelta(hours=20))
        with acting(ENGINE):
            row = Filing.objects.get(case_id=filed.case_id)
        self._decide(filed, review.Decision(returns={row.pk: why}), at)

    def _decide(self, filed: "Filed", decision: review.Decision, at: datetime) -> None:
        with acting(self._cast["reviewer"]):
            case = Case.objects.get(pk=filed.case_id)
            review.decide(case.pk, case.version, decision, filed.desk.context(at))

    def _took_effect(self, filed: "Filed") -> None:
        with acting(ENGINE):
            state = Case.objects.values_list("state", flat=True).get(pk=filed.case_id)
        if state != CaseState.DONE:
            return
        if filed.joins:
            self._town.hire(filed.joins, filed.desk.employer)
        if filed.leaves:
            self._town.leave(filed.leaves)

    def _upload(self, desk: Desk, rows: Sequence[dict[str, Value]], at: datetime) -> "Filed":
        """Fill in the template, send it, and have it read and checked."""
        item, context = item_of(ADD), desk.context(at)
        content, name = _workbook(item, rows), f"增员名单{at:%m%d}.xlsx"
        with acting(desk.actor):
            case_id = batch.receive(item, context, name, content, hashlib.sha256(content).digest(), key=None)
        sheet = read_upload(content, name, TemplateMark(item.code, item.version), item.columns, rows_max=item.batch_rows_max)
        done = at + timedelta(seconds=2)
        batch.load(case_id, item, context, sheet.columns, sheet.row_numbers, sheet.warnings, clock=lambda: done)
        return Filed(desk, case_id)

    def _rows(self, employer: Employer, *, good: int, bad: int) -> list[dict[str, Value]]:
        """New people, and among them mistakes of the kinds that clerks make."""
        rows = [_row(self._town.newcomer(employer), employer) for _ in range(good + bad)]
        elsewhere = [w for e in self._town.employers[1:4] for w in e.staff[:8]]
        for i, row in enumerate(self._chance.sample(rows, bad)):
            number = str(row["id_number"])
            if i % 4 == 0:
                row["id_number"] = number[:-1] + ("1" if number[-1] != "1" else "2")
            elif i % 4 == 1:
                row["name"] = None
            elif i % 4 == 2:
                known = self._chance.choice(elsewhere)
                row["id_number"], row["name"] = known.id_number, known.name
            else:
                row["insurances"] = ["110"]
        return rows


@dataclass(frozen=True, slots=True)
class Filed:
    """A case on its way, and who joins or leaves once it takes effect."""

    desk: Desk
    case_id: int
    joins: Worker | None = None
    leaves: Worker | None = None


def _workbook(item: ServiceItem, rows: Sequence[dict[str, Value]]) -> bytes:
    mark = TemplateMark(item.code, item.version)
    return make_template(item.title, mark, item.columns, rows_max=item.batch_rows_max, notes=(), prefilled=rows)


def _row(worker: Worker, employer: Employer) -> dict[str, Value]:
    return {
        "id_number": worker.id_number,
        "name": worker.name,
        "ethnicity": worker.ethnicity,
        "mobile": None,
        "declared_wage": worker.wage_fen,
        "insurances": _codes(employer),
        "backdated_from": None,
    }


def _named(worker: Worker) -> Typed:
    return {"id_number": worker.id_number, "name": worker.name, "note": ""}


def _typed(worker: Worker, employer: Employer) -> Typed:
    return {
        "id_number": worker.id_number,
        "name": worker.name,
        "ethnicity": worker.ethnicity,
        "mobile": "",
        "declared_wage": yuan(worker.wage_fen),
        "insurances": _codes(employer),
        "backdated_from": "",
    }


def _codes(employer: Employer) -> list[str]:
    return [str(insurance.value) for insurance in insurances_in(employer.mask)]


def _ago(today: date, days: int, hour: int, minute: int) -> datetime:
    return datetime.combine(today - timedelta(days=days), time(hour, minute), ZONE)
