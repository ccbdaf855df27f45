"""An uploaded roster read and cleaned, beside the bare parsing of the same file by the same parser.

python -m bench.workbook_read
"""

import gc
import io
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial

import python_calamine
import xlsxwriter

from shebao.base.identifiers import make_id_number
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.casework import fields as f
from shebao.casework.intake_columns import clean_columns
from shebao.surfaces.workbook import TemplateMark, read_upload
from shebao.surfaces.workbook.sheet import columns_of

MARK = TemplateMark("bench.roster", 1)
FIELDS = (
    f.id_number(),
    f.name(),
    f.choice("ethnicity", "民族", [("01", "汉族"), ("08", "土家族"), ("03", "回族")]),
    f.mobile(),
    f.month("first_month", "参保起始年月"),
    f.money_amount("declared_wage", "申报工资"),
    f.day("work_date", "参加工作日期"),
    f.many("insurances", "参保险种", [(i.key, SHORT_LABELS[i]) for i in Insurance if i is not Insurance.LARGE_MEDICAL]),
)  # 12 columns: five of them for the types
RUNS = {10_000: (11, 1.6), 100_000: (3, 2.0)}  # rows: runs, greatest ratio to the bare parsing
CPU_MAX_SECONDS, RSS_MAX_MIB = 4.0, 400.0


def roster(rows: int) -> bytes:
    """A filled-in template as a spreadsheet program saves it (shared strings); one row in a hundred has a wrong 公民身份号码."""
    chance = random.Random(rows)
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet, text, amount = book.add_worksheet("名册"), book.add_format({"num_format": "@"}), book.add_format({"num_format": "#,##0.00"})
    sheet.write_string(0, 0, "填写说明")
    sheet.write_string(1, 0, MARK.text)
    sheet.write_row(2, 0, [column.header for column in columns_of(FIELDS)])
    for i in range(rows):
        birth = date(1965, 1, 1) + timedelta(days=chance.randrange(15_000))
        number = make_id_number(f"4201{90 + i // 10_000:02d}", birth, i % 1000)  # no such districts: valid in form, unissued
        if i % 100 == 99:
            number = number[:17] + ("1" if number[17] != "1" else "2")
        name = chance.choice("赵钱孙李周吴郑王冯陈") + chance.choice("伟芳娜敏静丽强磊") + chance.choice("军洋勇艳杰娟涛明")
        mobile, month = f"13{chance.randrange(10**9):09d}", f"{202601 + chance.randrange(12)}"
        for place, cell in enumerate((number, name, chance.choice(("汉族", "汉族", "土家族", "回族")), mobile, month)):
            sheet.write_string(3 + i, place, cell, text)
        sheet.write_number(3 + i, 5, chance.randrange(400_000, 3_000_000) / 100, amount)
        for place, cell in enumerate(((birth + timedelta(days=8000)).isoformat(), "是", "是", "是", "是", "是"), 6):
            sheet.write_string(3 + i, place, cell, text)
    book.close()
    return target.getvalue()


def bare(content: bytes) -> object:
    """The peer: calamine alone."""
    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def ours(content: bytes, rows: int) -> object:
    """Preflight, scan, parsing, header, columns, cleaning, duplicates."""
    sheet = read_upload(content, "名册.xlsx", MARK, FIELDS, rows_max=rows)
    return clean_columns(FIELDS, sheet.columns, row_numbers=sheet.row_numbers)


def cpu_seconds(works: Sequence[Callable[[], object]], times: int) -> list[float]:
    """The median CPU time of each work, run in turns so that a busy machine is hard on all; wall time would say little."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for work, seconds in zip(works, taken, strict=True):
            gc.collect()
            start = time.process_time()
            work()
            seconds.append(time.process_time() - start)
    return [statistics.median(seconds) for seconds in taken]


def run() -> list[dict[str, object]]:
    """Rows {name, ours, peer, limit, ratio, goal, met, unit}."""
    found: list[dict[str, object]] = []
    for rows, (times, goal) in RUNS.items():
        content = roster(rows)
        peer, own = cpu_seconds((partial(bare, content), partial(ours, content, rows)), times)
        found.append(_row(f"workbook: read and clean {rows} rows", own, peer, own / peer, goal, own / peer <= goal, "CPU s"))
    rss = _rss_mib(content, rows)
    found.append(_row(f"workbook: CPU of {rows} rows", own, None, None, CPU_MAX_SECONDS, own < CPU_MAX_SECONDS, "CPU s"))
    found.append(_row(f"workbook: memory of {rows} rows", rss, None, None, RSS_MAX_MIB, rss < RSS_MAX_MIB, "MiB RSS"))
    return found


def _row(name: str, own: float, peer: float | None, ratio: float | None, goal: float, met: bool, unit: str) -> dict[str, object]:
    figures = {"ours": own, "peer": peer, "limit": peer, "ratio": ratio, "goal": goal}  # the bare parsing is the limit too
    return {"name": name, **{key: None if value is None else round(value, 4) for key, value in figures.items()}, "met": met, "unit": unit}


def _rss_mib(content: bytes, rows: int) -> float:
    """The highest memory of a fresh process that reads and cleans the file."""
    command = [sys.executable, "-m", "bench.workbook_read", "--memory", str(rows)]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    return float(done.stdout)


def main() -> None:
    if sys.argv[1:2] == ["--memory"]:
        ours(sys.stdin.buffer.read(), int(sys.argv[2]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    for row in run():
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
