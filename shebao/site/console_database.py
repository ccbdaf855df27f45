"""shebao db start | stop | status | url | prepare"""

import argparse
import os
import sys
from collections.abc import Callable

from shebao.site import database
from shebao.site.embedded import connection_file
from shebao.site.embedded.layout import data_folder, existing
from shebao.site.embedded.use import is_running, stop_server
from shebao.site.trouble import BadAddress, DatabaseTrouble

ROLES = ("app", "owner", "auditor", "backup", "superuser")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `db` and its commands; each sets `func`, which takes the arguments and gives the exit code."""
    parser = subparsers.add_parser("db", help="自带数据库：启动、停止、状态、地址、角色")
    commands = parser.add_subparsers(dest="db_command", required=True, metavar="命令")
    commands.add_parser("start", help="启动并保持运行").set_defaults(func=_spoken(start))
    commands.add_parser("stop", help="停止").set_defaults(func=_spoken(stop))
    commands.add_parser("status", help="是否运行（运行 0，未运行 3）").set_defaults(func=_spoken(status))
    url = commands.add_parser("url", help="显示连接地址（含口令）")
    url.add_argument("--role", choices=ROLES, default="app", help="哪个角色的地址")
    url.set_defaults(func=_spoken(show_url))
    prepare = commands.add_parser("prepare", help="在已有的 PostgreSQL 上建立角色和数据库，显示应设置的环境变量")
    prepare.add_argument("--superuser-url", default=os.environ.get("SHEBAO_ADMIN_URL", ""), help="管理员地址，默认取 SHEBAO_ADMIN_URL")
    prepare.add_argument("--database", default=database.NAME, help="数据库名")
    prepare.set_defaults(func=_spoken(prepare_external))


def start(args: argparse.Namespace) -> int:
    """Start the embedded server and leave it running."""
    if os.environ.get("SHEBAO_DATABASE_URL"):
        database.ensure()
        print("已设置 SHEBAO_DATABASE_URL，外部数据库可以连接；自带数据库不需要启动。")
        return 0
    database.keep_running()
    print(f"数据库已启动，数据文件夹 {data_folder()}")
    return 0


def stop(args: argparse.Namespace) -> int:
    """Stop the embedded server."""
    print("数据库已停止。" if stop_server(data_folder()) else "数据库没有运行。")
    return 0


def status(args: argparse.Namespace) -> int:
    """0: it answers; 3: it does not run."""
    if os.environ.get("SHEBAO_DATABASE_URL"):
        database.ensure()
        print("外部数据库：可以连接。")
        return 0
    running = is_running(data_folder())
    print(f"自带数据库：{'正在运行' if running else '未运行'}；数据文件夹 {data_folder()}；数据库目录 {existing(data_folder()).home}")
    return 0 if running else 3


def show_url(args: argparse.Namespace) -> int:
    """Print an address with its password."""
    address = getattr(database.known(), args.role)
    if not address:
        raise BadAddress("SHEBAO_OWNER_URL" if args.role == "owner" else "SHEBAO_DATABASE_URL", "没有这个角色的地址")
    print(address)
    return 0


def prepare_external(args: argparse.Namespace) -> int:
    """Roles and database on another server. Passwords are kept in the data folder, so that repeating it keeps the addresses."""
    if not args.superuser_url:
        raise BadAddress("SHEBAO_ADMIN_URL", "没有设置，也没有给出 --superuser-url")
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "external-passwords.json"
    held = connection_file.read(file) or connection_file.Connection("", connection_file.fresh_passwords())
    connection_file.write(file, held)
    made = database.prepare_roles(args.superuser_url, args.database, held.passwords)
    print(f"角色和数据库已就绪（口令保存在 {file}）。请设置：", file=sys.stderr)
    print(f"export SHEBAO_DATABASE_URL='{made.app}'\nexport SHEBAO_OWNER_URL='{made.owner}'")
    print(f"export SHEBAO_AUDITOR_URL='{made.auditor}'")
    return 0


def _spoken(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Trouble becomes one sentence on the error output and exit code 1."""

    def run(args: argparse.Namespace) -> int:
        try:
            return command(args)
        except DatabaseTrouble as trouble:
            print(f"{trouble.code} {trouble.text}", file=sys.stderr)
            return 1

    return run
