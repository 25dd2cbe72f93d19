"""The database: the one that DATABASE_URL names, else the bundled PostgreSQL, kept under HEED_HOME/postgres.

Only the binaries of the wheel are used. The server outlives a killed supervisor and is adopted by whoever
starts next. Everybody who uses it holds a shared file lock; the last one to let go stops the server, and a
killed user lets go by dying.
"""

import fcntl
import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil
import psycopg

from alignment_site import env
from alignment_site.postgres_account import Account, account_for
from alignment_site.postgres_account import DatabaseTrouble as DatabaseTrouble

NAME = USER = "heed"
SOCKET_FILE = "/.s.PGSQL.5432"
SOCKET_LIMIT = 103  # bytes of a socket's path: 107 on Linux, 103 on macOS
START_SECONDS = 60
ORPHAN_SECONDS = 10  # how long the backends of a killed postmaster may finish before they are ended


def shared_megabytes(memory: float = psutil.virtual_memory().total) -> int:
    """What the server keeps of the tables in memory: an eighth of the machine's, within 128 and 512 MB.

    An export of 100,000 pairs reads twice what 128 MB hold, and is a tenth slower there.
    """
    return int(min(max(memory / 8 / 2**20, 128), 512))


# Only what differs from the defaults: nothing listens on the network, and fsync, full_page_writes and
# synchronous_commit stay on. A single small site needs neither replicas nor four I/O workers.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "150",
    "shared_buffers": f"{shared_megabytes()}MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_CHILDREN: list[subprocess.Popen[bytes]] = []  # servers that this process started; they may outlive it


@dataclass(frozen=True)
class Postmaster:
    """A running server of this cluster."""

    pid: int
    started: int  # seconds since 1970, as the server itself wrote it down
    socket_folder: str

    def alive(self) -> bool:
        return _is_running(self.pid)


@dataclass(frozen=True)
class Cluster:
    """One bundled server: its folder, its secrets and its life."""

    folder: Path
    extra_settings: tuple[tuple[str, str], ...] = ()

    @cached_property
    def account(self) -> Account:
        self._make_folder()
        return account_for(self.folder)

    @property
    def data(self) -> Path:
        return self.account.storage(self.folder) / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseTrouble(
                f"{self.folder} cannot be created ({error.strerror}): set HEED_HOME to a folder of yours."
            ) from error

    @property
    def password(self) -> str:
        return secret(self.folder / "password", lambda: secrets.token_urlsafe(24))

    @property
    def socket_folder(self) -> str:
        """A private folder whose path leaves room for the socket's name; the choice is written down once."""
        if self.account.user is None and _fits(str(self.folder)):
            return str(self.folder)
        remembered = self.folder / "socket-folder"
        known = remembered.read_text().strip() if remembered.exists() else ""
        if known and _is_private(known, self.account.owner):
            return known
        made = tempfile.mkdtemp(
            prefix="heed-",
            dir=tempfile.gettempdir() if _fits(tempfile.gettempdir() + "/heed-12345678") else "/tmp",
        )
        self.account.own(Path(made))
        write_private(remembered, made)
        return made

    def url(self, database: str = NAME) -> str:
        self._make_folder()
        folder = quote(self.socket_folder, safe="")
        return f"postgresql://{USER}:{quote(self.password)}@/{database}?host={folder}"

    def running(self) -> Postmaster | None:
        """The server of this data folder: the process that its lock file names works in it."""
        found = _read_lock_file(self.data / "postmaster.pid")
        if found is None or not _is_running(found.pid) or _working_folder(found.pid) != self.data.resolve():
            return None
        return found

    def start(self) -> Postmaster:
        """Start the server, or adopt the one that runs. Returns when it answers."""
        with self._lock():
            return self._start()

    def _start(self) -> Postmaster:
        found = self.running()
        adopted = self._wait(found.pid) if found else None
        if adopted is not None:
            return adopted
        self._end_orphans()
        self._create()
        with self._log() as log:
            child = self.account.popen(self._command(), log)
        _CHILDREN.append(child)
        started = self._wait(child.pid)
        if started is None:
            child.wait()
            raise DatabaseTrouble(f"PostgreSQL did not start. {self.last_words()}")
        return started

    def _command(self) -> list[str]:
        settings = {
            **SERVER_SETTINGS,
            "unix_socket_directories": f'"{self.socket_folder}"',
            **dict(self.extra_settings),
        }
        command = [str(self.account.binaries / "postgres"), "-D", str(self.data)]
        return command + [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]

    def _log(self) -> IO[bytes]:
        if self.log.exists() and self.log.stat().st_size > 5_000_000:
            self.log.replace(self.log.with_suffix(".log.old"))
        return self.log.open("ab")

    def _wait(self, pid: int) -> Postmaster | None:
        """The server with this pid as soon as it answers; None when it ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not _is_running(pid):
                return None
            found = _read_lock_file(self.data / "postmaster.pid")
            if found is not None and found.pid == pid and self._answers(found):
                return found
            time.sleep(0.02)
        raise DatabaseTrouble(f"PostgreSQL did not answer within {START_SECONDS} s; see {self.log}.")

    def _answers(self, found: Postmaster) -> bool:
        """Whether the server behind the socket is the one of the lock file, asked of itself."""
        if not os.path.exists(found.socket_folder + SOCKET_FILE):
            return False
        question = "SELECT current_setting('data_directory'), extract(epoch FROM pg_postmaster_start_time())"
        conninfo = psycopg.conninfo.make_conninfo(
            "",
            user=USER,
            password=self.password,
            host=found.socket_folder,
            dbname="postgres",
            connect_timeout=5,
        )
        try:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                data, started = connection.execute(question).fetchone() or ("", 0)
                if Path(data).resolve() != self.data.resolve() or abs(float(started) - found.started) > 10:
                    raise DatabaseTrouble(
                        f"Another PostgreSQL answers in {found.socket_folder}; stop it or set HEED_HOME."
                    )
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                    connection.execute(f"CREATE DATABASE {NAME}")
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise DatabaseTrouble(f"The password in {self.folder / 'password'} is not the server's.") from error
            return False
        return True

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        telling = [line for line in lines if re.search(r"FATAL|PANIC|ERROR|HINT|could not", line)] or lines
        return " ".join(telling[-2:]) + f" (the whole log: {self.log})"

    def _create(self) -> None:
        """initdb beside the final place, then a rename: a killed initdb leaves nothing like data."""
        if (self.data / "PG_VERSION").exists():
            return
        fresh = self.data.with_name("data.new")
        subprocess.run(["rm", "-rf", str(fresh)], check=True)
        password_file = self.data.with_name("initdb-password")
        write_private(password_file, self.password)
        self.account.own(password_file)
        options = f"--username={USER} --auth=scram-sha-256 --encoding=UTF8 --locale=C"
        options += " --locale-provider=builtin --builtin-locale=C.UTF-8"
        command = [
            str(self.account.binaries / "initdb"),
            "-D",
            str(fresh),
            *options.split(),
            f"--pwfile={password_file}",
        ]
        try:
            result = self.account.run(command)
        finally:
            password_file.unlink()
        if result.returncode != 0:
            raise DatabaseTrouble(f"initdb failed: {(result.stderr or result.stdout).strip()[-600:]}")
        fresh.rename(self.data)

    def _end_orphans(self) -> None:
        """Wait for the backends of a killed postmaster; then drop its lock files."""
        deadline = time.monotonic() + ORPHAN_SECONDS
        while orphans := _processes_in(self.data):
            if time.monotonic() > deadline + 5:
                raise DatabaseTrouble(
                    f"Processes {[p.pid for p in orphans]} of a dead PostgreSQL do not end; end them."
                )
            if time.monotonic() > deadline:
                for process in orphans:
                    process.kill()
            time.sleep(0.05)
        # PostgreSQL believes any living process of a recycled number, and a zombie, to be the old server.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        Path(self.socket_folder + SOCKET_FILE + ".lock").unlink(missing_ok=True)

    def stop(self) -> None:
        """A fast shutdown: sessions end, what was acknowledged is on disk."""
        with self._lock():
            self._stop()

    def _stop(self) -> None:
        found = self.running()
        if found is None:
            return
        process = psutil.Process(found.pid)
        process.send_signal(2)  # SIGINT: PostgreSQL's "fast"
        try:
            process.wait(30)
        except psutil.TimeoutExpired:
            process.send_signal(3)  # SIGQUIT: "immediate"; the next start recovers from the log
            process.wait(10)
        _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Only one process at a time decides about start and stop."""
        self._make_folder()
        with (self.folder / "start.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextmanager
    def held(self) -> Iterator[Postmaster]:
        """The server runs inside the block; whoever leaves last stops it."""
        self._make_folder()
        with (self.folder / "users.lock").open("a") as users:
            with self._lock():
                fcntl.flock(users, fcntl.LOCK_SH)
                server = self._start()
            try:
                yield server
            finally:
                with self._lock():
                    try:
                        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        pass  # somebody else still uses it
                    else:
                        self._stop()


def _fits(folder: str) -> bool:
    return len(os.fsencode(folder + SOCKET_FILE)) <= SOCKET_LIMIT and not re.search(r'[",\\]', folder)


def _is_private(folder: str, owner: int) -> bool:
    """A folder under /tmp may have been swept away or replaced by somebody else's."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return status.st_uid == owner and (status.st_mode & 0o170777) == 0o040700


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _working_folder(pid: int) -> Path | None:
    """A postmaster's and a backend's working folder is its data folder: the proof that a pid is ours."""
    try:
        return Path(psutil.Process(pid).cwd())
    except (psutil.Error, OSError):
        return None


def _processes_in(data: Path) -> list[psutil.Process]:
    data = data.resolve()
    return [
        p
        for p in psutil.process_iter(["name"])
        if "postgres" in (p.info["name"] or "") and _working_folder(p.pid) == data
    ]


def _read_lock_file(path: Path) -> Postmaster | None:
    try:
        lines = path.read_text().splitlines()
        return Postmaster(pid=int(lines[0]), started=int(lines[2]), socket_folder=lines[4])
    except (OSError, ValueError, IndexError):
        return None  # absent, or being written at this moment


def write_private(path: Path, content: str) -> None:
    """Replace a file that only its owner may read, in one step."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 600
    with os.fdopen(handle, "w") as file:
        file.write(content)
    os.replace(name, path)


def secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`, made on first use; two processes that come at once agree on one."""
    if not path.exists():
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(make())
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
    return path.read_text().strip()


def new_secret(path: Path) -> str:
    """The secret kept in a file, made when it is first asked for."""
    return secret(path, lambda: secrets.token_urlsafe(50))


@cache
def bundled() -> Cluster:
    """The cluster in HEED_HOME."""
    return Cluster(env.home() / "postgres")


def database_url() -> str:
    """Where web processes connect."""
    return env.url("DATABASE_URL", ("postgresql", "postgres")) or bundled().url()


def direct_url() -> str:
    """Where LISTEN, the worker, migrations and backups connect: past any transaction pooler."""
    return env.url("DATABASE_DIRECT_URL", ("postgresql", "postgres")) or database_url()


@contextmanager
def held() -> Iterator[None]:
    """The site's database runs inside the block: nothing to do when DATABASE_URL names one."""
    if env.text("DATABASE_URL"):
        yield
        return
    with bundled().held():
        yield
