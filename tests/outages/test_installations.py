"""Where Heed may be installed: under root's private folder, as an ordinary user, twice, and at an awkward path."""

import http.cookiejar
import os
import pwd
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from alignment_site.postgres_account import binaries
from tests.outages.running import Site, copy_checkout, wait_until

pytestmark = pytest.mark.slow
ORDINARY = "nobody"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder under /tmp that other accounts may enter, which pytest's own may not be."""
    folder = Path(tempfile.mkdtemp(prefix="heed-install-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def run_and_stop(site: Site) -> None:
    site.start()
    assert site.answers()
    site.stop()
    assert site.process is not None
    assert site.process.returncode == 0, site.output
    assert site.commands() == {}


def own_programs(checkout: Path) -> dict[str, str]:
    """The environment for a checkout that has PostgreSQL's programs inside, as one with its own .venv has."""
    packages = checkout / "packages"
    wheel = binaries().parent.parent
    shutil.copytree(wheel, packages / wheel.name)
    if (libraries := wheel.with_name(wheel.name + ".libs")).exists():
        shutil.copytree(libraries, packages / libraries.name)
    return {"PYTHONPATH": str(packages)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has this case")
def test_root_installs_under_a_folder_of_mode_700_and_its_mode_stays(place: Path, free_port: int) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    checkout = copy_checkout(private / "heed")
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in (place, private, checkout)}
    run_and_stop(Site(checkout, free_port, environment=own_programs(checkout)))
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in before} == before


@pytest.mark.skipif(os.geteuid() != 0, reason="already an ordinary user: every other test shows this case")
def test_an_ordinary_user_installs(place: Path, free_port: int) -> None:
    python = python_for(ORDINARY)
    checkout = copy_checkout(place / "heed")
    subprocess.run(["chown", "-R", ORDINARY, str(checkout)], check=True)
    packages = {"PYTHONPATH": sysconfig.get_path("purelib"), "HOME": str(checkout)}
    site = Site(checkout, free_port, python=python, user=ORDINARY, environment=packages)
    site.start()
    names = {process.username() for process in site.processes()}
    assert names == {ORDINARY}
    site.stop()
    assert (checkout / ".heed").stat().st_uid == pwd.getpwnam(ORDINARY).pw_uid
    assert site.commands() == {}


def python_for(user: str) -> str:
    """An interpreter of this version that `user` may run with the packages of these tests."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (sys.executable, f"/usr/local/bin/{name}", f"/usr/bin/{name}"):
        try:
            works = subprocess.run(
                [candidate, "-c", "import django, psycopg, psutil"],
                user=user,
                env={"PYTHONPATH": sysconfig.get_path("purelib")},
                cwd="/",
                capture_output=True,
            )
        except OSError:
            continue
        if works.returncode == 0:
            return candidate
    pytest.skip(f"no {name} that {user} may run with these packages")


def test_two_checkouts_run_side_by_side_and_keep_their_sessions_apart(place: Path) -> None:
    first, second = (Site(copy_checkout(place / name), port) for name, port in (("one", 18711), ("two", 18712)))
    first.start()
    second.start()
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    for site in (first, second):
        browser.open(f"{site.url}/accounts/login/", timeout=10).close()
    assert len({cookie.name for cookie in cookies}) == 2
    assert first.database() != second.database()
    second.stop()
    assert second.processes() == []
    assert first.answers()
    first.stop()
    assert first.processes() == []


def test_a_path_of_150_bytes_with_spaces_works(place: Path, free_port: int) -> None:
    name = "my models, and “others” "
    long = place / (name + "x" * (150 - len(os.fsencode(place / name)) - len("/heed"))) / "heed"
    long.parent.mkdir()
    assert len(os.fsencode(long)) == 150
    checkout = copy_checkout(long)
    run_and_stop(Site(checkout, free_port, environment=own_programs(checkout)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may lend PostgreSQL another account")
def test_root_without_user_namespaces_lends_postgresql_another_account(place: Path, free_port: int) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    checkout = copy_checkout(private / "heed")
    site = Site(checkout, free_port, environment={**own_programs(checkout), "HEED_DB_USER": ORDINARY})
    site.start()
    postmaster = lent_postmaster()
    store = Path(postmaster.cwd()).parent
    try:
        assert store.stat().st_uid == pwd.getpwnam(ORDINARY).pw_uid
        postmaster.kill()
        wait_until(lambda: lent_postmaster() not in (None, postmaster), 30, "another database")
        wait_until(site.answers, 30, "an answer")
        site.stop()
        site.environment = {**site.environment, "HEED_DB_USER": ""}  # the account that made the data stays
        site.start()
        assert Path(lent_postmaster().cwd()).parent == store
        site.stop()
        assert site.processes() == []
    finally:
        shutil.rmtree(store)


def lent_postmaster() -> Any:
    """The running server of the ordinary account, None when there is none."""
    for process in psutil.process_iter(["name", "username", "cmdline"]):
        if process.info["username"] == ORDINARY and "-D" in (process.info["cmdline"] or []):
            return process
    return None
