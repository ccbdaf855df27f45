"""Who works where in the demo city, and who comes, goes and earns more each month. Pure: chance and dates in, moves out."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from shebao.base.months import Month, first_day
from shebao.base.terms import INSURANCES, Insurance, Sex, StopReason, mask_of
from shebao.site.demo.identities import Identities
from shebao.site.demo.names import DEMO_MARK, RARE, TRADE_WEIGHTS, TRADES, Trade, UnitNames, person_name
from shebao.site.demo.scale import Scale

FULL_MASK = mask_of([i for i in INSURANCES if i is not Insurance.MATERNITY])
DISTRICTS = (
    ("420102", "江岸区"),
    ("420103", "江汉区"),
    ("420104", "硚口区"),
    ("420105", "汉阳区"),
    ("420106", "武昌区"),
    ("420107", "青山区"),
    ("420111", "洪山区"),
)
ORDINARY_HEADS, NEIGHBOUR_HEADS = 40, 24  # of the units of the accounts `unit` and `unit2`
NOMINAL_FEN = 449_800  # what stands as wage where a scheme knows none: the register wants one, and nothing is levied on it here
SPECIAL_SHARE = 0.06  # of all people, in windows and residents' or students' insurance
LEAVERS_A_MONTH, NEWCOMERS_SHARE = 0.008, 0.45
_SIZE_OFFSET, _SIZE_POWER = 3.0, 1.07  # heads fall like 1 / (rank + offset)^power: the largest of 300 has one in fourteen


@dataclass(slots=True, eq=False)
class Worker:
    """One invented person. `employer` is None while nobody insures them."""

    number: int
    id_number: str
    name: str
    ethnicity: str
    wage_fen: int
    employer: "Employer | None" = None
    person_id: int = 0


@dataclass(slots=True, eq=False)
class Employer:
    """One invented unit (or window, or scheme), with its staff in the order they came."""

    number: int
    name: str
    uscc: str | None
    agency_id: int
    kind: str
    vip: bool
    industry: str
    injury_class: int
    mask: int
    registered_on: date
    raise_month: int
    pay_fen: int
    heads: int
    telephone: str
    address: str
    staff: list[Worker] = field(default_factory=list, repr=False)
    unit_id: int = 0


@dataclass(frozen=True, slots=True)
class Leave:
    """Somebody leaves at the end of the month."""

    worker: Worker
    employer: Employer
    reason: StopReason


@dataclass(slots=True)
class Moves:
    """What happens in the register on one day of a month. Wages of `raised` hold from the next month on."""

    hired: list[Worker] = field(default_factory=list)
    left: list[Leave] = field(default_factory=list)
    raised: list[Worker] = field(default_factory=list)


class Town:
    """The city as its people know it; the register follows."""

    def __init__(self, scale: Scale, founded: Month) -> None:
        self._chance = random.Random(f"{scale.seed}:town")
        self._identities = Identities()
        self._founded = first_day(founded)
        self._rare = iter(RARE)
        self._workers = 0
        self.free: list[Worker] = []  # left somewhere, not insured
        self.specials = list(self._found_specials())
        heads = sizes(scale.units - len(self.specials), round(scale.people * (1 - SPECIAL_SHARE)))
        self.employers = list(self._found_employers(heads))
        self._people_specials(round(scale.people * SPECIAL_SHARE))

    @property
    def units(self) -> list[Employer]:
        """All units: employers first, in the order of their size."""
        return self.employers + self.specials

    @property
    def vip(self) -> Employer:
        """The unit of the accounts `vip` and `vip2`: the largest."""
        return self.employers[0]

    @property
    def ordinary(self) -> Employer:
        """The unit of the account `unit`: about forty people, at the first agency."""
        return self.employers[-1]

    @property
    def neighbour(self) -> Employer:
        """The unit of the account `unit2`: at another agency."""
        return self.employers[-2]

    def moves(self, month: Month, quiet: list[Employer]) -> Iterator[Moves]:
        """The month's moves in three parts, as it goes on. Units that are `quiet` neither hire nor change."""
        chance = self._chance
        busy = [e for e in self.employers if e not in quiet]
        leaving = [w for e in busy for w in e.staff if chance.random() < LEAVERS_A_MONTH]
        leaving += [w for e in self.specials if e.kind == "window" for w in e.staff if chance.random() < LEAVERS_A_MONTH]
        gone = set(leaving)
        raises = ((w, 0.7 if e.raise_month == month % 100 else 0.004) for e in busy for w in e.staff if w not in gone)
        raising = [w for w, share in raises if chance.random() < share]
        wanted = [chance.choices(busy, [e.heads for e in busy])[0] for _ in leaving]
        parts = 3
        free, self.free = self.free, []
        chance.shuffle(free)
        for part in range(parts):
            moves = Moves()
            for employer in wanted[part::parts]:
                newcomer = not free or chance.random() < NEWCOMERS_SHARE
                worker = self.newcomer(employer) if newcomer else free.pop()
                self.hire(worker, employer)
                moves.hired.append(worker)
            for worker in raising[part::parts]:
                worker.wage_fen = round_wage(worker.wage_fen * chance.uniform(1.02, 1.09))
                moves.raised.append(worker)
            for worker in leaving[part::parts]:
                moves.left.append(self.leave(worker))
            yield moves
        self.free += free

    def newcomer(self, employer: Employer) -> Worker:
        """Somebody who was never insured, of an age that may be enrolled online, even after the longest life of a city."""
        return self._person(18, 34, employer.pay_fen)

    def hire(self, worker: Worker, employer: Employer) -> None:
        """From this month on."""
        worker.employer = employer
        employer.staff.append(worker)

    def leave(self, worker: Worker) -> Leave:
        """From next month on; free for others then."""
        employer = worker.employer
        assert employer is not None, "only who is insured can leave"
        employer.staff.remove(worker)
        worker.employer = None
        self.free.append(worker)
        reasons = (StopReason.CONTRACT_ENDED, StopReason.MOVED_WITHIN_POOL, StopReason.STUDYING, StopReason.OTHER)
        return Leave(worker, employer, self._chance.choices(reasons, (70, 20, 5, 5))[0])

    def _person(self, age_min: int, age_max: int, pay_fen: int) -> Worker:
        chance = self._chance
        sex = Sex.MALE if chance.random() < 0.55 else Sex.FEMALE
        rare = next(self._rare, None) if self._workers % 5 == 3 else None
        name, sex = rare or (person_name(chance, sex), sex)
        age_days = chance.randint(age_min * 366, (min(age_max, 48) if sex is Sex.FEMALE else age_max) * 365)
        birth = date.fromordinal(self._founded.toordinal() - age_days)
        self._workers += 1
        ethnicity = "05" if "·" in name else chance.choices(("01", "15", "03", "11", "08"), (93, 3, 2, 1, 1))[0]
        wage_fen = round_wage(pay_fen * chance.lognormvariate(0, 0.38))
        return Worker(self._workers, self._identities.person(birth, sex), name, ethnicity, wage_fen)

    def _found_employers(self, heads: list[int]) -> Iterator[Employer]:
        chance, names = self._chance, UnitNames(self._chance)
        last = len(heads) - 1
        for rank, size in enumerate(heads):
            trade = chance.choices(TRADES, TRADE_WEIGHTS)[0] if rank else TRADES[0]
            agency = {0: 1, last: 1, last - 1: 2}.get(rank) or chance.randint(1, len(DISTRICTS))
            vip = rank == 0 or (rank < last - 1 and size >= 30 and chance.random() < 0.3)
            employer = self._employer(rank + 1, names.fresh(trade), trade, agency, vip, size)
            for _ in range(size):
                self.hire(self._person(18, 56, employer.pay_fen), employer)
            yield employer

    def _employer(self, number: int, name: str, trade: Trade, agency: int, vip: bool, heads: int) -> Employer:
        chance = self._chance
        registered = date(chance.randint(1996, self._founded.year - 1), chance.randint(1, 12), chance.randint(1, 28))
        mask = FULL_MASK if number < 4 or chance.random() < 0.96 else FULL_MASK & ~Insurance.LARGE_MEDICAL.flag
        raise_month = chance.choices((1, 3, 4, 7, 10, 12), (20, 15, 25, 20, 10, 10))[0]
        pay_fen = round_wage(chance.lognormvariate(0, 0.22) * 780_000)
        return Employer(
            number=number,
            name=name,
            uscc=self._identities.unit(),
            agency_id=agency,
            kind="employer",
            vip=vip,
            industry=trade.industry,
            injury_class=trade.injury_class,
            mask=mask,
            registered_on=registered,
            raise_month=raise_month,
            pay_fen=pay_fen,
            heads=heads,
            telephone=self._identities.telephone(number),
            address=f"武汉市{DISTRICTS[agency - 1][1]}示例路 {number} 号",
        )

    def _found_specials(self) -> Iterator[Employer]:
        kinds = [(i + 1, "window", f"武汉市{name}个人流动窗口", Insurance.PENSION.flag) for i, (_, name) in enumerate(DISTRICTS)]
        kinds.append((1, "residents", "武汉市城乡居民医疗保险", Insurance.MEDICAL.flag))
        kinds.append((5, "students", "武汉市大学生医疗保险", Insurance.MEDICAL.flag))
        for number, (agency, kind, name, mask) in enumerate(kinds, start=90_001):
            day = date(2009, 7, 1)
            yield Employer(number, name + DEMO_MARK, None, agency, kind, False, "", 1, mask, day, 0, NOMINAL_FEN, 0, "", "")

    def _people_specials(self, people: int) -> None:
        for i in range(people):
            employer = self.specials[i % len(self.specials)]
            ages = {"students": (18, 24), "residents": (20, 56)}.get(employer.kind, (22, 56))
            worker = self._person(*ages, employer.pay_fen)
            worker.wage_fen = NOMINAL_FEN
            self.hire(worker, employer)


def sizes(units: int, people: int) -> list[int]:
    """Heads of employers, heavy-tailed, largest first, then the two demo units of fixed size. They sum to `people` or a few more."""
    fixed = [min(NEIGHBOUR_HEADS, people // 8), min(ORDINARY_HEADS, people // 6)]
    weights = [1 / (rank + _SIZE_OFFSET) ** _SIZE_POWER for rank in range(units - len(fixed))]
    rest = people - sum(fixed)
    return [max(1, round(rest * weight / sum(weights))) for weight in weights] + fixed


def round_wage(wage_fen: float) -> int:
    """A wage as it stands in a contract: whole tens of yuan, at least 2,000."""
    return max(200_000, round(wage_fen / 1_000) * 1_000)
