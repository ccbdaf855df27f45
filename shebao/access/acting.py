"""Acting for somebody: the actor and the transaction that carries it, opened and closed together."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from shebao.base.actor import CURRENT, Actor

T = TypeVar("T")

TRIES_DEFAULT = 3
PAUSE_SECONDS = 0.05  # before the second try; doubled for each further one, with jitter
SERIALIZATION_FAILURE, DEADLOCK = "40001", "40P01"
# The server went away, or comes back: shutdown, crash, start-up, broken line.
CONNECTION_LOST = frozenset({"57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006"})


@contextmanager
def acting(actor: Actor, *, using: str = DEFAULT_DB_ALIAS) -> Iterator[Actor]:
    """Act as `actor` in one transaction; everything read and written inside is held to that actor's rows.

    Inside another actor's transaction (an operator's request that needs the engine for an effect) it takes a savepoint, changes
    role and settings, and gives them back on success. After an exception the rollback to the savepoint gives them back.
    Do not catch a database error inside: let it leave the block.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        with _inside(actor, connection):
            yield actor
        return
    token = CURRENT.set(actor)
    try:
        with transaction.atomic(using=using):
            yield actor
    finally:
        CURRENT.reset(token)


@contextmanager
def _inside(actor: Actor, connection: BaseDatabaseWrapper) -> Iterator[None]:
    former = CURRENT.get()
    token = CURRENT.set(actor)
    changes = former is None or actor.settings() != former.settings()
    try:
        with transaction.atomic(using=connection.alias):
            if changes:
                _put(actor.settings(), connection)
            yield
    finally:
        CURRENT.reset(token)
    # Only reached when nothing was raised: releasing a savepoint keeps the settings made inside it.
    if changes:
        _put(former.settings() if former else dict.fromkeys(actor.settings(), "") | {"role": "none"}, connection)


def _put(settings: dict[str, str], connection: BaseDatabaseWrapper) -> None:
    """Set for the rest of this transaction only."""
    calls = ", ".join("set_config(%s, %s, true)" for _ in settings)
    with connection.cursor() as cursor:
        cursor.execute(f"select {calls}", [word for pair in settings.items() for word in pair])


def retrying(operation: Callable[[], T], *, tries: int = TRIES_DEFAULT, using: str = DEFAULT_DB_ALIAS) -> T:
    """Call an operation again when the database asks for it: serialization failure, deadlock, lost connection.

    Only for operations that may run twice (a lost connection may hide a commit that succeeded), and only outermost: the operation
    opens its own transaction. tries: calls at most. Raises: RuntimeError inside a transaction, else what the last call raised.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        raise RuntimeError("retrying() inside a transaction cannot undo what came before it")
    for attempt in range(1, tries + 1):
        try:
            return operation()
        except (OperationalError, InterfaceError) as error:
            if attempt == tries or not _worth_another_try(error, connection):
                raise
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 jitter, not a secret
    raise ValueError("tries must be at least 1")


def _worth_another_try(error: Exception, connection: BaseDatabaseWrapper) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    if state in (SERIALIZATION_FAILURE, DEADLOCK):
        return True
    driver = connection.connection
    if driver is not None and not driver.closed and state not in CONNECTION_LOST:
        return False
    # Closed by the server, or never opened (state is then unknown to the driver): a new connection may work.
    lost = driver is not None or state is None or state in CONNECTION_LOST
    if lost:
        connection.close()
    return lost
