"""A PostgreSQL server for one test session: in a temporary folder, without fsync, gone with the session."""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from alignment_site.postgres import Cluster

# Nothing here outlives the session. Tests of durability start a server of their own without these.
FAST = (
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "64MB"),
    ("max_wal_size", "256MB"),
)

# Reads until its standard input closes, which also kill -9 of the test session does; then ends the server.
GUARD = """
while read -r _; do :; done
kill -QUIT "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done
rm -rf "$2"
"""


# What migrating puts there stays, as Django's own flush would put it back.
KEPT = ("django_migrations", "django_content_type", "auth_permission")


def empty_tables(connection: Any) -> None:
    """Delete every row that a test wrote, in the tables that hold any.

    Django's flush truncates all tables, each with new files, and then announces a migration, which writes all
    permissions again: 0.3 s a test on an idle machine. With triggers off a DELETE also passes where rows are
    append-only and whatever the order of the foreign keys.
    """
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name not in KEPT]
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables))
        filled = [name for (name,) in cursor.fetchall()]
        deletes = "".join(f"DELETE FROM {name};" for name in filled)
        cursor.execute(f"SET session_replication_role = replica; {deletes} SET session_replication_role = DEFAULT")


def _memory() -> str | None:
    """A folder in memory with room for a server, where the system has one."""
    folder = Path("/dev/shm")
    try:
        roomy = shutil.disk_usage(folder).free > 2_000_000_000
    except OSError:
        return None
    return str(folder) if roomy and os.access(folder, os.W_OK) else None


def appoint_session_server() -> None:
    """Point this process and its children at a server that `start_session_server` starts.

    Each worker of pytest-xdist has a server of its own: a transaction that is open in one worker's test would hold
    back the watermark (the snapshot's xmin, which the whole server shares) that another's test waits for.
    """
    session = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    if os.environ.get("HEED_TEST_SERVER") == session:
        return
    home = Path(tempfile.mkdtemp(prefix="heed-test-", dir=_memory()))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["HEED_HOME"] = str(home)
    os.environ["HEED_TEST_SERVER"] = session
    os.environ["DATABASE_URL"] = _cluster(home).url()
    os.environ.pop("DATABASE_DIRECT_URL", None)


def start_session_server() -> None:
    """Start the appointed server. The process that only hands tests out to workers never does."""
    home = Path(os.environ["HEED_HOME"])
    cluster = _cluster(home)
    server = cluster.start()
    # The guard lives in a session of its own, so that Ctrl-C does not end it before the server.
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, "guard", str(server.pid), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(_end, guard, cluster)


def _cluster(home: Path) -> Cluster:
    return Cluster(home / "postgres", extra_settings=FAST)


def _end(guard: "subprocess.Popen[bytes]", cluster: Cluster) -> None:
    """Stop the server, and let the guard tidy up."""
    assert guard.stdin is not None
    cluster.stop()
    guard.stdin.close()
    guard.wait(10)
