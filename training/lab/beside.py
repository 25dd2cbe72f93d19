"""A real training run beside a measurement: the refit of the reward model, in a child process, run after run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connections

from labeling.models import Project
from training.beginning import STARTER, STARTER_FILES, first_policy
from training.children import Children
from training.learning.digests import weights_digest
from training.models import Run
from training.running import ask_for_run

LOOK_SECONDS = 0.25
BEGIN_SECONDS = 120.0


@dataclass
class Beside:
    """What the thread saw of its runs."""

    looks: int = 0
    running: int = 0
    last: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> float:
        """The share of the time in which a run was at work."""
        return self.running / self.looks if self.looks else 0.0


@contextmanager
def training_beside(project: Project) -> Iterator[Beside]:
    """Keep a reward run going inside the block. It must have judgments to learn from.

    Raises RuntimeError when no run came to work within two minutes.
    """
    beside = Beside()
    thread = threading.Thread(target=_keep_going, args=[project, beside], name="training beside", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + BEGIN_SECONDS
        while not beside.running:
            if time.monotonic() > deadline or not thread.is_alive():
                raise RuntimeError(f"The training run did not begin to work. {beside.last}".strip())
            time.sleep(LOOK_SECONDS)
        beside.looks = beside.running = 0
        yield beside
    finally:
        beside.stopping.set()
        thread.join(30)


def _keep_going(project: Project, beside: Beside) -> None:
    first_policy(project=project, directory=STARTER, digest=weights_digest(STARTER_FILES))
    children = Children(background=True)
    try:
        while not beside.stopping.wait(LOOK_SECONDS):
            children.look_after(project)
            live = project.runs.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]).first()
            if live is None:
                beside.last = "; ".join(project.runs.exclude(error="").values_list("error", flat=True))
                ask_for_run(project=project, kind=Run.Kind.REWARD)
            children.start_queued(project)
            beside.looks += 1
            beside.running += live is not None and live.state == Run.State.RUNNING
    finally:
        children.stop()
        connections.close_all()
