"""shebao statement: a unit's monthly statement, as the page /u/months/… shows it. shebao recalculate: a trial of 重新核定."""

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


class NoSuchAccountError(ShebaoError):
    """No account of the agency bears the name."""

    code = "FEE-15"
    status = 404


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the command."""
    statement: argparse.ArgumentParser = subparsers.add_parser("statement", help="单位的月度申报表：上月 + 增加 − 减少 ± 变更 = 本月")
    statement.add_argument("unit", metavar="单位编号")
    statement.add_argument("--month", type=a_month, required=True, metavar="年月", help="例如 2026-11")
    statement.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    statement.set_defaults(func=answering(_statement))
    again: argparse.ArgumentParser = subparsers.add_parser("recalculate", help="费率、基数、减免变动后，试算已核定的月份")
    again.add_argument("--place", default="420100", metavar="地区代码")
    again.add_argument("--from", dest="first", type=a_month, required=True, metavar="年月")
    again.add_argument("--to", dest="last", type=a_month, required=True, metavar="年月")
    again.add_argument("--account", metavar="用户名", help="试算人；复核生效须由另一人在网页上办理")
    again.add_argument("--dry-run", action="store_true", help="只列出参数变动，不生成试算")
    again.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    again.set_defaults(func=answering(_recalculate))
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


def _recalculate(given: argparse.Namespace) -> int:
    ensure()
    set_up()
    from shebao.access.acting import acting
    from shebao.access.models import Account
    from shebao.base.actor import ENGINE, Actor, Role
    from shebao.base.clock import now
    from shebao.base.money import yuan
    from shebao.channels.console.policy import BadArgument
    from shebao.levy import recalculating
    from shebao.levy.recalculation_queries import find, sums_of
    from shebao.policy.rulebook import standard
    from shebao.runs import recalculate

    if given.first > given.last:
        raise BadArgument("起始年月不能晚于截止年月，请核对")
    if given.dry_run:
        with acting(ENGINE):
            changes = recalculating.what_changed(given.place, given.first, given.last, standard())
        told: dict[str, Any] = {"changes": {str(month): found for month, found in changes.items()}}
    else:
        with acting(ENGINE):
            account = Account.objects.filter(username=given.account or "", agency__isnull=False).first()
        if account is None:
            raise NoSuchAccountError("请用 --account 写明试算人的用户名（经办机构账号）；只看参数变动请加 --dry-run")
        by = Actor(Role.ENGINE, account.pk, account.name)
        made = recalculate.trial(given.place, given.first, given.last, by=by, clock=now)
        with acting(ENGINE):
            found = find(made)
            assert found is not None
            sums = sums_of(found)
        told = {
            "recalculation": made,
            "state": found.state,
            "note": found.note,
            "changes": found.changes,
            "lines": sums.lines,
            "people": sums.people,
            "units": sums.units,
            "up": yuan(sums.up_fen),
            "down": yuan(sums.down_fen),
            "held": sums.held,
            "closed": sums.closed,
        }
    if given.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_told(told)))
    return 0


def _told(told: dict[str, Any]) -> list[str]:
    lines = [
        f"{month}　{change['label']}：{(change['old'] or {}).get('shown', '无')} → {(change['new'] or {}).get('shown', '无')}"
        for month, changes in sorted(told["changes"].items())
        for change in changes
    ]
    if not lines:
        return ["所选月份的参数与核定时相同，没有需要重新核定的月份"]
    if "recalculation" in told:
        lines.append(
            f"试算第 {told['recalculation']} 号：{told['people']} 人 {told['lines']} 笔，应补 {told['up']} 元，应退 {told['down']} 元，"
            f"待补办申报 {told['held']} 笔，不再补退 {told['closed']} 笔"
        )
        lines.append(told["note"] or f"请由另一人在 /w/recalculations/{told['recalculation']} 复核生效")
    return lines


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
