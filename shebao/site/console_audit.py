"""shebao audit books: the independent auditor (shebao/auditor) over the database of this site, as the auditor's account."""

import argparse
import json
from typing import Any

from shebao.channels.console import answering, day
from shebao.site import database
from shebao.site.trouble import BadAddress


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Enter the command."""
    audit: argparse.ArgumentParser = subparsers.add_parser("audit", help="稽核：用独立的程序核对账目，有不一致时退出码为 1")
    subjects = audit.add_subparsers(dest="subject", required=True, metavar="对象")
    books: argparse.ArgumentParser = subjects.add_parser("books", help="基金账：借贷、总账与明细账、日结、单据与到账")
    books.add_argument("--place", default="", metavar="统筹区", help="只核对一个统筹区，例如 420100")
    books.add_argument("--on", type=day, default=None, metavar="日期", help="核对到这一天日终为止的账；明细账只能核对此刻，会注明")
    books.add_argument("--json", action="store_true", help="以 JSON 输出，金额单位：元")
    books.set_defaults(func=answering(_books))


def _books(given: argparse.Namespace) -> int:
    from shebao.auditor.books import audit
    from shebao.auditor.report import as_json, lines

    address = database.ensure().auditor
    if not address:
        raise BadAddress("SHEBAO_AUDITOR_URL", "没有设置")
    findings = audit(address, place=given.place, on=given.on)
    if given.json:
        print(json.dumps(as_json(findings), ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines(findings)))
    return 1 if any(f.state == "wrong" for f in findings) else 0
