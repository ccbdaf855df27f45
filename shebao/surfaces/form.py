"""A form made from the fields of an item: view-models for the components of ui/forms.html, and what a browser sent read back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.http import QueryDict
from markupsafe import Markup

from shebao.base.errors import Refusal
from shebao.casework.examine import Typed
from shebao.casework.fields import Field, Kind, Value
from shebao.policy.agreed import in_force

Text = str | list[str]


@dataclass(frozen=True, slots=True)
class FieldView:
    """One control. `name` is what the browser sends; hint, value and error are shown as they are."""

    name: str
    label: str
    kind: str
    required: bool
    hint: str = ""
    value: Text = ""
    error: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    readonly: bool = False
    example: str = ""
    unit: str = ""
    most: int = 0
    link: str = ""


def typed_from(fields: Sequence[Field], sent: QueryDict, prefix: str = "") -> Typed:
    """What was typed, by field; a field that was not sent is empty."""
    return {f.name: sent.getlist(prefix + f.name) if f.kind is Kind.MANY else sent.get(prefix + f.name, "") for f in fields}


def blank(fields: Sequence[Field]) -> Typed:
    """A form nobody has touched: defaults only."""
    return {f.name: f.typed(f.default) for f in fields}


def views(
    fields: Sequence[Field],
    typed: Mapping[str, Text],
    *,
    errors: Mapping[str, str] | None = None,
    fixed: bool = False,
    notes: Mapping[str, str] | None = None,
) -> list[FieldView]:
    """The controls of a form.

    Args: errors: sentence by field.  fixed: core fields are grey, they were saved before.  notes: sentences that replace the hint.
    """
    errors, notes = errors or {}, notes or {}
    return [
        view(f, typed.get(f.name, ""), error=errors.get(f.name, ""), readonly=fixed and f.core, note=notes.get(f.name, "")) for f in fields
    ]


def view(field: Field, typed: Text, *, error: str = "", readonly: bool = False, note: str = "") -> FieldView:
    """One control with what was typed into it."""
    return FieldView(
        name=field.name,
        label=field.label,
        kind=field.kind.value,
        required=field.required,
        hint=note or ("保存后不能修改；如填错，请退单后重新办理" if readonly else field.hint),
        value=chosen(field, typed),
        error=error,
        choices=field.choices,
        readonly=readonly,
        example=field.example,
        unit="元" if field.kind is Kind.MONEY else "",
        most=(field.most or 0) if field.kind in (Kind.TEXT, Kind.LONG_TEXT) else 0,
        link=f"/agreements/{field.document}/{field.choices[0][0]}" if field.kind is Kind.CONSENT and field.choices else "",
    )


def dated(fields: Sequence[Field], on: date) -> tuple[Field, ...]:
    """The fields with the versions of documents that are to be accepted on a day."""
    return tuple(_with_document(f, on) if f.kind is Kind.CONSENT else f for f in fields)


def _with_document(field: Field, on: date) -> Field:
    now = in_force(field.document, on)
    return replace(field, choices=((now.version, f"我已阅读并同意《{now.title}》（{now.version} 版）"),))


def in_row(shown: FieldView, name: str) -> FieldView:
    """The same control under another name and without its hint, for a row of a table."""
    return replace(shown, name=name, hint="")


def chosen(field: Field, typed: Text) -> Text:
    """What was typed as a control holds it: labels of a workbook become the values of the choices, all else stays."""
    if field.kind not in (Kind.CHOICE, Kind.MANY):
        return typed
    value, refusal = field.clean(typed)
    return typed if refusal is not None or value is None else field.typed(value)


def by_field(refusals: Sequence[Refusal]) -> dict[str, str]:
    """The sentences for each field."""
    told: dict[str, str] = {}
    for refusal in refusals:
        if refusal.field:
            told[refusal.field] = f"{told[refusal.field]}；{refusal.text}" if refusal.field in told else refusal.text
    return told


def summary(refusals: Sequence[Refusal]) -> list[tuple[str | None, str]]:
    """The error summary: the same words as at the fields, each leading to its field."""
    told = by_field(refusals)
    return [*told.items(), *((None, refusal.text) for refusal in refusals if not refusal.field)]


def shown(fields: Sequence[Field], values: Mapping[str, object] | None, typed: Mapping[str, Text]) -> list[tuple[Field, str]]:
    """Every field with its value as people read it; what could not be read is shown as it was typed."""
    pairs = []
    for field in fields:
        raw = typed.get(field.name, "")
        if values is not None and (value := values.get(field.name)) is not None:
            pairs.append((field, display(field, value)))  # type: ignore[arg-type]
        else:
            pairs.append((field, ("、".join(raw) if isinstance(raw, list) else raw) or field.shown(None)))
    return pairs


def display(field: Field, value: Value) -> str:
    """A value as pages show it: amounts with their unit, a photo as the picture itself."""
    if field.kind is Kind.PHOTO and value is not None:
        return Markup('<a href="{0}"><img class="photo" src="{0}" alt="{1}" width="75" height="105"></a>').format(
            attachment_url(str(value)), field.label
        )
    return field.shown(value) + (" 元" if field.kind is Kind.MONEY and value is not None else "")


def attachment_url(attachment_id: object) -> str:
    """Where a photo or a scan is served (channels.attachments); who may see it is decided there."""
    return f"/attachments/{attachment_id}"
