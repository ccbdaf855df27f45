"""基金账: what does not balance is refused by PostgreSQL itself, nothing booked is changed, and every sum can be proved at any time."""

from collections import defaultdict
from datetime import date
from itertools import count

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shebao.ledger.models import AccountKind, PostingState
from shebao.ledger.operations import Booking, Side, UnbalancedPosting, UnknownPendingError, book
from shebao.ledger.queries import trial_balance
from shebao.levy import receiving
from tests.db import support
from tests.db.support import ENGINE, acting, ask, attempt, finance, moment, rolled_back

pytestmark = pytest.mark.usefixtures("database")
DAY, AT = date(2026, 11, 10), support.AT
CHECK, RESTRICT = "23514", "23001"
PLACES = count(1)


def new_place() -> str:
    """Books of their own, so that tests do not see each other's."""
    return f"9{next(PLACES):05d}"


def booking(key: str, fen: int = 100, state: PostingState = PostingState.POSTED, resolves: str | None = None) -> Booking:
    sides = (Side(110, AccountKind.BANK, fen), Side(110, AccountKind.INCOME, -fen))
    return Booking(key, "测试", "t", () if state is PostingState.VOID else sides, state, resolves)


def booked(place: str, *bookings: Booking, on: date = DAY) -> int:
    with acting(ENGINE):
        return book(list(bookings), place=place, on=on, at=AT)


def balances(place: str, on: date = DAY) -> dict[tuple[int, str], int]:
    with acting(ENGINE):
        return {(b.fund, b.kind.value): b.balance_fen for b in trial_balance(place, on)}


POSTING = """
with p as (insert into ledger_posting (key, place, booked_on, recorded_at, state, text, reference)
           select 'raw', min(place), '2026-11-10', now(), 'posted', 't', 'r' from ledger_account returning id, place),
     a as (select id, row_number() over (order by id) n from ledger_account where place = (select place from p) limit 2)
insert into ledger_entry (posting_id, account_id, amount_fen) select p.id, a.id, v.fen
from p, a join (values (1, 100), (2, {second})) v (n, fen) on v.n = a.n
"""


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_the_database_refuses_entries_that_do_not_balance_and_empty_ones(alias: str) -> None:
    booked(new_place(), booking("two accounts"))
    actor = None if alias == "owner" else ENGINE
    assert attempt(actor, POSTING.format(second=-100), alias=alias) == 2
    for second, refused in ((-99, CHECK), (100, CHECK), (-101, CHECK), (0, CHECK)):
        assert attempt(actor, POSTING.format(second=second), alias=alias) == refused
    half = "insert into ledger_entry (posting_id, account_id, amount_fen) select max(posting_id), max(account_id), 5 from ledger_entry"
    assert attempt(actor, half, alias=alias) == CHECK


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_complete_posting_takes_no_further_entries_even_balanced_ones(alias: str) -> None:
    booked(new_place(), booking(f"complete {alias}"))
    more = """insert into ledger_entry (posting_id, account_id, amount_fen)
              select p.id, (select min(id) from ledger_account a where a.place = p.place), v from ledger_posting p, (values (7), (-7)) v (v)
              where p.key = %s"""
    assert attempt(None if alias == "owner" else ENGINE, more, [f"complete {alias}"], alias=alias) == CHECK


def test_booking_refuses_our_own_mistake_before_the_database_has_to() -> None:
    place = new_place()
    wrong = Booking("wrong", "错", "r", (Side(110, AccountKind.BANK, 100), Side(110, AccountKind.INCOME, -99)))
    with pytest.raises(UnbalancedPosting, match="分录 wrong 借贷不平，未入账"):
        booked(place, booking("right"), wrong)
    assert balances(place) == {}


def test_booking_the_same_key_again_changes_nothing() -> None:
    place = new_place()
    assert booked(place, booking("once"), booking("other", 50)) == 2
    assert booked(place, booking("once", 999), booking("third", 1)) == 1
    assert balances(place) == {(110, "bank"): 151, (110, "income"): -151}


def test_a_pending_posting_counts_once_it_is_posted_and_a_void_one_never() -> None:
    place = new_place()
    booked(place, booking("p1", 100, PostingState.PENDING), booking("p2", 40, PostingState.PENDING))
    assert balances(place) == {}
    booked(place, booking("p1 posted", 100, resolves="p1"))
    booked(place, booking("p2 void", 0, PostingState.VOID, "p2"))
    assert balances(place) == {(110, "bank"): 100, (110, "income"): -100}


def test_a_pending_posting_is_resolved_once() -> None:
    place = new_place()
    booked(place, booking("p", 100, PostingState.PENDING))
    booked(place, booking("first", 100, resolves="p"))
    with pytest.raises(IntegrityError):
        booked(place, booking("second", 0, PostingState.VOID, "p"))
    assert balances(place) == {(110, "bank"): 100, (110, "income"): -100}


def test_the_books_of_a_day_do_not_know_later_days() -> None:
    place = new_place()
    booked(place, booking("early", 10), on=date(2026, 11, 1))
    booked(place, booking("late", 5), on=date(2026, 11, 20))
    assert balances(place, date(2026, 10, 31)) == {}
    assert balances(place, date(2026, 11, 19)) == {(110, "bank"): 10, (110, "income"): -10}
    assert balances(place, date(2026, 11, 20)) == {(110, "bank"): 15, (110, "income"): -15}


def test_money_entered_by_hand_waits_for_another_person_and_the_books_follow() -> None:
    support.make_agency(3)
    payment = receiving.Payment("手工1", "HD-none", "甲", 700, DAY)
    place = "420100"

    def stands() -> dict[tuple[int, str], int]:
        return {key: fen for key, fen in balances(place).items() if fen}

    with acting(finance(300)):
        receipt = receiving.enter_by_hand(payment, agency_id=3, place=place, on=DAY, at=AT)
    assert stands() == {}
    with pytest.raises(receiving.SamePersonError, match="登记和复核不能是同一人"), acting(finance(300)):
        receiving.confirm(receipt, place=place, on=DAY, at=AT)
    with pytest.raises(receiving.SerialKnownError, match="流水号 手工1 已经登记过"), acting(finance(301)):
        receiving.enter_by_hand(payment, agency_id=3, place=place, on=DAY, at=AT)
    with acting(finance(301)):
        receiving.confirm(receipt, place=place, on=DAY, at=AT)
    assert stands() == {(0, "bank"): 700, (0, "suspense"): -700}
    with acting(finance(300)):
        other = receiving.enter_by_hand(receiving.Payment("手工2", "HD-none", "甲", 9, DAY), agency_id=3, place=place, on=DAY, at=AT)
        receiving.void(other, place=place, on=DAY, at=AT)
    with pytest.raises(receiving.NotPendingError, match="这笔到账已由他人处理"), acting(finance(301)):
        receiving.confirm(other, place=place, on=DAY, at=AT)
    assert stands() == {(0, "bank"): 700, (0, "suspense"): -700}


def test_receipts_move_money_from_receivable_to_bank_to_the_fen_and_the_rest_waits() -> None:
    place = support.PLACE
    support.make_agency(1)
    unit = support.make_unit()
    support.hire(unit, 3, wage_fen=1_234_567, month=202610)
    support.assess(202610)
    with acting(ENGINE):
        bill = support.Bill.objects.get(unit_id=unit)
    owed = -sum(fen for (_, kind), fen in balances(place).items() if kind == "income")
    assert owed == bill.total_fen == sum(fen for (_, kind), fen in balances(place).items() if kind == "receivable")
    before = balances(place)
    support.pay(bill, 33_333, at=moment(202611, 1))
    support.pay(bill, bill.total_fen, at=moment(202611, 2))
    after = balances(place)
    assert [fen for (_, kind), fen in after.items() if kind == "receivable"] == [0] * 5
    assert after[0, "suspense"] - before.get((0, "suspense"), 0) == -33_333
    with acting(ENGINE):
        lines = support.Bill.objects.get(pk=bill.pk).lines.all()
        assert all(line.paid_fen == line.unit_fen + line.person_fen for line in lines)
        assert support.Bill.objects.get(pk=bill.pk).state == "paid"
        shares = dict(ask("select line_id, sum(amount_fen)::bigint from levy_allocation group by 1"))
        assert {line.pk: line.paid_fen for line in lines} == shares


SIDES = st.tuples(st.sampled_from([0, 110, 310]), st.sampled_from(list(AccountKind)), st.integers(-(10**11), 10**11))
Act = tuple[int, list[tuple[int, AccountKind, int]], PostingState, int, bool]
ACTS = st.lists(
    st.tuples(
        st.integers(0, 6),  # key
        st.lists(SIDES, max_size=4),
        st.sampled_from(list(PostingState)),
        st.integers(0, 8),  # which key it resolves, if any
        st.booleans(),  # balanced by a last side
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(acts=ACTS)
def test_whatever_is_booked_the_trial_balance_sums_to_zero_and_equals_a_simple_model(acts: list[Act]) -> None:
    place = new_place()
    model: dict[tuple[int, str], int] = defaultdict(int)
    known: dict[str, PostingState] = {}
    resolved: set[str] = set()
    for number, sides, state, target, balanced in acts:
        key, resolves = f"{place}:{number}", f"{place}:{target}" if target < 7 else None
        total = sum(fen for _, _, fen in sides)
        given_sides = [*sides, (210, AccountKind.BANK, -total)] if balanced else sides
        one = Booking(key, "t", "r", tuple(Side(*side) for side in given_sides), state, resolves)
        try:
            with acting(ENGINE), transaction.atomic():
                new = book([one], place=place, on=DAY, at=AT)
        except UnbalancedPosting:
            assert total and not balanced
            continue
        except UnknownPendingError:
            assert resolves is not None and known.get(resolves) is not PostingState.PENDING
            continue
        except DatabaseError:
            assert resolves and key not in known and (resolves in resolved or state is PostingState.PENDING)
            continue
        assert resolves is None or known[resolves] is PostingState.PENDING
        assert new == (key not in known)
        if not new:
            continue
        if resolves:
            resolved.add(resolves)
        known[key] = state
        for fund, kind, fen in given_sides if state is PostingState.POSTED else []:
            model[fund, kind.value] += fen
    found = balances(place)
    assert sum(found.values()) == 0
    assert {key: fen for key, fen in found.items() if fen} == {key: fen for key, fen in model.items() if fen}
    with acting(ENGINE):
        assert sum(b.debit_fen - b.credit_fen for b in trial_balance(place, DAY)) == 0


def test_the_trigger_that_balances_stays_on_for_replication_and_is_not_the_owners_to_pass() -> None:
    with rolled_back(None, "owner") as cursor:
        cursor.execute(
            "select tgname, tgenabled::text from pg_trigger where tgrelid = 'ledger_entry'::regclass and not tgisinternal order by 1"
        )
        names = ["ledger_entry_balanced", "ledger_entry_no_change", "ledger_entry_no_truncate"]
        assert dict(cursor.fetchall()) == dict.fromkeys(names, "A")
