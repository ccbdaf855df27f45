"""The town's moves, written into the register by the domains' own operations, at the instants they happened."""

from collections.abc import Sequence
from datetime import datetime, time

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE
from shebao.base.months import Month, first_day, last_day, shift
from shebao.enrolment import operations as enrolment
from shebao.levy.months import hold
from shebao.parties.operations import NewPerson, NewUnit, register_people, register_units
from shebao.parties.registration import issue_certificates
from shebao.site.demo.scale import PLACE
from shebao.site.demo.town import Employer, Moves, Town, Worker

BLOCK_PEOPLE = 5_000
FOUNDING_DAY, MOVE_DAYS = 20, (5, 11, 18)


def instant(month: Month, day: int, hour: int = 10, minute: int = 0) -> datetime:
    """A working hour of a day of a month."""
    return datetime.combine(first_day(month).replace(day=day), time(hour, minute), ZONE)


def found(town: Town, first: Month) -> None:
    """Register all units and their staff, as known shortly before the first month."""
    before = shift(first, -1)
    at = instant(before, min(FOUNDING_DAY, last_day(before).day))
    with acting(ENGINE):
        units = town.units
        for employer, unit_id in zip(units, register_units([_new_unit(e, first) for e in units], at=at), strict=True):
            employer.unit_id = unit_id
        issue_certificates([employer.unit_id for employer in units], "参保登记")
    workers = [worker for employer in town.units for worker in employer.staff]
    for begin in range(0, len(workers), BLOCK_PEOPLE):
        with acting(ENGINE):
            _insure(workers[begin : begin + BLOCK_PEOPLE], first, at)


def follow(month: Month, day: int, moves: Moves) -> None:
    """One day's moves in one transaction: joined from this month on, left and paid otherwise from the next."""
    at, following = instant(month, day), shift(month, 1)
    with acting(ENGINE):
        hold(PLACE, [month, following])
        _insure(moves.hired, month, at)
        if moves.left:
            stops = [enrolment.Stop(x.worker.person_id, x.employer.unit_id, following, x.reason.value, None) for x in moves.left]
            enrolment.stop(stops, at=at)
        if moves.raised:
            enrolment.declare_wages([_new_wage(worker, following) for worker in moves.raised], at=at)


def _insure(workers: Sequence[Worker], month: Month, at: datetime) -> None:
    if not workers:
        return
    known = register_people([NewPerson(w.id_number, w.name, w.ethnicity) for w in workers], at=at)
    for worker in workers:
        worker.person_id = known[worker.id_number]
    enrolment.start([_new_spell(worker, month) for worker in workers], at=at)


def _new_spell(worker: Worker, month: Month) -> enrolment.NewSpell:
    employer = worker.employer
    assert employer is not None, "only who has an employer is insured"
    return enrolment.NewSpell(worker.person_id, employer.unit_id, employer.agency_id, employer.mask, month, worker.wage_fen, None)


def _new_wage(worker: Worker, month: Month) -> enrolment.NewWage:
    employer = worker.employer
    assert employer is not None, "only who has an employer earns more"
    return enrolment.NewWage(worker.person_id, employer.unit_id, employer.agency_id, month, worker.wage_fen, None)


def _new_unit(employer: Employer, first: Month) -> NewUnit:
    return NewUnit(
        name=employer.name,
        uscc=employer.uscc,
        agency_id=employer.agency_id,
        place=PLACE,
        insurance_mask=employer.mask,
        injury_class=employer.injury_class,
        from_month=first,
        registered_on=employer.registered_on,
        kind=employer.kind,
        vip=employer.vip,
        industry=employer.industry,
        contact_name=employer.staff[0].name if employer.staff and employer.kind == "employer" else "",
        contact_phone=employer.telephone,
        address=employer.address,
    )
