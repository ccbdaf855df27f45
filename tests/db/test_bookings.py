"""申报业务预约: the last place is given once, whoever asks in the same instant; every no has its sentence.

Seed 004, 《武汉市社会保险单位网上办事问题解答》四: "到了预约的时间再去社保经办机构办理业务可以大大减少排队等待时间甚至不用排队了".
"""

from datetime import date, timedelta

import pytest

from shebao.access.acting import acting
from shebao.contact import bookings, offices, queries, refusals
from shebao.contact.messages import messages_of, tell, unread
from shebao.contact.models import Booking, BookingState, Slot
from tests.db import support
from tests.db.contact_support import FRIDAY, ITEMS, MONDAY, NINE, NOW, make_office, on, slot, slot_of

ADD, OTHER = ITEMS[0][0], ITEMS[1][0]
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> None:
    support.make_agency(1), support.make_agency(2)


@pytest.fixture
def unit() -> int:
    return support.make_unit()


def book(unit: int, slot_id: int, item: str = ADD, *, at=NOW, account: int = 100) -> Booking:
    with acting(support.operator(unit, account)):
        return bookings.book(slot_id, item, at=at)


def test_twenty_threads_want_the_last_three_places_and_three_get_them() -> None:
    office = make_office(capacity=4, name="抢号大厅", day_max=9)
    units = [support.make_unit(f"抢号公司{i}") for i in range(21)]
    wanted = slot_of(office)
    book(units[20], wanted)
    assert slot(wanted).left == 3
    outcomes = support.race(1, 20, lambda _, racer: book(units[racer], wanted).number)[0]
    got = [each for each in outcomes if isinstance(each, str)]
    assert len(got) == len(set(got)) == 3
    assert all(isinstance(each, refusals.SlotFullError) for each in outcomes if not isinstance(each, str))
    assert (slot(wanted).booked, slot(wanted).left) == (4, 0)
    assert support.ask("select count(*) from contact_booking where slot_id = %s and state = 'booked'", [wanted]) == [(4,)]


def test_one_unit_clicking_in_twenty_tabs_holds_one_place(unit: int) -> None:
    office = make_office(capacity=9, name="连点大厅")
    wanted = slot_of(office)
    outcomes = support.race(1, 20, lambda _, racer: book(unit, wanted, account=100 + racer).number)[0]
    assert len([each for each in outcomes if isinstance(each, str)]) == 1
    assert all(isinstance(each, refusals.BookedTwiceError) for each in outcomes if not isinstance(each, str))


def test_two_units_that_swap_their_slots_in_the_same_instant_do_not_stop_each_other() -> None:
    office = make_office(capacity=2, name="换号大厅", day_max=9)
    one, two = slot_of(office), slot_of(office, minute=NINE + 30)
    a, b = support.make_unit("换甲"), support.make_unit("换乙")
    held = [book(a, one).number, book(b, two).number]

    def swap(round_: int, racer: int) -> str:
        to = (two, one)[racer] if round_ % 2 == 0 else (one, two)[racer]
        with acting(support.operator((a, b)[racer])):
            held[racer] = bookings.rebook(held[racer], to, at=NOW).number
        return held[racer]

    for outcome in support.race(6, 2, swap):
        assert all(isinstance(each, str) for each in outcome), outcome
    assert (slot(one).booked, slot(two).booked) == (1, 1)


def test_the_database_itself_refuses_one_too_many_and_a_closed_slot(unit: int) -> None:
    office = make_office(capacity=1, name="硬约束大厅")
    wanted = slot_of(office)
    row = (
        "insert into contact_booking (number, slot_id, office_id, day, unit_id, agency_id, item_code, item_title, case_number, state,"
        " booked_by, booked_by_name, booked_at, changed_at, counter, reason)"
        " values (%s, %s, %s, %s, %s, 1, 'x', 'x', '', 'booked', 1, 'x', now(), now(), '', '')"
    )
    assert support.attempt(support.ENGINE, row, ["1" * 12, wanted, office, MONDAY, unit]) == 1
    book(unit, wanted)
    assert support.attempt(support.ENGINE, row, ["2" * 12, wanted, office, MONDAY, unit]) == "23514"
    with acting(support.reviewer()):
        Slot.objects.filter(pk=(free := slot_of(office, minute=NINE + 30))).update(closed=True)
    assert support.attempt(support.ENGINE, row, ["3" * 12, free, office, MONDAY, unit]) == "23514"
    assert support.attempt(support.operator(unit), row, ["4" * 12, wanted, office, MONDAY, unit]) == "42501"


def test_a_slot_may_be_booked_until_it_begins_and_not_when_it_does(unit: int) -> None:
    wanted = slot_of(make_office(name="钟点大厅"), FRIDAY, NINE + 60)
    begins = on(FRIDAY, 10)
    with pytest.raises(refusals.PastSlotError, match="11 月 20 日（周五）10:00 的时段已经开始或过去，请选择之后的时段"):
        book(unit, wanted, at=begins)
    assert book(unit, wanted, at=begins - timedelta(seconds=1)).state == BookingState.BOOKED


def test_every_no_has_a_sentence_of_its_own(unit: int) -> None:
    office = make_office(capacity=1, name="拒绝大厅", day_max=2)
    wanted = slot_of(office)
    with pytest.raises(refusals.NotOfferedError, match="不受理这项业务"):
        book(unit, wanted, "unknown.item")
    book(unit, wanted)
    with pytest.raises(refusals.BookedTwiceError, match="本单位已经预约了 11 月 23 日（周一）09:00 办理“增员（续保）”"):
        book(unit, wanted)
    other = support.make_unit("后来的公司")
    with pytest.raises(refusals.SlotFullError, match="已约满，请选择其他时段"):
        book(other, wanted)
    book(unit, slot_of(office, minute=NINE + 30))
    with pytest.raises(refusals.DayLimitError, match="同一天最多预约 2 个号"):
        book(unit, slot_of(office, minute=NINE + 60))
    with pytest.raises(refusals.NoSlotError):
        book(support.make_unit("别处公司", agency=2), wanted)  # of another agency: not to be seen at all
    with acting(support.reviewer()):
        offices.save_office(office, offices.OfficeData("拒绝大厅", open=False), ITEMS, at=NOW)
    with pytest.raises(refusals.OfficeClosedError, match="“拒绝大厅”暂停预约"):
        book(other, slot_of(office, minute=NINE + 90))


def test_cancelling_frees_the_place_at_once_and_only_before_the_slot_begins(unit: int) -> None:
    office = make_office(capacity=1, name="取消大厅")
    wanted = slot_of(office)
    number = book(unit, wanted).number
    with acting(support.operator(support.make_unit("外人"))), pytest.raises(refusals.NoBookingError):
        bookings.cancel(number, at=NOW)
    with acting(support.operator(unit)), pytest.raises(refusals.TooLateError):
        bookings.cancel(number, at=on(MONDAY, 9))
    with acting(support.operator(unit)):
        bookings.cancel(number, at=on(MONDAY, 8, 59))
    assert slot(wanted).left == 1
    with acting(support.operator(unit)), pytest.raises(refusals.BookingMovedError, match="现在是“已取消”，不能取消"):
        bookings.cancel(number, at=NOW)
    assert book(unit, wanted).number != number


def test_rebooking_moves_the_place_or_leaves_everything(unit: int) -> None:
    office = make_office(capacity=1, name="改约大厅")
    first, full = slot_of(office), slot_of(office, minute=NINE + 30)
    book(support.make_unit("占位公司"), full)
    number = book(unit, first).number
    with acting(support.operator(unit)), pytest.raises(refusals.SlotFullError):
        bookings.rebook(number, full, at=NOW)
    assert slot(first).booked == 1
    with acting(support.operator(unit)):
        moved = bookings.rebook(number, slot_of(office, minute=NINE + 60), at=NOW)
        assert queries.find_booking(number).reason == "改约至11 月 23 日（周一）10:00"
    assert slot(first).booked == 0 and moved.state == BookingState.BOOKED


def test_the_day_at_the_counter(unit: int) -> None:
    """取号 gives the numbers of the day in turn, 叫号 calls the longest waiting, who does not come is 未到场."""
    office = make_office(capacity=3, name="窗口大厅")
    others = [support.make_unit(f"窗口公司{i}") for i in range(2)]
    numbers = [book(u, slot_of(office, minute=NINE + 30 * i)).number for i, u in enumerate((unit, *others))]
    with acting(support.reviewer()):
        with pytest.raises(refusals.NotTodayError, match="这个预约是11 月 23 日（周一）的，不是今天"):
            bookings.check_in(numbers[0], at=NOW)
        assert [bookings.check_in(n, at=on(MONDAY, 8, 50)).ticket for n in (numbers[1], numbers[0])] == [1, 2]
        with pytest.raises(refusals.BookingMovedError, match="不能取号"):
            bookings.check_in(numbers[0], at=on(MONDAY, 8, 51))
        assert queries.waiting_now([office], MONDAY) == {office: 2}
        called = bookings.call_next(office, "3", at=on(MONDAY, 9))
        assert called is not None and (called.number, called.counter) == (numbers[1], "3")
        assert bookings.serve(numbers[1], at=on(MONDAY, 9, 5)).state == BookingState.SERVED
        assert bookings.call_next(office, "3", at=on(MONDAY, 9, 6)).number == numbers[0]
        bookings.miss(numbers[0], at=on(MONDAY, 9, 8))
        assert bookings.check_in(numbers[0], at=on(MONDAY, 9, 20)).ticket == 3  # a new number at the end of the line
        assert bookings.miss_overdue(office, at=on(MONDAY, 10, 29)) == 0
        assert bookings.miss_overdue(office, at=on(MONDAY, 10, 30)) == 1
    with acting(support.operator(unit)):
        booking = queries.find_booking(numbers[0])
        assert queries.ahead_of(booking) == 0 and queries.waiting_now([office], MONDAY) == {office: 1}
    with acting(support.reviewer(9, agency=2)):
        with pytest.raises(refusals.NoBookingError):
            bookings.check_in(numbers[0], at=on(MONDAY, 9))
        assert bookings.call_next(office, "1", at=on(MONDAY, 9, 30)) is None


def test_two_counters_never_call_the_same_number() -> None:
    office = make_office(capacity=9, name="双窗大厅", day_max=9)
    units = [support.make_unit(f"双窗公司{i}") for i in range(8)]
    numbers = [book(u, slot_of(office)).number for u in units]
    with acting(support.reviewer()):
        for number in numbers:
            bookings.check_in(number, at=on(MONDAY, 8, 50))

    def call(round_: int, racer: int) -> str:
        with acting(support.reviewer(200 + racer)):
            booking = bookings.call_next(office, str(racer), at=on(MONDAY, 9))
            return booking.number if booking else ""

    called = [each for outcome in support.race(4, 2, call) for each in outcome]
    assert sorted(called) == sorted(numbers)


def test_waiting_numbers_given_in_the_same_instant_are_all_different() -> None:
    office = make_office(capacity=9, name="取号大厅")
    numbers = [book(support.make_unit(f"取号公司{i}"), slot_of(office)).number for i in range(6)]

    def check_in(round_: int, racer: int) -> int:
        with acting(support.reviewer(200 + racer)):
            return bookings.check_in(numbers[racer], at=on(MONDAY, 8, 50)).ticket or 0

    assert sorted(support.race(1, 6, check_in)[0]) == [1, 2, 3, 4, 5, 6]


def test_slots_are_made_for_working_days_only_and_making_them_again_changes_nothing() -> None:
    """1 October 2026 is a Thursday and a holiday; Saturday 10 October 2026 is worked, Sunday 4 October is not."""
    with acting(support.reviewer()):
        office = offices.save_office(None, offices.OfficeData("国庆大厅"), ITEMS, at=NOW)
        offices.add_hours(office, offices.NewHours((0, 1, 2, 3, 4, 5), NINE, NINE + 60, 30, 2), at=NOW)
        september = on(date(2026, 9, 28), 8)
        made = offices.make_slots(office, date(2026, 9, 29), date(2026, 10, 11), at=september)
        days = sorted({s.day for s in Slot.objects.filter(office_id=office)})
        assert days[:3] == [date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 8)] and days[-1] == date(2026, 10, 10)
        assert made.made == 2 * len(days) == 10
        again = offices.make_slots(office, date(2026, 9, 29), date(2026, 10, 11), at=september)
        assert (again.made, again.closed) == (0, 0)


def test_a_changed_template_keeps_what_is_booked_and_replaces_the_rest(unit: int) -> None:
    office = make_office(capacity=3, name="改时段大厅", last=MONDAY)
    number = book(unit, slot_of(office, minute=NINE + 30)).number
    with acting(support.reviewer()):
        for hours in queries.hours_of(office):
            offices.remove_hours(hours.pk, at=NOW)
        offices.add_hours(office, offices.NewHours((0,), NINE, NINE + 120, 60, 1), at=NOW)
        offices.make_slots(office, MONDAY, MONDAY, at=NOW)
        spans = [(s.span, s.slot.capacity) for s in queries.grid(office, MONDAY, 1, at=NOW)[0].slots]
        # 09:30–10:00 is booked and stays; 09:00–10:00 would overlap it and is not made.
        assert spans == [("09:30–10:00", 3), ("10:00–11:00", 1)]
        assert queries.find_booking(number).state == BookingState.BOOKED


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (((), NINE, NINE + 60, 30, 1), "至少选择一个星期几"),
        (((0,), NINE, NINE, 30, 1), "结束时间要晚于开始时间"),
        (((0,), NINE, NINE + 50, 30, 1), "整除办公时间"),
        (((0,), NINE, NINE + 60, 4, 1), "每段时长为 5 至 480 分钟"),
        (((0,), NINE, NINE + 60, 30, 0), "名额为 1 至 500"),
        (((0,), NINE + 30, NINE + 90, 30, 1), "与已有的办公时段重叠"),
    ],
)
def test_hours_that_make_no_sense_are_told(hours, sentence: str) -> None:
    name = f"时段大厅{sentence}"
    office = make_office(name=name)
    with acting(support.reviewer()), pytest.raises(refusals.BadHoursError, match=sentence):
        offices.add_hours(office, offices.NewHours(*hours), at=NOW)


def test_closing_a_day_cancels_its_bookings_and_tells_their_units(unit: int) -> None:
    office = make_office(name="停办大厅")
    number = book(unit, slot_of(office)).number
    with acting(support.operator(unit)):
        before = unread(unit)
    with acting(support.reviewer()):
        assert offices.close_day(office, MONDAY, "系统升级", at=NOW) == 1
        with pytest.raises(refusals.DayClosedError, match="已经设为停办"):
            offices.close_day(office, MONDAY, "系统升级", at=NOW)
        with pytest.raises(refusals.DayClosedError, match="已经过去"):
            offices.close_day(office, FRIDAY - timedelta(days=1), "x", at=NOW)
    with acting(support.operator(unit)):
        assert queries.find_booking(number).state == BookingState.CANCELLED
        assert unread(unit) == before + 1
        assert "系统升级" in messages_of(unit)[0].text
        (day,) = queries.grid(office, MONDAY, 1, at=NOW)
        assert (day.closed, day.slots) == ("系统升级", [])
    with acting(support.reviewer()):
        offices.reopen_day(office, MONDAY, at=NOW)
        assert offices.make_slots(office, MONDAY, MONDAY, at=NOW).made == 6


def test_messages_reach_many_units_in_one_statement_and_never_those_of_another_agency() -> None:
    mine, theirs = [support.make_unit(f"消息公司{i}") for i in range(3)], support.make_unit("外区公司", agency=2)
    with acting(support.reviewer()):
        tell([*mine, theirs, mine[0]], "试", "正文", at=NOW)
    assert support.ask("select unit_id, agency_id from contact_message where title = '试' order by 1") == [(u, 1) for u in mine]
    with acting(support.operator(mine[0])):
        assert [m.unit_id for m in messages_of(mine[0])] == [mine[0]] and messages_of(mine[1]) == []
