"""当年结算: an account settled within a year (retirement, transfer, death), with the last published rate; and again when the year's own
rate appears: the difference is a movement of its own (多退少补)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.accounts.crediting import open_month
from shebao.accounts.models import EndKind, EntryKind, PartYear, Resettled
from shebao.accounts.moving import Move, move
from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.base.months import Month, month_of, month_shown
from shebao.parties.models import Person
from shebao.policy.account import explain_part_year, last_interest_rule
from shebao.policy.explain import Explained
from shebao.policy.formulas.personal_account import opening_interest, product_interest
from shebao.policy.rulebook import Rule, Rulebook

PAYS = {EndKind.TRANSFER: EntryKind.TRANSFER_OUT, EndKind.DEATH: EntryKind.PAYOUT}


class NotSettleableError(ShebaoError):
    """The account cannot be settled within the year now."""

    code = "ACT-05"


@dataclass(frozen=True, slots=True)
class Standing:
    """An account in the course of a year, fen: what stood at its beginning, what bears interest up to a month, and the whole of it now."""

    open_fen: int
    product_fen: int
    tallied_product_fen: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What a 当年结算 in a month comes to, fen. rate: the rule that it is reckoned by."""

    kind: EndKind
    month: Month
    stands: Standing
    rate: Rule
    interest_fen: int

    @property
    def balance_fen(self) -> int:
        return self.stands.balance_fen + self.interest_fen

    @property
    def paid_fen(self) -> int:
        return self.balance_fen if self.kind in PAYS else 0

    @property
    def explained(self) -> Explained:
        """怎么算的."""
        stands = self.stands
        return explain_part_year(stands.open_fen, stands.product_fen, stands.balance_fen, self.month, self.rate, pays=self.kind in PAYS)


def attempt(person_id: int, kind: EndKind, month: Month, *, place: str, rulebook: Rulebook, at: datetime) -> Tried:
    """试算: what settle_part_year would do now; nothing of the account is written. Raises as it does."""
    if open_month(place, month, at=at) != month:
        raise NotSettleableError(
            f"{month // 100} 年个人账户已经结算或正在结算，不能再按 {month_shown(month)}做当年结算；请按本年的月份办理"
        )
    if PartYear.objects.filter(
        person_id=person_id, place=place, month__gte=month // 100 * 100, month__lt=month // 100 * 100 + 100
    ).exists():
        raise NotSettleableError("这个账户本年已做过当年结算，没有重复结算；之后到账的缴费按年度结算计息")
    stands = standing(person_id, place, month)
    rate = last_interest_rule(rulebook, month // 100, place)
    return Tried(EndKind(kind), month, stands, rate, _interest(stands.open_fen, stands.product_fen, int(rate.value), month))


def settle_part_year(
    person_id: int,
    kind: EndKind,
    month: Month,
    *,
    place: str,
    agency_id: int | None,
    rulebook: Rulebook,
    on: date,
    at: datetime,
    case_id: int | None = None,
) -> PartYear:
    """Settle one account in the month of payment: interest up to the month before. A transfer or a death pays the balance out; at
    retirement it stays.

    Raises: NotSettleableError, RuleMissing (no rate was published for this year or the two before).
    """
    Person.objects.select_for_update().get(pk=person_id)
    tried = attempt(person_id, kind, month, place=place, rulebook=rulebook, at=at)
    stands, rate, interest_fen, balance_fen, paid_fen = tried.stands, tried.rate, tried.interest_fen, tried.balance_fen, tried.paid_fen
    part = PartYear.objects.create(
        person_id=person_id,
        place=place,
        agency_id=agency_id,
        kind=kind,
        month=month,
        open_fen=stands.open_fen,
        product_fen=stands.product_fen,
        rate_ppm=int(rate.value),
        rate_year=rate.valid_from.year,
        interest_fen=interest_fen,
        balance_fen=balance_fen,
        paid_fen=paid_fen,
        settled_on=on,
        recorded_at=at,
        case_id=case_id,
    )
    label = f"{EndKind(kind).label}当年结算"
    interest = Move(
        f"part:{part.pk}", label, EntryKind.INTEREST, person_id, interest_fen, stands.open_fen, stands.tallied_product_fen, case_id
    )
    out = [Move(f"part-out:{part.pk}", label, PAYS[EndKind(kind)], person_id, -paid_fen, case_id=case_id)] if paid_fen else []
    move([interest, *out], place=place, agency_id=agency_id, month=month, on=on, at=at)
    after = {"kind": kind, "month": month, "balance_fen": balance_fen}
    record([Trace("accounts.part_year", str(person_id), person_id=person_id, case_id=case_id, after=after)], at=at)
    return part


def standing(person_id: int, place: str, month: Month) -> Standing:
    """An account of a person in a place before a month's payment. Raises: NotSettleableError while the year before is not settled."""
    year = month // 100
    with connection.cursor() as cursor:
        cursor.execute(
            "select min(year) from accounts_placeyear y where place = %s and year < %s and state <> 'settled' and exists"
            " (select 1 from accounts_tally t where t.year = y.year and t.place = y.place and t.person_id = %s)",
            [place, year, person_id],
        )
        if (unsettled := cursor.fetchone()[0]) is not None:
            raise NotSettleableError(f"{unsettled} 年个人账户尚未结算，期初余额还不能确定；请先办理 {unsettled} 年的年度结算")
        cursor.execute(_STANDING, {"person": person_id, "place": place, "year": year, "month": month})
        opening, brought, credits, other, basis, tallied, product = cursor.fetchone()
    return Standing(opening + brought + basis, product, tallied, opening + brought + credits + other)


_STANDING = """
select coalesce(s.closing_fen, 0), coalesce(t.brought_fen, 0), coalesce(t.own_fen + t.employer_fen, 0), coalesce(t.other_fen, 0),
       coalesce(t.basis_fen, 0), coalesce(e.tallied, 0)::bigint, coalesce(e.product, 0)::bigint
from (select 1) one
left join lateral (
  select s.closing_fen from accounts_snapshot s join accounts_settlement r on r.id = s.settlement_id
  where s.person_id = %(person)s and r.place = %(place)s and r.state = 'done' and r.year = %(year)s - 1) s on true
left join accounts_tally t on t.person_id = %(person)s and t.year = %(year)s and t.place = %(place)s
left join lateral (
  select sum((e.own_fen + e.employer_fen) * (13 - e.credited_month %% 100)) as tallied,
         sum((e.own_fen + e.employer_fen) * (%(month)s - e.credited_month)) as product
  from accounts_entry e join accounts_source c on c.id = e.source_id
  where e.person_id = %(person)s and e.year = %(year)s and c.place = %(place)s and e.kind in (1, 3)
    and e.credited_month < %(month)s) e on true
"""


def _interest(open_fen: int, product_fen: int, rate_ppm: int, month: Month) -> int:
    return opening_interest(open_fen, rate_ppm, month % 100 - 1) + product_interest(product_fen, rate_ppm)


def resettle(place: str, year: int, *, rulebook: Rulebook, on: date, at: datetime) -> int:
    """Settle again, with the year's own rate, what was settled within the year by another one. Returns how many accounts moved.

    The difference stands on the account (also one that was paid out): positive is to be paid, negative to be given back.
    """
    waiting = PartYear.objects.filter(place=place, month__gte=year * 100, month__lt=year * 100 + 100, resettled=None).exclude(
        rate_year=year
    )
    rows = list(waiting.order_by("person_id"))
    if not rows:
        return 0
    rate_ppm = int(last_interest_rule(rulebook, year, place).value)
    month = open_month(place, month_of(on), at=at)
    made = [
        Resettled(
            part_year=row,
            person_id=row.person_id,
            rate_ppm=rate_ppm,
            interest_fen=(fen := _interest(row.open_fen, row.product_fen, rate_ppm, row.month)),
            difference_fen=fen - row.interest_fen,
            settled_on=on,
            recorded_at=at,
        )
        for row in rows
    ]
    Resettled.objects.bulk_create(made)
    label = f"{year} 年当年结算利息差额"
    moves = [
        Move(
            f"resettled:{r.part_year.pk}", label, EntryKind.INTEREST_DIFFERENCE, r.person_id, r.difference_fen, case_id=r.part_year.case_id
        )
        for r in made
    ]
    move(moves, place=place, agency_id=None, month=month, on=on, at=at)
    return sum(1 for r in made if r.difference_fen)
