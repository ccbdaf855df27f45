"""Finding papers. Row-level security decides whose papers a caller may find; 凭证验真 reads the public columns only."""

from datetime import date

from django.db.models import QuerySet

from shebao.papers.codes import read_code
from shebao.papers.models import Paper
from shebao.papers.verification import UNKNOWN, Verification, state_on
from shebao.papers.verification import read as read_facts

LIST_ROWS_MAX = 500
# The columns that shebao_public may read: no content, no ids of units, people, filings or accounts.
PUBLIC_COLUMNS = (
    "code",
    "kind",
    "title",
    "facts",
    "agency_name",
    "made_at",
    "valid_until",
    "revoked_at",
    "revoked_reason",
    "sha256",
)


def find_paper(code: str) -> Paper | None:
    """A paper by its code as typed, without the PDF itself (it is fetched when `content` is read)."""
    known = read_code(code)
    return Paper.objects.defer("content").filter(code=known).first() if known else None


def papers_of_unit(unit_id: int) -> QuerySet[Paper]:
    """The papers of a unit, newest first, without the PDFs."""
    return Paper.objects.defer("content").filter(unit_id=unit_id).order_by("-made_at", "-id")[:LIST_ROWS_MAX]


def papers_of_person(person_id: int) -> QuerySet[Paper]:
    """The papers about a person, newest first, without the PDFs."""
    return Paper.objects.defer("content").filter(person_id=person_id).order_by("-made_at", "-id")[:LIST_ROWS_MAX]


def verification(code: str, on: date) -> Verification:
    """凭证验真 by the code as typed: what the paper says and how it stands on that day. A wrong code and an unknown one look the same."""
    known = read_code(code)
    row = Paper.objects.filter(code=known).values(*PUBLIC_COLUMNS).first() if known else None
    if row is None:
        return UNKNOWN
    return Verification(
        state=state_on(on, row["valid_until"], row["revoked_at"]),
        code=row["code"],
        kind=row["kind"],
        title=row["title"],
        facts=read_facts(row["facts"]),
        agency=row["agency_name"],
        issued_at=row["made_at"],
        valid_until=row["valid_until"],
        revoked_at=row["revoked_at"],
        revoked_reason=row["revoked_reason"],
        sha256=bytes(row["sha256"]).hex(),
    )
