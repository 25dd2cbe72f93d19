"""`heed backup` and `heed restore`: one tar file with the database and what lies in HEED_HOME beside it."""

import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from alignment_site import env, postgres
from alignment_site.postgres_account import DatabaseTrouble, binaries

DUMP = "database.dump"
FILES = "files"
KEPT_AUTOMATIC = 5
# What is not content: the server's own folder, older backups, and the secrets of this installation.
LEFT_OUT = frozenset(["postgres", "backups", "secret-key", "metrics-token", "tmp"])
OTHERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def backup(target: Path, *, with_files: bool = True) -> int:
    """Write the backup to `target`, readable by its owner only. Returns its size in bytes.

    The database is dumped first: every file that the dump names exists when the files are copied.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        dump = Path(folder) / DUMP
        _program("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}")
        try:
            raw = open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
            with raw, tarfile.open(fileobj=raw, mode="w", dereference=True) as archive:
                archive.add(dump, DUMP)
                for path in _content() if with_files else ():
                    archive.add(path, f"{FILES}/{path.name}")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target.stat().st_size


def restore(source: Path) -> None:
    """Replace the database by the one in `source`, all or nothing, then put its files back.

    Raises DatabaseTrouble when the file is no backup or when somebody else uses the database.
    """
    with psycopg.connect(postgres.direct_url(), autocommit=True) as connection:
        (others,) = connection.execute(OTHERS).fetchone() or (0,)
    if others:
        raise DatabaseTrouble(f"{others} other connections use the database: stop Heed, then restore.")
    with tempfile.TemporaryDirectory(dir=env.home()) as folder:
        try:
            with tarfile.open(source) as archive:
                _unpack(archive, Path(folder).resolve())
        except (tarfile.TarError, OSError) as error:
            raise DatabaseTrouble(f"{source} is not a backup made by `heed backup` ({error}).") from error
        dump = Path(folder) / DUMP
        if not dump.exists():
            raise DatabaseTrouble(f"{source} is not a backup made by `heed backup`: it holds no {DUMP}.")
        _replace_database(dump, Path(folder))
        for path in sorted((Path(folder) / FILES).glob("*")):
            _put_back(path, env.home() / path.name)


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Plain files and folders below `folder`, nothing else. tarfile's own filters came after Python 3.11.0."""
    for member in archive:
        target = (folder / member.name).resolve()
        if not target.is_relative_to(folder) or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} does not belong into a backup")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        assert content is not None  # noqa: S101 - a regular file
        with content, target.open("wb") as out:
            shutil.copyfileobj(content, out)
        target.chmod(member.mode & 0o755 | 0o600)


def _replace_database(dump: Path, folder: Path) -> None:
    """Drop and load in one transaction, so that a failure leaves everything as it was."""
    script = folder / "restore.sql"
    _program("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(dump), database=False)
    begin = folder / "begin.sql"
    begin.write_text("DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n")
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    _program("psql", *options, f"--file={begin}", f"--file={script}")


def _put_back(path: Path, target: Path) -> None:
    """Move a file, or merge a folder into the one that is there."""
    if path.is_dir():
        target.mkdir(exist_ok=True)
        for inner in path.iterdir():
            _put_back(inner, target / inner.name)
    else:
        path.replace(target)


def _content() -> Iterator[Path]:
    for path in sorted(env.home().iterdir()):
        if path.name not in LEFT_OUT and not path.name.startswith(("tmp", ".")) and path.suffix != ".lock":
            yield path


def _program(name: str, *arguments: str, database: bool = True) -> None:
    """Run one of PostgreSQL's programs on the site's database; the password never stands in its arguments."""
    parts = psycopg.conninfo.conninfo_to_dict(postgres.direct_url())
    environment = {**os.environ, "PGPASSWORD": str(parts.pop("password", "") or "")}
    command = [str(binaries() / name), *arguments]
    if database:
        command.append(f"--dbname={psycopg.conninfo.make_conninfo('', **parts)}")
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise DatabaseTrouble(f"{name} failed: {result.stderr.strip()[-800:]}")


def before_migrating() -> Path:
    """A dump of the database in HEED_HOME/backups; the last five of them are kept."""
    folder = env.home() / "backups"
    target = folder / f"before-migrating-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.tar"
    backup(target, with_files=False)
    for old in sorted(folder.glob("before-migrating-*.tar"))[:-KEPT_AUTOMATIC]:
        old.unlink()
    return target
