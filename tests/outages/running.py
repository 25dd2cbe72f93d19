"""The whole site as its users start it: `manage.py heed` in a folder of its own, and ways to watch its processes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from alignment_site import env
from alignment_site.postgres import Cluster
from alignment_site.serving import is_healthy

NOT_PART_OF_A_CHECKOUT = shutil.ignore_patterns(".venv", ".git", ".heed", "__pycache__", ".*_cache", ".hypothesis")
Answer = TypeVar("Answer")
INHERITED = ("DATABASE_URL", "DATABASE_DIRECT_URL", "HEED_HOME", "HEED_TEST_SERVER", "DJANGO_SETTINGS_MODULE")


def wait_until(question: Callable[[], Answer], seconds: float, what: str) -> Answer:
    """The first truthy answer."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return answer


@dataclass
class Site:
    """One installation: a checkout, a HEED_HOME in it, a port."""

    checkout: Path
    port: int
    python: str = sys.executable
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.checkout / ".heed"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        path = self.checkout / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def command(self, *arguments: str) -> subprocess.Popen[bytes]:
        """`manage.py` with these arguments, its output in the file `output`."""
        inherited = {key: value for key, value in os.environ.items() if key not in INHERITED}
        with (self.checkout / "output").open("wb") as output:
            return subprocess.Popen(
                [self.python, "manage.py", *arguments],
                cwd=self.checkout,
                env={**inherited, "PORT": str(self.port), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self.user,
                group=self.user and "nogroup",
                extra_groups=[] if self.user else None,
                start_new_session=True,
            )

    def start(self, seconds: float = 60) -> str:
        """Start everything; returns the owner's link as soon as it is printed."""
        self.process = process = self.command("heed")

        def link() -> str:
            assert process.poll() is None, self.output
            found = re.search(rf"{self.url}/link/\S+", self.output)
            return found[0] if found else ""

        return wait_until(link, seconds, "the link")

    def stop(self, number: int = signal.SIGINT) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(40)

    def end(self) -> None:
        """Whatever state it is in, at the end of a test."""
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def kill_supervisor(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """Everything that runs with this installation as its folder, the database included."""
        found = []
        for process in psutil.process_iter():
            try:
                folders = {process.cwd(), process.environ().get("PWD", "")}
                alive = process.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                continue
            if alive and any(Path(folder).is_relative_to(self.checkout.resolve()) for folder in folders if folder):
                found.append(process)
        return found

    def named(self, word: str) -> list[int]:
        """Pids of the children whose command line holds `word`."""
        return [pid for pid, words in self.commands().items() if word in words]

    def commands(self) -> dict[int, list[str]]:
        """The command line of each of its processes; one that ends while it is looked at is none."""
        found = {}
        for process in self.processes():
            with suppress(psutil.Error):
                found[process.pid] = process.cmdline()
        return found

    def database(self) -> int:
        server = Cluster(self.home / "postgres").running()
        return server.pid if server else 0

    def answers(self) -> bool:
        return is_healthy(self.url)


def unused_port() -> int:
    """A port on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fresh_site(folder: Path) -> Site:
    """An installation of the working tree, not started yet."""
    return Site(copy_checkout(folder), unused_port())


def copy_checkout(target: Path) -> Path:
    """The working tree, without what a fresh clone would not have."""
    shutil.copytree(env.CHECKOUT, target, ignore=NOT_PART_OF_A_CHECKOUT, symlinks=True)
    return target
