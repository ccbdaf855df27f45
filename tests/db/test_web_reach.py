"""Every address with an object in it, asked for by everybody whose object it is not: as if it were not there, and nothing changes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from shebao.channels.guards import Guard, guard_of
from shebao.policy.agreed import in_force
from tests import make
from tests.db.web_support import ADD, MONTH, Browser, Town, ask, fingerprint, is_page, is_problem, town, words

# For each parameter of an address: what belongs to unit A and agency 1, and what belongs to nobody. None: the parameter names no object.
OBJECTS: dict[tuple[str, str], tuple[str, Any]] = {
    ("u/", "case_id"): ("draft_id", 987654321),
    ("u/cases/<int:case_id>/year", "case_id"): ("year_id", 987654321),
    ("u/bills/<slug:number>/detail", "number"): ("order", "HD209912-9999999"),
    ("u/certificates/bundles/", "bundle_id"): ("bundle_id", 987654321),
    ("u/operators/", "account_id"): ("operator_id", 987654321),
    ("u/operators/slips/", "slip_id"): ("slip_id", 987654321),
    ("w/slips/", "slip_id"): ("counter_slip_id", 987654321),
    ("w/registrations/", "registration_id"): ("registration_id", 987654321),
    ("api/v1/certificates/", "bundle_id"): ("bundle_id", 987654321),
    ("u/", "filing_id"): ("filing_id", 987654321),
    ("u/", "number"): ("bill", "HD209912-9999999"),
    ("u/bookings/", "number"): ("booking", "261231999999"),
    ("u/questions/", "number"): ("question", "WT20991231999999"),
    ("w/bookings/", "number"): ("booking", "261231999999"),
    ("w/questions/", "number"): ("question", "WT20991231999999"),
    ("w/offices/", "office_id"): ("office_id", 987654321),
    ("w/notices/", "notice_id"): ("notice_id", 987654321),
    ("messages/", "message_id"): ("message_id", 987654321),
    ("api/v1/bookings/", "number"): ("booking", "261231999999"),
    ("u/", "person_id"): ("person_id", 987654321),
    ("u/", "attachment_id"): ("attachment", "00000000-0000-4000-8000-000000000000"),
    ("w/", "attachment_id"): ("attachment", "00000000-0000-4000-8000-000000000000"),
    ("attachments/", "attachment_id"): ("attachment", "00000000-0000-4000-8000-000000000000"),
    ("u/", "code"): ("paper", "0000000000000000"),
    ("w/", "case_id"): ("review_id", 987654321),
    ("w/tax/", "number"): ("bill", "HD209912-9999999"),
    ("w/bills/", "number"): ("bill", "HD209912-9999999"),
    ("p/bills/", "number"): ("person_bill", "GR209912-9999999"),
    ("api/v1/me/bills/", "number"): ("person_bill", "GR209912-9999999"),
    ("w/counter/cases/", "case_id"): ("counter_id", 987654321),
    ("w/counter/", "number"): ("unit_number", "99999999"),
    ("w/units/", "number"): ("unit_number", "99999999"),
    ("w/people/", "number"): ("person", "9999999999"),
    ("w/", "receipt_id"): ("receipt_id", 987654321),
    ("w/suspense/", "move_id"): ("move_id", 987654321),
    ("w/suspense/", "held_id"): ("held_id", 987654321),
    ("w/refunds/", "refund_id"): ("refund_id", 987654321),
    ("w/refunds/", "payout_id"): ("payout_id", 987654321),
    ("w/reconciliation/", "statement_id"): ("statement_id", 987654321),
    ("w/reconciliation/", "difference_id"): ("difference_id", 987654321),
    ("w/", "file_id"): ("file_id", 987654321),
    ("a/", "account_id"): ("account_id", 987654321),
    ("api/v1/cases/", "number"): ("case_number", "ZY20260101-999999"),
    ("api/v1/bills/", "number"): ("bill", "HD209912-9999999"),
    ("api/v1/staff/", "number"): ("person", "9999999999"),
    ("api/v1/", "person"): ("person", "9999999999"),
}
OPEN_PARAMETERS = {
    "slug",
    "code",
    "name",
    "month",
    "year",
    "run_id",
    "notice_id",
    "office_id",
    "kind",
    "version",
    "fund",
    "posting_id",
}  # items, 验真码, queues, 查询 and published 文书; months, runs and books are of the whole place
# Where a refusal is a sentence on a page of the actor's own, and not the page of 404: statuses and what it says.
ON_OWN_PAGE = {
    "w/registrations/<int:registration_id>/confirm": (409, "没有找到这条登记，或者不属于您所在的经办机构"),
    "w/registrations/<int:registration_id>/decline": (422, "没有找到这条登记，或者不属于您所在的经办机构"),
    "u/operators/<int:account_id>/revoke": (404, "没有找到这位经办人，可能已经停用，或者不属于您所在的单位"),
    "u/operators/<int:account_id>/reissue": (404, "没有找到这位经办人，可能已经停用，或者不属于您所在的单位"),
}
FORM = {"version": "1", "act": "pass", "seen": "1", "reason": "理由"}
ACTORS = (
    "public op_a op_b op_c lead_a lead_b reviewer_1 reviewer_2 clerk_1 clerk_2 finance_1 finance_2 admin_1 admin_2 auditor person_a person_b".split()  # noqa: SIM905 one line is easier to read
)


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[tuple[Town, dict[str, Browser]]]:
    with town() as made:
        yield made, {who: made.browser(who) for who in ACTORS}


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the site with its view."""
    for entry in patterns or get_resolver().url_patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, before + str(entry.pattern))
        else:
            yield before + str(entry.pattern), entry


def parameters(route: str) -> list[str]:
    return re.findall(r"<(?:\w+:)?(\w+)>", route)


def key_of(route: str, name: str) -> tuple[str, str] | None:
    found = [key for key in OBJECTS if route.startswith(key[0]) and key[1] == name]
    return max(found, key=lambda key: len(key[0]), default=None)


def filled(route: str, values: dict[str, Any]) -> str:
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), route)


def values_of(route: str, made: Town, *, absent: bool) -> dict[str, Any]:
    known = {name: getattr(made, name) for name in Town.__slots__ if name not in ("a", "b", "c", "accounts")}
    known |= {"account_id": made.accounts["op_a"].account_id, "unit_number": _number_of_a(made), "case_number": _case_number(made)}
    values: dict[str, Any] = {"slug": "add-employee", "name": "waiting", "month": MONTH, "code": made.paper, "run_id": made.run_id}
    values |= {"kind": "additions", "version": in_force("online_service", make.AT.date()).version}
    values |= {"fund": 110, "posting_id": 1, "number": "PK420100202610103C1", "sequence": 1, "year": 2025}
    if route.startswith(("w/books/", "w/runs/")):
        values["kind"] = "bank" if route.startswith("w/books/") else "monthly_assessment"
    if route.startswith("agreements/"):
        values["code"] = "online_service"
    values |= {"notice_id": made.notice_id, "office_id": made.office_id}  # for everybody, and for every unit of the agency
    for name in parameters(route):
        if key := key_of(route, name):
            belongs, nobodys = OBJECTS[key]
            values[name] = nobodys if absent else known[belongs]
    return values


def _number_of_a(made: Town) -> str:
    return str(ask("select number from parties_unit where id = %s", [made.a.id])[0][0])


def _case_number(made: Town) -> str:
    return str(ask("select number from casework_case where id = %s", [made.draft_id])[0][0])


def with_objects() -> list[tuple[str, Guard]]:
    told = []
    for route, entry in routes():
        guard = guard_of(entry.callback)
        if guard and any(key_of(route, name) for name in parameters(route)):
            told.append((route, guard))
    return told


OF_AGENCY_1 = {"reviewer_1", "clerk_1", "finance_1"}


def owns(who: str) -> bool:
    """Whether the objects of the matrix are within reach of an actor that the guard lets in."""
    return who in ("op_a", "lead_a", "admin_1", "person_a") or who in OF_AGENCY_1


def plain(answer: Any) -> str:
    """A page without what differs from one request to the next."""
    text = re.sub(r"[0-9a-f]{12}|[A-Za-z0-9]{64}", "", answer.content.decode())
    return re.sub(r'(value|href|action)="[^"]*"', "", text)


def test_every_parameter_of_every_address_is_either_in_the_matrix_or_names_no_object() -> None:
    unknown = {
        (route, name)
        for route, _ in routes()
        for name in parameters(route)
        # Batches are of the whole place; their lines of one's own agency, or one's own: see test_reconcile_debits.
        if not key_of(route, name) and not route.startswith(("w/debits/", "p/debit/lines/"))
    }
    assert {name for _, name in unknown} <= OPEN_PARAMETERS, unknown
    assert len(with_objects()) > 25


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_reaches_what_is_not_theirs(place: tuple[Town, dict[str, Browser]], method: str) -> None:
    made, browsers = place
    before, seen = fingerprint(), 0
    for route, guard in with_objects():
        theirs, nobodys = (filled(route, values_of(route, made, absent=absent)) for absent in (False, True))
        for who, browser in browsers.items():
            admitted = who != "public" and guard.admits(made.accounts[who])
            if admitted and owns(who):
                continue
            answer = _asked(browser, method, theirs, guard)
            if admitted and method == "POST" and route in ON_OWN_PAGE:
                status, said = ON_OWN_PAGE[route]
                assert answer.status_code == status and said in words(answer), (theirs, who, answer.status_code, words(answer))
            else:
                _is_refused(answer, who, admitted, guard, (method, theirs, who))
            if admitted:
                none = _asked(browser, method, nobodys, guard)
                assert answer.status_code == none.status_code and plain(answer) == plain(none), (method, theirs, who)
            seen += 1
    assert fingerprint() == before
    assert seen > 200


def _asked(browser: Browser, method: str, path: str, guard: Guard) -> Any:
    if guard.api:
        return browser.call(method, path, '{"version": 1}')
    return browser.get(path) if method == "GET" else browser.post(path, FORM)


def _is_refused(answer: Any, who: str, admitted: bool, guard: Guard, told: Any) -> None:
    if admitted:
        assert answer.status_code in (404, 405), (told, answer.status_code)
        (is_problem if guard.api else is_page)(answer, answer.status_code)
    elif guard.api:
        is_problem(answer, 405 if answer.status_code == 405 else 401 if who == "public" else 403)
    elif who == "public":
        assert answer.status_code == 302 and answer["Location"].startswith("/sign-in"), told
    else:
        is_page(answer, 403)


def test_the_owner_does_reach_every_object_of_the_matrix(place: tuple[Town, dict[str, Browser]]) -> None:
    """The control: the same addresses answer to those whose objects they are."""
    made, browsers = place
    for route, guard in with_objects():
        path = filled(route, values_of(route, made, absent=False))
        for who in ("op_a", "lead_a", "reviewer_1", "clerk_1", "finance_1", "admin_1"):
            if guard.admits(made.accounts[who]) and owns(who):
                answer = _asked(browsers[who], "GET", path, guard)
                assert answer.status_code in (200, 204, 302, 405), (path, who, answer.status_code)


def test_a_foreign_row_under_the_own_case_is_as_absent_as_none(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    own = make.case(made.b, ADD, make.addition(made.b), by=made.accounts["op_b"])
    before = fingerprint()
    foreign, none = (browsers["op_b"].post(f"/u/cases/{own}/rows/{row}", {f"r{row}-name": "改名"}) for row in (made.filing_id, 987654321))
    assert (foreign.status_code, plain(foreign)) == (none.status_code, plain(none))
    assert foreign.status_code in (404, 409)
    browsers["op_b"].post(f"/u/cases/{own}/rows/remove", {"row": str(made.filing_id)})
    browsers["op_b"].post(f"/u/cases/{own}/rows", {f"r{made.filing_id}-name": "改名"})
    assert fingerprint()["casework_filing"] == before["casework_filing"]


def test_people_named_on_a_certificate_are_the_units_own(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    form = {"kind": "person", "first_month": str(MONTH), "last_month": str(MONTH), "person": str(made.person_id)}
    before = fingerprint()
    is_refused = browsers["op_b"].post("/u/certificates", form)
    assert is_refused.status_code == 422 and "请在下面选择要打印证明的人员" in is_refused.content.decode()
    assert fingerprint() == before
