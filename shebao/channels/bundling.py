"""参保证明 of many people at once: who is meant, the job's work, and the zip with its 清单."""

import re
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import IO
from uuid import UUID

from shebao.access.acting import acting
from shebao.audit.operations import Trace, record
from shebao.base.actor import ENGINE, Actor
from shebao.base.identifiers import id_number_problem
from shebao.base.months import Month, iso
from shebao.casework.jobs import defer
from shebao.channels.certificates import Asked, issue_to, people_data
from shebao.enrolment.queries import staff
from shebao.papers import bundles, codes
from shebao.papers.bundles import ITEMS_MAX, BundleError
from shebao.papers.contracts import PaperKind
from shebao.papers.models import Bundle, BundleItem, Paper
from shebao.papers.typeset import TypesetError
from shebao.parties.models import Person
from shebao.parties.queries import get_unit
from shebao.surfaces.workbook.export import export_workbook

CHUNK = 10
FETCH_CHUNK = 50
SPOOL_BYTES = 8 * 2**20
TOLD_MAX = 10
BETWEEN = re.compile(r"[\s,，;；、]+")
TITLE = PaperKind.INSURANCE_CERTIFICATE.label


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who a paste of numbers means; wrong: what stands against the others, a sentence each."""

    people: list[int]
    wrong: list[str]


def by_numbers(text: str) -> Chosen:
    """公民身份号码 as pasted, between blanks, commas or line ends. Only people of the acting unit are found: row security holds it."""
    typed = [part for part in BETWEEN.split(text.strip().upper()) if part]
    wrong = [f"第 {i} 个“{number[:20]}”：{problem}" for i, number in enumerate(typed, 1) if (problem := id_number_problem(number))]
    known = dict(Person.objects.filter(id_number__in=typed).values_list("id_number", "pk"))
    strangers = [(i, n) for i, n in enumerate(typed, 1) if not id_number_problem(n) and n not in known]
    wrong += [f"第 {i} 个“{number[:6]}********{number[-4:]}”：不是本单位的参保人员，请核对" for i, number in strangers]
    return Chosen(list(dict.fromkeys(known[n] for n in typed if n in known)), wrong)


def insured(unit_id: int, month: Month, search: str = "") -> list[int]:
    """The staff of a month, all or those whose name or number fits, one more than one order takes."""
    return [member.person_id for member in staff(unit_id, month, search=search, limit=ITEMS_MAX + 1)]


def order(actor: Actor, agency_id: int, people: Sequence[int], asked: Asked, *, key: UUID, at: datetime) -> int:
    """Take an order and queue its job, once. Returns: the bundle. Raises: BundleError."""
    with acting(ENGINE):
        bundle_id, fresh = bundles.order(
            TITLE, asdict(asked), people, key=key, unit_id=actor.unit_id, agency_id=agency_id, made_by=actor.account_id, at=at
        )
    if fresh:
        record([Trace("papers.bundle_ordered", f"{TITLE} {len(set(people))} 份")], at=at)
        defer("make_bundle", bundle_id=bundle_id)
    return bundle_id


def work(bundle_id: int, *, clock: Callable[[], datetime]) -> None:
    """Make what is missing of a bundle. Run again after a kill, or twice at once, it makes no paper twice."""
    while _chunk(bundle_id, at=clock()):
        pass
    with acting(ENGINE):
        bundles.finish(bundle_id, at=clock())


def _chunk(bundle_id: int, *, at: datetime) -> bool:
    with acting(ENGINE):
        items = bundles.take(bundle_id, CHUNK)
        if not items:
            return False
        bundle = Bundle.objects.get(pk=bundle_id)
        unit, asked = get_unit(bundle.unit_id), Asked(**bundle.asked)
        people = {person.pk: person for person in Person.objects.filter(pk__in=[item.person_id for item in items])}
        data = people_data(unit, list(people.values()), asked, at=at)
        for item in items:
            person = people[item.person_id]
            try:
                bundles.made(item, issue_to(unit, person, data[person.pk], account_id=bundle.made_by, at=at))
            except TypesetError:
                bundles.failed(item, "姓名等内容有字库中没有的字，请到窗口办理")
        return True


def zipped(bundle: Bundle, *, at: datetime) -> IO[bytes]:
    """The zip of a finished bundle, as the acting unit may see it: 清单.xlsx and the PDFs. Raises: BundleGoneError."""
    bundles.fetchable(bundle, at=at)
    items = list(BundleItem.objects.filter(bundle=bundle).order_by("place"))
    people = {person.pk: person for person in Person.objects.filter(pk__in=[item.person_id for item in items])}
    papers = {p.pk: p for p in Paper.objects.defer("content").filter(pk__in=[item.paper_id for item in items if item.paper_id])}
    names = {item.pk: _file_name(item, people[item.person_id]) for item in items}
    target: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 handed to the answer, which closes it
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # PDFs are compressed already
        archive.writestr("清单.xlsx", _manifest(bundle, items, people, papers, names))
        made = [item for item in items if item.paper_id]
        for begin in range(0, len(made), FETCH_CHUNK):
            chunk = made[begin : begin + FETCH_CHUNK]
            contents = dict(Paper.objects.filter(pk__in=[item.paper_id for item in chunk]).values_list("pk", "content"))
            for item in chunk:
                archive.writestr(names[item.pk], bytes(contents[item.paper_id or 0]))
    target.seek(0)
    return target


def _file_name(item: BundleItem, person: Person) -> str:
    """Without the 公民身份号码: files travel. Nothing in a name can lead out of the folder."""
    name = re.sub(r'[\\/:*?"<>|\x00-\x1f.]', "_", person.name)
    return f"{item.place:04d}-{name}-{person.number}.pdf"


def _manifest(
    bundle: Bundle, items: Sequence[BundleItem], people: dict[int, Person], papers: dict[int, Paper], names: dict[int, str]
) -> bytes:
    asked = Asked(**bundle.asked)
    period = f"{iso(asked.first_month)} 至 {iso(asked.last_month)}"
    rows = []
    for item in items:
        person, paper = people[item.person_id], papers.get(item.paper_id or 0)
        until = paper.valid_until.isoformat() if paper and paper.valid_until else ""
        code, file = (codes.shown(paper.code), names[item.pk]) if paper else ("", "")
        rows.append([str(item.place), person.name, person.id_number, person.number, period, code, until, file, item.problem])
    headers = ("序号", "姓名", "公民身份号码", "个人编号", "证明期间", "验证码", "有效期至", "文件名", "未出具的原因")
    return export_workbook(f"{bundle.title}清单（示例）", headers, rows, widths=(6, 14, 22, 16, 20, 24, 12, 34, 30))


def told(wrong: Sequence[str]) -> str:
    """Many sentences as one, the first ten."""
    rest = f"……共 {len(wrong)} 处" if len(wrong) > TOLD_MAX else ""
    return "；".join(wrong[:TOLD_MAX]) + rest


__all__ = ["BundleError", "Chosen", "by_numbers", "insured", "order", "told", "work", "zipped"]
