"""批扣: which months are collected of whom, all or nothing, one channel at a time; what the bank answers is applied once or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError

from shebao.base.errors import ShebaoError
from shebao.levy import debit_answers, debit_batches, debit_signing, debiting
from shebao.levy.bank_models import Scheme
from shebao.levy.debit_batches import BatchDayOutage, BatchExistsError, BatchStateError, NotYetError, SecondPersonError, UnknownBank
from shebao.levy.debit_signing import AccountRefused, AlreadySignedError, NewAgreement, NotSignedError, OutError
from shebao.policy.rulebook import standard
from shebao.runs import bank_withholding as run
from tests.db import debit_support as bank
from tests.db import support
from tests.db.debit_support import (
    FEN,
    OTHER_FINANCE,
    answer,
    asked,
    at,
    books_hold,
    built,
    fresh,
    lines,
    owe,
    people,
    receive,
    sent,
    states,
)
from tests.db.support import ENGINE, PLACE, acting, as_owner, ask

pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture
def town(own_database: str) -> None:
    support.make_agency(1), support.make_agency(2)
    as_owner("update parties_agency set district = '420106'")


def test_b1_after_a_gap_only_the_months_that_include_this_one(tmp_path: Path) -> None:
    (somebody,) = people()
    owe([somebody], [202107, 202108, 202109, 202110, 202111, 202112, 202202, 202203])
    bank.settle([somebody], [202107, 202108, 202109])
    batch = built(202203, tmp_path)
    assert lines(batch) == {somebody: (2 * FEN, 202202, 202203, 2)}
    found = states(somebody)
    assert [found[m] for m in (202109, 202110, 202112, 202202, 202203)] == ["paid", "open", "open", "sent", "sent"]
    file = asked(batch, tmp_path)
    assert (len(file), file.header.total_fen, list(file.columns["months"])) == (1, 2 * FEN, [2])
    books_hold()


def test_b2_july_2022_is_skipped_and_august_collects_both(tmp_path: Path) -> None:
    (somebody,) = people()
    owe([somebody], [202206, 202207, 202208])
    with pytest.raises(BatchDayOutage, match="2022-07-20 在系统停机期间，2022 年 7 月不批扣，未缴月份并入下一个月的批扣"):
        built(202207, tmp_path, day=25)
    batch = built(202208, tmp_path)
    assert lines(batch) == {somebody: (2 * FEN, 202207, 202208, 2)}, "June belongs to the year before and is never debited again"
    assert states(somebody) == {202206: "open", 202207: "sent", 202208: "sent"}


def test_b3_one_fen_short_nothing_is_taken_and_the_months_roll_over(tmp_path: Path) -> None:
    poor, rich = people(2)
    owe([poor, rich], [202601, 202602])
    batch = sent(202602, tmp_path)
    sequence = dict(ask("select person_id, sequence from levy_debitline where batch_id = %s", [batch.pk]))
    bank.answered_and_posted(batch, tmp_path, failed={sequence[poor]: "11"})
    assert states(poor) == {202601: "open", 202602: "open"} and states(rich) == {202601: "paid", 202602: "paid"}
    after = fresh(batch.pk)
    assert (after.state, after.paid_lines, after.paid_fen, after.failed_lines) == ("posted", 1, 2 * FEN, 1)
    books_hold()
    owe([poor, rich], [202603])
    merged = built(202603, tmp_path)
    assert lines(merged) == {poor: (3 * FEN, 202601, 202603, 3), rich: (FEN, 202603, 202603, 1)}


def test_who_is_left_out_and_why(tmp_path: Path) -> None:
    billed, stopped, ended, paid, good = people(5)
    owe([billed, stopped, ended, paid, good], [202601])
    owe([billed, ended, paid, good], [202602])
    make_bill(billed, 202601)
    bank.settle([paid], [202601, 202602])
    with acting(ENGINE):
        debit_signing.end(ended, "本人申请", at=at(202602, 5))
    batch = built(202602, tmp_path)
    assert lines(batch) == {good: (2 * FEN, 202601, 202602, 2)}
    left = ask("select person_id, reason, open_fen from levy_debitleftout where batch_id = %s order by 1", [batch.pk])
    assert left == [(billed, "billed", FEN), (stopped, "not_now", FEN)]
    assert fresh(batch.pk).left_out == 2


def make_bill(person: int, month: int) -> None:
    """A month on a person bill at the tax office."""
    as_owner(
        """
        with b as (insert into levy_bill (kind, number, unit_id, person_id, agency_id, month, first_month, last_month, issued_on, due_date,
                     headcount, unit_fen, person_fen, paid_fen, state)
          select 'person', 'GR' || person_id, unit_id, person_id, agency_id, month, month, month, '2026-02-01', '2026-02-28', 1, 0, total_fen, 0,
                 'issued' from levy_flexdue where person_id = %s and month = %s returning id)
        update levy_flexdue set state = 'billed', bill_id = b.id from b where person_id = %s and month = %s
        """,
        [person, month, person, month],
    )


def test_city_and_province_have_their_own_days_and_each_bank_its_own_batch(tmp_path: Path) -> None:
    (city,), (farm,), (province,) = people(), people(bank=bank.FARM), people(scheme=Scheme.PROVINCE)
    owe([city, farm, province], [202602])
    with pytest.raises(NotYetError, match="2026 年 2 月的批扣日是 2026-02-20，还没有到"):
        built(202602, tmp_path, day=15)
    assert list(lines(built(202602, tmp_path, scheme=Scheme.PROVINCE, day=15))) == [province]
    assert list(lines(built(202602, tmp_path))) == [city]
    assert list(lines(built(202602, tmp_path, bank=bank.FARM))) == [farm]
    with pytest.raises(BatchExistsError, match="邮政储蓄银行的批扣批次 PK420100202602403C1 已经生成（待复核发送），不会重复"):
        built(202602, tmp_path)
    with pytest.raises(UnknownBank, match="协作银行没有“999”"):
        built(202602, tmp_path, bank="999")
    with pytest.raises(NotYetError, match="2026 年 1 月已经过去"), acting(ENGINE):
        debit_batches.begin(PLACE, Scheme.CITY, bank.POST, 202601, rulebook=standard(), at=at(202602))


def test_while_a_batch_is_out_its_people_are_out_and_recall_frees_them(tmp_path: Path) -> None:
    somebody, nobody = people(2)
    owe([somebody], [202602])
    batch = built(202602, tmp_path)
    with acting(ENGINE):
        assert debiting.out([somebody, nobody]) == {somebody}
        with pytest.raises(OutError, match="本期批扣已经生成或正在银行处理"):
            debit_signing.end(somebody, "换卡", at=at(202602, 20))
    with acting(ENGINE):
        debit_batches.recall(batch.pk, at=at(202602, 20, 10))
        assert debiting.out([somebody]) == set() and states(somebody) == {202602: "open"}
    again = built(202602, tmp_path)
    assert again.number.endswith("C2") and lines(again) == lines(batch)
    assert asked(again, tmp_path).header.order == 2
    with acting(OTHER_FINANCE):
        debit_batches.confirm_sending(again.pk, at=at(202602, 20, 11))
    with pytest.raises(BatchStateError, match="只有还没有发送的批次可以撤销"), acting(ENGINE):
        debit_batches.recall(again.pk, at=at(202602, 20, 12))
    books_hold()


def test_a_second_person_confirms_the_sending_and_the_database_holds_it(tmp_path: Path) -> None:
    (somebody,) = people()
    owe([somebody], [202602])
    with acting(support.finance(300)):
        batch_id = debit_batches.begin(PLACE, Scheme.CITY, bank.POST, 202602, rulebook=standard(), at=at(202602))
    run.build(batch_id, tmp_path, bank.OUR_KEY.private_bytes_raw(), clock=lambda: at(202602))
    with pytest.raises(SecondPersonError, match="不能是同一人"), acting(support.finance(300)):
        debit_batches.confirm_sending(batch_id, at=at(202602, 20, 10))
    with pytest.raises(DatabaseError):
        as_owner("update levy_debitbatch set state = 'sent', sent_by = 300, sent_at = now() where id = %s", [batch_id])
    with acting(OTHER_FINANCE):
        assert debit_batches.confirm_sending(batch_id, at=at(202602, 20, 10)).state == "sent"


@pytest.fixture
def out(town: None, tmp_path: Path) -> Any:
    """A batch at the bank with three lines."""
    who = people(3)
    owe(who, [202601, 202602])
    return sent(202602, tmp_path)


def refusal(content: bytes) -> tuple[str, str]:
    before = everything()
    with pytest.raises(ShebaoError) as caught:
        receive(content, when=at(202602, 21))
    assert everything() == before, "nothing of a refused file is applied"
    return caught.value.code, caught.value.text


def everything() -> list[Any]:
    return as_owner("select state, count(*) from levy_flexdue group by 1 order by 1") + as_owner(
        "select (select count(*) from ledger_entry), (select count(*) from levy_debitresult), (select count(*) from levy_debitfile),"
        " (select string_agg(state, ',' order by id) from levy_debitbatch)"
    )


def test_a_result_that_is_not_ours_is_refused_whole(out: Any, tmp_path: Path) -> None:
    def changed(**columns: Any) -> bytes:
        return answer(out, tmp_path, change=lambda theirs: theirs | {n: np.asarray(v(theirs[n])) for n, v in columns.items()})

    short = answer(out, tmp_path, change=lambda theirs: {n: c[:2] for n, c in theirs.items()})
    assert refusal(short) == ("BNK-26", f"批次 {out.number} 的第 3 笔没有结果；没有入账，请对方补齐后重新出盘")
    code, text = refusal(changed(sequence=lambda s: s + np.array([0, 0, 4])))
    assert (code, text) == ("BNK-25", "第 4 行（序号 7）：这一笔不在批次里；没有入账，请与对方核对")
    code, text = refusal(changed(amount=lambda a: a + np.array([0, 1, 0]), taken=lambda a: a + np.array([0, 1, 0])))
    assert code == "BNK-27" and "应扣金额与我方的 1,799.04 元不符" in text
    code, text = refusal(changed(account=lambda a: np.array([a[1], a[0], a[2]])))
    assert code == "BNK-28" and "第 2 行（序号 1）：加办单号或账号与我方不符" in text
    assert refusal(answer(out, tmp_path, number="PK4201002602"))[0] == "BNK-24"
    assert refusal(answer(out, tmp_path, key=bank.OUR_KEY))[0] == "BNK-06"
    assert refusal(answer(out, tmp_path)[:-300])[0] == "BNK-01"
    assert refusal(answer(out, tmp_path).replace(b"179904", b"179905", 1))[0] == "BNK-07"
    assert refusal(answer(out, tmp_path, day=at(202602, 22).date()))[0] == "BNK-12"
    assert refusal(answer(out, tmp_path, order=2)) == ("BNK-23", "2026-02-20 的第 1 个文件还没有到，第 2 个排队等候，没有入账")
    assert receive(answer(out, tmp_path), when=at(202602, 21)).taken == 3


def test_the_same_answer_twice_is_harmless_and_another_one_is_refused(out: Any, tmp_path: Path) -> None:
    good = answer(out, tmp_path)
    receive(good, when=at(202602, 21))
    assert refusal(good) == ("BNK-21", "这个文件已于 2026-02-21 处理，没有重复入账")
    assert run.post(out.pk, clock=lambda: at(202602, 21)) and run.post(out.pk, clock=lambda: at(202602, 22))
    assert refusal(good)[0] == "BNK-21"
    assert refusal(answer(out, tmp_path, failed={1: "11"}))[0] == "BNK-22"
    assert ask("select count(*) from ledger_posting where key like 'debit:%%'") == [(1,)]
    books_hold()


def test_an_answer_to_a_batch_that_was_never_sent_is_refused(tmp_path: Path, town: None) -> None:
    (somebody,) = people()
    owe([somebody], [202602])
    batch = built(202602, tmp_path)
    assert refusal(answer(batch, tmp_path))[0] == "BNK-24"


def test_a_name_with_question_marks_is_known_and_another_name_is_marked(out: Any, tmp_path: Path) -> None:
    ours = asked(out, tmp_path).columns["name"]
    assert "䶮" in ours[0].decode("gb18030")
    names = np.array([ours[0].replace("䶮".encode("gb18030"), b"?"), ours[1], "李某".encode("gb18030")], "S32")
    receive(answer(out, tmp_path, change=lambda theirs: theirs | {"name": names}), when=at(202602, 21))
    assert ask("select name_differs from levy_debitresult order by sequence") == [(False,), (False,), (True,)]


def test_a_late_success_pays_what_is_still_owed_and_is_suspense_where_it_was_paid_elsewhere(out: Any, tmp_path: Path) -> None:
    first, second, _ = sorted(lines(out))
    bank.answered_and_posted(out, tmp_path, failed={1: "11", 2: "13"})
    bank.settle([first], [202601, 202602])  # paid at the counter meanwhile

    def only(*sequences: int) -> Any:
        return lambda theirs: {n: c[np.isin(theirs["sequence"], sequences)] for n, c in theirs.items()}

    assert refusal(answer(out, tmp_path, part=2, order=2, change=only(3)))[0] == "BNK-29"
    found = receive(answer(out, tmp_path, part=2, order=2, change=only(1, 2)), when=at(202602, 22))
    assert found.late and states(second) == {202601: "paid", 202602: "paid"}
    accounts = ask(
        "select e.person_id, s.reference, e.month, e.own_fen from accounts_entry e join accounts_source s on s.id = e.source_id"
        " where s.reference like 'debit:%%:2:%%' order by 3"
    )
    share = FEN * 8 // 20
    assert accounts == [(second, f"debit:{out.number}:2:2", month, share) for month in (202601, 202602)], "credited like one taken in time"
    rows = ask("select serial, amount_fen, state, channel, reason from levy_receipt")
    assert [row[:4] for row in rows] == [(f"{out.number}-1", 2 * FEN, "suspense", "bank")] and "应退还本人" in rows[0][4]
    books_hold()
    with acting(ENGINE):
        waiting = debiting.waiting_files(PLACE)
        assert [(f.part, f.taken_fen) for f in waiting] == [(1, 2 * FEN), (2, 4 * FEN)]
        with pytest.raises(debiting.ArrivalRefused, match="与流水金额不符"):
            debiting.arrive(out.number, 1, arrived_on=at(202602, 23).date(), at=at(202602, 23))
        for file in waiting:
            for _ in range(2):  # a statement read twice
                debiting.arrive(out.number, file.taken_fen, part=file.part, arrived_on=at(202602, 23).date(), at=at(202602, 23))
        assert debiting.in_transit_fen(PLACE) == 0 and debiting.waiting_files(PLACE) == []
    assert ask("select count(*) from levy_receipt where arrived_on is null") == [(0,)]
    books_hold()


def test_everybody_is_told_once(out: Any, tmp_path: Path) -> None:
    bank.answered_and_posted(out, tmp_path, failed={2: "11"})
    assert run.tell(out.pk, clock=lambda: at(202602, 22)) == 3 and run.tell(out.pk, clock=lambda: at(202602, 22)) == 0
    told = ask("select title, text, url from contact_message order by person_id")
    assert [row[0] for row in told] == ["批扣成功", "批扣没有成功", "批扣成功"]
    assert told[0][1] == "邮政储蓄银行已扣缴企业职工基本养老保险费 1,799.04 元，费款所属期 2026 年 1 月至 2026 年 2 月（共 2 个月）。"
    assert "账户余额不足。请在下个批扣日前存足" in told[1][1] and told[1][2] == "/p/debit"


def test_an_agreement_is_signed_once_with_a_right_account_and_never_changed() -> None:
    (somebody,) = people()
    again = NewAgreement(somebody, 1, PLACE, bank.POST, bank.card())
    with pytest.raises(AlreadySignedError, match="已签有批扣协议（加办单号 JB202101"), acting(ENGINE):
        debit_signing.sign(again, at=at(202602))
    for account, told in (("62999900000000001x", "8 到 20 位数字"), ("6299990000000000012", "校验位不对"), ("1234567", "8 到 20 位")):
        if debit_signing.account_fault(account):
            with pytest.raises(AccountRefused, match=told), acting(ENGINE):
                debit_signing.sign(NewAgreement(somebody, 1, PLACE, bank.POST, account), at=at(202602))
    with pytest.raises(AccountRefused, match="协作银行目前只有：邮政储蓄银行、农业银行"), acting(ENGINE):
        debit_signing.sign(NewAgreement(somebody, 1, PLACE, "102", bank.card()), at=at(202602))
    with pytest.raises(DatabaseError):
        as_owner("update levy_debitagreement set account = '12345678'")
    with acting(ENGINE):
        debit_signing.end(somebody, "换卡", at=at(202602))
        debit_signing.sign(again, at=at(202602, 21))
    with pytest.raises(DatabaseError):
        as_owner("update levy_debitagreement set ended_at = null where ended_at is not null")
    with pytest.raises(NotSignedError), acting(ENGINE):
        debit_signing.end(0, "x", at=at(202602))


def test_a_due_paid_in_the_moment_of_building_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading and writing a chunk somebody pays: the chunk is built again without them."""
    quick, slow = people(2)
    owe([quick, slow], [202602])
    original, calls = debit_batches.copy_rows, []

    def meanwhile(*given: Any) -> None:
        if not calls:
            bank_pays(quick)
        calls.append(1)
        original(*given)

    def bank_pays(who: int) -> None:
        bank.paid_elsewhere([who], [202602])

    monkeypatch.setattr(debit_batches, "copy_rows", meanwhile)
    batch = built(202602, tmp_path)
    assert list(lines(batch)) == [slow] and len(calls) == 2


def test_the_answer_is_applied_by_one_of_two_that_come_at_once(out: Any, tmp_path: Path) -> None:
    good = answer(out, tmp_path)

    def one(round_: int, racer: int) -> Any:
        return receive(good, when=at(202602, 21))

    ((a, b),) = support.race(1, 2, one)
    assert sorted(type(x).__name__ for x in (a, b)) == ["Answered", "FileKnown"]

    def posting(round_: int, racer: int) -> Any:
        return run.post(out.pk, clock=lambda: at(202602, 21))

    assert support.race(1, 2, posting) == [[True, True]]
    books_hold()
    assert debit_answers.unposted.__name__ == "unposted" and fresh(out.pk).paid_fen == 6 * FEN
