"""网上办事资格, accounts, 密码条 and certificates. Secrets are made while a slip is printed, once; stored are only their digests."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.contrib.auth.hashers import make_password
from django.db import connection

from shebao.access.acting import acting
from shebao.access.models import Account, Certificate, Grant, Operator, OperatorRight, Qualification, Slip
from shebao.access.operations import end_sign_ins
from shebao.access.rights import EVERYTHING, Level
from shebao.audit.operations import Trace, record
from shebao.base.actor import Actor, Role, current
from shebao.base.errors import ShebaoError
from shebao.base.terms import Post

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"  # no look-alikes: it is read off paper
NAME_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
PASSWORD_LENGTH = 12
UNUSABLE = "!"  # until the slip is printed nobody can sign in
FULL: Mapping[str, int] = {EVERYTHING: Level.SUBMIT}


class AlreadyQualifiedError(ShebaoError):
    """The unit has the qualification."""

    code = "ACC-21"

    def __init__(self) -> None:
        super().__init__("该单位已有网上办事资格；密码丢失请办理“密码条补发”，增加经办人请由主经办人办理或办理“经办人信息采集”")


class SlipGoneError(ShebaoError):
    """Printed before, or withdrawn by a newer one."""

    code = "ACC-22"

    def __init__(self, state: str) -> None:
        told = "已经打印过，密码条只打印一次" if state == "printed" else "已经作废"
        super().__init__(f"这张密码条{told}；如需重新领取，请办理“密码条补发”")


class NoSuchSlipError(ShebaoError):
    """Absent, or not for the acting account to print."""

    code = "ACC-23"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这张密码条，或者不由您打印")


@dataclass(frozen=True, slots=True)
class NewOperator:
    """经办人信息 with what the operator may do. valid_until: the last day, None without end."""

    unit_id: int
    name: str
    capacity: str
    id_number: str
    mobile: str
    valid_from: date
    valid_until: date | None = None
    lead: bool = False
    rights: Mapping[str, int] = field(default_factory=lambda: FULL)


@dataclass(frozen=True, slots=True)
class Printed:
    """What a slip says, for the one answer that carries it. Never stored, never logged."""

    unit_name: str
    unit_number: str
    agency_name: str
    holder: str
    username: str
    password: str | None = field(repr=False)
    serial: str | None
    download_password: str | None = field(repr=False)


def as_engine() -> Actor:
    """The engine in the name of the acting account: only it writes accounts, and the trace names who asked."""
    actor = current()
    return Actor(Role.ENGINE, actor.account_id, actor.name, actor.unit_id, actor.agency_id)


def qualify(new: NewOperator, agreement: tuple[str, str], *, at: datetime, case_id: int | None = None) -> int:
    """网上办事资格: the unit's first account, its 主经办人, against the version of the 承诺书 that was signed. Returns: the account.

    Call as the engine. Raises: AlreadyQualifiedError.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into access_qualification (unit_id, agreement_code, agreement_version, granted_at, case_id, stop_reason)
            values (%s, %s, %s, %s, %s, '') on conflict (unit_id) do nothing
            """,
            [new.unit_id, *agreement, at, case_id],
        )
        if not cursor.rowcount:
            raise AlreadyQualifiedError
    record([Trace("access.qualified", f"{agreement[0]} {agreement[1]}", unit_id=new.unit_id, case_id=case_id)], at=at)
    return open_account(new, at=at, reason="申请网上办事资格", handed_by="agency", case_id=case_id)


def open_account(new: NewOperator, *, at: datetime, reason: str, handed_by: str, case_id: int | None = None) -> int:
    """An account with its operator, rights, certificate and slip. Call as the engine. Returns: the account."""
    by = current().account_id
    account = Account.objects.create(
        username=_free_name(),
        password=UNUSABLE,
        name=new.name,
        post_class=Post.UNIT_OPERATOR.post_class,
        unit_id=new.unit_id,
        must_change_password=True,
        created_at=at,
    )
    Grant.objects.create(
        account=account,
        post=Post.UNIT_OPERATOR.value,
        post_class=Post.UNIT_OPERATOR.post_class,
        from_date=new.valid_from,
        granted_by=by,
    )
    Operator.objects.create(
        account=account,
        unit_id=new.unit_id,
        capacity=new.capacity,
        id_number=new.id_number,
        mobile=new.mobile,
        lead=new.lead,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
        added_at=at,
        added_by=by,
    )
    OperatorRight.objects.bulk_create(
        OperatorRight(account=account, unit_id=new.unit_id, item_code=code, level=level) for code, level in new.rights.items()
    )
    rights = {code: int(level) for code, level in new.rights.items()}
    after = {"name": new.name, "lead": new.lead, "rights": rights, "valid_until": new.valid_until}
    record([Trace("access.operator_added", account.username, unit_id=new.unit_id, case_id=case_id, after=after)], at=at)
    _new_slip(account, reason, password=True, certificate=True, handed_by=handed_by, case_id=case_id, at=at)
    return account.pk


def reissue(
    account_id: int, reason: str, *, password: bool, certificate: bool, at: datetime, handed_by: str = "agency", case_id: int | None = None
) -> None:
    """补发: what was lost is worthless from now on, and a new slip waits to be printed. Call as the engine."""
    account = Account.objects.select_for_update().get(pk=account_id)
    by = current().account_id
    waiting = Slip.objects.filter(account=account, state="ready")
    # A slip that nobody printed yet goes with everything on it, so the new one holds all of that too.
    for slip in waiting:
        password, certificate = password or slip.with_password, certificate or slip.certificate_id is not None
    waiting.update(state="void", ended_at=at, ended_by=by)
    if password:
        Account.objects.filter(pk=account.pk).update(password=UNUSABLE, must_change_password=True)
        end_sign_ins(account.pk, at=at)
    _new_slip(account, reason, password=password, certificate=certificate, handed_by=handed_by, case_id=case_id, at=at)
    what = {"password": password, "certificate": certificate, "reason": reason}
    record([Trace("access.slip_reissued", account.username, unit_id=account.unit_id, case_id=case_id, after=what)], at=at)


def print_slip(slip_id: int, *, at: datetime, handed_by: str) -> Printed:
    """Make the secrets of a slip, once, and tell them to whoever prints it. handed_by: agency or unit, as the caller stands.

    Raises: NoSuchSlipError, SlipGoneError.
    """
    actor = current()
    with acting(as_engine()):
        slip = (
            Slip.objects.select_for_update(of=("self",))
            .select_related("account", "unit", "unit__agency", "certificate")
            .filter(pk=slip_id, handed_by=handed_by)
            .exclude(account_id=actor.account_id)
            .first()
        )
        mine = slip is not None and (slip.unit_id == actor.unit_id if handed_by == "unit" else slip.unit.agency_id == actor.agency_id)
        if slip is None or not mine:
            raise NoSuchSlipError
        if slip.state != "ready":
            raise SlipGoneError(slip.state)
        password, download = (_secret() if slip.with_password else None), (_secret() if slip.certificate else None)
        Slip.objects.filter(pk=slip.pk).update(state="printed", ended_at=at, ended_by=actor.account_id)
        if password:
            Account.objects.filter(pk=slip.account_id).update(password=make_password(password), must_change_password=True)
        if download and slip.certificate_id:
            Certificate.objects.filter(pk=slip.certificate_id).update(download_password=make_password(download))
        record([Trace("access.slip_printed", slip.account.username, unit_id=slip.unit_id, case_id=slip.case_id)], at=at)
    return Printed(
        unit_name=slip.unit.name,
        unit_number=slip.unit.number,
        agency_name=slip.unit.agency.name,
        holder=slip.account.name,
        username=slip.account.username,
        password=password,
        serial=slip.certificate.serial if slip.certificate else None,
        download_password=download,
    )


def stop(unit_id: int, reason: str, *, at: datetime, case_id: int | None = None) -> None:
    """停用资格: whoever acts for the unit is out at once and cannot sign in. Call as the engine."""
    Qualification.objects.filter(pk=unit_id, stopped_at=None).update(stopped_at=at, stop_reason=reason[:200])
    for account_id in Account.objects.filter(unit_id=unit_id).values_list("pk", flat=True):
        end_sign_ins(account_id, at=at)
    record([Trace("access.qualification_stopped", reason[:80], unit_id=unit_id, case_id=case_id)], at=at)


def resume(unit_id: int, *, at: datetime, case_id: int | None = None) -> None:
    """恢复资格. Call as the engine."""
    Qualification.objects.filter(pk=unit_id).update(stopped_at=None, stop_reason="")
    record([Trace("access.qualification_resumed", "", unit_id=unit_id, case_id=case_id)], at=at)


def _new_slip(
    account: Account, reason: str, *, password: bool, certificate: bool, handed_by: str, case_id: int | None, at: datetime
) -> Slip:
    made = None
    assert account.unit_id is not None, "slips are for units"
    if certificate:
        Certificate.objects.filter(account=account, state="waiting").update(state="void", ended_at=at)
        made = Certificate.objects.create(
            serial=_next_serial(at),
            account=account,
            unit_id=account.unit_id,
            download_password=UNUSABLE,
            state="waiting",
            made_at=at,
        )
    return Slip.objects.create(
        account=account,
        unit_id=account.unit_id,
        certificate=made,
        with_password=password,
        handed_by=handed_by,
        state="ready",
        reason=reason[:100],
        case_id=case_id,
        made_at=at,
        made_by=current().account_id,
    )


def _next_serial(at: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select nextval('access_certificate_serial')")
        (number,) = cursor.fetchone()
    return f"WH{at:%Y%m%d}{number % 10**6:06d}"


def _free_name() -> str:
    """A user name that follows from nothing, so that nobody can lock units out by counting through their numbers."""
    while True:
        name = "wh" + "".join(secrets.choice(NAME_LETTERS) for _ in range(8))
        if not Account.objects.filter(username=name).exists():
            return name


def _secret() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(PASSWORD_LENGTH))
