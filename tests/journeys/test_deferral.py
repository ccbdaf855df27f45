"""缓缴 in the July of 2022: applied for after the outage, reviewed by two, the bill marked, the employee still free to leave.

Follows seed 001, question 11: "符合阶段性缓缴社会保险费政策的参保单位，可……填报《缓缴社会保险费承诺书》……也可待系统切换完成、业务恢复办理后，线上补办申请
缓缴6、7月份社会保险费的业务，不计征滞纳金，个人权益不受影响".
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

NOW = "2022-07-26T09:00:00"
PASSWORD = "only-for-tests-1"  # of tests.make, whose import needs Django
START_SECONDS_MAX = 120


@pytest.fixture(scope="module")
def hall_2022() -> Iterator[str]:
    """A hall whose clock starts on 2022-07-26, the day after the outage."""
    place = Path(tempfile.mkdtemp(prefix="shebao-hall-2022-"))
    place.chmod(0o711)
    data = place / "data"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SHEBAO_")} | {"SHEBAO_DATA": str(data), "SHEBAO_NOW": NOW}
    subprocess.run([sys.executable, "-m", "tests.journeys.city_2022"], env=environment, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (place / "log").open("wb")
    command = [sys.executable, "-m", "shebao.site.command", "run", "--no-demo", "--port", str(port)]
    running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            assert running.poll() is None, (place / "log").read_text(errors="replace")
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)
        log.close()
        print((place / "log").read_text(errors="replace")[-4000:])
        from shebao.site.embedded.folders import remove_cluster
        from shebao.site.embedded.use import stop_server

        stop_server(data)
        remove_cluster(data)
        subprocess.run(["rm", "-rf", str(place)], check=True)


def signed_in(browser: Browser, address: str, username: str) -> Page:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900}, locale="zh-CN")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/sign-in")
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


def passed(browser: Browser, address: str, username: str, number: str) -> None:
    reviewer = signed_in(browser, address, username)
    reviewer.goto(f"/w/search?q={number}")
    if "/w/cases/" not in reviewer.url:
        reviewer.get_by_role("link", name=re.compile("缓缴|" + number)).first.click()
    reviewer.get_by_role("button", name=re.compile("^(通过|复核通过|初审通过)$")).first.click()
    expect(reviewer.locator("main")).to_contain_text(re.compile("等待复核|已经生效|初审通过"))
    reviewer.context.close()


def test_june_is_deferred_after_the_outage_by_two_reviewers_and_nobody_owes_late_fees(hall_2022: str, browser: Browser) -> None:
    clerk = signed_in(browser, hall_2022, "unit")
    clerk.goto("/u/items/defer/new")
    clerk.locator("#id_scheme").select_option("hardship")
    clerk.get_by_label("企业职工基本养老保险").check()
    clerk.locator("#id_first_month").fill("202206")
    clerk.locator("#id_last_month").fill("202207")
    clerk.locator("#id_reason").fill("受疫情影响停业，经营困难")
    clerk.locator("#id_commitment").check()
    clerk.get_by_role("button", name="保存，去核对").click()
    expect(clerk.locator("main")).to_contain_text("缓缴至 2023-12-31")
    expect(clerk.locator("main")).to_contain_text("HD202206-")
    number = re.search(r"HJ\d{8}-\d{6}", clerk.locator("main").inner_text())
    assert number
    clerk.get_by_role("button", name="提交审批").click()
    expect(clerk.locator("main")).to_contain_text("进行中")
    passed(browser, hall_2022, "reviewer", number[0])
    clerk.goto("/u/bills")
    expect(clerk.locator("main")).not_to_contain_text("缓缴中")  # one reviewer is not enough
    passed(browser, hall_2022, "reviewer2", number[0])
    clerk.reload()
    clerk.get_by_role("link", name=re.compile("HD202206-")).click()
    expect(clerk.locator("main")).to_contain_text("元缓缴至 2023-12-31，期间不计滞纳金，个人权益不受影响")
