"""shebao books: the ledger from the command line, as the pages of the desk show it; and its closing, in the name of one of finance."""

import argparse
import json
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from shebao.base.errors import ShebaoError
from shebao.channels.console import a_month, answering, day
from shebao.site.console_site import set_up
from shebao.site.database import ensure

if TYPE_CHECKING:
    from shebao.base.actor import Actor

PLACE = "420100"


class NotFinanceError(ShebaoError):
    """Days and months are closed by people of finance."""

    code = "BKS-21"
    status = 403


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the commands."""
    books: argparse.ArgumentParser = subparsers.add_parser("books", help="基金账：试算平衡表、收支月报、日结、月结")
    commands = books.add_subparsers(dest="books_command", required=True, metavar="命令")
    trial = _command(commands, "trial", "试算平衡表", _trial)
    trial.add_argument("--on", type=day, default=None, metavar="日期", help="截至这一天日终，默认今天")
    month = _command(commands, "month", "基金收支月报", _month)
    month.add_argument("month", type=a_month, metavar="年月")
    close_day = _command(commands, "close-day", "日结到某一天（含）", _close_day)
    close_day.add_argument("--to", type=day, required=True, metavar="日期")
    close_month = _command(commands, "close-month", "月结；再由另一人加 --confirm 复核", _close_month)
    close_month.add_argument("month", type=a_month, metavar="年月")
    close_month.add_argument("--confirm", action="store_true", help="复核另一人办理的月结")
    for closing in (close_day, close_month):
        closing.add_argument("--account", required=True, metavar="账号", help="以哪位财务人员的名义办理")


def _command(commands: Any, name: str, help_: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_)
    parser.add_argument("--place", default=PLACE, metavar="统筹区", help=f"默认 {PLACE}")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    parser.set_defaults(func=answering(run))
    return parser


def _trial(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.base.clock import today
    from shebao.channels.console import books
    from shebao.ledger.queries import trial_balance

    on: date = given.on or today()
    with acting(ENGINE):
        rows = trial_balance(given.place, on)
    _tell(given, books.trial(given.place, on, rows), books.trial_json(given.place, on, rows))
    return 0


def _month(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.channels.console import books
    from shebao.ledger.queries import closed, month_report

    with acting(ENGINE):
        rows, state = month_report(given.place, given.month), books.month_state(closed(given.place, 120), given.month)
    _tell(given, books.month(given.place, given.month, rows, state), books.month_json(given.place, given.month, rows, state))
    return 0


def _close_day(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.clock import now
    from shebao.ledger.closing import close_days

    moment = now()
    with acting(_finance(given.account, moment.date())):
        days = close_days(given.place, given.to, at=moment)
    told = f"{given.place} 已日结 {len(days)} 天：{days[0].isoformat()} 至 {days[-1].isoformat()}"
    _tell(given, [told], {"place": given.place, "days": [d.isoformat() for d in days]})
    return 0


def _close_month(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.clock import now
    from shebao.base.months import iso, month_shown
    from shebao.ledger.closing import close_month, confirm_month

    moment = now()
    with acting(_finance(given.account, moment.date())):
        if given.confirm:
            confirm_month(given.place, given.month, at=moment)
        else:
            close_month(given.place, given.month, at=moment)
    word = "月结已复核" if given.confirm else "已月结，等待另一位财务人员复核"
    told = {"place": given.place, "month": iso(given.month), "confirmed": bool(given.confirm)}
    _tell(given, [f"{given.place} {month_shown(given.month)}{word}"], told)
    return 0


def _finance(username: str, on: date) -> "Actor":
    """The engine, in the name of an account that holds the post of finance today. Raises: NotFinanceError."""
    from shebao.access.acting import acting
    from shebao.access.models import Account
    from shebao.access.queries import actor_of
    from shebao.base.actor import ENGINE, Actor, Role
    from shebao.base.terms import Post

    with acting(ENGINE):
        account = Account.objects.filter(username=username, disabled_at=None).first()
        found = actor_of(account, on=on) if account else None
    if account is None or found is None or found.role is not Role.AGENCY or Post.FINANCE not in found.posts:
        raise NotFinanceError(f"账号“{username}”不存在、已停用或没有基金财务岗位，不能结账；请换一个财务账号")
    return Actor(Role.ENGINE, account.pk, account.name, 0, found.agency_id)


def _start() -> None:
    ensure()
    set_up()


def _tell(given: argparse.Namespace, lines: list[str], told: dict[str, Any]) -> None:
    print(json.dumps(told, ensure_ascii=False, indent=2) if given.json else "\n".join(lines))
