"""The builders that tests are made of."""

import pytest

from shebao.access.acting import acting
from shebao.access.operations import sign_in
from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from shebao.casework.models import Case, CaseState
from shebao.enrolment.queries import headcount, staff
from shebao.ledger.queries import trial_balance
from shebao.levy.models import Bill, BillState
from tests import make

pytestmark = pytest.mark.usefixtures("database")


def test_a_unit_comes_with_its_people_and_its_clerk_sees_them_and_nobody_elses() -> None:
    mine, theirs = make.unit(people=3), make.unit(people=2, agency_id=2)
    with acting(make.operator(mine)):
        assert [member.id_number for member in staff(mine.id, 202611)] == [somebody.id_number for somebody in mine.staff]
        assert headcount(theirs.id, 202611) == 0


def test_a_made_account_really_signs_in() -> None:
    actor = make.operator(make.unit(), username="somebody")
    signed_in = sign_in("somebody", make.PASSWORD, at=make.AT, address="", agent="")
    assert (signed_in.actor.account_id, signed_in.must_change_password) == (actor.account_id, False)
    assert signed_in.actor.posts == {Post.UNIT_OPERATOR}


def test_a_case_of_a_vip_unit_takes_effect_and_one_of_an_ordinary_unit_waits() -> None:
    vip, ordinary = make.unit(vip=True), make.unit()
    done = make.case(vip, "enrolment.add_employee", make.addition(vip), submit=True)
    waiting = make.case(ordinary, "enrolment.add_employee", make.addition(ordinary), submit=True)
    outcome = make.reviewed(done, vip)
    assert outcome is not None
    assert outcome.done == 1
    assert make.reviewed(waiting, ordinary) is None
    with acting(ENGINE):
        assert Case.objects.get(pk=done).state == CaseState.DONE
        assert Case.objects.get(pk=waiting).state == CaseState.REVIEW
        assert headcount(vip.id, 202611) == 1


def test_a_paid_month_leaves_nothing_receivable() -> None:
    unit = make.unit(people=2)
    numbers = make.month_paid(202610)
    with acting(ENGINE):
        bill = Bill.objects.get(unit_id=unit.id)
        assert bill.number in numbers
        assert (bill.state, bill.open_fen, bill.headcount) == (BillState.PAID, 0, 2)
        balances = trial_balance(make.PLACE, make.AT.date())
    assert sum(row.balance_fen for row in balances) == 0
    assert all(row.balance_fen == 0 for row in balances if row.kind == "receivable")
