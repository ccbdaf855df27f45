"""Rows of a batch as the page shows them: only what is wrong becomes a control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.casework.examine import Typed, from_json, typed_of
from shebao.casework.fields import Field
from shebao.casework.item import ServiceItem
from shebao.casework.models import Filing, FilingState
from shebao.surfaces.form import FieldView, chosen, in_row, shown, view

WORDS = {"err": "错误", "warn": "提醒", "ok": "通过", "fixed": "已改", "back": "已退回"}
TONES = {"err": "err", "warn": "warn", "ok": "ok", "fixed": "ok", "back": "err"}
CLASSES = {"err": "is-err", "warn": "is-warn", "ok": "", "fixed": "is-fixed", "back": "is-err"}


@dataclass(frozen=True, slots=True)
class RowView:
    """One row. `controls` are named r<id>-<field>; `adopt` are (label, field=value) that a rule would accept."""

    id: int
    row: int
    name: str
    id_number: str
    word: str
    tone: str
    css: str
    controls: tuple[FieldView, ...]
    reasons: tuple[str, ...]
    adopt: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str], ...]


def row_view(item: ServiceItem, filing: Filing, *, amended: bool = False) -> RowView:
    """A stored row. amended: it was just repaired in the page."""
    refusals, warnings = from_json(filing.refusals), from_json(filing.warnings)
    kind = _kind(filing, refusals, warnings, amended)
    told = refusals or warnings
    # A reviewer who pins nothing leaves it to the clerk what to mend: everything that may still be changed.
    pins = tuple(filing.pins or [f.name for f in item.fields if not f.core and f.batch]) if kind == "back" else ()
    names = dict.fromkeys([*(r.field for r in told if r.field and item.field(r.field).batch), *pins])
    reasons = [r.text for r in told if not r.field or not refusals]
    if kind == "back" and filing.return_reason:
        reasons.insert(0, f"退回原因：{filing.return_reason}")
    if kind == "fixed":
        reasons.append("已改正，可提交审批")
    typed = typed_of(item, filing.typed, filing.values)
    pairs = shown(item.fields, filing.values, typed)
    return RowView(
        id=filing.pk,
        row=filing.row,
        name=filing.name or "（未填姓名）",
        id_number=filing.id_number,
        word=WORDS[kind],
        tone=TONES[kind],
        css=CLASSES[kind],
        controls=tuple(_control(item.field(name), filing.pk, typed, refusals) for name in names if name) if kind != "fixed" else (),
        reasons=tuple(reasons),
        adopt=tuple(_adoptable(item, told)),
        values=tuple((field.label, text) for field, text in pairs if not field.core and text not in ("未填", "—")),
    )


def _kind(filing: Filing, refusals: Sequence[Refusal], warnings: Sequence[Refusal], amended: bool) -> str:
    if refusals or filing.values is None:
        return "err"
    if amended:
        return "fixed"
    if filing.state == FilingState.RETURNED:
        return "back"
    return "warn" if warnings else "ok"


def _control(field: Field, filing_id: int, typed: Typed, refusals: Sequence[Refusal]) -> FieldView:
    error = "；".join(r.text for r in refusals if r.field == field.name)
    return in_row(view(field, chosen(field, typed.get(field.name, "")), error=error), control_name(filing_id, field.name))


def control_name(filing_id: int, field: str) -> str:
    """The name of a row's control, different for every row of the page."""
    return f"r{filing_id}-{field}"


def _adoptable(item: ServiceItem, told: Sequence[Refusal]) -> list[tuple[str, str]]:
    return [
        (f"采用 {r.suggestion}" if len(r.suggestion) <= 12 else f"采用建议的{item.field(r.field).label}", f"{r.field}={r.suggestion}")
        for r in told
        if r.field and r.suggestion
    ]


def amended_values(item: ServiceItem, filing_id: int, sent: Mapping[str, Sequence[str]]) -> dict[str, str | list[str]]:
    """What was typed into the controls of one row: only the fields that were controls.

    Args: sent: all values by name, as of a QueryDict turned into lists.
    """
    found: dict[str, str | list[str]] = {}
    for field in item.fields:
        texts = sent.get(control_name(filing_id, field.name))
        if texts is not None:
            found[field.name] = list(texts) if field.kind.value == "many" else texts[-1]
    return found
