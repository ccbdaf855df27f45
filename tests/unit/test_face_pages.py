"""The gallery and the finished pages in a real browser, rendered by Jinja alone and served with the product's security policy."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import Browser, Page, Route

from shebao.surfaces.jinja import environment
from tests.journeys import face_checks as checks

pytestmark = pytest.mark.browser
SURFACES = Path(__file__).parents[2] / "shebao" / "surfaces"
STATIC = SURFACES / "static"
Open = Callable[..., Page]


def field(name: str, label: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "label": label, "kind": kind, "value": "", **more}


WRONG = "用户名或密码不对，请核对大小写"
CODE = field("code", "验真码", "code", hint="凭证右下角", example="7K3F-9M2P-4XQH-8RTC")
FACTS = [("单位", "武汉东湖示例科技有限公司"), ("人员", "张**　4201**********1237"), ("出具时间", "2026-11-21 10:32")]
VALID = {"state": "valid", "kind": "单位参保证明", "code": "7K3F", "facts": FACTS, "sample": True, "checked_at": "2026-11-21 14:05"}
ENTRY = {"label": "增员（续保）", "url": "/x", "icon": "person-plus", "note": "新入职或续保"}
SIGN_IN = {"username": field("username", "用户名", "text"), "password": field("password", "密码", "password")}
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "gallery": ("ui/gallery.html", {}),
    "home": (
        "public/home.html",
        {
            "groups": [{"title": "单位业务办理", "entries": [ENTRY] * 6}],
            "notices_list": [{"title": "缴费工资申报公告", "url": "/x", "on": "11-20"}],
            "search_words": [("增员（续保）", "/x")],
            "notices": [{"title": "停机预告", "text": "11 月 28 日 22:00 起升级维护。", "tone": "warn"}],
        },
    ),
    "sign-in": ("public/signin.html", {"form": SIGN_IN}),
    "sign-in-refused": (
        "public/signin.html",
        {
            "form": SIGN_IN | {"password": field("password", "密码", "password", error=WRONG)},
            "errors": [("password", WRONG)],
            "has_errors": True,
            "notice": {"title": "停机预告", "text": "今晚升级。", "tone": "warn"},
        },
    ),
    "password": (
        "public/password.html",
        {
            "forced": True,
            "username": "demo",
            "rules": ["至少 12 个字符"],
            "form": {
                "old": field("old", "初始密码", "password"),
                "new": field("new", "新密码", "password"),
                "again": field("again", "再输一次", "password"),
            },
        },
    ),
    "verify": ("public/verify.html", {"form": {"code": CODE}}),
    "verify-valid": ("public/verify.html", {"form": {"code": CODE}, "result": VALID}),
    "verify-revoked": (
        "public/verify.html",
        {"form": {"code": CODE}, "result": VALID | {"state": "revoked", "revoked": "2026-11-20", "reason": "信息订正后重新出具"}},
    ),
    "verify-missing": (
        "public/verify.html",
        {"form": {"code": CODE}, "result": {"state": "missing", "code": "0000", "checked_at": "2026-11-21 14:05"}},
    ),
    "accessibility": ("public/accessibility.html", {}),
    **{str(status): (f"errors/{status}.html", {"trace_id": "01JD8-7F3A2C"}) for status in (403, 404, 409, 413, 422, 429, 500, 503)},
}
FACES = {"plain": {}, "elder": {"mode": "elder"}, "high": {"contrast": "high"}}


@pytest.fixture(scope="module")
def templates() -> Environment:
    made = environment(loader=FileSystemLoader(SURFACES / "templates"), auto_reload=True)
    made.globals.update(static=lambda path: f"/static/{path}", url=lambda name, **_: f"/{name}")
    return made


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, dict[str, str]]]:
    pages: dict[str, str] = {}
    with checks.serve(pages, STATIC) as address:
        yield address, pages


@pytest.fixture
def opened(browser: Browser, site: tuple[str, dict[str, str]], templates: Environment) -> Iterator[Open]:
    """Open one of PAGES at a width, in a mode; `heard` is what the console said."""
    contexts = []

    def visit(name: str, width: int = 1440, height: int = 900, face: str = "plain", scripts: bool = True, extra: str = "") -> Page:
        template, context = PAGES[name]
        address, pages = site
        pages[f"/{name}-{face}"] = templates.get_template(template).render(**context, **FACES[face]) + extra
        window = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN", java_script_enabled=scripts)
        contexts.append(window)
        window.set_default_timeout(6000)
        page = window.new_page()
        page.heard = checks.listen(page)  # type: ignore[attr-defined]
        page.goto(f"{address}/{name}-{face}")
        return page

    yield visit
    for window in contexts:
        window.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_passes_every_check(opened: Open, name: str, width: int) -> None:
    page = opened(name, width)
    assert checks.everything(page) == []
    assert checks.keyboard_walk(page) == []
    assert page.heard == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("face", ["elder", "high"])
@pytest.mark.parametrize("name", ["gallery", "home", "sign-in-refused", "verify-valid", "500"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_passes_every_check_for_elders_and_in_high_contrast(opened: Open, name: str, width: int, face: str) -> None:
    page = opened(name, width, face=face)
    assert checks.everything(page, type_px=18 if face == "elder" else 13) == []
    assert page.heard == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "height"), checks.WIDTHS)
def test_the_gallery_fits_every_width_and_hides_no_focus(opened: Open, width: int, height: int) -> None:
    page = opened("gallery", width, height)
    assert checks.overflow(page) == []
    assert checks.keyboard_walk(page) == []


@pytest.mark.parametrize("name", ["home", "sign-in-refused", "verify-valid", "409"])
@pytest.mark.parametrize("face", FACES)
def test_the_narrowest_window_needs_no_sideways_scrolling(opened: Open, name: str, face: str) -> None:
    assert checks.overflow(opened(name, 320, 640, face)) == []


def test_what_is_pressed_most_is_large_enough_for_a_thumb(opened: Open) -> None:
    assert checks.primary_targets(opened("gallery", 390, 844)) == []
    elder = opened("gallery", 390, 844, face="elder")
    tiles = elder.eval_on_selector_all(".tile", "all => all.map(e => e.getBoundingClientRect().height)")
    assert tiles and min(tiles) >= 60


def test_on_paper_only_the_content_remains(opened: Open) -> None:
    assert checks.printed_chrome(opened("gallery")) == []


def test_the_checks_find_what_is_wrong(opened: Open) -> None:
    page = opened("500")
    page.evaluate(
        """() => {
          const main = document.querySelector('main');
          main.append(document.createElement('h1'), document.createElement('table'));
          const box = document.createElement('input'); box.placeholder = '姓名'; main.append(box);
          const wide = document.createElement('div'); wide.className = 'scroll-test';
          wide.textContent = '长'.repeat(400); main.append(wide);
          const tiny = document.createElement('button'); tiny.textContent = '·'; tiny.className = 'vh-not'; main.append(tiny);
          const sheet = new CSSStyleSheet();
          sheet.replaceSync('.scroll-test{white-space:nowrap} .vh-not{width:9px;height:9px;padding:0;font-size:9px}');
          document.adoptedStyleSheets.push(sheet);
        }"""
    )
    assert checks.overflow(page) and checks.labels(page) and checks.targets(page) and checks.small_type(page)
    assert checks.structure(page) and checks.axe(page)
    assert checks.lost_glyphs(page, "\U000eeee0")


def test_the_security_policy_is_really_in_force(opened: Open) -> None:
    page = opened("500", extra="<script>document.title = 'broken'</script>")
    assert "broken" not in page.title()
    assert any("Content Security Policy" in line for line in page.heard)  # type: ignore[attr-defined]


def test_errors_are_announced_focused_and_lead_to_their_fields(opened: Open) -> None:
    page = opened("sign-in-refused")
    assert page.title() == "错误：登录 - 社保网上办事大厅"
    assert page.evaluate("document.activeElement.id") == "errors"
    page.locator("#errors a").click()
    assert page.evaluate("document.activeElement.id") == "id_password"
    assert page.locator("#id_password_error").inner_text() == page.locator("#errors a").inner_text() == WRONG


def test_elder_mode_takes_one_click_and_is_remembered(opened: Open) -> None:
    for width in (390, 1440):
        page = opened("home", width)
        page.locator("header").get_by_role("button", name="长辈版").click()
        assert page.locator("html").get_attribute("data-mode") == "elder"
        assert {c["name"]: c["value"] for c in page.context.cookies()}["mode"] == "elder"
        page.locator("header").get_by_role("button", name="退出长辈版").click()
        assert page.locator("html").get_attribute("data-mode") == "plain"


def test_slash_goes_to_the_search_but_not_while_typing(opened: Open) -> None:
    page = opened("gallery")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "site-search"
    page.locator("#id_remark").fill("")
    page.locator("#id_remark").press("/")
    assert page.locator("#id_remark").input_value() == "/"


def test_the_tree_opens_on_a_phone_with_and_without_scripts(opened: Open) -> None:
    page = opened("gallery", 390, 844)
    tree = page.locator("#menu")
    assert not tree.is_visible()
    page.get_by_text("打开菜单").click(force=True)
    assert tree.is_visible()
    page.keyboard.press("Escape")
    assert not tree.is_visible()
    plain = opened("gallery", 390, 844, scripts=False)
    plain.get_by_text("打开菜单").click(force=True)
    assert plain.locator("#menu").is_visible()


def test_what_cannot_be_undone_asks_for_the_word_first(opened: Open) -> None:
    page = opened("gallery")
    page.get_by_role("link", name="当月欠费注销").last.click()
    sure = page.get_by_role("button", name="注销当月欠费")
    assert sure.is_visible() and sure.is_disabled()
    assert sure.evaluate("e => getComputedStyle(e).cursor") == "not-allowed"
    page.get_by_label("请输入“注销”以确认").fill("注销")
    assert sure.is_enabled()
    assert checks.axe(page) == []
    page.keyboard.press("Escape")
    assert not sure.is_visible()


def test_a_dialog_opens_without_scripts_too(opened: Open) -> None:
    page = opened("gallery", scripts=False)
    page.get_by_role("link", name="当月欠费注销").last.click()
    assert page.get_by_role("button", name="注销当月欠费").is_visible()


def test_select_all_counts_and_wakes_the_buttons_that_need_a_choice(opened: Open) -> None:
    page = opened("gallery")
    remove = page.get_by_role("button", name="删除选中")
    assert page.locator("[data-pick-count]").inner_text() == "1"
    page.get_by_label("全选本页").check()
    assert page.locator("[data-pick-count]").inner_text() == "3"
    page.get_by_label("全选本页").uncheck()
    assert remove.is_disabled()


def test_a_chosen_file_is_named_with_its_size(opened: Open) -> None:
    page = opened("gallery")
    page.locator("#id_roster").set_input_files({"name": "增员名册.xlsx", "mimeType": "application/octet-stream", "buffer": b"x" * 204_800})
    assert page.locator("#id_roster_box [data-chosen]").inner_text() == "已选择：增员名册.xlsx（200 KB）"


def test_unsaved_typing_is_told(opened: Open) -> None:
    page = opened("gallery")
    page.locator("#id_remark").fill("补充说明")
    assert page.locator("[data-draft-note]").inner_text() == "有未保存的修改"


def test_a_form_is_sent_once_however_often_it_is_pressed(opened: Open) -> None:
    page = opened("sign-in")
    posts: list[str] = []

    def hold(route: Route) -> None:
        posts.append(route.request.method)
        route.fulfill(status=204)  # the page stays as it is

    page.route("**/sign-in", hold)
    page.get_by_role("button", name="登录").click(no_wait_after=True)
    page.evaluate("() => document.querySelector('main form').requestSubmit()")
    page.wait_for_timeout(200)
    assert posts == ["POST"]


def test_htmx_polls_and_swaps_under_the_security_policy(opened: Open, site: tuple[str, dict[str, str]], templates: Environment) -> None:
    macro = templates.get_template("ui/all.html").module.progress  # type: ignore[attr-defined]
    site[1]["/progress"] = str(macro(200, 200, "校验完成"))
    page = opened("500", extra=str(macro(20, 200, "正在校验", poll="/progress", seconds=1)))
    page.get_by_text("校验完成").wait_for()
    assert page.locator("[role=progressbar]").get_attribute("aria-valuenow") == "200"
    assert page.heard == []  # type: ignore[attr-defined]


def test_rare_names_show_from_our_slices_alone(opened: Open) -> None:
    page = opened("500")
    loaded = page.evaluate("""async () => (await document.fonts.load('20px "Hall Rare Names"', '䶮㛃𬭎𫘧𠅤')).map(f => f.status)""")
    assert len(loaded) >= 3 and set(loaded) == {"loaded"}
    assert page.heard == []  # type: ignore[attr-defined]


def test_no_page_says_a_thing_failed_without_saying_why_and_what_to_do(templates: Environment) -> None:
    for status in (403, 404, 409, 413, 422, 429, 500, 503):
        text = templates.get_template(f"errors/{status}.html").render(trace_id="T-1")
        assert "您可以这样做" in text and text.count("<li>") >= 3 and "T-1" in text
        assert templates.get_template(f"errors/{status}.html").render()


def test_a_page_weighs_little(templates: Environment) -> None:
    import gzip

    page = templates.get_template("ui/gallery.html").render().encode()
    parts = [page, *((STATIC / name).read_bytes() for name in ("app.css", "app.js", "rare-names.css", "icons.svg", "vendor/htmx.min.js"))]
    assert sum(len(gzip.compress(part)) for part in parts) < 120_000
