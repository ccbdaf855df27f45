"""Help: the guide of every item, the sample template, search from any page by keyboard.

Follows seed 004: "点击【模板下载】按钮，在下载的模板上按要求填写" and the 业务说明、所需资料、办事程序、注意事项 of every chapter of
《武汉市社会保险网上办事业务指南（单位篇）》, which a guide here has too, generated from the item itself.
"""

import io
import re

import openpyxl
import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import SignedIn


def test_every_item_has_a_guide_with_its_paths_materials_and_refusals(signed_in: SignedIn) -> None:
    visitor = signed_in(None)
    visitor.goto("/items")
    addresses = visitor.locator("tbody a b").locator("xpath=..").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert len(addresses) >= 3
    for address in addresses:
        visitor.goto(address)
        for part in ("谁能办、什么时候办", "需要的材料", "需要填写的内容", "哪些情况办不了", "依据", "从哪里办"):
            expect(visitor.get_by_role("heading", name=part, exact=True)).to_be_visible()
        expect(visitor.get_by_role("heading", name=re.compile("^怎么办："))).not_to_have_count(0)
        expect(visitor.locator(".walk li").first).to_be_visible()


def test_the_guide_tells_vip_and_ordinary_units_their_own_way_and_gives_the_template(signed_in: SignedIn) -> None:
    visitor = signed_in(None)
    visitor.goto("/items/stop-employee")
    vip = visitor.locator("section", has=visitor.get_by_role("heading", name="怎么办：VIP 单位"))
    expect(vip).to_contain_text("系统自动审核")
    expect(vip).not_to_contain_text("窗口审核")
    ordinary = visitor.locator("section", has=visitor.get_by_role("heading", name="怎么办：普通单位"))
    expect(ordinary).to_contain_text("打印《企业参保人员减员表》")
    expect(visitor.locator("main")).to_contain_text("有欠费，不能暂停缴费")
    with visitor.expect_download() as got:
        visitor.get_by_role("link", name="下载模板（Excel）").click()
    sheet = openpyxl.load_workbook(io.BytesIO(got.value.path().read_bytes())).worksheets[0]
    header = [cell.value for cell in sheet[3]]
    assert any("公民身份号码" in str(cell) for cell in header) and any("停保原因" in str(cell) for cell in header)


def test_a_guide_prints_without_what_is_only_for_the_screen(signed_in: SignedIn) -> None:
    visitor = signed_in(None)
    visitor.goto("/items/add-employee")
    visitor.emulate_media(media="print")
    for gone in (
        visitor.get_by_role("link", name="在线办理"),
        visitor.get_by_role("button", name="打印指南"),
        visitor.locator("header.top"),
    ):
        expect(gone.first).not_to_be_visible()
    expect(visitor.get_by_role("heading", name="怎么办：普通单位")).to_be_visible()


@pytest.mark.parametrize(("who", "start"), [(None, "/answers"), ("unit", "/u/bills"), ("reviewer", "/w/queue/waiting")])
def test_the_slash_key_leads_to_the_search_from_any_page(signed_in: SignedIn, who: str | None, start: str) -> None:
    page = signed_in(who)
    page.goto(start)
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator("#site-search")).to_be_focused()
    page.keyboard.type("离职")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("离职")
    expect(page.locator("main").get_by_role("link", name="暂停缴费").first).to_be_visible()


def test_a_unit_finds_its_own_people_masked_and_nobody_elses(signed_in: SignedIn) -> None:
    mine, others = signed_in("unit"), signed_in("unit2")
    mine.goto("/u/staff")
    row = mine.locator("tbody tr").first
    name = row.get_by_role("link").first.inner_text()
    mine.goto(f"/u/search?q={name}")
    people = mine.locator("section", has=mine.get_by_role("heading", name="本单位人员"))
    expect(people.get_by_role("link", name=name).first).to_be_visible()
    assert re.search(r"[0-9]{4}\*{10}[0-9X]{4}", people.inner_text()) and not re.search(r"[0-9]{17}[0-9X]", people.inner_text())
    people.get_by_role("link", name=name).first.click()
    expect(mine.get_by_role("heading", level=1)).to_contain_text(name)
    address = mine.url
    assert others.goto(address).status == 404  # type: ignore[union-attr]


def test_the_desk_finds_people_units_and_cases_and_each_look_is_on_record(signed_in: SignedIn) -> None:
    desk, auditor = signed_in("reviewer"), signed_in("auditor")
    desk.goto("/w/queue/waiting")
    number = desk.locator("tbody .num").first.inner_text().strip()
    desk.goto(f"/w/search?q={number}")
    assert re.search(r"/w/cases/[0-9]+$", desk.url)  # a whole 业务顺序号 leads there at once
    desk.goto("/w/search?q=武汉")
    expect(desk.get_by_role("heading", name="单位", exact=True)).to_be_visible()
    desk.goto("/w/search?q=没有这个人")
    expect(desk.locator("main")).to_contain_text("没有找到“没有这个人”")
    auditor.goto("/a/trace?q=没有这个人")
    expect(auditor.locator("tbody")).to_contain_text("查找个人")


def test_nothing_found_says_what_to_try(signed_in: SignedIn) -> None:
    visitor = signed_in(None)
    visitor.goto("/search?q=没有这个词")
    expect(visitor.locator("main")).to_contain_text("换个说法试试")
    visitor.get_by_role("link", name="全部事项").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("办事指南")
