"""What a bank says it took by 批扣 and never pays in is a difference after three working days, and ends when it arrives."""

from datetime import date
from pathlib import Path

import pytest

from shebao.base.terms import Post
from shebao.levy import debiting, reconcile_statements
from tests import make
from tests.db import debit_support as debits
from tests.db.desk_support import Desk, make_account
from tests.db.money_support import reconcile
from tests.db.support import ENGINE, PLACE, acting, ask, make_agency
from tests.db.web_support import Browser, words

MONTH = 202610
ANSWERED = debits.at(MONTH, 21)


def late() -> list[tuple[object, ...]]:
    return ask("select subject, ours_fen, state, settled_by from levy_difference order by id")


@pytest.mark.usefixtures("database")
def test_the_sum_of_a_batch_that_does_not_arrive_is_late_and_ends_with_its_arrival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_agency(1)
    first, second = debits.people(2)
    stranger = debits.people(1, bank=debits.FARM)[0]
    debits.owe([first, second], [MONTH])
    batch = debits.sent(MONTH, tmp_path)
    debits.receive(debits.answer(batch, tmp_path), when=ANSWERED)
    debits.run.post(batch.pk, clock=lambda: ANSWERED)
    with acting(ENGINE):
        reconcile_statements.register_account(PLACE, "42010099000000001", "示例银行", 1, on=date(2026, 10, 1), at=ANSWERED)
    assert ask("select day from levy_debitfile") == [(date(2026, 10, 20),)]
    reconcile(date(2026, 10, 23))
    assert late() == [], "three working days are the bank's"
    reconcile(date(2026, 10, 24))
    assert late() == [(batch.number, 2 * debits.FEN, "open", "")]
    reconcile(date(2026, 10, 25))
    assert len(late()) == 1, "told once"
    monkeypatch.setenv("SHEBAO_NOW", "2026-10-26T09:00:00")
    make_account("zheng", Post.FINANCE, agency=1)
    desk = Desk("zheng")
    ((found,),) = ask("select id from levy_difference")
    page = desk.get(f"/w/reconciliation/differences/{found}")
    assert batch.number in page and "银行还没有划来" in page
    line = desk.get(f"/w/debits/{batch.number}/1")
    assert "899.52" in line and "怎么算的" in line and "扣款成功" in line
    desk.get(f"/w/debits/{batch.number}/3", 404)
    make.individual(first, "first")
    make.individual(stranger, "stranger")
    own = words(Browser("first").get(f"/p/debit/lines/{batch.number}"))
    assert "899.52" in own and "月缴额" in own and "怎么算的" in own
    assert Browser("stranger").get(f"/p/debit/lines/{batch.number}").status_code == 404, "a batch shows one's own line alone"
    with acting(ENGINE):
        debiting.arrive(batch.number, 2 * debits.FEN, arrived_on=date(2026, 10, 26), at=debits.at(MONTH, 26))
    reconcile(date(2026, 10, 26))
    assert late() == [(batch.number, 2 * debits.FEN, "settled", "arrived")]
