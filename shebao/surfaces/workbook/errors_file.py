"""下载导入失败列表: the user's own rows in the same template, each with its reason in red, to be mended and uploaded again as it is."""

from collections.abc import Mapping, Sequence

from shebao.base.errors import Refusal
from shebao.casework.fields import Cell, Field, Kind
from shebao.surfaces.workbook.row_xml import with_rows
from shebao.surfaces.workbook.sheet import ORIGINAL_ROW_LABEL, REASON_LABEL, ROWS_MAX, Column, Sheet, TemplateMark, columns_of, unfold
from shebao.surfaces.workbook.template import FIRST_ROW, skeleton

TITLE = "导入失败列表"
_NOTES = (f"按“{REASON_LABEL}”一列改正后，可直接上传本文件；“{ORIGINAL_ROW_LABEL}”“{REASON_LABEL}”两列不会被读取。",)


def error_workbook(
    original: Sheet,
    errors: Mapping[int, Sequence[Refusal]],
    fields: Sequence[Field],
    mark: TemplateMark,
    *,
    title: str = TITLE,
    rows_max: int = ROWS_MAX,
) -> bytes:
    """The rows that were refused, as .xlsx.

    Args:  original: as read_upload gave it.  errors: by row number of the spreadsheet (original.row_numbers); others are left out.
    """
    fields = [each for each in fields if each.batch]
    # A MANY field that came as one column of text goes back as one column of text.
    folded = frozenset(
        each.name for each in fields if each.kind is Kind.MANY and any(type(cell) is str for cell in original.columns[each.name])
    )
    columns = columns_of(fields, folded=folded)
    content = skeleton(title, mark, columns, rows_max=rows_max, notes=_NOTES, extra_headers=(ORIGINAL_ROW_LABEL, REASON_LABEL))
    picked = [i for i, number in enumerate(original.row_numbers) if number in errors]
    numbers = [original.row_numbers[i] for i in picked]
    cells: list[Sequence[Cell]] = [_column(column, original.columns[column.field.name], picked) for column in columns]
    reasons = _reasons(errors, numbers)
    return with_rows(content, FIRST_ROW, zip(*cells, [str(number) for number in numbers], reasons, strict=True))


def _column(column: Column, cells: Sequence[Cell], picked: Sequence[int]) -> list[Cell]:
    if column.choice_label:
        return [unfold(column.choice_label, cells[i]) for i in picked]
    return [cells[i] for i in picked]


def _reasons(errors: Mapping[int, Sequence[Refusal]], numbers: Sequence[int]) -> list[str]:
    known: dict[tuple[str, ...], str] = {}
    reasons = []
    for number in numbers:
        texts = tuple(refusal.text for refusal in errors[number])
        if texts not in known:
            known[texts] = "；".join(texts)
        reasons.append(known[texts])
    return reasons
