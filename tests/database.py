"""A PostgreSQL server for one test session: in a temporary folder, without fsync, gone with the session."""

import atexit
import os
import subprocess
import tempfile
from pathlib import Path

import psutil

from alignment_site.postgres import Cluster

# Nothing here outlives the session. Tests of durability start a server of their own without these.
FAST = (
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "64MB"),
)

# Reads until its standard input closes, which also kill -9 of the test session does; then ends the server.
GUARD = """
while read -r _; do :; done
kill -QUIT "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done
rm -rf "$2"
"""


def start_session_server() -> None:
    """Point this process and its children at a fresh server, once: the workers of pytest-xdist inherit it."""
    if "HEED_TEST_SERVER" in os.environ:
        return
    home = Path(tempfile.mkdtemp(prefix="heed-test-"))
    os.environ["HEED_HOME"] = str(home)
    cluster = Cluster(home / "postgres", extra_settings=FAST)
    server = cluster.start()
    # The guard lives in a session of its own, so that Ctrl-C does not end it before the server.
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, "guard", str(server.pid), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(_end, guard, server.pid)
    os.environ["HEED_TEST_SERVER"] = cluster.url("postgres")
    os.environ["DATABASE_URL"] = cluster.url()
    os.environ.pop("DATABASE_DIRECT_URL", None)


def _end(guard: "subprocess.Popen[bytes]", server: int) -> None:
    """Let the guard do its work, and wait for both."""
    assert guard.stdin is not None
    guard.stdin.close()
    psutil.Process(server).wait(10)
    guard.wait(10)
