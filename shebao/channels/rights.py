"""个人账户 and 权益 as pages, papers, API and commands tell it: one place for all of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shebao.accounts.models import EndKind, EntryKind, PartYear, Resettled
from shebao.accounts.queries import (
    AccountTold,
    AccountYear,
    EntryTold,
    Months,
    accounts_of,
    entries_of,
    months_counted,
    part_years_of,
    year_reckoned,
)
from shebao.base.money import yuan, yuan_shown
from shebao.base.months import iso, month_shown
from shebao.levy.rights import PaidMonth, paid_months
from shebao.policy.account import RATE, explain_year
from shebao.policy.explain import Explained
from shebao.policy.rulebook import Status, standard
from shebao.policy.shapes import percent
from shebao.surfaces.reasons import reason


def months_words(months: int) -> str:
    """171 -> '14 年 3 个月'."""
    years, rest = divmod(months, 12)
    return f"{years} 年 {rest} 个月" if years else f"{rest} 个月"


def find_account(person_id: int, place: str = "") -> AccountTold | None:
    """The account that moved last, or the one a place keeps."""
    found = accounts_of(person_id)
    return next((a for a in found if not place or a.place == place), None)


def explained(told: AccountYear, place: str) -> Explained | None:
    """How a settled year's interest came about; None while it is not settled."""
    reckoned = year_reckoned(told, place, standard())
    return explain_year(reckoned, told.year, told.months_fen if _by_months(told) else None) if reckoned else None


def _by_months(told: AccountYear) -> bool:
    """Whether the months alone make the 积数 (no part year was settled between)."""
    return sum(fen * (13 - n) for n, fen in enumerate(told.months_fen, 1)) == told.product_fen


def rate_words(told: AccountYear, place: str) -> str:
    """The rate of a year with how far it may be trusted, or why there is none yet."""
    if told.rate_ppm is not None:
        return f"{percent(told.rate_ppm)}（{Status(told.rate_status).label}）"
    rule = standard().find(RATE, date(told.year, 12, 31), place)
    if rule is None or rule.value is None:
        return "尚未公布"
    return f"{percent(int(rule.value))}（{rule.status.label}，年度结算后计息）"


def account_context(account: AccountTold, year: int | None) -> dict[str, Any]:
    """What the account pages show, in portal and desk: figures, charts, one year in detail."""
    chosen = account.year(year) if year else None
    chosen = chosen or (account.years[-1] if account.years else None)
    why = explained(chosen, account.place) if chosen else None
    months = months_counted(account.person_id)
    return {
        "account": account,
        "place_label": standard().place(account.place).label,
        "months": months,
        "months_words": months_words,
        "years": [{"year": y, "rate": rate_words(y, account.place)} for y in reversed(account.years)],
        "chosen": chosen,
        "chosen_rate": rate_words(chosen, account.place) if chosen else "",
        "entries": [entry_row(e) for e in entries_of(account.person_id, account.place, chosen.year)] if chosen else [],
        "reason": reason(why.to_dict()) if why else None,
        "parts_years": _part_years(account),
        "charts": {
            "years": _chart_years(account.years),
            "months": _chart_months(chosen) if chosen else "",
        },
    }


def _part_years(account: AccountTold) -> list[dict[str, Any]]:
    """当年结算 of an account with what was settled again (None: not yet)."""
    return [{"part": p, "again": getattr(p, "resettled", None)} for p in part_years_of(account.person_id) if p.place == account.place]


def entry_row(entry: EntryTold) -> dict[str, Any]:
    """A movement as a row of a table."""
    back = entry.kind == EntryKind.CREDIT and entry.fen < 0
    return {"entry": entry, "word": "冲回" if back else entry.kind.label, "tone": "warn" if back else "ok" if entry.fen > 0 else "mute"}


def account_figures(person_id: int) -> list[tuple[str, str]]:
    """An account in a few facts, for a page that is about more; nothing where there is none."""
    account = find_account(person_id)
    if account is None:
        return []
    counted = months_counted(person_id)
    return [
        ("累计储存额", f"{yuan_shown(account.balance_fen)} 元"),
        ("利息结算到", f"{account.settled_to} 年" if account.settled_to else "还没有结算过"),
        ("账户建立年月", month_shown(counted.start) if counted.start else "—"),
        ("实际缴费", months_words(counted.actual)),
        ("视同缴费", months_words(counted.deemed)),
    ]


def _chart_years(years: Sequence[AccountYear]) -> str:
    return _chart(
        [str(y.year) for y in years],
        [
            ("上年末累计", [y.opening_fen for y in years]),
            ("本年记账及变动", [y.credits_fen + y.other_fen for y in years]),
            ("利息", [y.interest_fen or 0 for y in years]),
        ],
    )


def _chart_months(year: AccountYear) -> str:
    return _chart([f"{n} 月" for n in range(1, 13)], [("记入个人账户", list(year.months_fen))])


def _chart(labels: Sequence[str], series: Sequence[tuple[str, Sequence[int]]], *, stack: bool = True) -> str:
    told: Mapping[str, Any] = {
        "labels": list(labels),
        "series": [{"name": name, "values": [yuan(fen) for fen in values]} for name, values in series],
        "stack": stack,
        "unit": "元",
    }
    return json.dumps(told, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Record:
    """个人权益记录 of a year: months paid, account, years counted to its end."""

    year: int
    account: AccountYear | None
    place: str
    months: tuple[PaidMonth, ...]
    counted: Months


def record_of(person_id: int, year: int) -> Record:
    """What the 个人权益记录单 of a year says."""
    account = next((a for a in accounts_of(person_id) if a.year(year)), None)
    counted = months_counted(person_id, until=year * 100 + 12, on=date(year, 12, 31))
    return Record(
        year, account.year(year) if account else None, account.place if account else "", tuple(paid_months(person_id, year)), counted
    )


def record_years(person_id: int) -> list[int]:
    """The years a person has something on record for, newest first."""
    return sorted({y.year for a in accounts_of(person_id) for y in a.years}, reverse=True)


def as_json(account: AccountTold, year: int | None = None) -> dict[str, Any]:
    """An account for programs: amounts as text in yuan; the explanation of one year when it is named."""
    counted = months_counted(account.person_id)
    told: dict[str, Any] = {
        "place": account.place,
        "balance": yuan(account.balance_fen),
        "settled_to": account.settled_to,
        "start": iso(counted.start) if counted.start else None,
        "months": {"actual": counted.actual, "paid": counted.paid, "carried": counted.carried, "deemed": counted.deemed},
        "years": [_year_json(y) for y in account.years],
        "part_years": [_part_json(row["part"], row["again"]) for row in _part_years(account)],
    }
    if year is not None and (found := account.year(year)) is not None:
        why = explained(found, account.place)
        told["year"] = _year_json(found) | {
            "entries": [_entry_json(e) for e in entries_of(account.person_id, account.place, year)],
            "explain": why.to_dict() if why else None,
        }
    return told


def _year_json(y: AccountYear) -> dict[str, Any]:
    return {
        "year": y.year,
        "settled": y.settled,
        "opening": yuan(y.opening_fen),
        "own": yuan(y.own_fen),
        "employer": yuan(y.employer_fen),
        "other": yuan(y.other_fen),
        "product": yuan(y.product_fen),
        "rate_ppm": y.rate_ppm,
        "rate_status": y.rate_status or None,
        "interest_opening": None if y.interest_opening_fen is None else yuan(y.interest_opening_fen),
        "interest_credits": None if y.interest_credits_fen is None else yuan(y.interest_credits_fen),
        "closing": yuan(y.closing_fen),
        "months": [yuan(fen) for fen in y.months_fen],
    }


def _part_json(part: PartYear, again: Resettled | None) -> dict[str, Any]:
    return {
        "month": iso(part.month),
        "kind": part.kind,
        "rate_ppm": part.rate_ppm,
        "rate_year": part.rate_year,
        "interest": yuan(part.interest_fen),
        "balance": yuan(part.balance_fen),
        "paid": yuan(part.paid_fen),
        "again": {"rate_ppm": again.rate_ppm, "difference": yuan(again.difference_fen)} if again else None,
    }


def part_lines(account: AccountTold) -> list[str]:
    """当年结算 of an account, a line each, for a terminal."""
    return [_part_line(row["part"], row["again"]) for row in _part_years(account)]


def _part_line(part: PartYear, again: Resettled | None) -> str:
    rate = f"{percent(part.rate_ppm)}（{part.rate_year} 年）"
    told = f"当年结算 {month_shown(part.month)}（{EndKind(part.kind).label}）：计息 {yuan_shown(part.interest_fen)} 元，利率 {rate}，"
    told += f"结算余额 {yuan_shown(part.balance_fen)} 元，支付 {yuan_shown(part.paid_fen)} 元"
    return told + (f"；按 {percent(again.rate_ppm)} 补结算，差额 {yuan_shown(again.difference_fen)} 元" if again else "")


def _entry_json(e: EntryTold) -> dict[str, Any]:
    return {
        "month": iso(e.month),
        "credited_month": iso(e.credited_month),
        "own": yuan(e.own_fen),
        "employer": yuan(e.employer_fen),
        "kind": e.kind.name.lower(),
        "label": e.label,
        "booked_on": e.booked_on.isoformat(),
    }


def sentences(account: AccountTold) -> list[str]:
    """An account in a few lines, for a terminal."""
    counted = months_counted(account.person_id)
    start = f"，{month_shown(counted.start)}建立" if counted.start else ""
    lines = [
        f"累计储存额 {yuan_shown(account.balance_fen)} 元（{standard().place(account.place).label}{start}）",
        f"实际缴费 {months_words(counted.actual)}，视同缴费 {months_words(counted.deemed)}",
    ]
    if account.settled_to:
        lines.append(f"利息已结算到 {account.settled_to} 年")
    return lines
