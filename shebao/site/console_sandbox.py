"""shebao sandbox: the bank and the tax office that really run, their troubles, payments, accounts and days."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from shebao.base.clock import days_ahead, today
from shebao.base.errors import ShebaoError
from shebao.base.money import yuan_shown
from shebao.channels.console import amount, answering, whole
from shebao.sandbox import starting
from shebao.sandbox.bank_link import PartnerSilent
from shebao.sandbox.starting import CLOCK, LABELS, PARTNERS, peer
from shebao.sandbox.store import write_whole
from shebao.sandbox.trouble import HOW_DOWN, Trouble
from shebao.site.database import data_folder
from shebao.site.sandboxes import FOLDER


class NoSuchFolder(ShebaoError):
    """Nothing ever ran there."""

    code = "SBX-05"
    status = 404

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} 里没有沙箱的数据；请先用 make run 或 shebao sandbox all 启动，或用 --folder 指明文件夹")


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the commands."""
    sandbox: argparse.ArgumentParser = subparsers.add_parser("sandbox", help="沙箱：真实运行的银行和税务，供演示、联调和测试")
    acts = sandbox.add_subparsers(dest="act", required=True, metavar="操作")
    for name, label in (*LABELS.items(), ("all", "银行和税务沙箱")):
        run = _act(acts, name, f"启动{label}（make run 会自动启动）", _run)
        run.add_argument("--port", type=int, default=0, help="端口，默认任选一个；all 时税务用下一个端口")
        run.add_argument("--hall", default="", metavar="网址", help="网上办事大厅的网址，税务沙箱把缴费告知它")
        run.add_argument("--fund", default="", metavar="账号", help="社保收入户的账号，第一次启动时有效")
        run.add_argument("--opening", type=amount, default=0, metavar="元", help="社保收入户的期初余额，第一次启动时有效")
        run.set_defaults(partner=name)
    trouble = _act(acts, "trouble", "打开或关闭故障", _trouble)
    trouble.add_argument("partner", choices=PARTNERS, metavar="bank|tax")
    trouble.add_argument("kind", choices=[*(kind.value for kind in Trouble), "off"], metavar="|".join([*(k.value for k in Trouble), "off"]))
    trouble.add_argument("--next", type=whole, metavar="次数", help="只对接下来的这么多条；不填则一直到 off")
    trouble.add_argument("--how", choices=HOW_DOWN, default="", metavar="|".join(HOW_DOWN), help="down 的方式，默认 503")
    trouble.add_argument(
        "--message", default="", metavar="种类", help="只对一种：result、statement（银行），payment、reversal、day（税务）"
    )
    trouble.add_argument("--seed", type=whole, default=1, help="随机种子，同一种子同一条报文坏得一样")
    pay = _act(acts, "pay", "在税务沙箱缴一张核定单", _pay)
    pay.add_argument("bill", metavar="核定单号")
    pay.add_argument("--channel", choices=("app", "bank", "counter"), default="app", metavar="app|bank|counter")
    pay.add_argument("--part", type=amount, metavar="元", help="只缴一部分")
    pay.add_argument("--over", type=amount, metavar="元", help="多缴这么多")
    pay.add_argument("--twice", action="store_true", help="缴两次")
    pay.add_argument("--account", default="", metavar="账号", help="从这个账户扣款")
    reverse = _act(acts, "reverse", "税务冲正一笔缴费（划转之前）", _reverse)
    reverse.add_argument("serial", metavar="税票号")
    reverse.add_argument("--reason", default="", metavar="原因")
    account = _act(acts, "account", "查看或设置沙箱银行的账户", _account)
    account.add_argument("number", metavar="账号")
    account.add_argument("--balance", type=amount, metavar="元", help="把余额设为这么多")
    account.add_argument("--holder", default="", metavar="户名")
    account.add_argument("--state", choices=("open", "frozen", "closed"), default="", metavar="open|frozen|closed")
    sign = _act(acts, "sign", "在沙箱银行的网点签约或解约（加办单号）", _sign)
    sign.add_argument("number", metavar="加办单号")
    sign.add_argument("--account", default="", metavar="账号")
    sign.add_argument("--name", default="", metavar="户名")
    sign.add_argument("--end", action="store_true", help="解约")
    retry = _act(acts, "retry", "沙箱银行对扣款失败的再扣一次", _retry)
    retry.add_argument("batch", metavar="批次号")
    back = _act(acts, "return", "沙箱银行退回一笔已付的退费（退票）", _return)
    back.add_argument("serial", metavar="流水号")
    again = _act(acts, "again", "沙箱银行重发一个文件", _again)
    again.add_argument("name", metavar="文件名")
    day = _act(acts, "day", "沙箱和网上办事大厅共用的日期；--next 进到下一天", _day)
    day.add_argument("--next", type=int, nargs="?", const=1, default=0, metavar="天数", help="往前走几天，默认 1 天")
    show = _act(acts, "show", "沙箱的状况", _show)
    show.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")


def _act(acts: "argparse._SubParsersAction[Any]", name: str, text: str, command: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = acts.add_parser(name, help=text)
    parser.add_argument("--folder", type=Path, default=None, metavar="文件夹", help="沙箱的文件夹，默认在数据文件夹里")
    parser.set_defaults(func=answering(command))
    return parser


def _folder(given: argparse.Namespace) -> Path:
    folder: Path = given.folder or data_folder() / FOLDER
    return folder.resolve()


def _run(given: argparse.Namespace) -> int:
    """One partner in the place of this process, or both as its children until one of them ends."""
    folder = _folder(given)
    folder.mkdir(parents=True, exist_ok=True)
    starting.exchange_keys(folder, data_folder() / starting.KEYS)
    os.environ["SHEBAO_CLOCK"] = str(folder / CLOCK)
    more = {"hall_url": given.hall, "fund": given.fund, "opening_fen": given.opening}
    if given.partner != "all":
        words = starting.command(given.partner, folder, given.port, **more)
        os.execv(words[0], words)  # noqa: S606 - our own interpreter and module
    processes = []
    for i, name in enumerate(PARTNERS):
        words = starting.command(name, folder, given.port + i if given.port else 0, parent=os.getpid(), **more)
        processes.append(subprocess.Popen(words, start_new_session=True))
    try:
        while True:
            for process in processes:
                try:
                    return process.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _trouble(given: argparse.Namespace) -> int:
    if given.next is not None and given.next < 1:
        raise NoTrouble
    asked = {"kind": given.kind, "next": given.next, "how": given.how, "message": given.message, "seed": given.seed}
    told = peer(_folder(given), given.partner).call("POST", "/control/trouble", asked)
    _tell_trouble(given.partner, told)
    return 0


class NoTrouble(ShebaoError):
    """--next 0."""

    code = "SBX-06"
    status = 422

    def __init__(self) -> None:
        super().__init__("--next 请填 1 以上的次数；关闭故障用 off")


def _pay(given: argparse.Namespace) -> int:
    asked = {"bill": given.bill, "channel": given.channel, "twice": given.twice, "account": given.account}
    asked |= {"part_fen": given.part or 0, "over_fen": given.over or 0}
    words = {"paid": "已缴费", "failed": "扣款失败", "intended": "正在扣款"}
    failed = False
    for paid in peer(_folder(given), "tax").call("POST", "/control/pay", asked, timeout=60)["payments"]:
        said = paid["reason"] or f"预计 {paid['due_on']} 划到社保收入户"
        print(f"{paid['serial']}  {paid['bill']}  {paid['amount']} 元  {words.get(paid['state'], paid['state'])}  {said}")
        failed = failed or paid["state"] == "failed"
    return 1 if failed else 0


def _reverse(given: argparse.Namespace) -> int:
    peer(_folder(given), "tax").call("POST", "/control/reverse", {"serial": given.serial, "reason": given.reason})
    print(f"{given.serial} 正在冲正，款项退回原账户")
    return 0


def _account(given: argparse.Namespace) -> int:
    bank = peer(_folder(given), "bank")
    if given.balance is None and not given.holder and not given.state:
        told = bank.call("GET", f"/control/account/{given.number}")
    else:
        asked = {"number": given.number, "balance_fen": given.balance, "holder": given.holder, "state": given.state}
        told = bank.call("POST", "/control/account", asked)
    states = {"open": "正常", "frozen": "冻结", "closed": "已销户"}
    print(f"{told['number']}  {told['holder']}  {states[told['state']]}  余额 {yuan_shown(told['balance_fen'])} 元")
    for moved in told["movements"]:
        print(f"  {moved['day']}  {moved['amount']:>16}  {moved['text']}  {moved['reference']}")
    return 0


def _sign(given: argparse.Namespace) -> int:
    asked = {"number": given.number, "account": given.account, "name": given.name, "state": "ended" if given.end else "signed"}
    peer(_folder(given), "bank").call("POST", "/control/agreement", asked)
    print(f"加办单号 {given.number} {'已解约' if given.end else '已签约'}")
    return 0


def _retry(given: argparse.Namespace) -> int:
    name = peer(_folder(given), "bank").call("POST", "/control/retry", {"batch": given.batch}, timeout=120)["file"]
    print(f"补扣成功的在 {name} 里" if name else "没有能补扣的")
    return 0


def _return(given: argparse.Namespace) -> int:
    peer(_folder(given), "bank").call("POST", "/control/return", {"serial": given.serial})
    print(f"{given.serial} 已退票，见下一份对账单")
    return 0


def _again(given: argparse.Namespace) -> int:
    peer(_folder(given), "bank").call("POST", "/control/again", {"name": given.name})
    print(f"{given.name} 已重发")
    return 0


def _day(given: argparse.Namespace) -> int:
    """Put the clock ahead, then let both partners do what the new day asks for: the bank first, whose statement the day ends with."""
    folder = _folder(given)
    if not folder.is_dir():
        raise NoSuchFolder(folder)
    os.environ["SHEBAO_CLOCK"] = str(folder / CLOCK)
    for _ in range(max(0, given.next)):
        write_whole(folder / CLOCK, str(days_ahead() + 1).encode())
        for name in ("tax", "bank"):
            try:
                peer(folder, name).call("POST", "/control/round", {}, timeout=120)
            except PartnerSilent as error:
                print(error.text, file=sys.stderr)
    weekday = "一二三四五六日"[today().weekday()]
    ahead = days_ahead()
    print(f"{today()} 星期{weekday}" + (f"，比真实日期早走 {ahead} 天" if ahead else ""))
    return 0


def _show(given: argparse.Namespace) -> int:
    folder = _folder(given)
    told: dict[str, Any] = {}
    for name in PARTNERS:
        try:
            told[name] = peer(folder, name).call("GET", "/control/show") | {"address": peer(folder, name).address()}
        except PartnerSilent:
            told[name] = None
    if given.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return 0
    for name, found in told.items():
        if found is None:
            print(f"{LABELS[name]}　没有运行")
            continue
        print(f"{LABELS[name]}　{found['address']}　{found['day']}")
        _tell_trouble(name, found)
        if name == "bank":
            fund = found["fund"]
            print(f"  收入户 {fund['number']}　余额 {fund['balance']} 元　待报解 {found['collected']} 元　账户 {found['accounts']} 个")
        else:
            paid = found["payments"].get("paid", 0)
            waiting = found["messages"].get("waiting", 0)
            print(f"  单据 {found['bills']} 张，待缴 {found['payable']} 张　已缴 {paid} 笔　待告知 {waiting} 份")
        for event in reversed(found["events"][:5]):
            print(f"  {event['day']}　{event['text']}")
    return 0


def _tell_trouble(name: str, told: dict[str, Any]) -> None:
    if not told["trouble"]:
        print(f"  {LABELS[name]}没有打开故障")
    for each in told["trouble"]:
        left = "直到 off" if each["left"] is None else f"还有 {each['left']} 次"
        print(f"  故障：{each['label']}（{each['kind']}），{left}")
