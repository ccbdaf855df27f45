"""shebao statement: a unit's monthly statement, as the page /u/months/… shows it."""

import argparse
import json
from typing import Any

from shebao.base.errors import ShebaoError
from shebao.channels.console import a_month, answering, day
from shebao.site.console_site import set_up
from shebao.site.database import ensure


class NoSuchUnitError(ShebaoError):
    """No unit bears the number."""

    code = "CLI-02"
    status = 404


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the command."""
    statement: argparse.ArgumentParser = subparsers.add_parser("statement", help="单位的月度申报表：上月 + 增加 − 减少 ± 变更 = 本月")
    statement.add_argument("unit", metavar="单位编号")
    statement.add_argument("--month", type=a_month, required=True, metavar="年月", help="例如 2026-11")
    statement.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    statement.set_defaults(func=answering(_statement))
    reconcile: argparse.ArgumentParser = subparsers.add_parser("reconcile", help="对账：银行对账单、税务日清单、到账和基金账")
    reconcile.add_argument("--day", type=day, required=True, metavar="日期", help="例如 2026-11-21")
    reconcile.add_argument("--place", default="420100", metavar="统筹区")
    reconcile.add_argument("--statement", metavar="文件", help="先登记这份银行对账单")
    reconcile.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    reconcile.set_defaults(func=answering(_reconcile))


def _statement(given: argparse.Namespace) -> int:
    ensure()
    set_up()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.base.clock import today
    from shebao.channels.console.statement import as_json, table
    from shebao.levy.declared_queries import estimates_of, standing
    from shebao.levy.statement import statement
    from shebao.parties.models import Unit
    from shebao.policy.rulebook import standard

    with acting(ENGINE):
        unit = Unit.objects.filter(number=given.unit).first()
        if unit is None:
            raise NoSuchUnitError(f"没有编号为“{given.unit}”的单位，请核对单位编号")
        told = statement(unit.pk, unit.place, given.month, standard())
        stands = standing(unit.pk, unit.place, told, today(), standard())
        estimates = estimates_of(unit.pk, given.month)
    if given.json:
        print(json.dumps(as_json(unit.number, told, stands, estimates), ensure_ascii=False, indent=2))
    else:
        print("\n".join(table(unit.number, unit.name, told, stands, estimates)))
    return 0


def _reconcile(given: argparse.Namespace) -> int:
    ensure()
    set_up()
    from pathlib import Path

    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.base.clock import now
    from shebao.channels.console.reconciliation import as_json, table
    from shebao.gateways import statement as codec
    from shebao.levy import reconcile_statements
    from shebao.runs import reconcile_day

    if given.statement:
        path, moment = Path(given.statement), now()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise codec.StatementRefused("STM-01", f"读不到文件 {path}，请核对路径和权限") from error
        with acting(ENGINE):
            reconcile_statements.load(codec.read(content, today=moment.date()), content, path.name, at=moment)
    told = reconcile_day.run(given.place, given.day, clock=now)
    print(json.dumps(as_json(told), ensure_ascii=False, indent=2) if given.json else "\n".join(table(told)))
    return 0
