"""The actor in every transaction: threads, switches, failures, none. A small table of our own with row security shows who sees what."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.utils import OperationalError, ProgrammingError

from shebao.access.acting import acting, retrying
from shebao.base.actor import CURRENT, ENGINE, PUBLIC, Actor, Role
from shebao.site import database

NAME = "carrying_actors"
UNITS, ROWS_PER_UNIT = 20, 5
SCHEMA = """
create table declared (id bigint primary key, unit_id bigint not null, note text not null default '');
alter table declared enable row level security, force row level security;
grant select, insert, update, delete on declared to shebao_unit, shebao_engine;
create policy unit on declared to shebao_unit using (unit_id = nullif(current_setting('app.unit', true), '')::bigint);
create policy engine on declared to shebao_engine using (true);
create policy owner on declared to shebao_owner using (true);
insert into declared select n, n % 20 + 1 from generate_series(0, 99) n;
"""


@pytest.fixture(scope="module")
def addresses(server: None) -> Iterator[database.Databases]:
    """A database of our own, with our table only, on the suite's server."""
    found = database.known()
    database.create_database(NAME)
    try:
        with psycopg.connect(found.owner or "", dbname=NAME) as link:
            link.execute(SCHEMA)
        yield found
    finally:
        database.drop_database(NAME)


@pytest.fixture(scope="module")
def using(addresses: database.Databases) -> Iterator[str]:
    """The alias under which Django reaches that database."""
    parts = database.django_databases(NAME)["default"]
    connections.settings["acting"] = connections.configure_settings({DEFAULT_DB_ALIAS: parts})[DEFAULT_DB_ALIAS]
    try:
        yield "acting"
    finally:
        connections["acting"].close()
        del connections["acting"], connections.settings["acting"]


def unit(number: int) -> Actor:
    return Actor(Role.UNIT, account_id=number, unit_id=number)


def ask(using: str, query: str = "select distinct unit_id from declared order by 1", *words: int) -> list[int]:
    with connections[using].cursor() as cursor:
        cursor.execute(query, words)
        return [row[0] for row in cursor.fetchall()] if cursor.description else [cursor.rowcount]


def carried(using: str) -> tuple[str, str]:
    """The role and unit that the database itself sees now."""
    with connections[using].cursor() as cursor:
        cursor.execute("select current_user, current_setting('app.unit', true)")
        row: tuple[str, str] = cursor.fetchone()
        return row


def test_an_actor_sees_and_changes_its_own_rows_only(using: str) -> None:
    with acting(unit(3), using=using) as actor:
        assert actor == CURRENT.get() == unit(3)
        assert ask(using) == [3]
        assert ask(using, "update declared set note = 'mine'") == [ROWS_PER_UNIT]
        assert ask(using, "delete from declared where unit_id = 4") == [0]
    assert CURRENT.get() is None
    with pytest.raises(ProgrammingError, match="row-level security"), acting(unit(3), using=using):
        ask(using, "insert into declared values (1000, 4)")
    with acting(ENGINE, using=using):
        assert len(ask(using)) == UNITS
        assert ask(using, "select count(*) from declared where note = 'mine'") == [ROWS_PER_UNIT]


def test_without_an_actor_every_query_is_refused(using: str) -> None:
    for block in (ExitStack(), transaction.atomic(using=using)):
        with pytest.raises(ProgrammingError, match="permission denied"), block:
            ask(using)


def test_a_role_without_a_grant_is_refused(using: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), acting(PUBLIC, using=using):
        ask(using)


def test_nothing_of_an_actor_stays_on_the_connection(using: str) -> None:
    def fails_in_python() -> None:
        with acting(unit(5), using=using):
            assert ask(using) == [5]
            raise KeyError("ours")

    def fails_in_the_database() -> None:
        with acting(unit(5), using=using):
            ask(using, "select 1 / 0")

    def rolls_back() -> None:
        with acting(unit(5), using=using):
            assert ask(using) == [5]
            transaction.set_rollback(True, using=using)

    def commits() -> None:
        with acting(unit(5), using=using):
            assert ask(using) == [5]

    for end in (fails_in_python, fails_in_the_database, rolls_back, commits):
        with ExitStack() as block:
            if end in (fails_in_python, fails_in_the_database):
                block.enter_context(pytest.raises((KeyError, DatabaseError)))
            end()
        assert carried(using) == ("shebao_app", "")
        assert CURRENT.get() is None


def test_the_engine_inside_an_operators_transaction_gives_the_role_back(using: str) -> None:
    with acting(unit(7), using=using):
        with acting(ENGINE, using=using):
            assert len(ask(using)) == UNITS
            with acting(unit(8), using=using):
                assert ask(using) == [8]
            assert carried(using) == ("shebao_engine", "0")
        assert CURRENT.get() == unit(7)
        assert carried(using) == ("shebao_unit", "7")
        with acting(unit(7), using=using):
            assert ask(using) == [7]
        assert ask(using) == [7]


def test_an_exception_inside_a_nested_actor_gives_the_role_back_and_undoes_its_work(using: str) -> None:
    with acting(unit(9), using=using):
        for failing in ("select 1 / 0", "select * from nowhere"):
            with pytest.raises(DatabaseError), acting(ENGINE, using=using):
                ask(using, "update declared set note = 'undone'")
                ask(using, failing)
            assert carried(using) == ("shebao_unit", "9") and CURRENT.get() == unit(9)
        with pytest.raises(KeyError), acting(ENGINE, using=using):
            ask(using, "update declared set note = 'undone'")
            raise KeyError("ours")
        assert carried(using) == ("shebao_unit", "9")
        assert ask(using, "select count(*) from declared where note = 'undone'") == [0]


def test_an_actor_in_a_transaction_begun_without_one_leaves_none_behind(using: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(using=using):
        with acting(unit(2), using=using):
            assert ask(using) == [2]
        assert carried(using) == ("shebao_app", "")
        ask(using)


def test_a_lost_connection_is_replaced_and_carries_the_actor_again(using: str, addresses: database.Databases) -> None:
    def backend() -> int:
        with acting(unit(4), using=using):
            return ask(using, "select pg_backend_pid()")[0]

    with psycopg.connect(addresses.superuser or "", autocommit=True) as link:
        lost = backend()
        link.execute("select pg_terminate_backend(%s, 5000)", [lost])
        with pytest.raises(OperationalError):
            backend()
        again = backend()
        assert again != lost
        link.execute("select pg_terminate_backend(%s, 5000)", [again])
        assert retrying(backend, using=using) not in (lost, again)


class Usurper(Actor):
    """An actor of a role that the application was never given."""

    def settings(self) -> dict[str, str]:
        return super().settings() | {"role": "shebao_owner"}


def test_a_role_that_may_not_be_taken_leaves_a_usable_connection(using: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied to set role"), acting(Usurper(Role.ENGINE), using=using):
        raise AssertionError("not reached")
    assert CURRENT.get() is None and connections[using].get_autocommit()
    with acting(unit(6), using=using):
        assert ask(using) == [6]
        with pytest.raises(ProgrammingError, match="permission denied to set role"), acting(Usurper(Role.ENGINE), using=using):
            raise AssertionError("not reached")
        assert carried(using) == ("shebao_unit", "6")


def test_a_deadlock_is_tried_again_and_both_sides_finish(using: str) -> None:
    both = threading.Barrier(2)
    tries: list[int] = []

    def locks(first: int, second: int) -> Callable[[], None]:
        met: list[bool] = []

        def operation() -> None:
            tries.append(first)
            with acting(ENGINE, using=using):
                ask(using, "update declared set note = 'locked' where id = %s", first)
                if not met:
                    met.append(True)
                    both.wait(10)
                ask(using, "update declared set note = 'locked' where id = %s", second)

        return operation

    def work(pair: tuple[int, int]) -> None:
        try:
            retrying(locks(*pair), using=using)
        finally:
            connections[using].close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [(1, 2), (2, 1)]))
    assert len(tries) > 2


def test_retrying_gives_up_after_its_tries_never_retries_a_mistake_and_is_outermost(using: str) -> None:
    calls: list[str] = []

    def conflict() -> None:
        calls.append("conflict")
        with acting(ENGINE, using=using):
            ask(using, "do $$ begin raise exception 'again' using errcode = '40001'; end $$")

    def mistake() -> None:
        calls.append("mistake")
        with acting(ENGINE, using=using):
            ask(using, "select 1 / 0")

    with pytest.raises(OperationalError, match="again"):
        retrying(conflict, tries=2, using=using)
    with pytest.raises(DatabaseError, match="division"):
        retrying(mistake, using=using)
    assert calls == ["conflict", "conflict", "mistake"]
    with acting(ENGINE, using=using), pytest.raises(RuntimeError, match="inside a transaction"):
        retrying(conflict, using=using)


def test_threads_with_many_switches_and_failures_never_see_another_units_rows(using: str) -> None:
    """8 threads, 250 transactions each: some fail, some have no actor, some nest the engine and another unit."""
    wrong: list[str] = []

    def transactions(seed: int) -> int:
        chance, checked = random.Random(seed), 0
        for _ in range(250):
            mine, kind = unit(chance.randint(1, UNITS)), chance.random()
            if kind < 0.15:
                try:
                    ask(using)
                    wrong.append("rows without an actor")
                except ProgrammingError:
                    checked += 1
                continue
            try:
                with acting(mine, using=using):
                    if 0.3 < kind < 0.6:
                        other = unit(chance.randint(1, UNITS))
                        try:
                            with acting(ENGINE, using=using):
                                if len(ask(using)) != UNITS:
                                    wrong.append("the engine saw too little")
                                with acting(other, using=using):
                                    if ask(using) != [other.unit_id]:
                                        wrong.append("a nested unit saw another's rows")
                                    if kind > 0.5:
                                        ask(using, "select 1 / 0")
                        except DatabaseError:
                            pass
                    if ask(using) != [mine.unit_id]:
                        wrong.append("a unit saw another's rows")
                    checked += 1
                    if kind < 0.3:
                        raise KeyError("ours")
            except KeyError:
                pass
        connections[using].close()
        return checked

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(transactions, range(8))) == 2000
    assert wrong == []


def test_carrying_the_actor_less_than_doubles_a_transaction(using: str) -> None:
    """BEGIN with the settings is one message: the price is the settings, not a further round trip. Best of several rounds."""

    def microseconds(block: Callable[[], object], rounds: int = 100) -> float:
        began = time.perf_counter()
        for _ in range(rounds):
            with block():  # type: ignore[attr-defined]
                ask(using, "select 1")
        return (time.perf_counter() - began) / rounds * 1e6

    pairs = [(microseconds(lambda: transaction.atomic(using=using)), microseconds(lambda: acting(unit(1), using=using))) for _ in range(15)]
    plain, carrying = (min(times) for times in zip(*pairs, strict=True))
    print(f"\na transaction: {plain:.0f} µs plain, {carrying:.0f} µs with an actor")
    assert carrying < 2 * plain
