"""Runs the parts of the site as children, restarts what crashes, and leaves nothing behind.

Every child leads a process group of its own and holds the reading end of a pipe (lifeline.py), so that it ends by
itself when this process is killed. The database is no child in that sense: it survives and is adopted.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType

import structlog

from alignment_site import env, lifeline
from alignment_site.postgres import Cluster
from alignment_site.postgres_account import DatabaseTrouble

LOOK_SECONDS = 0.2
STOP_SECONDS = 15.0
FIRST_DELAY, LAST_DELAY = 0.5, 30.0  # seconds before a crashed part is started again; doubled each time
STEADY_SECONDS = 60.0  # after so long a part counts as healthy again
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

log = structlog.get_logger("heed.supervisor")


@dataclass
class Backoff:
    """When a part that keeps crashing may start again."""

    delay: float = FIRST_DELAY
    due: float = 0.0
    started: float = 0.0

    def begun(self) -> None:
        self.started = time.monotonic()

    def crashed(self) -> float:
        """Seconds until the next start."""
        now = time.monotonic()
        if now - self.started > STEADY_SECONDS:
            self.delay = FIRST_DELAY
        wait, self.delay = self.delay, min(self.delay * 2, LAST_DELAY)
        self.due = now + wait
        return wait


@dataclass
class Part:
    """One child: what to run, and how it fares."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    backoff: Backoff = field(default_factory=Backoff)

    def start(self, lifeline_end: int) -> None:
        self.backoff.begun()
        self.process = subprocess.Popen(
            self.command,
            cwd=env.CHECKOUT,
            env={**os.environ, **self.environment, lifeline.VARIABLE: str(lifeline_end)},
            stdin=subprocess.DEVNULL,
            pass_fds=(*self.descriptors, lifeline_end),
            process_group=0,
        )

    def kill_group(self) -> None:
        """End whatever the child started and did not end itself."""
        if self.process is not None:
            # Nobody may be left; macOS says "not permitted" when only a zombie is.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Starts the parts, watches them and the database, and stops them in reverse."""

    def __init__(self, parts: list[Part], *, database: Cluster | None) -> None:
        self.parts = parts
        self.database = database
        self.database_backoff = Backoff()
        self.stopping = 0
        self.read_end, self.write_end = os.pipe()

    def run(self, *, when_started: Callable[[], None]) -> None:
        """Until a signal asks to stop. `when_started` runs once, after every part was started."""
        before = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        try:
            for part in self.parts:
                part.start(self.read_end)
            when_started()
            while not self.stopping:
                self._look_after_database()
                for part in self.parts:
                    self._look_after(part)
                time.sleep(LOOK_SECONDS)
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping += 1

    def _look_after(self, part: Part) -> None:
        if part.process is not None and part.process.poll() is not None:
            part.kill_group()
            wait = part.backoff.crashed()
            log.warning("a part ended and starts again", part=part.name, status=part.process.returncode, wait=wait)
            part.process = None
        if part.process is None and time.monotonic() >= part.backoff.due:
            part.start(self.read_end)

    def _look_after_database(self) -> None:
        if self.database is None or time.monotonic() < self.database_backoff.due or self.database.running():
            return
        log.warning("the database ended and starts again")
        self.database_backoff.crashed()
        try:
            self.database.start()
        except DatabaseTrouble as trouble:
            log.error("the database does not start", reason=str(trouble))
        self.database_backoff.begun()

    def stop(self) -> None:
        """Reverse order, politely; a second signal, or 15 seconds, ends the patience."""
        asked = self.stopping
        for part in reversed(self.parts):
            if part.process is None:
                continue
            part.process.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            while part.process.poll() is None and time.monotonic() < deadline and self.stopping <= asked:
                time.sleep(0.02)
            part.kill_group()
            part.process.wait()
            part.process = None
        os.close(self.write_end)
        os.close(self.read_end)
