"""A real hall for the journeys: the demo city of a fixed day, served by `shebao run` with its job process, and Debian's Chromium."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "wuhan-demo-2026"  # as `shebao run` prints it

NOW = "2026-11-16T09:00:00"  # a Monday before the cut-off day
START_SECONDS_MAX = 120


LAST = "test_guide_06_write_off"  # it closes the month, which other journeys still file in


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What changes the hall for everybody comes last."""
    items.sort(key=lambda item: LAST in item.nodeid)


@dataclass(frozen=True, slots=True)
class Hall:
    """A running hall."""

    address: str
    data: Path


@pytest.fixture(scope="session")
def hall() -> Iterator[Hall]:
    """Build a small city and serve it; everything is stopped and removed at the end. SHEBAO_TEST_HALL names one that runs already."""
    if standing := os.environ.get("SHEBAO_TEST_HALL"):
        yield Hall(standing, Path())
        return
    place = Path(tempfile.mkdtemp(prefix="shebao-hall-"))
    place.chmod(0o711)
    data = place / "data"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHEBAO_")}
    environment = kept | {"SHEBAO_DATA": str(data), "SHEBAO_NOW": NOW}
    shebao = [sys.executable, "-m", "shebao.site.command"]
    city = ["demo", "--units", "24", "--people", "2400", "--months", "3"]
    subprocess.run([*shebao, *city], env=environment, check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (place / "log").open("wb")
    running = subprocess.Popen([*shebao, "run", "--port", str(port)], env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _await(address, running)
        yield Hall(address, data)
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)
        log.close()
        print((place / "log").read_text(errors="replace")[-6000:])  # shown beside a failed test
        from shebao.site.embedded.folders import remove_cluster
        from shebao.site.embedded.use import stop_server

        stop_server(data)
        remove_cluster(data)
        subprocess.run(["rm", "-rf", str(place)], check=True)


def _await(address: str, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        assert running.poll() is None, "the hall ended before it answered"
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the hall did not answer in time")


SignedIn = Callable[..., Page]


@pytest.fixture
def signed_in(hall: Hall, browser: Browser) -> Iterator[SignedIn]:
    """`signed_in("unit")` opens a page as that demo account; script errors of any page fail the test."""
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def sign_in(username: str | None, *, width: int = 1440, height: int = 900, scripts: bool = True) -> Page:
        context = browser.new_context(
            base_url=hall.address, viewport={"width": width, "height": height}, java_script_enabled=scripts, locale="zh-CN"
        )
        context.set_default_timeout(30_000)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda told: errors.append(told.text) if told.type == "error" and "status of" not in told.text else None)
        if username:
            page.goto("/sign-in")
            page.locator("input[name=username]").fill(username)
            page.locator("input[name=password]").fill(PASSWORD)
            page.get_by_role("button", name="登录", exact=True).click()
            page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield sign_in
    for context in opened:
        context.close()
    assert errors == [], "script errors or breaches of the content security policy"
