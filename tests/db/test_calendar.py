"""工作日历: a year beyond the packaged ones is entered by one administrator, confirmed by another, and counts from then on, everywhere.

The days below are made up for the test and are no published arrangement.
"""

from collections.abc import Iterator
from datetime import date

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.terms import Post
from shebao.parties import calendar as entered
from shebao.policy import calendar
from shebao.policy.calendar import CalendarMissing, add_working_days, is_working_day
from tests import make
from tests.db.support import AT, as_owner, ask, attempt
from tests.db.web_support import Browser, words

OFF = [date(2027, 1, 1), *(date(2027, 2, d) for d in range(5, 12)), date(2027, 4, 5), date(2027, 5, 3), date(2027, 6, 9),
       date(2027, 9, 15), *(date(2027, 10, d) for d in range(1, 8))]  # fmt: skip
WORKED = [date(2027, 1, 30), date(2027, 2, 20)]
TYPED = {
    "year": "2027",
    "source": "测试用安排，非公布文件",
    "off": "2027-01-01\n2027-02-05 至 2027-02-11\n2027-04-05，2027-05-03\n2027-06-09\n2027-09-15\n2027-10-01至2027-10-07",
    "worked": "2027-01-30\n2027-02-20",
}


def admin(number: int) -> Actor:
    return Actor(Role.ADMIN, number, f"管理员{number}", 0, 1, frozenset({Post.ADMINISTRATOR}))


@pytest.fixture(autouse=True)
def clean(database: str) -> Iterator[None]:
    calendar.forget_entered()
    yield
    as_owner("alter table parties_calendaryear disable trigger parties_calendar_settled")
    as_owner("delete from parties_calendaryear")
    as_owner("alter table parties_calendaryear enable always trigger parties_calendar_settled")
    calendar.forget_entered()


def test_days_of_next_year_are_unknown_until_a_second_administrator_confirmed_them() -> None:
    with acting(ENGINE), pytest.raises(CalendarMissing, match="工作日历"):
        add_working_days(date(2026, 12, 25), 10)
    with acting(admin(1)):
        entered.enter(2027, OFF, WORKED, "测试用安排", at=AT)
        with pytest.raises(CalendarMissing):
            add_working_days(date(2026, 12, 25), 10)
        with pytest.raises(entered.OwnEntry, match="另一位"):
            entered.confirm(2027, at=AT)
    with acting(admin(2)):
        entered.confirm(2027, at=AT)
    with acting(make_unit_actor()):  # whoever asks, and without signing in again
        assert add_working_days(date(2026, 12, 25), 10) == date(2027, 1, 11)
        assert is_working_day(date(2027, 1, 30)) and not is_working_day(date(2027, 2, 8)) and calendar.last_day() == date(2027, 12, 31)
        with pytest.raises(CalendarMissing, match="2004 年至 2027 年"):
            add_working_days(date(2027, 12, 31), 1)


def make_unit_actor() -> Actor:
    return Actor(Role.UNIT, 100, "经办甲", 1, 1, frozenset({Post.UNIT_OPERATOR}))


def test_a_confirmed_year_never_changes_and_years_come_in_turn() -> None:
    with acting(admin(1)):
        entered.enter(2027, OFF[:-1], WORKED, "测试用安排", at=AT)
        entered.enter(2027, OFF, WORKED, "测试用安排（更正）", at=AT)  # until it is confirmed
    with acting(admin(2)):
        entered.confirm(2027, at=AT)
        with pytest.raises(entered.CalendarSettled):
            entered.confirm(2027, at=AT)
        with pytest.raises(entered.CalendarRefused, match="2028"):
            entered.enter(2027, OFF, WORKED, "测试用安排", at=AT)
        with pytest.raises(entered.CalendarRefused, match="依次录入"):
            entered.enter(2029, OFF, WORKED, "测试用安排", at=AT)
    assert attempt(admin(1), "update parties_calendaryear set source = 'x'") == "23001"
    assert ask("select source from parties_calendaryear") == [("测试用安排（更正）",)]


@pytest.mark.parametrize(
    ("off", "worked", "said"),
    [
        (OFF[1:], WORKED, "没有 2027 年元旦"),
        (OFF[:3], [], "个工作日"),
        (OFF, [*WORKED, date(2027, 3, 3)], "本来就是工作日"),
        ([*OFF, date(2026, 12, 31)], WORKED, "不在 2027 年内"),
        ([*OFF, WORKED[0]], WORKED, "既是放假日又是上班日"),
    ],
)
def test_what_is_no_arrangement_of_a_year_is_refused_with_the_reason(off: list[date], worked: list[date], said: str) -> None:
    with acting(admin(1)), pytest.raises(entered.CalendarRefused, match=said):
        entered.enter(2027, off, worked, "测试用安排", at=AT)
    assert ask("select count(*) from parties_calendaryear") == [(0,)]


def test_two_administrators_enter_and_confirm_it_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
    first, second = make.account(Post.ADMINISTRATOR), make.account(Post.ADMINISTRATOR)
    names = dict(ask("select id, username from access_account where id = any(%s)", [[first.account_id, second.account_id]]))
    one, two = Browser(names[first.account_id]), Browser(names[second.account_id])
    wrong = one.post("/a/calendar/enter", TYPED | {"off": "元旦"})
    assert wrong.status_code == 422 and "“元旦”不是日期" in words(wrong)
    assert one.post("/a/calendar/enter", TYPED).status_code == 302
    page = words(one.get("/a/calendar"))
    assert "待确认" in page and "请由另一位系统管理员" in page and "2027-02-08（周一）" in page and "248 天" in page
    assert one.post("/a/calendar/2027/confirm").status_code == 403
    assert two.post("/a/calendar/2027/confirm").status_code == 302
    assert "已确认" in words(two.get("/a/calendar")) and "录入 2028 年" in words(two.get("/a/calendar"))
