"""A unit in the July of 2022, for the journey of 缓缴: run as `python -m tests.journeys.city_2022` with SHEBAO_DATA and SHEBAO_NOW set.

The demo city cannot live in 2022: 大额医疗 has no known amount before 2025. Here the unit is insured in the four types that are known.
"""

from datetime import date

from shebao.site.console_site import migrate_all, set_up
from shebao.site.database import ensure


def main() -> None:
    """Migrate an empty database and build a unit with its June of 2022 assessed, an operator, two reviewers."""
    ensure(stop_at_exit=True)
    set_up()
    migrate_all()
    from shebao.access.models import Grant
    from shebao.base.terms import Insurance, mask_of
    from tests import make

    mask = mask_of([Insurance.PENSION, Insurance.UNEMPLOYMENT, Insurance.INJURY, Insurance.MEDICAL])
    make.agency()
    unit = make.unit("示例餐饮有限公司", people=4, mask=mask, since=202205)
    make.operator(unit, "unit")
    make.reviewer(username="reviewer")
    make.reviewer(username="reviewer2")
    Grant.objects.using("owner").update(from_date=date(2022, 1, 1))  # make's posts begin in 2025
    make.month_assessed(202206, at=make.instant(202207, 25))


if __name__ == "__main__":
    main()
