"""What the register holds of an account beside its money, on two time axes: closed and written anew, never edited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.accounts.models import Registered
from shebao.audit.operations import Trace, record
from shebao.base.months import Month


@dataclass(frozen=True, slots=True)
class NewFacts:
    """What shall be registered of a person's account, true from a day on."""

    person_id: int
    account_start: Month
    deemed_months: int
    carried_months: int
    reason: str


def register_facts(facts: Sequence[NewFacts], *, from_day: date, at: datetime, case_id: int | None = None) -> None:
    """账户建立年月, 视同缴费月数 and carried-over months of people: what was held for the same day is closed, a new row takes its place."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update accounts_registered set known_to = %s where person_id = any(%s) and from_day = %s and known_to is null",
            [at, [f.person_id for f in facts], from_day],
        )
    Registered.objects.bulk_create(
        [
            Registered(
                person_id=f.person_id,
                account_start=f.account_start,
                deemed_months=f.deemed_months,
                carried_months=f.carried_months,
                from_day=from_day,
                reason=f.reason[:120],
                known_from=at,
                case_id=case_id,
            )
            for f in facts
        ]
    )
    record([Trace("accounts.registered", str(f.person_id), person_id=f.person_id, case_id=case_id) for f in facts], at=at)
