"""Races of real threads with connections of their own. Beside each stands the naive code that loses the same race: a test that can fail."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.casework import operations, review
from shebao.casework.cases import KeyReusedError, StaleCaseError
from shebao.casework.item import item_of
from shebao.casework.models import Case, Effect, Filing
from shebao.levy import receiving
from shebao.levy.models import Allocation, Bill, Receipt, ReceiptFile
from tests.db import support
from tests.db.support import ADD, ENGINE, PLACE, acting, as_owner, ask, context, moment, race, reviewer

ROUNDS, RACERS = 40, 4
WHOLE_ROUNDS = 20  # of races through the whole of a filing, which cost more
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[None]:
    support.make_agency()
    as_owner(
        """
        create table naive (k bigint, who int, state text not null default 'open', month_people int[]);
        grant select, insert, update on naive to shebao_engine
        """
    )
    yield


def naive(act: Callable[[Any, int, int], None], violated: str) -> int:
    """How many rounds of check-then-write code break the rule that the mechanism holds."""
    as_owner("truncate naive")

    def body(i: int, racer: int) -> None:
        with acting(ENGINE), connection.cursor() as cursor:
            act(cursor, i, racer)

    race(ROUNDS, RACERS, body)
    return int(as_owner(f"select count(*) from ({violated}) x")[0][0])


def write_if_absent(cursor: Any, i: int, racer: int) -> None:
    """What every race below would be without its constraint, key or lock."""
    cursor.execute("select 1 from naive where k = %s", [i])
    if cursor.fetchone() is None:
        cursor.execute("select pg_sleep(0.001)")
        cursor.execute("insert into naive (k, who) values (%s, %s)", [i, racer])


def test_check_then_insert_loses_the_races_that_keys_and_constraints_win() -> None:
    """The control of: one decision, one submission, one file, one person. Each is an insert after a look."""
    assert naive(write_if_absent, "select k from naive group by k having count(*) > 1") > ROUNDS // 2


def test_two_reviewers_decide_one_case_once() -> None:
    unit = support.make_unit(vip=False)
    ctx = context(unit, vip=False)
    numbers = [support.new_id_number() for _ in range(WHOLE_ROUNDS)]
    cases = [support.file(ADD, ctx, support.addition(n)) for n in numbers]
    with acting(ENGINE):
        versions = dict(Case.objects.filter(pk__in=cases).values_list("pk", "version"))

    def decide(i: int, racer: int) -> review.Outcome:
        decision = review.Decision() if racer % 2 else review.Decision(return_all=review.Return("请补充"))
        with acting(reviewer(200 + racer)):
            return review.decide(cases[i], versions[cases[i]], decision, ctx)

    outcomes = race(WHOLE_ROUNDS, RACERS, decide)
    for row in outcomes:
        assert Counter(type(o) for o in row) == {review.Outcome: 1, StaleCaseError: RACERS - 1}
        assert all("您的页面是旧内容" in o.text for o in row if isinstance(o, ShebaoError))
    passed = sum(o.done for row in outcomes for o in row if isinstance(o, review.Outcome))
    assert ask("select count(*) from enrolment_spell where unit_id = %s", [unit]) == [(passed,)]
    with acting(ENGINE):
        assert Effect.objects.filter(filing__case__in=cases).count() == passed


def test_a_double_click_saves_and_submits_once_and_answers_the_same() -> None:
    unit = support.make_unit()
    ctx, actor = context(unit), support.operator(unit)
    typed = [support.addition() for _ in range(WHOLE_ROUNDS)]

    def click(i: int, racer: int) -> tuple[int, int]:
        with acting(actor):
            saved = operations.save_new(item_of(ADD), ctx, dict(typed[i]), key=UUID(int=unit * 1000 + i)).case_id
        with acting(actor):
            return saved, operations.submit(saved, 1, ctx, key=UUID(int=unit * 1000 + 500 + i))

    for row in race(WHOLE_ROUNDS, RACERS, click):
        assert len(set(row)) == 1 and isinstance(row[0], tuple), row
    with acting(ENGINE):
        assert Case.objects.filter(unit_id=unit).count() == Filing.objects.filter(unit_id=unit, round=1).count() == WHOLE_ROUNDS


def test_a_key_with_another_content_or_from_another_account_is_refused() -> None:
    unit = support.make_unit()
    ctx, key = context(unit), UUID(int=77)

    def save(i: int, racer: int) -> int:
        with acting(support.operator(unit, 100 + racer)):
            return operations.save_new(item_of(ADD), ctx, support.addition(), key=key).case_id

    (row,) = race(1, RACERS, save)
    assert Counter(type(o) for o in row) == {int: 1, KeyReusedError: RACERS - 1}
    assert {o.text for o in row if isinstance(o, KeyReusedError)} == {"这个提交编号已经用于另一项内容，请刷新页面后重新提交"}
    with acting(ENGINE):
        assert Case.objects.filter(unit_id=unit).count() == 1


def test_the_same_receipt_file_counts_once_whoever_brings_it() -> None:
    unit = support.make_unit()
    support.hire(unit, 1, month=202609)
    support.assess(202609)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit)

    def bring(i: int, racer: int) -> receiving.Received:
        payment = receiving.Payment(f"R{i}", bill.number, "甲", 100, date(2026, 10, 8), 3)
        sha256 = i.to_bytes(31, "big") + bytes([racer % 2])  # the same bytes twice, and other bytes of the same batch
        with acting(support.finance(300 + racer)):
            return receiving.receive_file(
                sha256, f"批{i}", "a.csv", [payment], place=PLACE, agency_id=1, on=date(2026, 10, 8), at=moment(202610)
            )

    for row in race(ROUNDS, RACERS, bring):
        assert Counter(type(o) for o in row) == {receiving.Received: 1, receiving.FileKnownError: RACERS - 1}, row
    with acting(ENGINE):
        assert ReceiptFile.objects.count() == Receipt.objects.filter(bill=bill).count() == ROUNDS
        assert Bill.objects.get(pk=bill.pk).paid_fen == sum(Allocation.objects.values_list("amount_fen", flat=True)) == ROUNDS * 100


def test_two_files_that_share_a_payment_count_it_once() -> None:
    day = date(2026, 10, 8)

    def bring(i: int, racer: int) -> receiving.Received:
        serials = [f"S{i}-{n}" for n in range(3)][:: (-1) ** racer]
        payments = [receiving.Payment(serial, "HD-unknown", "甲", 100, day, 3) for serial in serials]
        sha256 = bytes([200 + racer]) + i.to_bytes(31, "big")
        with acting(support.finance(300 + racer)):
            batch = f"另{i}-{racer}"
            return receiving.receive_file(sha256, batch, "a.csv", payments, place=PLACE, agency_id=1, on=day, at=moment(202610))

    outcomes = race(20, RACERS, bring)
    assert [o for row in outcomes for o in row if isinstance(o, Exception)] == []
    assert [sum(r.suspended for r in row) for row in outcomes] == [3] * 20
    assert [sum(r.known for r in row) for row in outcomes] == [3 * (RACERS - 1)] * 20


def test_two_people_of_finance_confirm_one_receipt_once() -> None:
    def enter(i: int) -> int:
        payment = receiving.Payment(f"手{i}", "HD-none", "甲", 500, date(2026, 10, 8))
        with acting(support.finance(300)):
            return receiving.enter_by_hand(payment, agency_id=1, place=PLACE, on=date(2026, 10, 8), at=moment(202610))

    receipts = [enter(i) for i in range(20)]

    def decide(i: int, racer: int) -> Any:
        with acting(support.finance(301 + racer)):
            if racer == RACERS - 1:
                return receiving.void(receipts[i], place=PLACE, on=date(2026, 10, 9), at=moment(202610, 9)) or "void"
            return receiving.confirm(receipts[i], place=PLACE, on=date(2026, 10, 9), at=moment(202610, 9))

    for row in race(20, RACERS, decide):
        assert sum(not isinstance(o, Exception) for o in row) == 1
        assert {o.text for o in row if isinstance(o, ShebaoError)} == {"这笔到账已由他人处理，请刷新页面查看结果"}
    assert ask("select count(*) from ledger_posting where reference = any(%s) or key = any(%s)", [
        [f"receipt:手{i}" for i in range(20)], [f"void:{r}" for r in receipts]]) == [(20,)]  # fmt: skip


def test_without_the_lock_month_close_loses_people() -> None:
    def act(cursor: Any, i: int, racer: int) -> None:
        if racer == 0:
            cursor.execute("insert into naive (k, who, state) select k, who, 'charged' from naive where k = %s and state = 'enrolled'", [i])
            cursor.execute("select pg_sleep(0.001)")
            cursor.execute("insert into naive (k, who, state) values (%s, 0, 'closed')", [i])
        else:
            cursor.execute("select 1 from naive where k = %s and state = 'closed'", [i])
            if cursor.fetchone() is None:
                cursor.execute("insert into naive (k, who, state) values (%s, %s, 'enrolled')", [i, racer])

    lost = """select k, who from naive e where state = 'enrolled'
              and not exists (select 1 from naive c where c.k = e.k and c.who = e.who and c.state = 'charged')"""
    assert naive(act, lost) > ROUNDS // 2
