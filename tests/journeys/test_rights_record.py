"""个人权益记录单: a person looks at the own account, prints the sealed record of a year, and anybody verifies it by its code."""

import re
from io import BytesIO

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.journeys import face_checks
from tests.journeys.conftest import SignedIn

pytestmark = pytest.mark.browser


def test_a_person_reads_the_account_and_prints_the_record_and_a_stranger_verifies_it(signed_in: SignedIn) -> None:
    page = signed_in("person")
    page.get_by_role("link", name="个人账户", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("个人账户")
    expect(page.locator("main")).to_contain_text("缴费划入")
    balance = re.search(r"累计储存额\s*([\d,]+\.\d\d)", page.locator("main").inner_text())
    assert balance, page.locator("main").inner_text()[:300]
    assert page.locator("canvas").count() >= 2, "both charts are drawn"
    assert face_checks.everything(page) == []
    page.get_by_role("link", name="个人权益记录单").first.click()
    expect(page.locator("main")).to_contain_text("本年末累计储存额")
    assert face_checks.everything(page) == []
    sealed = page.get_by_role("link", name="带电子印章的记录单").get_attribute("href")
    answer = page.request.get(sealed or "")
    assert answer.ok and answer.headers["content-type"] == "application/pdf"
    text = "".join(sheet.extract_text() for sheet in PdfReader(BytesIO(answer.body())).pages)
    code = re.search(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", text)
    assert code and balance[1] in text, text[:400]
    stranger = signed_in(None)
    stranger.goto(f"/v/{code[0].replace('-', '')}")
    expect(stranger.locator("main")).to_contain_text("社会保险个人权益记录单")
    expect(stranger.locator("main")).to_contain_text(f"{balance[1]} 元")


def test_the_account_reads_on_a_phone_and_without_scripts(signed_in: SignedIn) -> None:
    phone = signed_in("person", width=390, height=844)
    phone.goto("/p/account")
    assert face_checks.everything(phone) == []
    plain = signed_in("person", scripts=False)
    plain.goto("/p/account")
    expect(plain.locator("main")).to_contain_text("缴费划入")
    unit = signed_in("unit")
    unit.goto("/u/account")
    expect(unit.locator("main")).to_contain_text("逐月明细")
    assert face_checks.everything(unit) == []
