"""参保证明 of many people as one zip: made by a job that survives being killed, no paper twice, fetched by that unit alone for a while."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import openpyxl
import pytest
from django.test import Client

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor
from shebao.base.identifiers import make_id_number
from shebao.channels import bundling, certificates
from shebao.channels.certificates import Asked
from shebao.papers import bundles, codes
from shebao.papers.bundles import FETCH_HOURS, BundleError, BundleGoneError
from shebao.papers.models import Bundle, Paper
from shebao.papers.typeset import TypesetError
from shebao.parties.operations import NewPerson
from shebao.parties.queries import get_unit
from shebao.site import jobs
from tests import make
from tests.db.support import as_owner, ask, attempt, race

MONTH, AT = 202610, make.AT
ASKED = Asked(202609, 202610, "招标投标")


@pytest.fixture(scope="module", autouse=True)
def place(database: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", "2026-11-10T09:00:00")
        yield


@pytest.fixture(scope="module")
def unit(database: str) -> make.MadeUnit:
    made = make.unit("批量示例单位", people=12)
    make.month_paid(MONTH)
    return made


def people(unit: make.MadeUnit) -> list[int]:
    return [each.person_id for each in unit.staff]


def order(unit: make.MadeUnit, chosen: list[int] | None = None, *, key: UUID | None = None, by: Actor | None = None) -> int:
    actor = by or make.operator(unit)
    with acting(actor):
        return bundling.order(actor, unit.agency_id, people(unit) if chosen is None else chosen, ASKED, key=key or uuid4(), at=AT)


def work(bundle_id: int, at: datetime = AT) -> None:
    bundling.work(bundle_id, clock=lambda: at)


def fetch(unit: make.MadeUnit, bundle_id: int, at: datetime = AT) -> zipfile.ZipFile:
    with acting(make.operator(unit)):
        return zipfile.ZipFile(io.BytesIO(bundling.zipped(Bundle.objects.get(pk=bundle_id), at=at).read()))


def manifest(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    rows = list(openpyxl.load_workbook(io.BytesIO(archive.read("清单.xlsx"))).worksheets[0].iter_rows(values_only=True))
    return [dict(zip(map(str, rows[1]), map(str, row), strict=True)) for row in rows[2:]]


def test_every_person_gets_one_sealed_paper_and_the_list_names_its_code(unit: make.MadeUnit) -> None:
    bundle = order(unit)
    with acting(make.operator(unit)), pytest.raises(BundleGoneError, match="还在出具"):
        bundling.zipped(Bundle.objects.get(pk=bundle), at=AT)
    work(bundle)
    archive = fetch(unit, bundle)
    assert archive.testzip() is None and len(archive.namelist()) == 13
    rows = manifest(archive)
    assert [row["公民身份号码"] for row in rows] == [each.id_number for each in unit.staff]
    for row, each in zip(rows, unit.staff, strict=True):
        code = codes.read_code(row["验证码"])
        ((person, content),) = ask("select person_id, content from papers_paper where code = %s", [code])
        assert person == each.person_id and archive.read(row["文件名"]) == bytes(content) and bytes(content).startswith(b"%PDF")
        assert each.id_number not in row["文件名"]
    assert len({row["验证码"] for row in rows}) == 12


def test_a_job_that_is_killed_anywhere_goes_on_and_makes_no_paper_twice(unit: make.MadeUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "CHUNK", 3)
    bundle, real, left = order(unit), certificates.issue_to, [5]

    def dying(*args: Any, **more: Any) -> Paper:
        left[0] -= 1
        if left[0] < 0:
            left[0] = 4
            raise KeyboardInterrupt
        return real(*args, **more)

    monkeypatch.setattr(bundling, "issue_to", dying)
    killed = 0
    for _ in range(20):
        try:
            jobs.make_bundle.func(bundle)
            break
        except KeyboardInterrupt:
            killed += 1
    assert killed >= 3
    found = ask(
        "select p.person_id, count(*) from papers_paper p join papers_bundleitem i on i.paper_id = p.id where bundle_id = %s group by 1",
        [bundle],
    )
    assert sorted(found) == sorted((each, 1) for each in people(unit))
    loose = ask("select count(*) from papers_paper p where made_by = (select made_by from papers_bundle where id = %s)", [bundle])
    assert loose == [(12,)], "what was undone left nothing behind"


def test_two_workers_at_one_bundle_share_it(unit: make.MadeUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "CHUNK", 2)
    bundle = order(unit)
    assert race(1, 2, lambda i, racer: work(bundle)) == [[None, None]]
    assert ask(
        "select count(*), count(distinct paper_id) from papers_bundleitem where bundle_id = %s and paper_id is not null", [bundle]
    ) == [(12, 12)]
    assert ask("select count(*) from papers_paper where made_by = (select made_by from papers_bundle where id = %s)", [bundle]) == [(12,)]
    with pytest.raises(Exception, match="made once"):
        as_owner("update papers_bundleitem set paper_id = null where bundle_id = %s", [bundle])


def test_the_same_key_is_the_same_order_and_with_other_people_it_is_refused(unit: make.MadeUnit) -> None:
    key, actor = uuid4(), make.operator(unit)
    before = as_owner("select count(*) from procrastinate_jobs where task_name = 'make_bundle'")[0][0]
    assert order(unit, key=key, by=actor) == order(unit, key=key, by=actor)
    assert as_owner("select count(*) from procrastinate_jobs where task_name = 'make_bundle'")[0][0] == before + 1
    with pytest.raises(BundleError, match="另一项内容"):
        order(unit, people(unit)[:2], key=key, by=actor)
    same = race(1, 3, lambda i, racer: order(unit, key=UUID(int=77), by=actor))[0]
    assert len(set(same)) == 1


def test_a_person_twice_is_one_paper_nobody_is_refused_and_too_many_are_told(unit: make.MadeUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = order(unit, [people(unit)[0]] * 3)
    assert ask("select total from papers_bundle where id = %s", [twice]) == [(1,)]
    with pytest.raises(BundleError, match="请选择"):
        order(unit, [])
    monkeypatch.setattr(bundles, "ITEMS_MAX", 11)
    with pytest.raises(BundleError, match="一次最多 11 人，现在选了 12 人"):
        order(unit)
    assert order(unit, people(unit)[:11])


def test_the_zip_is_there_for_its_hours_and_not_a_second_longer_while_each_paper_stays(unit: make.MadeUnit) -> None:
    bundle = order(unit, people(unit)[:2])
    work(bundle)
    until = AT + timedelta(hours=FETCH_HOURS)
    assert fetch(unit, bundle, until - timedelta(seconds=1)).namelist()
    with acting(make.operator(unit)), pytest.raises(BundleGoneError, match="已经过期"):
        bundling.zipped(Bundle.objects.get(pk=bundle), at=until)
    ((code,),) = ask(
        "select code from papers_paper p join papers_bundleitem i on i.paper_id = p.id where bundle_id = %s and place = 1", [bundle]
    )
    with acting(make.operator(unit)):
        assert Paper.objects.filter(code=code).exists()


def test_another_unit_finds_neither_bundle_nor_zip(unit: make.MadeUnit) -> None:
    bundle, stranger = order(unit, people(unit)[:1]), make.unit()
    work(bundle)
    username = "stranger-of-bundles"
    make.operator(stranger, username)
    client = Client(SERVER_NAME="localhost")
    client.post("/sign-in", {"username": username, "password": make.PASSWORD})
    for path in ("", "/progress", ".zip"):
        assert client.get(f"/u/certificates/bundles/{bundle}{path}").status_code == 404, path
    token = {"HTTP_AUTHORIZATION": f"Bearer {client.cookies['shebao'].value}"}
    for path in ("", ".zip"):
        assert Client(SERVER_NAME="localhost").get(f"/api/v1/certificates/{bundle}{path}", **token).status_code == 404
    own = make.operator(unit)
    for table in ("papers_bundle", "papers_bundleitem"):
        assert attempt(own, f"update {table} set unit_id = unit_id") == "42501"
    with acting(make.operator(stranger)):
        assert bundling.by_numbers(unit.staff[0].id_number).people == []


def test_a_name_the_fonts_lack_is_told_and_the_others_are_made(unit: make.MadeUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    real, odd = certificates.issue_to, people(unit)[1]

    def picky(of: Any, person: Any, *args: Any, **more: Any) -> Paper:
        if person.pk == odd:
            raise TypesetError("no glyph")
        return real(of, person, *args, **more)

    monkeypatch.setattr(bundling, "issue_to", picky)
    bundle = order(unit, people(unit)[:3])
    work(bundle)
    rows = manifest(fetch(unit, bundle))
    assert [bool(row["验证码"] != "None" and row["验证码"]) for row in rows] == [True, False, True]
    assert "到窗口办理" in rows[1]["未出具的原因"]


def test_two_people_whose_masked_facts_are_the_same_never_get_each_others_paper() -> None:
    """凭证验真 shows 张* 4201**********1234; the full numbers differ in the middle, the papers must too."""
    twins = [make_id_number("420199", birth, number) for birth, number in zip(*_same_ends(), strict=True)]
    assert twins[0][:4] == twins[1][:4] and twins[0][-4:] == twins[1][-4:] and twins[0] != twins[1]
    own = make.unit()
    staff = [make.employee(own, new=NewPerson(number, "张三")) for number in twins]
    with acting(ENGINE):
        from shebao.parties.models import Person

        rows = [Person.objects.get(pk=each.person_id) for each in staff]
        unit = get_unit(own.id)
    with acting(make.operator(own)):
        made = [certificates.for_person(unit, row, ASKED, account_id=1, at=AT) for row in rows]
        assert made[0].facts == made[1].facts and made[0].pk != made[1].pk
        assert [paper.person_id for paper in made] == [row.pk for row in rows]
        assert certificates.for_person(unit, rows[0], ASKED, account_id=1, at=AT).pk == made[0].pk, "a double click gives the same paper"


def _same_ends() -> tuple[list[Any], list[int]]:
    from datetime import date

    first = date(1990, 1, 1)
    wanted = make_id_number("420199", first, 105)[-4:]
    for day in range(1, 400):
        other = first + timedelta(days=day)
        if make_id_number("420199", other, 105)[-4:] == wanted:
            return [first, other], [105, 105]
    raise AssertionError("no twin")


def test_pasted_numbers_are_read_and_each_wrong_one_is_named(unit: make.MadeUnit) -> None:
    a, b = (each.id_number for each in unit.staff[:2])
    stranger = make.person().id_number
    with acting(make.operator(unit)):
        assert bundling.by_numbers(f"{a}\n{b.lower()}，{a}；\t").people == people(unit)[:2]
        found = bundling.by_numbers(f"{a} 12345 {stranger}")
    assert found.people == people(unit)[:1] and len(found.wrong) == 2
    assert "第 2 个“12345”" in found.wrong[0] and "不是本单位的参保人员" in found.wrong[1] and stranger not in found.wrong[1]


@pytest.fixture(scope="module")
def client(unit: make.MadeUnit) -> Client:
    make.operator(unit, "bundler")
    made = Client(SERVER_NAME="localhost")
    made.post("/sign-in", {"username": "bundler", "password": make.PASSWORD})
    return made


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"scope": "numbers", "numbers": ""}, "请粘贴身份号码"),
        ({"scope": "numbers", "numbers": "4201"}, "第 1 个“4201”"),
        ({"scope": "filter", "q": ""}, "请输入姓名或身份号码"),
        ({"scope": "filter", "q": "没有的人"}, "没有找到“没有的人”"),
        ({"scope": "else"}, "请选择人员范围"),
        ({"scope": "all", "first_month": "202611", "last_month": "202601"}, "终止月不能早于起始月"),
    ],
)
def test_the_page_says_what_is_wrong_and_orders_nothing(client: Client, typed: dict[str, str], sentence: str) -> None:
    before = ask("select count(*) from papers_bundle")
    answer = client.post("/u/certificates/bundles", {"first_month": "202609", "last_month": "202610", "key": str(uuid4()), **typed})
    assert answer.status_code == 422 and sentence in answer.content.decode()
    assert ask("select count(*) from papers_bundle") == before


def test_by_the_page_from_the_order_to_the_zip(client: Client, unit: make.MadeUnit) -> None:
    typed = {
        "scope": "filter",
        "q": unit.staff[3].name,
        "first_month": "202609",
        "last_month": "202610",
        "purpose": "",
        "key": str(uuid4()),
    }
    answer = client.post("/u/certificates/bundles", typed)
    page = answer["location"]
    assert answer.status_code == 302 and "已出具" in client.get(page).content.decode()
    assert client.get(f"{page}.zip").status_code == 409
    bundle = int(page.rsplit("/", 1)[1])
    assert client.get(f"{page}/progress").status_code == 200
    work(bundle)
    assert client.get(f"{page}/progress", headers={"HX-Request": "true"})["HX-Redirect"] == page
    assert "下载压缩包" in client.get(page).content.decode()
    file = client.get(f"{page}.zip")
    assert file.status_code == 200 and file["Content-Type"] == "application/zip" and "attachment" in file["Content-Disposition"]
    archive = zipfile.ZipFile(io.BytesIO(b"".join(file.streaming_content)))
    assert "清单.xlsx" in archive.namelist()
    assert ask("select count(*) from audit_event where action = 'papers.bundle_fetched'")[0][0] >= 1


def test_by_the_api_from_the_order_to_the_zip(client: Client, unit: make.MadeUnit) -> None:
    token = {"HTTP_AUTHORIZATION": f"Bearer {client.cookies['shebao'].value}"}
    api = Client(SERVER_NAME="localhost")

    def call(body: dict[str, Any]) -> Any:
        return api.post("/api/v1/certificates", json.dumps(body), content_type="application/json", **token)

    asked = {"submission_key": str(uuid4()), "people": "all", "first_month": "202609", "last_month": "202610"}
    first = call(asked)
    assert first.status_code == 201 and first.json()["total"] == 12 and not first.json()["finished"]
    assert call(asked).json()["id"] == first.json()["id"]
    bundle = first.json()["id"]
    assert api.get(f"/api/v1/certificates/{bundle}.zip", **token).json()["code"] == "PAP-03"
    work(bundle)
    assert api.get(f"/api/v1/certificates/{bundle}", **token).json()["made"] == 12
    assert zipfile.ZipFile(io.BytesIO(b"".join(api.get(f"/api/v1/certificates/{bundle}.zip", **token).streaming_content))).testzip() is None
    for wrong, code in (
        ({"people": [make.person().id_number]}, "PAP-02"),
        ({"people": []}, "API-01"),
        ({"people": [1]}, "API-01"),
        ({"first_month": "2026"}, "API-01"),
        ({"purpose": 5}, "API-01"),
        ({"state": "x"}, "API-01"),
    ):
        answer = call(asked | {"submission_key": str(uuid4())} | wrong)
        assert answer.json()["code"] == code, (wrong, answer.json())
    assert api.post("/api/v1/certificates", json.dumps(asked), content_type="application/json").status_code == 401


def test_a_hundred_certificates_in_reasonable_time(capsys: pytest.CaptureFixture[str]) -> None:
    """About 60 ms of processor each; the limit leaves room for a busy machine. 500 in a minute or so."""
    many = make.unit("多人示例单位", people=100)
    bundle = order(many)
    began, wall = time.process_time(), time.perf_counter()
    work(bundle)
    spent, took = time.process_time() - began, time.perf_counter() - wall
    with capsys.disabled():
        print(f"\n100 certificates: {spent:.1f} s of processor, {took:.1f} s")
    assert spent < 15
    assert len(fetch(many, bundle).namelist()) == 101
