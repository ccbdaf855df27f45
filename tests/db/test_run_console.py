"""批次管理: every run with how far it is; one that stopped goes on exactly once, one that may be reversed is, by its kind's own operation."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shebao.base.actor import ENGINE
from shebao.base.months import last_day
from shebao.base.terms import Post
from shebao.levy import assessing, run_kinds
from shebao.levy.run_kinds import KINDS
from shebao.runs import monthly_assessment
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.support import AT, PLACE, acting, ask, assess, finance, hire, make_agency, make_unit, moment, race


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """A month assessed, one begun and left, one failed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        hire(make_unit("甲示例公司", vip=False), 3, month=202608, at=moment(202608, 3))
        assess(202608, at=moment(202608, 5))
        zheng = make_account("zheng", Post.FINANCE, agency=1)
        make_account("zhou", Post.REVIEWER, agency=1)
        make_account("clerk", Post.CLERK, agency=1)
        with acting(finance(zheng)):
            left = assessing.begin(PLACE, 202609, at=moment(202609, 5))
        with acting(ENGINE):
            failed = assessing.begin(PLACE, 202610, at=moment(202610, 5))
            assessing.fail(failed, "没有 2026 年 10 月的费率", at=moment(202610, 5))
        yield {"left": left, "failed": failed, "by": zheng} | {name: Desk(name) for name in ("zheng", "zhou", "clerk")}


def jobs() -> int:
    return int(ask("select count(*) from procrastinate_jobs where task_name = 'assess_month' and status = 'todo'")[0][0])


def test_every_run_is_listed_with_its_state_who_began_it_and_why_it_failed(town: dict[str, Any]) -> None:
    page = town["zhou"].get("/w/runs")
    assert re.search(r"月度核定 2026 年 10 月 没有 2026 年 10 月的费率 失败", page)
    assert "月度核定 2026 年 9 月 已中断" in page and "zheng示例" in page
    assert "月度核定 2026 年 8 月 已完成 1 / 1 3 人" in page
    assert "还没有批次" in town["zhou"].get("/w/runs?kind=bank_withholding")
    assert town["clerk"].client.get("/w/runs").status_code == 403


def test_a_page_asks_again_by_itself_only_while_something_runs_with_scripts_or_without(town: dict[str, Any]) -> None:
    def page() -> str:
        return str(town["zhou"].client.get("/w/runs").content.decode())

    assert "http-equiv" not in page() and "hx-trigger" not in page()
    with acting(ENGINE):
        from shebao.casework.jobs import defer

        defer("assess_month", run_id=town["left"])
    assert '<noscript><meta http-equiv="refresh"' in page() and 'hx-trigger="every 5s"' in page()
    assert "排队中" in town["zhou"].get(f"/w/runs/monthly_assessment/{town['left']}")
    with acting(ENGINE):
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("update procrastinate_jobs set status = 'cancelled' where task_name = 'assess_month'")


def test_a_stopped_run_is_queued_once_whoever_presses_how_often_and_then_ends(town: dict[str, Any]) -> None:
    where = f"/w/runs/monthly_assessment/{town['left']}"
    assert "现在也没有后台任务在做" in town["zhou"].get(where)

    def press(turn: int, racer: int) -> int:
        return int(Desk("zheng").client.post(where + "/restart").status_code)

    (found,) = race(1, 3, press)
    assert sorted(found) == [302, 409, 409]
    assert jobs() == 1
    assert "正在执行或已在排队" in town["zheng"].post(where + "/restart", status=409)
    monthly_assessment.run(town["left"], clock=lambda: AT)
    assert "已完成" in town["zheng"].get(where)
    assert "已经结束，不用继续" in town["zheng"].post(where + "/restart", status=409)
    assert ask("select count(*) from audit_event where action = 'levy.run_restarted'") == [(1,)]


def test_a_failed_run_leads_to_its_own_page_and_is_not_restarted_here(town: dict[str, Any]) -> None:
    where = f"/w/runs/monthly_assessment/{town['failed']}"
    content = town["zheng"].client.get(where).content.decode()
    assert 'href="/w/months#m202610"' in content and "这个批次已经失败并退回" in content
    town["zheng"].post(where + "/restart", status=409)


def test_a_run_of_a_kind_that_forbids_it_is_not_reversed(town: dict[str, Any]) -> None:
    ((done,),) = ask("select id from levy_run where month = 202608")
    assert "不能整批冲回" in town["zheng"].post(f"/w/runs/monthly_assessment/{done}/reverse", {"typed": "试"}, 409)
    town["zhou"].post(f"/w/runs/monthly_assessment/{done}/reverse", {"typed": "试"}, 403)


def test_a_kind_that_allows_it_is_reversed_by_its_own_operation_with_a_reason(
    town: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ((done,),) = ask("select id from levy_run where month = 202608")
    told: list[tuple[int, str]] = []
    kind = replace(KINDS["monthly_assessment"], reverse=lambda run, reason, on, at: told.append((run.id, reason)))
    monkeypatch.setitem(run_kinds.KINDS, "monthly_assessment", kind)
    where = f"/w/runs/monthly_assessment/{done}"
    assert "整批冲回" in town["zheng"].get(where)
    assert "请填写原因" in town["zheng"].post(where + "/reverse", {}, 409)
    assert town["zheng"].post(where + "/reverse", {"typed": "口径有误"}) == where
    assert told == [(done, "口径有误")]
    failing = replace(kind, why_not=lambda run: "已经有人缴费")
    monkeypatch.setitem(run_kinds.KINDS, "monthly_assessment", failing)
    assert "已经有人缴费" in town["zheng"].post(where + "/reverse", {"typed": "x"}, 409)


def test_runs_that_are_not_there_are_not_found(town: dict[str, Any]) -> None:
    for path in ("/w/runs/monthly_assessment/99999999", "/w/runs/nothing/1", "/w/runs/bank_withholding/1", "/w/runs/account_interest/1"):
        town["zheng"].get(path, 404)
    town["zheng"].post("/w/runs/nothing/1/restart", status=404)


def test_every_kind_has_a_label_a_job_that_exists_and_a_page_where_those_begin_it_who_may() -> None:
    from django.urls import resolve
    from procrastinate.contrib.django import app

    assert set(KINDS) == {
        "monthly_assessment", "recalculation", "flexible_month", "flexible_year", "bank_withholding", "account_interest",
        "reconcile_day", "tax_day", "day_closing", "month_closing",
    }  # fmt: skip
    for kind in KINDS.values():
        assert kind.label and kind.about and (not kind.job or kind.job in app.tasks), kind.code
        assert kind.starters <= resolve(kind.start).func.guard.posts, kind.code
        assert kind.reverse is not None or kind.never, kind.code


def test_the_console_leads_each_post_to_what_it_may_begin(town: dict[str, Any]) -> None:
    def leads(name: str) -> set[str]:
        return set(re.findall(r'class="btn sm" href="([^"]+)"', town[name].client.get("/w/runs").content.decode()))

    assert leads("zheng") == {kind.start for kind in KINDS.values()}
    assert leads("zhou") == {"/w/months", "/w/recalculations", "/w/flexible"}


def test_closed_days_and_months_stand_on_the_console_and_a_month_waits_for_its_second_person(town: dict[str, Any]) -> None:
    from shebao.ledger import closing

    with acting(finance(town["by"])):
        closing.close_days(PLACE, last_day(202608), at=moment(202609, 2))
        closing.close_month(PLACE, 202608, at=moment(202609, 3))
    page = town["zhou"].get("/w/runs")
    assert re.search(r"日结 2026-08-0\d 至 2026-08-31 已完成", page), page[:1500]
    assert re.search(r"月结 2026 年 8 月 等待中 待另一位财务人员复核", page)
    ((closed,),) = ask("select id from ledger_monthclosing")
    assert "结账后不能重新打开" in town["zheng"].get(f"/w/runs/month_closing/{closed}")
    ((first,),) = ask("select min(id) from ledger_dayclosing")
    assert "2026-08-31" in town["zheng"].get(f"/w/runs/day_closing/{first}")
    town["zheng"].get(f"/w/runs/day_closing/{first + 1}", 404)
    town["zheng"].post(f"/w/runs/month_closing/{closed}/restart", status=409)
