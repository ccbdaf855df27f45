"""What is on record stays as it is: refused by right for the application, by trigger for the owner and for replication."""

import pytest

from shebao.base.actor import PUBLIC, Actor, Role
from shebao.base.terms import Post
from shebao.contact import questions
from shebao.ledger import closing
from tests.db import support
from tests.db.desk_support import make_account
from tests.db.support import ENGINE, acting, as_owner, attempt

RESTRICT, DENIED = "23001", "42501"
APPEND_ONLY = (
    "access_acceptance",
    "audit_event",
    "casework_effect",
    "casework_event",
    "casework_submission",
    "contact_questionline",
    "ledger_dayclosing",
    "ledger_daysum",
    "ledger_entry",
    "ledger_posting",
    "levy_allocation",
    "levy_credituse",
    "levy_declaration",
    "levy_declarationline",
    "levy_deferral",
    "levy_monthrules",
    "levy_recalculationchunk",
    "levy_refunddue",
    "levy_reliefline",
    "levy_runchunk",
    "parties_closing",
    "parties_correction",
    "parties_verification",
)


@pytest.fixture(scope="module", autouse=True)
def life(database: str) -> None:
    """One of everything: a filing with its effect, an assessed month, a payment, agreements accepted, a correction, the unit's closing."""
    support.make_agency()
    unit = support.make_unit()
    ctx = support.context(unit, support.moment(202610))
    case = support.file(support.ADD, ctx, support.addition(), key=support.UUID(int=1))
    with acting(ENGINE):
        support.review.review_automatically(case, ctx)
    (person,) = support.person_ids(support.hire(unit, month=202606))
    support.settle_and_defer([(unit, 1)], 202606)
    support.assess(202610)
    with acting(ENGINE):
        bill = support.Bill.objects.get(month=202610)
    support.pay(bill, 100)
    with acting(support.operator(unit)):
        questions.ask("item", "s", "t", agency_id=1, at=support.AT)
    make_account("op", Post.UNIT_OPERATOR, unit=unit)
    support.put_right(unit, person, 202610)
    support.relieve_and_recalculate(unit, person)
    support.verify_and_close(unit, 202701)
    with acting(support.finance()):
        closing.close_days(support.PLACE, support.AT.date(), at=support.moment(202612))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_a_row_on_record_is_neither_changed_nor_removed_by_anybody(table: str) -> None:
    rows = as_owner(f"select * from {table}")
    assert rows
    columns = [n for (n,) in as_owner("select column_name from information_schema.columns where table_name = %s", [table])]
    people = [Actor(role, 1, "", 1, 1) for role in Role]
    for verb in (f"delete from {table}", f"truncate {table}", *(f'update {table} set "{c}" = "{c}"' for c in columns)):
        for actor in people:
            assert attempt(actor, verb) == DENIED, f"{actor.role.value}: {verb}"
        assert attempt(None, verb) == DENIED, f"the login of the application: {verb}"
        refused = attempt(None, verb + (" cascade" if verb.startswith("truncate") else ""), alias="owner")
        assert refused == RESTRICT, f"the owner: {verb}: {refused}"
    assert as_owner(f"select * from {table}") == rows


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_triggers_hold_for_replication_too(table: str) -> None:
    found = as_owner(
        "select tgname, tgenabled::text from pg_trigger where tgrelid = %s::regclass and tgname like %s", [table, f"{table}_no_%"]
    )
    assert dict(found) == {f"{table}_no_change": "A", f"{table}_no_truncate": "A"}


def test_every_table_with_such_a_trigger_is_named_here() -> None:
    found = as_owner("select distinct tgrelid::regclass::text from pg_trigger where tgname like '%%no\\_truncate' order by 1")
    assert [name for (name,) in found] == list(APPEND_ONLY)


def test_nobody_appends_to_the_trace_of_another() -> None:
    insert = """insert into audit_event (at, account_id, account_name, role, unit_id, agency_id, action, subject, address)
                values (now(), %s, 'n', 'r', %s, %s, 'a', 's', '') returning 1"""
    assert attempt(Actor(Role.UNIT, 7, "", 1, 1), insert, [7, 1, 1]) == 1
    assert attempt(Actor(Role.UNIT, 7, "", 1, 1), insert, [7, 2, 1]) == DENIED
    assert attempt(Actor(Role.AGENCY, 7, "", 0, 1), insert, [7, 2, 1]) == 1
    assert attempt(Actor(Role.AGENCY, 7, "", 0, 1), insert, [7, 2, 2]) == DENIED
    assert attempt(Actor(Role.ADMIN, 7, "", 0, 1), insert, [7, None, 1]) == 1
    assert attempt(Actor(Role.ADMIN, 7, "", 0, 1), insert, [8, None, 1]) == DENIED
    assert attempt(PUBLIC, insert, [7, 1, 1]) == DENIED
