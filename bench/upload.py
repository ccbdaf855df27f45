"""An uploaded roster of 增员 from the file to checked rows in the database with its error list, beside django-import-export in bulk
mode on the same rows by the same rules, and beside the bare reading of the file.

`python -m bench.upload` prints the rows of the report; ROWS and LARGE_ROWS make it smaller.
"""

import gc
import hashlib
import io
import json
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import psycopg
import python_calamine
import xlsxwriter

from bench.harness import Row, Spent, open_city, peak_mb, spending
from bench.town import AGENCY, Town, found_town, insure, person_name, person_number
from shebao.base.identifiers import id_number_problem

ROWS = int(os.environ.get("ROWS", 10_000))
LARGE_ROWS = int(os.environ.get("LARGE_ROWS", 100_000))
ROUNDS, PEER_EVERY = 9, 3
KNOWN = 20_000  # people in the register; one row in five is about one of them
BAD_EVERY = 100
LOOK_EVERY_SECONDS = 0.02


# --- the file ---


def roster(rows: int, first: int, *, title: bool = True) -> bytes:
    """A filled-in template as a spreadsheet program saves it. One row in a hundred is wrong, in five different ways.

    Args:  first: the people are those from this number on, one in five of them from the register.  title: with the two lines above
           the header, which the peer cannot skip.
    """
    from shebao.casework.item import item_of
    from shebao.surfaces.workbook import TemplateMark
    from shebao.surfaces.workbook.sheet import columns_of

    item = item_of("enrolment.add_employee")
    chance = random.Random(rows)
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet, text, amount = book.add_worksheet("名册"), book.add_format({"num_format": "@"}), book.add_format({"num_format": "#,##0.00"})
    top = 0
    if title:
        sheet.write_string(0, 0, "填写说明")
        sheet.write_string(1, 0, TemplateMark(item.code, item.version).text)
        top = 2
    sheet.write_row(top, 0, [column.header if title else column.label for column in columns_of(item.fields)])
    for i in range(rows):
        n = i // 5 % (KNOWN // 2) if i % 5 == 0 and i // 5 < KNOWN // 2 else first + i
        number, name, ethnicity, marks = person_number(n), person_name(n), "汉族" if i % 20 else "土家族", "是是是是是否"
        wage = round(chance.lognormvariate(8.85, 0.5) * 100)
        if i % BAD_EVERY == BAD_EVERY - 1:
            wrong = i // BAD_EVERY % 5
            if wrong == 0:
                number = number[:17] + ("1" if number[17] != "1" else "2")
            elif wrong == 1:
                number, name = person_number(KNOWN // 2 + i % (KNOWN // 2)), person_name(KNOWN // 2 + i % (KNOWN // 2))  # insured elsewhere
            elif wrong == 2:
                marks = "是是是是否否"
            elif wrong == 3:
                ethnicity = "外星族"
            else:
                wage = 0
        for place, cell in enumerate((number, name, ethnicity, f"13{chance.randrange(10**9):09d}")):
            sheet.write_string(top + 1 + i, place, cell, text)
        sheet.write_number(top + 1 + i, 4, wage / 100, amount)
        for place, cell in enumerate(marks, 5):
            sheet.write_string(top + 1 + i, place, cell, text)
    book.close()
    return target.getvalue()


def bare(content: bytes) -> object:
    """The limit: the parser alone."""
    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


# --- ours: what the upload view, the job and the button 下载导入失败列表 do ---


def receive(town: Town, content: bytes) -> int:
    """The file as the upload view keeps it. Returns: the case."""
    from shebao.access.acting import acting
    from shebao.casework import batch
    from shebao.casework.item import item_of

    with acting(town.operator):
        sha256 = hashlib.sha256(content).digest()
        return batch.receive(item_of("enrolment.add_employee"), town.context, "名册.xlsx", content, sha256, key=None)


def check(case_id: int) -> None:
    """The job."""
    from shebao.site.jobs import check_upload

    check_upload(case_id)


def error_list(town: Town, case_id: int) -> bytes:
    """导入失败列表, as its view makes it."""
    from shebao.access.acting import acting
    from shebao.casework.examine import from_json
    from shebao.casework.models import Case
    from shebao.channels.portal.case_lists import item_of_case, open_rows
    from shebao.surfaces.workbook import Sheet, TemplateMark, error_workbook

    with acting(town.operator):
        case = Case.objects.get(pk=case_id)
        item = item_of_case(case)
        columns: dict[str, list[Any]] = {f.name: [] for f in item.fields}
        numbers, told = [], {}
        for row, typed, refusals in open_rows(case, "wrong", "").values_list("row", "typed", "refusals").iterator(chunk_size=2000):
            numbers.append(row)
            told[row] = from_json(refusals)
            for name, cells in columns.items():
                cells.append(typed.get(name))
    return error_workbook(Sheet(columns, numbers), told, item.fields, TemplateMark(item.code, item.version))


def ours(town: Town, case_id: int) -> bytes:
    """The job and the error list."""
    check(case_id)
    return error_list(town, case_id)


# --- the peer ---

_LABEL_TYPES = {"养老": 0, "失业": 1, "医疗": 2, "大额医疗": 3, "工伤": 4, "生育": 5}


class Peer:
    """django-import-export 4 in bulk mode, written as its manual says: a resource, model validators, clean()."""

    def __init__(self, address: str, town: Town) -> None:
        from django.conf import settings

        if not hasattr(settings, "IMPORT_EXPORT_IMPORT_IGNORE_BLANK_LINES"):
            settings.IMPORT_EXPORT_IMPORT_IGNORE_BLANK_LINES = False
        self.town, self.model = town, _peer_model(town)
        self.resource = _peer_resource(self.model, town)
        with psycopg.connect(address, autocommit=True) as link:
            link.execute(
                "create table bench_peer (id bigint generated by default as identity primary key, case_id bigint not null,"
                " row int not null, unit_id int not null, agency_id smallint not null, id_number varchar(40) not null,"
                " name varchar(60) not null,"
                " ethnicity varchar(2) not null, mobile varchar(11) not null, declared_wage numeric(10, 2) not null,"
                " insurance_mask int not null, backdated_from int, unique (case_id, row))"
            )
            link.execute("create index on bench_peer (unit_id, id_number)")
            link.execute("grant select, insert on bench_peer to shebao_engine")
            link.execute("grant all on sequence bench_peer_id_seq to shebao_engine")

    def __call__(self, content: bytes) -> int:
        """Import a file. Returns: how many rows were refused; they are in an .xlsx too, as our error list."""
        import tablib
        from import_export.formats.base_formats import XLSX

        from shebao.access.acting import acting
        from shebao.base.actor import ENGINE

        with acting(ENGINE):
            dataset = XLSX().create_dataset(content)
            result = self.resource().import_data(dataset, dry_run=False, raise_errors=False, use_transactions=True)
            assert not result.has_errors(), result.row_errors()[:1] or result.base_errors
        listed = tablib.Dataset(headers=[*dataset.headers, "错误原因"])
        for refused in result.invalid_rows:
            listed.append([*dataset[refused.number - 1], "；".join(m for each in refused.error_dict.values() for m in each)])
        listed.export("xlsx")
        return len(result.invalid_rows)


def _peer_model(town: Town) -> Any:
    """A like table with the rules of the item: validators for the fields, clean() for what concerns the register."""
    from django.core.exceptions import ValidationError
    from django.core.validators import MaxValueValidator, MinLengthValidator, MinValueValidator, RegexValidator
    from django.db import models

    from shebao.base.terms import ETHNICITIES
    from shebao.casework.item import Filing, item_of

    checks, context = item_of("enrolment.add_employee").checks, town.context

    def valid_number(text: str) -> None:
        if problem := id_number_problem(text):
            raise ValidationError(problem)

    class BenchPeer(models.Model):
        """One row."""

        id = models.BigAutoField(primary_key=True)
        case_id = models.BigIntegerField(default=0)
        row = models.IntegerField(default=0)
        unit_id = models.IntegerField(default=town.unit_id)
        agency_id = models.SmallIntegerField(default=AGENCY)
        id_number = models.CharField(max_length=40, validators=[valid_number])
        name = models.CharField(max_length=50, validators=[MinLengthValidator(1), RegexValidator(r"^[^\W\d_][^\d<>=+@]*$")])
        ethnicity = models.CharField(max_length=2, choices=tuple(ETHNICITIES.items()))
        mobile = models.CharField(max_length=11, blank=True, validators=[RegexValidator(r"^1[3-9][0-9]{9}$")])
        declared_wage = models.DecimalField(
            max_digits=10, decimal_places=2, validators=[MinValueValidator(0.01), MaxValueValidator(999_999.99)]
        )
        insurance_mask = models.IntegerField()
        backdated_from = models.IntegerField(null=True, blank=True)

        situations: dict[str, Any] = {}
        counts: Counter[str] = Counter()

        class Meta:
            managed = False
            db_table = "bench_peer"
            app_label = "levy"

        def clean(self) -> None:
            """The item's own checks, on facts that before_import loaded for all rows."""
            if self.counts[self.id_number] > 1:
                raise ValidationError({"id_number": "公民身份号码重复"})
            codes = [code for code, place in _CODES if self.insurance_mask >> place & 1]
            values = {"id_number": self.id_number, "name": self.name, "insurances": codes, "backdated_from": self.backdated_from}
            filing, situation = Filing(values), self.situations[self.id_number]  # type: ignore[arg-type]
            problems = [refusal.text for one in checks if (refusal := one(filing, situation, context))]
            if problems:
                raise ValidationError(problems)

    return BenchPeer


_CODES = (("110", 0), ("210", 1), ("310", 2), ("330", 3), ("410", 4), ("510", 5))


def _peer_resource(model: Any, town: Town) -> Any:
    from import_export import fields, resources
    from import_export.widgets import DecimalWidget, IntegerWidget

    from shebao.base.terms import ETHNICITIES
    from shebao.casework.item import Filing
    from shebao.items.enrolment.situation import situations

    ethnicity_of = {label: code for code, label in ETHNICITIES.items()}
    numbers = iter(range(1, 1_000))

    class BenchResource(resources.ModelResource):
        """The columns of the file."""

        id_number = fields.Field("id_number", "公民身份号码")
        name = fields.Field("name", "姓名")
        ethnicity = fields.Field("ethnicity", "民族")
        mobile = fields.Field("mobile", "手机号码")
        declared_wage = fields.Field("declared_wage", "申报工资", widget=DecimalWidget())
        insurance_mask = fields.Field("insurance_mask", "mask", widget=IntegerWidget())
        backdated_from = fields.Field("backdated_from", "追溯补缴起始月", widget=IntegerWidget())

        class Meta:
            pass

        def before_import(self, dataset: Any, **kwargs: Any) -> None:
            given = dataset["公民身份号码"]
            filings = [Filing({"id_number": number}) for number in given]
            found = situations(filings, town.context)
            model.situations = {filing.text("id_number"): one for filing, one in zip(filings, found, strict=True)}
            model.counts = Counter(given)
            self.case_number, self.rows = next(numbers), iter(range(1, len(given) + 1))
            dataset.append_col([0] * len(given), header="mask")

        def before_import_row(self, row: Any, **kwargs: Any) -> None:
            row["民族"] = ethnicity_of.get(row["民族"], row["民族"])
            row["手机号码"] = row["手机号码"] or ""
            row["mask"] = sum(1 << place for label, place in _LABEL_TYPES.items() if row[f"参保险种：{label}"] == "是")

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            instance.case_id, instance.row = self.case_number, next(self.rows)

    options = {
        "model": model,
        "fields": ("id_number", "name", "ethnicity", "mobile", "declared_wage", "insurance_mask", "backdated_from"),
        "import_id_fields": (),
        "use_bulk": True,
        "batch_size": 1000,
        "force_init_instance": True,
        "skip_diff": True,
        "skip_html_diff": True,
        "report_skipped": False,
        "clean_model_instances": True,
        "using_db": "default",
    }
    for name, value in options.items():
        setattr(BenchResource._meta, name, value)
    return BenchResource


# --- measuring ---


def measured(act: Callable[[], object]) -> Spent:
    """What an act takes, starting with a swept heap."""
    gc.collect()
    with spending() as spent:
        act()
    return spent


def middle(taken: Sequence[Spent]) -> Spent:
    """The median of each figure."""
    return Spent(*(statistics.median(getattr(one, name) for one in taken) for name in ("wall", "cpu", "server_cpu")))


def side_by_side(address: str, town: Town) -> list[Row]:
    """Ours, the limit and (more seldom) the peer, in turns, so that a busy machine is hard on all."""
    content, plain = roster(ROWS, 100_000), roster(ROWS, 100_000, title=False)
    peer = Peer(address, town)
    taken: dict[str, list[Spent]] = {"ours": [], "bare": [], "peer": []}
    first = receive(town, content)
    error_list_bytes = ours(town, first)
    refused = _wrong_rows(address, first)
    assert refused == ROWS // BAD_EVERY, f"{refused} rows refused"
    for i in range(ROUNDS):
        case_id = receive(town, content)
        taken["ours"].append(measured(lambda case_id=case_id: ours(town, case_id)))  # type: ignore[misc]
        taken["bare"].append(measured(lambda: bare(content)))
        if i % PEER_EVERY == 0:
            taken["peer"].append(measured(lambda: taken_by_peer.append(peer(plain))))
    assert set(taken_by_peer) == {refused}, f"the peer refuses {taken_by_peer}, ours {refused}"
    own, limit, other = (middle(taken[name]) for name in ("ours", "bare", "peer"))
    label = f"upload of {ROWS:,} rows"
    note = (
        f"ours {own.cpu:.3f} s CPU + {own.server_cpu:.3f} PostgreSQL, wall {own.wall:.3f}, {ROWS / own.wall:,.0f} rows/s; "
        f"peer {other.cpu:.2f} + {other.server_cpu:.2f}, wall {other.wall:.2f}; reading {limit.cpu:.3f}; "
        f"error list {len(error_list_bytes):,} bytes, {refused} rows"
    )
    times, over = other.all_cpu / own.all_cpu, own.all_cpu / limit.all_cpu
    return [
        Row(
            f"{label} beside django-import-export in bulk",
            own.all_cpu,
            other.all_cpu,
            None,
            times,
            "≥ 10 × less",
            times >= 10,
            "CPU s",
            note,
        ),
        Row(f"{label} beside the bare reading", own.all_cpu, None, limit.all_cpu, over, "≤ 2 ×", over <= 2, "CPU s"),
    ]


taken_by_peer: list[int] = []


def _wrong_rows(address: str, case_id: int) -> int:
    with psycopg.connect(address) as link:
        found = link.execute("select count(*) from casework_filing where case_id = %s and refusals is not null", [case_id]).fetchone()
    return int(found[0]) if found else 0


def _job(pipe: Connection, case_id: int) -> None:
    """In a process of its own: the job as the worker runs it, on a signal."""
    from shebao.site.console_site import set_up

    set_up()
    from django.db import connection

    connection.ensure_connection()
    import shebao.site.jobs  # noqa: F401

    pipe.send("ready")
    pipe.recv()
    began, cpu = time.monotonic(), time.process_time()
    check(case_id)
    pipe.send((began, time.monotonic(), time.process_time() - cpu, peak_mb()))


def large(address: str, town: Town) -> list[Row]:
    """One large upload: the first progress that another connection sees, the whole, and the memory of the job's process."""
    case_id = receive(town, roster(LARGE_ROWS, 200_000))
    mine, other = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_job, args=(other, case_id))
    child.start()
    assert mine.recv() == "ready"
    seen: list[tuple[float, int | None, int]] = []
    with psycopg.connect(address, autocommit=True) as link, spending() as spent:
        mine.send("go")
        while not mine.poll(LOOK_EVERY_SECONDS):
            row = link.execute(
                "select rows_total, rows_checked, state from casework_upload u join casework_case c on c.id = u.case_id where c.id = %s",
                [case_id],
            ).fetchone()
            assert row is not None
            if not seen or seen[-1][1:] != row[:2]:
                seen.append((time.monotonic(), row[0], row[1]))
        began, ended, cpu, memory = mine.recv()
    child.join()
    with psycopg.connect(address) as link:
        state = link.execute("select state from casework_case where id = %s", [case_id]).fetchone()
    assert state == ("draft",), state
    first = next(at for at, total, checked in seen if total or checked) - began
    wall = ended - began
    label = f"upload of {LARGE_ROWS:,} rows"
    note = f"{LARGE_ROWS / wall:,.0f} rows/s; {cpu:.2f} s CPU + {spent.server_cpu:.2f} PostgreSQL; {len(seen)} steps of progress seen"
    return [
        Row(f"{label}: first progress seen", first, None, 1, first, "≤ 1 s", first <= 1, "s"),
        Row(f"{label}: reviewable", wall, None, 10, wall / 10, "< 10 s", wall < 10, "s", note),
        Row(f"{label}: memory of the job", memory, None, 512, memory / 512, "< 512 MB", memory < 512, "MB"),
    ]


def run() -> list[dict[str, Any]]:
    """The rows of the report."""
    address = open_city("bench_upload")
    town = found_town()
    half = KNOWN // 2
    insure(town, town.other_unit_id, range(half), ended=True)
    insure(town, town.other_unit_id, range(half, KNOWN), ended=False)
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("analyze")
    return [row.to_dict() for row in (*side_by_side(address, town), *large(address, town))]


if __name__ == "__main__":
    for line in run():
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
