"""批扣签约: sign, change and end debit agreements. One live a person; while their batch is out nothing of it changes."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.errors import ShebaoError
from shebao.levy.bank_models import BANKS, DebitAgreement, Scheme
from shebao.levy.debiting import out

_ACCOUNT = re.compile(r"[0-9]{8,20}\Z", re.ASCII)
CARD_PREFIX, CARD_LENGTHS = "62", range(16, 20)


class AccountRefused(ShebaoError):
    """A number that can be no bank account."""

    code = "BNK-30"
    status = 422


class AlreadySignedError(ShebaoError):
    """One live agreement a person."""

    code = "BNK-31"


class NotSignedError(ShebaoError):
    """There is no live agreement."""

    code = "BNK-32"


class OutError(ShebaoError):
    """A batch with this person is at the bank."""

    code = "BNK-33"


class SameAccountError(ShebaoError):
    """Changed into what it is already."""

    code = "BNK-34"


OUT_TEXT = "本期批扣已经生成或正在银行处理，回盘入账后才能换账号或解约，通常在批扣日后 1 至 3 个工作日"
NOT_SIGNED_TEXT = "没有有效的批扣协议，不能换账号或解约；需要批扣的请先签约"


@dataclass(frozen=True, slots=True)
class NewAgreement:
    """What is signed. bank: 行别; account: digits."""

    person_id: int
    agency_id: int
    place: str
    bank: str
    account: str
    scheme: Scheme = Scheme.CITY
    case_id: int | None = None


def account_fault(account: str) -> str | None:
    """Why a text is no account number, or None. Cards (62, 16 to 19 digits) carry a check digit (Luhn); passbooks do not."""
    if not _ACCOUNT.match(account):
        return "银行账号应为 8 到 20 位数字，不带空格和横线"
    if account.startswith(CARD_PREFIX) and len(account) in CARD_LENGTHS and not luhn(account):
        return "银行卡号的校验位不对，请对照银行卡核对每一位数字"
    return None


def luhn(digits: str) -> bool:
    """The check of bank card numbers (ISO/IEC 7812-1)."""
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def masked(account: str) -> str:
    """As pages show it: 6217********1234."""
    return f"{account[:4]}{'*' * max(len(account) - 8, 1)}{account[-4:]}"


def bank_fault(bank: str, account: str) -> str | None:
    """Why nothing can be debited from an account at a bank, or None."""
    return account_fault(account) if bank in BANKS else "协作银行目前只有：" + "、".join(BANKS.values())


def already_signed(live: DebitAgreement) -> str:
    """The sentence for who signs a second time."""
    return f"已签有批扣协议（加办单号 {live.number}），换银行或账号请办理变更，不用重新签约"


def same_account(live: DebitAgreement, bank: str, account: str, scheme: str) -> bool:
    """Whether an agreement is this one already."""
    return (live.bank, live.account, live.scheme) == (bank, account, scheme)


def sign(new: NewAgreement, *, at: datetime) -> DebitAgreement:
    """Sign a debit. Returns it with its 加办单号.  Raises: AccountRefused, AlreadySignedError."""
    if fault := bank_fault(new.bank, new.account):
        raise AccountRefused(fault)
    with connection.cursor() as cursor:
        cursor.execute("select 1 from parties_person where id = %s for no key update", [new.person_id])
        cursor.execute("select nextval('levy_debitagreement_number')")
        serial = int(cursor.fetchone()[0])
    live = live_agreement(new.person_id)
    if live is not None:
        raise AlreadySignedError(already_signed(live))
    agreement = DebitAgreement.objects.create(
        number=f"JB{at:%Y%m}{serial:08d}",
        person_id=new.person_id,
        agency_id=new.agency_id,
        place=new.place,
        scheme=new.scheme,
        bank=new.bank,
        account=new.account,
        signed_at=at,
        case_id=new.case_id,
    )
    after = {"bank": new.bank, "account": masked(new.account), "scheme": new.scheme.value}
    record([Trace("debit.signed", agreement.number, new.person_id, new.case_id, after=after, agency_id=new.agency_id)], at=at)
    return agreement


def change(new: NewAgreement, *, at: datetime) -> DebitAgreement:
    """Another bank or account from now on: the live agreement ends and the new one, with a 加办单号 of its own, takes its place.

    Raises: AccountRefused, NotSignedError, OutError, SameAccountError.
    """
    if fault := bank_fault(new.bank, new.account):
        raise AccountRefused(fault)
    live = _held(new.person_id)
    if same_account(live, new.bank, new.account, new.scheme):
        raise SameAccountError(f"银行和账号与现有协议（加办单号 {live.number}）相同，没有变更")
    _end(live, "换银行或账号", new.case_id, at)
    return sign(new, at=at)


def sign_or_change(new: NewAgreement, *, at: datetime) -> DebitAgreement:
    """The agreement of somebody shall be this one; asked for again, nothing happens.  Raises: AccountRefused, OutError."""
    live = live_agreement(new.person_id)
    if live is None:
        return sign(new, at=at)
    return live if same_account(live, new.bank, new.account, new.scheme) else change(new, at=at)


def end(person_id: int, reason: str, *, at: datetime, case_id: int | None = None) -> DebitAgreement:
    """End the live agreement.  Raises: NotSignedError, OutError."""
    return _end(_held(person_id), reason, case_id, at)


def _held(person_id: int) -> DebitAgreement:
    """The live agreement, locked, of somebody whose money no batch is asking for."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 from parties_person where id = %s for no key update", [person_id])
    agreement = DebitAgreement.objects.select_for_update().filter(person_id=person_id, ended_at=None).first()
    if agreement is None:
        raise NotSignedError(NOT_SIGNED_TEXT)
    if out([person_id]):
        raise OutError(OUT_TEXT)
    return agreement


def _end(agreement: DebitAgreement, reason: str, case_id: int | None, at: datetime) -> DebitAgreement:
    agreement.ended_at, agreement.end_reason = at, reason[:60]
    DebitAgreement.objects.filter(pk=agreement.pk).update(ended_at=at, end_reason=agreement.end_reason)
    after = {"reason": agreement.end_reason}
    record([Trace("debit.ended", agreement.number, agreement.person_id, case_id, after=after, agency_id=agreement.agency_id)], at=at)
    return agreement


def live_agreement(person_id: int) -> DebitAgreement | None:
    """The agreement that holds now, within the actor's reach."""
    return DebitAgreement.objects.filter(person_id=person_id, ended_at=None).first()
