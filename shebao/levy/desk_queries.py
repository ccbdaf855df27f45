"""Questions of the agency's desk: units and people found, receipts, money in suspense, the figures of a month. Read only;
what the actor may not see is as if it were not there (row-level security)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from django.db import connection
from django.db.models import Count, F, Q, Sum

from shebao.access.models import Account
from shebao.levy import arrears
from shebao.levy.models import Allocation, MonthState, PlaceMonth, Receipt, ReceiptFile, ReceiptState, Run
from shebao.parties.models import Person, Unit

Row = TypeVar("Row")

OPEN = F("unit_fen") + F("person_fen") + F("late_fee_fen") - F("paid_fen") - F("moved_fen") - F("written_off_fen")
FOUND_MAX = 50  # of a search by name: beyond it one types more
UNIT_IDS_MAX = 500  # of a name that narrows a queue


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """Rows of one page and how many there are in all."""

    rows: list[Row]
    total: int


# --- units and people ---


def _named(text: str) -> Q:
    return Q(number=text) | Q(uscc=text.upper()) | Q(name__contains=text)


def find_units(text: str, limit: int = FOUND_MAX) -> Found[Unit]:
    """Units by 单位编号 or 统一社会信用代码 (whole), or part of the name."""
    units = Unit.objects.filter(_named(text.strip())).select_related("agency").order_by("name", "id")
    return Found(list(units[:limit]), units.count())


def unit_ids(text: str) -> list[int]:
    """Ids of the units that a search means, to narrow a list of cases."""
    return list(Unit.objects.filter(_named(text.strip())).order_by("id").values_list("id", flat=True)[:UNIT_IDS_MAX])


def unit_names(ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(number, name) of units by id."""
    return {i: (number, name) for i, number, name in Unit.objects.filter(pk__in=set(ids)).values_list("id", "number", "name")}


def find_unit(number: str) -> Unit | None:
    """A unit with its agency, by 单位编号."""
    return Unit.objects.select_related("agency").filter(number=number).first()


def find_people(text: str, limit: int = FOUND_MAX) -> Found[Person]:
    """People by 公民身份号码 or 个人编号 (whole), or by the whole name: no browsing by fragments of other people's data."""
    text = text.strip()
    people = Person.objects.filter(Q(id_number=text.upper()) | Q(number=text) | Q(name=text)).order_by("id")
    return Found(list(people[:limit]), people.count())


def find_person(number: str) -> Person | None:
    """A person by 个人编号."""
    return Person.objects.filter(number=number).first()


def operators_of(unit_id: int) -> list[Account]:
    """A unit's accounts with their posts. For the engine: a desk account sees only its own row."""
    return list(Account.objects.filter(unit_id=unit_id).defer("password").prefetch_related("grants").order_by("id"))


def account_names(ids: Sequence[int]) -> dict[int, str]:
    """Names of accounts by id. For the engine: a desk account sees only its own row."""
    return dict(Account.objects.filter(pk__in=set(ids)).values_list("id", "name"))


# --- bills and receipts ---


@dataclass(frozen=True, slots=True)
class Collected:
    """征缴 of a month: how much was billed (what was written off apart) and how much has come in, by its 核定单 or by 欠费补缴单; fen."""

    month: int
    bills: int
    paid_bills: int
    owed_fen: int
    paid_fen: int

    @property
    def ppm(self) -> int:
        """Collected share in parts per million, cut to hundredths of a percent; 0 when nothing is owed."""
        return self.paid_fen * 10_000 // self.owed_fen * 100 if self.owed_fen else 0


def collected(agency_id: int, *, limit: int = 6) -> list[Collected]:
    """征缴 of the last months that were billed, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select b.month, count(*), count(*) filter (where b.state not in ('issued', 'part_paid') and t.waiting = 0),
                   sum(b.unit_fen + b.person_fen - b.written_off_fen)::bigint, sum(b.paid_fen + t.paid)::bigint
            from levy_bill b cross join lateral (
              select coalesce(sum(d.unit_fen + d.person_fen) filter (where d.state = 'paid'), 0) as paid,
                     count(*) filter (where d.state = 'ordered') as waiting
              from levy_takendue d join levy_billline l on l.id = d.line_id where l.bill_id = b.id and b.moved_fen > 0) t
            where b.agency_id = %s and b.kind = 'monthly' group by 1 order by 1 desc limit %s
            """,
            [agency_id, limit],
        )
        return [Collected(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Sums:
    """How many and how much, fen."""

    count: int
    fen: int


def overdue_sums(agency_id: int, on: date) -> Sums:
    """Overdue bills of an agency's units and what is open of them."""
    return Sums(*arrears.overdue_sums(on, agency_id=agency_id))


def receipt_sums(agency_id: int) -> dict[ReceiptState, Sums]:
    """Receipts of an agency by state. In suspense counts only what is not allocated."""
    told = (
        Receipt.objects.filter(agency_id=agency_id)
        .values("state")
        .annotate(n=Count("id"), fen=Sum("amount_fen"), shared=Sum(F("allocated_fen") + F("moved_fen")))
    )
    found = {ReceiptState(row["state"]): row for row in told.order_by()}
    return {
        state: Sums(found[state]["n"], found[state]["fen"] - (found[state]["shared"] if state is ReceiptState.SUSPENSE else 0))
        if state in found
        else Sums(0, 0)
        for state in ReceiptState
    }


def receipts(agency_id: int, *, state: str = "", search: str = "", file_id: int | None = None, page: int, size: int) -> Found[Receipt]:
    """Receipts of an agency, newest first. search: a 流水号 or 核定单号 (whole), or part of the payer's name."""
    rows = Receipt.objects.filter(agency_id=agency_id).select_related("bill", "file")
    if state:
        rows = rows.filter(state=state)
    if file_id is not None:
        rows = rows.filter(file_id=file_id)
    if text := search.strip():
        rows = rows.filter(Q(serial=text) | Q(bill_number=text) | Q(payer__contains=text))
    order = ("line", "id") if file_id is not None else ("-id",)
    return Found(list(rows.order_by(*order)[(page - 1) * size : page * size]), rows.count())


def receipt_files(agency_id: int, limit: int = 10) -> list[ReceiptFile]:
    """The last files of an agency, newest first."""
    return list(ReceiptFile.objects.filter(agency_id=agency_id).order_by("-id")[:limit])


def find_receipt_file(file_id: int) -> ReceiptFile | None:
    """A file by id."""
    return ReceiptFile.objects.filter(pk=file_id).first()


def receipt_file_of_batch(batch: str) -> ReceiptFile | None:
    """The file that brought a batch number."""
    return ReceiptFile.objects.filter(batch=batch).first()


def find_receipt(receipt_id: int) -> Receipt | None:
    """A receipt by id, if it is the actor's to see."""
    return Receipt.objects.select_related("bill").filter(pk=receipt_id).first()


def file_sums(file_id: int) -> dict[ReceiptState, Sums]:
    """What the lines of a file have become: allocated ones, and ones of which something is in suspense."""
    told = Receipt.objects.filter(file_id=file_id).values("state").annotate(n=Count("id"), fen=Sum("amount_fen")).order_by()
    return {ReceiptState(row["state"]): Sums(row["n"], row["fen"]) for row in told}


def allocations_of(receipt_ids: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """(insurance, fen) a receipt was shared out to, by receipt."""
    found: dict[int, list[tuple[int, int]]] = {}
    rows = (
        Allocation.objects.filter(receipt_id__in=list(receipt_ids))
        .order_by("id")
        .values_list("receipt_id", "line__insurance", "amount_fen")
    )
    for receipt_id, insurance, fen in rows.values_list("receipt_id", "line__insurance", "amount_fen"):
        found.setdefault(receipt_id, []).append((insurance, fen))
    return found


# --- months ---


@dataclass(frozen=True, slots=True)
class MonthLine:
    """A 费款所属期 of a place with its state and its last run, if there was one."""

    month: int
    state: MonthState
    run: Run | None


def months_of(place: str, months: Sequence[int]) -> list[MonthLine]:
    """The state of each of these months, with the run that counts (a failed one only when there is no other)."""
    states = {m.month: MonthState(m.state) for m in PlaceMonth.objects.filter(place=place, month__in=months)}
    runs: dict[int, Run] = {}
    for run in Run.objects.filter(place=place, month__in=months, kind="monthly_assessment").order_by("id"):
        runs[run.month] = run
    return [MonthLine(month, states.get(month, MonthState.OPEN), runs.get(month)) for month in months]


def find_run(run_id: int) -> Run | None:
    """A run by id."""
    return Run.objects.filter(pk=run_id).first()
