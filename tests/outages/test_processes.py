"""The whole site under kill -9: what is killed comes back, and nothing is left behind."""

import http.cookiejar
import os
import re
import shutil
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outages.running import Site, fresh_site, unused_port, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A checkout that has run once: the first run migrates and makes the starter project."""
    site = fresh_site(tmp_path_factory.mktemp("prepared") / "heed")
    started = time.monotonic()
    try:
        site.start()
        seconds = time.monotonic() - started
        assert site.answers()
    finally:
        site.end()
    print(f"first start: {seconds:.1f} s")
    assert seconds <= 20
    yield site
    shutil.rmtree(site.checkout)


@pytest.fixture
def site(prepared: Site) -> Iterator[Site]:
    """The prepared checkout; afterwards nothing of it may run."""
    site = Site(prepared.checkout, unused_port())
    yield site
    site.end()
    left = site.commands()
    for process in site.processes():
        process.kill()
    assert left == {}


def signed_in(link: str) -> urllib.request.OpenerDirector:
    """A client that has spent the owner's link as the page's form does."""
    cookies = http.cookiejar.CookieJar()
    client = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    page = client.open(link, timeout=10).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    form = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1]}).encode()
    client.open(link, form, timeout=10)
    return client


def test_a_warm_start_takes_at_most_six_seconds_and_stops_without_a_trace(site: Site) -> None:
    started = time.monotonic()
    link = site.start()
    seconds = time.monotonic() - started
    print(f"warm start: {seconds:.1f} s")
    assert site.answers()
    site.stop()
    assert site.process is not None
    assert site.process.returncode == 0
    assert site.processes() == []
    assert seconds <= 6
    assert link.startswith(site.url)


def test_the_owners_link_signs_in_once_and_the_session_outlives_a_restart(site: Site) -> None:
    link = site.start()
    owner = signed_in(link)
    assert owner.open(f"{site.url}/admin/", timeout=10).geturl() == f"{site.url}/admin/"
    with pytest.raises(urllib.error.HTTPError, match="410"):
        signed_in(link)
    site.stop()
    site.start()
    assert owner.open(f"{site.url}/admin/", timeout=10).geturl() == f"{site.url}/admin/"


@pytest.mark.parametrize("part", ["alignment_site.web", "worker"])
def test_a_killed_part_comes_back_twice_in_a_row(site: Site, part: str) -> None:
    site.start()
    for _ in range(2):
        before = wait_until(lambda: site.named(part), 20, f"a {part}")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for_others(site, part, before)
        wait_until(site.answers, 20, "an answer")


def wait_for_others(site: Site, part: str, before: list[int]) -> None:
    wait_until(lambda: len(set(site.named(part)) - set(before)) == len(before), 20, f"another {part}")


def wait_for_database_other_than(site: Site, before: int) -> None:
    wait_until(lambda: site.database() not in (0, before), 30, "another database")


def test_a_killed_database_comes_back_twice_in_a_row(site: Site) -> None:
    site.start()
    for _ in range(2):
        before = site.database()
        os.kill(before, signal.SIGKILL)
        wait_for_database_other_than(site, before)
        wait_until(site.answers, 20, "an answer")


def test_a_killed_supervisor_leaves_only_the_database_which_the_next_start_adopts_twice(site: Site) -> None:
    site.start()
    database = site.database()
    for _ in range(2):
        site.kill_supervisor()
        wait_until(lambda: all("postgres" in p.name() for p in site.processes()), 20, "the end of the children")
        assert site.database() == database
        site.start()
        assert site.database() == database
    site.stop()
    assert site.database() == 0


def test_ending_by_sigterm_or_a_closed_terminal_is_as_clean_as_ctrl_c(site: Site) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        site.start()
        site.stop(number)
        assert site.processes() == []


def test_a_taken_port_is_named_with_who_holds_it(site: Site) -> None:
    site.start()
    second = Site(site.checkout, site.port).command("heed", "--only", "web")
    assert second.wait(30) == 1
    assert re.search(rf"Port {site.port} is taken by process \d+ of \w+ \(.*alignment_site.web\)", site.output)


def test_the_parts_run_apart_and_the_last_one_stops_the_database(site: Site) -> None:
    database = site.command("heed", "--only", "db")
    wait_until(site.database, 20, "the database")
    web = Site(site.checkout, site.port).command("heed", "--only", "web")
    wait_until(site.answers, 30, "the web server")
    database.send_signal(signal.SIGINT)
    assert database.wait(30) == 0
    assert site.answers()
    web.send_signal(signal.SIGINT)
    assert web.wait(30) == 0
    assert site.database() == 0


def test_a_backup_brings_back_what_was_lost(site: Site, tmp_path: Path) -> None:
    backup = tmp_path / "heed.tar"
    (site.home / "kept").mkdir(exist_ok=True)
    (site.home / "kept" / "file").write_text("precious")
    assert site.command("heed", "backup", str(backup)).wait(60) == 0, site.output
    assert backup.stat().st_mode & 0o077 == 0
    before = count_people(site)
    shutil.rmtree(site.home / "kept")
    broken = "from django.db import connection as c; c.cursor().execute('ALTER TABLE labeling_person RENAME TO gone')"
    assert site.command("shell", "--no-imports", "-c", broken).wait(60) == 0, site.output
    assert site.command("heed", "restore", str(backup)).wait(60) == 0, site.output
    assert count_people(site) == before
    assert (site.home / "kept" / "file").read_text() == "precious"


def test_a_file_that_is_no_backup_changes_nothing(site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tar"
    wrong.write_text("not a backup")
    assert site.command("heed", "restore", str(wrong)).wait(60) == 1
    assert "is not a backup made by" in site.output
    assert count_people(site) >= 1


def count_people(site: Site) -> int:
    count = "from labeling.models import Person; print('people:', Person.objects.count())"
    assert site.command("shell", "--no-imports", "-c", count).wait(60) == 0, site.output
    found = re.search(r"people: (\d+)", site.output)
    assert found is not None
    return int(found[1])


def test_a_restore_is_refused_while_heed_runs(site: Site, tmp_path: Path) -> None:
    backup = tmp_path / "heed.tar"
    site.start()
    assert Site(site.checkout, site.port).command("heed", "backup", str(backup)).wait(60) == 0
    assert Site(site.checkout, site.port).command("heed", "restore", str(backup)).wait(60) == 1
    assert "stop Heed, then restore" in site.output
    assert site.answers()
