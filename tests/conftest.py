"""Fixtures that every room's tests may use."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest

from alignment_site import env, live
from alignment_site.browsers import browser_program
from alignment_site.serving import wait_until_healthy
from alignment_site.web import LISTEN_FD, bind
from tests.database import empty_tables, start_session_server
from tests.outages.running import unused_port

# A machine that is busy for a moment is not a fault of what is tested.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
# Two libraries of learning and the collected tests are a million objects that live to the end: looking through all
# of them again and again for garbage costs a tenth of the fast tests' time.
gc.set_threshold(100_000, 50, 50)


def pytest_collection_finish() -> None:
    """What is there now stays there. Only a process that runs tests comes here, and starts its database."""
    gc.collect()
    gc.freeze()
    start_session_server()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """pytest-django's own, with a quicker way to empty the tables after a test that commits.

    At the end no thread of the site holds the database that is to be dropped.
    """
    from django.db import connection
    from django.test import TransactionTestCase

    def teardown(case: Any) -> None:
        empty_tables(connection)

    usual, TransactionTestCase._fixture_teardown = TransactionTestCase._fixture_teardown, teardown  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = usual  # type: ignore[attr-defined]
    live.close()


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_listed_once() -> Iterator[None]:
    """Each test's client is a site of its own, which would look through all folders of static files: 11 ms."""
    from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

    listed: dict[str, Any] = {}
    look = WhiteNoiseMiddleware.add_files_from_finders

    def remember(site: Any) -> None:
        if not listed:
            look(site)
            listed.update(site.files)
        site.files.update(listed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", remember)
        yield


# --- a server that listens


@dataclass(frozen=True)
class LiveSite:
    """The real server, as processes of its own, on the test's database."""

    url: str
    pids: list[int]


@pytest.fixture(scope="session")
def _live_server(django_db_setup: None) -> Iterator[LiveSite]:
    from django.db import connection

    database = connection.settings_dict
    with closing(bind("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        environment = {
            **os.environ,
            "PORT": str(port),
            LISTEN_FD: str(listener.fileno()),
            "DJANGO_SETTINGS_MODULE": "tests.live_settings",
            "DATABASE_URL": os.environ["DATABASE_URL"].replace("/heed?", f"/{database['NAME']}?"),
            "HEED_URL": f"http://127.0.0.1:{port}",
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "alignment_site.web"],
            cwd=env.CHECKOUT,
            env=environment,
            pass_fds=[listener.fileno()],
        )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}")
        yield LiveSite(f"http://127.0.0.1:{port}", [server.pid])
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def live_site(_live_server: LiveSite, transactional_db: None) -> LiveSite:
    """The server, with what the test writes visible to it and gone afterwards."""
    return _live_server


@pytest.fixture
def free_port() -> int:
    return unused_port()


# --- a browser

BROWSER_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_BROWSER = "no Chromium found: install it, or run `playwright install chromium`, or set HEED_BROWSER"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a browser the tests that need one are skipped, unless HEED_REQUIRE_BROWSER says to fail."""
    wanting = [item for item in items if item.get_closest_marker("browser")]
    if not wanting or env.flag("HEED_REQUIRE_BROWSER") or browser_program() is not None:
        return
    for item in wanting:
        item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line says so when tests were skipped for want of a browser."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = [report for report in reporter.stats.get("skipped", []) if NO_BROWSER in str(report.longrepr)]
    if skipped:
        reporter.write_line(f"{len(skipped)} browser tests were skipped: {NO_BROWSER}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium (Playwright's synchronous interface).

    Per module, because as long as Playwright runs, its event loop runs in this thread and no test can use another.
    """
    from playwright.sync_api import sync_playwright

    program = browser_program()
    assert program is not None, NO_BROWSER
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=BROWSER_FLAGS)
        # Django takes a running event loop for an asynchronous context, where its queries would be a mistake.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        yield chromium
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of its own; the test fails on a violated content security policy or an error in a script."""
    context = browser.new_context()
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    opened.on(
        "console",
        lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None,
    )
    yield opened
    context.close()
    assert complaints == []
