"""Many papers ordered at once. A job makes them a chunk a transaction; killed anywhere it goes on, and no paper is made twice."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from shebao.base.errors import ShebaoError
from shebao.papers.models import Bundle, BundleItem, Paper

ITEMS_MAX = 2_000
FETCH_HOURS = 72  # the zip; each paper stays for good
LIST_MAX = 20


class BundleError(ShebaoError):
    """The order cannot be taken or fetched."""

    code = "PAP-02"
    status = 422


class BundleGoneError(ShebaoError):
    """Its time is over, or it is not finished yet."""

    code = "PAP-03"
    status = 409


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a bundle is: made and failed of total."""

    total: int
    made: int
    failed: int

    @property
    def finished(self) -> bool:
        return self.made + self.failed >= self.total


def order(
    title: str,
    asked: Mapping[str, object],
    people: Sequence[int],
    *,
    key: UUID,
    unit_id: int,
    agency_id: int,
    made_by: int,
    at: datetime,
) -> tuple[int, bool]:
    """Keep an order. The same key and content again give the same one. Call as the engine.

    Returns: the bundle, and whether it is a new one (a job is needed). Raises: BundleError.
    """
    distinct = list(dict.fromkeys(people))
    if not distinct:
        raise BundleError("请选择要出具证明的人员")
    if len(distinct) > ITEMS_MAX:
        raise BundleError(f"一次最多 {ITEMS_MAX} 人，现在选了 {len(distinct)} 人，请分几次办理")
    digest = hashlib.sha256(json.dumps([title, asked, distinct], ensure_ascii=False, sort_keys=True).encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into papers_bundle (unit_id, agency_id, key, digest, title, asked, total, made_by, made_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (unit_id, key) do nothing returning id
            """,
            [unit_id, agency_id, key, digest, title, json.dumps(asked, ensure_ascii=False), len(distinct), made_by, at],
        )
        row = cursor.fetchone()
        if row is not None:
            cursor.execute(
                """
                insert into papers_bundleitem (bundle_id, unit_id, agency_id, place, person_id)
                select %s, %s, %s, n.place, n.person from unnest(%s::bigint[]) with ordinality as n (person, place)
                """,
                [row[0], unit_id, agency_id, distinct],
            )
            return row[0], True
    known = Bundle.objects.get(unit_id=unit_id, key=key)
    if bytes(known.digest) != digest:
        raise BundleError("这个提交编号已经用于另一项内容，请刷新页面后重新提交")
    return known.pk, False


def take(bundle_id: int, most: int) -> list[BundleItem]:
    """The next items without a paper, held to the end of the transaction; what another worker holds is left to it. Call as the engine."""
    rows = BundleItem.objects.select_for_update(skip_locked=True)
    return list(rows.filter(bundle_id=bundle_id, paper__isnull=True, problem="").order_by("place")[:most])


def made(item: BundleItem, paper: Paper) -> None:
    """The paper of an item. Call as the engine."""
    BundleItem.objects.filter(pk=item.pk).update(paper=paper)


def failed(item: BundleItem, problem: str) -> None:
    """Why there is none. Call as the engine."""
    BundleItem.objects.filter(pk=item.pk).update(problem=problem[:200])


def finish(bundle_id: int, *, at: datetime) -> bool:
    """Close a bundle of which nothing is open any more. Call as the engine. Returns: whether it is closed now."""
    bundle = Bundle.objects.select_for_update().get(pk=bundle_id)
    if bundle.finished_at is None and progress(bundle).finished:
        Bundle.objects.filter(pk=bundle_id).update(finished_at=at, expires_at=at + timedelta(hours=FETCH_HOURS))
        return True
    return bundle.finished_at is not None


def progress(bundle: Bundle) -> Progress:
    """How far it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(paper_id), count(*) filter (where problem <> '') from papers_bundleitem where bundle_id = %s", [bundle.pk]
        )
        return Progress(bundle.total, *cursor.fetchone())


def bundles_of(unit_id: int) -> list[Bundle]:
    """The latest bundles of a unit."""
    return list(Bundle.objects.filter(unit_id=unit_id).order_by("-id")[:LIST_MAX])


def fetchable(bundle: Bundle, *, at: datetime) -> None:
    """Whether the zip may be fetched now. Raises: BundleGoneError."""
    if bundle.finished_at is None or bundle.expires_at is None:
        raise BundleGoneError("证明还在出具，请等完成后再下载")
    if at >= bundle.expires_at:
        raise BundleGoneError(f"压缩包只保留 {FETCH_HOURS} 小时，已经过期；单份证明仍可在“参保证明打印”下载，需要整批的请重新办理")
