"""shebao run | worker | demo"""

import argparse

from shebao.site.console_site import set_up
from shebao.site.database import ensure
from shebao.site.parent import die_with_parent, outlived

PORT_DEFAULT, HOST_DEFAULT = 8000, "127.0.0.1"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Enter the commands; each sets `func`, which takes the arguments and gives the exit code."""
    run = subparsers.add_parser("run", help="启动网上办事大厅：数据库、演示城市、网页、后台任务")
    run.add_argument("--port", type=int, default=PORT_DEFAULT, help=f"端口，默认 {PORT_DEFAULT}")
    run.add_argument("--host", default=HOST_DEFAULT, help=f"监听地址，默认 {HOST_DEFAULT}（只有本机能访问）")
    run.add_argument("--no-demo", action="store_true", help="数据库为空时也不建演示城市")
    run.add_argument("--no-sandbox", action="store_true", help="不启动银行和税务沙箱")
    run.set_defaults(func=_run)
    worker = subparsers.add_parser("worker", help="只运行后台任务（系统自动审核、批量校验、月度核定）")
    worker.add_argument("--parent", type=int, default=0, help=argparse.SUPPRESS)  # `shebao run`: end with it
    worker.set_defaults(func=_worker)
    demo = subparsers.add_parser("demo", help="在空的数据库里建一座演示城市")
    demo.add_argument("--units", type=int, default=300, help="单位数，默认 300")
    demo.add_argument("--people", type=int, default=20_000, help="人数，默认 20000")
    demo.add_argument("--months", type=int, default=24, help="最多核定几个月，默认 24；最早到参数表的第一个完整月份")
    demo.add_argument("--seed", type=int, default=1, help="随机种子，默认 1；同一种子同一天得到同一座城市")
    demo.set_defaults(func=_demo)


def _run(given: argparse.Namespace) -> int:
    from shebao.site.serve import serve

    return serve(given.host, given.port, with_demo=not given.no_demo, with_sandbox=not given.no_sandbox)


def _worker(given: argparse.Namespace) -> int:
    ensure()
    if given.parent:
        die_with_parent()
        if outlived(given.parent):
            return 0
    set_up()
    from shebao.site.worker import work

    work()
    return 0


def _demo(given: argparse.Namespace) -> int:
    ensure()
    set_up()
    from shebao.site.demo.accounts import standing
    from shebao.site.demo.build import CityExists
    from shebao.site.demo.scale import Scale
    from shebao.site.demo.table import accounts_table
    from shebao.site.prepare import ready

    if not ready(Scale(given.units, given.people, given.months, given.seed)):
        if standing() != "finished":
            raise CityExists
        print("演示城市已经在了，没有改动任何数据。")
    print(accounts_table())
    return 0
