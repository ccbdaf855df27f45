"""个人账户年度结算 from the desk: tried to the fen before it is begun, refused in a sentence without a rate, and checked afterwards."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from shebao.accounts import trying
from shebao.accounts.models import EntryKind, Settlement
from shebao.base.terms import Post
from shebao.runs import account_interest
from tests.db.accounts_support import at, credit, people
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.support import ENGINE, PLACE, acting, as_owner, ask, make_agency


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """Two accounts in 2025, one with a balance brought in; something of 2026 beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        first, second = people(2)
        credit("brought", [(first, 202501, 1_000_000)], date(2025, 1, 1), kind=EntryKind.BROUGHT)
        for month in range(1, 13):
            credit(f"c{month}", [(first, 202500 + month, 33_792), (second, 202500 + month, 50_001)], date(2025, month, 15))
        credit("later", [(first, 202602, 33_792)], date(2026, 2, 15))
        make_account("zheng", Post.FINANCE, agency=1)
        make_account("zhou", Post.REVIEWER, agency=1)
        yield {"zheng": Desk("zheng"), "zhou": Desk("zhou")}


def test_a_year_is_tried_then_settled_with_the_same_figures_and_checked_against_what_was_booked(town: dict[str, Any]) -> None:
    desk = town["zheng"]
    page = desk.get("/w/settlements")
    assert "2025 年" in page and "1.5%" in page and "试算" in page
    assert "2026 年还没有结束，不能结算个人账户" in page
    tried = desk.get("/w/settlements/2025")
    with acting(ENGINE):
        figures = trying.attempt(PLACE, 2025, 15_000)
    assert (figures.accounts, figures.opening_fen, figures.credits_fen) == (2, 1_000_000, 12 * (33_792 + 50_001))
    assert f"{figures.interest_fen / 100:,.2f}" in tried and "开始结算 2025 年？" in tried
    assert ask("select count(*) from accounts_settlement") == [(0,)], "a trial writes nothing"
    where = desk.post("/w/settlements/2025/start")
    assert re.fullmatch(r"/w/runs/account_interest/\d+", where)
    assert "排队中" in desk.get(where)
    assert ask("select count(*) from procrastinate_jobs where task_name = 'settle_accounts' and status = 'todo'") == [(1,)]
    account_interest.run(int(where.rsplit("/", 1)[1]), clock=lambda: at(date(2026, 11, 10)))
    with acting(ENGINE):
        run = Settlement.objects.get()
    assert (run.rows, run.interest_fen, run.total_fen) == (figures.accounts, figures.interest_fen, figures.closing_fen)
    assert "与入账一致" in desk.get("/w/settlements/2025")
    assert "已经结算" in desk.post("/w/settlements/2025/start", status=409)
    as_owner("update accounts_tally set product_fen = product_fen + 1200000 where year = 2025 returning 1")
    assert "与入账不一致" in desk.get("/w/settlements/2025"), "a tally that moved is seen"
    as_owner("update accounts_tally set product_fen = product_fen - 1200000 where year = 2025 returning 1")


def test_a_year_without_a_rate_says_so_and_nothing_begins(town: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    desk = town["zheng"]
    monkeypatch.setenv("SHEBAO_NOW", "2027-07-01T09:00:00")
    assert "2026 年的个人账户记账利率尚未公布或未见文件" in Desk("zheng").get("/w/settlements/2026")
    assert "没有开始结算" in Desk("zheng").post("/w/settlements/2026/start", status=409)
    monkeypatch.setenv("SHEBAO_NOW", NOW)
    assert "2026 年还没有结束" in desk.post("/w/settlements/2026/start", status=409)
    assert ask("select count(*) from accounts_settlement where year = 2026") == [(0,)]
    desk.get("/w/settlements/1999", 404)
    desk.post("/w/settlements/1999/start", status=404)


def test_only_finance_settles(town: dict[str, Any]) -> None:
    town["zhou"].get("/w/settlements", 403)
    town["zhou"].post("/w/settlements/2025/start", status=403)
