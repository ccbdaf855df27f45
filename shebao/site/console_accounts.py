"""shebao account settle | show | explain | part-year: 个人账户 by command, as run and pages do it."""

import argparse
import json
from typing import Any

from shebao.base.errors import ShebaoError
from shebao.channels.console import Parser, a_month, amount, answering, whole
from shebao.site.console_debit import confirmer
from shebao.site.console_site import set_up
from shebao.site.database import ensure

PLACE = "420100"
GAPS_SHOWN = 10


class NoSuchAccountError(ShebaoError):
    """No person bears the number, or there is no account."""

    code = "ACT-06"
    status = 404


class BadMonthsError(ShebaoError):
    """Twelve amounts are needed, one a month (or one for all)."""

    code = "ACT-07"
    status = 422


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the commands."""
    account = subparsers.add_parser("account", help="个人账户：年度结算、查询、利息怎么算的")
    kinds = account.add_subparsers(dest="account_command", metavar="命令", required=True, parser_class=Parser)
    settle = _add(kinds, "settle", _settle, "结算一个地区一个年度的个人账户（可中断，再次执行接着做）")
    settle.add_argument("year", type=whole, metavar="年度")
    show = _add(kinds, "show", _show, "查看一个人的个人账户，或一个年度结算的结果")
    show.add_argument("number", nargs="?", metavar="个人编号")
    show.add_argument("--year", type=whole, metavar="年度")
    explain = _add(kinds, "explain", _explain, "一个年度的利息怎么算的：按给定的金额，或按一个人的账户")
    explain.add_argument("number", nargs="?", metavar="个人编号")
    explain.add_argument("--year", type=whole, required=True, metavar="年度")
    explain.add_argument("--opening", type=amount, default=0, metavar="元", help="上年末累计储存额")
    part = _add(kinds, "part-year", _part_year, "当年结算：退休、关系转出、死亡时试算；写明 --account 的提出，由另一人在网页上复核")
    part.add_argument("number", metavar="个人编号")
    part.add_argument("--kind", required=True, choices=("retirement", "transfer", "death"), help="原因：退休、关系转出、死亡")
    part.add_argument("--month", type=a_month, metavar="年月", help="办理月份，例如 2026-11；不写为本月")
    part.add_argument("--account", metavar="用户名", help="提出人；不写只试算")
    part.add_argument("--reason", default="", metavar="依据", help="提出的依据，例如退休审批表编号")
    explain.add_argument("--credits", metavar="元,元,…", help="每月记账额：12 个用逗号分开的金额，或一个金额表示每月相同")


def _add(kinds: "argparse._SubParsersAction[Any]", name: str, command: Any, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=help_text, description=help_text)
    parser.add_argument("--place", default=PLACE, metavar="地区代码")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    parser.set_defaults(func=answering(command))
    return parser


def _settle(given: argparse.Namespace) -> int:
    _open()
    from shebao.access.acting import acting
    from shebao.accounts.models import Settlement
    from shebao.accounts.queries import differing
    from shebao.base.actor import ENGINE
    from shebao.base.clock import now
    from shebao.channels.console.account import run_json, run_lines
    from shebao.runs import account_interest

    run_id = account_interest.settle(given.place, given.year, clock=now)
    with acting(ENGINE):
        run = Settlement.objects.get(pk=run_id)
        gaps = differing(run, limit=GAPS_SHOWN) if run.differing else []
    _tell(given, run_json(run, gaps), run_lines(run, gaps))
    return 0 if run.state == "done" else 1


def _show(given: argparse.Namespace) -> int:
    _open()
    from shebao.access.acting import acting
    from shebao.accounts.queries import differing, settlements
    from shebao.base.actor import ENGINE
    from shebao.channels.console.account import account_lines, run_json, run_lines
    from shebao.channels.rights import as_json

    with acting(ENGINE):
        if given.number:
            account = _account(given)
            _tell(given, as_json(account, given.year), account_lines(account, given.year))
            return 0
        runs = [run for run in settlements(given.place) if given.year in (None, run.year)]
        told = [(run, differing(run, limit=GAPS_SHOWN) if run.differing else []) for run in runs]
    lines = [line for run, gaps in told for line in [*run_lines(run, gaps), ""]] or ["还没有结算过"]
    _tell(given, [run_json(run, gaps) for run, gaps in told], lines)
    return 0


def _explain(given: argparse.Namespace) -> int:
    from shebao.channels.rights_words import explained_json

    if given.number is None:
        from shebao.policy.account import explain_year, year_of
        from shebao.policy.rulebook import standard

        credits = _months(given.credits)
        told = year_of(given.opening, credits, given.year, given.place, standard())
        why = explain_year(told, given.year, credits)
        _tell(given, explained_json(told, why), _lines(why))
        return 0
    _open()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.channels.rights import explained

    with acting(ENGINE):
        account = _account(given)
        year = account.year(given.year)
        found = explained(year, account.place) if year else None
    if found is None:
        raise NoSuchAccountError(f"{given.year} 年还没有结算，或者没有记录；可以先执行 shebao account settle {given.year}")
    _tell(given, found.to_dict(), _lines(found))
    return 0


def _part_year(given: argparse.Namespace) -> int:
    _open()
    from shebao.access.acting import acting
    from shebao.accounts.models import EndKind
    from shebao.accounts.part_year import attempt
    from shebao.accounts.part_year_review import propose
    from shebao.base.actor import ENGINE
    from shebao.base.clock import now, today
    from shebao.base.months import month_of
    from shebao.channels.console.account import tried_json, tried_lines
    from shebao.policy.rulebook import standard

    month, kind, at = given.month or month_of(today()), EndKind(given.kind), now()
    by = confirmer(given.account, today()) if given.account else None
    with acting(ENGINE):
        account = _account(given)
        tried = attempt(account.person_id, kind, month, place=given.place, rulebook=standard(), at=at)
    told, lines = tried_json(tried), tried_lines(tried)
    if by is not None:
        with acting(by):
            made = propose(
                account.person_id, kind, month, given.reason, place=given.place, agency_id=by.agency_id, rulebook=standard(), at=at
            )
        told, lines = told | {"proposal": made.pk}, [*lines, "已提出，由另一位财务人员在该人的个人账户页面复核"]
    _tell(given, told, lines)
    return 0


def _lines(why: Any) -> list[str]:
    from shebao.channels.rights_words import explained_lines

    return explained_lines(why)


def _months(text: str | None) -> list[int]:
    try:
        parts = [amount(part) for part in (text or "0").split(",")]
    except argparse.ArgumentTypeError as error:  # the parser asks only about whole arguments
        raise BadMonthsError(f"参数 --credits：{error}") from error
    if len(parts) not in (1, 12):
        raise BadMonthsError("每月记账额请写 12 个用逗号分开的金额，或写一个金额表示每月相同，例如 --credits 337.92")
    return parts * 12 if len(parts) == 1 else parts


def _account(given: argparse.Namespace) -> Any:
    from shebao.channels.rights import find_account
    from shebao.parties.models import Person

    person = Person.objects.filter(number=given.number).first()
    account = find_account(person.pk, given.place) if person else None
    if account is None:
        raise NoSuchAccountError(f"没有编号为“{given.number}”的人员，或者此人在 {given.place} 没有个人账户，请核对个人编号和地区")
    return account


def _open() -> None:
    ensure()
    set_up()


def _tell(given: argparse.Namespace, told: object, lines: list[str]) -> None:
    if given.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines))
