"""The bills of the demo city and what became of them: most paid by file within days, some late, some in part, twice, or not at all."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.base.months import Month, iso
from shebao.gateways import receipt_file
from shebao.levy import receiving
from shebao.levy.models import OPEN_STATES, Bill, BillKind
from shebao.site.demo.accounts import Cast
from shebao.site.demo.identities import unknown_bills
from shebao.site.demo.scale import PLACE, Scale, issue_date
from shebao.site.demo.town import DISTRICTS, Town

DAYS_TO_FILE = 9  # the tax office's file of a month comes so many days after the bills
DEBTORS_SHARE, LATE_SHARE, PART_SHARE = 0.035, 0.03, 0.02


@dataclass(frozen=True, slots=True)
class Due:
    """A bill that somebody may pay."""

    number: str
    unit_id: int
    agency_id: int
    month: Month
    payer: str
    open_fen: int


class Treasury:
    """Pays the bills of the city, month by month."""

    def __init__(self, town: Town, cast: Cast, scale: Scale, months: Sequence[Month], today: date) -> None:
        self._chance = random.Random(f"{scale.seed}:money")
        self._town, self._cast, self._today, self._last = town, cast, today, months[-1]
        self._serial = 0
        self._late: list[Due] = []
        self._names = {e.unit_id: e.name for e in town.employers}
        trusted = {town.vip.unit_id, town.ordinary.unit_id}
        others = [e.unit_id for e in town.employers if e.unit_id not in trusted]
        count = max(1, round(len(others) * DEBTORS_SHARE))
        # How many of the last months each debtor has left open.
        self._debtors = {unit: self._chance.randint(1, 3) for unit in self._chance.sample(others, count)} | {town.neighbour.unit_id: 2}
        self._trusted, self._order = trusted, {m: len(months) - i for i, m in enumerate(months)}

    def collect(self, month: Month) -> None:
        """The files that follow the bills of a month, one an agency, unless their day is still to come."""
        day = issue_date(month) + timedelta(days=DAYS_TO_FILE)
        if day >= self._today:
            return
        bills = self._bills(month)
        payments = [payment for due in self._late for payment in self._payment(due, due.open_fen, day)]
        self._late = []
        for due in bills:
            payments += self._fate(due, day)
        if self._order[month] == 2:
            payments += self._odd_ones(bills, day)
        for agency_id in range(1, len(DISTRICTS) + 1):
            self._receive(month, agency_id, [p for a, p in payments if a == agency_id], day)

    def enter_one_by_hand(self) -> None:
        """A payment that finance wrote down yesterday and nobody has confirmed yet, of the oldest open bill of the first agency."""
        with acting(ENGINE):
            bill = Bill.objects.filter(agency_id=1, state__in=OPEN_STATES).order_by("month", "id").first()
        if bill is None:
            return
        yesterday = self._today - timedelta(days=1)
        payment = receiving.Payment(
            self._next_serial("SG"), bill.number, self._names[bill.unit_id], bill.open_fen // 3 // 100 * 100, yesterday
        )
        with acting(_as_engine(self._cast["finance"])):
            receiving.enter_by_hand(payment, agency_id=1, place=PLACE, on=yesterday, at=_at(yesterday, 15))

    def _bills(self, month: Month) -> list[Due]:
        with acting(ENGINE):
            rows = list(Bill.objects.filter(month=month, kind=BillKind.MONTHLY).order_by("id"))
        return [Due(b.number, b.unit_id, b.agency_id, b.month, self._names[b.unit_id], b.open_fen) for b in rows]

    def _fate(self, due: Due, day: date) -> list[tuple[int, "Reported"]]:
        if due.unit_id in self._trusted:
            return self._payment(due, due.open_fen, day)
        if self._order[due.month] <= self._debtors.get(due.unit_id, 0):
            return []
        fate = self._chance.random()
        if fate < LATE_SHARE:
            self._late.append(due)
            return []
        if fate < LATE_SHARE + PART_SHARE:
            part_fen = due.open_fen * 6 // 10 // 100 * 100
            if part_fen and due.open_fen > part_fen:
                rest = Due(due.number, due.unit_id, due.agency_id, due.month, due.payer, due.open_fen - part_fen)
                self._late.append(rest)
                return self._payment(due, part_fen, day)
        return self._payment(due, due.open_fen, day)

    def _odd_ones(self, bills: Sequence[Due], day: date) -> list[tuple[int, "Reported"]]:
        """The VIP unit pays twice; somebody mistypes the number of a bill; somebody pays too much."""
        first = next(due for due in bills if due.unit_id == self._town.vip.unit_id)
        wrong = Due(next(unknown_bills(day)), 0, 1, first.month, self._names[self._town.ordinary.unit_id], 0)
        over = next((d for d in bills if d.unit_id == self._town.ordinary.unit_id), first)
        return [
            *self._payment(first, first.open_fen, day),
            *self._payment(wrong, 1_236_000, day),
            *self._payment(over, 50_000, day),
        ]

    def _payment(self, due: Due, amount_fen: int, day: date) -> list[tuple[int, "Reported"]]:
        paid_on = day - timedelta(days=self._chance.randint(1, DAYS_TO_FILE - 2))
        return [(due.agency_id, (self._next_serial("SW"), due.number, due.payer, amount_fen, paid_on))]

    def _next_serial(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}DEMO{self._serial:08d}"

    def _receive(self, month: Month, agency_id: int, payments: "Sequence[Reported]", day: date) -> None:
        """Write the file as the tax office would, read it as we would, and apply it."""
        if not payments:
            return
        name = f"SW-{iso(month)}-{agency_id:02d}"
        file = receipt_file.read(receipt_file.write(name, day, list(payments)), today=day)
        found = [receiving.Payment(p.serial, p.bill_number, p.payer, p.amount_fen, p.paid_on, p.line) for p in file.payments]
        actor = _as_engine(self._cast["finance"]) if agency_id == 1 else ENGINE
        with acting(actor):
            receiving.receive_file(file.sha256, file.batch, f"{name}.csv", found, place=PLACE, agency_id=agency_id, on=day, at=_at(day, 9))


Reported = tuple[str, str, str, int, date]


def _as_engine(actor: Actor) -> Actor:
    """Money is written by the engine, in the name of who asked for it."""
    return Actor(Role.ENGINE, actor.account_id, actor.name)


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour, 30), ZONE)
