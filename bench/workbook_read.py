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
from collections.abc import Callable
from datetime import date, timedelta

import python_calamine

from shebao.base.identifiers import make_id_number
from shebao.base.terms import SHORT_LABELS, Insurance
from shebao.casework import fields as f
from shebao.casework.intake_columns import clean_columns
from shebao.surfaces.workbook import TemplateMark, make_template, read_upload

MARK = TemplateMark("bench.roster", 1)
AREA = "420199"  # no such district: valid in form, unissued
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
GOALS = {10_000: 1.6, 100_000: 1.6}
CPU_MAX_SECONDS, RSS_MAX_MIB = 4.0, 400.0


def roster(rows: int) -> bytes:
    """A filled-in template; one row in a hundred has a wrong 公民身份号码."""
    chance = random.Random(rows)
    people = []
    for i in range(rows):
        birth = date(1965, 1, 1) + timedelta(days=chance.randrange(15_000))
        number = make_id_number(f"42019{i // 100_000 % 10}" if rows > 50_000 else AREA, birth, chance.randrange(1000))
        if i % 100 == 99:
            number = number[:17] + ("1" if number[17] != "1" else "2")
        people.append(
            {
                "id_number": number,
                "name": chance.choice("赵钱孙李周吴郑王冯陈") + chance.choice("伟芳娜敏静丽强磊") + chance.choice("军洋勇艳杰娟涛明"),
                "ethnicity": chance.choice(("01", "01", "01", "08", "03")),
                "mobile": f"13{chance.randrange(10**9):09d}",
                "first_month": 202601 + chance.randrange(12),
                "declared_wage": chance.randrange(400_000, 3_000_000),
                "work_date": (birth + timedelta(days=8000)).isoformat(),
                "insurances": [i.key for i in Insurance if i is not Insurance.LARGE_MEDICAL],
            }
        )
    return make_template("名册", MARK, FIELDS, rows_max=rows, notes=(), prefilled=people)


def bare(content: bytes) -> object:
    """The peer: calamine alone."""
    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def ours(content: bytes, rows: int) -> object:
    """Preflight, scan, parsing, header, columns, cleaning, duplicates."""
    sheet = read_upload(content, "名册.xlsx", MARK, FIELDS, rows_max=rows)
    return clean_columns(FIELDS, sheet.columns, row_numbers=sheet.row_numbers)


def cpu_seconds(work: Callable[[], object], times: int) -> float:
    """The median CPU time of some runs; wall time on a shared machine says little."""
    taken = []
    for _ in range(times):
        gc.collect()
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def run() -> list[dict[str, object]]:
    """Rows {name, ours, peer, limit, ratio, goal, met, unit}."""
    found: list[dict[str, object]] = []
    for rows, times in ((10_000, 9), (100_000, 3)):
        content = roster(rows)
        peer = cpu_seconds(lambda: bare(content), times)  # noqa: B023  # called at once
        own = cpu_seconds(lambda: ours(content, rows), times)  # noqa: B023
        ratio = own / peer
        found.append(_row(f"workbook: read and clean {rows} rows", own, peer, None, ratio, GOALS[rows], ratio <= GOALS[rows], "CPU s"))
        if rows == 100_000:
            found.append(_row("workbook: CPU for 100000 rows", own, None, CPU_MAX_SECONDS, None, CPU_MAX_SECONDS, own < CPU_MAX_SECONDS, "CPU s"))
            rss = _rss_mib(content, rows)
            found.append(_row("workbook: memory for 100000 rows", rss, None, RSS_MAX_MIB, None, RSS_MAX_MIB, rss < RSS_MAX_MIB, "MiB RSS"))
    return found


def _row(name: str, own: float, peer: float | None, limit: float | None, ratio: float | None, goal: float, met: bool, unit: str) -> dict[str, object]:
    rounded = [None if value is None else round(value, 4) for value in (own, peer, limit, ratio, goal)]
    return dict(zip(("name", "ours", "peer", "limit", "ratio", "goal", "met", "unit"), [name, *rounded, met, unit], strict=True))


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
