"""Who is acting. The actor is carried in a context variable; the database backend puts it into every transaction.

No actor, no database role: a query outside an actor is refused by PostgreSQL itself (fails closed).
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum

from shebao.base.terms import Post


class Role(str, Enum):
    """The database roles that an actor may take. One row-level policy per role, see docs/architecture.md."""

    PUBLIC = "shebao_public"  # sign-in and 凭证验真, nothing else
    UNIT = "shebao_unit"  # 单位经办人: the rows of one unit
    AGENCY = "shebao_agency"  # 经办机构: the rows of one agency's units
    PERSON = "shebao_person"  # 个人: the rows of one person
    ENGINE = "shebao_engine"  # effects of approved filings, facts for checks, runs
    ADMIN = "shebao_admin"  # accounts and grants, no insured people
    AUDITOR = "shebao_reader"  # reads everything, writes its own trace only


@dataclass(frozen=True, slots=True)
class Actor:
    """One acting account (or the engine), with the reach of its rows."""

    role: Role
    account_id: int = 0
    name: str = ""
    unit_id: int = 0
    agency_id: int = 0
    posts: frozenset[Post] = field(default_factory=frozenset)
    vip: bool = False
    rights: tuple[tuple[str, int], ...] | None = None  # of an operator: (item, level); None: everything its unit may do
    person_id: int = 0  # of 个人

    def settings(self) -> dict[str, str]:
        """The session settings that row-level policies read."""
        return {
            "role": self.role.value,
            "app.account": str(self.account_id),
            "app.unit": str(self.unit_id),
            "app.agency": str(self.agency_id),
            "app.person": str(self.person_id),
        }


PUBLIC = Actor(Role.PUBLIC)
ENGINE = Actor(Role.ENGINE, name="系统")

CURRENT: ContextVar[Actor | None] = ContextVar("shebao_actor", default=None)


def current() -> Actor:
    """The acting account. Raises: RuntimeError when there is none, which is our own mistake."""
    actor = CURRENT.get()
    if actor is None:
        raise RuntimeError("no actor: wrap the call in shebao.access.acting.acting(...)")
    return actor
