"""What runs inside a run's child process: the job, with a heartbeat, its figures in the database, and a way to stop.

The training itself knows no Django: it reads a directory and calls `report` and `should_stop`. A database that
is away for a while stops nothing: figures are kept and written when it is back.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from labeling.actions.telling import tell_project
from training.caching import register_shards
from training.folders import located
from training.judging import judge_client
from training.learning.job import Stopped
from training.models import Metric, Run
from training.running import complete, fail

HEARTBEAT_SECONDS = 2.0
PATIENCE_SECONDS = 120.0  # how long the last word may wait for the database
NICE = 10
STAGES = ("sampling", "training", "watching", "measuring KL")  # as the learning core counts them

Train = Callable[[Path, Any, Any], dict[str, Any]]


class Child:
    """The run's link to the database, beside the training."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.cancelled = threading.Event()
        self.ending = threading.Event()
        self.began = run.step
        self.progress = (run.step, run.total)
        self.stage = run.stage
        self.figures: dict[tuple[str, int], float] = {}
        self.lock = threading.Lock()

    def report(self, step: int, total: int, metrics: dict[str, float]) -> None:
        """Take figures down; the heartbeat writes them."""
        with self.lock:
            self.progress = (step, total)
            self.stage = stage_of(metrics) or self.stage
            self.figures.update(
                {(name, step): float(value) for name, value in metrics.items() if name not in ("stage", "round")}
            )

    def should_stop(self) -> bool:
        """Whether the run was cancelled, or the worker is going down."""
        return self.cancelled.is_set() or self.ending.is_set()

    def beat(self) -> None:
        """Write what was reported, and ask whether to go on."""
        with self.lock:
            figures, (step, total), stage = self.figures, self.progress, self.stage
            self.figures = {}
        try:
            rows = [
                Metric(run=self.run, name=name[:64], step=at, value=value)
                for (name, at), value in figures.items()
                if value == value  # not a number is no figure
            ]
            # Steps that are repeated after a crash have the same figures.
            Metric.objects.bulk_create(rows, ignore_conflicts=True)
            mine = Run.objects.filter(pk=self.run.pk)
            forward = {"attempts": 1} if step > self.began else {}  # only starts that came to nothing are counted
            mine.update(step=step, total=total, stage=stage, heartbeat_at=timezone.now(), **forward)
            if mine.filter(cancel_asked_at__isnull=False).exists():
                self.cancelled.set()
            tell_project(self.run.project_id)
        except (OperationalError, InterfaceError):
            connection.close()
            with self.lock:
                self.figures = {**figures, **self.figures}

    def keep_beating(self, done: threading.Event) -> None:
        """The heartbeat's thread."""
        while not done.wait(HEARTBEAT_SECONDS):
            self.beat()
        connection.close()


def stage_of(metrics: dict[str, float]) -> str:
    """What a policy job is at, in words: its reports carry the stage's number and the round's."""
    if "stage" not in metrics:
        return ""
    name = STAGES[int(metrics["stage"])]
    return name if name == STAGES[-1] else f"round {int(metrics.get('round', 1))}: {name}"


def trainer_of(run: Run) -> Train:
    """The function that does the work of this kind of run."""
    from training.learning.jobs import TRAINERS, train_reward  # torch: only a child that trains pays for it
    from training.learning.recipes import RewardRecipe
    from training.learning.rewards.methods import reward_method

    if run.kind != Run.Kind.REWARD:
        return TRAINERS[run.kind]
    asks = reward_method(RewardRecipe.from_json(run.recipe)).judge
    return partial(train_reward, client=judge_client(run.project) if asks else None)


def execute(run: Run, train: Train | None = None) -> str:
    """Run a job to its end, a stop or a failure; returns the state it left the run in."""
    child, done = Child(run), threading.Event()
    heart = threading.Thread(target=child.keep_beating, args=[done], name="heartbeat", daemon=True)
    heart.start()
    before = signal.signal(signal.SIGTERM, lambda number, frame: child.ending.set())
    try:
        work = train or trainer_of(run)
        result = work(Path(located(run.directory)), child.report, child.should_stop)
        ending: Callable[[], None] = lambda: complete(run, result)  # noqa: E731
    except Stopped:
        ending = lambda: _stopped(run, cancelled=child.cancelled.is_set())  # noqa: E731
    except Exception as error:
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}"
        ending = lambda: fail(run, said)  # noqa: E731
    finally:
        done.set()
        heart.join(HEARTBEAT_SECONDS * 5)
        signal.signal(signal.SIGTERM, before)
    _insist(child.beat)
    _insist(ending)
    _insist(lambda: register_shards(run.project, run))
    run.refresh_from_db()
    return str(run.state)


def _stopped(run: Run, *, cancelled: bool) -> None:
    """A run that left a checkpoint: cancelled for good, or waiting for the next worker."""
    left = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING)
    if cancelled:
        left.update(state=Run.State.CANCELLED, finished_at=timezone.now())
    else:
        left.update(state=Run.State.QUEUED, pid=None, pid_started=None, attempts=max(run.attempts - 1, 0))
    tell_project(run.project_id)


def _insist(write: Callable[[], object]) -> None:
    """Write, and try again for two minutes while the database is away. The result lies on disk all the same."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            write()
            return
        except DatabaseError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)


def main(run_id: int, *, background: bool) -> int:
    """The child process; in the background it is polite to everything else on the machine."""
    if background:
        os.nice(NICE)
    run = Run.objects.select_related("project").get(pk=run_id)
    sys.stdout.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} {run} starts, attempt {run.attempts}\n")
    sys.stdout.flush()
    state = execute(run)
    sys.stdout.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} {run} ended: {state}\n")
    return 0 if state in (Run.State.DONE, Run.State.CANCELLED, Run.State.QUEUED) else 1
