"""Accepting the 承诺书 and the 服务条款 in force: asked at the first sign-in, and again when a new version comes into force."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.policy.agreed import Agreement, in_force

OF_UNITS = ("online_service", "service_terms")  # what whoever acts for a unit has accepted


class NotAcceptedError(ShebaoError):
    """The version in force has not been accepted yet."""

    code = "ACC-06"
    status = 403

    def __init__(self) -> None:
        super().__init__("请先在网页登录，阅读并接受现行的《网上办事承诺书》和服务条款，再办理业务")


class OtherVersionError(ShebaoError):
    """Another version is in force than the one the page showed."""

    code = "ACC-07"

    def __init__(self) -> None:
        super().__init__("页面打开后文书换了新版本，请阅读现行版本后再接受")


def key(agreement: Agreement) -> str:
    """How a version is named in a look-up."""
    return f"{agreement.code}:{agreement.version}"


def missing(accepted: Iterable[str], on: date) -> list[Agreement]:
    """The versions in force on a day that an account has not accepted yet."""
    known = set(accepted)
    return [each for code in OF_UNITS if key(each := in_force(code, on)) not in known]


def accept(shown: Iterable[tuple[str, str]], *, at: datetime, address: str) -> None:
    """The acting operator accepts what was shown, code and version. Accepting twice is harmless.

    Raises: OtherVersionError when one of them is not in force (any more); nothing is accepted then.
    """
    actor, pairs = current(), sorted(set(shown))
    if any(code not in OF_UNITS or in_force(code, at.date()).version != version for code, version in pairs):
        raise OtherVersionError
    with connection.cursor() as cursor:
        for code, version in pairs:
            cursor.execute(
                "insert into access_acceptance (account_id, unit_id, code, version, at, address) values (%s, %s, %s, %s, %s, %s)"
                " on conflict (account_id, code, version) do nothing",
                [actor.account_id, actor.unit_id, code, version, at, address[:45]],
            )
            if cursor.rowcount:
                record([Trace("access.accepted", f"{code} {version}")], at=at, address=address)
