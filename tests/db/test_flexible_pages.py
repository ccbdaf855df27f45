"""A flexible worker on their own pages and by API: choose, see why, make the bill, follow it; nobody else's."""

import json
from uuid import uuid4

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.levy import flexible
from shebao.levy.models import Bill
from tests import make
from tests.db.support import moment, pay
from tests.db.web_support import Browser, is_page, words

pytestmark = pytest.mark.usefixtures("own_database")
CHOICE = {"agency": "1", "registered_at": "武汉市", "tier": "100", "first": "202601", "last": "202603", "how": "self", "show": "1"}


@pytest.fixture
def who(own_database: str, monkeypatch: pytest.MonkeyPatch) -> make.Flexible:
    monkeypatch.setenv("SHEBAO_NOW", "2026-05-12T09:00:00")
    made = make.flexible(tier=60, since=202601, dues=[202601, 202602])
    make.individual(made.person_id, "self")
    return made


def test_from_the_choice_to_the_paid_bill(who: make.Flexible) -> None:
    browser = Browser("self")
    told = words(browser.get("/p/"))
    assert "灵活就业人员" in told and "核定缴费" in told and "2 个月" in told
    told = words(browser.get("/p/pay"))
    assert "2026 社保年度" in told and "待缴" in told and "未核定" in told
    query = "&".join(f"{k}={v}" for k, v in CHOICE.items())
    told = words(browser.get(f"/p/pay?{query}"))
    assert "4,497.60" in told and "平均工资 7,496.00 元 × 100%" in told and "原 60% 改档" in told and "新核定" in told
    with acting(ENGINE):
        assert not Bill.objects.exists()  # nothing is written by looking
    key = str(uuid4())
    sent = {k: v for k, v in CHOICE.items() if k not in ("how", "show")} | {"key": key}
    made = browser.post("/p/pay/issue", sent)
    assert made.status_code == 302 and browser.post("/p/pay/issue", sent)["Location"] == made["Location"]
    with acting(ENGINE):
        bill = Bill.objects.get()
    told = words(browser.get(made["Location"]))
    assert bill.number in told and "4,497.60" in told and "楚税通" in told and "划入个人账户" in told
    pay(bill, bill.person_fen, at=moment(202605, 12))
    told = words(browser.get(made["Location"]))
    assert "已缴清" in told or "缴清日" in told
    told = words(browser.get("/p/pay"))
    assert told.count("已缴") >= 3
    assert bill.number in words(browser.get("/p/bills"))


def test_what_cannot_be_assessed_is_said_on_the_page_and_by_the_api_alike(who: make.Flexible) -> None:
    browser = Browser("self")
    query = "&".join(f"{k}={v}" for k, v in (CHOICE | {"registered_at": "江夏区"}).items())
    answer = browser.get(f"/p/pay?{query}")
    assert answer.status_code == 422 and "登记所在地应为“武汉市”" in words(answer)
    body = {"agency_id": 1, "tier": 100, "from_month": 202601, "to_month": 202603, "registered_at": "江夏区"}
    told = browser.call("POST", "/api/v1/me/assess", body=json.dumps(body))
    assert told.status_code == 422 and told.json()["code"] == "FLX-02"
    assert browser.get("/p/pay?show=1").status_code == 422
    assert browser.get("/p/pay?show=1&how=number").status_code == 422
    assert browser.get("/p/pay?how=number&number=GR202605-9999999").status_code == 404


def test_the_api_says_the_same_amounts_and_makes_one_bill_for_one_key(who: make.Flexible) -> None:
    browser = Browser("self")
    body = {"agency_id": 1, "tier": 60, "from_month": 202601, "to_month": 202602}
    told = browser.call("POST", "/api/v1/me/assess", body=json.dumps(body)).json()
    assert told["total"] == "1799.04"
    assert {k: told["months"][0][k] for k in ("base", "total", "account", "pool")} == {
        "base": "4497.60",
        "total": "899.52",
        "account": "359.81",
        "pool": "539.71",
    }
    key = str(uuid4())
    first = browser.call("POST", "/api/v1/me/bills", body=json.dumps(body | {"submission_key": key}))
    again = browser.call("POST", "/api/v1/me/bills", body=json.dumps(body | {"submission_key": key}))
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    number = first.json()["number"]
    assert [one["number"] for one in browser.call("GET", "/api/v1/me/bills").json()["bills"]] == [number]
    assert browser.call("GET", f"/api/v1/me/bills/{number}").json()["months"][1]["state"] == "billed"
    assert browser.call("POST", "/api/v1/me/bills", body=json.dumps(body)).status_code == 400
    assert browser.call("POST", "/api/v1/me/assess", body=json.dumps(body | {"tier": "60"})).status_code == 400


def test_nobody_sees_or_gives_up_anothers_bill(who: make.Flexible) -> None:
    other = make.flexible()
    make.individual(other.person_id, "other")
    mine, theirs = Browser("self"), Browser("other")
    sent = {k: v for k, v in CHOICE.items() if k not in ("how", "show")} | {"key": str(uuid4())}
    address = mine.post("/p/pay/issue", sent)["Location"]
    is_page(theirs.get(address), 404)
    is_page(theirs.post(f"{address}/cancel", {}), 404)
    assert theirs.call("GET", f"/api/v1/me/bills/{address.rsplit('/', 1)[1]}").status_code == 404
    assert mine.post(f"{address}/cancel", {}).status_code == 302
    assert "已作废" in words(mine.get(address))
    with acting(ENGINE):
        assert {due.state for due in flexible.dues_of(who.person_id)} == {"open"}
    assert mine.post(f"{address}/cancel", {}).status_code == 409


def test_what_is_owed_and_the_rule_of_the_day_are_on_the_page_of_arrears(who: make.Flexible) -> None:
    told = words(Browser("self").get("/p/arrears"))
    assert "1,799.04" in told and "不得事后追溯补缴" in told and "极目新闻" in told


def test_somebody_insured_by_a_unit_is_told_so(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-05-12T09:00:00")
    unit = make.unit(people=1)
    make.individual(unit.staff[0].person_id, "worker")
    assert "您没有以灵活就业身份参保" in words(Browser("worker").get("/p/pay"))
