"""Which rules a month was assessed by: kept with its run, so that later it can be told what has changed since."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.base.months import Month, first_day, month_shown
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.levy.models import MonthRules
from shebao.policy.levy import MonthRates, month_rates
from shebao.policy.relief import RULES as RELIEF_RULES
from shebao.policy.rule import Entry, Rule, Valid
from shebao.policy.rulebook import Rulebook
from shebao.policy.shapes import KINDS


class RulesNotKept(ShebaoError):
    """The month was assessed before rules were kept with runs."""

    code = "FEE-10"
    status = 422

    def __init__(self, months: Sequence[Month]) -> None:
        told = "、".join(month_shown(month) for month in months[:6])
        super().__init__(f"{told}核定时没有留存参数，无法判断参数是否变动；请把这些月份排除在外，或按信息订正逐项处理")


def used_in(rulebook: Rulebook, month: Month, place: str) -> list[dict[str, Any]]:
    """The rules behind a month's amounts as plain data: rates, bases, and reliefs where the month has one."""
    rates = month_rates(rulebook, month, place)
    reliefs = [rule for rule_id in RELIEF_RULES if (rule := rulebook.find(rule_id, first_day(month), place)) and rule.value is not None]
    return [rule.to_dict() for rule in (*rates.rules, *reliefs)]


def keep(
    rulebook: Rulebook, month: Month, place: str, *, run_id: int | None = None, recalculation_id: int | None = None, at: datetime
) -> None:
    """Keep the rules of a month with the run (or the recalculation) that used them."""
    MonthRules.objects.create(
        place=place,
        month=month,
        run_id=run_id,
        recalculation_id=recalculation_id,
        rules=used_in(rulebook, month, place),
        recorded_at=at,
    )


def rule_sets(keys: Iterable[tuple[str, Month]], rulebook: Rulebook, *, at: datetime) -> dict[tuple[str, Month], int]:
    """The rules behind amounts of months (place, month), kept once each. Returns their ids. Two statements, however many months."""
    found: dict[tuple[str, Month], tuple[bytes, str]] = {}
    for place, month in sorted(set(keys)):
        told = json.dumps(used_in(rulebook, month, place), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        found[place, month] = (hashlib.sha256(told.encode()).digest(), told)
    if not found:
        return {}
    places, months = [place for place, _ in found], [month for _, month in found]
    digests, texts = [digest for digest, _ in found.values()], [text for _, text in found.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_ruleset (place, month, digest, rules, recorded_at)
            select n.place, n.month, n.digest, n.rules::jsonb, %s
            from unnest(%s::text[], %s::int[], %s::bytea[], %s::text[]) as n (place, month, digest, rules)
            on conflict do nothing
            """,
            [at, places, months, digests, texts],
        )
        cursor.execute(
            """
            select s.place, s.month, s.id from levy_ruleset s
            join unnest(%s::text[], %s::int[], %s::bytea[]) as n (place, month, digest) using (place, month, digest)
            """,
            [places, months, digests],
        )
        return {(place, month): pk for place, month, pk in cursor.fetchall()}


def kept(place: str, months: Sequence[Month]) -> dict[Month, list[dict[str, Any]]]:
    """The rules by which months stand charged: those of the last run or recalculation. Raises: RulesNotKept."""
    rows = MonthRules.objects.filter(place=place, month__in=list(months)).order_by("id")
    found = {row.month: list(row.rules) for row in rows}
    if missing := sorted(set(months) - set(found)):
        raise RulesNotKept(missing)
    return found


def as_rulebook(rules: Sequence[Mapping[str, Any]], now: Rulebook) -> Rulebook:
    """A rule book of kept rules alone; places are those of the present one."""
    made = []
    for told in rules:
        value = KINDS[told["id"]].adapter.validate_python(told["value"])
        valid = Valid.model_validate({"from": told["valid_from"], "to": told["valid_to"]})
        entry = Entry(
            id=told["id"],
            label=told["label"],
            valid=valid,
            value=value,
            law=told["law"],
            source=list(told["source"]),
            status=told["status"],
            note=told["note"],
        )
        made.append(Rule(entry, value, now.place(told["place"])))
    return Rulebook(now.places.values(), made)


def rates_then(rules: Sequence[Mapping[str, Any]], month: Month, place: str, now: Rulebook) -> MonthRates:
    """What held when a month was charged."""
    return month_rates(as_rulebook(rules, now), month, place)


_TOLD = ("shown", "law", "status_label", "source", "valid_from", "place_label")


def changed(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules whose value differs: id, label, and old and new with what is shown, the document and its status (None: there was none)."""
    before, after = ({rule["id"]: rule for rule in rules} for rules in (old, new))
    found = []
    for rule_id in sorted(before.keys() | after.keys()):
        was, now = before.get(rule_id), after.get(rule_id)
        if (was and was["value"]) != (now and now["value"]):
            label = (now or was or {})["label"]
            sides = {side: rule and {key: rule[key] for key in _TOLD} for side, rule in (("old", was), ("new", now))}
            found.append({"id": rule_id, "label": label, **sides})
    return found


def reason_for(insurance: Insurance, rates: MonthRates, changes: Sequence[Mapping[str, Any]]) -> str:
    """Why the due of one type has changed, in one sentence of at most 200 characters."""
    ids = {rule.id for rule in rates.rules_of.get(insurance, ())} | set(RELIEF_RULES) | {f"{insurance.key}.rate", f"{insurance.key}.amount"}
    parts = []
    for change in changes:
        if change["id"] in ids:
            was, now = ((change[side] or {}).get("shown", "无") for side in ("old", "new"))
            law = (change["new"] or {}).get("law")
            parts.append(f"{change['label']}由“{was}”改为“{now}”" + (f"（{law}）" if law else ""))
    return (f"{SHORT_LABELS[insurance]}：" + "；".join(parts) if parts else "参数变动，重新核定")[:200]
