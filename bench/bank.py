"""900,000 debits: built, written, answered, reconciled, posted; beside posting row by row with ON CONFLICT, and raw COPY of the answers."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.harness import Row, open_city, peak_mb, spending
from shebao.base.clock import ZONE

PLACE, MONTH, BANK, FAILED_EVERY = "420100", 202611, "403", 16
DAY = date(2026, 11, 20)
AT, ANSWERED_AT = (datetime(2026, 11, day, 9, tzinfo=ZONE) for day in (20, 21))
OURS, BANKS = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
RECORDS_MAX = 900_000  # of a file
WHOLE_MAX_S, REPLAY_MAX_MS, POSTING_RATIO_MAX = 15.0, 50.0, 0.5


def load(address: str, people: int) -> None:
    """People with agreements; the month is open for all, the one before for a tenth of them and paid for the rest, whose accounts have
    been credited in the year. Not measured."""
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("set session_replication_role = replica")
        link.execute("insert into parties_agency (id, name, place, district) values (1, '示例机构', '420100', '420102')")
        link.execute(
            "insert into parties_unit (id, number, name, agency_id, place, kind, vip, industry, contact_name, contact_phone, address,"
            " registered_on) values (1, '4201000000001', '个人流动窗口', 1, '420100', 'window', false, '', '', '', '', '2020-01-01')"
        )
        link.execute(
            """
            insert into parties_person (id, number, id_number, name, sex, birth_date, ethnicity, mobile, registered_at)
            select p, lpad(p::text, 12, '0'), lpad(p::text, 18, '0'), case when p %% 50 = 0 then '张䶮' else '张三' end, '1', '1990-01-01',
                   '01', '', '2020-01-01' from generate_series(1, %s::bigint) p
            """,
            [people],
        )
        link.execute(
            """
            insert into levy_debitagreement (number, person_id, agency_id, place, scheme, bank, account, signed_at, end_reason)
            select 'JB' || lpad(p::text, 14, '0'), p, 1, '420100', 'city', '403', '81' || lpad(p::text, 15, '0'), '2024-01-01', ''
            from generate_series(1, %s::bigint) p
            """,
            [people],
        )
        link.execute(
            """
            insert into levy_flexdue (person_id, month, insurance, unit_id, agency_id, origin, tier, base_fen, total_fen, account_fen,
                                      interest_fen, state, paid_on, recorded_at)
            select p, m, 110, 1, 1, 'normal', 60, 449760, 89952, 35981, 0, case when m = 202611 or p %% 10 = 0 then 'open' else 'paid' end,
                   case when m = 202611 or p %% 10 = 0 then null else date '2026-10-20' end, '2026-11-01'
            from generate_series(1, %s::bigint) p, unnest(array[202610, 202611]) m
            """,
            [people],
        )
        link.execute("insert into accounts_placeyear (place, year, state) values ('420100', 2026, 'open')")
        link.execute("select accounts_open_year(2026)")
        link.execute(
            """
            insert into accounts_tally (person_id, year, place, brought_fen, own_fen, employer_fen, product_fen, other_fen, basis_fen)
            select p, 2026, '420100', 0, 35981, 0, 35981 * 3, 0, 0 from generate_series(1, %s::bigint) p where p %% 10 <> 0
            """,
            [people],
        )
        for table in ("parties_person", "levy_debitagreement", "levy_flexdue", "accounts_tally_2026"):
            link.execute(f"vacuum analyze {table}")
        link.execute("checkpoint")


def bank_answers(content: bytes, number: str) -> bytes:
    """What the bank makes of our file: every 16th has no money."""
    from shebao.gateways import bank as codec

    asked = codec.read(
        content, codec.Kind.DEBIT, sender=f"SB{PLACE}", receiver=f"BK{BANK}", public_key=OURS.public_key().public_bytes_raw(), today=DAY
    )
    theirs = {name: asked.columns[name] for name in ("sequence", "number", "account", "name", "amount")}
    failed = theirs["sequence"] % FAILED_EVERY == 0
    serials = np.char.add(b"YH", np.char.zfill(theirs["sequence"].astype("S14"), 14))
    theirs |= {
        "result": np.where(failed, b"11", b"00"),
        "taken": np.where(failed, 0, theirs["amount"]),
        "day": np.full(len(failed), 20261120),
        "serial": serials,
    }
    return codec.write(codec.Header(codec.Kind.DEBIT_RESULT, f"BK{BANK}", f"SB{PLACE}", number, DAY, 1), theirs, BANKS.private_bytes_raw())


@contextmanager
def clocked(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


PEER_TABLES = """
drop table if exists peer_in, peer_due, peer_result, peer_receipt, peer_entry;
create table peer_in as select r.sequence, r.person_id, r.result, r.taken_fen, r.taken_on, r.serial, l.first_month, l.last_month
  from levy_debitresult r join levy_debitline l using (batch_id, sequence);
create table peer_due (like levy_flexdue including all);
insert into peer_due select * from levy_flexdue;
update peer_due set state = 'sent', batch_id = 1, paid_on = null where batch_id is not null or month = 202611;
create table peer_result (batch_id int, sequence int, result char(2), taken_fen int, taken_on date, serial char(16),
  primary key (batch_id, sequence));
create table peer_receipt (id bigint generated always as identity primary key, serial char(16) unique, person_id bigint, amount_fen int,
  paid_on date);
create table peer_entry (key text, account int, amount_fen bigint, primary key (key, account));
"""
# What a table of receipts with idempotent rows does: nothing batched, each row guarded by its own key.
PEER = (
    "insert into peer_result select 1, sequence, result, taken_fen, taken_on, serial from peer_in on conflict do nothing",
    "insert into peer_receipt (serial, person_id, amount_fen, paid_on) select serial, person_id, taken_fen, taken_on from peer_in"
    " where result = '00' on conflict (serial) do nothing",
    "insert into peer_entry select 'debit:1:' || sequence, a, case a when 1 then taken_fen else -taken_fen end"
    " from peer_in, (values (1), (2)) v (a) where result = '00' on conflict do nothing",
    "update peer_due d set state = 'paid', paid_on = i.taken_on from peer_in i where d.person_id = i.person_id"
    " and d.month between i.first_month and i.last_month and d.state = 'sent' and i.result = '00'",
    "update peer_due d set state = 'open', batch_id = null from peer_in i where d.person_id = i.person_id"
    " and d.month between i.first_month and i.last_month and d.state = 'sent' and i.result <> '00'",
)


def peer(address: str) -> float:
    """Seconds of posting the same answers row by row, on one connection, tables and keys made before."""
    with psycopg.connect(address, autocommit=True) as link:
        link.execute(PEER_TABLES)
        for table in ("peer_in", "peer_due"):
            link.execute(f"vacuum analyze {table}")
        link.execute("checkpoint")
        began = time.perf_counter()
        with link.transaction():
            for statement in PEER:
                link.execute(statement)
        return time.perf_counter() - began


def raw_copy(address: str) -> float:
    """The limit: the answers alone by binary COPY into an unlogged table without a key."""
    with tempfile.TemporaryFile() as file, psycopg.connect(address, autocommit=True) as link:
        with link.cursor().copy("copy (select * from levy_debitresult) to stdout (format binary)") as out:
            for part in out:
                file.write(part)
        file.seek(0)
        link.execute("drop table if exists bench_raw")
        link.execute("create unlogged table bench_raw (like levy_debitresult)")
        link.execute("checkpoint")
        began = time.perf_counter()
        with link.cursor().copy("copy bench_raw from stdin (format binary)") as into:
            while part := file.read(1 << 20):
                into.write(part)
        seconds = time.perf_counter() - began
        link.execute("drop table bench_raw, peer_in, peer_due, peer_result, peer_receipt, peer_entry")
        return seconds


def run(people: int = 900_000) -> list[dict[str, Any]]:
    """The rows of the report."""
    people = min(people, RECORDS_MAX)
    address = open_city()
    began = time.perf_counter()
    load(address, people)
    print(f"  loaded {people:,} people in {time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE, Actor, Role
    from shebao.gateways import bank as codec
    from shebao.gateways.bank_client import put_file
    from shebao.levy import debit_answers, debit_batches
    from shebao.levy.bank_models import DebitBatch, Scheme
    from shebao.policy.rulebook import standard
    from shebao.runs import bank_withholding

    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, spending() as spent:
        with acting(ENGINE):
            batch_id = debit_batches.begin(PLACE, Scheme.CITY, BANK, MONTH, rulebook=standard(), at=AT)
        with clocked(seconds, "build the lines, dues sent"):
            with acting(ENGINE):
                work = debit_batches.plan(batch_id)
            bank_withholding.build_chunks(work)
            with acting(ENGINE):
                debit_batches.publish(batch_id, at=AT)
        with clocked(seconds, "write the file"):
            bank_withholding.write(batch_id, Path(folder), OURS.private_bytes_raw(), clock=lambda: AT)
        with acting(Actor(Role.ENGINE, 7, "财务")):
            batch = debit_batches.confirm_sending(batch_id, at=AT)
        content = (Path(folder) / bank_withholding.file_name(batch.number)).read_bytes()
        with clocked(seconds, "(the bank answers)"):
            answer = bank_answers(content, batch.number)
            path = put_file(Path(folder), "answer.txt", answer)
        public = BANKS.public_key().public_bytes_raw()
        with clocked(seconds, "(of which reading alone)"):
            codec.read(
                path.read_bytes(),
                codec.Kind.DEBIT_RESULT,
                sender=f"BK{BANK}",
                receiver=f"SB{PLACE}",
                public_key=public,
                today=ANSWERED_AT.date(),
            )
        with clocked(seconds, "read, reconcile, keep the answers"), acting(ENGINE):
            debit_answers.receive(path.read_bytes(), [public], at=ANSWERED_AT, on=ANSWERED_AT.date())
        with clocked(seconds, "post"):
            bank_withholding.post(batch_id, clock=lambda: ANSWERED_AT)
        replay = []
        for _ in range(5):
            again = time.perf_counter()
            bank_withholding.post(batch_id, clock=lambda: ANSWERED_AT)
            replay.append(time.perf_counter() - again)
        with clocked(seconds, "(the same file again)"):
            try:
                with acting(ENGINE):
                    debit_answers.receive(answer, [public], at=ANSWERED_AT, on=ANSWERED_AT.date())
                raise AssertionError("a replay was applied")
            except debit_answers.FileKnown:
                pass
    with acting(ENGINE):
        batch = DebitBatch.objects.get(pk=batch_id)
    with psycopg.connect(address) as link:
        found = link.execute(
            "select (select sum(e.amount_fen)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id"
            " where a.kind = 'transit'),"
            " (select sum(total_fen)::bigint from levy_flexdue where batch_id = %s and state = 'paid'),"
            " (select count(*) from levy_flexdue where state = 'sent')",
            [batch_id],
        ).fetchone()
    assert found == (batch.paid_fen, batch.paid_fen, 0), found
    whole = sum(s for name, s in seconds.items() if not name.startswith("("))
    for name, value in seconds.items():
        print(f"  {name:<36} {value:8.2f} s", flush=True)
    print(
        f"  whole {whole:.2f} s; {spent.cpu:.1f} + {spent.server_cpu:.1f} CPU-s; load {os.getloadavg()[0]:.1f}; peak {peak_mb():.0f} MB",
        flush=True,
    )
    began = time.perf_counter()
    told = bank_withholding.tell(batch_id, clock=lambda: ANSWERED_AT)
    print(f"  {'(told ' + format(told, ',') + ' people)':<36} {time.perf_counter() - began:8.2f} s", flush=True)
    row_by_row = peer(address)
    limit = raw_copy(address)
    lines = f"{batch.lines:,} lines, {batch.paid_lines:,} paid"
    replayed = sorted(replay)[2] * 1000
    ratio = seconds["post"] / row_by_row
    return [
        Row(
            f"{people:,} debits: build, file, result, post",
            whole,
            None,
            None,
            None,
            "900,000 in < 15 s",
            people >= 900_000 and whole < WHOLE_MAX_S,
            "s",
            lines,
        ).to_dict(),
        Row(
            "posting beside ON CONFLICT by row", seconds["post"], row_by_row, limit, ratio, "≤ 0.5 ×", ratio <= POSTING_RATIO_MAX, "s"
        ).to_dict(),
        Row("replay of a posted batch", replayed, None, None, None, "< 50 ms", replayed < REPLAY_MAX_MS, "ms").to_dict(),
    ]
