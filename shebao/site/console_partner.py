"""shebao partner key: our key and those of partners. shebao tax: send what waits, ask how bills stand, reconcile a day."""

import argparse
import json
from typing import Any

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan
from shebao.channels.console import answering, day
from shebao.gateways import partner_keys
from shebao.site.console_site import set_up
from shebao.site.database import data_folder, ensure


class NoTaxOfficeError(ShebaoError):
    """No address, or no key."""

    code = "TAX-31"


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the commands."""
    partner: argparse.ArgumentParser = subparsers.add_parser("partner", help="合作方（税务、银行）的密钥")
    key = partner.add_subparsers(dest="what", required=True, metavar="内容").add_parser("key", help="密钥")
    wanted = key.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--show", action="store_true", help="显示本方公钥（没有时先生成），交给合作方")
    wanted.add_argument("--add", nargs=2, metavar=("名称", "公钥"), help="登记合作方公钥，例如 --add tax 'ed25519 …'")
    wanted.add_argument("--list", metavar="名称", help="列出合作方的公钥")
    key.set_defaults(func=answering(_key))

    tax: argparse.ArgumentParser = subparsers.add_parser("tax", help="税务：发送核定单、询问状态、日对账")
    acts = tax.add_subparsers(dest="act", required=True, metavar="操作")
    send = acts.add_parser("send", help="立即发送待发送的核定单和撤回")
    send.add_argument("--json", action="store_true", help="以 JSON 输出")
    send.set_defaults(func=answering(_send))
    ask = acts.add_parser("ask", help="询问税务手里的核定单状态")
    ask.add_argument("numbers", nargs="+", metavar="核定单号")
    ask.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    ask.set_defaults(func=answering(_ask))
    of_day = acts.add_parser("day", help="取税务某日的缴费清单并与我方核对")
    of_day.add_argument("day", type=day, metavar="日期")
    of_day.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    of_day.set_defaults(func=answering(_day))


def _key(given: argparse.Namespace) -> int:
    folder = data_folder() / "partners"
    if given.show:
        print(partner_keys.own_key(folder).public.line)
    elif given.add:
        added = partner_keys.add_key(folder, *given.add)
        print(f"已登记 {given.add[0]} 的公钥 {added.key_id}")
    else:
        for key in partner_keys.keys_of(folder, given.list):
            print(key.line)
    return 0


def _start() -> None:
    ensure()
    set_up()


def _office() -> Any:
    from shebao.site.partners import tax_office

    found = tax_office()
    if found is None:
        raise NoTaxOfficeError("没有配置税务：请设置 SHEBAO_TAX_URL，并用 shebao partner key --add tax 登记税务公钥")
    return found


def _send(given: argparse.Namespace) -> int:
    _start()
    from shebao.base.clock import now
    from shebao.runs import tax_office

    sent = tax_office.send(_office(), clock=now, patient=True)
    if given.json:
        print(json.dumps({"messages": sent.messages, "bills": sent.bills, "refused": sent.refused, "away": sent.away}, ensure_ascii=False))
    else:
        print(
            f"已发送 {sent.messages} 份报文、{sent.bills} 张单，退回 {sent.refused} 张" + (f"；没有发完：{sent.away}" if sent.away else "")
        )
    return 1 if sent.away else 0


def _ask(given: argparse.Namespace) -> int:
    _start()
    from shebao.base.clock import now
    from shebao.runs import tax_office

    states = tax_office.ask_states(_office(), given.numbers, clock=now)
    told = [{"number": s.number, "version": s.version, "state": s.state, "paid": yuan(s.paid_fen)} for s in states]
    if given.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        words = {"unknown": "没有这张单", "waiting": "待缴费", "part_paid": "部分已缴", "paid": "已缴清", "recalled": "已撤回"}
        for state in states:
            print(f"{state.number}  第 {state.version} 版  {words[state.state]}  已缴 {yuan(state.paid_fen)} 元")
    return 0


def _day(given: argparse.Namespace) -> int:
    _start()
    from shebao.base.clock import now
    from shebao.runs import tax_office

    found = tax_office.ask_day(_office(), given.day, clock=now)
    rows = [
        {
            "kind": d.kind,
            "serial": d.serial,
            "our_bill": d.our_bill,
            "their_bill": d.their_bill,
            "ours": None if d.our_fen is None else yuan(d.our_fen),
            "theirs": None if d.their_fen is None else yuan(d.their_fen),
        }
        for d in found.differences
    ]
    if given.json:
        sums = {"count": found.their_count, "total": yuan(found.their_fen)}, {"count": found.our_count, "total": yuan(found.our_fen)}
        told = {"day": found.day.isoformat(), "theirs": sums[0], "ours": sums[1], "agrees": found.agrees, "differences": rows}
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print(f"{found.day}：税务 {found.their_count} 笔 {yuan(found.their_fen)} 元，我方 {found.our_count} 笔 {yuan(found.our_fen)} 元")
        for each in found.differences:
            print(f"  {each.serial}  {each.label}")
        print("两边一致" if found.agrees else f"有 {len(rows)} 笔不一致")
    return 0 if found.agrees else 1
