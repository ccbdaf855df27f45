"""Every page of the hall, as the URL resolver knows them, on a desk and on a phone: no violation that axe finds, nothing wider than the
window, every control labelled and large enough, headings in order, no lost glyph, no script error, none of the words no page may show.

A page that is added is opened here by itself; one that no other page leads to fails.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, Page, ViewportSize, expect

from tests.journeys import face_checks, routes
from tests.journeys.conftest import SignedIn
from tests.journeys.routes import Route

DESK, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
LINKS = "() => [...document.querySelectorAll('a[href^=\"/\"]')].map(a => a.getAttribute('href').split('#')[0])"
# From the code on a paper; of a yearly batch, see test_annual_declaration; of a recalculation, which the demo city has none of; of a
# bank's statement, see test_refund_and_reconcile; of a person's own bill, see test_flexible_pays.
NOBODY_LEADS_TO = {"verify-code", "portal-case-year", "desk-recalculation", "desk-reconciliation-day", "personal-bill", "desk-part-year"}


def judged(page: Page, wide: bool) -> list[str]:
    """What is wrong with the page as it stands, in one width."""
    size = DESK if wide else PHONE
    page.set_viewport_size(size)
    # As high as the page: else the bar at the foot lies over controls that scrolling would free.
    whole = page.evaluate("() => document.documentElement.scrollHeight")
    page.set_viewport_size(ViewportSize(width=size["width"], height=max(size["height"], whole)))
    wrong = [*face_checks.overflow(page), *face_checks.targets(page), *face_checks.small_type(page), *face_checks.labels(page)]
    wrong += face_checks.axe(page)
    if wide:
        return [*wrong, *face_checks.lost_glyphs(page), *face_checks.structure(page)]
    return [*wrong, *face_checks.primary_targets(page)]


class Walk:
    """One person's way through all pages. `wrong`: by address what is wrong there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: dict[str, list[str]] = {}
        self.links: list[str] = []

    def open(self, address: str, status: int = 200) -> None:
        """Go there and look."""
        self.page.set_viewport_size(DESK)
        answer = self.page.goto(address)
        got = answer.status if answer else 0
        self.look(address, [] if got == status else [f"answered {got}"])

    def look(self, name: str, wrong: list[str] | None = None) -> None:
        """Judge the page that is open."""
        try:
            found = [*(wrong or []), *judged(self.page, wide=True), *judged(self.page, wide=False)]
        except Error as error:  # a page that waits for a job leads on by itself when the job is done
            if "Execution context was destroyed" not in error.message:
                raise
            self.page.wait_for_load_state()
            found = [*(wrong or []), *judged(self.page, wide=True), *judged(self.page, wide=False)]
        if found:
            self.wrong[name] = found
        self.links += self.page.evaluate(LINKS)

    def first(self, list_address: str, words: str = "") -> str:
        """Where the first link of a list leads, or the first one with these words."""
        self.page.set_viewport_size(DESK)
        self.page.goto(list_address)
        links = self.page.locator("tbody").get_by_role("link")
        address = (links.filter(has_text=words) if words else links).first.get_attribute("href")
        assert address
        return address


def of_visitor(walk: Walk) -> None:
    walk.open("/items?q=入职")
    walk.open("/items?q=没有这个词")
    walk.open("/v?code=ABC", status=422)
    walk.open("/v/PEZRSSMS31FBC6NX")
    walk.open("/nowhere", status=404)


def of_unit(walk: Walk) -> None:
    walk.open(walk.first("/u/todo?returned=yes"))
    walk.open(walk.first("/u/todo?returned=yes", "修改重报"))
    walk.open(walk.first("/u/todo", "提交审批"))
    walk.open(walk.first("/u/todo", "继续填写"))
    walk.open(walk.first("/u/todo", "修改错误"))
    for state in ("review", "done", "withdrawn"):
        walk.open(walk.first(f"/u/done?state={state}"))
    walk.open("/u/search?q=入职")
    walk.open("/u/search?q=没有这个词")
    walk.open("/u/todo?q=没有这个词")
    walk.open("/u/certificates?kind=person&q=王")
    walk.open("/u/certificates/bundles")
    walk.page.get_by_label("按姓名或身份号码筛选").check()
    walk.page.locator("#id_q").fill("王")
    walk.page.get_by_role("button", name="开始出具").click()
    walk.look("certificates on their way")
    walk.open("/u/certificates/bundles")
    walk.open("/u/items/add-employee/new")
    walk.page.get_by_role("button", name="保存，去核对").click()
    expect(walk.page.locator("#errors")).to_be_focused()
    walk.look("a form with everything wrong")


def of_lead(walk: Walk) -> None:
    walk.open("/u/operators/new")
    walk.page.get_by_role("button", name="保存").click()
    expect(walk.page.locator("#errors")).to_be_focused()
    walk.look("an operator with everything wrong")


def of_reviewer(walk: Walk) -> None:
    for name in ("mine", "reviewed"):
        walk.open(f"/w/queue/{name}")
    walk.open("/w/search?q=没有这个词")
    walk.open("/w/search?q=武汉")
    walk.open(walk.first("/w/queue/waiting"))
    walk.page.set_viewport_size(DESK)
    walk.page.get_by_role("button", name="领取并审核").click()
    expect(walk.page.get_by_role("button", name="通过", exact=True)).to_be_visible()
    walk.look("a case that I hold")
    walk.page.set_viewport_size(DESK)
    walk.page.get_by_role("button", name="放回队列").click()


def of_others(walk: Walk) -> None:
    """No states of its own beyond the addresses."""


def of_finance(walk: Walk) -> None:
    """What stands behind the money: runs of each kind, a debit that failed and one that did not, closed months, refused settlements."""
    for kind in ("monthly_assessment", "bank_withholding", "account_interest", "reconcile_day", "day_closing", "month_closing"):
        walk.open(walk.first(f"/w/runs?kind={kind}"))
    walk.open("/w/runs?kind=recalculation")
    batch = walk.first("/w/debits", "邮政储蓄银行")
    walk.open(batch)
    account = f"{walk.first(batch)}/account"
    walk.open(account)
    walk.open(f"{account}/part-year?kind=retirement")
    walk.open(f"{batch}?only=failed")
    walk.open("/w/books/report?month=202609")
    walk.open("/w/reconciliation?state=settled")
    walk.open("/w/settlements/2026")
    walk.open(walk.first("/w/settlements", "复算"))
    walk.open(walk.first("/w/suspense"))
    walk.open("/w/tax?asked=2026-11-15")
    walk.page.get_by_label("重新取哪一天的清单").fill("2099-01-01")
    walk.page.get_by_role("button", name="取清单").click()
    expect(walk.page.locator("#errors")).to_contain_text("只能取已经过完的日期")
    walk.look("a list of a day to come")


def of_flexible(walk: Walk) -> None:
    """Somebody who pays for themselves: months with their reasons, what is still owed."""
    walk.open("/p/pay")
    walk.page.set_viewport_size(DESK)
    walk.page.get_by_role("button", name="核定信息").click()
    expect(walk.page.get_by_text("怎么算的").first).to_be_visible()
    walk.look("what the chosen months cost")
    walk.open("/p/arrears")
    walk.page.get_by_text("各月怎么算的").click()
    walk.look("every month explained")


def of_debited(walk: Walk) -> None:
    """Somebody whose months a bank debits: the agreement, past debits, one of them month by month."""
    walk.open("/p/debit")
    walk.open(walk.first("/p/debit", "怎么算的"))
    walk.open("/messages")


def of_insured(walk: Walk) -> None:
    """Somebody insured by a unit: a settled year with its interest explained, the record of it."""
    walk.open("/p/account?year=2025")
    walk.open("/p/record?year=2025")
    walk.open("/p/record?year=2026")


def of_debtor(walk: Walk) -> None:
    """A unit that owes a month: 单位欠费查询, a 欠费补缴单 with its people, and the four items about arrears with something in them."""
    walk.open("/u/arrears")
    walk.open("/u/arrears?q=没有这个词")
    order = walk.first("/u/bills", "QF")
    walk.open(order)
    walk.open(walk.first(order, "怎么算的"))
    for item in ("back-payment", "issue-order", "roll-back", "write-off"):
        walk.open(f"/u/items/{item}/new")


OF_NAME = {
    "portal-arrears-person": "unit2",
    "personal-debit-line": "person3",
}  # pages that only somebody else than the first one has something on
PEOPLE: dict[str, tuple[str, str, Callable[[Walk], None]]] = {
    "": ("", "", of_visitor),
    "unit": ("shebao_unit", "unit_operator", of_unit),
    "vip": ("shebao_unit", "unit_lead", of_lead),
    "unit2": ("", "", of_debtor),
    "reviewer": ("shebao_agency", "reviewer", of_reviewer),
    "finance": ("shebao_agency", "finance", of_finance),
    "person2": ("shebao_person", "individual", of_flexible),
    "person3": ("", "", of_debited),
    "person": ("", "", of_insured),
    "admin": ("shebao_admin", "administrator", of_others),
    "auditor": ("shebao_reader", "auditor", of_others),
}


@pytest.fixture(scope="module")
def everywhere() -> list[Route]:
    return routes.pages()


def visited_by(username: str, everywhere: list[Route]) -> Iterator[Route]:
    """The pages that this person opens: every page has one person, the first whom it lets in."""
    for route in everywhere:
        if route.name in OF_NAME:
            if OF_NAME[route.name] == username:
                yield route
            continue
        for name, (role, post, _) in PEOPLE.items():
            if not route.roles or (role in route.roles and (not route.posts or post in route.posts)):
                if name == username:
                    yield route
                break


@pytest.mark.parametrize("username", PEOPLE, ids=lambda name: name or "visitor")
def test_every_page_is_right_on_desk_and_phone(username: str, everywhere: list[Route], signed_in: SignedIn) -> None:
    walk = Walk(signed_in(username or None))
    mine = list(visited_by(username, everywhere))
    for route in mine:
        if not route.parametrised:
            walk.open(route.route)
    if username == "finance":
        walk.open("/w/")
    PEOPLE[username][2](walk)
    lost = [route for route in mine if route.parametrised and route.name not in NOBODY_LEADS_TO]
    while lost != (still := [route for route in lost if not opened(route, walk)]):  # what was opened may lead to others
        lost = still
    assert not walk.wrong, "\n".join(f"{address}: {sentence}" for address, wrong in walk.wrong.items() for sentence in wrong)
    assert [route.name for route in lost] == [], "no page leads there"


def opened(route: Route, walk: Walk) -> bool:
    """Open one page of a kind, by a link that was seen on another page."""
    address = next((link for link in walk.links if route.fits(urlsplit(link).path)), None)
    if address is not None:
        walk.open(address)
    return address is not None
