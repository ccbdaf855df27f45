"""What an operator of a unit may do with which item: one place for page, batch and API. The database holds it too (casework policies)."""

from collections.abc import Iterable
from enum import IntEnum

from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE, Actor, Role, current
from shebao.base.errors import ShebaoError

EVERYTHING = "*"


class Level(IntEnum):
    """Each includes the ones before it."""

    NONE = 0
    QUERY = 1
    FILE = 2
    SUBMIT = 3

    @property
    def label(self) -> str:
        return ("不能办理", "只能查询", "录入", "录入并提交审批")[self]


# What is not a 事项 but may be given or kept back like one.
SERVICES = {"service.staff": "参保人员花名册", "service.bills": "缴费单与到账", "service.certificates": "参保证明打印"}


class NoRightError(ShebaoError):
    """The operator's rights do not cover this item, or were revoked in this very moment."""

    code = "ACC-20"
    status = 403

    def __init__(self, title: str, level: Level) -> None:
        wanted = {Level.QUERY: "查看", Level.FILE: "办理", Level.SUBMIT: "提交"}[level]
        super().__init__(f"您没有{wanted}“{title}”的权限，请联系本单位的主经办人")


def may(actor: Actor, code: str, level: Level) -> bool:
    """Whether the rights that came with the sign-in cover it. Everybody but a unit's operators is not asked."""
    if actor.role is not Role.UNIT or actor.rights is None:
        return True
    held = dict(actor.rights)
    return max(held.get(code, 0), held.get(EVERYTHING, 0)) >= level


def require(code: str, title: str, level: Level) -> None:
    """Hold the acting operator's right to the end of this transaction: whoever revokes it comes before or after, never in between.

    Raises: NoRightError.
    """
    actor = current()
    if actor.role is not Role.UNIT:
        return
    with acting(ENGINE), connection.cursor() as cursor:
        cursor.execute("select revoked_at is not null from access_operator where account_id = %s for share", [actor.account_id])
        row = cursor.fetchone()
        if row is None:  # acts for the whole unit
            return
        cursor.execute(
            "select level from access_operatorright where account_id = %s and item_code in (%s, %s) for share",
            [actor.account_id, code, EVERYTHING],
        )
        held = [each for (each,) in cursor.fetchall()]
    if row[0] or max(held, default=0) < level:
        raise NoRightError(title, level)


def read(text: str | None) -> tuple[tuple[str, int], ...]:
    """Rights as the look-up of a sign-in gives them: 'item:level item:level'."""
    pairs = (part.rpartition(":") for part in (text or "").split())
    return tuple((code, int(level)) for code, _, level in pairs)


def clean(given: Iterable[tuple[str, int]]) -> dict[str, Level]:
    """Rights by item, as asked for; what is nothing falls away."""
    return {code: Level(level) for code, level in given if Level(level) is not Level.NONE}
