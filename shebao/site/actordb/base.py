"""PostgreSQL with an actor in every transaction. The engine of the database alias `default`.

When a transaction begins, the settings of shebao.base.actor.CURRENT (its role and app.*) are put into it, local to the transaction:
they end with it, whatever happens. No actor, nothing is put: the login role has no rights on rows, and the query is refused.
"""

import select
from functools import lru_cache

from django.db.backends.postgresql import base
from psycopg import OperationalError, pq, sql
from psycopg.errors import error_from_result

from shebao.base.actor import CURRENT, Actor


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if not autocommit and (actor := CURRENT.get()) is not None:
            try:
                with self.wrap_database_errors:
                    self._begin(actor)
            except BaseException:
                # Without its settings this transaction must not go on, nor the connection be taken for one in autocommit.
                self.close()
                raise

    def is_usable(self) -> bool:
        """Whether the idle connection still stands. The server speaks to an idle client only to say goodbye: looking at the socket
        costs no round trip, asking SELECT 1 before every request does."""
        connection = self.connection
        if connection is None or connection.closed or connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            return bool(super().is_usable())
        readable, _, _ = select.select([connection.fileno()], [], [], 0)
        return bool(super().is_usable()) if readable else True

    def _begin(self, actor: Actor) -> None:
        """BEGIN and the settings in one round trip, instead of one each."""
        connection = self.connection
        if connection.isolation_level is not None or connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            connection.execute(settings_statement(actor))
            return
        with connection.lock:
            result = connection.pgconn.exec_(b"begin; " + settings_statement(actor).encode())
        if result.status != pq.ExecStatus.TUPLES_OK:
            error = error_from_result(result)
            lost = connection.pgconn.status == pq.ConnStatus.BAD
            raise OperationalError(str(error)) if lost else error


@lru_cache(maxsize=4096)
def settings_statement(actor: Actor) -> str:
    """The statement that puts an actor's settings into the present transaction."""
    return statement(tuple(actor.settings().items()))


def statement(settings: tuple[tuple[str, str], ...]) -> str:
    """select set_config(name, value, true), ... with both as literals."""
    calls = sql.SQL(", ").join(sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in settings)
    return sql.SQL("select {}").format(calls).as_string(None)
