"""对账单 on record: each account's statements in their order, whole, once. One that comes too early waits for the ones before it."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.actor import current
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.gateways import statement as codec
from shebao.levy.reconcile_models import IncomeAccount, Statement, StatementLine, StatementState

_LOCK = 7_315_021


class StatementNotOursError(ShebaoError):
    """It speaks of an account that is not registered here."""

    code = "RCN-01"
    status = 422


class StatementKnownError(ShebaoError):
    """The same bytes came before: nothing happens."""

    code = "RCN-02"


class StatementConflictError(ShebaoError):
    """Another file for a day or sequence that is on record."""

    code = "RCN-03"


class OpeningError(ShebaoError):
    """It does not go on where the one before it ended."""

    code = "RCN-04"


class AccountTakenError(ShebaoError):
    """The place, or the number, has an account already."""

    code = "RCN-05"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a statement, and which waiting ones could be taken after it."""

    statement_id: int
    state: StatementState
    days: tuple[date, ...]


def register_account(place: str, number: str, bank: str, agency_id: int, *, on: date, at: datetime) -> int:
    """登记收入户. One a place. Raises: AccountTakenError, codec.StatementRefused."""
    if problem := codec.account_problem(number):
        raise codec.StatementRefused("STM-05", problem)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into levy_incomeaccount (place, number, bank, agency_id, opened_on) values (%s, %s, %s, %s, %s)"
            " on conflict do nothing returning id",
            [place, number, bank.strip()[:100] or "开户银行", agency_id, on],
        )
        row = cursor.fetchone()
    if row is None:
        raise AccountTakenError("本统筹区已登记收入户，或这个账号已登记；如需更换请联系系统管理员")
    record([Trace("levy.account_registered", number, agency_id=agency_id)], at=at)
    return int(row[0])


def hold_account(account_id: int) -> None:
    """One at a time loads or reconciles an account, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [_LOCK, account_id])


def load(file: codec.Statement, content: bytes, name: str, *, at: datetime, agency_id: int | None = None) -> Loaded:
    """Record a statement that was read strictly. agency_id: whose account it has to be, when somebody of an agency brings it.

    Raises: StatementNotOursError, StatementKnownError, StatementConflictError, OpeningError (nothing is recorded then).
    """
    account = IncomeAccount.objects.filter(number=file.account).first()
    if account is None or (agency_id is not None and account.agency_id != agency_id):
        raise StatementNotOursError(f"账号 {file.account} 不是登记的收入户，请核对是否拿错文件")
    hold_account(account.pk)
    same = Statement.objects.filter(sha256=file.sha256).first()
    if same is not None:
        raise StatementKnownError(f"{same.day} 的对账单已于 {same.received_at:%Y-%m-%d} 登记，没有重复处理")
    _refuse_conflict(account, file)
    last = Statement.objects.filter(account=account, state=StatementState.LOADED).order_by("-sequence").first()
    next_one = last.sequence + 1 if last else 1
    if file.sequence < next_one:
        raise StatementConflictError(f"对账单序号 {file.sequence} 在已登记的 {next_one - 1} 之前，请与银行核对序号")
    fits = file.sequence == next_one
    if fits and last is not None:
        _refuse_gap(last, file.opening_fen, file.day)
    row = _insert(account, file, content, name, StatementState.LOADED if fits else StatementState.QUEUED, at)
    days = [file.day] if fits else []
    if fits:
        days += _follow(row)
    record([Trace("levy.statement", f"{account.number[-4:]} {file.day}", after={"state": row.state}, agency_id=account.agency_id)], at=at)
    return Loaded(row.pk, StatementState(row.state), tuple(days))


def _refuse_conflict(account: IncomeAccount, file: codec.Statement) -> None:
    if Statement.objects.filter(account=account, day=file.day).exists():
        raise StatementConflictError(f"{file.day} 的对账单已登记，但本次文件内容不同；没有登记，请与银行核对后由银行另行更正")
    if Statement.objects.filter(account=account, sequence=file.sequence).exists():
        raise StatementConflictError(f"序号 {file.sequence} 的对账单已登记（另一日期）；没有登记，请与银行核对序号")


def _refuse_gap(last: Statement, opening_fen: int, day: date) -> None:
    if day <= last.day:
        raise OpeningError(f"对账单日期 {day} 不在上一张（{last.day}）之后；没有登记，请与银行核对")
    if opening_fen != last.closing_fen:
        raise OpeningError(
            f"期初余额 {yuan_shown(opening_fen)} 元与上一张（{last.day}）的期末余额 {yuan_shown(last.closing_fen)} 元不符；"
            "没有登记，请与银行核对"
        )


def _follow(last: Statement) -> list[date]:
    """Take the waiting statements that now have their turn; one that does not fit stays waiting, and the page says why."""
    days: list[date] = []
    while True:
        queued = Statement.objects.filter(account_id=last.account_id, state=StatementState.QUEUED, sequence=last.sequence + 1).first()
        if queued is None or queued.opening_fen != last.closing_fen or queued.day <= last.day:
            return days
        Statement.objects.filter(pk=queued.pk).update(state=StatementState.LOADED)
        days.append(queued.day)
        last = queued


def _insert(account: IncomeAccount, file: codec.Statement, content: bytes, name: str, state: StatementState, at: datetime) -> Statement:
    (credits, credit_fen), (debits, debit_fen) = file.sums(codec.Direction.CREDIT), file.sums(codec.Direction.DEBIT)
    row = Statement.objects.create(
        account=account, agency_id=account.agency_id, day=file.day, sequence=file.sequence, opening_fen=file.opening_fen,
        closing_fen=file.closing_fen, credits=credits, credit_fen=credit_fen, debits=debits, debit_fen=debit_fen, sha256=file.sha256,
        name=name[:120], content=content, state=state.value, received_by=current().account_id, received_at=at,
    )  # fmt: skip
    moves = file.movements
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into levy_statementline (statement_id, agency_id, line, serial, direction, amount_fen, counterparty, reference,
                                            booked_on, matched_to, booked)
            select %s, %s, n.i, n.serial, n.direction, n.amount_fen, n.counterparty, n.reference, n.booked_on, '', false
            from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::date[])
                 with ordinality as n (serial, direction, amount_fen, counterparty, reference, booked_on, i) order by n.i
            """,
            [
                row.pk,
                account.agency_id,
                [m.serial for m in moves],
                [m.direction.value for m in moves],
                [m.amount_fen for m in moves],
                [m.counterparty for m in moves],
                [m.reference for m in moves],
                [m.booked_on for m in moves],
            ],
        )
    return row


def lines_of(statement_id: int) -> list[StatementLine]:
    """The lines of a statement, in its order."""
    return list(StatementLine.objects.filter(statement_id=statement_id).order_by("line"))
