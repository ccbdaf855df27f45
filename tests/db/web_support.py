"""What the tests of hostile and clumsy requests share: a town with something of every kind in it, and browsers that keep the CSRF rule."""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client

from shebao.access import operators, registrations, slips
from shebao.access.acting import acting
from shebao.access.models import Account
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.terms import Post
from shebao.casework import attachments, operations
from shebao.casework.item import Context, item_of
from shebao.casework.models import Channel
from shebao.channels import bundling, certificates
from shebao.channels.middleware import COOKIE
from shebao.contact import bookings, notices, questions
from shebao.levy import flexible_billing, orders, receiving
from shebao.levy.models import Bill, Receipt, ReceiptFile, Run
from shebao.parties.queries import get_unit
from shebao.parties.registration import issue_certificate
from shebao.policy.rulebook import standard
from tests import make
from tests.db import money_support
from tests.db.contact_support import make_office, slot_of
from tests.pictures import picture

logging.getLogger("django").setLevel(logging.ERROR)  # thousands of refusals are meant here
NOW = "2026-11-10T09:00:00"
MONTH = 202610
OWED = 202609  # of unit A: not paid
ADD = "enrolment.add_employee"
ITEM = "/u/items/add-employee"


class Browser:
    """One browser: its cookies, and the CSRF value of the forms it was given."""

    def __init__(self, username: str = "") -> None:
        self.client = Client(enforce_csrf_checks=True)
        if username:
            answer = self.sign_in(username)
            assert answer.status_code == 302, words(answer)

    def sign_in(self, username: str, password: str = make.PASSWORD, **more: str) -> Any:
        return self.post("/sign-in", {"username": username, "password": password, **more})

    @property
    def cookie(self) -> str:
        return self.client.cookies[COOKIE].value

    def get(self, path: str, query: Any = None, **more: Any) -> Any:
        return self.client.get(path, query, **more)

    def post(self, path: str, form: dict[str, Any] | None = None, **more: Any) -> Any:
        if "csrftoken" not in self.client.cookies:
            self.client.get("/sign-in")
        return self.client.post(path, {"csrfmiddlewaretoken": self.client.cookies["csrftoken"].value, **(form or {})}, **more)

    def call(self, method: str, path: str, body: str = "{}") -> Any:
        """A request of a program that holds this browser's sign-in as its token."""
        token = {"Authorization": f"Bearer {self.cookie}"} if COOKIE in self.client.cookies else {}
        return Client(enforce_csrf_checks=True).generic(method, path, body, content_type="application/json", headers=token)


def words(answer: Any) -> str:
    """What a page says, in one line, without its markup."""
    text = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


def is_page(answer: Any, status: int, *said: str) -> None:
    """Our own page of trouble: the status, Chinese words, nothing of the program's inside."""
    assert answer.status_code == status, (answer.status_code, words(answer)[:300])
    text = words(answer)
    assert "社保网上办事大厅" in text and str(status) in text and "Traceback" not in text and "Django" not in text, text[:300]
    for each in said:
        assert each in text, text[:500]


def is_problem(answer: Any, status: int) -> None:
    """problem+json with a code and a sentence."""
    assert answer.status_code == status, (answer.status_code, answer.content[:300])
    assert answer["Content-Type"].startswith("application/problem+json")
    body = answer.json()
    assert body["status"] == status and body["code"] and re.search(r"[一-鿿]{4}", body["title"]), body


@dataclass(slots=True)
class Town:
    """Units A and B of agency 1 and C of agency 2; everything named here belongs to A and agency 1."""

    a: make.MadeUnit
    b: make.MadeUnit
    c: make.MadeUnit
    accounts: dict[str, Actor]
    draft_id: int
    filing_id: int
    review_id: int
    bill: str
    person_id: int
    person: str
    paper: str
    run_id: int
    file_id: int
    receipt_id: int
    counter_id: int
    attachment: str
    office_id: int
    booking: str
    question: str
    notice_id: int
    message_id: int
    year_id: int
    order: str
    bundle_id: int
    operator_id: int
    slip_id: int
    counter_slip_id: int
    registration_id: int
    move_id: int
    held_id: int
    refund_id: int
    payout_id: int
    statement_id: int
    difference_id: int
    person_bill: str

    def browser(self, who: str) -> Browser:
        return Browser("" if who == "public" else who)


@contextmanager
def town() -> Iterator[Town]:
    """Make it, with the clock of the processes at NOW."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        a, b = make.unit("甲示例公司", people=2), make.unit("乙示例公司", people=1)
        c = make.unit("丙示例公司", people=1, agency_id=2)
        accounts = {name: make.operator(unit, name) for name, unit in (("op_a", a), ("op_b", b), ("op_c", c))}
        accounts |= {name: _lead(unit, name) for name, unit in (("lead_a", a), ("lead_b", b))}
        for agency in (1, 2):
            accounts |= {f"reviewer_{agency}": make.reviewer(agency, f"reviewer_{agency}")}
            accounts |= {f"clerk_{agency}": make.account(Post.CLERK, agency_id=agency, username=f"clerk_{agency}")}
            accounts |= {f"finance_{agency}": make.finance(agency, f"finance_{agency}")}
            accounts |= {f"admin_{agency}": make.account(Post.ADMINISTRATOR, agency_id=agency, username=f"admin_{agency}")}
        accounts["auditor"] = make.account(Post.AUDITOR, username="auditor")
        alone = [make.flexible(since=202601) for _ in range(2)]
        accounts |= {f"person_{side}": make.individual(one.person_id, f"person_{side}") for side, one in zip("ab", alone, strict=True)}
        yield _filled(a, b, c, accounts)


def _filled(a: make.MadeUnit, b: make.MadeUnit, c: make.MadeUnit, accounts: dict[str, Actor]) -> Town:
    make.month_assessed(OWED)
    with acting(ENGINE):
        paid = [(bill.number, bill.open_fen) for bill in Bill.objects.filter(month=OWED).exclude(unit_id=a.id).order_by("id")]
    make.pay(paid[:1])
    make.pay(paid[1:], agency_id=2)
    bills = make.month_paid(MONTH)
    draft = make.case(a, ADD, make.addition(a), by=accounts["op_a"])
    review = make.case(a, ADD, make.addition(a), by=accounts["op_a"], submit=True)
    with acting(accounts["clerk_1"]):
        at_counter = replace(a.context(), counter=True)
        counter_id = operations.save_new(item_of(ADD), at_counter, make.addition(a), key=None, channel=Channel.COUNTER).case_id
    with acting(accounts["op_a"]):
        asked = certificates.Asked(MONTH, MONTH, "")
        paper = certificates.for_unit(get_unit(a.id), [], asked, account_id=accounts["op_a"].account_id, at=make.AT)
        ctx = Context(a.id, 1, make.PLACE, True, make.AT.date(), make.AT)
        attachment = str(attachments.store_photo(ctx, item_of(ADD).field("photo"), "相片.jpg", picture()))
    hand = receiving.Payment("HAND-1", bills[0], "甲示例公司", 100, make.AT.date())
    with acting(Actor(Role.ENGINE, accounts["finance_1"].account_id, "财务", 0, 1)):
        receipt_id = receiving.enter_by_hand(hand, agency_id=1, place=make.PLACE, on=make.AT.date(), at=make.AT)
    with acting(ENGINE):
        bill = Receipt.objects.get(pk=receipt_id).bill_number
        file_id = ReceiptFile.objects.filter(agency_id=1).order_by("id").values_list("id", flat=True)[0]
        run_id = Run.objects.order_by("id").values_list("id", flat=True)[0]
    ((filing_id,),) = ask("select id from casework_filing where case_id = %s", [draft])
    ((person,),) = ask("select number from parties_person where id = %s", [a.staff[0].person_id])
    person_id = a.staff[0].person_id
    objects = (
        person_id,
        person,
        paper.code,
        run_id,
        file_id,
        receipt_id,
        counter_id,
        attachment,
        *_contact(a, accounts),
        *_more(a, accounts),
        *_money(a),
        _own_bill(accounts["person_a"]),
    )
    return Town(a, b, c, accounts, draft, filing_id, review, bill, *objects)


def _own_bill(person: Actor) -> str:
    """A 个人核定单 of a month."""
    wanted = flexible_billing.Wanted(person.person_id, 1, 60, MONTH, MONTH)
    with acting(ENGINE):
        bill = flexible_billing.issue(wanted, place=make.PLACE, rulebook=standard(), on=make.AT.date(), at=make.AT)
    return str(bill.number)


def _contact(a: make.MadeUnit, accounts: dict[str, Actor]) -> tuple[int, str, str, int, int]:
    """An office, a booking, a question, a notice for everybody and one to the unit, which is a message too."""
    clerk, day = accounts["clerk_1"], make.AT.date()
    office = make_office(clerk)
    with acting(accounts["op_a"]):
        booking = bookings.book(slot_of(office), "other", at=make.AT).number
        question = questions.ask("item", "怎么办", "内容", agency_id=1, at=make.AT).number
    with acting(clerk):
        public = notices.save_notice(None, notices.NoticeData("通知", "正文", "all", None, day, None), at=make.AT)
        own = notices.save_notice(None, notices.NoticeData("通知", "正文", "unit", a.id, day, None), at=make.AT)
    with acting(accounts["reviewer_1"]):
        notices.publish(public, at=make.AT)
        notices.publish(own, at=make.AT)
    ((message,),) = ask("select max(id) from contact_message where unit_id = %s", [a.id])
    return office, booking, question, public, message


def _money(a: make.MadeUnit) -> list[int]:
    """A move and a held payment of suspense, a refund in a file to the bank, a statement and a difference."""
    with acting(ENGINE):
        money_support.rows_of_everything(Bill.objects.get(unit_id=a.id, month=MONTH), 1)
    tables = ("suspensemove", "heldtold", "refund", "payout", "statement", "difference")
    return [int(ask(f"select max(id) from levy_{table}")[0][0]) for table in tables]


def _lead(unit: make.MadeUnit, username: str) -> Actor:
    """主经办人, whose first 密码条 still waits at the agency."""
    with acting(ENGINE):
        account_id = slips.open_account(_new(unit, lead=True), at=make.AT, reason="测试", handed_by="agency")
        make.accepted(Account.objects.get(pk=account_id))
    Account.objects.using("owner").filter(pk=account_id).update(username=username, password=make._hashed, must_change_password=False)
    return Actor(Role.UNIT, account_id, username, unit.id, unit.agency_id, frozenset({Post.UNIT_OPERATOR, Post.UNIT_LEAD}))


def _new(unit: make.MadeUnit, **more: Any) -> slips.NewOperator:
    somebody = make.person()
    return slips.NewOperator(unit.id, somebody.name, "operator", somebody.id_number, "13800000001", make.AT.date(), **more)


def _more(a: make.MadeUnit, accounts: dict[str, Actor]) -> tuple[int, str, int, int, int, int, int]:
    """年度申报, an order of what is owed, a finished bundle, an operator and slips of the unit's and the agency's, a 法人注册, a 登记证."""
    day, person = make.AT.date(), a.staff[0]
    wages = {"year": "2027", "id_number": person.id_number, "name": person.name, "average_wage": "9000"}
    year_id = make.case(a, "enrolment.annual_wages", wages, by=accounts["op_a"])
    with acting(ENGINE):
        issue_certificate(a.id, 1, "参保登记", on=day, place=make.PLACE, case_id=None)
        orders.register([orders.Registration(person.person_id, None)], unit_id=a.id, agency_id=1, at=make.AT)
        order = orders.issue(a.id, agency_id=1, place=make.PLACE, case_id=None, rulebook=standard(), on=day, at=make.AT)
    with acting(accounts["op_a"]):
        asked = certificates.Asked(MONTH, MONTH, "")
        bundle_id = bundling.order(accounts["op_a"], 1, [person.person_id], asked, key=uuid4(), at=make.AT)
    bundling.work(bundle_id, clock=lambda: make.AT)
    with acting(accounts["lead_a"]):
        operator_id = operators.add(_new(a), at=make.AT)
    with acting(ENGINE):
        number = get_unit(a.id).number
    told = registrations.Told(1, number, a.name, "legal", "张示一", make.person().id_number, "13800000003")
    registered = registrations.register(told, at=make.AT, address="198.51.100.9")
    ((registration_id,),) = ask("select id from access_registration where number = %s", [registered])
    ((slip_id,),) = ask("select id from access_slip where account_id = %s", [operator_id])
    ((counter_slip_id,),) = ask("select id from access_slip where account_id = %s", [accounts["lead_a"].account_id])
    return year_id, order.number, bundle_id, operator_id, slip_id, counter_slip_id, registration_id


def ask(sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """Rows of a query of the schema's owner, who sees everybody's."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql, values or [])
        return list(cursor.fetchall()) if cursor.description else []


# What a refused request may still write: that somebody was here, and how often in vain.
TRACES = ("audit_event", "access_signin", "access_account", "access_guess", "django_migrations")


def fingerprint() -> dict[str, str]:
    """A digest of every table's rows, but the traces of visits. Two are equal when nothing was changed in between."""
    tables = [name for (name,) in ask("select tablename from pg_tables where schemaname = 'public' order by 1") if name not in TRACES]
    told = {}
    for table in tables:
        ((text,),) = ask(f"select coalesce(string_agg(t::text, '|' order by t::text), '') from {table} t")
        told[table] = hashlib.sha256(text.encode()).hexdigest()
    return told
