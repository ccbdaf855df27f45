"""Commands that need the whole site: migrate, run, worker, demo."""

import argparse
import os


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Enter the commands."""
    migrate = subparsers.add_parser("migrate", help="建立或升级数据库结构")
    migrate.set_defaults(func=_migrate)
    docs = subparsers.add_parser("docs", help="生成 docs/manual 中的办事指南、参数表、错误代码")
    docs.set_defaults(func=_docs)


def set_up() -> None:
    """Start Django once."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shebao.site.settings")
    django.setup()


def _migrate(given: argparse.Namespace) -> int:
    from shebao.site.database import ensure

    ensure()
    set_up()
    migrate_all()
    print("数据库结构已是最新")
    return 0


def _docs(given: argparse.Namespace) -> int:
    set_up()
    from shebao.site.manual import write_all

    for path in write_all():
        print(path)
    return 0


def migrate_all(alias: str = "owner") -> None:
    """Apply all migrations as the schema owner and open the job tables to the roles that queue jobs."""
    from django.core.management import call_command

    from shebao.site.job_rights import give_job_rights

    call_command("migrate", database=alias, verbosity=0, interactive=False)
    give_job_rights(alias)
