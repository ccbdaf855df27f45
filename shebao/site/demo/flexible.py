"""Flexible workers of the demo city: their tiers, their months, what they assess and pay, some with gaps, some who never pay."""

import random
from collections.abc import Sequence
from datetime import date
from functools import partial

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.months import Month, first_day, month_of, shift
from shebao.base.terms import StopReason
from shebao.enrolment import tiers
from shebao.enrolment.operations import Stop
from shebao.levy import flexible_arrears, flexible_billing, receiving
from shebao.levy.flexible_billing import Wanted
from shebao.levy.models import Bill
from shebao.policy.flexible import named_tiers
from shebao.policy.rulebook import Rulebook
from shebao.runs import flexible_month
from shebao.site.demo import register
from shebao.site.demo.scale import PLACE, Scale
from shebao.site.demo.town import Employer, Town, Worker

PEOPLE_MAX = 400
SHARE = 0.45  # of those in the windows; the others have chosen no tier yet
TIER_WEIGHTS = (44, 14, 10, 6, 14, 5, 3, 2, 2)
REGULAR, GAPS = 0.62, 0.16  # the rest never pay
GAP_MONTHS = 3
RUN_DAY, PAY_DAY = 3, 24


class FlexiblePeople:
    """Those who pay for themselves."""

    def __init__(self, town: Town, scale: Scale, months: Sequence[Month], rulebook: Rulebook) -> None:
        self._chance = random.Random(f"{scale.seed}:flexible")
        self._rulebook, self._months = rulebook, list(months)
        windows = [e for e in town.specials if e.kind == "window"]
        everybody = [(worker, window) for window in windows for worker in window.staff]
        count = min(PEOPLE_MAX, max(1, round(len(everybody) * SHARE)))
        self._people = sorted(self._chance.sample(everybody, count), key=lambda one: one[0].number)
        self._serial = 0
        self.shown: Worker | None = None  # whose the account person2 is
        self._choose(months[0])

    def _choose(self, first: Month) -> None:
        """Tiers, and who is of which sort. Who has gaps is taken out of the town's moves: their comings and goings are told here."""
        percents = named_tiers(self._rulebook)
        weights = (*TIER_WEIGHTS, *[1] * len(percents))[: len(percents)]
        chosen = self._chance.choices(percents, weights, k=len(self._people))
        at = register.instant(shift(first, -1), 21)
        with acting(ENGINE):
            tiers.change(
                [
                    tiers.NewFlexible(worker.person_id, window.unit_id, window.agency_id, percent, first, None)
                    for (worker, window), percent in zip(self._people, chosen, strict=True)
                ],
                at=at,
            )
        self._tier = {worker.person_id: percent for (worker, _), percent in zip(self._people, chosen, strict=True)}
        self._regular, self._gaps = [], []
        for worker, window in self._people:
            draw = self._chance.random()
            if window.agency_id == 1 and self.shown is None:
                self.shown = worker
                self._keep(worker, window)
                self._regular.append((worker, window))
            elif draw < REGULAR:
                self._regular.append((worker, window))
            elif draw < REGULAR + GAPS:
                self._keep(worker, window)
                self._gaps.append((worker, window, self._chance.choice(self._months[2:-5] or self._months[:1])))

    @staticmethod
    def _keep(worker: Worker, window: Employer) -> None:
        window.staff.remove(worker)
        worker.employer = None

    def live(self, month: Month) -> None:
        """A lived month: the run, then what people do about it. The last month of a year is when most of them pay it."""
        flexible_month.owe(PLACE, month, clock=partial(register.instant, month, RUN_DAY), rulebook=self._rulebook)
        if month % 100 == 1 and month != self._months[0]:
            flexible_month.lapse(PLACE, month // 100 - 1, clock=partial(register.instant, month, 8), rulebook=self._rulebook)
        self._come_and_go(month)
        if month % 100 == 12 or month == self._months[-1]:
            self._pay(month)
        if month == self._months[len(self._months) // 2]:
            self._give_up(month)

    def leave_to_debits(self, most: int) -> list[tuple[int, int]]:
        """(person, agency) of those who pay by debit from now on, and no more at a window: most of the regular ones and of the others."""
        gaps = {worker for worker, _, _ in self._gaps} | ({self.shown} if self.shown else set())
        chosen = [one for one in self._people if one[0] not in gaps and one[0].employer is one[1]][:most]
        who = {worker for worker, _ in chosen}
        self._regular = [one for one in self._regular if one[0] not in who]
        return [(worker.person_id, window.agency_id) for worker, window in chosen]

    def so_far(self, today: date) -> None:
        """The month that is not over: owed when its run's day is past."""
        if today.day > RUN_DAY:
            at = register.instant(month_of(today), RUN_DAY)
            flexible_month.owe(PLACE, month_of(today), clock=lambda: at, rulebook=self._rulebook)

    def _come_and_go(self, month: Month) -> None:
        at, after = register.instant(month, 16), shift(month, 1)
        here = {worker for worker, _, _ in self._gaps} | ({self.shown} if self.shown else set())
        left = [worker for worker, window in self._people if worker not in here and worker.employer is not window]
        stops = [
            Stop(worker.person_id, window.unit_id, after, StopReason.OTHER.value, None)
            for worker, window, start in self._gaps
            if start == month
        ]
        back = [
            tiers.NewFlexible(worker.person_id, window.unit_id, window.agency_id, self._tier[worker.person_id], month, None)
            for worker, window, start in self._gaps
            if shift(start, GAP_MONTHS + 1) == month
        ]
        with acting(ENGINE):
            if left:
                tiers.end_tiers([(worker.person_id, after) for worker in left], at=at)
            if stops:
                tiers.stop(stops, at=at)
            if back:
                tiers.start(back, at=at)
        gone = set(left)
        self._people = [one for one in self._people if one[0] not in gone]
        self._regular = [one for one in self._regular if one[0] not in gone]

    def _pay(self, month: Month) -> None:
        """核定 of the year's months and their payment by file, one an agency. Who has gaps pays the months before it; who the account
        person2 belongs to leaves the last months open, for visitors to try."""
        first = month // 100 * 100 + 1
        if first < self._months[0]:
            first = self._months[0]
        wanted: list[tuple[Wanted, Employer, str]] = []
        for worker, window in self._regular:
            last = shift(month, -4) if worker is self.shown and month == self._months[-1] else month
            if last >= first:
                wanted.append((self._wanted(worker, window, first, last), window, worker.name))
        for worker, window, start in self._gaps:
            if first <= start <= month:
                wanted.append((self._wanted(worker, window, first, start), window, worker.name))
        at = register.instant(month, PAY_DAY)
        bills: list[tuple[Bill, str]] = []
        with acting(ENGINE):
            for one, _, name in wanted:
                bills.append((flexible_billing.issue(one, place=PLACE, rulebook=self._rulebook, on=at.date(), at=at), name))
        self._receive(month, bills)

    def _wanted(self, worker: Worker, window: Employer, first: Month, last: Month) -> Wanted:
        return Wanted(worker.person_id, window.agency_id, self._tier[worker.person_id], first, last)

    def _receive(self, month: Month, bills: Sequence[tuple[Bill, str]]) -> None:
        day = first_day(month).replace(day=PAY_DAY + 3)
        at = register.instant(month, PAY_DAY + 3)
        for agency_id in sorted({bill.agency_id for bill, _ in bills}):
            payments = []
            for bill, name in bills:
                if bill.agency_id == agency_id:
                    self._serial += 1
                    payments.append(receiving.Payment(f"LHDEMO{self._serial:08d}", bill.number, name, bill.open_fen, day))
            batch = f"LH-{month}-{agency_id:02d}"
            with acting(ENGINE):
                receiving.receive_file(
                    batch.encode().ljust(32, b"-"), batch, f"{batch}.csv", payments, place=PLACE, agency_id=agency_id, on=day, at=at
                )

    def _give_up(self, month: Month) -> None:
        """A few who never pay have their last month written off."""
        paying = {worker for worker, _ in self._regular} | {worker for worker, _, _ in self._gaps}
        at = register.instant(month, PAY_DAY).astimezone(ZONE)
        for worker, window in [one for one in self._people if one[0] not in paying][:3]:
            with acting(ENGINE):
                flexible_arrears.write_off(
                    worker.person_id, month, month, agency_id=window.agency_id, place=PLACE, case_id=None, on=at.date(), at=at
                )
