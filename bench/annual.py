"""个人工资年度申报 of one unit, measured: template, upload, submission, review page, decision, effect. Seconds, and MB of the process.

SHEBAO_DATA=/tmp/x python bench/annual.py 10000
"""

import resource
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any


def hire(unit: int, born: date, heads: int) -> None:
    """People born on one day, insured through the unit."""
    from shebao.enrolment.operations import NewSpell, start
    from shebao.parties.operations import NewPerson, register_people
    from tests.db.support import AT, ENGINE, FULL, acting, new_id_number

    numbers = [new_id_number(born) for _ in range(heads)]
    with acting(ENGINE):
        people = register_people([NewPerson(n, "张示例") for n in numbers], at=AT)
        start([NewSpell(people[n], unit, 1, FULL, 202609, 800_000, None) for n in numbers], at=AT)


def main(heads: int) -> None:
    from shebao.site import database
    from shebao.site.console_site import migrate_all, set_up

    database.ensure(stop_at_exit=True)
    set_up()
    migrate_all()
    from shebao.casework import batch, operations, review, settling
    from shebao.casework.item import item_of
    from shebao.casework.models import Case
    from shebao.casework.review import Decision, Return
    from shebao.channels.contexts import of_case
    from shebao.channels.desk.sheet import sheet_of
    from shebao.surfaces.workbook import TemplateMark, make_template, read_upload
    from tests.db import support
    from tests.db.support import AT, ENGINE, acting, context, operator, reviewer

    def timed(what: str, act: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        found = act()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{heads:>7,} {what:<44} {time.perf_counter() - began:8.2f} s   peak {peak:6.0f} MB", flush=True)
        return found

    from shebao.parties.models import Agency

    if not Agency.objects.using("owner").exists():
        support.make_agency()
    unit = support.make_unit(vip=False)
    for begin in range(0, heads, 20_000):
        hire(unit, date(1980, 1, 1) + timedelta(days=begin), min(20_000, heads - begin))
    item, ctx = item_of("enrolment.annual_wages"), context(unit, vip=False)
    mark = TemplateMark(item.code, item.version)

    def template() -> bytes:
        with acting(operator(unit)):
            return make_template(item.title, mark, item.fields, rows_max=item.batch_rows_max, notes=[], prefilled=item.rows(ctx))  # type: ignore[misc]

    content = timed("template with the staff", template)
    print(f"{'':>8}{len(content) / 2**20:.1f} MB of workbook")
    with acting(operator(unit)):
        case_id = batch.receive(item, ctx, "申报.xlsx", content, b"d" * 32, key=None)
    sheet = timed("read the upload", lambda: read_upload(content, "a.xlsx", mark, item.fields, rows_max=item.batch_rows_max))
    timed("check and store the rows", lambda: batch.load(case_id, item, ctx, sheet.columns, sheet.row_numbers, [], clock=lambda: AT))

    def fresh() -> Case:
        with acting(ENGINE):
            return Case.objects.get(pk=case_id)

    def submit() -> None:
        with acting(operator(unit)):
            operations.submit(case_id, fresh().version, ctx)

    timed("提交审批", submit)

    def page() -> Any:
        with acting(reviewer()):
            return sheet_of(case_id, AT)

    shown = timed("review page (50 of the rows)", page)
    named = {line.filing.pk: Return("资料不全") for line in shown.lines.rows[:3]}

    def decide() -> None:
        with acting(reviewer()):
            review.decide(case_id, fresh().version, Decision(named), of_case(fresh(), AT))

    timed("decision with three rows named", decide)
    with acting(ENGINE):
        then = of_case(fresh(), AT)
    timed("effect of all others", lambda: settling.go_on(case_id, then, clock=lambda: AT))
    print(fresh().return_reason)


if __name__ == "__main__":
    main(int(sys.argv[1]))
