"""Small forms that are no 事项: the same fields, readers and sentences, read in one call."""

from collections.abc import Sequence

from django.http import QueryDict

from shebao.base.errors import Refusal
from shebao.casework.fields import Field, Value
from shebao.surfaces.form import by_field, typed_from, views
from shebao.surfaces.form import summary as errors_of


def read(fields: Sequence[Field], sent: QueryDict) -> tuple[dict[str, Value], list[Refusal]]:
    """What was sent, by field name, and what stands against it."""
    values, refusals = {}, []
    typed = typed_from(fields, sent)
    for each in fields:
        values[each.name], refusal = each.clean(typed[each.name])
        if refusal is not None:
            refusals.append(refusal)
    return values, refusals


def shown(fields: Sequence[Field], sent: QueryDict, refusals: Sequence[Refusal]) -> dict[str, object]:
    """The context of the form again, with what was typed and what is wrong."""
    return {
        "fields": views(fields, typed_from(fields, sent), errors=by_field(refusals)),
        "errors": errors_of(refusals),
        "has_errors": bool(refusals),
    }
