"""Run as a script of its own: read one workbook with little memory and time, and print its first sheet as JSON.

For what cannot be judged before parsing: .xls files and .xlsx sheets in an unusual form. Starting it costs about 0.1 s. It imports
nothing of shebao, opens no file, and is given an empty environment. Lines out: {"names", "hidden", "merged"}, then one list a row.
"""

import io
import json
import resource
import sys
from datetime import date, datetime

MEMORY_MAX_BYTES = 512 * 2**20
CPU_MAX_SECONDS = 20
EXIT_PASSWORD = 3
EXIT_DAMAGED = 4


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_SECONDS, CPU_MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _encoded(cell: object) -> object:
    """JSON has no dates and no NaN: {"at": ISO}, {"odd": type}."""
    if isinstance(cell, (date, datetime)):
        return {"at": cell.isoformat()}
    if isinstance(cell, float) and not abs(cell) < float("inf"):
        return {"odd": "float"}
    return cell if isinstance(cell, (str, float, int, bool)) else {"odd": type(cell).__name__}


def main() -> int:
    """Read standard input, write standard output. Returns: the exit code."""
    _limit()
    import python_calamine  # under the limits already

    content = sys.stdin.buffer.read()
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheet = book.get_sheet_by_index(0)
        merged = sheet.merged_cell_ranges or []
        hidden = [m.name for m in book.sheets_metadata if m.visible != python_calamine.SheetVisibleEnum.Visible]
        print(json.dumps({"names": book.sheet_names, "hidden": hidden, "merged": merged}))
        for row in sheet.to_python(skip_empty_area=False):
            print(json.dumps([_encoded(cell) for cell in row]))
    except python_calamine.PasswordError:
        return EXIT_PASSWORD
    except (python_calamine.CalamineError, OSError, ValueError):
        return EXIT_DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main())
