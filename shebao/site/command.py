"""The `shebao` command. Subcommands are named by the modules that know them; the policy ones start without Django."""

import os
import sys

from shebao.base.errors import ShebaoError
from shebao.channels.console import Parser, policy
from shebao.site import (
    console_accounts,
    console_audit,
    console_books,
    console_database,
    console_debit,
    console_demo,
    console_flexible,
    console_levy,
    console_partner,
    console_sandbox,
    console_site,
)
from shebao.site.database import data_folder


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand. Expected refusals are one sentence on standard error and exit 2; never a traceback."""
    parser = Parser(prog="shebao", description="社会保险网上办事大厅与经办系统")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="命令")
    for module in (
        policy,
        console_accounts,
        console_audit,
        console_books,
        console_database,
        console_debit,
        console_demo,
        console_flexible,
        console_levy,
        console_partner,
        console_sandbox,
        console_site,
    ):
        module.register(subparsers)
    given = parser.parse_args(arguments)
    os.environ.setdefault("SHEBAO_CLOCK", str(data_folder() / "sandbox" / "days-ahead"))  # a demo city stays on its day
    try:
        return int(given.func(given))
    except ShebaoError as error:
        print(error.text, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
