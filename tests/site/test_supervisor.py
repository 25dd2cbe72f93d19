"""Children of the supervisor: restarted, stopped in reverse, never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from alignment_site import env, supervisor
from alignment_site.supervisor import Backoff, Part, Supervisor

# Writes its pid to a file and its end to another; the grandchild ignores every polite signal.
CHILD = """
import os, pathlib, signal, subprocess, sys, time
from alignment_site import lifeline
lifeline.hold_on()
folder = pathlib.Path(sys.argv[1])
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
grandchild = subprocess.Popen([sys.executable, "-c", stubborn])
(folder / f"{sys.argv[2]}.{os.getpid()}").write_text(str(grandchild.pid))
def end(number, frame):
    with (folder / "ended").open("a") as file:
        file.write(sys.argv[2] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
while True:
    time.sleep(0.05)
"""


def part(folder: Path, name: str) -> Part:
    return Part(name, [sys.executable, "-c", CHILD, str(folder), name], environment={"PYTHONPATH": str(env.CHECKOUT)})


def pids(folder: Path, name: str) -> list[tuple[int, int]]:
    """(child, grandchild) for every start so far."""
    found = [(int(path.suffix[1:]), path.read_text()) for path in folder.glob(f"{name}.*")]
    return [(pid, int(grandchild)) for pid, grandchild in found if grandchild]


def wait_until(question: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def run_during(run: Supervisor, story: Callable[[], None]) -> None:
    """Run the supervisor here, where signals arrive, and the story beside it; the story's end stops it."""
    failures: list[BaseException] = []

    def tell() -> None:
        try:
            story()
        except BaseException as failure:
            failures.append(failure)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    teller = threading.Thread(target=tell)
    run.run(when_started=teller.start)
    teller.join()
    if failures:
        raise failures[0]


def test_parts_stop_in_reverse_and_take_their_grandchildren_with_them(tmp_path: Path) -> None:
    def story() -> None:
        wait_until(lambda: pids(tmp_path, "first") and pids(tmp_path, "second"))

    run_during(Supervisor([part(tmp_path, "first"), part(tmp_path, "second")], database=None), story)
    assert (tmp_path / "ended").read_text() == "second first "
    for name in ("first", "second"):
        [(child, grandchild)] = pids(tmp_path, name)
        wait_until(lambda: not alive(child) and not alive(grandchild))  # noqa: B023


def test_a_killed_part_starts_again_and_its_grandchildren_are_ended_first(tmp_path: Path) -> None:
    def story() -> None:
        wait_until(lambda: pids(tmp_path, "web"))
        [(child, grandchild)] = pids(tmp_path, "web")
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: len(pids(tmp_path, "web")) == 2)
        assert not alive(grandchild)

    run_during(Supervisor([part(tmp_path, "web")], database=None), story)


def test_a_child_ends_itself_and_its_own_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    runner = (
        "import sys; from pathlib import Path\n"
        "from tests.site.test_supervisor import part\nfrom alignment_site.supervisor import Supervisor\n"
        "Supervisor([part(Path(sys.argv[1]), 'web')], database=None).run(when_started=lambda: None)"
    )
    with subprocess.Popen([sys.executable, "-c", runner, str(tmp_path)], cwd=env.CHECKOUT) as process:
        wait_until(lambda: pids(tmp_path, "web"))
        process.kill()
    [(child, grandchild)] = pids(tmp_path, "web")
    wait_until(lambda: not alive(child) and not alive(grandchild))
    assert (tmp_path / "ended").read_text() == "web "


def test_a_second_signal_ends_the_patience_with_a_part_that_does_not_stop(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(); time.sleep(60)"
    run = Supervisor([Part("stubborn", [sys.executable, "-c", stubborn])], database=None)
    started = time.monotonic()

    def story() -> None:
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)

    run_during(run, story)
    assert time.monotonic() - started < supervisor.STOP_SECONDS / 2


def test_crashes_are_answered_ever_more_slowly_until_a_part_was_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    backoff = Backoff()
    waits = []
    for _ in range(8):
        backoff.begun()
        waits.append(backoff.crashed())
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    backoff.begun()
    now += supervisor.STEADY_SECONDS + 1
    assert backoff.crashed() == 0.5
