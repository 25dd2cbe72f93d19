"""A database that lasts as long as one measurement, and a command run on it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from alignment_site import env, postgres


@contextmanager
def throwaway_database(stem: str) -> Iterator[str]:
    """Create a database on the site's server and drop it at the end. Yields its URL."""
    name = f"{stem}_{secrets.token_hex(4)}"
    url = postgres.direct_url()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_on_throwaway(stem: str, arguments: Sequence[str]) -> int:
    """Run `manage.py ARGUMENTS` on a fresh database, home and port, as if that were the site. Returns its status.

    An interrupt goes to the command, which stops what it started; then the database is dropped.
    """
    port = free_port()
    # A home of its own as well: files are named by the ids of rows, and those begin anew in a fresh database.
    with throwaway_database(stem) as url, tempfile.TemporaryDirectory(prefix="heed-bench-") as home:
        site = {
            "HEED_HOME": home,
            "DATABASE_URL": url,
            "HEED_HOST": "127.0.0.1",
            "PORT": str(port),
            "HEED_URL": f"http://127.0.0.1:{port}",
        }
        environment = {**os.environ, **site}
        environment.pop("DATABASE_DIRECT_URL", None)
        child = subprocess.Popen(
            [sys.executable, str(env.CHECKOUT / "manage.py"), *arguments], cwd=env.CHECKOUT, env=environment
        )
        before = signal.signal(signal.SIGINT, lambda number, frame: None)  # the child has had it too
        try:
            return child.wait()
        finally:
            signal.signal(signal.SIGINT, before)
            child.kill()
            child.wait()
