"""灵活就业月度应缴 and 社保年度结转: the two runs over all flexible workers of a place, set-based, restartable by chunk.

A chunk is a range of person ids, so the same people are always in the same chunk; its rows, its booking and its guard row come in one
transaction. So the books agree with the dues at every moment, and a run that was killed ends with the same books as one that was not.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day, month_of, month_shown, shift, span
from shebao.base.terms import Sex
from shebao.enrolment.tiers import MASK
from shebao.ledger.operations import Booking, book
from shebao.levy.assessing import FutureMonthError, take_time
from shebao.levy.flexible import PENSION, owed_sides
from shebao.levy.models import PlaceMonth, Run, RunChunk
from shebao.levy.tax_standing import at_tax_office
from shebao.policy.flexible import month_tier
from shebao.policy.flexible_years import ages, back_payment, last_payable_day, year_shown
from shebao.policy.rulebook import Rulebook
from shebao.policy.shapes import SocialInsuranceYear, Tiers

KIND, KIND_YEAR = "flexible_month", "flexible_year"
CHUNK_IDS = 50_000  # person ids a chunk


class AlreadyRunError(ShebaoError):
    """The run was done."""

    code = "FLX-30"


class NotYetError(ShebaoError):
    """A year whose months can still be paid, or under a rule that lets nothing lapse."""

    code = "FLX-31"


@dataclass(frozen=True, slots=True)
class Work:
    """What a run still has to do: chunks by number (person id // CHUNK_IDS)."""

    run_id: int
    kind: str
    place: str
    month: Month
    chunks: tuple[int, ...]


def begin(place: str, month: Month, *, at: datetime) -> int:
    """Start (or find again) the run of a month. Whoever is enrolled after this gets the month with the enrolment.

    Raises: AlreadyRunError, FutureMonthError.
    """
    if month > month_of(at.astimezone(ZONE).date()):
        raise FutureMonthError(month)
    with connection.cursor() as cursor:
        cursor.execute("insert into levy_placemonth (place, month, state) values (%s, %s, 'open') on conflict do nothing", [place, month])
    PlaceMonth.objects.select_for_update().get(place=place, month=month)  # enrolments hold it FOR SHARE: they come before, or see the run
    return _begin(KIND, place, month, f"{month_shown(month)}的灵活就业应缴已经生成，之后参保的随参保生成，不用重复办理", at)


def begin_year(place: str, year: SocialInsuranceYear, *, rulebook: Rulebook, at: datetime) -> int:
    """Start (or find again) the end of a 社保年度: what was not paid of it lapses, because it can never be paid any more.

    Raises: AlreadyRunError, NotYetError, RuleMissing.
    """
    on = at.astimezone(ZONE).date()
    last = max(last_payable_day(month, place, rulebook) for month in _months(year))
    if on <= last:
        raise NotYetError(f"{year_shown(year)}的费款可缴到 {last.isoformat()}，请在此后再办理年度结转")
    if back_payment(on, place, rulebook).pension_allowed:
        raise NotYetError(f"{on.isoformat()} 的规定允许补缴以前年度的欠费，{year_shown(year)}的欠费不结转")
    return _begin(KIND_YEAR, place, year.last_month, f"{year_shown(year)}已经结转，不用重复办理", at)


def _begin(kind: str, place: str, month: Month, done: str, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into levy_run (kind, place, month, state, note, started_by, started_at, chunks_total, rows, total_fen, bills)"
            " values (%s, %s, %s, 'running', '', %s, %s, 0, 0, 0, 0) on conflict do nothing returning id",
            [kind, place, month, current().account_id, at],
        )
        row = cursor.fetchone()
    if row is not None:
        record([Trace("levy.flexible_run_started", f"{kind} {place} {month}")], at=at)
        return int(row[0])
    run = Run.objects.exclude(state="failed").get(kind=kind, place=place, month=month)
    if run.state == "done":
        raise AlreadyRunError(done)
    return run.pk


def has_run(place: str, month: Month) -> bool:
    """Whether a month's run was begun: who joins it now gets the month with the enrolment. Call while the month is held."""
    return Run.objects.filter(kind=KIND, place=place, month=month).exclude(state="failed").exists()


def runs_of(place: str, limit: int = 24) -> list[Run]:
    """The runs of a place over flexible workers, newest first."""
    return list(Run.objects.filter(place=place, kind__in=(KIND, KIND_YEAR)).order_by("-id")[:limit])


def _months(year: SocialInsuranceYear) -> list[Month]:
    return list(span(year.first_month, shift(year.last_month, 1)))


def plan(run_id: int, rulebook: Rulebook) -> Work:
    """What is missing of a run; nothing of one that has ended.  Raises: RuleMissing, TierUnknown, before anything is written."""
    take_time()
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state != "running":
        return Work(run_id, run.kind, run.place, run.month, ())
    if run.kind == KIND:
        _amounts(run.place, run.month, _percents(run.place, run.month, 0, 1 << 62), rulebook)
    with connection.cursor() as cursor:
        cursor.execute(_COVERED_IDS if run.kind == KIND else _LAPSING_IDS, _values(run, 0, 1 << 62, rulebook) | {"size": CHUNK_IDS})
        wanted = [int(row[0]) for row in cursor.fetchall()]
    done = set(RunChunk.objects.filter(run_id=run_id).values_list("chunk", flat=True))
    Run.objects.filter(pk=run_id).update(chunks_total=len(done | set(wanted)))
    return Work(run_id, run.kind, run.place, run.month, tuple(chunk for chunk in wanted if chunk not in done))


def do_chunk(work: Work, chunk: int, rulebook: Rulebook, *, on: date, at: datetime) -> int:
    """One chunk in the current transaction: guard, rows and booking, or none of them. Returns how many dues."""
    take_time()
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [work.run_id, chunk])  # two drivers of one run: the second finds it done
    run = Run.objects.get(pk=work.run_id)
    if run.state != "running" or RunChunk.objects.filter(run=run, chunk=chunk).exists():
        return 0
    values = _values(run, chunk * CHUNK_IDS, (chunk + 1) * CHUNK_IDS, rulebook) | {"at": at}
    rows, total_fen = _owe(run, values, rulebook) if work.kind == KIND else _lapse(values)
    sign, text = (1, f"{run.month} 灵活就业应缴") if work.kind == KIND else (-1, f"{run.month} 止社保年度未缴费款结转")
    if total_fen:
        key = f"{work.kind}:{run.place}:{run.month}:{run.pk}:{chunk}"
        book([Booking(key, text, f"run:{run.pk}", owed_sides(sign * total_fen))], place=run.place, on=on, at=at)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into levy_runchunk (run_id, chunk, rows, total_fen) values (%s, %s, %s, %s)", [run.pk, chunk, rows, total_fen]
        )
    return rows


def _owe(run: Run, values: dict[str, Any], rulebook: Rulebook) -> tuple[int, int]:
    percents = _percents(run.place, run.month, values["first"], values["end"])
    amounts = _amounts(run.place, run.month, percents, rulebook)
    with connection.cursor() as cursor:
        cursor.execute(
            _OWE,
            values
            | {
                "percents": list(amounts),
                "bases": [a[0] for a in amounts.values()],
                "totals": [a[1] for a in amounts.values()],
                "accounts": [a[2] for a in amounts.values()],
            },
        )
        rows, total = cursor.fetchone()
    return int(rows), int(total)


def _lapse(values: dict[str, Any]) -> tuple[int, int]:
    """Bills of the year nobody has paid are void first; then what is open of the year lapses. What the tax office holds stays billed."""
    with connection.cursor() as cursor:
        cursor.execute(_LAPSING_BILLS, values)
        found = [int(row[0]) for row in cursor.fetchall()]
        void = sorted(set(found) - at_tax_office(found))
        cursor.execute("update levy_flexdue set state = 'open', bill_id = null where bill_id = any(%s) and state = 'billed'", [void])
        cursor.execute("update levy_billline set moved_fen = person_fen where bill_id = any(%s)", [void])
        cursor.execute("update levy_bill set state = 'cancelled', moved_fen = person_fen where id = any(%s)", [void])
        cursor.execute(_LAPSE, values)
        rows, total = cursor.fetchone()
    return int(rows), int(total)


def publish(run_id: int, rulebook: Rulebook, *, at: datetime) -> None:
    """The run has done all its chunks: its sums, and who was left out and why."""
    take_time()
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state != "running":
        return
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(sum(rows), 0), coalesce(sum(total_fen), 0)::bigint from levy_runchunk where run_id = %s", [run_id])
        rows, total_fen = cursor.fetchone()
    note = _left_out(run, rulebook) if run.kind == KIND else ""
    Run.objects.filter(pk=run_id).update(state="done", finished_at=at, rows=int(rows), total_fen=int(total_fen), note=note)
    after = {"rows": int(rows), "total_fen": int(total_fen)}
    record([Trace("levy.flexible_run_done", f"{run.kind} {run.place} {run.month}", after=after)], at=at)


def fail(run_id: int, note: str, *, at: datetime) -> None:
    """A rule is missing, or a tier does not exist: said on the run. What its chunks have written stays; the next run leaves it as it is."""
    run = Run.objects.get(pk=run_id)
    Run.objects.filter(pk=run_id).update(state="failed", note=note[:200], finished_at=at)
    record([Trace("levy.flexible_run_stopped", f"{run.kind} {run.place} {run.month}", after={"note": note})], at=at)


def _values(run: Run, first: int, end: int, rulebook: Rulebook) -> dict[str, Any]:
    values: dict[str, Any] = {"place": run.place, "month": run.month, "mask": MASK, "insurance": PENSION, "first": first, "end": end}
    if run.kind == KIND:
        return values | _age_limits(run.place, run.month, rulebook)
    year = next(r.value for r in rulebook.all(run.place) if _is_year(r, run.month))
    return values | {"first_month": year.first_month}


def _is_year(rule: Any, last_month: Month) -> bool:
    return rule.id == "social_insurance_year" and rule.value is not None and rule.value.last_month == last_month


def year_by_code(code: int, place: str, rulebook: Rulebook) -> SocialInsuranceYear:
    """A 社保年度 by its number.  Raises: NotYetError when its beginning and end are not published."""
    for rule in rulebook.all(place):
        if rule.id == "social_insurance_year" and rule.value is not None and rule.value.code == code:
            year: SocialInsuranceYear = rule.value
            return year
    raise NotYetError(f"{code} 社保年度的起止没有公布，不能结转；请先补充参数 social_insurance_year")


def _age_limits(place: str, month: Month, rulebook: Rulebook) -> dict[str, date]:
    """Who was born on or before these days is past the age on the month's first day."""
    on = first_day(month)
    found = {}
    for name, sex in (("male_cut", Sex.MALE), ("female_cut", Sex.FEMALE)):
        limits = ages(sex, on, place, rulebook)
        found[name] = date(on.year - limits.below, on.month, 1) if limits else date.min
    return found


def _percents(place: str, month: Month, first: int, end: int) -> list[int]:
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"place": place, "month": month, "mask": MASK, "first": first, "end": end}
        cursor.execute(f"select distinct t.percent {_COVERED} where {_IN_MONTH} and t.percent is not null order by 1", values)
        return [int(row[0]) for row in cursor.fetchall()]


def _amounts(place: str, month: Month, percents: list[int], rulebook: Rulebook) -> dict[int, tuple[int, int, int]]:
    """Base, total and account share by tier, of those that are chosen and all others that may be."""
    tiers: Tiers = rulebook.rule("flexible.tiers", first_day(month), place).value
    wanted = sorted({*percents, *(tiers.percents or ())})
    found = {percent: month_tier(percent, month, place, rulebook) for percent in wanted}
    return {percent: (int(t.base_fen), int(t.total_fen), int(t.account_fen)) for percent, t in found.items()}


_COVERED = """
from enrolment_spell s
join parties_unit u on u.id = s.unit_id and u.kind = 'window' and u.place = %(place)s
join parties_person p on p.id = s.person_id
left join enrolment_tier t on t.person_id = s.person_id and t.known_to is null
  and t.from_month <= %(month)s and (t.to_month is null or t.to_month > %(month)s)
"""
_IN_MONTH = """
s.person_id >= %(first)s and s.person_id < %(end)s and s.known_to is null and s.insurance_mask & %(mask)s <> 0
and s.from_month <= %(month)s and (s.to_month is null or s.to_month > %(month)s)
"""
_OF_AGE = "p.birth_date > case p.sex when '1' then %(male_cut)s::date else %(female_cut)s::date end"
_COVERED_IDS = f"select distinct s.person_id / %(size)s {_COVERED} where {_IN_MONTH} and t.percent is not null and {_OF_AGE} order by 1"
_OWE = f"""
with made as (
  insert into levy_flexdue (person_id, month, insurance, unit_id, agency_id, origin, tier, base_fen, total_fen, account_fen, interest_fen,
                            state, recorded_at)
  select s.person_id, %(month)s, %(insurance)s, s.unit_id, s.agency_id, 'normal', t.percent, a.base_fen, a.total_fen, a.account_fen, 0,
         'open', %(at)s
  {_COVERED}
  left join unnest(%(percents)s::int[], %(bases)s::int[], %(totals)s::int[], %(accounts)s::int[])
    as a (percent, base_fen, total_fen, account_fen) on a.percent = t.percent
  where {_IN_MONTH} and t.percent is not null and {_OF_AGE} order by s.person_id
  on conflict do nothing returning total_fen)
select count(*), coalesce(sum(total_fen), 0)::bigint from made
"""
_LEFT_OUT = f"""
select count(*) filter (where t.percent is null and {_OF_AGE}), count(*) filter (where not {_OF_AGE}) {_COVERED} where {_IN_MONTH}
"""
_OF_YEAR = """
from levy_flexdue d join parties_unit u on u.id = d.unit_id and u.place = %(place)s
where d.month between %(first_month)s and %(month)s and d.insurance = %(insurance)s
  and d.person_id >= %(first)s and d.person_id < %(end)s
"""
_LAPSING_IDS = f"select distinct d.person_id / %(size)s {_OF_YEAR} and d.state in ('open', 'billed') order by 1"
_LAPSING_BILLS = f"""
select b.id from levy_bill b
where b.id in (select d.bill_id {_OF_YEAR} and d.state = 'billed') and b.state = 'issued' and b.paid_fen = 0
  and b.last_month <= %(month)s and b.first_month >= %(first_month)s order by b.id for update
"""
_LAPSE = f"""
with gone as (
  update levy_flexdue x set state = 'lapsed'
  from (select d.person_id, d.month {_OF_YEAR} and d.state = 'open' order by d.person_id, d.month for update of d) n
  where x.person_id = n.person_id and x.month = n.month and x.insurance = %(insurance)s and x.state = 'open' returning x.total_fen)
select count(*), coalesce(sum(total_fen), 0)::bigint from gone
"""


def _left_out(run: Run, rulebook: Rulebook) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_OUT, _values(run, 0, 1 << 62, rulebook))
        without, old = cursor.fetchone()
    parts = [f"{without} 人没有选择缴费档次" if without else "", f"{old} 人已超过参保年龄" if old else ""]
    return "，".join(part for part in parts if part) + ("，没有生成应缴" if without or old else "")
