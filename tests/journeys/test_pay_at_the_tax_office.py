"""去缴费: a clerk opens a bill, follows the link to the tax office, pays there, and finds it paid in the hall; days later it has arrived.

The hall, the tax office and the bank are three real sets of processes; the day is turned for all of them by `shebao sandbox day --next`.
"""

import os
import re
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NOW, Hall, SignedIn

WAIT_SECONDS = 90  # bills go to the tax office every minute


def shebao(hall: Hall, *words: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHEBAO_")}
    environment = kept | {"SHEBAO_DATA": str(hall.data), "SHEBAO_NOW": NOW}
    done = subprocess.run(
        [sys.executable, "-m", "shebao.site.command", *words], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_clerk_pays_a_bill_at_the_tax_office_and_sees_it_paid(hall: Hall, signed_in: SignedIn) -> None:
    if not hall.data.is_dir():
        pytest.skip("a hall that runs elsewhere")
    clerk = signed_in("unit2")
    clerk.goto("/u/bills")
    numbers = dict.fromkeys(re.findall(r"HD\d{6}-\d{7}", clerk.content()))
    number = ""
    for each in numbers:
        clerk.goto(f"/u/bills/{each}")
        if clerk.get_by_role("link", name="去缴费", exact=True).count():
            number = each
            break
    assert number, "this unit has open bills"
    link = clerk.get_by_role("link", name="去缴费", exact=True).first
    address = str(link.get_attribute("href"))
    assert address.endswith(f"/pay/{number}")

    until = time.monotonic() + WAIT_SECONDS
    while clerk.request.get(address).status == 404:  # not sent there yet
        assert time.monotonic() < until
        time.sleep(2)
    link.click()
    expect(clerk.get_by_text("这不是真实的税务系统")).to_be_visible()
    expect(clerk.get_by_role("heading", name=re.compile(number))).to_be_visible()
    clerk.get_by_role("button", name=re.compile("缴费 ")).click()
    expect(clerk.get_by_role("heading", name="缴费成功")).to_be_visible()
    expect(clerk.get_by_text(number).first).to_be_visible()

    until = time.monotonic() + WAIT_SECONDS
    while clerk.goto(f"{hall.address}/u/bills/{number}") and not clerk.get_by_text(re.compile("已缴费|已到账")).count():
        assert time.monotonic() < until
        time.sleep(1)
    expect(clerk.get_by_role("link", name="去缴费", exact=True)).to_have_count(0)
    assert number in shebao(hall, "sandbox", "show", "--json")
