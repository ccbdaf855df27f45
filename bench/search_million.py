# ruff: noqa: E402, E501
"""How fast a part of a name is found among 1,000,000 people of 20,000 units in 13 agencies, and what the index costs when people register.

    SHEBAO_DATA=/tmp/bench-search python bench/search_million.py

Prints, by searched word: planning and execution in the database (best of nine) and whether the inverted index was used; then the whole
search as the desk makes it (engine finds, the actor reads under its policies); then 20,000 registrations with and without the index.
"""

import random
import statistics
import time

from shebao.site import database
from shebao.site.console_site import migrate_all, set_up

database.ensure(stop_at_exit=True)
set_up()

from django.db import connection, connections

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role
from shebao.base.terms import Sex
from shebao.contact import finding
from shebao.site.demo.names import person_name

PEOPLE, UNITS, CHUNK = 1_000_000, 20_000, 100_000
WORDS = ("王建", "小明", "文静", "建国", "张伟", "欧阳", "李娜", "王芳", "志强", "玉玺", "不存在的", "P00000000999")
DESK = Actor(Role.AGENCY, 1, "测", 0, 1)
REGISTER = """
insert into parties_person (number, id_number, name, sex, birth_date, ethnicity, mobile, registered_at)
select %s || lpad(i::text, 11, '0'), '42019919' || lpad(i::text, 9, '0') || 'X', n, '1', '1990-01-01', '01', '', '2020-01-01'
from unnest(%s::int[], %s::text[]) as t (i, n)
"""


def fill(names: list[str]) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "insert into parties_agency (id, name, place, district) select i, 'x' || i, '420100', '' from generate_series(1, 13) i"
        )
        cursor.execute(
            "insert into parties_unit (number, name, agency_id, place, kind, vip, industry, contact_name, contact_phone, address, registered_on)"
            " select 'P' || i, '武汉示例科技' || i || '有限公司', 1 + i % 13, '420100', 'employer', false, '', '', '', '', '2020-01-01'"
            f" from generate_series(1, {UNITS}) i"
        )
        for start in range(0, PEOPLE, CHUNK):
            cursor.execute(REGISTER, ["P", list(range(start, start + CHUNK)), names[start : start + CHUNK]])
        cursor.execute("alter table enrolment_spell drop constraint enrolment_spell_no_overlap")  # it costs minutes and is not the matter
        cursor.execute(
            "insert into enrolment_spell (person_id, unit_id, agency_id, insurance_mask, from_month, stop_reason, known_from)"
            " select p.id, u.id, u.agency_id, 1, 202001, '', now() from (select id, row_number() over () n from parties_person) p"
            f" join (select id, agency_id, row_number() over () m from parties_unit) u on u.m = 1 + p.n % {UNITS}"
        )
        cursor.execute("analyze")
        cursor.execute("select pg_size_pretty(pg_relation_size('contact_person_pairs'))")
        print("the index takes", cursor.fetchone()[0])


def measure() -> None:
    with acting(ENGINE), connection.cursor() as cursor:
        for word in WORDS:
            values, times, plan = {"text": word, "part": f"%{word}%", "agency": 1, "limit": finding.LIMIT}, [], ""
            for _ in range(9):
                cursor.execute("explain (analyze, format json) " + finding.NAMED, values)
                told = cursor.fetchone()[0][0]
                times.append(told["Planning Time"] + told["Execution Time"])
                plan = str(told)
            print(f"{word}: {min(times):.2f} ms in the database, index used: {'contact_person_pairs' in plan}")
    for word in WORDS:
        times = []
        for _ in range(9):
            began = time.perf_counter()
            with acting(DESK):
                found = finding.people_named(1, word)
            times.append((time.perf_counter() - began) * 1000)
        print(f"{word}: whole search {statistics.median(times):.1f} ms median, {len(found)} found")


def register_cost(names: list[str]) -> None:
    with connections["owner"].cursor() as cursor:
        for label, first, act in (("with", 2_000_000, "select 1"), ("without", 3_000_000, "drop index contact_person_pairs")):
            cursor.execute(act)
            times = []
            for turn in range(3):
                numbers = list(range(first + turn * 20_000, first + (turn + 1) * 20_000))
                began = time.perf_counter()
                cursor.execute(REGISTER, ["Q", numbers, names[:20_000]])
                times.append(time.perf_counter() - began)
            print(f"20,000 people registered {label} the index: {min(times):.2f} s")


if __name__ == "__main__":
    migrate_all()
    chance = random.Random(1)
    people = [person_name(chance, Sex.MALE if i % 2 else Sex.FEMALE) for i in range(PEOPLE)]
    fill(people)
    measure()
    register_cost(people)
