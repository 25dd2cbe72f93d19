"""Who holds a port."""

import psutil


def holder(port: int) -> str:
    """The process that listens on `port`, in words."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS asks for root
        return "another process (run `lsof -i` as its owner to see which)"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            return _described(connection.pid)
    return "a connection that is just closing"


def _described(pid: int | None) -> str:
    if pid is None:
        return "a process of another account"
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline())[:120] or process.name()
        return f"process {pid} of {process.username()} ({command}), in {process.cwd()}"
    except psutil.Error:
        return f"process {pid}"
