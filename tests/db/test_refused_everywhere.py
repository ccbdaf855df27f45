"""What must be refused is refused by page, workbook and API alike: the same code, the same sentence, and nothing takes effect.

The scenarios stand in tests/db/refused/, one module a family of items. Whoever adds a refusal to an item adds its scenario.
"""

import io
import json
import re
from html import unescape
from uuid import uuid4

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.casework.examine import from_json
from shebao.casework.item import Audience, ServiceItem, item_by_slug, items_for
from shebao.casework.models import Filing
from shebao.site import jobs
from shebao.surfaces.workbook import TemplateMark, make_template
from tests.db.refused import Scenario, Typed, World, every
from tests.db.web_support import Browser, ask

pytestmark = pytest.mark.usefixtures("database")
SCENARIOS = every()
EFFECTS = ("casework_effect", "enrolment_spell", "enrolment_wage", "levy_line", "ledger_posting")


def text_of(answer: object) -> str:
    """A page as people read it: without markup, blanks joined."""
    return re.sub(r"\s+", "", unescape(re.sub(r"<[^>]+>", "", answer.content.decode())))  # type: ignore[attr-defined]


def by_api(browser: Browser, item: ServiceItem, typed: Typed) -> dict[str, str]:
    answer = browser.call("POST", f"/api/v1/items/{item.slug}/check", json.dumps({"filing": {k: v for k, v in typed.items() if v}}))
    assert answer.status_code in (200, 422), answer.content
    return {refusal["code"]: refusal["text"] for refusal in answer.json()["errors"]}


def by_page(browser: Browser, item: ServiceItem, typed: Typed) -> str:
    answer = browser.post(f"/u/items/{item.slug}/new", {**typed, "action": "save", "key": str(uuid4())})
    assert answer.status_code == 422, text_of(answer)[:400]
    return text_of(answer)


def by_workbook(browser: Browser, item: ServiceItem, typed: Typed) -> dict[str, str]:
    values = {f.name: f.clean(typed.get(f.name))[0] for f in item.columns}
    mark = TemplateMark(item.code, item.version)
    content = make_template(item.title, mark, item.columns, rows_max=item.batch_rows_max, notes=(), prefilled=[values])
    assert openpyxl.load_workbook(io.BytesIO(content)).worksheets, "a readable workbook"
    answer = browser.post(f"/u/items/{item.slug}/upload", {"file": SimpleUploadedFile("名册.xlsx", content), "key": str(uuid4())})
    if answer.status_code == 409:  # the item is closed as a whole: told before a row is read
        return {"": text_of(answer)}
    assert answer.status_code == 302, text_of(answer)[:400]
    case_id = int(answer["Location"].rsplit("/", 1)[-1])
    jobs.check_upload.func(case_id)
    with acting(ENGINE):
        (row,) = Filing.objects.filter(case_id=case_id)
    return {refusal.code: refusal.text for refusal in from_json(row.refusals)}


def effects() -> list[object]:
    return [ask(f"select count(*) from {table}") for table in EFFECTS]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_it_is_refused_with_one_code_and_one_sentence_in_every_channel(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", f"{scenario.at:%Y-%m-%dT%H:%M:%S}")
    item = item_by_slug(scenario.item, Audience.UNIT)
    assert item is not None
    world = World(scenario.at, scenario.vip)
    typed = scenario.typed(world)
    browser, before = Browser(ask("select username from access_account where id = %s", [world.clerk.account_id])[0][0]), effects()
    told = by_api(browser, item, typed)
    assert scenario.code in told and scenario.text in told[scenario.code], told
    sentence = re.sub(r"\s+", "", told[scenario.code])
    assert sentence in by_page(browser, item, typed)
    if item.batch_rows_max:
        rows = by_workbook(browser, item, typed)
        assert sentence in re.sub(r"\s+", "", rows.get(scenario.code) or rows.get("", "")), rows
    assert effects() == before


# Refusals that no filing can meet today, each with the reason.
OUT_OF_REACH = {
    ("verify-unit", "REG-32"): "the only window known is the whole year; a place with a later one would meet it",
}


def test_every_refusal_of_every_item_has_a_scenario() -> None:
    told = {(s.item, s.code) for s in SCENARIOS}
    owed = {(item.slug, code) for item in items_for(Audience.UNIT) for code in item.refusal_codes if "-W" not in code}
    assert owed - told == set(OUT_OF_REACH)
