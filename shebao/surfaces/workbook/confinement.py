"""Start the confined reader and take its answer. See confined.py for when and why."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from shebao.casework.fields import Cell
from shebao.surfaces.workbook import confined
from shebao.surfaces.workbook.refused import DAMAGED, UploadRefused

WALL_MAX_SECONDS = 60  # CPU is limited to 20 s inside; a busy machine may take longer

Grid = list[list[Cell]]


@dataclass(slots=True)
class Confined:
    """What the confined reader saw. merged: ((first row, first column), (last row, last column)), counted from 0."""

    grid: Grid
    names: list[str]
    hidden: list[str]
    merged: list[tuple[tuple[int, int], tuple[int, int]]]


def read_confined(content: bytes) -> Confined:
    """Read the first sheet of an .xls or .xlsx in a process with limits.

    Raises: UploadRefused UPL-05, UPL-12, UPL-29.
    """
    command = [sys.executable, "-I", str(Path(confined.__file__))]
    try:
        done = subprocess.run(command, input=content, capture_output=True, env={}, timeout=WALL_MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _too_much() from None
    if done.returncode == confined.EXIT_PASSWORD:
        raise UploadRefused("UPL-12", "文件设有密码，请先在表格软件里取消密码再上传")
    if done.returncode == confined.EXIT_DAMAGED:
        raise UploadRefused("UPL-05", DAMAGED)
    if done.returncode != 0:
        raise _too_much()
    lines = iter(done.stdout.splitlines())
    head = json.loads(next(lines))
    return Confined(list(_rows(lines)), head["names"], head["hidden"], head["merged"])


def _too_much() -> UploadRefused:
    return UploadRefused("UPL-29", "读取这个文件用去过多内存或时间，请把数据粘贴到重新下载的模板，或拆成几个文件后上传")


def _rows(lines: Iterator[bytes]) -> Iterator[list[Cell]]:
    for line in lines:
        yield [_decoded(cell) if type(cell) is dict else cell for cell in json.loads(line)]


def _decoded(cell: dict[str, str]) -> Cell:
    if "at" in cell:
        at = datetime.fromisoformat(cell["at"])
        return at if "T" in cell["at"] else date(at.year, at.month, at.day)
    return timedelta(0)  # stands for whatever no field can read, and is refused by the field
