"""Texts and numbers as nobody should type them: in every field, every query, every file name. Stored whole or refused, shown harmlessly."""

import io
import re
from collections.abc import Iterator
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.casework.item import Audience, ServiceItem, Subject, items
from shebao.channels.guards import guard_of
from shebao.parties.changes import Change, change_people, change_units
from shebao.site import jobs
from tests import make
from tests.db.test_web_reach import filled, parameters, routes, values_of
from tests.db.web_support import ITEM, Browser, Town, ask, fingerprint, town

HUGE = "9" * 21
NUMBERS = ("１２", "²", "-1", "1.5", "1_000", "abc", "7\n", "9" * 18, HUGE, "9" * 5000, "202613")
COUNTED = {
    "op_a": (
        "/u/todo",
        "/u/done",
        "/u/staff",
        "/u/staff.xlsx",
        "/u/changes",
        "/u/changes.xlsx",
        "/u/certificates",
        "/u/arrears",
        "/u/inquiries/additions",
        "/u/bills/{bill}",
        "/u/cases/{draft_id}",
        "/u/cases/{review_id}",
    ),
    "reviewer_1": ("/w/queue/waiting", "/w/cases/{review_id}", "/w/units/{unit}"),
    "finance_1": ("/w/receipts", "/w/receipts/files/{file_id}", "/w/suspense", "/w/bills/{bill}", "/w/trial-balance"),
    "admin_1": ("/a/accounts",),
    "auditor": ("/a/trace",),
}  # pages that read a number from the query
NUMERIC = ("page", "after", "before", "month", "settled", "made", "person", "on", "case", "row", "year")
TEXTUAL = (
    "q",
    "item",
    "unit",
    "channel",
    "state",
    "rows",
    "tab",
    "show",
    "action",
    "kind",
    "returned",
    "empty",
    "next",
    "code",
    "received",
    "cover",
    "insurance",
    "basis",
    "move",
    "number",
    "from",
    "to",
)
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
TEXTS = (SCRIPT, "%\\_'", "😀" * 30, "字" * 50, "\u202e反\nb' or 1=1 --\ue000")


@pytest.fixture(scope="module")
def place(database: str) -> Iterator[tuple[Town, dict[str, Browser]]]:
    with town() as made:
        whos = ("public", "op_a", "lead_a", "reviewer_1", "clerk_1", "finance_1", "admin_1", "auditor", "person_a")
        yield made, {who: made.browser(who) for who in whos}


def absent(path: str) -> bool:
    """Things of the whole place that this town has none of: a debit batch, a recalculation."""
    return path.startswith(
        ("/w/debits/PK", "/p/debit/lines/PK", "/w/recalculations/1", "/w/settlements/2", "/w/books/postings/", "/w/runs/")
    )


def readers(made: Town) -> list[tuple[str, str]]:
    """Every address that shows something, with somebody who may look."""
    found = []
    for route, entry in routes():
        guard = guard_of(entry.callback)
        assert guard is not None
        if route.endswith((".pdf", ".xlsx", "/print", "attachment_id>")) or guard.api or guard.partner:
            continue
        who = "public" if guard.open else next(w for w, actor in made.accounts.items() if guard.admits(actor) and w[-1] != "2")
        found.append((filled(route, values_of(route, made, absent=False)), who))
    return found


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: ascii(n[:22]))
def test_no_number_in_a_query_breaks_a_page(place: tuple[Town, dict[str, Browser]], number: str) -> None:
    made, browsers = place
    words_of = {name: getattr(made, name) for name in ("bill", "draft_id", "review_id", "file_id")}
    words_of["unit"] = ask("select number from parties_unit where id = %s", [made.a.id])[0][0]
    for who, paths in COUNTED.items():
        for path in paths:
            for names in [NUMERIC] if len(number) < 1000 else [[name] for name in NUMERIC]:
                answer = browsers[who].get(path.format(**words_of), dict.fromkeys(names, number))
                assert answer.status_code in (200, 422), (path, names, number[:30], answer.status_code)


@pytest.mark.parametrize("text", TEXTS, ids=lambda t: ascii(t[:20]))
def test_no_text_in_a_query_breaks_a_page_or_comes_back_as_markup(place: tuple[Town, dict[str, Browser]], text: str) -> None:
    made, browsers = place
    for path, who in readers(made):
        # An address has its greatest length.
        for names in (TEXTUAL[::3], TEXTUAL[1::3], TEXTUAL[2::3], ("as_of",)):  # a day that is none is refused before anything else is read
            answer = browsers[who].get(path, dict.fromkeys(names, text))
            assert answer.status_code in (200, 204, 302, 405, 422) or absent(path), (path, answer.status_code)
            content = answer.getvalue() if answer.streaming else answer.content
            assert b"<script>alert" not in content and b"<img src=x" not in content, path


@pytest.mark.parametrize("number", ["0", "9" * 19, "9" * 5000, "１２", "²", "-1", "1%0A", "%2e%2e"], ids=lambda n: ascii(n[:20]))
def test_no_number_in_an_address_breaks_a_page(place: tuple[Town, dict[str, Browser]], number: str) -> None:
    made, browsers = place
    before = fingerprint()
    for route, entry in routes():
        guard = guard_of(entry.callback)
        if not parameters(route) or route.startswith("api/") or (guard and guard.partner):
            continue
        who = (
            "public"
            if guard is None or guard.open
            else next(w for w, actor in made.accounts.items() if guard.admits(actor) and w in browsers)
        )
        values = values_of(route, made, absent=False) | dict.fromkeys([n for n in parameters(route) if n != "slug"], number)
        for method in ("get", "post"):
            answer = getattr(browsers[who], method)(filled(route, values))
            assert answer.status_code < 500, (route, number[:20], who, method, answer.status_code)
    assert fingerprint() == before


@pytest.mark.parametrize("number", ["１２", "²", "-1", "abc", "7\n", HUGE, "9" * 5000, "202613", "0"], ids=lambda n: ascii(n[:22]))
def test_no_number_breaks_the_api(place: tuple[Town, dict[str, Browser]], number: str) -> None:
    _, browsers = place
    for path in ("cases?before={}", "cases?state={}", "staff?after={}", "staff?month={}", "cases/{}", "bills/{}", "bills/{}/people/{}"):
        answer = browsers["op_a"].call("GET", "/api/v1/" + path.replace("{}", quote(number)))
        assert answer.status_code in (200, 400, 404), (path, number[:20], answer.status_code)


@pytest.mark.parametrize("number", ["１２", "²", "-1", "abc", HUGE, "9" * 5000, ""], ids=lambda n: ascii(n[:22]))
def test_no_number_in_a_hidden_field_breaks_a_form_or_passes_for_a_version(place: tuple[Town, dict[str, Browser]], number: str) -> None:
    made, browsers = place
    hidden = dict.fromkeys(
        ("version", "key", "case", "row", "person", "pick", "page", "act", "tab", "adopt", f"r{number[:50]}-name"), number
    )
    for path in (f"/u/cases/{made.draft_id}/{end}" for end in ("submit", "withdraw", "rows", "rows/remove", f"rows/{made.filing_id}")):
        assert browsers["op_a"].post(path, hidden).status_code in (302, 404, 409, 422), path
    for act in ("page-" + number, "add", "find", number):
        assert browsers["reviewer_1"].post(f"/w/cases/{made.review_id}/decide", hidden | {"act": act}).status_code in (200, 409, 422)
    states = dict(ask("select id, (state, round)::text from casework_case where id in (%s, %s)", [made.draft_id, made.review_id]))
    assert states == {made.draft_id: "(draft,0)", made.review_id: "(review,1)"}


FIELDS_AT_ONCE = 12  # a form has its greatest size


def forms_of(made: Town) -> Iterator[tuple[ServiceItem, str, str]]:
    """The form of every item where it is filed: online, at the counter, or both; with who files it."""
    ((number,),) = ask("select number from parties_unit where id = %s", [made.a.id])
    for item in items():
        assert item.audience, item.code
        if Audience.UNIT in item.audience:
            yield item, "op_a", f"/u/items/{item.slug}"
        if Audience.COUNTER in item.audience:
            yield item, "clerk_1", f"/w/counter/{'new' if item.subject is Subject.NEW_UNIT else number}/{item.slug}"


def test_an_item_of_the_counter_only_is_no_address_of_a_unit(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    only = [item for item in items() if Audience.UNIT not in item.audience]
    before = fingerprint()
    for item in only:
        for end in ("new", "lookup", "validate"):
            for method in ("get", "post"):
                assert getattr(browsers["op_a"], method)(f"/u/items/{item.slug}/{end}").status_code in (404, 405), (item.slug, end, method)
    assert only and fingerprint() == before


@pytest.mark.parametrize("text", [*TEXTS, "字" * 50_000], ids=lambda t: ascii(t[:20]))
def test_every_field_of_every_item_keeps_or_refuses_a_text_and_shows_it_harmlessly(
    place: tuple[Town, dict[str, Browser]], text: str
) -> None:
    made, browsers = place
    browser, answers = browsers["op_a"], []
    for item, who, forms in forms_of(made):
        for start in range(0, len(item.fields), FIELDS_AT_ONCE):
            fields = item.fields[start : start + FIELDS_AT_ONCE]
            typed = {f.name: text for f in fields}
            saved = browsers[who].post(f"{forms}/new", typed | {"action": "draft"})
            assert saved.status_code in (302, 422), (item.slug, who, saved.status_code)
            answers += [saved, browsers[who].post(f"{forms}/new", typed | {"action": "save"})]
            answers += [browsers[who].post(f"{forms}/lookup", typed)]
            answers += [browsers[who].post(f"{forms}/validate?field={f.name}", typed) for f in fields]
    drafts = "select id from casework_case where state = 'draft' and (channel = 'counter') = %s order by id desc limit 3"
    for at_counter, who, cases in ((False, "op_a", "/u/cases"), (True, "clerk_1", "/w/counter/cases")):
        last = [case_id for (case_id,) in ask(drafts, [at_counter])]
        assert last, cases
        answers += [browsers[who].get(f"{cases}/{case_id}{end}") for case_id in last for end in ("", "/edit")]
    answers += [browser.get(path) for path in ("/u/todo", "/u/", "/messages")]
    for answer in answers:
        assert answer.status_code in (200, 302, 422), answer.status_code
        assert "<script>alert" not in answer.content.decode() and "<img src=x" not in answer.content.decode()
    lengths = ask("select max(length(v)) from casework_filing, jsonb_each_text(typed) as t(k, v)")
    assert lengths[0][0] <= 400  # of what was typed no more is kept than a person can have meant


NAMES = {
    "../../etc/passwd": "passwd",
    "C:\\Windows\\名册.xlsx": "名册.xlsx",
    "名册\x00.xlsx": None,
    "长" * 300 + ".xlsx": None,
    "<img src=x onerror=alert(1)>.xlsx": None,
    "名册\r\nX-Evil: 1.xlsx": None,
    "\u202excod.xlsx": None,
    "..": "",
    "CON": "CON",
    "a\"b';--.xlsx": None,
}


@pytest.mark.parametrize("name", NAMES, ids=lambda n: ascii(n[:20]))
def test_a_file_name_is_kept_without_its_path_and_shown_harmlessly(place: tuple[Town, dict[str, Browser]], name: str) -> None:
    _, browsers = place
    sent = SimpleUploadedFile("x", f"not a workbook {name!a}".encode())
    sent.__dict__["_name"] = name  # past the cleaning that Django does for well-behaved callers
    answer = browsers["op_a"].post(f"{ITEM}/upload", {"file": sent})
    assert answer.status_code in (302, 400, 422), answer.status_code
    if answer.status_code == 302:
        case_id = int(answer["Location"].rsplit("/", 1)[-1])
        ((stored,),) = ask("select name from casework_upload where case_id = %s", [case_id])
        assert 0 < len(stored) <= 160 and not re.search(r"[/\\\x00-\x1f]", stored), stored
        assert NAMES[name] in (None, stored)
        page = browsers["op_a"].get(f"/u/cases/{case_id}")
        assert page.status_code == 200 and "<img src=x" not in page.content.decode()
    receipt = browsers["finance_1"].post("/w/receipts/upload", {"file": sent})
    assert receipt.status_code in (400, 422)


def test_a_page_given_as_a_workbook_is_told_as_such_and_never_served_as_a_page(place: tuple[Town, dict[str, Browser]]) -> None:
    _, browsers = place
    sent = SimpleUploadedFile("名册.html", b"<html><script>alert(1)</script></html>", content_type="text/html")
    answer = browsers["op_a"].post(f"{ITEM}/upload", {"file": sent})
    case_id = int(answer["Location"].rsplit("/", 1)[-1])
    jobs.check_upload.func(case_id)
    assert "alert(1)" not in browsers["op_a"].get(f"/u/cases/{case_id}").content.decode()


def test_every_file_is_served_to_be_kept_and_not_to_be_guessed_at(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    kept = ("/u/staff.xlsx", f"{ITEM}/template.xlsx", f"/u/cases/{made.draft_id}/errors.xlsx")
    looked_at = (f"/u/papers/{made.paper}.pdf", f"/u/bills/{made.bill}/print", f"/u/cases/{made.draft_id}/print")
    for path in kept + looked_at:
        answer = browsers["op_a"].get(path)
        assert answer.status_code == 200, path
        assert answer["X-Content-Type-Options"] == "nosniff" and answer["Cache-Control"] == "no-store"
        # Only PDFs made by ourselves open in the browser; whatever holds what people typed into a workbook is a download.
        assert answer["Content-Disposition"].startswith("attachment" if path in kept else "inline"), path
        assert "default-src 'none'" in answer["Content-Security-Policy"]


def rename(made: Town, person: str, unit: str = "") -> None:
    """As a correction would enter it: the register lets nothing else in."""
    day = make.AT.date()
    with acting(ENGINE):
        change_people([Change(made.person_id, {"name": person}, day, correction=True)], at=make.AT)
        if unit:
            change_units([Change(made.a.id, {"name": unit}, day, correction=True)], at=make.AT)


def test_a_name_that_is_a_formula_leaves_as_text(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    rename(made, person="=1+1")
    with ZipFile(io.BytesIO(browsers["op_a"].get("/u/staff.xlsx").getvalue())) as book:
        sheets = "".join(book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/"))
        texts = book.read("xl/sharedStrings.xml").decode() if "xl/sharedStrings.xml" in book.namelist() else sheets
    assert "<f>" not in sheets and re.search(r"<t[^>]*>'?=1\+1</t>", texts + sheets)
    rename(made, person="张示一")


def test_a_script_in_the_register_is_shown_as_text_on_both_sides(place: tuple[Town, dict[str, Browser]]) -> None:
    made, browsers = place
    rename(made, person=SCRIPT[:50], unit=SCRIPT[:50])
    pages = [
        ("op_a", p)
        for p in ("/u/", "/u/staff", f"/u/staff/{made.person_id}", "/u/certificates", f"/u/bills/{made.bill}", "/u/unit", "/u/changes")
    ]
    pages += [
        ("reviewer_1", p) for p in ("/w/queue/waiting", f"/w/cases/{made.review_id}", f"/w/people/{made.person}", "/w/units?q=<script>")
    ]
    for who, path in pages:
        page = browsers[who].get(path)
        assert page.status_code == 200 and "<script>alert" not in page.content.decode(), path
    assert "&lt;script&gt;" in browsers["op_a"].get(f"/u/staff/{made.person_id}").content.decode()
    rename(made, person="张示一", unit="甲示例公司")
