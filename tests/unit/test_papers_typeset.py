"""Setting papers: every name survives, nothing stands alone, the same data give the same file."""

import io
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pypdf
import pytest

from shebao.papers import press, samples
from shebao.papers.contracts import PaperKind
from shebao.papers.typeset import Typeset, TypesetError, typeset

NAMES = ("高䶮雪", "㛃文", "刘𬭎", "陈𫘧", "李𠅤", "买买提·阿卜杜拉", samples.LONG_NAME)


def pages(paper: Typeset) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(paper.pdf)).pages]


def text(paper: Typeset) -> str:
    """All text without white space: narrow columns break words, and wide titles are spaced out."""
    return "".join("".join(pages(paper)).split())


def root(paper: Typeset) -> Any:
    return pypdf.PdfReader(io.BytesIO(paper.pdf)).trailer["/Root"]


@pytest.mark.parametrize("sample", samples.SAMPLES)
def test_every_paper_is_set_and_says_that_it_is_a_sample(sample: str) -> None:
    kind, data = samples.SAMPLES[sample]
    paper = typeset(kind.value, data)
    for page in pages(paper):
        assert "示例" in page
        assert "第" in page and "页" in page
    assert kind.label in text(paper)
    assert (paper.seal_at is None) == (bool(data.get("draft")) or kind is PaperKind.BOOKING_TICKET)  # a ticket is never sealed
    assert paper.pages == len(pages(paper))


def test_every_kind_has_a_template_and_a_sample() -> None:
    assert {kind for kind, _ in samples.SAMPLES.values()} == set(PaperKind)
    for kind in PaperKind:
        assert (press.TEMPLATES / f"{kind.value}.typ").is_file()


@pytest.mark.parametrize("rows", [12, 201])
def test_rare_characters_and_long_names_survive_into_the_text_of_the_paper(rows: int) -> None:
    found = text(typeset("addition_roster", samples.addition_roster(rows)))
    for name in NAMES:
        assert name in found, name
    assert samples.UNIT in found


@pytest.mark.parametrize("rows", [1, 201])
def test_a_character_that_the_fonts_lack_stops_the_paper(rows: int) -> None:
    data = samples.addition_roster(rows)
    data["rows"][0]["name"] = "王\U00030000"
    with pytest.raises(TypesetError, match="\U00030000"):
        typeset("addition_roster", data)


@pytest.mark.parametrize("sample", samples.SAMPLES)
def test_all_fonts_are_embedded(sample: str) -> None:
    kind, data = samples.SAMPLES[sample]
    reader = pypdf.PdfReader(io.BytesIO(typeset(kind.value, data).pdf))
    resources: list[Any] = [page["/Resources"] for page in reader.pages]
    fonts: list[Any] = [font.get_object() for resource in resources for font in resource["/Font"].values()]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert "/FontFile3" in descriptor
        assert "NotoSansSC" in font["/BaseFont"] or "NotoSerifSC" in font["/BaseFont"]


def test_poppler_agrees_that_all_fonts_are_embedded() -> None:
    if not shutil.which("pdffonts"):
        return
    pdf = typeset("unit_assessment", samples.unit_assessment()).pdf
    table = subprocess.run(["pdffonts", "-"], input=pdf, capture_output=True, check=True).stdout.decode().splitlines()[2:]
    assert table
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in table), table


def test_the_same_data_give_the_same_bytes() -> None:
    data = samples.insurance_certificate()
    first = typeset("insurance_certificate", data).pdf
    typeset("insurance_certificate", {**data, "name": "别人"})
    assert typeset("insurance_certificate", data).pdf == first


def test_a_single_paper_is_tagged_pdf_a_and_a_long_list_is_not_tagged() -> None:
    short, long = (root(typeset("addition_roster", samples.addition_roster(rows))) for rows in (200, 201))
    assert b"<pdfaid:conformance>A<" in short["/Metadata"].get_object().get_data()
    assert b"<pdfaid:conformance>U<" in long["/Metadata"].get_object().get_data()
    assert "/StructTreeRoot" in short
    assert "/StructTreeRoot" not in long


def test_thirty_people_and_the_sign_off_fit_on_one_page() -> None:
    assert typeset("addition_roster", samples.addition_roster(30)).pages == 1
    assert typeset("reduction_roster", samples.reduction_roster(30)).pages == 1


@pytest.mark.parametrize("rows", [1, 2, 30, 31, 35, 36, 37, 66, 67, 72, 73, 201])
def test_the_sign_off_never_stands_on_a_page_without_people(rows: int) -> None:
    data = samples.addition_roster(rows)
    last = pages(typeset("addition_roster", data))[-1]
    assert "填报人" in last and f"共{rows}人" in last.replace(" ", "")
    tail = [row["id_number"] for row in data["rows"]][-3:]
    assert all(number in last for number in tail)


def test_the_sign_off_keeps_its_people_when_long_notes_push_the_rows_down() -> None:
    data = samples.addition_roster(30)
    for row in data["rows"]:
        row["note"] = "外省转入续保，原参保地转移手续正在办理，待转移到账后补录以前年限"
    found = pages(typeset("addition_roster", data))
    assert len(found) == 2
    assert all(row["id_number"] in found[-1] for row in data["rows"][-3:])
    assert sum(page.count("补录以前年限") for page in (page.replace("\n", "") for page in found)) == 30


@pytest.mark.parametrize("months", [12, 32, 33, 36, 42, 43, 60])
def test_a_certificates_statement_never_stands_on_a_page_without_months(months: int) -> None:
    last = pages(typeset("insurance_certificate", samples.insurance_certificate(3, months)))[-1]
    assert "说明" in last and last.count("15,001.00") >= 3


def test_every_page_of_a_long_roster_repeats_the_head_and_names_the_unit() -> None:
    for number, page in enumerate(pages(typeset("addition_roster", samples.addition_roster(100))), start=1):
        assert "申报工资" in page and samples.UNIT[:20] in page.replace("\n", "")
        assert f"第{number}页/共3页" in page.replace(" ", "").replace("\n", "")


def test_every_person_of_a_long_roster_is_on_it_once() -> None:
    data = samples.addition_roster(250)
    found = text(typeset("addition_roster", data))
    assert all(found.count(row["id_number"]) == 1 for row in data["rows"])


def test_an_assessment_shows_the_total_in_figures_and_capitals() -> None:
    found = text(typeset("unit_assessment", samples.unit_assessment()))
    assert "¥488,056.32" in found
    assert "肆拾捌万捌仟零伍拾陆元叁角贰分" in found
    assert "2027年1月5日" in found
    assert "未核实" in found and "补缴" in found


def test_an_assessment_without_arrears_has_no_table_for_them() -> None:
    assert "补缴" not in text(typeset("unit_assessment", samples.unit_assessment(arrears=False)))


def test_a_back_payment_list_names_every_due_and_its_total_in_figures_and_capitals() -> None:
    data = samples.arrears_detail(2, 2)
    found = text(typeset("arrears_detail", data))
    assert "社会保险费补缴明细表" in found and f"共{data['people']}人" in found and data["bill_number"] in found
    assert all(found.count(row["id_number"]) == 10 for row in data["rows"])
    assert "35,094.08" in found and "叁万伍仟零玖拾肆元零捌分" in found


def test_an_order_has_no_month_of_its_own_and_a_month_tells_what_went_onto_an_order() -> None:
    order = text(typeset("unit_assessment", samples.order_assessment()))
    assert "当期应缴" not in order and "欠费补缴" in order
    month = text(typeset("unit_assessment", samples.reduced_assessment()))
    assert "已转欠费补缴单" in month and "本单应缴" in month and "¥479,289.80" in month and "肆拾柒万玖仟贰佰捌拾玖元捌角" in month


def test_a_flexible_workers_certificate_names_no_unit() -> None:
    data = samples.insurance_certificate(1)
    data["unit_name"] = data["unit_number"] = data["uscc"] = None
    found = text(typeset("insurance_certificate", data))
    assert "灵活就业" in found and samples.UNIT not in found


def test_a_certificate_prints_the_chosen_insurances_only() -> None:
    found = text(typeset("insurance_certificate", samples.insurance_certificate(1)))
    assert "养老" in found and "失业" not in found and "医疗" not in found


def test_a_paper_carries_its_code_and_a_draft_carries_none() -> None:
    assert "7F3K-9QXW-2M8T-D0V5" in text(typeset("addition_roster", samples.addition_roster(1)))
    draft = text(typeset("addition_roster", samples.addition_roster(1, draft=True)))
    assert "草稿" in draft and "验证码" not in draft


def test_text_from_data_is_never_markup() -> None:
    nasty = '#panic("x") *b* $y$ @z <seal> \\ // ]'
    data = samples.addition_roster(1)
    data["rows"][0]["note"] = nasty
    assert nasty.replace(" ", "") in text(typeset("addition_roster", data))


def test_lines_that_do_not_add_up_are_refused() -> None:
    roster = samples.addition_roster(3)
    roster["wage_total_fen"] += 1
    with pytest.raises(TypesetError, match="add up"):
        typeset("addition_roster", roster)
    for key in ("unit_fen", "person_fen", "late_fee_fen", "total_fen"):
        detail: dict[str, object] = {**samples.arrears_detail()}
        detail[key] = 1
        with pytest.raises(TypesetError, match=key):
            typeset("arrears_detail", detail)
        assessment: dict[str, object] = {**samples.unit_assessment()}
        assessment[key] = 1
        with pytest.raises(TypesetError, match=key):
            typeset("unit_assessment", assessment)


@pytest.mark.parametrize("key", ["unit_name", "rows", "agency", "serial"])
def test_a_missing_key_is_our_own_mistake_and_says_which(key: str) -> None:
    data: Mapping[str, object] = {name: value for name, value in samples.reduction_roster(1).items() if name != key}
    with pytest.raises(TypesetError, match=key):
        typeset("reduction_roster", data)


def test_a_paper_needs_an_instant_with_a_zone() -> None:
    for instant in (None, samples.AT.replace(tzinfo=None)):
        with pytest.raises(TypesetError, match="printed_at"):
            typeset("unit_assessment", {**samples.unit_assessment(), "printed_at": instant})


def test_too_many_rows_and_unknown_templates_are_refused() -> None:
    with pytest.raises(TypesetError, match="at most"):
        typeset("addition_roster", {**samples.addition_roster(1), "rows": [None] * 20_001})
    with pytest.raises(TypesetError, match="no template"):
        typeset("banknote", {"printed_at": samples.AT})


def test_threads_may_set_papers_at_the_same_time() -> None:
    names = [f"王{character}" for character in "伟芳娜敏静丽强磊军洋勇艳"]
    with ThreadPoolExecutor(4) as pool:
        papers = pool.map(lambda name: typeset("insurance_certificate", {**samples.insurance_certificate(1, 1), "name": name}), names)
        for name, paper in zip(names, papers, strict=True):
            assert name in text(paper)


def test_the_seal_lies_on_the_page_and_off_the_qr() -> None:
    for kind, data in samples.SAMPLES.values():
        paper = typeset(kind.value, data)
        if paper.seal_at is None:
            continue
        page = pypdf.PdfReader(io.BytesIO(paper.pdf)).pages[paper.seal_at.page - 1]
        half = 19 * 72 / 25.4
        qr_left = float(page.mediabox.width) - (12 if kind.value.endswith("roster") else 17) * 72 / 25.4 - 23 * 72 / 25.4
        assert half < paper.seal_at.x < qr_left - half
        assert half < paper.seal_at.y < float(page.mediabox.height) - half
