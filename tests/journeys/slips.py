"""A 密码条 in the hands of whoever got it: printed through the page's own form, read off the paper."""

import io
import re
from dataclasses import dataclass

import pypdf
from playwright.sync_api import Page, expect

NEW_PASSWORD = "江城 journey 2026"


@dataclass(frozen=True, slots=True)
class PaperSlip:
    """What the paper says."""

    username: str
    password: str
    serial: str
    download_password: str


def printed(page: Page, row_text: str) -> PaperSlip:
    """打印密码条 of the row with these words."""
    form = page.locator("tr", has_text=row_text).first.locator("form[action$='/print']")
    answer = page.request.post(
        str(form.get_attribute("action")), form={"csrfmiddlewaretoken": form.locator("input[name=csrfmiddlewaretoken]").input_value()}
    )
    assert answer.status == 200 and answer.headers["content-type"] == "application/pdf", answer.text()[:500]
    pages = pypdf.PdfReader(io.BytesIO(answer.body())).pages
    text = re.sub(r"\s", "", "".join(each.extract_text() for each in pages))
    found = re.search(r"用户名(wh[a-z2-9]{8})单位密码（初始登录密码）(\w{12})证书序列号(WH\d{14})证书密码（证书下载密码）(\w{12})", text)
    assert found, text
    return PaperSlip(*found.groups())


def signed_in_first(page: Page, slip: PaperSlip) -> None:
    """The first sign-in: a new password is forced, then the 承诺书 and 服务条款 are read and accepted."""
    entered(page, slip.username, slip.password)
    expect(page.get_by_role("heading", level=1)).to_have_text("修改密码")
    page.goto("/u/")
    expect(page.get_by_role("heading", level=1)).to_have_text("修改密码")
    page.locator("#id_old").fill(slip.password)
    page.locator("#id_new").fill(NEW_PASSWORD)
    page.locator("#id_again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="保存新密码").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("阅读并接受")
    expect(page.get_by_text("主办方有权暂停其单位（个人）用户资格")).to_be_visible()
    page.get_by_role("button", name="接受并继续").click()
    expect(page.locator("#errors")).to_contain_text("请先勾选")
    page.get_by_label("我已阅读并接受").check()
    page.get_by_role("button", name="接受并继续").click()
    page.wait_for_url("**/u/")


def entered(page: Page, username: str, password: str) -> None:
    """登录."""
    page.goto("/sign-in")
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
