"""An item declared once is on every surface."""

import re
from datetime import date

import pytest
from django.urls import reverse

from shebao.casework.fields import Kind
from shebao.casework.item import Audience, ServiceItem, items, items_for
from shebao.items import catalogue
from shebao.papers.contracts import PaperKind
from shebao.papers.typeset import __file__ as typeset_file
from shebao.surfaces.api import field_schema, filing_schema, openapi
from shebao.surfaces.form import blank, views
from shebao.surfaces.guide import KINDS, guide_of, matching
from shebao.surfaces.workbook import TemplateMark, UploadRefused, make_template, read_upload

ITEMS = items()
ROWS_A_CASE_MAX = 100_000  # what uploads, memory and the time to review were measured for
each_item = pytest.mark.parametrize("item", ITEMS, ids=[item.code for item in ITEMS])


def test_every_item_of_the_catalogue_is_entered_once() -> None:
    assert list(catalogue.ITEMS) == ITEMS and len(ITEMS) >= 3
    for words in ([i.slug for i in ITEMS], [i.prefix for i in ITEMS], [i.title for i in ITEMS]):
        assert len(set(words)) == len(words)


@each_item
def test_an_item_is_declared_whole(item: ServiceItem) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", item.code) and re.fullmatch(r"[A-Z]{2}", item.prefix)
    assert item.fields and item.checks and item.materials and item.return_reasons and item.refusal_codes and item.audience
    assert item.guide.summary and item.guide.who and item.guide.when and item.guide.law and item.guide.after and item.guide.words
    assert 0 <= item.batch_rows_max <= ROWS_A_CASE_MAX


@each_item
def test_it_has_a_form_with_a_control_for_every_field(item: ServiceItem) -> None:
    controls = views(item.fields, blank(item.fields))
    assert [(c.name, c.label, c.required) for c in controls] == [(f.name, f.label, f.required) for f in item.fields]
    assert all(c.choices for c in controls if c.kind in ("choice", "many"))


@pytest.mark.parametrize("item", items_for(Audience.UNIT), ids=[item.code for item in items_for(Audience.UNIT)])
def test_it_is_in_the_api_with_the_same_fields(item: ServiceItem) -> None:
    schema = filing_schema(item)
    assert set(schema["properties"]) == {f.name for f in item.fields} and schema["additionalProperties"] is False
    assert schema["required"] == [f.name for f in item.fields if f.required]
    document = openapi("http://localhost")
    if Audience.UNIT not in item.audience:  # a unit's programs have nothing to do with what only the counter enters
        assert item.slug not in document["components"]["schemas"] and f"/items/{item.slug}/filings" not in document["paths"]
        return
    assert document["components"]["schemas"][item.slug] == schema
    assert {f"/items/{item.slug}/check", f"/items/{item.slug}/filings"} <= set(document["paths"])


@each_item
def test_it_has_a_template_that_its_upload_understands_when_it_is_filed_in_batches(item: ServiceItem) -> None:
    if not item.batch_rows_max:
        return
    mark = TemplateMark(item.code, item.version)
    content = make_template(item.title, mark, item.fields, rows_max=item.batch_rows_max, notes=[])
    with pytest.raises(UploadRefused) as empty:
        read_upload(content, "模板.xlsx", mark, item.fields, rows_max=item.batch_rows_max)
    assert empty.value.code == "UPL-26"
    with pytest.raises(UploadRefused) as other:
        read_upload(content, "模板.xlsx", TemplateMark("another.item", 1), item.fields, rows_max=item.batch_rows_max)
    assert other.value.code == "UPL-22"


@each_item
def test_it_has_a_guide_and_is_found_by_title_and_by_the_words_people_use(item: ServiceItem) -> None:
    guide = guide_of(item, date(2026, 11, 1))
    assert [label for label, _, _ in guide.fields] == [f.label for f in item.fields]
    assert {code for code, _ in guide.refusals} == {code for code in item.refusal_codes if "-W" not in code}
    assert all(item in matching(word) for word in (item.title, *item.guide.words))


@each_item
def test_its_printout_has_a_template(item: ServiceItem) -> None:
    if not item.printout:
        return
    from pathlib import Path

    assert (Path(typeset_file).parent / "templates" / f"{PaperKind(item.printout).value}.typ").exists()


@each_item
def test_it_has_its_addresses_in_the_portal(item: ServiceItem) -> None:
    for name in ("portal-item", "portal-new", "portal-look-up", "portal-validate", "guide", "api-check", "api-file"):
        assert item.slug in reverse(name, kwargs={"slug": item.slug})


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_field_is_known_to_guide_and_schema(kind: Kind) -> None:
    from shebao.casework.fields import Field

    assert KINDS[kind]
    assert field_schema(Field("x", "某项", kind, choices=(("1", "一"),)))["type"]
