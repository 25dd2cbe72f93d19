"""What `manage.py doctor` looks at: each check says what is wrong and how to mend it."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import psycopg

from alignment_site import bootstrap, direct, env, migrating, postgres
from alignment_site.browsers import browser_program
from alignment_site.ports import holder
from alignment_site.web import bind

DISK_BYTES = 2_000_000_000  # below it the loop pauses
OLDEST_POSTGRESQL = 140_000
NOTIFY_SECONDS = 5.0
LOAD_MODEL = "from training.learning.models import load_policy; load_policy('starter')"


class State(StrEnum):
    """How a finding is."""

    GOOD = "ok"
    WARNING = "look"
    BAD = "BAD"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and how to mend it."""

    state: State
    what: str
    mend: str = ""


def good(what: str) -> Finding:
    """A finding that needs nothing."""
    return Finding(State.GOOD, what)


def machine() -> Finding:
    """The platform and the Python."""
    reason = bootstrap.refusal()
    if reason is not None:
        return Finding(State.BAD, reason, "Use a supported machine or Python.")
    library = " ".join(platform.libc_ver())
    return good(
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {library}".rstrip(", ")
    )


def packages() -> Finding:
    """Whether the environment holds what requirements/ pins."""
    wrong = []
    for name in ("torch.txt", *bootstrap.SETS["site"]):
        for line in (bootstrap.REQUIREMENTS / name).read_text().splitlines():
            pinned = re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([^;\s]+)", line)
            if pinned and (found := _version(pinned[1])) != pinned[2]:
                wrong.append(f"{pinned[1]} is {found or 'missing'}, not {pinned[2]}")
    if wrong:
        return Finding(State.BAD, "Packages differ from requirements/: " + "; ".join(wrong), "Run make up.")
    return good("packages as pinned in requirements/")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package).split("+")[0]  # torch 2.13.0+cpu is 2.13.0
    except importlib.metadata.PackageNotFoundError:
        return None


def disk() -> Finding:
    """Room for models."""
    free = shutil.disk_usage(env.home()).free
    words = f"{free / 1e9:.1f} GB free in {env.home()}"
    if free < DISK_BYTES:
        return Finding(State.BAD, words, "Free some space: under 2 GB the loop pauses. HEED_HOME names another folder.")
    return good(words)


def cache() -> Finding:
    """What training runs keep of frozen models: it may all be deleted, and is computed again when it is asked for."""
    folders = [folder for folder in env.home().glob("projects/*/cache") if folder.is_dir()]
    taken = sum(file.stat().st_size for folder in folders for file in folder.glob("*/*"))
    limit = env.integer("HEED_CACHE_MAX_MB", 2048, low=0, high=1_000_000)
    words = f"the runs' cache takes {taken / 1e6:.0f} MB in {len(folders)} project{'' if len(folders) == 1 else 's'}"
    return good(f"{words}; each keeps at most {limit} MiB (HEED_CACHE_MAX_MB)")


def home() -> Finding:
    """Whether HEED_HOME belongs to who runs this."""
    status = env.home().stat()
    if status.st_uid != os.geteuid():
        mend = "Run Heed as that account, or set HEED_HOME to a folder of your own."
        return Finding(State.BAD, f"{env.home()} belongs to uid {status.st_uid}, and you are {os.geteuid()}.", mend)
    return good(f"{env.home()} is yours")


def database() -> Finding:
    """Reachable, new enough, and durable: what is acknowledged must be on disk."""
    settings = ("fsync", "full_page_writes", "synchronous_commit")
    try:
        with direct.connect("doctor") as found:
            number = found.info.server_version
            off = [name for name in settings if found.execute(f"SHOW {name}").fetchone() == ("off",)]
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        mend = "Check DATABASE_URL and that its server runs." if env.text("DATABASE_URL") else "See server.log there."
        return Finding(State.BAD, f"The database does not answer: {reason}", mend)
    if number < OLDEST_POSTGRESQL:
        return Finding(State.BAD, f"PostgreSQL {number // 10_000} is too old.", "Use PostgreSQL 14 or newer.")
    if off:
        mend = "Switch them on in postgresql.conf: a crash can lose judgments that people saw acknowledged."
        return Finding(State.BAD, f"{' and '.join(off)} off", mend)
    return good(f"PostgreSQL {number // 10_000} answers; fsync, full_page_writes and synchronous_commit are on")


def tables() -> Finding:
    """Whether the migrations are applied."""
    if waiting := migrating.waiting():
        mend = "make up saves the database and migrates it (or: manage.py migrate)."
        return Finding(State.WARNING, f"{waiting} migrations are not applied.", mend)
    return good("the tables are up to date")


def notifications() -> Finding:
    """Send a NOTIFY to itself: a transaction pooler drops LISTEN without a word."""
    with direct.connect("doctor") as listener, direct.connect("doctor") as sender:
        listener.execute("LISTEN heed_doctor")
        started = time.monotonic()
        sender.execute("NOTIFY heed_doctor, 'cough'")
        heard = list(listener.notifies(timeout=NOTIFY_SECONDS, stop_after=1))
    if not heard:
        mend = "A transaction pooler swallows LISTEN: set DATABASE_DIRECT_URL to the server itself."
        return Finding(State.BAD, "A NOTIFY did not arrive; live updates and locks will not work.", mend)
    return good(f"a NOTIFY arrives ({(time.monotonic() - started) * 1000:.0f} ms)")


def port() -> Finding:
    """Whether the web server's address can be bound, and who holds it else."""
    try:
        bind(env.host(), env.port()).close()
    except OSError as error:
        if "in use" not in str(error):
            mend = "Set HEED_HOST to an address of this machine and PORT to a port above 1023."
            return Finding(State.BAD, f"Cannot listen on {env.host()}:{env.port()}: {error.strerror}.", mend)
        if _is_heed():
            return good(f"Heed answers on port {env.port()}")
        return Finding(State.BAD, f"Port {env.port()} is taken by {holder(env.port())}.", "Stop it, or set PORT.")
    return good(f"port {env.port()} is free")


def _is_heed() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{env.port()}/healthz", timeout=3) as answer:
            return b"database" in answer.read(200)
    except OSError:
        return False


def browser() -> Finding:
    """Whether the browser tests can run."""
    found = browser_program()
    if found is None:
        mend = "Install chromium, run `playwright install chromium`, or set HEED_BROWSER, if you want to run them."
        return Finding(State.WARNING, "No Chromium: the browser tests will be skipped.", mend)
    return good(f"browser for the tests: {found}")


def model() -> Finding:
    """Load the starter policy in a process of its own: a torch for another processor dies without a word."""
    result = subprocess.run([sys.executable, "-c", LOAD_MODEL], cwd=env.CHECKOUT, capture_output=True, text=True)
    if result.returncode == 0:
        return good("torch works and the starter policy loads")
    said = (result.stderr.strip() or f"the process ended with status {result.returncode}").splitlines()[-1]
    said = said.rpartition("NoModel: ")[2]
    mend = "If it is torch that fails: remove .venv and run make up; TORCH_ARGS chooses another build."
    return Finding(State.BAD, f"The starter policy does not load: {said}", mend)


def judge() -> Finding:
    """Whether the language model that judges and writes is set in a way that can be asked; it is not asked here."""
    from training.judging import judge_endpoint

    try:
        endpoint = judge_endpoint()
    except env.BadSetting as error:
        return Finding(State.BAD, str(error), "Mend the setting, then try manage.py judges check.")
    if endpoint is None:
        return good("no judge is set (HEED_JUDGE_URL): methods that ask a language model are off")
    return good(f"judge: {endpoint.shown} (manage.py judges check asks it)")


BEFORE_DATABASE: tuple[Callable[[], Finding], ...] = (machine, packages, disk, cache, home, port, browser, model, judge)
WITH_DATABASE: tuple[Callable[[], Finding], ...] = (tables, notifications)


def examine() -> Iterator[Finding]:
    """Every finding, in an order in which a later one makes sense only if the earlier ones are good."""
    for check in BEFORE_DATABASE:
        yield check()
    try:
        with postgres.held():
            answered = database()
            yield answered
            if answered.state is State.GOOD:
                for check in WITH_DATABASE:
                    yield check()
    except postgres.DatabaseTrouble as trouble:
        yield Finding(State.BAD, str(trouble), "The sentence says what to set; the log names the cause.")
