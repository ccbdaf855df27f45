"""全站搜索: it finds what people mean by the words they use, by an index, and never a row of somebody else."""

import json

import pytest
from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, PUBLIC
from shebao.channels.searching import found_by_agency, found_by_all, found_by_unit
from shebao.contact import finding, notices, questions
from shebao.contact.notices import NoticeData
from shebao.parties.operations import NewPerson, register_people
from shebao.surfaces.guide import matching
from shebao.surfaces.initials import initials
from tests.db import support
from tests.db.contact_support import NOW


@pytest.fixture(scope="module")
def units(database: str) -> tuple[int, int, int]:
    """A and B of agency 1, C of agency 2, each with one 欧阳小明 of its own."""
    support.make_agency(1), support.make_agency(2)
    made = tuple(support.make_unit(f"武汉示例科技{n}公司", agency=a) for n, a in (("甲", 1), ("乙", 1), ("丙", 2)))
    for unit, agency in zip(made, (1, 1, 2), strict=True):
        number = support.new_id_number()
        with acting(ENGINE):
            people = register_people([NewPerson(number, "欧阳小明"), NewPerson(other := support.new_id_number(), "王%_")], at=support.AT)
            support.enrolment.start(
                [support.enrolment.NewSpell(people[n], unit, agency, support.FULL, 202610, 800_000, None) for n in (number, other)],
                at=support.AT,
            )
    return made  # type: ignore[return-value]


def owners(people) -> set[int]:  # type: ignore[no-untyped-def]
    return {u for (u,) in support.ask("select unit_id from enrolment_spell where person_id = any(%s)", [[p.pk for p in people]])}


@pytest.mark.parametrize(
    ("word", "slug"),
    [
        ("入职", "add-employee"),
        ("新员工入职", "add-employee"),
        ("离职", "stop-employee"),
        ("减员", "stop-employee"),
        ("调薪", "change-wage"),
        ("增员", "add-employee"),
        ("zy", "add-employee"),
        ("ztjf", "stop-employee"),
        ("GZBG", "change-wage"),
    ],
)
def test_an_item_is_found_by_the_words_people_use_and_by_initials(database: str, word: str, slug: str) -> None:
    assert matching(word)[0].slug == slug


def test_one_letter_and_no_text_find_no_items(database: str) -> None:
    assert matching("z") == matching("") == matching(" ") == []


@pytest.mark.parametrize(
    ("text", "letters"), [("增员（续保）", "zyxb"), ("暂停缴费", "ztjf"), ("VIP单位", "vipdw"), ("啊座", "az"), ("䶮㛃", ""), ("", "")]
)
def test_initials_follow_from_the_order_of_gb_2312(text: str, letters: str) -> None:
    assert initials(text) == letters


def test_a_unit_finds_its_own_people_only(units: tuple[int, int, int]) -> None:
    for unit, agency in zip(units, (1, 1, 2), strict=True):
        with acting(support.operator(unit, agency=agency)):
            for text in ("小明", "欧阳小明", "欧阳"):
                people = found_by_unit(text, unit, NOW).people
                assert [p.name for p in people] == ["欧阳小明"] and owners(people) == {unit}
            assert finding.staff_named(units[(units.index(unit) + 1) % 3], "小明") == []  # another's number given: the rows stay away


def test_an_agency_finds_the_people_and_units_of_its_units_only(units: tuple[int, int, int]) -> None:
    with acting(support.reviewer()):
        found = found_by_agency("小明", 1, NOW)
        assert len(found.people) == 2 and owners(found.people) == set(units[:2])
        assert {u.pk for u in found_by_agency("示例科技", 1, NOW).units} == set(units[:2])
        assert finding.people_named(2, "小明") == [] and finding.units_named(2, "示例科技") == []
    with acting(support.reviewer(agency=2)):
        assert owners(found_by_agency("小明", 2, NOW).people) == {units[2]}


def test_a_whole_number_finds_and_a_part_of_one_does_not(units: tuple[int, int, int]) -> None:
    ((number, own),) = support.ask(
        "select p.id_number, p.number from parties_person p join enrolment_spell s on s.person_id = p.id"
        " where s.unit_id = %s and p.name = '欧阳小明'",
        [units[0]],
    )
    with acting(support.reviewer()):
        assert [p.id_number for p in finding.people_named(1, number)] == [p.id_number for p in finding.people_named(1, own)] == [number]
        assert finding.people_named(1, number[:17]) == [] and finding.people_named(1, number[:6]) == []
    with acting(support.reviewer(agency=2)):
        assert finding.people_named(2, number) == []


def test_one_character_browses_nothing_and_signs_of_patterns_are_letters(units: tuple[int, int, int]) -> None:
    with acting(support.reviewer()):
        assert finding.people_named(1, "王") == [] and finding.units_named(1, "武") == []
        assert [p.name for p in finding.people_named(1, "%_")] == ["王%_", "王%_"]
        assert finding.people_named(1, "__") == [] and finding.people_named(1, "\\%") == []


def test_a_search_for_people_is_on_record_and_an_id_number_in_it_is_masked(units: tuple[int, int, int]) -> None:
    ((number,),) = support.ask(
        "select p.id_number from parties_person p join enrolment_spell s on s.person_id = p.id where s.unit_id = %s and p.name = '欧阳小明'",
        [units[0]],
    )
    with acting(support.reviewer(777)):
        found_by_agency("小明", 1, NOW)
        found_by_agency(number, 1, NOW)
    rows = support.ask("select subject, after->>'found' from audit_event where account_id = 777 and action = 'person.searched' order by id")
    assert rows == [("小明", "2"), (f"{number[:4]}{'*' * 10}{number[-4:]}", "1")]


def test_questions_and_notices_are_found_by_those_whom_they_concern(units: tuple[int, int, int]) -> None:
    with acting(support.operator(units[0])):
        questions.ask("item", "社保卡补办怎么走", "内容", agency_id=1, at=NOW)
    with acting(support.reviewer(301)):
        ids = [
            notices.save_notice(None, NoticeData(f"社保卡通知{a}", "正文", a, u, NOW.date(), None), at=NOW)
            for a, u in (("all", None), ("unit", units[0]))
        ]
    with acting(support.reviewer(302)):
        for notice in ids:
            notices.publish(notice, at=NOW)
    titles = {}
    for name, unit, agency in (("a", units[0], 1), ("b", units[1], 1), ("c", units[2], 2)):
        with acting(support.operator(unit, agency=agency)):
            found = found_by_unit("社保卡", unit, NOW)
            titles[name] = ({q.subject for q in found.questions}, {str(n["title"]) for n in found.notices})
    assert titles == {
        "a": ({"社保卡补办怎么走"}, {"社保卡通知all", "社保卡通知unit"}),
        "b": (set(), {"社保卡通知all"}),
        "c": (set(), {"社保卡通知all"}),
    }


def test_everybody_finds_items_answers_and_public_notices_without_a_sign_in(database: str) -> None:
    with acting(PUBLIC):
        found = found_by_all("预约", NOW.date())
        assert found.answers[0].id == "book-ahead"
        assert found_by_all("离职", NOW.date()).items[0].slug == "stop-employee"
        assert not found_by_all("没有这个词", NOW.date()).any and not found_by_all("", NOW.date()).any


def test_a_part_of_a_name_is_found_by_the_index_and_not_by_reading_everybody(units: tuple[int, int, int]) -> None:
    """With enough people the planner takes the inverted index; 1,000,000 are measured in bench/search_million.py."""
    with acting(ENGINE):
        register_people(
            [NewPerson(support.new_id_number(), f"赵{chr(0x4E00 + i % 3000)}{chr(0x5000 + i % 2900)}") for i in range(6000)], at=support.AT
        )
    support.as_owner("analyze parties_person")
    with acting(ENGINE), connection.cursor() as cursor:
        by_name = finding.NAMED.replace(f"and {finding.OF_AGENCY}", "")  # three insured people are read faster than any index
        cursor.execute("explain (format json) " + by_name, {"text": "小明", "part": "%小明%", "agency": 1, "limit": 8})
        plan = json.dumps(cursor.fetchone()[0])
    assert "contact_person_pairs" in plan and "Seq Scan" not in plan
