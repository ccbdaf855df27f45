"""下载导入失败列表 of a large batch: asked for in the request, made by a job, kept until the rows change."""

from datetime import datetime, timedelta

from shebao.casework.jobs import defer
from shebao.casework.models import Case, ErrorFile, Filing
from shebao.casework.operations import OPEN_STATES, REFUSED

AT_ONCE_ROWS_MAX = 1_000  # up to here the list is made while the page waits: a fraction of a second
ASKED_AGAIN_AFTER = timedelta(minutes=2)  # a job that was lost is queued once more


def wrong_rows(case: Case) -> int:
    """How many rows of a batch that is not submitted are wrong."""
    return Filing.objects.filter(REFUSED, case=case, state__in=OPEN_STATES).count()


def ready(case: Case) -> bytes | None:
    """The list of the rows as they are now, if it has been made."""
    found = ErrorFile.objects.filter(case=case, version=case.version).values_list("content", flat=True).first()
    return bytes(found) if found is not None else None


def ask(case: Case, *, at: datetime) -> None:
    """Have the list made of the rows as they are now; asking again while a job is at it changes nothing."""
    known = ErrorFile.objects.select_for_update().filter(case=case).first()
    if known is not None and known.version == case.version and at - known.asked_at < ASKED_AGAIN_AFTER:
        return
    given = {"version": case.version, "asked_at": at, "content": None, "rows": 0}
    ErrorFile.objects.update_or_create(case=case, defaults=given | {"unit_id": case.unit_id, "agency_id": case.agency_id})
    defer("make_error_list", case_id=case.pk)


def keep(case: Case, content: bytes, rows: int) -> None:
    """Keep a list that was made of the case as it was read; one that the rows have overtaken is dropped."""
    ErrorFile.objects.filter(case=case, version=case.version).update(content=content, rows=rows)
