"""What two cities live through, step by step: one undisturbed, the other killed at every turn. A new run gets its step here.

`ready` is what people and partners do before it, in both cities alike; `act` begins the run or goes on with it, wherever the one before
was killed: it is all that a job does. `progress` counts what is committed of it, so that blows fall in every part of it.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from procrastinate.contrib.django import app

from shebao.access.acting import acting
from shebao.accounts import crediting, settling
from shebao.accounts.crediting import Reference, Rows
from shebao.accounts.models import EntryKind
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.clock import ZONE
from shebao.base.months import first_day
from shebao.casework import jobs
from shebao.gateways import bank as codec
from shebao.gateways import partner_keys, receipt_file, signed, statement
from shebao.gateways import tax as tax_wire
from shebao.gateways.tax_client import true_time
from shebao.ledger import closing
from shebao.levy import (
    assessing,
    bulk,
    debit_batches,
    debit_signing,
    declaring,
    flexible_month,
    recalculating,
    receiving,
    reconcile_statements,
    tax_hearing,
    tax_reconcile,
)
from shebao.levy.bank_models import BANKS, DebitBatch, Scheme
from shebao.levy.models import Bill, Recalculation, RecalculationState, Run
from shebao.policy.rulebook import Rulebook, standard
from shebao.runs import account_interest, bank_exchange, bank_withholding, monthly_assessment, recalculate, tax_office
from shebao.runs import flexible_month as flexible_run
from shebao.site import jobs as site_jobs
from shebao.site import worker
from tests import make
from tests.changed_rules import with_changed
from tests.city.steps import ACCOUNTS_PLACE, NAMES, PLACE
from tests.city.web import Web, request
from tests.db import debit_support, support
from tests.db.tax_support import Office
from tests.db.web_support import Browser

ONE, OTHER = (Actor(Role.ENGINE, number, name) for number, name in ((300, "财务甲"), (301, "财务乙")))
UNITS, HEADS, FLEXIBLE, SAVERS = 20, 2, 40, 400
INCOME = "6222000000000001"


MADE: dict[str, Any] = {}


@dataclass
class City:
    """One of the two: its database, its folder shared with the bank, its tax office."""

    name: str
    folder: Path
    office: Office
    made: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    name: str
    act: Callable[[City], None] = lambda city: None
    progress: str = "select 0"
    ready: Callable[[City], None] = lambda city: None
    ask: Callable[[City, Web], None] | None = None  # instead of act: requests to the web process


def at(month: int, day: int, hour: int = 9) -> datetime:
    return datetime.combine(first_day(month).replace(day=day), datetime.min.time(), ZONE).replace(hour=hour)


def found() -> None:
    """The city both are copied from: units of all sizes of wage, flexible workers who have signed a debit, accounts of former years."""
    support.make_agency(1)
    for i in range(UNITS):
        unit = support.make_unit(f"示例公司{i}", injury_class=1 + i % 8, since=202401)
        support.hire(unit, HEADS + i % 2, month=202401, wage_fen=(300_000, 640_000, 999_999, 9_000_000)[i % 4], at=at(202401, 2))
    support.assess(202609, at=at(202609, 25))
    people = [make.flexible(tier=(60, 80, 100, 300)[i % 4], since=202610).person_id for i in range(FLEXIBLE)]
    for month in (202610, 202611):
        flexible_run.owe(PLACE, month, clock=lambda month=month: at(month, 3))  # type: ignore[misc]
    with acting(ENGINE):
        for i, person in enumerate(people):
            bank = list(BANKS)[i % len(BANKS)]
            debit_signing.sign(debit_signing.NewAgreement(person, 1, PLACE, bank, debit_support.card()), at=at(202611, 6))
        savers = range(1, SAVERS + 1)
        credits = [("open", p, 202301, p * 7_919 % 9_999_999, 0) for p in savers]
        crediting.credit(
            [Reference("open", "期初", 1)],
            Rows.of(credits),
            place=ACCOUNTS_PLACE,
            on=date(2023, 1, 2),
            at=at(202301, 2),
            kind=EntryKind.BROUGHT,
        )
        for month in (202302, 202307, 202312):
            credits = [(f"m{month}", p, month, p * 31 % 90_000 + 1, 0) for p in savers]
            crediting.credit(
                [Reference(f"m{month}", "记账", 1)], Rows.of(credits), place=ACCOUNTS_PLACE, on=at(month, 9).date(), at=at(month, 9),
                kind=EntryKind.CREDIT,
            )  # fmt: skip
    made = make.unit("网页示例公司", people=1)
    make.operator(made, "web-op")
    make.finance(username="web-finance")
    MADE["typed"] = make.addition(made) | {"action": "save"}
    with acting(ENGINE):
        reconcile_statements.register_account(PLACE, INCOME, "示例银行", 1, on=date(2026, 12, 20), at=at(202612, 1))


# 月度核定


def declare(city: City) -> None:
    with acting(ENGINE):
        declaring.declare_all(PLACE, 202610, at=at(202610, 24), rulebook=standard())


def assess(city: City) -> None:
    from shebao.levy.assessing import AlreadyAssessedError

    bulk.chunks.__defaults__ = (HEADS,)
    try:
        monthly_assessment.assess(PLACE, 202610, clock=lambda: at(202610, 25))
    except AlreadyAssessedError:
        pass  # the one before was killed after its last word


# 税务


def exchange_with_tax(city: City) -> None:
    tax_wire.MANY = 4
    partner = city.office.partner()
    sent = tax_office.send(partner, clock=lambda: at(202611, 26), patient=True)
    assert not sent.away, sent.away
    with acting(ENGINE):
        asked = tax_reconcile.compare(date(2026, 11, 25)) is not None
    if not asked:
        tax_office.ask_day(partner, date(2026, 11, 25), clock=lambda: at(202611, 26))


# 收款


def pay_bills(city: City) -> None:
    """Some pay in full, some in part, one twice; one names a bill that is none."""
    with acting(ENGINE):
        bills = list(Bill.objects.filter(month=202611, kind="monthly").order_by("unit_id"))
    payments = [
        receiving.Payment(f"SK{i:08d}", bill.number, "示例公司", bill.open_fen if i % 3 else bill.open_fen // 2 + 1, date(2026, 11, 28), i)
        for i, bill in enumerate(bills[:-3], 2)
    ]
    double, unknown = payments[1], payments[0]
    payments.append(receiving.Payment("SK90000001", double.bill_number, "示例公司", double.amount_fen, date(2026, 11, 28), 90))
    payments.append(receiving.Payment("SK90000002", "HD209912-9999999", "示例公司", unknown.amount_fen, date(2026, 11, 28), 91))
    city.made["payments"] = payments


def receive(city: City) -> None:
    when = at(202611, 29)
    try:
        with acting(ONE):
            receiving.receive_file(bytes(32), "SK1", "到账.csv", city.made["payments"], place=PLACE, agency_id=1, on=when.date(), at=when)
    except receiving.FileKnownError:
        pass


# 灵活就业


def owe(city: City) -> None:
    flexible_month.CHUNK_IDS = 2
    try:
        flexible_run.owe(PLACE, 202612, clock=lambda: at(202612, 3))
    except flexible_month.AlreadyRunError:
        pass


# 重新核定


def higher_floor() -> Rulebook:
    base = standard().rule("pension.base", date(2026, 9, 1), PLACE).value
    return with_changed("pension.base", date(2026, 9, 1), PLACE, base.model_dump() | {"floor_fen": base.floor_fen + 10_000})


def recalculate_months(city: City) -> None:
    recalculating.CHUNK_PEOPLE = HEADS
    rules, when = higher_floor(), at(202612, 5)
    with acting(ENGINE):
        found = Recalculation.objects.order_by("id").last()
    if found is None:
        made = recalculate.trial(PLACE, 202609, 202610, by=ONE, clock=lambda: when, rulebook=rules)
    else:
        recalculate.run(made := found.pk, clock=lambda: when, rulebook=rules)
    with acting(OTHER):
        if Recalculation.objects.get(pk=made).state == RecalculationState.TRIAL:
            recalculating.release(made, rules, at=when)


# 批扣


def build_debits(city: City) -> None:
    debit_batches.CHUNK_PEOPLE = 2
    key = debit_support.OUR_KEY.private_bytes_raw()
    bank_withholding.build_due(PLACE, city.folder / "debits", key, clock=lambda: at(202612, 21))


def exchange_with_bank(city: City, when: datetime) -> None:
    keys = [debit_support.BANK_PUBLIC]
    bank_exchange.exchange(city.folder, debit_support.OUR_KEY.private_bytes_raw(), keys, None, place=PLACE, clock=lambda: when)


def send_debits(city: City) -> None:
    exchange_with_bank(city, at(202612, 21, 11))


def bank_answers(city: City) -> None:
    """Both files are answered, some lines refused; two statements: the money of the one day, one sum of the next, one that nobody knows."""
    paid = 0
    with acting(ENGINE):
        batches = list(DebitBatch.objects.filter(scheme=Scheme.CITY).order_by("number"))
    assert len(batches) == len(BANKS)
    opening, inbox, statements = 1_000_000, city.folder / "inbox", city.folder / bank_exchange.STATEMENTS
    for folder in (inbox, statements):
        folder.mkdir(parents=True, exist_ok=True)
    sums = []
    for batch in batches:
        content = debit_support.answer(batch, city.folder / "outbox", failed={2: "11", 7: "13"})
        content = _same_serials(content, batch)
        (inbox / f"HP_{batch.number}_01.txt").write_bytes(content)
        told = codec.peek(content)
        sums.append((batch.number, told.total_fen))
    credit = statement.Direction.CREDIT
    days = {
        date(2026, 12, 21): [statement.Movement("YH1", credit, 77_700, "示例公司", "WHO-KNOWS", date(2026, 12, 21))],
        date(2026, 12, 22): [
            statement.Movement(f"YH2{i}", credit, fen, "银行", number, date(2026, 12, 22)) for i, (number, fen) in enumerate(sums)
        ],
    }
    for order, (day, movements) in enumerate(days.items(), 1):
        (statements / f"{day}.txt").write_bytes(statement.write(INCOME, day, order, opening + paid, movements))
        paid += sum(m.amount_fen for m in movements)


def _same_serials(content: bytes, batch: DebitBatch) -> bytes:
    """The bank's serials name its own batch; ours carry a number of our database, that may differ."""
    theirs = codec.read(
        content, codec.Kind.DEBIT_RESULT, sender=f"BK{batch.bank}", receiver=f"SB{PLACE}", public_key=debit_support.BANK_PUBLIC,
        today=date(2099, 1, 1),
    )  # fmt: skip
    columns = dict(theirs.columns)
    columns["serial"] = [f"YH{batch.bank}{s:011d}".encode() for s in columns["sequence"].tolist()]
    return codec.write(theirs.header, columns, debit_support.BANK_KEY.private_bytes_raw())


def take_answers(city: City) -> None:
    exchange_with_bank(city, at(202612, 23))


# The web process


def sign_in(city: City) -> None:
    settings.PARTNERS = city.office.ours
    partner_keys.add_key(city.office.ours, "tax", city.office.own.public.line)
    for name in ("web-finance", "web-op"):
        cookies = Browser(name).client.cookies
        city.made[name] = {key: cookies[key].value for key in ("shebao", "csrftoken")}


def ask_web(city: City, web: Web) -> None:
    """A filing and its submission, batches confirmed, a file of payments, days closed, a payment told by the tax office."""
    with acting(ENGINE):
        batches = list(DebitBatch.objects.order_by("number").values_list("number", flat=True))
        bills = list(Bill.objects.filter(month=202611, kind="monthly", state="issued").order_by("unit_id"))
    assert batches and len(bills) > 1
    form = partial(_form, city)
    filed = web.send("file", form("web-op", "/u/items/add-employee/new", MADE["typed"] | {"key": str(UUID(int=1))}))
    assert filed[0] == 302, filed
    case = re.search(r"/u/cases/(\d+)", filed[1])
    assert case, filed
    done = [web.send("submit", form("web-op", f"/u/cases/{case[1]}/submit", {"key": str(UUID(int=2)), "version": "1"}))]
    done += [web.send("send", form("web-finance", f"/w/debits/{number}/send", {})) for number in batches]
    payments = [("WB1", bills[0].number, "示例公司", bills[0].open_fen, date(2026, 11, 27))]
    file = receipt_file.write("WB1", date(2026, 12, 20), payments)
    done.append(web.send("upload", form("web-finance", "/w/receipts/upload", {"file": SimpleUploadedFile("到账.csv", file)})))
    done.append(web.send("close", form("web-finance", "/w/books/closing/days", {"to": "2026-11-01"})))
    # Sent again after it was done unseen, an act that happens once is refused: the page says that it is done.
    assert all(status == 302 or (web.fell and status in (403, 409, 422)) for status, _ in done), done
    told = tax_wire.payments_body([tax_wire.Paid("SW900", bills[1].number, bills[1].open_fen, at(202611, 27), "app")])
    content = signed.Envelope(tax_hearing.SENDER, UUID(int=900), 900, date(2026, 12, 21), told).content()
    path = f"/partners{tax_wire.PAYMENTS}" if not tax_wire.PAYMENTS.startswith("/partners") else tax_wire.PAYMENTS
    headers = signed.sign_request(city.office.own, "POST", path, content, at=true_time())
    status, _ = web.send("tax", request(path, content, "application/json", headers))
    assert status == 200, status


def _form(city: City, who: str, path: str, fields: dict[str, Any]) -> bytes:
    cookies = city.made[who]
    body = encode_multipart(BOUNDARY, fields | {"csrfmiddlewaretoken": cookies["csrftoken"]})
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return request(path, body, MULTIPART_CONTENT, {"Cookie": cookie})


# 结账


def close_books(city: City) -> None:
    """日结 of every day of November, one by one, then 月结 by two people."""
    when = at(202612, 24)
    for day in range(1, 31):
        try:
            with acting(ONE):
                closing.close_days(PLACE, date(2026, 11, day), at=when)
        except closing.NotClosableError as error:
            assert "已经日结" in error.text, error.text
    try:
        with acting(ONE):
            closing.close_month(PLACE, 202611, at=when)
    except closing.MonthClosedError:
        pass
    try:
        with acting(OTHER):
            closing.confirm_month(PLACE, 202611, at=when)
    except closing.MonthClosedError:
        pass


# 个人账户


def settle_accounts(city: City) -> None:
    settling.CHUNK_IDS = 20
    try:
        account_interest.settle(ACCOUNTS_PLACE, 2023, clock=lambda: at(202401, 5))
    except settling.AlreadySettledError:
        pass


# The job process as it runs, with a month to assess in its queue


def queue_a_month(city: City) -> None:
    with acting(ENGINE):
        declaring.declare_all(PLACE, 202611, at=at(202611, 24), rulebook=standard())
        run_id = assessing.begin(PLACE, 202611, at=at(202611, 25))
        jobs.defer("assess_month", run_id=run_id)


def work_until_assessed(city: City) -> None:
    """The worker itself, told to stop when the month is assessed: nobody starts the run again but it."""
    bulk.chunks.__defaults__ = (HEADS,)
    site_jobs.now = lambda: at(202611, 25)
    worker.HEARTBEAT_SECONDS, worker.STALLED_SECONDS, worker.POLL_SECONDS, worker.AGAIN_SECONDS = 0.2, 1.0, 0.2, 0.1
    app.periodic_registry.periodic_tasks = {  # as in the minutes between those of the clock; taking up comes every second instead
        key: task for key, task in app.periodic_registry.periodic_tasks.items() if task.task.name == "take_up_stalled"
    }
    for task in app.periodic_registry.periodic_tasks.values():
        object.__setattr__(task, "cron", "* * * * * *")

    def done() -> bool:
        try:
            with acting(ENGINE):
                return not Run.objects.filter(kind=assessing.KIND, month=202611, state="running").exists()
        except DatabaseError:
            return False
        finally:
            connection.close()

    def watch() -> None:
        while True:
            time.sleep(0.1)
            if done():
                os.kill(os.getpid(), signal.SIGTERM)

    if not done():
        threading.Thread(target=watch, daemon=True).start()
        worker.work()


STEPS = (
    Step("monthly_assessment", assess, "select count(*) from levy_runchunk", declare),
    Step(
        "job_process",
        work_until_assessed,
        "select count(*) from levy_runchunk c join levy_run r on r.id = c.run_id where r.month = 202611 and r.kind = 'monthly_assessment'",
        queue_a_month,
    ),
    Step("tax_exchange", exchange_with_tax, "select count(*) from levy_taxbill where state = 'accepted'"),
    Step("receipts", receive, "select count(*) from levy_receiptfile", pay_bills),
    Step("flexible_month", owe, "select count(*) from levy_runchunk"),
    Step("recalculate", recalculate_months, "select count(*) from levy_recalculationchunk"),
    Step("bank_withholding_build", build_debits, "select count(built_lines) from levy_debitchunk"),
    Step("web_process", ready=sign_in, ask=ask_web),
    Step("bank_withholding_send", send_debits),
    Step(
        "bank_withholding_post_and_reconcile",
        take_answers,
        "select count(posted_lines) + count(*) filter (where told) + (select count(*) from levy_reconday) from levy_debitchunk",
        bank_answers,
    ),
    Step("close_days_and_month", close_books, "select count(*) from ledger_dayclosing"),
    Step("account_interest", settle_accounts, "select count(*) from accounts_chunk"),
)
assert tuple(step.name for step in STEPS) == NAMES
