"""What the models declare is what the database holds: every constraint is there and checked, no trigger is switched off."""

import pytest
from django.apps import apps
from django.db import connections
from django.db.models import CheckConstraint

from tests.db.support import as_owner

pytestmark = pytest.mark.usefixtures("database")


def declared(kind: type) -> set[str]:
    found = {c.name for m in apps.get_models() if m._meta.managed for c in m._meta.constraints if isinstance(c, kind)}
    assert found
    return {name[: connections["default"].ops.max_name_length()] for name in found}


def test_every_declared_check_stands_in_the_database() -> None:
    there = {name for (name,) in as_owner("select conname from pg_constraint where contype = 'c' and convalidated")}
    assert declared(CheckConstraint) - there == set()


def test_every_declared_uniqueness_stands_in_the_database() -> None:
    there = {name for (name,) in as_owner("select indexrelid::regclass::text from pg_index where indisunique and indisvalid")}
    there |= {name for (name,) in as_owner("select conname from pg_constraint where contype in ('u', 'x', 'p')")}
    assert declared(object) - declared(CheckConstraint) - there == set()


def test_no_constraint_waits_to_be_checked_and_no_trigger_is_off() -> None:
    assert as_owner("select conrelid::regclass::text, conname from pg_constraint where not convalidated") == []
    assert as_owner("select tgrelid::regclass::text, tgname from pg_trigger where tgenabled = 'D'") == []


def test_every_money_column_that_may_not_fall_below_zero_is_guarded_at_its_source() -> None:
    """A source of money that is used by several may never hold less than was taken: each has a check by name."""
    there = {name for (name,) in as_owner("select conname from pg_constraint where contype = 'c'")}
    for table in ("levy_receipt", "levy_bill", "levy_billline", "levy_estimate"):
        assert any(name.startswith(table) for name in there), table
