"""What both yearly declarations ask of the calendar: which 社保年度 a row names, whether it may be declared, from which month it counts."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from shebao.base.errors import Refusal
from shebao.base.months import Month, month_of, shift, span
from shebao.casework.fields import Field, Kind
from shebao.casework.item import Context, Filing
from shebao.levy.models import MonthState
from shebao.levy.months import hold
from shebao.policy.annual import DeclaredYear, declarable
from shebao.policy.rulebook import standard

YEAR = Field("year", "社保年度", Kind.TEXT, core=True, hint="4 位数字，模板和表单已按可申报的年度填好", example="2027", most=4, width=10)


@lru_cache(maxsize=64)
def _years(place: str, on: date) -> Mapping[str, DeclaredYear]:
    return {str(year.code): year for year in declarable(standard(), on, place)}


def years(context: Context) -> list[DeclaredYear]:
    """The years that may be declared now, the one to be expected first."""
    return list(_years(context.place, context.on).values())


def year_named(filing: Filing, context: Context) -> DeclaredYear | None:
    """The year a row names, if it may be declared now."""
    return _years(context.place, context.on).get(filing.text("year"))


def unavailable(context: Context) -> Refusal | None:
    """No year can be declared: said on the landing page, in the form, in a batch and to programs alike."""
    if years(context):
        return None
    return Refusal("ANN-01", "现在没有可以申报的社保年度：年度起止或受理时间尚未公布，或受理时间已过；请以社保经办机构当年下发的文件为准")


def right_year(filing: Filing, known: Any, context: Context) -> Refusal | None:
    """The check of both items. The year of a row may not be declared now: an old template, a slip of the pen, or reviewed too late."""
    if known.year is not None:
        return None
    found = years(context)
    told = f"现在可以申报的社保年度是 {'、'.join(str(year.code) for year in found)}" if found else "现在没有可以申报的社保年度"
    text = f"{told}，这一行写的是“{filing.text('year')}”；请下载本年度的模板"
    return Refusal("ANN-02", text, "year", str(found[0].code) if found else None)


def first_open_month(year: DeclaredYear, context: Context) -> Month:
    """The month from which a year's declaration counts: its first one, or the first that is not assessed yet. Held until the end of the
    transaction, so that nobody assesses it meanwhile. Raises: MonthBusyError."""
    first = year.first_month
    candidates = list(span(first, shift(max(first, month_of(context.on)), 1)))
    states = hold(context.place, candidates)
    return next((m for m in candidates if states[m] is not MonthState.ASSESSED), shift(candidates[-1], 1))
