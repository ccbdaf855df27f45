"""The operators of a unit, kept by its 主经办人 (or at the counter). Nobody does anything to the own row; every act is traced."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from shebao.access import slips
from shebao.access.acting import acting
from shebao.access.models import Account, Operator, OperatorRight, Slip
from shebao.access.operations import end_sign_ins
from shebao.access.rights import Level
from shebao.access.slips import NewOperator, as_engine
from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError

OPERATORS_MAX = 50  # live ones of a unit


class NotLeadError(ShebaoError):
    """Only the 主经办人 of the unit keeps its operators; the right may have been taken away in this very moment."""

    code = "ACC-24"
    status = 403

    def __init__(self) -> None:
        super().__init__("只有本单位的主经办人可以管理经办人，请联系主经办人；如需更换主经办人，请到经办机构窗口办理")


class OwnOperatorError(ShebaoError):
    """One's own rights, term or account."""

    code = "ACC-25"
    status = 403

    def __init__(self) -> None:
        super().__init__("不能更改自己的权限、期限或停用自己，请由另一位主经办人办理，或到经办机构窗口办理")


class NoSuchOperatorError(ShebaoError):
    """Absent, revoked, or of another unit: the same answer."""

    code = "ACC-26"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这位经办人，可能已经停用，或者不属于您所在的单位")


class KnownOperatorError(ShebaoError):
    """The same person is an operator of the unit already, or there are too many of them."""

    code = "ACC-27"
    status = 422


@dataclass(frozen=True, slots=True)
class OperatorLine:
    """One operator as the list shows it. slip_id: of a slip that waits to be printed by the unit."""

    account_id: int
    username: str
    name: str
    capacity: str
    id_number: str
    mobile: str
    lead: bool
    valid_from: date
    valid_until: date | None
    revoked_at: datetime | None
    signed_in_at: datetime | None
    rights: Mapping[str, Level]
    slip_id: int | None
    slip_by: str

    def state(self, on: date) -> str:
        """待启用, 有效, 已到期, 已停用."""
        if self.revoked_at is not None:
            return "已停用"
        if self.valid_until is not None and self.valid_until < on:
            return "已到期"
        return "待启用" if on < self.valid_from else "有效"


def operators_of(unit_id: int) -> list[OperatorLine]:
    """The operators of a unit, live ones first. Call as the engine or the agency."""
    held: dict[int, dict[str, Level]] = {}
    for account_id, code, level in OperatorRight.objects.filter(unit_id=unit_id, level__gt=0).values_list(
        "account_id", "item_code", "level"
    ):
        held.setdefault(account_id, {})[code] = Level(level)
    waiting = {s.account_id: s for s in Slip.objects.filter(unit_id=unit_id, state="ready")}
    found = Operator.objects.select_related("account").filter(unit_id=unit_id).order_by("account_id")
    lines = [_line(each, held.get(each.account_id, {}), waiting.get(each.account_id)) for each in found]
    return sorted(lines, key=lambda line: line.revoked_at is not None)


def _line(row: Operator, rights: Mapping[str, Level], slip: Slip | None) -> OperatorLine:
    return OperatorLine(
        account_id=row.account_id,
        username=row.account.username,
        name=row.account.name,
        capacity=row.capacity,
        id_number=row.id_number,
        mobile=row.mobile,
        lead=row.lead,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        revoked_at=row.revoked_at,
        signed_in_at=row.account.signed_in_at,
        rights=rights,
        slip_id=slip.pk if slip else None,
        slip_by=slip.handed_by if slip else "",
    )


def my_unit(at: datetime) -> list[OperatorLine]:
    """The operators of the acting 主经办人's unit. Raises: NotLeadError."""
    with _leading(at):
        return operators_of(current().unit_id)


def add(new: NewOperator, *, at: datetime) -> int:
    """经办人信息采集 by the 主经办人: an account whose slip the 主经办人 prints. Returns: the account.

    Raises: NotLeadError, KnownOperatorError.
    """
    with _leading(at) as rows:
        live = [row for row in rows if row.revoked_at is None]
        check_new(new, live)
        return slips.open_account(new, at=at, reason="主经办人添加经办人", handed_by="unit")


def check_new(new: NewOperator, live: list[Operator]) -> None:
    """Whether somebody may become one more operator. Raises: KnownOperatorError."""
    if any(row.id_number == new.id_number for row in live):
        raise KnownOperatorError("此人已是本单位的经办人，请直接修改权限；密码丢失请补发密码条")
    if len(live) >= OPERATORS_MAX:
        raise KnownOperatorError(f"一个单位最多 {OPERATORS_MAX} 名经办人，请先停用不再经办的人员")


def lock_live(unit_id: int) -> list[Operator]:
    """The unit's live operators, held to the end of the transaction. Call as the engine."""
    return list(Operator.objects.select_for_update().filter(unit_id=unit_id, revoked_at=None).order_by("account_id"))


def change(account_id: int, rights: Mapping[str, int], *, lead: bool, valid_until: date | None, at: datetime) -> None:
    """Rights, term and 主经办人 of another operator. What is in work under the former rights ends with its transaction.

    Raises: NotLeadError, OwnOperatorError, NoSuchOperatorError.
    """
    with _leading(at) as rows:
        row = _other(rows, account_id)
        set_rights(row, rights, lead=lead, valid_until=valid_until, at=at)


def set_rights(
    row: Operator, rights: Mapping[str, int], *, lead: bool, valid_until: date | None, at: datetime, case_id: int | None = None
) -> None:
    """Write another set of rights. Call as the engine, with the row held."""
    held = dict(OperatorRight.objects.filter(account_id=row.account_id).values_list("item_code", "level"))
    wanted = {code: int(level) for code, level in rights.items()}
    before = {"rights": {c: v for c, v in held.items() if v}, "lead": row.lead, "valid_until": row.valid_until}
    for code in {*held, *wanted}:
        level = wanted.get(code, int(Level.NONE))
        if code not in held:
            OperatorRight.objects.create(account_id=row.account_id, unit_id=row.unit_id, item_code=code, level=level)
        elif held[code] != level:
            OperatorRight.objects.filter(account_id=row.account_id, item_code=code).update(level=level)
    Operator.objects.filter(pk=row.account_id).update(lead=lead, valid_until=valid_until)
    after = {"rights": wanted, "lead": lead, "valid_until": valid_until}
    trace = Trace("access.operator_changed", _name(row), unit_id=row.unit_id, case_id=case_id, before=before, after=after)
    record([trace], at=at)


def revoke(account_id: int, *, at: datetime) -> None:
    """停用 another operator at once: live sign-ins end, a filing in the same instant is refused or was there before.

    Raises: NotLeadError, OwnOperatorError, NoSuchOperatorError.
    """
    with _leading(at) as rows:
        revoke_row(_other(rows, account_id), at=at)


def revoke_row(row: Operator, *, at: datetime, case_id: int | None = None) -> None:
    """停用 an operator. Call as the engine, with the row held."""
    by = current().account_id
    Operator.objects.filter(pk=row.account_id, revoked_at=None).update(revoked_at=at, revoked_by=by)
    Account.objects.filter(pk=row.account_id).update(disabled_at=at)
    Slip.objects.filter(account_id=row.account_id, state="ready").update(state="void", ended_at=at, ended_by=by)
    end_sign_ins(row.account_id, at=at)
    record([Trace("access.operator_revoked", _name(row), unit_id=row.unit_id, case_id=case_id)], at=at)


def reissue(account_id: int, *, at: datetime) -> None:
    """A new slip for another operator, whose password was lost. Raises: NotLeadError, OwnOperatorError, NoSuchOperatorError."""
    with _leading(at) as rows:
        row = _other(rows, account_id)
        slips.reissue(row.account_id, "主经办人补发", password=True, certificate=True, at=at, handed_by="unit")


def print_slip(slip_id: int, *, at: datetime) -> slips.Printed:
    """The slip of an operator of the own unit, once. Raises: NotLeadError, NoSuchSlipError, SlipGoneError."""
    with _leading(at):
        pass
    return slips.print_slip(slip_id, at=at, handed_by="unit")


@contextmanager
def _leading(at: datetime) -> Iterator[list[Operator]]:
    """Act as the engine for the 主经办人, with all operators of the unit held: two who revoke each other come one after the other."""
    actor = current()
    with acting(as_engine()):
        rows = list(
            Operator.objects.select_for_update(of=("self",)).select_related("account").filter(unit_id=actor.unit_id).order_by("account_id")
        )
        mine = next((row for row in rows if row.account_id == actor.account_id), None)
        if mine is None or not mine.lead or mine.revoked_at is not None or (mine.valid_until is not None and mine.valid_until < at.date()):
            raise NotLeadError
        yield rows


def _other(rows: list[Operator], account_id: int) -> Operator:
    if account_id == current().account_id:
        raise OwnOperatorError
    found = next((row for row in rows if row.account_id == account_id and row.revoked_at is None), None)
    if found is None:
        raise NoSuchOperatorError
    return found


def _name(row: Operator) -> str:
    return row.account.username
