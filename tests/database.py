"""A PostgreSQL server for one test session: in a temporary folder, without fsync, gone with the session."""

import os
import subprocess
import tempfile
from pathlib import Path

from alignment_site.postgres import Cluster

# Nothing here outlives the session. Tests of durability start a server of their own without these.
FAST = (
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "64MB"),
)

# Reads until its standard input closes, which also kill -9 of the test session does; then ends the server.
GUARD = 'while read -r _; do :; done; kill -QUIT "$1" 2>/dev/null; sleep 1; rm -rf "$2"'
_GUARDS: list[subprocess.Popen[bytes]] = []


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
    _GUARDS.append(guard)  # an open pipe to it is what keeps the server alive
    os.environ["HEED_TEST_SERVER"] = cluster.url("postgres")
    os.environ["DATABASE_URL"] = cluster.url()
    os.environ.pop("DATABASE_DIRECT_URL", None)
