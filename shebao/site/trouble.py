"""What can go wrong with the database before anything can be served: one Chinese sentence each, with what to do."""

import re
from pathlib import Path

from shebao.base.errors import ShebaoError


class DatabaseTrouble(ShebaoError):
    """The database cannot be used. Commands print `text` and leave with a non-zero exit; a traceback would help nobody."""

    code = "DBS-00"
    status = 503


class Unreachable(DatabaseTrouble):
    code = "DBS-01"

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"连接不上数据库（{where}）：{why}。请检查数据库是否已启动、SHEBAO_DATABASE_URL 是否正确。")


class NoEmbeddedServer(DatabaseTrouble):
    code = "DBS-02"

    def __init__(self, why: str) -> None:
        super().__init__(f"不能使用自带的数据库：{why}。请重新安装依赖，或设置 SHEBAO_DATABASE_URL 使用已有的 PostgreSQL 15 以上版本。")


class NoAccount(DatabaseTrouble):
    code = "DBS-03"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"数据库不能以 root 身份运行，又不能建立系统账户 {name}（{why}）。请先执行 useradd --system {name}，或改用普通用户运行。"
        )


class FolderUnusable(DatabaseTrouble):
    code = "DBS-04"

    def __init__(self, folder: Path | str, why: str) -> None:
        super().__init__(f"数据文件夹 {folder} 不能使用：{why}。请检查文件夹的所有者和权限，或用 SHEBAO_DATA 指定另一个文件夹。")


class OtherVersion(DatabaseTrouble):
    code = "DBS-05"

    def __init__(self, folder: Path, found: str, ours: int) -> None:
        super().__init__(
            f"数据文件夹 {folder} 由 PostgreSQL {found} 建立，本程序自带的是 PostgreSQL {ours}，不能直接打开。"
            "请用原版本程序导出数据后导入新文件夹，或用 SHEBAO_DATA 指定另一个文件夹；原有数据没有改动。"
        )


class DiskFull(DatabaseTrouble):
    code = "DBS-06"

    def __init__(self, folder: Path | str) -> None:
        super().__init__(f"磁盘空间不足，数据库不能在 {folder} 写入。请清理磁盘后重新启动；已保存的数据没有丢失。")


class StillRecovering(DatabaseTrouble):
    code = "DBS-07"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"数据库正在恢复，{seconds} 秒内尚未完成。恢复仍在继续，请稍后重新启动，不要结束数据库进程。")


class StartFailed(DatabaseTrouble):
    code = "DBS-08"

    def __init__(self, why: str, log: Path) -> None:
        super().__init__(f"自带的数据库没有启动成功：{why}。详情见日志文件夹 {log}。")


class Busy(DatabaseTrouble):
    code = "DBS-09"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"数据文件夹 {folder} 正被另一个程序占用（可能在容器中）。请等它结束，或停止它后重试。")


class PasswordsLost(DatabaseTrouble):
    code = "DBS-10"

    def __init__(self, file: Path) -> None:
        super().__init__(f"数据库口令文件 {file} 缺失、损坏或与数据库不符。请从备份恢复该文件，或用 SHEBAO_DATA 指定另一个文件夹。")


class StopFailed(DatabaseTrouble):
    code = "DBS-11"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"数据库在 {seconds} 秒内没有停止，可能仍在写盘。请稍后再执行 shebao db stop。")


class ServerTooOld(DatabaseTrouble):
    code = "DBS-12"

    def __init__(self, found: str) -> None:
        super().__init__(f"数据库版本是 PostgreSQL {found}，需要 15 以上版本。请升级数据库，或不设 SHEBAO_DATABASE_URL 使用自带的数据库。")


class RoleTooPowerful(DatabaseTrouble):
    code = "DBS-13"

    def __init__(self, role: str, why: str) -> None:
        super().__init__(
            f"应用连接数据库的角色 {role} {why}，行级权限对它不起作用，拒绝启动。"
            "请执行 shebao db prepare 建立角色，并在 SHEBAO_DATABASE_URL 中使用 shebao_app。"
        )


class RolesMissing(DatabaseTrouble):
    code = "DBS-14"

    def __init__(self, role: str, missing: str) -> None:
        super().__init__(f"数据库角色不全：{role} 不能使用 {missing}。请以数据库管理员执行 shebao db prepare。")


class MigrationsPending(DatabaseTrouble):
    code = "DBS-15"

    def __init__(self, pending: list[str]) -> None:
        super().__init__(f"数据库结构不是最新的，还有 {len(pending)} 项未升级（如 {pending[0]}）。请先执行 shebao migrate 或 make setup。")


class BadAddress(DatabaseTrouble):
    code = "DBS-16"

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(f"环境变量 {variable} 不正确：{why}。正确的形式如 postgresql://用户:口令@主机:5432/数据库。")


class PrepareRefused(DatabaseTrouble):
    code = "DBS-17"

    def __init__(self, why: str) -> None:
        super().__init__(f"不能在数据库中建立角色或数据库：{why}。请使用数据库管理员（superuser）的地址。")


# What the drivers and the kernel say, in the words of whoever has to mend it.
_PLAIN = (
    (r"Connection refused|No such file or directory", "没有数据库在该地址运行"),
    (r"timeout|timed out", "对方没有应答"),
    (r"password authentication failed|no password supplied", "用户名或口令不对"),
    (r"could not translate host name|Name or service not known|resolve", "找不到这台主机"),
    (r'database ".*" does not exist', "没有这个数据库"),
    (r'role ".*" does not exist', "没有这个角色"),
    (r"no pg_hba\.conf entry", "数据库不允许从这里连接"),
    (r"starting up|shutting down|recovery mode", "数据库正在启动或停止"),
    (r"too many clients|remaining connection slots", "连接数已满"),
    (r"[Pp]ermission denied|must be superuser|Operation not permitted", "没有权限"),
    (r"Read-only file system", "磁盘是只读的"),
    (r"Not a directory|File exists", "路径中有一处不是文件夹"),
    (r"server closed the connection|terminating connection", "连接被数据库断开"),
)


def plain_reason(error: BaseException) -> str:
    """The cause of a driver's or the kernel's error in a few Chinese words; its own first line where we have none."""
    said = str(error).strip()
    for pattern, plain in _PLAIN:
        if re.search(pattern, said):
            return plain
    return said.splitlines()[0] if said else type(error).__name__
