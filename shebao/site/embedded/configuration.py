"""postgresql.conf and pg_hba.conf of the embedded server, written anew at every start."""

import os
from pathlib import Path

from shebao.site.embedded.layout import Layout

MB = 1024 * 1024
LOG_FILES_MAX = 30

# Only the local socket, and a password even there: no TCP, no trust, no peer.
HBA = """\
local all all scram-sha-256
local replication shebao_backup,postgres scram-sha-256
"""


def write_configuration(layout: Layout, sockets: Path) -> None:
    """Write both files. Whoever runs the hall may add settings of their own in pgdata/local.conf, which is read last."""
    (layout.pgdata / "postgresql.conf").write_text(_configuration(layout.log, sockets))
    (layout.pgdata / "pg_hba.conf").write_text(HBA)


def prune_logs(folder: Path) -> None:
    """Keep the newest log files only."""
    files = sorted(folder.glob("postgresql-*.log"))
    for file in files[:-LOG_FILES_MAX]:
        file.unlink(missing_ok=True)


def _configuration(log: Path, sockets: Path) -> str:
    memory = _memory_bytes()
    shared = min(max(memory // 8, 128 * MB), 1024 * MB)
    settings: dict[str, str | int] = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": 100,
        "password_encryption": "scram-sha-256",
        # Nothing acknowledged is lost when a process dies.
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_level": "replica",
        "max_wal_size": "1GB",  # bounds the time of recovery
        "min_wal_size": "256MB",
        # pglz took 8 % of the processor time of a debit run and saved a fifth of its log; the server has neither lz4 nor zstd.
        "wal_compression": "off",
        "checkpoint_timeout": "15min",
        # Two cores, shared with the application.
        "shared_buffers": f"{shared // MB}MB",
        "effective_cache_size": f"{max(memory // 2, 256 * MB) // MB}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{max(shared // 4, 64 * MB) // MB}MB",
        "max_parallel_workers_per_gather": 1,
        "max_parallel_maintenance_workers": 1,
        "random_page_cost": "1.1",
        "jit": "off",
        # A forgotten transaction must not hold the hall up. Roles have tighter limits, see shebao.site.roles.
        "lock_timeout": "30s",
        "idle_in_transaction_session_timeout": "10min",
        "client_connection_check_interval": "10s",
        "logging_collector": "on",
        "log_directory": str(log),
        "log_filename": "postgresql-%Y-%m-%d_%H%M%S.log",
        "log_file_mode": "0600",
        "log_rotation_age": "1d",
        "log_rotation_size": "20MB",
        "log_connections": "on",
        "log_disconnections": "on",
        "log_statement": "ddl",
        "log_lock_waits": "on",
        "log_min_duration_statement": "5s",
        "log_line_prefix": "%m [%p] %u@%d %a ",
        # Failing rows and statements hold ID numbers: they stay out of the log.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": 0,
        "log_timezone": "Asia/Shanghai",
        "timezone": "Asia/Shanghai",
        "lc_messages": "C",
        "default_text_search_config": "pg_catalog.simple",
    }
    lines = [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    return "# Written by shebao at every start. Add settings of your own in local.conf.\n" + "\n".join(
        [*lines, "include_if_exists = 'local.conf'", ""]
    )


def _quoted(value: str | int) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
