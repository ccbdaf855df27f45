"""The open API: the same items and refusals as the page, strict about what it is sent."""

import json
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest

from shebao.base.clock import ZONE, now
from shebao.base.identifiers import make_id_number
from shebao.base.terms import INSURANCES, Insurance, mask_of
from shebao.casework.item import Audience, items_for

FULL = mask_of([i for i in INSURANCES if i is not Insurance.MATERNITY])
PASSWORD = "a-long-enough-demo-pass"


@pytest.fixture(scope="module")
def world(database: str) -> dict[str, Any]:
    """Two units of one agency, an operator each."""
    from django.contrib.auth.hashers import make_password

    from shebao.access.acting import acting
    from shebao.access.models import Account, Grant
    from shebao.base.actor import ENGINE
    from shebao.parties.models import Agency
    from shebao.parties.operations import NewUnit, register_units
    from tests.make import accepted

    Agency.objects.using("owner").create(id=1, name="示例经办机构", place="420100", district="420102")
    began = datetime(2025, 1, 1, tzinfo=ZONE)
    with acting(ENGINE):
        units = register_units(
            [NewUnit(n, None, 1, "420100", FULL, 1, 202501, date(2024, 1, 1), vip=True) for n in ("甲示例公司", "乙示例公司")], at=began
        )
        for username, unit in zip(("jia", "yi"), units, strict=True):
            account = Account.objects.create(
                username=username,
                password=make_password(PASSWORD),
                name=username,
                post_class="unit",
                unit_id=unit,
                must_change_password=False,
                created_at=began,
            )
            Grant.objects.create(account=account, post="unit_operator", post_class="unit", from_date=date(2025, 1, 1), granted_by=0)
            accepted(account)
    return {"units": units, "jia": Caller("jia"), "yi": Caller("yi")}


class Caller:
    """A program with a token."""

    def __init__(self, username: str) -> None:
        from django.test import Client

        self.client = Client(enforce_csrf_checks=True)
        self.token = self.post("/api/v1/sign-in", {"username": username, "password": PASSWORD}).json()["token"]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}

    def post(self, path: str, body: Any, content_type: str = "application/json") -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, data, content_type=content_type, headers=self._headers())

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self._headers())


def filing(sequence: int, **more: Any) -> dict[str, Any]:
    return {
        "id_number": make_id_number("420102", date(1996, 5, 6), sequence),
        "name": "赵㛃",
        "ethnicity": "01",
        "declared_wage": "8000.00",
        "insurances": ["110", "210", "310", "330", "410"],
        **more,
    }


ADD = "/api/v1/items/add-employee"


def test_a_check_tells_the_effect_on_money_with_its_explanation_and_stores_nothing(world: dict[str, Any]) -> None:
    answer = world["jia"].post(f"{ADD}/check", {"filing": filing(101)}).json()
    assert answer["accepted"] is True
    assert (answer["effect"]["unit_total"], answer["effect"]["person_total"]) == ("2048.00", "831.00")
    assert any("费率" in step["expression"] or "×" in step["expression"] for step in answer["effect"]["explain"]["steps"])
    assert world["jia"].get("/api/v1/cases").json()["cases"] == []


def test_filings_are_stored_once_for_one_key_and_taken_into_review(world: dict[str, Any]) -> None:
    key = str(uuid4())
    body = {"submission_key": key, "filings": [filing(102), filing(103)]}
    first, again = world["jia"].post(f"{ADD}/filings", body), world["jia"].post(f"{ADD}/filings", body)
    assert first.status_code == again.status_code == 201
    assert first.json()["number"] == again.json()["number"]
    assert first.json()["state_label"] == "进行中"
    other = world["jia"].post(f"{ADD}/filings", {"submission_key": key, "filings": [filing(104)]})
    assert (other.status_code, other.json()["code"]) == (409, "CAS-04")
    whole = world["jia"].get(f"/api/v1/cases/{first.json()['number']}").json()
    assert [f["state"] for f in whole["filings"]] == ["review", "review"]


def test_every_refusal_of_every_filing_comes_back_and_nothing_is_stored(world: dict[str, Any]) -> None:
    before = len(world["yi"].get("/api/v1/cases").json()["cases"])
    bad = [filing(110, insurances=["110"]), filing(111, name=""), filing(112)]
    answer = world["yi"].post(f"{ADD}/filings", {"submission_key": str(uuid4()), "filings": bad})
    assert answer.status_code == 422
    assert answer["Content-Type"].startswith("application/problem+json")
    assert {(e["filing"], e["code"]) for e in answer.json()["errors"]} == {(1, "ENR-05"), (2, "FLD-01")}
    assert len(world["yi"].get("/api/v1/cases").json()["cases"]) == before


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{not json", "application/json", 400, "API-01"),
        (b"[1]", "application/json", 400, "API-01"),
        (b'{"filing": {}, "state": "done"}', "application/json", 400, "API-01"),
        (b'{"filing": {"unit_id": 5}}', "application/json", 400, "API-01"),
        (b'{"filing": {"declared_wage": 8000.5}}', "application/json", 400, "API-01"),
        (b'{"filing": {"name": "a\\u0000b"}}', "application/json", 400, "API-01"),
        (b"[" * 5000 + b"]" * 5000, "application/json", 400, "API-01"),
        (b"x" * (2 * 1024 * 1024 + 1), "application/json", 413, "API-03"),
        (b"filing=1", "application/x-www-form-urlencoded", 415, "API-02"),
    ],
)
def test_what_is_not_the_schema_is_refused_with_a_sentence(
    world: dict[str, Any], body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = world["jia"].post(f"{ADD}/check", body, content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["title"]) > 8


def test_another_units_case_is_as_absent_as_one_that_never_was(world: dict[str, Any]) -> None:
    number = world["jia"].post(f"{ADD}/filings", {"submission_key": str(uuid4()), "filings": [filing(120)]}).json()["number"]
    theirs, none = world["yi"].get(f"/api/v1/cases/{number}"), world["yi"].get("/api/v1/cases/ZY20260101-999999")
    assert theirs.status_code == none.status_code == 404
    assert theirs.json()["title"] == none.json()["title"]


def test_without_a_token_nothing_is_told_and_a_cookie_alone_does_nothing(world: dict[str, Any]) -> None:
    from django.test import Client

    bare = Client(enforce_csrf_checks=True)
    assert bare.get("/api/v1/cases").status_code == 401
    bare.cookies["shebao"] = world["jia"].token
    body = json.dumps({"submission_key": str(uuid4()), "filings": [filing(130)]})
    assert bare.post(f"{ADD}/filings", body, content_type="application/json").status_code == 401


def test_a_signed_out_token_is_worth_nothing(world: dict[str, Any]) -> None:
    from shebao.access.models import SignIn

    caller = Caller("jia")
    assert caller.get("/api/v1/bills").status_code == 200
    SignIn.objects.using("owner").update(ended_at=now())
    assert caller.get("/api/v1/bills").status_code == 401
    world["jia"], world["yi"] = Caller("jia"), Caller("yi")


def test_the_openapi_document_names_every_item_and_every_path_answers(world: dict[str, Any]) -> None:
    document = world["jia"].get("/api/v1/openapi.json").json()
    assert set(document["components"]["schemas"]) == {item.slug for item in items_for(Audience.UNIT)}
    for path, operations in document["paths"].items():
        for method in operations:
            address = "/api/v1" + path.replace("{number}", "X").replace("{person}", "Y")
            answer = world["jia"].get(address) if method == "get" else world["jia"].post(address, {})
            # A person's own paths are not for units, and say so.
            assert answer.status_code in ((403,) if path.startswith("/me/") else (200, 400, 404, 415)), (path, answer.status_code)
    assert world["jia"].get("/api/v1/").status_code == 200
