"""Checks that any page must pass in a real browser: what axe cannot see (overflow, focus hidden under bars, missing visible labels, tiny
targets and type, lost glyphs, script errors under the content security policy) and axe itself.

Each check returns sentences about what is wrong; an empty list is a pass. Used by the gallery's tests and by journeys.
"""

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
WIDTHS = ((320, 640), (390, 844), (768, 1024), (1024, 768), (1440, 900))
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RARE_CHARACTERS = "张䶮㛃𬭎𫘧𠅤·﨎"
TAB_STOPS_MAX = 150

LABELS = """() => [...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(e => {
  const r = e.getBoundingClientRect();
  if (!r.width) return false;
  return !([...(e.labels || [])].map(l => l.textContent.trim()).join('') || e.getAttribute('aria-label'));
}).map(e => e.outerHTML.slice(0, 90))"""

TARGETS = """least => [...document.querySelectorAll('a,button,input,select,summary')].filter(e => {
  const r = e.getBoundingClientRect(), s = getComputedStyle(e);
  if (!r.width || !r.height || s.visibility == 'hidden' || s.display == 'inline') return false;
  if (e.closest('.vh,.skip') || e.type == 'hidden') return false;
  return Math.min(r.width, r.height) < least;
}).map(e => {
  const r = e.getBoundingClientRect();
  return (e.textContent.trim() || e.id).slice(0, 16) + ' ' + Math.round(r.width) + 'x' + Math.round(r.height);
})"""

PRIMARY = """least => [...document.querySelectorAll('.btn.primary,.tabbar a,.actions .btn')].filter(e => {
  const r = e.getBoundingClientRect();
  return r.height && !e.matches('.sm') && r.height < least;
}).map(e => e.textContent.trim().slice(0, 16) + ' ' + Math.round(e.getBoundingClientRect().height))"""

SMALL_TYPE = """least => {
  const found = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement, r = e.getBoundingClientRect();
    if (!n.textContent.trim() || !r.width || e.closest('script,style,.vh,svg,.skip')) continue;
    const size = parseFloat(getComputedStyle(e).fontSize);
    if (size < least - 0.05) found.add(size.toFixed(1) + 'px ' + n.textContent.trim().slice(0, 16));
  }
  return [...found];
}"""

TOFU = """characters => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 40;
  const pen = canvas.getContext('2d', {willReadFrequently: true}), family = getComputedStyle(document.body).fontFamily;
  const drawn = s => {
    pen.clearRect(0, 0, 40, 40); pen.font = '28px ' + family; pen.fillText(s, 4, 30);
    return pen.getImageData(0, 0, 40, 40).data.join();
  };
  const missing = ['\\u{10FFFD}', '\\u{EFFFD}', ' '].map(drawn);
  return [...characters].filter(s => missing.includes(drawn(s)));
}"""

STRUCTURE = """() => {
  const wrong = [], d = document, inline = d.querySelector('[style]:not(.plot, .plot *),[onclick],style');
  const shown = h => h.getClientRects().length && !h.closest('nav,dialog');
  const levels = [...d.querySelectorAll('h1,h2,h3,h4')].filter(shown).map(h => +h.tagName[1]);
  if (d.documentElement.lang != 'zh-CN') wrong.push('lang is not zh-CN');
  if (d.querySelectorAll('h1').length != 1) wrong.push(d.querySelectorAll('h1').length + ' h1');
  if (d.querySelectorAll('main').length != 1) wrong.push('not one main');
  if (!d.querySelector('a.skip[href="#main"]')) wrong.push('no skip link');
  if (!d.querySelector('header') || !d.querySelector('footer')) wrong.push('no header or footer');
  if (!/ - 社保网上办事大厅$/.test(d.title)) wrong.push('title: ' + d.title);
  if (/user-scalable=no|maximum-scale=1/.test(d.querySelector('meta[name=viewport]').content)) wrong.push('zoom is locked');
  if (inline) wrong.push('inline style or handler: ' + inline.outerHTML.slice(0, 80));
  levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) wrong.push('heading level jumps to ' + level); });
  d.querySelectorAll('table').forEach(t => {
    if (!t.caption || !t.querySelector('th[scope]')) wrong.push('table without caption or scope');
  });
  d.querySelectorAll('.tag').forEach(t => { if (!t.textContent.trim()) wrong.push('status by colour only'); });
  const ids = [...d.querySelectorAll('[id]')].map(e => e.id);
  ids.filter((id, i) => ids.indexOf(id) != i).forEach(id => wrong.push('id twice: ' + id));
  if (/操作失败|系统异常|Traceback|\\bNone\\b|\\bnull\\b|undefined/.test(d.body.innerText)) wrong.push('words that no page may show');
  return wrong;
}"""

FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const r = e.getBoundingClientRect(), s = getComputedStyle(e), zone = e.closest('.drop');
  const on = document.elementFromPoint(r.left + Math.min(r.width / 2, r.width - 2), r.top + Math.min(r.height / 2, 40));
  const seen = !!on && (e === on || e.contains(on) || on.contains(e) || [...(e.labels || [])].includes(on) || (zone && zone.contains(on)));
  const ring = s.outlineStyle != 'none' || (zone && getComputedStyle(zone).outlineStyle != 'none');
  return {name: (e.textContent.trim() || e.id || e.name || '').slice(0, 16), seen, ring};
}"""

OVERFLOW = """() => {
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over <= 0) return [];
  const beyond = e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll-x,.tabs');
  const wide = [...document.querySelectorAll('body *')].filter(beyond);
  return [over + ' px too wide: ' + wide.slice(0, 3).map(e => e.outerHTML.slice(0, 70)).join(' | ')];
}"""

PRINT_CHROME = """() => [...document.querySelectorAll('.top,.side,.tabbar,.actions,.foot')]
  .filter(e => getComputedStyle(e).display != 'none').map(e => e.className)"""


def overflow(page: Page) -> list[str]:
    """Nothing is wider than the window, so that nobody scrolls sideways (WCAG 1.4.10)."""
    return list(page.evaluate(OVERFLOW))


def labels(page: Page) -> list[str]:
    """Every control that is shown has a label; a placeholder is none."""
    return [f"no label: {control}" for control in page.evaluate(LABELS)]


def targets(page: Page, least_px: int = 24) -> list[str]:
    """Every target but those inside a sentence is at least so large (WCAG 2.5.8)."""
    return [f"target under {least_px} px: {target}" for target in page.evaluate(TARGETS, least_px)]


def primary_targets(page: Page, least_px: int = 44) -> list[str]:
    """What is pressed most on a phone: primary buttons, tab bar, action bar."""
    return [f"primary target under {least_px} px: {target}" for target in page.evaluate(PRIMARY, least_px)]


def small_type(page: Page, least_px: float = 13) -> list[str]:
    """No text is smaller. 长辈版: 18."""
    return [f"type under {least_px} px: {text}" for text in page.evaluate(SMALL_TYPE, least_px)]


def lost_glyphs(page: Page, characters: str = RARE_CHARACTERS) -> list[str]:
    """Characters of people's names that the page's fonts draw as nothing or as a box."""
    return [f"no glyph: {character} U+{ord(character):X}" for character in page.evaluate(TOFU, characters)]


def structure(page: Page) -> list[str]:
    """Language, title, headings, landmarks, tables, unique ids, words no page may show."""
    return list(page.evaluate(STRUCTURE))


def keyboard_walk(page: Page) -> list[str]:
    """Tab through the page: each stop is visible, shows a ring and lies under no bar (WCAG 2.4.7, 2.4.11)."""
    wrong: list[str] = []
    stops = 0
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    for _ in range(TAB_STOPS_MAX):
        page.keyboard.press("Tab")
        stop: dict[str, Any] | None = page.evaluate(FOCUS)
        if stop is None:
            break
        stops += 1
        if not stop["seen"]:
            wrong.append(f"focus hidden: {stop['name']}")
        if not stop["ring"]:
            wrong.append(f"focus without a ring: {stop['name']}")
    return wrong if stops else ["the keyboard reaches nothing"]


def printed_chrome(page: Page) -> list[str]:
    """On paper only the content."""
    page.emulate_media(media="print")
    shown = page.evaluate(PRINT_CHROME)
    page.emulate_media(media="screen")
    return [f"printed: {name}" for name in shown]


def axe(page: Page) -> list[str]:
    """Violations that axe-core finds, WCAG A to AA 2.2 and best practice."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    # Only violations are worked out in full, which takes half the time.
    found = page.evaluate(f"() => axe.run(document, {{runOnly: {json.dumps(AXE_TAGS)}, resultTypes: ['violations']}})")
    return [f"axe {v['id']}: {v['help']} at {v['nodes'][0]['html'][:100]}" for v in found["violations"]]


def listen(page: Page) -> list[str]:
    """A list that fills with script errors, refused content and failed requests while the page is used."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("requestfailed", lambda request: heard.append(f"failed: {request.url}"))
    page.on("response", lambda answer: heard.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None)
    return heard


def everything(page: Page, type_px: float = 13) -> list[str]:
    """All checks that read the page as it stands."""
    return [*overflow(page), *labels(page), *targets(page), *small_type(page, type_px), *lost_glyphs(page), *structure(page), *axe(page)]


@contextmanager
def serve(pages: Mapping[str, str], files: Path) -> Iterator[str]:
    """Serve rendered pages by path, and a folder under /static/, on a free loopback port with the product's security policy.

    Yields: the address without a slash at the end. `pages` may change while serving.
    """

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            return str(files / path.split("?")[0].removeprefix("/static/"))

        def log_message(self, format: str, *args: object) -> None:
            pass

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", CSP)
            super().end_headers()

        def do_GET(self) -> None:
            if self.path.startswith("/static/"):
                super().do_GET()
                return
            page = pages.get(self.path.split("?")[0])
            body = (page or "").encode()
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
