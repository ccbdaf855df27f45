"""A day of finance: the workbench says what waits; the days before are closed; an amount of the trial balance leads to what was paid."""

import re

from playwright.sync_api import expect

from tests.journeys.conftest import SignedIn
from tests.journeys.face_checks import axe, overflow


def test_finance_closes_a_day_and_follows_an_amount_from_the_trial_balance_to_its_receipt(signed_in: SignedIn) -> None:
    page = signed_in("finance")
    for heading in ("每日到账", "在途时长", "批次", "结账"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.locator("[data-chart] canvas").first).to_be_visible()
    page.get_by_text("数据表：每日到账").click()
    expect(page.get_by_role("table", name="每日到账")).to_be_visible()
    assert axe(page) == []

    page.get_by_role("link", name="日结月结").first.click()
    expect(page.get_by_role("heading", level=1, name="日结月结")).to_be_visible()
    controls = page.get_by_role("table", name="总账与明细账")
    expect(controls.locator("tr.is-err")).to_have_count(0)
    if page.get_by_role("button", name="日结", exact=True).count():
        to = page.get_by_label(re.compile("日结到")).input_value()
        page.get_by_role("button", name="日结", exact=True).click()
        expect(page.get_by_text(f"账结到 {to}")).to_be_visible()
    expect(page.get_by_text("到昨天为止都已日结")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("table", name="最近日结").get_by_role("link").first.click()

    expect(page.get_by_role("heading", level=1, name="试算平衡表")).to_be_visible()
    expect(page.get_by_text("借贷平衡")).to_be_visible()
    expect(page.get_by_text("以前的数字不会再变")).to_be_visible()
    bank = page.get_by_role("row").filter(has_text="收入户存款").first
    amount = bank.get_by_role("link").nth(1)
    shown = amount.inner_text()
    amount.click()
    expect(page.get_by_role("heading", level=1, name="收入户存款明细账")).to_be_visible()
    expect(page.locator("main")).to_contain_text(shown)
    assert axe(page) == []
    single = (
        page.get_by_role("table", name="明细").get_by_role("row").filter(has_text=re.compile(r"到账 SW"))
    )  # beside the sums of debit batches
    single.get_by_role("link", name=re.compile("凭证")).first.click()
    expect(page.get_by_role("heading", level=1, name=re.compile("^凭证"))).to_be_visible()
    expect(page.get_by_role("table", name="分录")).to_contain_text("收入户存款")
    assert axe(page) == []
    page.get_by_role("link", name=re.compile("^到账 ")).click()
    expect(page.get_by_role("heading", level=1, name="到账登记")).to_be_visible()
    expect(page.get_by_role("table", name="到账明细").get_by_role("row")).to_have_count(2)


def test_the_books_fit_a_phone_and_do_without_scripts(signed_in: SignedIn) -> None:
    paths = ("/w/", "/w/trial-balance", "/w/books/report", "/w/books/closing", "/w/runs", "/w/books/accounts/110/bank")
    phone = signed_in("finance2", width=390, height=844)
    plain = signed_in("finance2", scripts=False)
    for path in paths:
        phone.goto(path)
        assert overflow(phone) == [], path
        plain.goto(path)
        expect(plain.get_by_role("heading", level=1)).to_be_visible()
