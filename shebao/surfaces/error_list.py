"""下载导入失败列表 of a stored batch: its wrong rows in the item's own template, each with its reason."""

from shebao.casework.examine import from_json
from shebao.casework.fields import Cell
from shebao.casework.item import item_of
from shebao.casework.models import Case, Filing
from shebao.casework.operations import OPEN_STATES, REFUSED
from shebao.surfaces.workbook import Sheet, TemplateMark, error_workbook

CHUNK_ROWS = 2_000


def error_list_of(case: Case) -> tuple[bytes, int]:
    """The list as .xlsx, and how many rows it holds. Mended, the file can be uploaded as it is."""
    item = item_of(case.item_code, case.item_version)
    columns: dict[str, list[Cell]] = {f.name: [] for f in item.columns}
    numbers, told = [], {}
    rows = Filing.objects.filter(REFUSED, case=case, state__in=OPEN_STATES).order_by("row").values_list("row", "typed", "refusals")
    for row, typed, refusals in rows.iterator(chunk_size=CHUNK_ROWS):
        numbers.append(row)
        told[row] = from_json(refusals)
        for name, cells in columns.items():
            cells.append(typed.get(name))
    mark = TemplateMark(item.code, item.version)
    content = error_workbook(Sheet(columns, numbers), told, item.columns, mark, title=f"{item.title}导入失败列表")
    return content, len(numbers)
