"""shebao flexible: what flexible workers owe, why, and the runs over all of them."""

import argparse
import json
from typing import Any

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan, yuan_shown
from shebao.base.months import iso
from shebao.channels.console import a_month, answering, whole
from shebao.channels.console.policy import table_lines
from shebao.site.console_site import set_up
from shebao.site.database import ensure


class NoSuchPersonError(ShebaoError):
    """Nobody bears the number."""

    code = "CLI-03"
    status = 404


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the command."""
    top: argparse.ArgumentParser = subparsers.add_parser("flexible", help="灵活就业：应缴、核定信息、月度应缴和年度结转")
    commands = top.add_subparsers(dest="what", required=True, metavar="操作")
    owe = commands.add_parser("owe", help="为全部灵活就业人员生成一个月的应缴")
    owe.add_argument("--month", type=a_month, required=True, metavar="年月", help="例如 2026-11")
    lapse = commands.add_parser("lapse", help="社保年度结转：没有缴的月份转为逾年度未缴")
    lapse.add_argument("--year", type=whole, required=True, metavar="年度", help="例如 2025")
    dues = commands.add_parser("dues", help="一个人的应缴")
    assess = commands.add_parser("assess", help="核定信息：一个人若干月份按某档次的应缴和算法，不生成应缴")
    assess.add_argument("--tier", type=whole, required=True, metavar="百分比", help="例如 60")
    assess.add_argument("--from", dest="first", type=a_month, required=True, metavar="年月")
    assess.add_argument("--to", dest="last", type=a_month, required=True, metavar="年月")
    for parser in (dues, assess):
        parser.add_argument("person", metavar="个人编号")
    for parser in (owe, lapse, dues, assess):
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    for parser in (owe, lapse):
        parser.add_argument("--place", default="420100", metavar="地区代码")
    for parser, command in ((owe, _owe), (lapse, _lapse), (dues, _dues), (assess, _assess)):
        parser.set_defaults(func=answering(command))


def _start() -> None:
    ensure()
    set_up()


def _owe(given: argparse.Namespace) -> int:
    _start()
    from shebao.base.clock import now
    from shebao.runs import flexible_month

    return _told(flexible_month.owe(given.place, given.month, clock=now), given)


def _lapse(given: argparse.Namespace) -> int:
    _start()
    from shebao.base.clock import now
    from shebao.runs import flexible_month

    return _told(flexible_month.lapse(given.place, given.year, clock=now), given)


def _told(run_id: int, given: argparse.Namespace) -> int:
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.levy.desk_queries import find_run

    with acting(ENGINE):
        run = find_run(run_id)
    assert run is not None
    if given.json:
        body = {"kind": run.kind, "month": run.month, "state": run.state, "dues": run.rows, "total": yuan(run.total_fen), "note": run.note}
        print(json.dumps(body, ensure_ascii=False, indent=2))
    else:
        print(f"{run.rows} 笔，合计 {yuan_shown(run.total_fen)} 元" if run.state == "done" else "没有完成")
        if run.note:
            print(run.note)
    return 0 if run.state == "done" else 2


def _person(number: str) -> int:
    from shebao.parties.models import Person

    person = Person.objects.filter(number=number).first()
    if person is None:
        raise NoSuchPersonError(f"没有个人编号为“{number}”的人，请核对个人编号")
    return person.pk


def _dues(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.levy.flexible import dues_of
    from shebao.levy.models import DueState

    with acting(ENGINE):
        found = dues_of(_person(given.person))
    if given.json:
        body = [
            {
                "month": iso(d.month),
                "tier": d.tier,
                "base": yuan(d.base_fen),
                "total": yuan(d.total_fen),
                "account": yuan(d.account_fen),
                "pool": yuan(d.total_fen - d.account_fen),
                "interest": yuan(d.interest_fen),
                "state": d.state,
                "bill": d.bill.number if d.bill else None,
            }
            for d in found
        ]
        print(json.dumps({"person": given.person, "dues": body}, ensure_ascii=False, indent=2))
        return 0
    rows = [("所属期", "档次", "月缴额", "个人账户", "状态", "核定单")]
    for d in found:
        state, number = DueState(d.state).label, d.bill.number if d.bill else "—"
        rows.append((iso(d.month), f"{d.tier}%", yuan_shown(d.total_fen), yuan_shown(d.account_fen), state, number))
    print("\n".join(table_lines(rows)))
    return 0


def _assess(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.base.clock import now
    from shebao.enrolment.tiers import flexible_spells
    from shebao.levy.flexible_billing import Wanted, draft
    from shebao.parties.models import Agency
    from shebao.policy.rulebook import standard

    with acting(ENGINE):
        person = _person(given.person)
        spells = flexible_spells(person)
        agency = spells[-1].agency_id if spells else 0
        place = Agency.objects.values_list("place", flat=True).filter(pk=agency).first() or "420100"
        found = draft(Wanted(person, agency, given.tier, given.first, given.last), place=place, rulebook=standard(), at=now())
    if given.json:
        body = [
            {
                "month": iso(one.month),
                "tier": one.due.tier,
                "base": yuan(one.due.base_fen),
                "total": yuan(one.due.total_fen),
                "account": yuan(one.due.account_fen),
                "pool": yuan(one.due.total_fen - one.due.account_fen),
                "explain": one.explained.to_dict() if one.explained else None,
            }
            for one in found.months
        ]
        print(json.dumps({"total": yuan(found.total_fen), "months": body}, ensure_ascii=False, indent=2))
        return 0
    rows = [("所属期", "档次", "缴费基数", "月缴额", "个人账户")]
    rows += [
        (iso(m.month), f"{m.due.tier}%", yuan_shown(m.due.base_fen), yuan_shown(m.total_fen), yuan_shown(m.due.account_fen))
        for m in found.months
    ]
    print("\n".join(table_lines([*rows, ("合计", "", "", yuan_shown(found.total_fen), yuan_shown(found.account_fen))], right_from=2)))
    for one in found.months:
        if one.explained:
            print(f"\n{iso(one.month)}：" + "；".join(one.explained.sentences()))
    return 0
