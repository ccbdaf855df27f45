"""What flexible workers owe: tiers by month, dues to the fen, books that follow."""

from datetime import date

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.enrolment import tiers
from shebao.enrolment.operations import NothingOpenError, OverlapError, Stop
from shebao.levy import flexible
from shebao.levy.models import DueState, FlexDue
from shebao.policy.rulebook import RuleMissing, standard
from tests import make
from tests.db.support import PLACE, ask, moment

pytestmark = pytest.mark.usefixtures("database")


def receivable() -> int:
    return ask(
        "select coalesce(sum(e.amount_fen), 0)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id"
        " where a.kind = 'receivable' and a.fund = 110"
    )[0][0]


def owed() -> int:
    return ask("select coalesce(sum(total_fen), 0)::bigint from levy_flexdue where state in ('open', 'billed', 'sent')")[0][0]


def test_a_month_at_a_tier_is_owed_to_the_fen_and_booked_once() -> None:
    before = receivable()
    who = make.flexible(tier=60, since=202601, dues=[202601, 202602])
    with acting(ENGINE):
        due = flexible.dues_of(who.person_id)[0]
        again = flexible.assess(
            [who.person_id], [202601, 202602], place=PLACE, rulebook=standard(), on=date(2026, 2, 3), at=moment(202602, 3)
        )
    assert (due.tier, due.base_fen, due.total_fen, due.account_fen, due.state) == (60, 449_760, 89_952, 35_981, DueState.OPEN)
    assert again == [] and receivable() - before == 2 * 89_952


def test_the_published_amounts_of_2011_come_out() -> None:
    lowest = make.flexible(tier=60, since=201109, dues=[201109])
    highest = make.flexible(tier=300, since=201109, dues=[201109])
    with acting(ENGINE):
        found = [flexible.dues_of(who.person_id)[0] for who in (lowest, highest)]
    assert [(due.base_fen, due.total_fen, due.account_fen, due.total_fen - due.account_fen) for due in found] == [
        (196_518, 39_304, 15_721, 23_583),
        (982_590, 196_518, 78_607, 117_911),
    ]


def test_a_year_without_an_average_wage_is_not_guessed() -> None:
    who = make.flexible(tier=60, since=201209)
    with acting(ENGINE), pytest.raises(RuleMissing, match="缴费基数"):
        flexible.assess([who.person_id], [201209], place=PLACE, rulebook=standard(), on=date(2012, 9, 2), at=moment(201209, 2))
    with acting(ENGINE):
        assert not FlexDue.objects.filter(person_id=who.person_id).exists()


def test_a_new_tier_holds_from_its_month_and_leaves_the_past() -> None:
    who = make.flexible(tier=60, since=202601)
    with acting(ENGINE):
        tiers.change([tiers.NewFlexible(who.person_id, who.unit_id, 1, 100, 202604, None)], at=moment(202603))
        tiers.change([tiers.NewFlexible(who.person_id, who.unit_id, 1, 80, 202604, None)], at=moment(202603, 12))
        chosen = tiers.tiers_of(who.person_id)
    assert [(t.percent, t.from_month, t.to_month) for t in chosen] == [(60, 202601, 202604), (80, 202604, None)]
    assert [tiers.tier_in(chosen, month) for month in (202512, 202603, 202604)] == [None, 60, 80]


def test_stopping_ends_spell_and_tier_and_starting_again_is_possible() -> None:
    who = make.flexible(tier=60, since=202601)
    with acting(ENGINE):
        tiers.stop([Stop(who.person_id, who.unit_id, 202604, "6399", None)], at=moment(202603))
        assert [s.to_month for s in tiers.flexible_spells(who.person_id)] == [202604]
        assert [t.to_month for t in tiers.tiers_of(who.person_id)] == [202604]
    with acting(ENGINE), pytest.raises(NothingOpenError, match="没有在个人流动窗口参保"):
        tiers.stop([Stop(who.person_id, who.unit_id, 202605, "6399", None)], at=moment(202604))
    with acting(ENGINE), pytest.raises(NothingOpenError):
        tiers.change([tiers.NewFlexible(who.person_id, who.unit_id, 1, 100, 202606, None)], at=moment(202605))
    with acting(ENGINE):
        tiers.start([tiers.NewFlexible(who.person_id, who.unit_id, 1, 100, 202606, None)], at=moment(202606))
        assert [c.month for c in flexible.covered([who.person_id], range(202601, 202608))] == [202601, 202602, 202603, 202606, 202607]


def test_nobody_is_insured_twice() -> None:
    unit = make.unit(people=1)
    with acting(ENGINE), pytest.raises(OverlapError, match="已由单位或另一窗口"):
        tiers.start([tiers.NewFlexible(unit.staff[0].person_id, make.flexible().unit_id, 1, 60, 202607, None)], at=moment(202607))
