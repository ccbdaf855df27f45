"""What is on record stays as it is: refused by right for the application, by trigger for the owner and for replication."""

import pytest

from shebao.base.actor import PUBLIC, Actor, Role
from tests.db.support import as_owner, attempt
from tests.db.test_isolation import units as units

RESTRICT, DENIED = "23001", "42501"
APPEND_ONLY = (
    "access_acceptance",
    "accounts_chunk",
    "accounts_partyear",
    "accounts_resettled",
    "accounts_source",
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
    "levy_cause",
    "levy_chase",
    "levy_credituse",
    "levy_debitleftout",
    "levy_declaration",
    "levy_declarationline",
    "levy_deferral",
    "levy_duechange",
    "levy_monthrules",
    "levy_outgoingpart",
    "levy_payout",
    "levy_payoutanswer",
    "levy_personrequest",
    "levy_recalculationchunk",
    "levy_refunddue",
    "levy_refundstep",
    "levy_reliefline",
    "levy_ruleset",
    "levy_runchunk",
    "levy_taxday",
    "levy_taxdayline",
    "levy_taxheard",
    "levy_taxpayment",
    "parties_closing",
    "parties_correction",
    "parties_verification",
)


@pytest.fixture(scope="module", autouse=True)
def life(units: tuple[int, int]) -> None:
    """Something in every table, as the matrix of roles has it."""


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
    found = as_owner(
        "select distinct tgrelid::regclass::text from pg_trigger t join pg_class c on c.oid = t.tgrelid and not c.relispartition where tgname like '%%no\\_truncate' order by 1"
    )
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
