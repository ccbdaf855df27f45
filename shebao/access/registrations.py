"""法人注册: a unit tells on the public page who it is and who acts for it; the agency it named confirms.

The page gives the same answer whether the unit exists or not, and counts how often it is asked.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from shebao.access import limits, slips
from shebao.access.acting import acting
from shebao.access.limits import Kind
from shebao.access.models import Qualification, Registration
from shebao.access.slips import NewOperator, as_engine
from shebao.audit.operations import Trace, record
from shebao.base.actor import PUBLIC, current
from shebao.base.errors import ShebaoError
from shebao.parties.models import Unit, UnitKind
from shebao.policy.agreed import in_force

ADDRESS_MAX, ADDRESS_MINUTES = 10, 60
UNIT_MAX, UNIT_MINUTES = 5, 24 * 60
PAGE = 100
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class TooManyRegistrationsError(ShebaoError):
    """More than units do. The same words for numbers that exist and numbers that do not."""

    code = "ACC-28"
    status = 429

    def __init__(self) -> None:
        super().__init__("登记的次数太多，请过一段时间再试，或携带资料到辖区经办机构窗口办理")


class NotRegistrableError(ShebaoError):
    """It cannot be confirmed: told to the agency only."""

    code = "ACC-29"


@dataclass(frozen=True, slots=True)
class Told:
    """What was filled in, already checked for form."""

    agency_id: int
    unit_number: str
    unit_name: str
    capacity: str
    name: str
    id_number: str
    mobile: str


def register(told: Told, *, at: datetime, address: str) -> str:
    """Keep a registration for the agency. Returns: the 受理编号. Raises: TooManyRegistrationsError.

    Nothing is looked up: the public role can read neither units nor registrations.
    """
    with acting(PUBLIC):
        counted = [(Kind.REGISTRATION_UNIT, told.unit_number, UNIT_MAX, UNIT_MINUTES)]
        if limits.is_one_place(address):
            counted.append((Kind.REGISTRATION_ADDRESS, address, ADDRESS_MAX, ADDRESS_MINUTES))
        shut = [kind for kind, text, _, _ in counted if limits.closed_until(kind, text, at=at, hold=True)]
        if shut:
            raise TooManyRegistrationsError
        for kind, text, most, minutes in counted:
            limits.count(kind, text, at=at, most=most, minutes=minutes, within=minutes)
        number = "FR" + "".join(secrets.choice(_LETTERS) for _ in range(8))
        with connection.cursor() as cursor:
            cursor.execute(
                """
                insert into access_registration (number, agency_id, unit_number, unit_name, capacity, name, id_number, mobile,
                                                 at, address, state, reason)
                values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'waiting', '')
                """,
                [
                    *(number, told.agency_id, told.unit_number, told.unit_name, told.capacity, told.name, told.id_number, told.mobile),
                    *(at, address[:45]),
                ],
            )
    return number


@dataclass(frozen=True, slots=True)
class Compared:
    """A registration beside the register. obstacle: why it cannot be confirmed, empty when it can."""

    registration: Registration
    unit: Unit | None
    obstacle: str


def waiting() -> list[Compared]:
    """The registrations that wait for the acting agency, oldest first."""
    return _compared(list(Registration.objects.filter(state="waiting").order_by("id")[:PAGE]))


def decided(limit: int = 20) -> list[Registration]:
    """The latest decided ones."""
    return list(Registration.objects.select_related("account").exclude(state="waiting").order_by("-decided_at")[:limit])


def _compared(found: list[Registration]) -> list[Compared]:
    units = {unit.number: unit for unit in Unit.objects.filter(number__in=[each.unit_number for each in found])}
    qualified = set(Qualification.objects.filter(unit_id__in=[u.pk for u in units.values()]).values_list("unit_id", flat=True))
    return [Compared(each, unit := units.get(each.unit_number), _obstacle(each, unit, qualified)) for each in found]


def _obstacle(each: Registration, unit: Unit | None, qualified: set[int]) -> str:
    if unit is None or unit.kind != UnitKind.EMPLOYER:
        return "本机构没有这个单位编号，请核对单位编号和所属经办机构"
    if unit.closed_on is not None:
        return "该单位已注销社会保险登记"
    if _plain(unit.name) != _plain(each.unit_name):
        return f"单位名称与登记的不一致（登记为“{unit.name}”）"
    if unit.pk in qualified:
        return "该单位已有网上办事资格，请由主经办人添加经办人，或办理密码条补发"
    return ""


def _plain(name: str) -> str:
    return "".join(name.split()).translate(str.maketrans("()", "（）"))


def confirm(registration_id: int, *, at: datetime) -> int:
    """The agency has seen the papers and the signed 承诺书: the first account is opened, its slip waits to be printed.

    Returns: the account. Raises: NotRegistrableError.
    """
    (compared,) = _compared([_held(registration_id)])
    if compared.obstacle or compared.unit is None:
        raise NotRegistrableError(f"不能确认：{compared.obstacle}；请退回，由单位重新登记")
    told, agreement = compared.registration, in_force("online_service", at.date())
    with acting(as_engine()):
        new = NewOperator(compared.unit.pk, told.name, told.capacity, told.id_number, told.mobile, at.date(), lead=True)
        account_id = slips.qualify(new, (agreement.code, agreement.version), at=at)
        _decide(told, "confirmed", "", account_id, at)
    return account_id


def decline(registration_id: int, reason: str, *, at: datetime) -> None:
    """退回 with a reason. Raises: NotRegistrableError without one."""
    if not reason.strip():
        raise NotRegistrableError("请填写退回的原因")
    told = _held(registration_id)
    with acting(as_engine()):
        _decide(told, "declined", reason.strip()[:200], None, at)


def _held(registration_id: int) -> Registration:
    found = Registration.objects.filter(pk=registration_id).first()
    if found is None:
        raise NotRegistrableError("没有找到这条登记，或者不属于您所在的经办机构")
    if found.state != "waiting":
        raise NotRegistrableError("这条登记已由他人处理，请刷新页面查看结果")
    return found


def _decide(told: Registration, state: str, reason: str, account_id: int | None, at: datetime) -> None:
    """Compare and set: of two who decide at once one is told."""
    rows = Registration.objects.filter(pk=told.pk, state="waiting")
    if not rows.update(state=state, reason=reason, account_id=account_id, decided_at=at, decided_by=current().account_id):
        raise NotRegistrableError("这条登记已由他人处理，请刷新页面查看结果")
    confirmed = Trace("access.registration_confirmed", told.number)
    record([confirmed if account_id else Trace("access.registration_declined", told.number, after={"reason": reason})], at=at)
