"""Through whose hands cases went: who entered, who reviewed, who confirmed. For courses of what was changed, which hold case ids."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.casework.models import Case, Event


@dataclass(frozen=True, slots=True)
class Hands:
    """People of a case by name; empty where nobody did it (yet)."""

    number: str
    entered: str
    reviewed: str
    confirmed: str


def hands_of(case_ids: Sequence[int]) -> dict[int, Hands]:
    """By case id, of the cases that the actor may see. Where two reviewed, the first is `reviewed` and the second `confirmed`."""
    cases = Case.objects.filter(pk__in=set(case_ids))
    last: dict[int, str] = {}
    for case_id, name in (
        Event.objects.filter(case_id__in=set(case_ids), kind="reviewed").order_by("id").values_list("case_id", "account_name")
    ):
        last[case_id] = name
    return {
        case.pk: Hands(
            case.number,
            case.created_by_name,
            case.first_name or ("系统自动审核" if case.automatic else last.get(case.pk, "")),
            last.get(case.pk, "") if case.first_name else "",
        )
        for case in cases
    }
