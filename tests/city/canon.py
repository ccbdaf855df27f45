"""Everything a database says, in an order and in words of its own: for comparing two that lived the same days, byte for byte.

What a sequence gave out may have gaps after a kill, so no row is known by its number: a row is its content, and where it names another
row it carries that row's content. Everything else stays as it is: amounts, days, states, instants, texts, traces, messages.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

# Columns that name a row and have no foreign key (partitions, and domains that may not know each other).
SOFT = {
    ("levy_flexdue", "batch_id"): "levy_debitbatch",
    ("levy_flexdue", "bill_id"): "levy_bill",
    ("levy_debitline", "batch_id"): "levy_debitbatch",
    ("levy_debitresult", "batch_id"): "levy_debitbatch",
    ("accounts_snapshot", "settlement_id"): "accounts_settlement",
    ("accounts_entry", "source_id"): "accounts_source",
}
# Random by design, or made of it: the number of a message and its bytes, which carry it; files in which bill numbers stand.
RANDOM = {
    "levy_receiptfile": {"sha256"},
    "levy_taxmessage": {"message", "content"},
    "levy_taxheard": {"content", "sha256", "key_id", "answer"},
    "access_signin": {"token_sha256"},
}
SILENT = ("procrastinate_", "django_")
# Numbers inside of keys and references: what they are numbers of, by the word before them.
OF_WORD = {
    **dict.fromkeys(("receipt", "hand", "void", "arrive", "adopted", "late", "reversal"), "levy_receipt"),
    **dict.fromkeys(("bill", "settle", "order", "order-back", "write-off", "late-fee-back"), "levy_bill"),
    **dict.fromkeys(("account-interest", "settlement"), "accounts_settlement"),
    **dict.fromkeys(("run", "credits", "flexible_month:420100:202612"), "levy_run"),
    "debit": "levy_debitbatch",
    "line": "levy_statementline",
}
NUMBERED = re.compile(r"^(account:|)(" + "|".join(OF_WORD) + r"):(\d+)(?=:|$)")  # what credits accounts is booked by its reference
BILL = re.compile(r"\b[A-Z]{2}\d{6}-\d{7}\b")  # 核定单号: from a sequence

_TABLES = """
select c.relname, a.attname, coalesce(a.attidentity <> '' or pg_get_expr(d.adbin, d.adrelid) like 'nextval%%', false),
       (select f.confrelid::regclass::text from pg_constraint f where f.conrelid = c.oid and f.contype = 'f' and f.conkey = array[a.attnum]
        limit 1),
       exists (select from pg_constraint p where p.conrelid = c.oid and p.contype = 'p' and p.conkey = array[a.attnum])
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1, a.attnum
"""


@dataclass(frozen=True)
class Column:
    name: str
    given: bool  # by a sequence
    names: str  # the table of the row it names
    key: bool


class World:
    """One database, read whole."""

    def __init__(self, address: str) -> None:
        self.columns: dict[str, list[Column]] = {}
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        with psycopg.connect(address) as link:
            for table, name, given, target, key in link.execute(_TABLES).fetchall():
                if not table.startswith(SILENT):
                    self.columns.setdefault(table, []).append(Column(name, given, target or SOFT.get((table, name), ""), key))
            for table, columns in self.columns.items():
                names = ", ".join(f'"{c.name}"' for c in columns)
                self.rows[table] = link.execute(f'select {names} from "{table}"').fetchall()  # type: ignore[arg-type]
        self._by_key: dict[tuple[str, str], tuple[Any, ...]] = {}
        for table, columns in self.columns.items():
            for i, column in enumerate(columns):
                if column.key:
                    self._by_key |= {(table, str(row[i])): row for row in self.rows[table]}
        at = [c.name for c in self.columns["levy_bill"]].index("number")
        self._bills = {row[at]: row for row in self.rows["levy_bill"]}
        self._said: dict[tuple[str, str], str] = {}

    def lines(self, table: str) -> list[str]:
        """The rows of a table as text, in the order of that text."""
        return sorted(self._line(table, row) for row in self.rows[table])

    def digest(self) -> dict[str, str]:
        """By table: how many rows, and a digest of them. Empty tables are told too; tables of a build that were left behind show up."""
        found = {}
        for table in sorted(self.rows):
            lines = self.lines(table)
            found[table] = f"{len(lines)} {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:16]}"
        return found

    def _line(self, table: str, row: tuple[Any, ...]) -> str:
        return "|".join(self._words(table, row))

    def _words(self, table: str, row: tuple[Any, ...]) -> Iterator[str]:
        for column, value in zip(self.columns[table], row, strict=True):
            if (column.key and column.given) or column.name in RANDOM.get(table, ()):
                continue
            if column.names and value:
                yield self._named(column.names, str(value))
            elif table == "levy_bill" and column.name == "number":
                yield str(value)[:2]
            else:
                yield self._text(bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value))

    def _named(self, table: str, key: str) -> str:
        """The content of another row, as a short word. A row that names itself over others is cut there."""
        known = self._said.get((table, key))
        if known is None:
            self._said[table, key] = "…"
            row = self._by_key.get((table, key))
            known = hashlib.sha256(self._line(table, row).encode()).hexdigest()[:12] if row is not None else f"{key}?"
            self._said[table, key] = known
        return known

    def _text(self, text: str) -> str:
        text = NUMBERED.sub(lambda found: f"{found[1]}{found[2]}:{self._named(OF_WORD[found[2]], found[3])}", text)
        return BILL.sub(lambda found: self._bill(found[0]), text)

    def _bill(self, number: str) -> str:
        row = self._bills.get(number)
        key = next((i for i, c in enumerate(self.columns["levy_bill"]) if c.key), 0)
        return f"{number[:2]}-{self._named('levy_bill', str(row[key]))}" if row else number


def difference(one: World, other: World, most: int = 3) -> list[str]:
    """What one says and the other does not, a few lines a table."""
    told = []
    for table in sorted(set(one.rows) | set(other.rows)):
        ours, theirs = (Counter(w.lines(table)) if table in w.rows else Counter() for w in (one, other))
        told += [f"{table} calm only: {line}" for line in sorted(ours - theirs)[:most]]
        told += [f"{table} disturbed only: {line}" for line in sorted(theirs - ours)[:most]]
    return told
