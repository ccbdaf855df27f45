"""统计 of the desk: figures counted from the timelines, exactly at the edges of the period, and the same on page, in table and workbook."""

import io
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import openpyxl
import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from shebao.casework import operations, review, statistics
from shebao.casework.models import Case
from shebao.casework.statistics import BadPeriodError, Period, period
from shebao.channels.desk.statistics import age_labels, duration
from tests.db.desk_support import Desk, make_account
from tests.db.support import ADD, addition, context, file, make_agency, make_unit, moment, operator, reviewer

NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 10))
NOW = "2026-11-10T12:00:00"


def filed(unit: int, at: Any, *, vip: bool = False, agency: int = 1) -> int:
    return file(ADD, context(unit, at, vip=vip, agency=agency), addition())


def settle(case_id: int, at: Any, account: int = 200, *, why: str = "", agency: int = 1) -> None:
    with acting(reviewer(account, agency=agency, name=f"审核{account}")):
        case = Case.objects.get(pk=case_id)
        decision = review.Decision(return_all=review.Return(why)) if why else review.Decision()
        review.decide(case_id, case.version, decision, context(case.unit_id, at, vip=False, agency=agency))


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """Agency 1 decided eight cases in its period, one on either side of it; two wait; agency 2 decided one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1), make_agency(2)
        unit, vip, far = make_unit("普通公司", vip=False), make_unit("示例公司"), make_unit("外地公司", agency=2, vip=False)
        start = moment(202611, 2, 9)
        for hours in (1, 2, 3, 40):
            settle(filed(unit, start), start + timedelta(hours=hours))
        settle(filed(unit, start), start + timedelta(hours=4), 201, why="合同缺签字页；请补第 3 页")
        settle(filed(unit, start), start + timedelta(hours=5), 201, why="合同缺签字页")
        with acting(ENGINE):
            for seconds in (3, 5):
                case = filed(vip, start, vip=True)
                review.review_automatically(case, context(vip, start + timedelta(seconds=seconds)))
        before, after = moment(202610, 31, 23), moment(202611, 11, 0)
        settle(filed(unit, before), before + timedelta(minutes=59))
        settle(filed(unit, before), after)
        settle(filed(far, start, agency=2), start + timedelta(hours=1), 300, agency=2)
        for days in (0, 7):
            filed(unit, moment(202611, 10, 11) - timedelta(days=days))
        for name, post, agency in (("zhou", Post.REVIEWER, 1), ("clerk", Post.CLERK, 1), ("money", Post.FINANCE, 1)):
            make_account(name, post, agency=agency)
        yield {"zhou": Desk("zhou"), "clerk": Desk("clerk"), "money": Desk("money")}


def test_decisions_are_counted_by_day_and_reviewer(town: dict[str, Any]) -> None:
    with acting(reviewer()):
        found = {(d.day.day, d.account_id): d.count for d in statistics.decided(1, NOVEMBER)}
        assert found == {(2, 0): 2, (2, 200): 3, (2, 201): 2, (4, 200): 1}


def test_the_period_holds_its_first_and_its_last_instant_and_no_other(town: dict[str, Any]) -> None:
    with acting(reviewer()):
        assert statistics.speeds(1, NOVEMBER).whole.count == 8
        assert statistics.speeds(1, Period(date(2026, 10, 31), date(2026, 10, 31))).whole.count == 1
        assert statistics.speeds(1, Period(date(2026, 11, 11), date(2026, 11, 11))).whole.count == 1
        assert statistics.speeds(1, Period(date(2026, 11, 5), date(2026, 11, 10))).whole.count == 0


def test_the_time_to_a_decision_is_its_median_and_its_ninetieth_percentile(town: dict[str, Any]) -> None:
    with acting(reviewer()):
        found = statistics.speeds(1, NOVEMBER)
    kinds = {s.group: s for s in found.by_reviewer_kind}
    people, system = kinds["people"], kinds["system"]
    # 1, 2, 3, 4, 5 and 40 hours: the median lies between 3 and 4, the ninetieth percentile half-way from 5 to 40.
    assert (people.count, people.median_seconds, people.p90_seconds) == (6, 12_600, 81_000)
    assert (found.whole.median_seconds, found.by_item[0].median_seconds) == (12_600, 12_600), (
        "the system's seconds do not drown what people took"
    )
    assert (system.count, system.median_seconds, system.automatic_ppm) == (2, 4, 1_000_000)
    assert (found.whole.automatic, found.whole.automatic_ppm) == (2, 250_000)
    assert (found.whole.returned, found.whole.returned_ppm) == (2, 250_000)
    assert [(s.group, s.count) for s in found.by_item] == [(ADD, 8)]
    assert [(s.group, s.count) for s in found.by_channel] == [("page", 8)]


def test_an_earlier_round_is_timed_from_its_own_submission(town: dict[str, Any]) -> None:
    """Returned after two hours, filed again a day later, passed after one more hour: two hours and one, not twenty-seven."""
    unit, day = make_unit("再报公司", vip=False), Period(date(2026, 9, 1), date(2026, 9, 3))
    start = moment(202609, 1, 9)
    case = filed(unit, start)
    settle(case, start + timedelta(hours=2), why="请核对")
    again = context(unit, start + timedelta(days=1), vip=False)
    with acting(operator(unit)):
        operations.submit(case, Case.objects.get(pk=case).version, again)
    settle(case, start + timedelta(days=1, hours=1))
    with acting(reviewer()):
        whole = statistics.speeds(1, day).whole
    assert (whole.count, whole.median_seconds, whole.p90_seconds) == (2, 5_400, 6_840)


def test_reasons_are_counted_by_what_was_chosen_not_by_what_was_added(town: dict[str, Any]) -> None:
    with acting(reviewer()):
        assert statistics.return_reasons(1, NOVEMBER) == [("合同缺签字页", 2)]


def test_what_waits_is_classed_by_its_age_and_the_oldest_is_named(town: dict[str, Any]) -> None:
    with acting(reviewer()):
        found = statistics.waiting(1, moment(202611, 10, 12))
        # 1 hour and 7 days.
        assert (found.total, found.ages) == (2, [1, 0, 0, 0, 1, 0, 0])
        assert found.oldest[0][3] == moment(202611, 3, 11)
        later = statistics.waiting(1, moment(202611, 11, 11) + timedelta(seconds=1))
        assert later.ages == [0, 1, 0, 0, 1, 0, 0], "one day and a second is more than a day"
    assert len(age_labels()) == len(found.ages)


def test_nothing_of_another_agency_is_counted_even_when_asked_for(town: dict[str, Any]) -> None:
    with acting(reviewer()):
        assert statistics.speeds(2, NOVEMBER).whole.count == 0 and statistics.decided(2, NOVEMBER) == []
    with acting(reviewer(agency=2)):
        assert statistics.speeds(2, NOVEMBER).whole.count == 1


def test_page_chart_and_workbook_tell_the_same(town: dict[str, Any]) -> None:
    page = town["zhou"].get("/w/statistics?first=2026-11-01&last=2026-11-10")
    for told in ("办结 8 件", "25%", "3.5 小时", "22.5 小时", "合同缺签字页", "审核200", "系统自动审核", "增员（续保）", "5–10 天"):
        assert told in page, told
    markup = town["zhou"].client.get("/w/statistics?first=2026-11-01&last=2026-11-10").content.decode()
    charts = [json.loads(unescape(text)) for text in re.findall(r'data-chart="([^"]*)"', markup)]
    days = charts[0]
    assert days["labels"][1] == "11-02" and [s["values"][1] for s in days["series"]] == [5, 2] and sum(days["series"][0]["values"]) == 6
    content = town["zhou"].client.get("/w/statistics.xlsx?first=2026-11-01&last=2026-11-10").content
    rows = list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=3, values_only=True))
    assert ("每日办结", "2026-11-02", 7, 2, None, None, None) in rows
    assert ("用时", "人工审核", 6, 0, 2, 210, 1350) in rows and ("退回原因", "合同缺签字页", 2, None, None, None, None) in rows


def test_the_page_is_for_those_who_review_and_enter(town: dict[str, Any]) -> None:
    town["clerk"].get("/w/statistics")
    town["money"].get("/w/statistics", 403)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-11-10", "2026-11-01", "开始日期晚于结束日期"),
        ("2025-11-09", "2026-11-10", "最多统计 366 天"),
        ("2026-11-01", "2026-11-11", "不能晚于今天"),
        ("2026-02-30", "", "有没有这一天"),
        ("昨天", "", "2026-11-05 的样子"),
    ],
)
def test_a_wrong_period_is_told_and_the_last_thirty_days_are_shown(town: dict[str, Any], first: str, last: str, said: str) -> None:
    answer = town["zhou"].client.get("/w/statistics", {"first": first, "last": last})
    assert answer.status_code == 422 and said in answer.content.decode()
    with pytest.raises(BadPeriodError, match=said):
        period(first, last, date(2026, 11, 10))


def test_a_period_of_exactly_a_year_is_taken() -> None:
    assert period("2025-11-10", "2026-11-10", date(2026, 11, 10)).days == 366
    assert period("", "", date(2026, 11, 10)) == Period(date(2026, 10, 12), date(2026, 11, 10))


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, "—"), (59, "59 秒"), (60, "1 分钟"), (3599, "59 分钟"), (3600, "1.0 小时"), (86_400, "1.0 天")]
)
def test_a_time_is_told_as_people_say_it(seconds: int | None, told: str) -> None:
    assert duration(seconds) == told
