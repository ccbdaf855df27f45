"""What the tests of 个人账户 share: credits from memory, and what must hold after every step."""

from collections.abc import Sequence
from datetime import date, datetime, time

from shebao.accounts import crediting, reversing
from shebao.accounts.crediting import Credited, Reference, Rows
from shebao.accounts.models import EntryKind
from shebao.base.clock import ZONE
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from tests.db import support
from tests.db.support import ENGINE, PLACE, acting, as_owner

FOREVER = date(2099, 1, 1)


def at(on: date) -> datetime:
    return datetime.combine(on, time(10), ZONE)


def people(heads: int) -> list[int]:
    """People with a personal number and nothing else: an account needs no more."""
    unit = support.make_unit()
    return support.person_ids(support.hire(unit, heads, month=202610))


def credit(
    reference: str, rows: Sequence[tuple[int, int, int]], on: date, *, place: str = PLACE, kind: EntryKind = EntryKind.CREDIT
) -> Credited:
    """Credit (person, month, own fen) by one reference on a day."""
    given = Rows.of([(reference, person, month, fen, 0) for person, month, fen in rows])
    with acting(ENGINE):
        return crediting.credit([Reference(reference, reference, 1)], given, place=place, on=on, at=at(on), kind=kind)


def reverse(reference: str, on: date, *, place: str = PLACE) -> Credited:
    with acting(ENGINE):
        return reversing.reverse([reference], place=place, on=on, at=at(on))


def books_agree(place: str = PLACE) -> int:
    """个人账户基金 is the sum of all accounts, tallies and snapshots are the sum of their entries. Returns the fund, fen."""
    with acting(ENGINE):
        fund = {b.kind: b.balance_fen for b in trial_balance(place, FOREVER) if b.fund == 110}
    personal = -fund.get(AccountKind.PERSONAL, 0)
    assert fund.get(AccountKind.TO_ACCOUNTS, 0) + fund.get(AccountKind.ACCOUNT_INT, 0) == personal
    entries = one(
        "select sum(e.own_fen + e.employer_fen) from accounts_entry e join accounts_source s on s.id = e.source_id where s.place = %s",
        place,
    )
    interest = one(
        "select sum(s.interest_opening_fen + s.interest_credits_fen) from accounts_snapshot s"
        " join accounts_settlement r on r.id = s.settlement_id where r.place = %s",
        place,
    )
    assert personal == entries + interest
    assert entries == one("select sum(brought_fen + own_fen + employer_fen + other_fen) from accounts_tally where place = %s", place)
    assert not as_owner(
        "select s.id from accounts_source s left join accounts_entry e on e.source_id = s.id group by s.id"
        " having count(e.*) <> s.rows or sum(e.own_fen) <> s.own_fen or sum(e.employer_fen) <> s.employer_fen"
    )
    return personal


def one(sql: str, *values: object) -> int:
    return int(as_owner(sql, list(values))[0][0] or 0)
