"""What the database tests share: a small town, actors, filings, and races of real threads."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, datetime
from itertools import count
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, connections, transaction

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.identifiers import make_id_number
from shebao.base.months import first_day, shift
from shebao.base.terms import INSURANCES, Insurance, Post, insurances_in, mask_of
from shebao.casework import operations, review
from shebao.casework.item import Context, item_of
from shebao.enrolment import operations as enrolment
from shebao.levy import declaring, deferring, differences, receiving
from shebao.levy.models import Bill, Recalculation, RecalculationChunk, RecalculationLine, ReliefLine, Run
from shebao.parties import registration, special
from shebao.parties.corrections import NewCorrection, note_corrections
from shebao.parties.models import Agency, CorrectionKind, SpecialKind
from shebao.parties.operations import NewPerson, NewUnit, register_people, register_units
from shebao.policy.rulebook import standard
from shebao.runs import monthly_assessment

PLACE = "420100"
FULL = mask_of([i for i in INSURANCES if i is not Insurance.MATERNITY])
FULL_CODES = [str(i.value) for i in insurances_in(FULL)]
AT = datetime(2026, 11, 10, 9, tzinfo=ZONE)
ADD, STOP, CHANGE = "enrolment.add_employee", "enrolment.stop_employee", "enrolment.change_wage"

_people, _serials = count(), count(1)


def moment(month: int, day: int = 10, hour: int = 9) -> datetime:
    """An instant of a month."""
    return datetime.combine(first_day(month).replace(day=day), datetime.min.time(), ZONE).replace(hour=hour)


def new_id_number(birth: date = date(1995, 3, 4), *, male: bool = True) -> str:
    """A number right in form that no other call gives: half of the sequences are men's."""
    n = next(_people)
    return make_id_number(f"42{n // 500 % 90 + 10:02d}99", birth, n % 500 * 2 + male)


def make_agency(number: int = 1, place: str = PLACE) -> int:
    Agency.objects.using("owner").create(id=number, name=f"示例经办机构{number}", place=place, district="420199")
    return number


def make_unit(
    name: str = "示例公司",
    *,
    agency: int = 1,
    place: str = PLACE,
    mask: int = FULL,
    injury_class: int = 1,
    vip: bool = True,
    kind: str = "employer",
    since: int = 202401,
) -> int:
    with acting(ENGINE):
        unit = NewUnit(name, None, agency, place, mask, injury_class, since, first_day(since), kind=kind, vip=vip)
        return register_units([unit], at=moment(since, 1))[0]


def operator(unit_id: int, account: int = 100, *, agency: int = 1, name: str = "经办甲") -> Actor:
    return Actor(Role.UNIT, account, name, unit_id, agency, frozenset({Post.UNIT_OPERATOR}))


def reviewer(account: int = 200, *, agency: int = 1, name: str = "审核甲") -> Actor:
    return Actor(Role.AGENCY, account, name, 0, agency, frozenset({Post.REVIEWER}))


def finance(account: int = 300) -> Actor:
    """Money is written by the engine in the name of the person of finance."""
    return Actor(Role.ENGINE, account, f"财务{account}")


def context(unit_id: int, at: datetime = AT, *, vip: bool = True, agency: int = 1, place: str = PLACE) -> Context:
    return Context(unit_id, agency, place, vip, at.date(), at)


def hire(
    unit_id: int, heads: int = 1, *, wage_fen: int = 800_000, mask: int = FULL, month: int = 202610, agency: int = 1, at: datetime = AT
) -> list[str]:
    """People insured through a unit, entered into the register as an effect would. Returns their ID numbers."""
    numbers = [new_id_number() for _ in range(heads)]
    with acting(ENGINE):
        people = register_people([NewPerson(n, f"张三{'甲乙丙丁'[i % 4]}") for i, n in enumerate(numbers)], at=at)
        enrolment.start(
            [enrolment.NewSpell(people[n], unit_id, agency, mask, month, wage_fen + i, None) for i, n in enumerate(numbers)], at=at
        )
    return numbers


def person_ids(numbers: Sequence[str]) -> list[int]:
    found = dict(ask("select id_number, id from parties_person where id_number = any(%s)", [list(numbers)]))
    return [found[n] for n in numbers]


def addition(id_number: str = "", **changed: Any) -> dict[str, Any]:
    """增员 as typed into the form."""
    typed = {
        "id_number": id_number or new_id_number(),
        "name": "张三",
        "ethnicity": "汉族",
        "declared_wage": "8000",
        "insurances": FULL_CODES,
    }
    return typed | changed


def file(code: str, ctx: Context, typed: dict[str, Any], *, key: UUID | None = None, actor: Actor | None = None) -> int:
    """Save and submit one filing. Returns the case."""
    with acting(actor or operator(ctx.unit_id, agency=ctx.agency_id)):
        saved = operations.save_new(item_of(code), ctx, typed, key=key)
        return operations.submit(saved.case_id, 1, ctx)


def take_effect(code: str, ctx: Context, typed: dict[str, Any]) -> review.Outcome | None:
    """File as a VIP unit and let the system review."""
    case = file(code, ctx, typed)
    with acting(ENGINE):
        return review.review_automatically(case, ctx)


def declare_all(month: int, *, place: str = PLACE, at: datetime | None = None) -> int:
    """Every unit of a place declares an open month, where months are declared at all."""
    with acting(ENGINE):
        return declaring.declare_all(place, month, at=at or moment(month, 25), rulebook=standard())


def assess(month: int, *, place: str = PLACE, at: datetime | None = None, declared: bool = True) -> int:
    """核定 a month; every unit has declared it unless the test says otherwise. What cannot be declared is left to the run to refuse."""
    if declared:
        with suppress(ShebaoError):
            declare_all(month, place=place, at=at)
    return monthly_assessment.assess(place, month, clock=lambda: at or moment(month, 25))


def declare(
    unit_id: int, month: int, *, at: datetime | None = None, agency: int = 1, place: str = PLACE, account: int = 100, **confirmed: int
) -> int:
    """One unit declares a month, as the effect of its filing would. Returns the declaration."""
    wanted = declaring.Wanted(unit_id, agency, None, **confirmed)
    with acting(Actor(Role.ENGINE, account, "经办甲")):
        return declaring.declare(wanted, place=place, month=month, at=at or moment(month, 25), rulebook=standard())


def settle_and_defer(units: Sequence[tuple[int, int]], month: int) -> None:
    """Units (with their agencies) live through all of 自主申报 and 缓缴: a month declared, the next not and paid at 110 %, declared late, the
    surplus taken by the third; and a deferral. Their people must be insured from the first month on."""
    assess(month)
    assess(shift(month, 1), declared=False)
    for unit, agency in units:
        with acting(ENGINE):
            bill = Bill.objects.get(unit_id=unit, month=shift(month, 1))
        pay(bill, bill.open_fen, at=moment(shift(month, 1), 27), agency=agency)
        declare(unit, shift(month, 1), at=moment(shift(month, 1), 28), agency=agency)
        wanted = deferring.NewDeferral(
            unit, agency, "hardship", (Insurance.PENSION,), 202204, 202205, date(2023, 12, 31), "deferral 2022-05", None
        )
        with acting(ENGINE):
            deferring.grant(wanted, at=moment(202206))
    assess(shift(month, 2))


def put_right(unit_id: int, person_id: int, month: int, *, agency: int = 1) -> None:
    """A correction of somebody's assessed month: its line in the course of corrections, a 特殊人群认定, and the 待退差额 it leaves."""
    less = differences.Difference(
        unit_id, person_id, month, Insurance.PENSION, charged=differences.Share(100, 16, 8), due=differences.NOTHING
    )
    line = NewCorrection(
        unit_id, agency, person_id, CorrectionKind.SPECIAL, "特殊人群", "无", "劳动模范", "订正", less.up_fen, less.down_fen, None
    )
    with acting(ENGINE):
        special.recognise(
            person_id, SpecialKind.MODEL_WORKER, AT.date(), "证书", unit_id=unit_id, agency_id=agency, to_date=None, case_id=None, at=AT
        )
        differences.settle([less], {unit_id: agency}, reason="订正", case_id=None, at=AT)
        note_corrections([line], at=AT)


def relieve_and_recalculate(unit_id: int, person_id: int, *, agency: int = 1) -> None:
    """Rows of 减免 and of a 重新核定 that was given up, as a run and a trial leave them."""
    of = {"unit_id": unit_id, "agency_id": agency, "month": 202610, "insurance": 110}
    with acting(ENGINE):
        run = Run.objects.order_by("id").first()
        assert run is not None
        ReliefLine.objects.create(
            run=run, **of, headcount=1, before_fen=2, relief_fen=1, effect="half", rule_id="relief.unit_part", law="示例"
        )
        trial = Recalculation.objects.create(
            place=PLACE, first_month=202610, last_month=202610, state="discarded", computed_by=1, computed_name="财务", started_at=AT
        )
        RecalculationChunk.objects.create(recalculation=trial, month=202610, chunk=0, people=1, lines=1)
        amounts = dict.fromkeys(("base_fen", "unit_fen", "person_fen", "due_base_fen", "due_unit_fen", "due_person_fen"), 1)
        RecalculationLine.objects.create(recalculation=trial, person_id=person_id, **of, **amounts, reason="示例")
        done = Recalculation.objects.create(
            place=PLACE, first_month=202610, last_month=202610, state="released", computed_by=1, computed_name="财务", started_at=AT,
            computed_at=AT, released_by=2, released_name="复核", released_at=AT,
        )  # fmt: skip
        RecalculationLine.objects.create(recalculation=done, person_id=person_id, **of, **amounts, reason="示例", state="charged")


def verify_and_close(unit_id: int, to_month: int) -> None:
    """The last of a unit's registration: a certificate, 登记验证 of the year, 补证, 注销登记. Nothing more can be filed for it."""
    with acting(ENGINE):
        registration.issue_certificates([unit_id], "参保登记")
        registration.verify_year(unit_id, AT.year, {"name": "示例公司"}, late=False, on=AT.date(), case_id=None)
        registration.reissue_certificate(unit_id, "遗失", on=AT.date(), case_id=None, at=AT)
        registration.close_unit(unit_id, to_month, "解散", "示例文件", on=AT.date(), case_id=None, at=AT)


def pay(bill: Bill, amount_fen: int, *, at: datetime = AT, agency: int = 1) -> receiving.Received:
    n = next(_serials)
    payment = receiving.Payment(f"T{n:06d}", bill.number, "示例公司", amount_fen, at.date(), 3)
    with acting(finance()):
        return receiving.receive_file(
            n.to_bytes(32, "big"), f"B{n}", "到账.csv", [payment], place=PLACE, agency_id=agency, on=at.date(), at=at
        )


def ask(sql: str, values: Sequence[Any] | dict[str, Any] = (), *, actor: Actor = ENGINE) -> list[tuple[Any, ...]]:
    """Rows of a query, asked by the engine unless another one is named."""
    with acting(actor), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def as_owner(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql, list(values))
        return list(cursor.fetchall()) if cursor.description else []


def sqlstate(error: BaseException) -> str:
    return str(getattr(error.__cause__, "sqlstate", ""))


@contextmanager
def rolled_back(actor: Actor | None, alias: str = "default"):  # type: ignore[no-untyped-def]
    """A transaction of an actor (or of the schema's owner) that leaves nothing behind."""
    with acting(actor) if actor else transaction.atomic(using=alias):
        with connections[alias].cursor() as cursor:
            yield cursor
        transaction.set_rollback(True, using=alias)


def attempt(actor: Actor | None, sql: str, values: Sequence[Any] = (), *, alias: str = "default") -> int | str:
    """How many rows a statement found or changed, or the SQLSTATE that refused it. Nothing of it stays."""
    try:
        with rolled_back(actor, alias) as cursor:
            cursor.execute(sql, list(values))
            return int(cursor.rowcount)
    except DatabaseError as error:
        return sqlstate(error)


def race(rounds: int, racers: int, act: Callable[[int, int], Any]) -> list[list[Any]]:
    """Let threads, each with its own connection, do act(round, racer) in the same instant, round after round.

    Returns: by round, what each racer got back, or the exception.
    """
    start = threading.Barrier(racers)
    outcomes: list[list[Any]] = [[None] * racers for _ in range(rounds)]

    def run(racer: int) -> None:
        try:
            for i in range(rounds):
                start.wait(60)
                try:
                    outcomes[i][racer] = act(i, racer)
                except Exception as error:
                    outcomes[i][racer] = error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(racers) as pool:
        list(pool.map(run, range(racers)))
    return outcomes
