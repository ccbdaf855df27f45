"""shebao debit: build, confirm and send, receive, post and show batches of 批扣. The same operations as the page /w/debits."""

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan
from shebao.channels.console import a_month, answering
from shebao.site.console_site import set_up
from shebao.site.database import ensure

if TYPE_CHECKING:
    from shebao.base.actor import Actor


class NoSuchBatch(ShebaoError):
    """No batch bears the number."""

    code = "BNK-48"
    status = 404


class NotFinance(ShebaoError):
    """Who confirms has to be an account of 基金财务."""

    code = "BNK-49"
    status = 403


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the command."""
    debit: argparse.ArgumentParser = subparsers.add_parser("debit", help="批扣：生成批次、复核发送、收结果、入账、查看")
    acts = debit.add_subparsers(dest="act", required=True, metavar="操作")
    build = acts.add_parser("build", help="生成本月批次（中断后再次执行从断开处接着做）")
    build.add_argument("--bank", required=True, metavar="行别", help="403 邮政储蓄银行，103 农业银行")
    build.add_argument("--province", action="store_true", help="省本级（15 日）；不写为武汉市（20 日）")
    build.add_argument("--month", type=a_month, metavar="年月", help="默认本月")
    send = acts.add_parser("send", help="复核并发送；--by 是另一位财务人员的账号")
    send.add_argument("batch", metavar="批次号")
    send.add_argument("--by", required=True, metavar="账号")
    send.add_argument("--to", type=Path, metavar="文件夹", help="把批扣文件放到这里，默认放到与银行交换的文件夹")
    receive = acts.add_parser("receive", help="收银行结果文件，核对无误即入账并通知本人")
    receive.add_argument("file", type=Path, metavar="文件")
    post = acts.add_parser("post", help="把已回盘的批次入账（中断后再次执行从断开处接着做）")
    post.add_argument("batch", metavar="批次号")
    show = acts.add_parser("show", help="查看批次；不写批次号列出最近的")
    show.add_argument("batch", nargs="?", metavar="批次号")
    recall = acts.add_parser("recall", help="撤销还没有发送的批次")
    recall.add_argument("batch", metavar="批次号")
    for parser, act in ((build, _build), (send, _send), (receive, _receive), (post, _post), (show, _show), (recall, _recall)):
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
        parser.set_defaults(func=answering(act))


def _start() -> None:
    ensure()
    set_up()


def _find(number: str) -> Any:
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.levy.debiting import batch_of

    with acting(ENGINE):
        batch = batch_of(number)
    if batch is None:
        raise NoSuchBatch(f"没有批次“{number}”，请用 shebao debit show 查看批次号")
    return batch


def _told(number: str, as_json: bool) -> int:
    batch = _find(number)
    facts = _facts(batch)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        print(_line(facts))
    return 0


def _facts(batch: Any) -> dict[str, Any]:
    return {
        "batch": batch.number,
        "bank": batch.bank,
        "scheme": batch.scheme,
        "month": batch.month,
        "state": batch.state,
        "state_label": batch.get_state_display(),
        "planned_on": batch.planned_on.isoformat(),
        "lines": batch.lines,
        "total": yuan(batch.total_fen),
        "left_out": batch.left_out,
        "paid_lines": batch.paid_lines,
        "paid": yuan(batch.paid_fen),
    }


def _line(facts: dict[str, Any]) -> str:
    asked = f"应扣 {facts['lines']} 笔 {facts['total']} 元，未列入 {facts['left_out']} 人"
    return f"{facts['batch']}  {facts['state_label']}  {asked}，成功 {facts['paid_lines']} 笔 {facts['paid']} 元"


def _build(given: argparse.Namespace) -> int:
    _start()
    from django.conf import settings

    from shebao.base.clock import now
    from shebao.base.months import month_of
    from shebao.levy.bank_models import Scheme
    from shebao.runs import bank_withholding
    from shebao.site.partners import own_private_key

    scheme = Scheme.PROVINCE if given.province else Scheme.CITY
    month = given.month or month_of(now().date())
    folder = settings.DATA / "debits"
    made = bank_withholding.withhold(settings.PLACE, scheme, given.bank, month, folder, own_private_key(), clock=now)
    return _told(bank_withholding.number_of(made), given.json)


def confirmer(username: str, on: date) -> "Actor":
    """The engine in the name of an account that holds 基金财务 on a day. Raises: NotFinance."""
    from django.db.models import Q

    from shebao.access.models import Account
    from shebao.base.actor import Actor, Role
    from shebao.base.terms import Post

    posts = {"grants__post": Post.FINANCE, "grants__from_date__lte": on}
    lasting = Q(grants__to_date=None) | Q(grants__to_date__gt=on)
    account = Account.objects.using("owner").filter(lasting, username=username, disabled_at=None, **posts).first()
    if account is None:
        raise NotFinance(f"“{username}”不是基金财务岗位的账号，或岗位已到期、账号已停用，不能办理；请换一个财务账号")
    return Actor(Role.ENGINE, account.pk, account.name, 0, account.agency_id or 0)


def _send(given: argparse.Namespace) -> int:
    _start()
    from django.conf import settings

    from shebao.access.acting import acting
    from shebao.base.clock import now, today
    from shebao.gateways.bank_client import Folder, put_file
    from shebao.levy import debit_batches
    from shebao.runs import bank_withholding
    from shebao.site.partners import own_private_key

    batch = _find(given.batch)
    with acting(confirmer(given.by, today())):
        batch = debit_batches.confirm_sending(batch.pk, at=now())
    name, content = bank_withholding.file_name(batch.number), bank_withholding.content_of(batch, own_private_key())
    if given.to:
        path = put_file(given.to, name, content)
    else:
        path = (
            Folder(Path(settings.BANK_FOLDER)).put(name, content)
            if settings.BANK_FOLDER
            else put_file(settings.DATA / "debits", name, content)
        )
    print(f"批扣文件：{path}", file=sys.stderr)
    return _told(batch.number, given.json)


def _receive(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.base.clock import now
    from shebao.levy import debit_answers
    from shebao.runs import bank_withholding
    from shebao.site.partners import bank_keys

    try:
        content = given.file.read_bytes()
    except OSError as error:
        raise NoSuchBatch(f"读不到文件 {given.file}：{error.strerror}") from error
    with acting(ENGINE):
        answered = debit_answers.receive(content, bank_keys(), at=now(), on=now().date())
    bank_withholding.post(answered.batch_id, clock=now)
    bank_withholding.tell(answered.batch_id, clock=now)
    return _told(bank_withholding.number_of(answered.batch_id), given.json)


def _post(given: argparse.Namespace) -> int:
    _start()
    from shebao.base.clock import now
    from shebao.runs import bank_withholding

    batch = _find(given.batch)
    bank_withholding.post(batch.pk, clock=now)
    bank_withholding.tell(batch.pk, clock=now)
    return _told(batch.number, given.json)


def _recall(given: argparse.Namespace) -> int:
    _start()
    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.base.clock import now
    from shebao.levy import debit_batches

    batch = _find(given.batch)
    with acting(ENGINE):
        debit_batches.recall(batch.pk, at=now())
    return _told(batch.number, given.json)


def _show(given: argparse.Namespace) -> int:
    _start()
    from django.conf import settings

    from shebao.access.acting import acting
    from shebao.base.actor import ENGINE
    from shebao.levy import debit_queries

    if given.batch:
        batch = _find(given.batch)
        with acting(ENGINE):
            answered = debit_queries.results(batch.pk)
            left = debit_queries.left_out(batch.pk)
        facts = _facts(batch) | {
            "results": [{"result": code, "label": words, "lines": n, "amount": yuan(fen)} for code, words, n, fen in answered],
            "left_out_reasons": [{"label": words, "people": n, "open": yuan(fen)} for words, n, fen in left],
        }
        if given.json:
            print(json.dumps(facts, ensure_ascii=False, indent=2))
        else:
            print(_line(facts))
            for each in facts["results"]:
                print(f"  {each['result']} {each['label']}  {each['lines']} 笔 {each['amount']} 元")
            for each in facts["left_out_reasons"]:
                print(f"  未列入：{each['label']}  {each['people']} 人 {each['open']} 元")
        return 0
    with acting(ENGINE):
        rows = [_facts(batch) for batch in debit_queries.batches(settings.PLACE)]
    print(json.dumps(rows, ensure_ascii=False, indent=2) if given.json else "\n".join(_line(row) for row in rows) or "还没有批次")
    return 0
