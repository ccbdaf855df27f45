"""One person from the form to a paid month, through the operations that every surface calls."""

from datetime import date, datetime

import pytest

from shebao.base.clock import ZONE

AT = datetime(2026, 11, 10, 9, tzinfo=ZONE)
pytestmark = pytest.mark.usefixtures("database")


def test_an_addition_backdated_into_an_assessed_month_is_charged_on_the_next_bill() -> None:
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE, Actor, Role
    from shebao.base.identifiers import make_id_number
    from shebao.base.terms import INSURANCES, Insurance, Post, mask_of
    from shebao.casework import operations, review
    from shebao.casework.item import Context, item_of
    from shebao.levy.models import Bill
    from shebao.parties.models import Agency
    from shebao.parties.operations import NewUnit, register_units
    from shebao.runs.monthly_assessment import assess

    mask = mask_of([i for i in INSURANCES if i is not Insurance.MATERNITY])
    Agency.objects.using("owner").create(id=1, name="示例经办机构", place="420100", district="420102")
    with acting(ENGINE):
        (unit,) = register_units(
            [NewUnit("示例公司", None, 1, "420100", mask, 1, 202501, date(2024, 1, 1), vip=True)], at=datetime(2025, 1, 1, tzinfo=ZONE)
        )
    operator = Actor(Role.UNIT, 100, "经办甲", unit, 1, frozenset({Post.UNIT_OPERATOR}), True)
    context = Context(unit, 1, "420100", True, AT.date(), AT)
    assess("420100", 202610, clock=lambda: datetime(2026, 10, 25, tzinfo=ZONE))
    typed = {
        "id_number": make_id_number("420102", date(1995, 3, 4), 901),
        "name": "张䶮",
        "ethnicity": "汉族",
        "declared_wage": "8000",
        "insurances": ["110", "210", "310", "330", "410"],
        "backdated_from": "202610",
    }
    with acting(operator):
        saved = operations.save_new(item_of("enrolment.add_employee"), context, typed, key=None)
        operations.submit(saved.case_id, 1, context)
    with acting(ENGINE):
        outcome = review.review_automatically(saved.case_id, context)
    assert outcome is not None
    assert (outcome.done, outcome.returned) == (1, 0)
    assess("420100", 202611, clock=lambda: AT)
    with acting(operator):
        bill = Bill.objects.get(month=202611)
        lines = {(line.insurance, line.origin): (line.unit_fen, line.person_fen) for line in bill.lines.all()}
    assert lines[110, "normal"] == lines[110, "back"] == (128000, 64000)
    assert lines[310, "normal"] == (69600, 16000)
    assert lines[410, "back"] == (1600, 0)
    assert lines[330, "normal"] == (0, 700)
    assert bill.total_fen == 2 * (128000 + 64000 + 5600 + 2400 + 69600 + 16000 + 1600 + 700)
