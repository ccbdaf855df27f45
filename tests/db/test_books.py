"""结账: a closed day takes nothing more, whoever tries and whenever; a month is closed by two; what was wrong is reversed, once."""

from datetime import date, datetime, timedelta
from itertools import count

import pytest
from django.db import IntegrityError

from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.ledger import closing
from shebao.ledger.models import AccountKind, DaySum, MonthClosing, Posting, PostingState
from shebao.ledger.operations import Booking, DayClosedError, NotReversibleError, Side, UnknownPendingError, book, reverse
from shebao.ledger.queries import closed, frozen_wrong, month_report, trial_balance
from tests.db.support import ENGINE, acting, as_owner, attempt, finance, race

pytestmark = pytest.mark.usefixtures("database")
PLACES, KEYS = count(1), count(1)
DAY = date(2026, 10, 20)
AT = datetime(2026, 11, 10, 9, tzinfo=ZONE)
CHECK, RESTRICT = "23514", "23001"


@pytest.fixture(autouse=True)
def no_sub_ledgers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Postings of these tests stand for themselves; who wants a sub-ledger brings one."""
    monkeypatch.setattr(closing, "SUB_LEDGERS", [])


def new_place() -> str:
    return f"8{next(PLACES):05d}"


def put(place: str, on: date, fen: int = 100, *, key: str = "", fund: int = 110, state: PostingState = PostingState.POSTED) -> str:
    key = key or f"k{next(KEYS)}"
    sides = (Side(fund, AccountKind.RECEIVABLE, fen), Side(fund, AccountKind.INCOME, -fen))
    with acting(ENGINE):
        book([Booking(key, "测试", "t", sides, state)], place=place, on=on, at=AT)
    return key


def close(place: str, to: date, at: datetime = AT, account: int = 300) -> list[date]:
    with acting(finance(account)):
        return closing.close_days(place, to, at=at)


def receivable(place: str, on: date) -> int:
    with acting(ENGINE):
        return sum(b.balance_fen for b in trial_balance(place, on) if b.kind is AccountKind.RECEIVABLE)


def test_closing_freezes_every_day_since_the_first_posting_with_its_sums_and_totals() -> None:
    place = new_place()
    put(place, DAY, 100), put(place, DAY, -30), put(place, DAY + timedelta(days=2), 7)
    put(place, DAY, 999, state=PostingState.PENDING)
    assert close(place, DAY + timedelta(days=3)) == [DAY + timedelta(days=i) for i in range(4)]
    with acting(ENGINE):
        rows = DaySum.objects.filter(closing__place=place, account__kind="receivable").order_by("closing__day")
        assert list(rows.values_list("debit_fen", "credit_fen", "debit_total_fen", "credit_total_fen")) == [
            (100, 30, 100, 30),
            (0, 0, 100, 30),
            (7, 0, 107, 30),
            (0, 0, 107, 30),
        ]
        assert closed(place).to == DAY + timedelta(days=3)
        assert frozen_wrong(place, DAY, DAY + timedelta(days=3)) == []
    put(place, DAY + timedelta(days=4), 8)  # an open day has nothing frozen that could be wrong
    with acting(ENGINE):
        assert frozen_wrong(place, DAY, DAY + timedelta(days=30)) == []


def test_the_next_closing_goes_on_from_the_last_and_a_quiet_place_closes_the_day_asked_for() -> None:
    place = new_place()
    assert close(place, DAY) == [DAY]
    put(place, DAY + timedelta(days=1), 5)
    assert close(place, DAY + timedelta(days=2)) == [DAY + timedelta(days=1), DAY + timedelta(days=2)]
    put(place, DAY + timedelta(days=4), 6)
    assert [receivable(place, DAY + timedelta(days=n)) for n in (0, 1, 2, 3, 4)] == [0, 5, 5, 5, 11]


def test_a_closed_day_takes_no_posting_and_says_what_to_do() -> None:
    place = new_place()
    put(place, DAY)
    close(place, DAY)
    for on in (DAY, DAY - timedelta(days=400)):
        with pytest.raises(DayClosedError, match=r"已经日结（账已结到 2026-10-20），不能再记账，本次没有入账；请按 2026-10-21 或以后"):
            put(place, on)
    put(place, DAY + timedelta(days=1))
    with acting(ENGINE):
        assert closing.open_day(place, DAY) == DAY + timedelta(days=1)
        assert closing.open_day(place, DAY + timedelta(days=9)) == DAY + timedelta(days=9)
        assert closing.open_day(new_place(), DAY) == DAY


def test_a_booking_told_again_after_its_day_was_closed_is_left_as_it_is() -> None:
    place = new_place()
    key = put(place, DAY)
    close(place, DAY)
    with acting(ENGINE):
        assert book([Booking(key, "测试", "t", ())], place=place, on=DAY, at=AT) == 0
        with pytest.raises(DayClosedError):
            book([Booking(key, "测试", "t", ()), Booking("new", "测试", "t", ())], place=place, on=DAY, at=AT)


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_the_database_itself_keeps_a_closed_day_closed(alias: str) -> None:
    place = new_place()
    put(place, DAY)
    close(place, DAY)
    actor = None if alias == "owner" else ENGINE
    insert = """insert into ledger_posting (key, place, booked_on, recorded_at, state, text, reference)
                values ('direct', %s, %s, now(), 'posted', 't', 'r')"""
    assert attempt(actor, insert, [place, DAY], alias=alias) == CHECK
    assert attempt(actor, insert, [place, DAY + timedelta(days=1)], alias=alias) == 1
    again = "insert into ledger_dayclosing (place, day, closed_by, closed_at) values (%s, %s, 1, now())"
    assert attempt(actor, again, [place, DAY - timedelta(days=1)], alias=alias) == CHECK
    for value in ("null", "'2026-10-19'", "'2026-10-21'"):  # back, or on without a closing
        assert attempt(actor, f"update ledger_placebook set closed_to = {value} where place = %s", [place], alias=alias) == CHECK
    assert attempt(None, "delete from ledger_placebook where place = %s", [place], alias="owner") == CHECK
    assert attempt(None, "truncate ledger_placebook", alias="owner") == CHECK
    assert attempt(actor, "insert into ledger_placebook values ('899999', '2026-01-01')", alias=alias) == CHECK


def test_entries_stay_within_the_place_of_their_posting() -> None:
    place, other = new_place(), new_place()
    put(place, DAY), put(other, DAY)
    crossed = """with p as (insert into ledger_posting (key, place, booked_on, recorded_at, state, text, reference)
                            values ('crossed', %s, '2026-10-20', now(), 'posted', 't', 'r') returning id)
                 insert into ledger_entry (posting_id, account_id, amount_fen)
                 select p.id, a.id, case a.kind when 'income' then -5 else 5 end from p, ledger_account a where a.place = %s"""
    assert attempt(ENGINE, crossed, [place, other]) == CHECK
    assert attempt(ENGINE, crossed, [place, place]) == 2


def test_a_day_that_is_not_over_or_is_closed_already_cannot_be_closed() -> None:
    place = new_place()
    put(place, AT.date())
    with pytest.raises(closing.NotClosableError, match="2026-11-10 还没有过完"):
        close(place, AT.date())
    close(place, DAY)
    with pytest.raises(closing.NotClosableError, match="2026-10-20 已经日结"):
        close(place, DAY)
    assert receivable(place, AT.date()) == 100


def test_booking_and_closing_at_once_never_lose_a_posting_behind_the_closing() -> None:
    """Two book into the day while two close it: whatever was booked is in the frozen sums, the rest was refused with the sentence."""
    places = [new_place() for _ in range(12)]
    for place in places:
        put(place, DAY, 1)

    def act(turn: int, racer: int) -> str:
        if racer < 2:
            return put(places[turn], DAY, 10)
        close(places[turn], DAY, account=300 + racer)
        return "closed"

    outcomes = race(len(places), 4, act)
    booked = 0
    for place, found in zip(places, outcomes, strict=True):
        assert sorted(str(o) for o in found[2:] if not isinstance(o, ShebaoError)) == ["closed"]
        assert [type(o) for o in found if isinstance(o, Exception)].count(closing.NotClosableError) == 1
        through = [o for o in found[:2] if isinstance(o, str)]
        assert all(isinstance(o, str | DayClosedError) for o in found[:2]), found
        booked += len(through)
        with acting(ENGINE):
            frozen = DaySum.objects.get(closing__place=place, account__kind="receivable")
            assert frozen.debit_fen == 1 + 10 * len(through)
            assert frozen_wrong(place, DAY, DAY) == []
    assert 0 <= booked <= 24


def test_closing_waits_for_a_booking_under_way_and_counts_it() -> None:
    import threading

    from django.db import connections

    place, holds, go = new_place(), threading.Event(), threading.Event()
    put(place, DAY, 1)

    def slow() -> None:
        try:
            with acting(ENGINE):
                sides = (Side(110, AccountKind.RECEIVABLE, 10), Side(110, AccountKind.INCOME, -10))
                book([Booking(f"slow {place}", "测试", "t", sides)], place=place, on=DAY, at=AT)
                holds.set()
                go.wait(20)
        finally:
            connections.close_all()

    def later() -> None:
        try:
            close(place, DAY)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=slow), threading.Thread(target=later)]
    threads[0].start()
    assert holds.wait(20)
    threads[1].start()
    threads[1].join(0.7)
    assert threads[1].is_alive(), "closing did not wait for the booking that had begun"
    go.set()
    for thread in threads:
        thread.join(20)
    with acting(ENGINE):
        assert DaySum.objects.get(closing__place=place, account__kind="receivable").debit_fen == 11


def test_a_reversal_mirrors_the_posting_on_another_day_and_happens_once() -> None:
    place = new_place()
    key = put(place, DAY, 100)
    close(place, DAY)
    with acting(finance(300)):
        made = reverse(key, "金额有误", on=DAY + timedelta(days=1), at=AT)
    assert [receivable(place, DAY + timedelta(days=n)) for n in (0, 1)] == [100, 0]
    with acting(ENGINE):
        posting = Posting.objects.get(pk=made)
        assert (posting.text, posting.reverses.key, posting.booked_on) == ("冲销：金额有误", key, DAY + timedelta(days=1))
    with pytest.raises(NotReversibleError, match="已经冲销过"), acting(ENGINE):
        reverse(key, "再来", on=DAY + timedelta(days=2), at=AT)
    with pytest.raises(NotReversibleError, match="本身是冲销凭证"), acting(ENGINE):
        reverse(f"reverse:{posting.reverses_id}", "再来", on=DAY + timedelta(days=2), at=AT)
    traces = as_owner("select account_id from audit_event where action = 'ledger.reversed'")
    assert traces == [(300,)]


def test_only_what_is_posted_is_reversed_and_not_into_a_closed_day_nor_before_itself() -> None:
    place = new_place()
    pending, posted = put(place, DAY, state=PostingState.PENDING), put(place, DAY)
    with acting(ENGINE):
        book([Booking("void it", "作废", "t", (), PostingState.VOID, pending)], place=place, on=DAY, at=AT)
    refused = {pending: "“待确认”，没有生效", "void it": "“已作废”，没有生效", "nobody": "没有分录 nobody"}
    for key, sentence in refused.items():
        with pytest.raises(NotReversibleError, match=sentence), acting(ENGINE):
            reverse(key, "x", on=DAY, at=AT)
    with pytest.raises(NotReversibleError, match="早于原凭证日期"), acting(ENGINE):
        reverse(posted, "x", on=DAY - timedelta(days=1), at=AT)
    close(place, DAY + timedelta(days=1))
    with pytest.raises(DayClosedError), acting(ENGINE):
        reverse(posted, "x", on=DAY + timedelta(days=1), at=AT)
    assert receivable(place, DAY + timedelta(days=9)) == 100


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_the_database_refuses_a_second_a_crooked_and_a_baseless_reversal(alias: str) -> None:
    place = new_place()
    posted, pending = put(place, DAY), put(place, DAY, state=PostingState.PENDING)
    actor = None if alias == "owner" else ENGINE
    insert = """with p as (insert into ledger_posting (key, place, booked_on, recorded_at, state, text, reference, reverses_id)
                           select 'back ' || key, place, booked_on, now(), 'posted', 't', 'r', id from ledger_posting where key = %s
                           returning id, reverses_id)
                insert into ledger_entry (posting_id, account_id, amount_fen)
                select p.id, e.account_id, -e.amount_fen * {times} from p join ledger_entry e on e.posting_id = p.reverses_id"""
    assert attempt(actor, insert.format(times=1), [posted], alias=alias) == 2
    assert attempt(actor, insert.format(times=2), [posted], alias=alias) == CHECK
    assert attempt(actor, insert.format(times=-1), [posted], alias=alias) == CHECK
    assert attempt(actor, insert.format(times=1), [pending], alias=alias) == CHECK
    with acting(ENGINE):
        reverse(posted, "一次", on=DAY, at=AT)
    assert attempt(actor, insert.format(times=1), [posted], alias=alias) == "23505"
    ((back,),) = as_owner("select key from ledger_posting where reverses_id = (select id from ledger_posting where key = %s)", [posted])
    assert attempt(actor, insert.format(times=1), [back], alias=alias) == CHECK


def test_a_reversal_raced_by_four_happens_once() -> None:
    place = new_place()
    keys = [put(place, DAY, 10) for _ in range(8)]

    def act(turn: int, racer: int) -> int:
        with acting(finance(300 + racer)):
            return reverse(keys[turn], "重复", on=DAY, at=AT)

    for found in race(len(keys), 4, act):
        assert sorted(type(o).__name__ for o in found) == ["NotReversibleError"] * 3 + ["int"]
    assert receivable(place, DAY) == 0


def test_a_booking_that_resolves_a_key_nobody_booked_is_refused() -> None:
    place = new_place()
    posted = put(place, DAY)
    for key in ("nobody booked it", posted):
        with pytest.raises(UnknownPendingError, match=f"待确认分录 {key} 不存在或不是待确认"), acting(ENGINE):
            book([Booking(f"on {key}", "t", "r", (), PostingState.VOID, key)], place=place, on=DAY, at=AT)
    assert as_owner("select count(*) from ledger_posting where key like 'on %%'") == [(0,)]
    direct = """insert into ledger_posting (key, place, booked_on, recorded_at, state, text, reference, resolves_id)
                select 'd', place, booked_on, now(), 'posted', 't', 'r', id from ledger_posting where key = %s"""
    assert attempt(ENGINE, direct, [posted]) == CHECK


def test_a_month_is_closed_by_one_and_confirmed_by_another_in_order_after_its_days() -> None:
    place = new_place()
    put(place, date(2026, 9, 3)), put(place, DAY)
    with pytest.raises(closing.MonthNotClosableError, match="2026 年 9 月还有没有日结的日子：从未日结，请先日结到 2026-09-30"):
        close_month(place, 202609)
    close(place, date(2026, 10, 31))
    with pytest.raises(closing.MonthNotClosableError, match="2026 年 9 月还没有人办理月结"):
        confirm(place, 202609, 301)
    close_month(place, 202609)
    with pytest.raises(closing.SamePersonError, match="月结和复核不能是同一人"):
        confirm(place, 202609, 300)
    with pytest.raises(closing.MonthNotClosableError, match="2026 年 9 月的月结还没有复核"):
        close_month(place, 202610)
    with pytest.raises(closing.MonthClosedError, match="正等待另一位财务人员复核"):
        close_month(place, 202609)
    confirm(place, 202609, 301)
    with pytest.raises(closing.MonthClosedError, match="已经月结并复核"):
        confirm(place, 202609, 302)
    close_month(place, 202610)
    with pytest.raises(closing.MonthNotClosableError, match="2026 年 11 月还有没有日结的日子"), acting(finance()):
        closing.close_month(place, 202611, at=AT)
    with acting(ENGINE):
        assert [(m.month, m.closed_by, m.confirmed_by) for m in closed(place).months] == [(202610, 300, None), (202609, 300, 301)]


def close_month(place: str, month: int, account: int = 300) -> None:
    with acting(finance(account)):
        closing.close_month(place, month, at=AT)


def confirm(place: str, month: int, account: int) -> None:
    with acting(finance(account)):
        closing.confirm_month(place, month, at=AT)


def test_the_database_holds_the_two_people_and_the_order_of_a_month() -> None:
    place = new_place()
    put(place, DAY)
    insert = "insert into ledger_monthclosing (place, month, closed_by, closed_at) values (%s, 202610, 1, now())"
    assert attempt(ENGINE, insert, [place]) == CHECK
    close(place, date(2026, 10, 31))
    close_month(place, 202610)
    both = """insert into ledger_monthclosing (place, month, closed_by, closed_at, confirmed_by, confirmed_at)
              values (%s, 202609, 1, now(), 2, now())"""
    assert attempt(ENGINE, both, [place]) == CHECK
    alone = "update ledger_monthclosing set confirmed_by = closed_by, confirmed_at = now() where place = %s"
    assert attempt(ENGINE, alone, [place]) == CHECK
    assert attempt(None, "update ledger_monthclosing set closed_by = 9 where place = %s", [place], alias="owner") == RESTRICT
    confirm(place, 202610, 301)
    assert attempt(None, "update ledger_monthclosing set confirmed_by = 9 where place = %s", [place], alias="owner") == RESTRICT
    assert attempt(None, "delete from ledger_monthclosing where place = %s", [place], alias="owner") == RESTRICT
    assert attempt(None, "truncate ledger_monthclosing", alias="owner") == RESTRICT
    with acting(ENGINE), pytest.raises(IntegrityError):
        MonthClosing.objects.create(place=place, month=202610, closed_by=1, closed_at=AT)


def test_a_month_is_not_closed_while_a_control_account_differs_from_its_sub_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    place = new_place()
    put(place, DAY, 100)
    close(place, date(2026, 10, 31))
    sub = {(110, AccountKind.RECEIVABLE): 99}
    monkeypatch.setattr(closing, "SUB_LEDGERS", [lambda _: sub])
    with pytest.raises(
        closing.MonthNotClosableError, match=r"应收保险费（基金 110）总账 1.00 元，明细合计 0.99 元，相差 0.01 元，不能月结"
    ):
        close_month(place, 202610)
    sub[110, AccountKind.RECEIVABLE] = 100
    close_month(place, 202610)
    sub[310, AccountKind.RECEIVABLE] = 1
    with pytest.raises(closing.MonthNotClosableError, match="基金 310"):
        confirm(place, 202610, 301)
    del sub[310, AccountKind.RECEIVABLE]
    confirm(place, 202610, 301)


def test_the_month_report_adds_up_whether_or_not_days_are_closed() -> None:
    place = new_place()
    put(place, date(2026, 9, 3), 50), put(place, DAY, 100), put(place, DAY, -30), put(place, date(2026, 11, 2), 7)

    def report() -> list[tuple[str, int, int, int, int]]:
        with acting(ENGINE):
            return [(r.kind.value, r.opening_fen, r.debit_fen, r.credit_fen, r.closing_fen) for r in month_report(place, 202610)]

    before = report()
    assert before == [("income", -50, 30, 100, -120), ("receivable", 50, 100, 30, 120)]
    close(place, date(2026, 10, 10))
    assert report() == before
    close(place, date(2026, 11, 5))
    assert report() == before


def test_a_frozen_sum_that_was_tampered_with_is_found_and_stops_the_month() -> None:
    place = new_place()
    put(place, DAY)
    close(place, date(2026, 10, 31))
    as_owner("alter table ledger_daysum disable trigger ledger_daysum_no_change")
    as_owner(
        """update ledger_daysum set debit_fen = debit_fen + 1 where debit_fen > 0
           and closing_id in (select id from ledger_dayclosing where place = %s)""",
        [place],
    )
    as_owner("alter table ledger_daysum enable always trigger ledger_daysum_no_change")
    with acting(ENGINE):
        assert frozen_wrong(place, date(2026, 10, 1), date(2026, 10, 31)) == [DAY]
    with pytest.raises(closing.MonthNotClosableError, match="2026-10-20 日结时的合计与分录不符"):
        close_month(place, 202610)
