"""Photos and scanned materials: handed in, bound to a case once, seen by those whose they are, never changed, emptied when never filed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.errors import RefusedError
from shebao.base.terms import Post
from shebao.casework import attachments, operations, review
from shebao.casework.cases import WrongStateError
from shebao.casework.item import item_of
from shebao.casework.models import Attachment, Case
from shebao.casework.pictures import FileRefused
from tests.db import support
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.portal_support import FORM, Portal, case_of, rows_of
from tests.db.support import ADD, AT, FULL_CODES, addition, ask, attempt, context, make_agency, make_unit, new_id_number, operator
from tests.pictures import pdf, picture

ITEM = item_of(ADD)
PHOTO = ITEM.field("photo")
MATERIAL = ITEM.materials[1]
DENIED, RESTRICTED = "42501", "23001"


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """Two units of agency 1 and one of agency 2, with operators and reviewers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1), make_agency(2)
        units = {
            "plain": make_unit("示例餐饮公司", vip=False),
            "vip": make_unit("示例科技公司"),
            "far": make_unit("外地公司", agency=2, vip=False),
        }
        accounts = {
            name: make_account(name, Post.UNIT_OPERATOR, unit=units[unit])
            for name, unit in (("plain", "plain"), ("colleague", "plain"), ("vip", "vip"), ("far", "far"))
        }
        accounts |= {f"rev{i}": make_account(f"rev{i}", Post.REVIEWER, agency=i) for i in (1, 2)}
        make_account("money", Post.FINANCE, agency=1)
        yield {"units": units, "accounts": accounts, **{name: Portal(name) for name in ("plain", "colleague", "vip", "far")}}


def actor(town: dict[str, Any], name: str = "plain") -> Any:
    unit = town["units"]["plain" if name == "colleague" else name]
    return operator(unit, town["accounts"][name], agency=2 if name == "far" else 1)


def ctx(town: dict[str, Any], name: str = "plain", at: Any = AT) -> Any:
    return context(town["units"][name], at, vip=name == "vip", agency=2 if name == "far" else 1)


def photo(town: dict[str, Any], name: str = "plain", *, at: Any = AT, key: UUID | None = None) -> str:
    unit = "plain" if name == "colleague" else name
    with acting(actor(town, name)):
        return str(attachments.store_photo(ctx(town, unit, at), PHOTO, "相片.jpg", picture(), key=key))


def saved(town: dict[str, Any], name: str = "plain", **typed: Any) -> int:
    with acting(actor(town, name)):
        return operations.save_new(ITEM, ctx(town, "plain" if name == "colleague" else name), addition(**typed), key=None).case_id


def bound(photo_id: str) -> int | None:
    return ask("select case_id from casework_attachment where id = %s", [photo_id])[0][0]


def form(town: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**FORM, "id_number": new_id_number(), "name": "张三", "insurances": FULL_CODES, "action": "save", "key": str(uuid4()), **more}


def sent(content: bytes, name: str = "me.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")


# --- photos ---


def test_a_photo_belongs_to_the_case_that_files_it(town: dict[str, Any]) -> None:
    one = photo(town)
    assert bound(one) is None
    case = saved(town, photo=one)
    assert bound(one) == case and rows_of(Case(pk=case))[0].values["photo"] == one


def test_a_photo_is_used_once_by_whoever_handed_it_in(town: dict[str, Any]) -> None:
    one = photo(town)
    saved(town, photo=one)
    for name, value in (("plain", one), ("plain", str(uuid4())), ("colleague", photo(town)), ("vip", photo(town))):
        with pytest.raises(RefusedError) as refused:
            saved(town, name, photo=value)
        assert [(r.code, r.field) for r in refused.value.refusals] == [("ATT-13", "photo")]


def test_two_filings_that_take_the_same_photo_in_the_same_instant_get_it_once(town: dict[str, Any]) -> None:
    photos = [photo(town) for _ in range(6)]
    numbers = [[new_id_number() for _ in range(2)] for _ in range(6)]
    outcomes = support.race(6, 2, lambda i, racer: saved(town, id_number=numbers[i][racer], photo=photos[i]))
    assert all(sorted(isinstance(o, RefusedError) for o in round_) == [False, True] for round_ in outcomes), outcomes


def test_a_replaced_photo_leaves_a_draft_but_stays_with_a_case_that_was_submitted(town: dict[str, Any]) -> None:
    first, second, third = photo(town), photo(town), photo(town, at=AT + timedelta(hours=2))
    number = new_id_number()
    case = saved(town, id_number=number, photo=first)
    with acting(actor(town)):
        operations.save_again(case, 1, ctx(town), addition(number, photo=second))
    assert (bound(first), bound(second)) == (None, case)
    with acting(actor(town)):
        operations.submit(case, 2, ctx(town))
    with acting(support.reviewer(town["accounts"]["rev1"])):
        review.decide(case, 3, review.Decision(return_all=review.Return("相片不清晰", ("photo",))), ctx(town))
    with acting(actor(town)):
        operations.save_again(case, 4, ctx(town, at=AT + timedelta(hours=2)), addition(number, photo=third))
    assert bound(second) == bound(third) == case
    assert ask("select withdrawn_at is not null from casework_attachment where id = any(%s) order by at", [[second, third]]) == [
        (True,),
        (False,),
    ]


def test_the_reminder_comes_until_the_system_holds_a_photo(town: dict[str, Any]) -> None:
    def told(typed: dict[str, Any]) -> list[str]:
        with acting(actor(town, "vip")):
            return [w.code for w in operations.examine_one(ITEM, ctx(town, "vip"), typed).warnings]

    number = new_id_number()
    assert told(addition(number)) == ["ENR-W4"]
    assert told(addition(number, photo=photo(town, "vip"))) == []
    with acting(actor(town, "vip")):
        case = operations.submit(saved(town, "vip", id_number=number, photo=photo(town, "vip")), 1, ctx(town, "vip"))
    with acting(ENGINE):
        assert review.review_automatically(case, ctx(town, "vip")) == review.Outcome(1, 0)
        assert attachments.people_with_photo([number, new_id_number()]) == {number}
    assert told(addition(number)) == []


# --- the form ---


def test_the_form_takes_a_photo_without_scripts_and_keeps_it_when_other_fields_are_refused(town: dict[str, Any]) -> None:
    desk: Portal = town["plain"]
    assert 'enctype="multipart/form-data"' in desk.page("/u/items/add-employee/new")
    key = str(uuid4())
    answer = desk.client.post("/u/items/add-employee/new", form(town, declared_wage="八千", photo_file=sent(picture()), key=key))
    page = answer.content.decode()
    assert answer.status_code == 422 and "金额请只填数字" in page
    kept = page.split('name="photo" value="')[1].split('"')[0]
    assert UUID(kept) and f'src="/attachments/{kept}"' in page
    answer = desk.client.post("/u/items/add-employee/new", form(town, photo=kept, key=key))
    case = case_of(answer["Location"])
    assert bound(kept) == case.pk and f'src="/attachments/{kept}"' in desk.page(f"/u/cases/{case.pk}")


def test_a_photo_that_does_not_fit_is_told_at_its_field_with_all_else_that_is_wrong(town: dict[str, Any]) -> None:
    answer = town["plain"].client.post("/u/items/add-employee/new", form(town, declared_wage="八千", photo_file=sent(picture(100, 140))))
    page = answer.content.decode()
    assert answer.status_code == 422 and "有 2 处需要修改" in page and "100×140 像素" in page and 'id="id_photo_error"' in page


def test_the_same_form_with_a_photo_sent_twice_makes_one_case(town: dict[str, Any]) -> None:
    typed = form(town)
    answers = [town["plain"].client.post("/u/items/add-employee/new", {**typed, "photo_file": sent(picture())}) for _ in range(2)]
    assert [a.status_code for a in answers] == [302, 302] and answers[0]["Location"] == answers[1]["Location"]


def test_a_photo_is_taken_off_the_form_again(town: dict[str, Any]) -> None:
    one = photo(town)
    case = saved(town, photo=one)
    desk: Portal = town["plain"]
    hidden = {"version": "1", "key": str(uuid4())}
    row = rows_of(Case(pk=case))[0]
    typed = {
        **FORM,
        "id_number": row.id_number,
        "name": row.name,
        "insurances": FULL_CODES,
        "action": "save",
        "photo": one,
        "photo_off": "1",
    }
    assert desk.post(f"/u/cases/{case}/edit", {**typed, **hidden}) == f"/u/cases/{case}?saved=1"
    assert bound(one) is None and rows_of(Case(pk=case))[0].values["photo"] is None


def test_a_roster_has_no_column_for_photos_and_no_reminder_a_row(town: dict[str, Any]) -> None:
    from tests.db.test_portal_batch import roster, uploaded

    case = uploaded(town["vip"], roster(3, {}))
    rows = rows_of(case)
    assert [r.warnings for r in rows] == [None] * 3 and "photo" not in rows[0].values
    with acting(actor(town, "vip")):
        operations.submit(case.pk, case_of(f"/u/cases/{case.pk}").version, ctx(town, "vip"))
    assert [r.warnings for r in rows_of(case)] == [None] * 3


# --- who sees it ---


def test_photos_and_scans_are_served_to_the_own_unit_and_its_agency_only(town: dict[str, Any]) -> None:
    one = photo(town)
    saved(town, photo=one)
    path = f"/attachments/{one}"
    for name, status in (("plain", 200), ("colleague", 200), ("vip", 404), ("far", 404)):
        assert town[name].client.get(path).status_code == status, name
    assert [Desk(name).client.get(path).status_code for name in ("rev1", "rev2", "money")] == [200, 404, 403]
    assert ask("select count(*) from audit_event where action = 'attachment.looked' and subject = %s", [one]) == [(1,)]
    answer = town["plain"].client.get(path)
    assert answer["Content-Type"] == "image/jpeg" and answer["Content-Disposition"].startswith("inline")
    assert "sandbox" in answer["Content-Security-Policy"] and answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"


# --- materials ---


def test_a_material_is_uploaded_seen_and_taken_back_while_the_case_is_a_draft(town: dict[str, Any]) -> None:
    desk: Portal = town["plain"]
    case = saved(town)
    assert (
        desk.post(f"/u/cases/{case}/materials", {"material": "1", "file": sent(pdf(), "劳动 合同.pdf")}) == f"/u/cases/{case}#h-materials"
    )
    page = desk.page(f"/u/cases/{case}")
    assert "劳动 合同.pdf" in page and "已上传 1 份" in page
    with acting(ENGINE):
        found = attachments.materials_of(Case(pk=case))[0]
    answer = desk.client.get(f"/attachments/{found.pk}")
    assert answer.content == pdf() and answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    desk.post(f"/u/cases/{case}/materials/{found.pk}/remove")
    assert "已上传" not in desk.page(f"/u/cases/{case}")


def test_what_is_no_material_is_refused_on_the_page(town: dict[str, Any]) -> None:
    case = saved(town)
    for file, said in ((sent(b"MZ", "a.pdf"), "PDF、JPG 或 PNG"), (None, "请先选择要上传的文件"), (sent(b""), "空的")):
        page = town["plain"].post(f"/u/cases/{case}/materials", {"material": "1", **({"file": file} if file else {})}, 422)
        assert said in page and MATERIAL in page
    town["plain"].post(f"/u/cases/{case}/materials", {"material": "99", "file": sent(pdf())}, 404)
    town["vip"].post(f"/u/cases/{case}/materials", {"material": "1", "file": sent(pdf())}, 404)


def test_after_submission_the_materials_are_locked_and_after_a_return_open_again(town: dict[str, Any]) -> None:
    later = AT + timedelta(hours=1)
    with acting(actor(town)):
        case = saved(town)
        kept = attachments.store_material(case, ctx(town), MATERIAL, "合同.pdf", pdf())
        operations.submit(case, 2, ctx(town, at=later))
        with pytest.raises(WrongStateError):
            attachments.store_material(case, ctx(town), MATERIAL, "合同.pdf", pdf())
        with pytest.raises(WrongStateError):
            attachments.remove_material(case, ctx(town, at=later), kept)
    with acting(support.reviewer(town["accounts"]["rev1"])):
        review.decide(case, 3, review.Decision(return_all=review.Return("合同缺签字页")), ctx(town, at=later))
    with acting(actor(town)):
        attachments.remove_material(case, ctx(town, at=later + timedelta(hours=1)), kept)
        attachments.store_material(case, ctx(town, at=later + timedelta(hours=1)), MATERIAL, "合同.pdf", pdf("signed"))
        assert [bytes(Attachment.objects.get(pk=m.pk).content) for m in attachments.materials_of(Case(pk=case))] == [pdf("signed")]
    # What the reviewer returned is still there, marked.
    assert ask("select count(*), count(withdrawn_at) from casework_attachment where case_id = %s", [case]) == [(2, 1)]


def test_a_case_takes_forty_scans_and_not_one_more(town: dict[str, Any]) -> None:
    with acting(actor(town)):
        case = saved(town)
        for i in range(attachments.MATERIALS_MAX):
            attachments.store_material(case, ctx(town), MATERIAL, f"{i}.pdf", pdf(str(i)))
        with pytest.raises(FileRefused, match="最多上传 40 份"):
            attachments.store_material(case, ctx(town), MATERIAL, "x.pdf", pdf("x"))


# --- the database ---


def test_nobody_changes_what_was_handed_in(town: dict[str, Any]) -> None:
    one = photo(town)
    case = saved(town, photo=one)
    with acting(actor(town)):
        operations.submit(case, 1, ctx(town))
    rev = support.reviewer(town["accounts"]["rev1"])
    for who in (actor(town), rev, ENGINE):
        for column, value in (("sha256", b"y" * 32), ("name", "x"), ("at", AT), ("account_id", 1), ("agency_id", 2)):
            assert attempt(who, f"update casework_attachment set {column} = %s where id = %s", [value, one]) == DENIED
        assert attempt(who, "update casework_attachment set case_id = null where id = %s", [one]) == RESTRICTED
        assert attempt(who, "delete from casework_attachment where id = %s", [one]) == DENIED
    assert attempt(ENGINE, "update casework_attachment set content = 'other' where id = %s", [one]) == RESTRICTED
    assert attempt(ENGINE, "update casework_attachment set content = '' where id = %s", [one]) == RESTRICTED
    assert attempt(ENGINE, "update casework_attachment set unit_id = 999 where id = %s", [one]) == RESTRICTED
    assert attempt(None, "update casework_attachment set content = '' where id = %s", [one], alias="owner") == RESTRICTED
    assert attempt(None, "delete from casework_attachment", alias="owner") == RESTRICTED


def test_what_was_never_filed_is_emptied_after_a_day_and_its_trace_stays(town: dict[str, Any]) -> None:
    old, fresh, filed = photo(town, at=AT - timedelta(days=1, seconds=1)), photo(town, at=AT - timedelta(days=1)), photo(town)
    saved(town, photo=filed)
    with acting(ENGINE):
        assert attachments.empty_unfiled(at=AT) >= 1
        assert attachments.empty_unfiled(at=AT) == 0
    sizes = dict(ask("select id::text, length(content) from casework_attachment where id = any(%s)", [[old, fresh, filed]]))
    assert sizes[old] == 0 and sizes[fresh] > 0 and sizes[filed] > 0
    assert ask("select length(sha256), size > 0 from casework_attachment where id = %s", [old]) == [(32, True)]
    with pytest.raises(RefusedError):
        saved(town, photo=old)
    assert town["plain"].client.get(f"/attachments/{old}").status_code == 404


# --- the API ---


def test_a_program_uploads_a_photo_and_files_with_its_id(town: dict[str, Any]) -> None:
    from django.test import Client

    client = Client()
    token = client.post(
        "/api/v1/sign-in", {"username": "vip", "password": "a-long-enough-demo-pass"}, content_type="application/json"
    ).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    told = client.post("/api/v1/attachments", {"item": "add-employee", "field": "photo", "file": sent(picture())}, headers=bearer)
    assert told.status_code == 201 and told.json()["media_type"] == "image/jpeg" and told.json()["width"] == 358
    filing = addition(photo=told.json()["id"], ethnicity="01")
    body = {"submission_key": str(uuid4()), "filings": [filing]}
    done = client.post("/api/v1/items/add-employee/filings", body, content_type="application/json", headers=bearer)
    assert done.status_code == 201, done.json()
    again = {"submission_key": str(uuid4()), "filings": [addition(photo=told.json()["id"], ethnicity="01")]}
    refused = client.post("/api/v1/items/add-employee/filings", again, content_type="application/json", headers=bearer)
    assert refused.status_code == 422 and refused.json()["errors"][0]["code"] == "ATT-13"
    checked = client.post(
        "/api/v1/items/add-employee/check", {"filing": again["filings"][0]}, content_type="application/json", headers=bearer
    )
    assert [e["code"] for e in checked.json()["errors"]] == ["ATT-13"]
    for given, status in (
        ({"item": "add-employee", "field": "name", "file": sent(picture())}, 400),
        ({"file": sent(picture())}, 400),
        ({"item": "add-employee", "field": "photo"}, 400),
        ({"item": "add-employee", "field": "photo", "file": sent(b"x")}, 422),
        ({"case": "ZY000", "material": MATERIAL, "file": sent(pdf())}, 404),
        ({"case": done.json()["number"], "material": MATERIAL, "file": sent(pdf())}, 409),
    ):
        assert client.post("/api/v1/attachments", given, headers=bearer).status_code == status, given
    assert client.post("/api/v1/attachments", {"file": sent(pdf())}).status_code == 401
