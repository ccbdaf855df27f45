"""办件审核 through the pages: who may, what is shown, what a decision does, and what happens to the slower of two reviewers."""

from collections.abc import Iterator
from typing import Any

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.terms import Post
from shebao.casework import batch, cases, operations, queries
from shebao.casework.item import item_of
from shebao.casework.models import Case, CaseState, Channel, Filing, FilingState, Upload
from tests.db.desk_support import NOW, Desk, make_account
from tests.db.support import ADD, AT, STOP, addition, ask, context, file, hire, make_agency, make_unit, new_id_number, operator


@pytest.fixture(scope="module")
def town(database: str) -> Iterator[dict[str, Any]]:
    """A unit of agency 1, two reviewers and one of finance there, and a reviewer of agency 2."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        make_agency(1)
        make_agency(2)
        unit = make_unit("甲示例公司", vip=False)
        accounts = {name: make_account(name, Post.REVIEWER, agency=1) for name in ("zhou", "wu")}
        make_account("zheng", Post.FINANCE, agency=1)
        make_account("far", Post.REVIEWER, agency=2)
        make_account("hr", Post.UNIT_OPERATOR, unit=unit)
        desks = {name: Desk(name) for name in ("zhou", "wu", "zheng", "far", "hr")}
        yield {"unit": unit, "accounts": accounts, **desks}


def filed(town: dict[str, Any], typed: dict[str, Any] | None = None) -> Case:
    return newest(file(ADD, context(town["unit"], vip=False), typed or addition()))


def newest(case_id: int) -> Case:
    with acting(ENGINE):
        return Case.objects.get(pk=case_id)


def taken(town: dict[str, Any], who: str = "zhou", typed: dict[str, Any] | None = None) -> Case:
    """A case that waits for its reviewer's decision."""
    case = filed(town, typed)
    town[who].post(f"/w/cases/{case.pk}/claim")
    return newest(case.pk)


def rows(case: Case) -> list[Filing]:
    with acting(ENGINE):
        return list(Filing.objects.filter(case=case).order_by("row"))


def batch_of(town: dict[str, Any], heads: int = 4) -> Case:
    """A submitted batch, claimed by zhou."""
    item, ctx = item_of(ADD), context(town["unit"], vip=False)
    typed = [addition(insurances="养老、失业、工伤、医疗、大额医疗", name=f"张三{'甲乙丙丁'[i % 4]}") for i in range(heads)]
    columns = {f.name: [row.get(f.name) for row in typed] for f in item.fields}
    with acting(operator(town["unit"])):
        case = cases.new_case(item, ctx, Channel.WORKBOOK, "增员.xlsx", CaseState.CHECKING)
        Upload.objects.create(case=case, unit_id=ctx.unit_id, agency_id=1, name="增员.xlsx", sha256=bytes(32), content=b"x", started_at=AT)
    batch.load(case.pk, item, ctx, columns, list(range(2, heads + 2)), [], clock=lambda: AT)
    with acting(operator(town["unit"])):
        operations.submit(case.pk, newest(case.pk).version, ctx)
    town["zhou"].post(f"/w/cases/{case.pk}/claim")
    return newest(case.pk)


def decide(town: dict[str, Any], case: Case, status: int = 302, who: str = "zhou", **form: Any) -> str:
    return str(town[who].post(f"/w/cases/{case.pk}/decide", {"version": case.version, **form}, status))


def test_the_desk_is_closed_to_units_and_to_posts_that_have_no_business_there(town: dict[str, Any]) -> None:
    case = filed(town)
    for path in ("/w/", "/w/queue/waiting", f"/w/cases/{case.pk}", "/w/receipts", "/w/months", "/w/people?q=1"):
        town["hr"].get(path, 403)
    town["zheng"].get("/w/queue/waiting", 403)
    town["zheng"].get(f"/w/cases/{case.pk}", 403)
    for path in ("/w/receipts", "/w/suspense", "/w/arrears", "/w/trial-balance"):
        town["zhou"].get(path, 403)


def test_a_case_of_another_agency_is_as_if_it_were_not_there(town: dict[str, Any]) -> None:
    case = filed(town)
    assert case.number not in town["far"].get("/w/queue/waiting")
    town["far"].get(f"/w/cases/{case.pk}", 404)
    town["far"].post(f"/w/cases/{case.pk}/decide", {"version": case.version, "act": "pass"}, 404)
    assert newest(case.pk).state == CaseState.REVIEW


def test_what_waits_is_listed_and_narrowed_by_item_unit_and_person(town: dict[str, Any]) -> None:
    typed = addition(name="欧阳示例")
    case = filed(town, typed)
    number = case.number
    assert number in town["zhou"].get("/w/queue/waiting")
    for query in ("item=enrolment.add_employee", "unit=甲示例", f"q={number}", f"q={typed['id_number']}", "q=欧阳示例", "channel=page"):
        assert number in town["zhou"].get(f"/w/queue/waiting?{query}"), query
    for query in ("item=enrolment.stop_employee", "unit=乙示例", "q=ZY1", "channel=workbook"):
        page = town["zhou"].get(f"/w/queue/waiting?{query}")
        assert number not in page
        assert "没有符合条件的办件，请放宽条件再查。" in page


def test_the_next_one_is_the_one_that_waits_longest(town: dict[str, Any]) -> None:
    filed(town)
    first = ask("select id from casework_case where state = 'review' and claimed_by is null order by submitted_at, id limit 1")[0][0]
    assert town["wu"].post("/w/queue/take") == f"/w/cases/{first}"
    assert newest(first).claimed_by == town["accounts"]["wu"]


def test_the_review_page_shows_data_checks_money_and_timeline(town: dict[str, Any]) -> None:
    typed = addition(name="示例甲")
    case = taken(town, typed=typed)
    page = town["zhou"].get(f"/w/cases/{case.pk}")
    for told in (
        typed["id_number"],
        "示例甲",
        "8,000.00",
        "没有不符合规定的地方，有 1 项提醒",
        "系统内没有此人的电子相片",
        "在其他单位未停保",
        "增加 1 人后每月的缴费",
        "怎么算的",
    ):
        assert told in page, told
    for told in ("身份证复印件不清晰，请重新提供", "劳动合同书或其他用工证明材料", "提交审批，1 人，等待窗口审核", "领取办件"):
        assert told in page, told
    assert ask("select count(*) from audit_event where action = 'case.looked' and case_id = %s", [case.pk]) == [(1,)]


def test_what_has_changed_since_it_was_filed_is_found_on_the_page(town: dict[str, Any]) -> None:
    typed = addition()
    case = taken(town, typed=typed)
    other = make_unit("乙示例公司", vip=True)
    from tests.db.support import take_effect

    take_effect(ADD, context(other), dict(typed))
    page = town["zhou"].get(f"/w/cases/{case.pk}")
    assert "不能通过" in page
    assert "此人在乙示例公司未停保，请联系原单位办理暂停缴费，停保后再增员" in page
    decide(town, case, act="pass")
    after = newest(case.pk)
    assert (after.state, after.returned) == (CaseState.DRAFT, True)
    assert after.return_reason.startswith("此人在乙示例公司未停保")


def test_passing_takes_effect_and_says_so(town: dict[str, Any]) -> None:
    typed = addition()
    case = taken(town, typed=typed)
    where = decide(town, case, act="pass")
    assert "审核通过，已经生效" in town["zhou"].get(where)
    assert newest(case.pk).state == CaseState.DONE
    assert ask(
        "select count(*) from enrolment_spell s join parties_person p on p.id = s.person_id where p.id_number = %s", [typed["id_number"]]
    ) == [(1,)]
    assert case.number in town["zhou"].get("/w/queue/reviewed")


def test_returning_needs_a_reason_and_without_one_nothing_changes(town: dict[str, Any]) -> None:
    case = taken(town)
    assert "请填写不通过原因，单位才知道该怎样修改" in decide(town, case, 422, act="back")
    assert newest(case.pk).version == case.version


def test_a_returned_case_carries_the_reason_and_the_fields_to_mend(town: dict[str, Any]) -> None:
    case = taken(town)
    decide(town, case, act="back", reason="身份证复印件不清晰，请重新提供", other="背面也要", pins=["id_number", "no_such_field"])
    after = newest(case.pk)
    assert (after.state, after.returned) == (CaseState.DRAFT, True)
    assert after.return_reason == "身份证复印件不清晰，请重新提供；背面也要"
    assert rows(after)[0].pins == ["id_number"]
    assert "已退回，等单位修改" in town["wu"].get(f"/w/cases/{case.pk}")


def test_the_slower_of_two_reviewers_is_told_what_happened(town: dict[str, Any]) -> None:
    case = taken(town)
    decide(town, case, act="pass")
    page = decide(town, case, 409, act="back", other="晚了一步")
    assert "您这次的审核意见没有保存" in page
    assert "最近一次变化是“zhou示例：1 人通过”" in page
    assert newest(case.pk).state == CaseState.DONE


def test_a_case_that_another_one_holds_can_be_seen_but_not_decided(town: dict[str, Any]) -> None:
    case = taken(town)
    assert "已由zhou示例于" in town["wu"].get(f"/w/cases/{case.pk}")
    assert "这个办件已由zhou示例领取，请选择其他办件" in decide(town, case, 409, who="wu", act="pass")
    assert "这个办件已由zhou示例领取" in town["wu"].post("/w/queue/take", {"case": case.pk}, 409)
    assert newest(case.pk).state == CaseState.REVIEW


def test_who_filed_a_case_never_reviews_it(town: dict[str, Any]) -> None:
    own = operator(town["unit"], town["accounts"]["wu"])
    case = newest(file(ADD, context(town["unit"], vip=False), addition(), actor=own))
    assert "录入和审核不能是同一人，请由其他审核人员办理" in town["wu"].post(f"/w/cases/{case.pk}/claim", status=403)
    assert "录入和审核不能是同一人，请由其他审核人员办理" in decide(town, case, 403, who="wu", act="pass")
    assert newest(case.pk).state == CaseState.REVIEW


def test_a_case_put_back_waits_again(town: dict[str, Any]) -> None:
    case = taken(town)
    assert town["zhou"].post(f"/w/cases/{case.pk}/release") == "/w/queue/mine"
    assert newest(case.pk).claimed_by is None


def test_an_automatic_case_that_the_system_did_not_finish_comes_to_the_counter(town: dict[str, Any]) -> None:
    unit = make_unit("丙示例公司", vip=True)
    case = newest(file(ADD, context(unit), addition()))
    assert case.automatic
    at = AT.replace(minute=5)
    from shebao.casework.queues import WAITING, queue

    with acting(ENGINE):
        seen = [
            case.pk in [c.pk for c in queue(WAITING, queries.Wanted(unit_ids=[unit]), agency_id=1, account_id=1, at=moment).rows]
            for moment in (at, at.replace(minute=30))
        ]
    assert seen == [False, True]


def test_people_on_the_list_go_back_with_their_reasons_and_the_rest_passes_in_one_save(town: dict[str, Any]) -> None:
    """Seed 004: 查找错报人员, 输入不通过原因, 保存后将通过和不通过数据全部提交."""
    case = batch_of(town)
    first, second, *rest = rows(case)
    listed = f"{first.id_number} {first.name} 工资与合同不一致\n{second.id_number}"
    decide(town, case, act="except", listed=listed, other="请核对姓名", pins="name")
    after = {row.pk: row for row in rows(case)}
    assert [(after[r.pk].state, after[r.pk].return_reason) for r in (first, second)] == [
        (FilingState.RETURNED, "工资与合同不一致"),
        (FilingState.RETURNED, "请核对姓名"),
    ]
    assert after[first.pk].pins == ["name"]
    assert {after[r.pk].state for r in rest} == {FilingState.DONE}
    assert newest(case.pk).return_reason == "工资与合同不一致（共 2 人被退回）"


def test_a_list_with_someone_who_is_not_in_the_batch_is_refused_whole(town: dict[str, Any]) -> None:
    case = batch_of(town)
    first = rows(case)[0]
    stranger = new_id_number()
    page = decide(town, case, 422, act="except", listed=f"{first.id_number}\n{stranger} 不认识")
    assert f"名单第 1 行：{first.name} 没有写不通过原因" in page
    assert f"名单第 2 行：{stranger[:4]}**********{stranger[-4:]} 不在本批次待审核的人员里，请核对身份证号" in page
    assert {row.state for row in rows(case)} == {FilingState.REVIEW}


def test_passing_all_with_a_list_still_there_is_refused_and_an_empty_list_too(town: dict[str, Any]) -> None:
    case = batch_of(town)
    first = rows(case)[0]
    assert "退回名单里还有 1 行" in decide(town, case, 422, act="pass", listed=f"{first.id_number} 原因")
    assert "退回名单是空的" in decide(town, case, 422, act="except")
    decide(town, case, act="pass")
    assert {row.state for row in rows(case)} == {FilingState.DONE}


def test_picked_rows_join_the_list_and_stay_there_while_one_searches(town: dict[str, Any]) -> None:
    case = batch_of(town)
    first, second, *_ = rows(case)
    page = decide(town, case, 200, act="add", pick=[first.pk], reason="劳动合同缺少签字页，请补充")
    line = f"{first.id_number} {first.name} 劳动合同缺少签字页，请补充"
    assert line in page
    page = decide(town, case, 200, act="find", q=second.id_number, listed=line)
    assert line in page
    page = decide(town, case, 200, act="add", pick=[first.pk, second.pk], listed=line, other="另一个原因")
    assert line in page
    assert f"{second.id_number} {second.name} 另一个原因" in page
    assert page.count(f"{first.id_number} {first.name}") == 1
    assert "退回名单 2 人" in page
    assert newest(case.pk).version == case.version


def test_a_whole_batch_goes_back_for_one_reason(town: dict[str, Any]) -> None:
    case = batch_of(town, 3)
    decide(town, case, act="back", other="盖章不清，请重新盖章后上传")
    assert {(r.state, r.return_reason) for r in rows(case)} == {(FilingState.RETURNED, "盖章不清，请重新盖章后上传")}


def test_a_look_at_a_person_is_on_record(town: dict[str, Any]) -> None:
    (number,) = hire(town["unit"])
    page = town["zhou"].get(f"/w/people?q={number}")
    assert "共 1 人" in page
    ((person_id, person),) = ask("select id, number from parties_person where id_number = %s", [number])
    assert number in town["zhou"].get(f"/w/people/{person}")
    looked = "select account_id, account_name from audit_event where action = 'person.looked' and person_id = %s"
    assert ask(looked, [person_id]) == [(town["accounts"]["zhou"], "zhou示例")]
    town["far"].get(f"/w/people/{person}", 404)
    assert "没有找到" in town["far"].get(f"/w/people?q={number}")
    assert ask(looked, [person_id]) == [(town["accounts"]["zhou"], "zhou示例")]


def test_people_are_found_by_whole_numbers_and_names_not_by_fragments(town: dict[str, Any]) -> None:
    (number,) = hire(town["unit"])
    assert "共 0 人" in town["zhou"].get(f"/w/people?q={number[:17]}")


def test_the_one_search_leads_to_a_case_by_its_number(town: dict[str, Any]) -> None:
    case = filed(town)
    answer = town["zhou"].client.get(f"/w/search?q={case.number.lower()}")
    assert answer["Location"] == f"/w/cases/{case.pk}"
    assert "甲示例公司" in town["zhou"].get("/w/search?q=甲示例")


def test_a_unit_can_be_looked_at_by_its_own_agency(town: dict[str, Any]) -> None:
    ((number,),) = ask("select number from parties_unit where id = %s", [town["unit"]])
    page = town["zhou"].get(f"/w/units/{number}")
    for told in ("甲示例公司", "在保人数", "用人单位", "没有欠费"):
        assert told in page, told
    town["far"].get(f"/w/units/{number}", 404)


def test_a_stop_is_reviewed_against_what_the_register_knows(town: dict[str, Any]) -> None:
    (number,) = hire(town["unit"])
    case = newest(file(STOP, context(town["unit"], vip=False), {"id_number": number, "name": "张三甲", "reason": "6301", "note": ""}))
    town["zhou"].post(f"/w/cases/{case.pk}/claim")
    page = town["zhou"].get(f"/w/cases/{case.pk}")
    assert "解除或终止劳动合同" in page
    assert "本单位参保起始 2026 年 10 月" in page
    decide(town, newest(case.pk), act="pass")
    assert newest(case.pk).state == CaseState.DONE


def test_control_characters_in_a_reason_or_a_list_do_no_harm(town: dict[str, Any]) -> None:
    case = batch_of(town, 2)
    first = rows(case)[0]
    decide(town, case, act="except", q="\x07", listed=f"{first.id_number}\x01 请核对\x07姓名", other="\x1b")
    assert {r.id_number: r.return_reason for r in rows(case)}[first.id_number] == "请核对姓名"
    town["zhou"].get("/w/cases/99999999999999999999", 404)
