"""批扣签约 through the counter, the own page and the API alike: sign, change, end; refused with one code and sentence wherever it is asked."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.levy import debit_batches
from tests import make
from tests.db import debit_support as bank
from tests.db.counter_support import codes, decide, enter, on, through, told, warned
from tests.db.support import as_owner, ask
from tests.db.web_support import Browser, words

pytestmark = pytest.mark.usefixtures("own_database")
ITEM = "flexible.debit"
TODAY = date(2026, 11, 10)
FEN = "899.52"


@pytest.fixture
def who(own_database: str, monkeypatch: pytest.MonkeyPatch) -> make.Flexible:
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
    made = make.flexible(tier=60, since=202601, dues=[202609, 202610])
    make.individual(made.person_id, "self")
    return made


def typed(who: make.Flexible, act: str, account: str = "", bank_code: str = "403") -> dict[str, Any]:
    given = {"id_number": who.id_number, "name": who.name, "act": act, "scheme": "city"}
    return given | ({"bank": bank_code, "account": account} if account else {})


def agreements() -> list[tuple[Any, ...]]:
    return ask("select bank, account, ended_at is null, end_reason, case_id is not null from levy_debitagreement order by id")


def put(browser: Browser, **body: Any) -> Any:
    return browser.call("PUT", "/api/v1/me/debit", json.dumps(body))


def test_a_clerk_signs_changes_and_ends_for_somebody_and_each_case_stands_on_its_agreement(who: make.Flexible) -> None:
    ctx, first, second = on(TODAY, who.unit_id), bank.card(), bank.card()
    through(ITEM, ctx, typed(who, "sign", first))
    through(ITEM, ctx, typed(who, "change", second, "103"))
    assert agreements() == [("403", first, False, "换银行或账号", True), ("103", second, True, "", True)]
    through(ITEM, ctx, typed(who, "end"))
    assert agreements()[1] == ("103", second, False, "本人在窗口解约", True)
    events = ask("select action, case_id is not null, after::text from audit_event where action like 'debit.%%' order by id")
    assert [e[0] for e in events] == ["debit.signed", "debit.ended", "debit.signed", "debit.ended"] and all(e[1] for e in events)
    assert not any(first in e[2] or second in e[2] for e in events), "no account number stands in the trace"


def test_what_the_counter_refuses_and_warns_of(who: make.Flexible) -> None:
    ctx, account = on(TODAY, who.unit_id), bank.card()
    wrong = account[:-1] + str((int(account[-1]) + 1) % 10)
    assert codes(ITEM, ctx, typed(who, "sign", wrong)) == ["BNK-30"]
    assert codes(ITEM, ctx, typed(who, "sign")) == ["BNK-30"]
    assert codes(ITEM, ctx, typed(who, "change", account)) == codes(ITEM, ctx, typed(who, "end")) == ["BNK-32"]
    assert codes(ITEM, ctx, typed(who, "sign", account) | {"name": "王别人"}) == ["ENR-23"]
    stranger = make.flexible(since=202601, agency_id=2)
    assert codes(ITEM, ctx, typed(stranger, "sign", account)) == ["FLX-25"]
    through(ITEM, ctx, typed(who, "sign", account))
    refusals, _ = told(ITEM, ctx, typed(who, "sign", bank.card()))
    assert [r.code for r in refusals] == ["BNK-31"] and "换银行或账号请办理变更" in refusals[0].text
    assert codes(ITEM, ctx, typed(who, "change", account)) == ["BNK-34"]
    through("flexible.stop", ctx, {"id_number": who.id_number, "name": who.name, "reason": "6399", "stopped_on": "2026-11-10"})
    december = on(date(2026, 12, 3), who.unit_id)
    assert warned(ITEM, december, typed(who, "change", bank.card())) == ["FLX-W2"] and warned(ITEM, december, typed(who, "end")) == []


def test_while_the_money_is_asked_for_nothing_changes_by_any_way(
    who: make.Flexible, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a change that was entered before the batch comes back to the clerk with the sentence when it is decided while the batch is out."""
    ctx, account, other = on(TODAY, who.unit_id), bank.card(), bank.card()
    through(ITEM, ctx, typed(who, "sign", account))
    waiting = enter(ITEM, ctx, typed(who, "change", other))
    make.owe(who, [202611])
    batch = bank.built(202611, tmp_path)
    monkeypatch.setenv("SHEBAO_NOW", "2026-11-20T12:00:00")
    then = on(date(2026, 11, 20), who.unit_id)
    assert codes(ITEM, then, typed(who, "change", other)) == codes(ITEM, then, typed(who, "end")) == ["BNK-33"]
    decide(waiting, then)
    assert "回盘入账后才能换账号或解约" in ask("select return_reason from casework_case where id = %s", [waiting.pk])[0][0]
    browser = Browser("self")
    page = browser.post("/p/debit/change", {"bank": "403", "account": other, "scheme": "city"})
    assert page.status_code == 409 and "回盘入账后才能换账号或解约" in words(page)
    assert browser.post("/p/debit/end").status_code == 409
    for answer in (put(browser, bank="403", account=other), browser.call("DELETE", "/api/v1/me/debit")):
        assert (answer.status_code, answer.json()["code"]) == (409, "BNK-33")
    assert agreements() == [("403", account, True, "", True)]
    with acting(ENGINE):
        debit_batches.recall(batch.pk, at=bank.at(202611, 21))
    assert put(browser, bank="403", account=other).status_code == 200


def test_on_the_own_page_one_signs_changes_and_ends(who: make.Flexible) -> None:
    browser, first, second = Browser("self"), bank.card(), bank.card()
    told = words(browser.get("/p/debit"))
    assert "签订批扣协议" in told and "换银行或账号" not in told
    assert browser.post("/p/debit/sign", {"bank": "403", "account": f"{first[:4]} {first[4:]}", "scheme": "city"}).status_code == 302
    told = words(browser.get("/p/debit"))
    assert "换银行或账号" in told and "2026-11-20" in told and "1,799.04" in told and first not in told and first[-4:] in told
    refused = browser.post("/p/debit/sign", {"bank": "403", "account": second, "scheme": "city"})
    assert refused.status_code == 409 and "换银行或账号请办理变更" in words(refused)
    same = browser.post("/p/debit/change", {"bank": "403", "account": first, "scheme": "city"})
    assert same.status_code == 409 and "相同，没有变更" in words(same)
    bad = browser.post("/p/debit/change", {"bank": "403", "account": "12 34", "scheme": "city"})
    assert bad.status_code == 422 and "8 到 20 位数字" in words(bad)
    assert browser.post("/p/debit/change", {"bank": "103", "account": second, "scheme": "city"}).status_code == 302
    assert "农业银行" in words(browser.get("/p/debit"))
    assert browser.post("/p/debit/end").status_code == 302
    assert [row[2:4] for row in agreements()] == [(False, "换银行或账号"), (False, "本人网上解约")]
    assert "没有有效的批扣协议" in words(browser.post("/p/debit/end"))


def test_by_api_the_same_request_again_changes_nothing(who: make.Flexible) -> None:
    browser, first, second = Browser("self"), bank.card(), bank.card()
    assert browser.call("GET", "/api/v1/me/debit").json() == {"agreement": None, "next": None, "past": []}
    made = put(browser, bank="403", account=first).json()
    assert made["agreement"]["account"].endswith(first[-4:]) and first not in json.dumps(made)
    assert made["next"] == {
        "day": "2026-11-20", "amount": "1799.04", "from_month": 202609, "to_month": 202610, "months": 2, "why": "",
    }  # fmt: skip
    assert put(browser, bank="403", account=first).json() == made
    changed = put(browser, bank="103", account=second, scheme="province").json()["agreement"]
    assert (changed["bank"], changed["scheme"]) == ("103", "province") and changed["number"] != made["agreement"]["number"]
    assert browser.call("DELETE", "/api/v1/me/debit").json()["agreement"] is None
    assert browser.call("DELETE", "/api/v1/me/debit").json()["code"] == "BNK-32"
    for body, code in (
        ({"bank": "102", "account": first}, 422),
        ({"bank": "403", "account": "12345"}, 422),
        ({"bank": "403", "account": 62}, 400),
        ({"bank": "403"}, 400),
        ({"bank": "403", "account": first, "scheme": "moon"}, 400),
        ({"bank": "403", "account": first, "person_id": 1}, 400),
    ):
        assert put(browser, **body).status_code == code, body
    assert len(agreements()) == 2
    assert Browser().call("GET", "/api/v1/me/debit").status_code == 401


def test_nobody_signs_for_another_and_the_database_keeps_one_live_agreement(who: make.Flexible) -> None:
    other = make.flexible(since=202601)
    stranger = make.individual(other.person_id, "other")
    put(Browser("self"), bank="403", account=bank.card())
    assert Browser("other").call("GET", "/api/v1/me/debit").json()["agreement"] is None
    assert ask("select count(*) from levy_debitagreement", actor=stranger) == [(0,)]
    with pytest.raises(DatabaseError):
        as_owner("insert into levy_debitagreement (number, person_id, agency_id, place, scheme, bank, account, signed_at, end_reason)"
                 " select 'JB20261100009999', person_id, agency_id, place, scheme, bank, account, signed_at, '' from levy_debitagreement")  # fmt: skip
