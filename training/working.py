"""The worker: for each project whose lock it gets, a heartbeat and a posterior; besides, tryouts and transfers.

Each project has two threads of its own, so that a long step of the loop (sampling, say) never keeps a judgment
from the posterior. A thread that fails says why, waits a little and begins anew from what the database holds.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import structlog
import torch
from django.db import DatabaseError, connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from alignment_site.migrating import behind
from labeling.models import Project
from training.answering import Shelf
from training.children import Children
from training.erasing import clear_erased
from training.loop import Heart
from training.ownership import Ownership
from training.posterior.features import NotYet
from training.posterior.owner import Owner
from training.reasons import clear_reasons
from training.steering import Steerer
from training.tasks import QUEUE, enqueue_waiting

log = structlog.get_logger("heed.worker")

LOOK_SECONDS = 2.0  # between two looks for new projects
BEAT_SECONDS = 1.0
TICK_SECONDS = 0.2
TRY_SECONDS = 0.3
TIDY_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


@dataclass
class Keeper:
    """One project that this process looks after."""

    project: Project
    ownership: Ownership
    shelf: Shelf
    children: Children
    stopping: threading.Event
    lost: threading.Event = field(default_factory=threading.Event)
    owner: Owner | None = None
    heart: Heart = field(init=False)
    threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.heart = Heart(self.project, self.shelf, self.children)

    def start(self) -> None:
        """Begin both threads."""
        for name, step, pause in (("heart", self.beat, BEAT_SECONDS), ("posterior", self.tick, TICK_SECONDS)):
            thread = threading.Thread(
                target=self._keep, args=[name, step, pause], name=f"{name} {self.project.slug}", daemon=True
            )
            self.threads.append(thread)
            thread.start()

    @property
    def over(self) -> bool:
        """Whether this process no longer looks after the project."""
        return self.stopping.is_set() or self.lost.is_set()

    def beat(self) -> None:
        """One heartbeat, while the lock is ours."""
        if not self.ownership.holds():
            self.lost.set()
            return
        self.heart.owner = self.owner
        self.heart.beat()

    def tick(self) -> None:
        """One tick of the posterior, as soon as there is something to measure features on."""
        if self.owner is None:
            try:
                self.owner = Owner(Project.objects.get(pk=self.project.pk), self.shelf)
            except NotYet:
                return
        self.owner.tick()

    def _keep(self, name: str, step: Callable[[], None], pause: float) -> None:
        """Repeat a step until the end; after a failure from the database's state, after a growing pause."""
        wait = FIRST_PAUSE
        while not self.over:
            try:
                step()
                wait = FIRST_PAUSE
                self.stopping.wait(pause)
            except Exception as error:
                log.exception("a step failed and is tried again", thread=name, error=str(error), wait=wait)
                if name == "posterior":
                    self.owner = None
                connection.close()
                self.stopping.wait(wait)
                wait = min(wait * 2, LONGEST_PAUSE)
        if name == "posterior" and self.owner is not None and not self.lost.is_set():
            self._close_owner(self.owner)
        connection.close()

    def _close_owner(self, owner: Owner) -> None:
        try:
            owner.close()
        except DatabaseError as error:
            log.warning("the posterior was not saved at the end", error=str(error))


class Worker:
    """All that one worker process does, until `stopping` is set."""

    def __init__(self, *, slugs: list[str] | None = None) -> None:
        self.stopping = threading.Event()
        self.slugs = slugs
        self.shelf = Shelf()
        self.children = Children()
        self.keepers: dict[int, Keeper] = {}
        self.tidied_at = float("-inf")

    def run(self) -> None:
        """Look after projects until asked to stop."""
        torch.set_num_threads(1)  # people judge on this machine, and a run wants the other cores
        others = [
            threading.Thread(target=self._tryouts, name="tryouts", daemon=True),
            threading.Thread(target=self._transfers, name="transfers", daemon=True),
        ]
        for thread in others:
            thread.start()
        while not self.stopping.is_set():
            try:
                self._look()
            except DatabaseError as error:
                log.warning(behind(error) or "the database does not answer", error=str(error).strip())
                connection.close()
            self.stopping.wait(LOOK_SECONDS)
        self._end()

    def _look(self) -> None:
        """Take up projects that nobody looks after; let go of lost and archived ones."""
        rows = Project.objects.filter(archived_at__isnull=True)
        if self.slugs:
            rows = rows.filter(slug__in=self.slugs)
        projects = {project.pk: project for project in rows}
        for pk in [pk for pk, keeper in self.keepers.items() if keeper.over or pk not in projects]:
            keeper = self.keepers.pop(pk)
            keeper.lost.set()
            for thread in keeper.threads:
                thread.join(30)
            keeper.ownership.release()
        for pk in projects.keys() - self.keepers.keys():
            ownership = Ownership(pk)
            if ownership.acquire():
                keeper = Keeper(projects[pk], ownership, self.shelf, self.children, self.stopping)
                self.keepers[pk] = keeper
                keeper.start()
        enqueue_waiting()
        self._tidy()

    def _tidy(self) -> None:
        """Delete people's reasons and erased files that must go: here too, because a long import keeps the queue."""
        if time.monotonic() - self.tidied_at < TIDY_SECONDS:
            return
        self.tidied_at = time.monotonic()
        try:
            clear_reasons()
            clear_erased()
        except (OSError, ValueError) as error:  # a full disk, a torn file: the next minute tries again
            log.warning("what must go could not be deleted yet", error=str(error))

    def _tryouts(self) -> None:
        steerer = Steerer(self.shelf)
        while not self.stopping.wait(TRY_SECONDS):
            try:
                for keeper in list(self.keepers.values()):
                    steerer.answer_waiting(keeper.project)
            except DatabaseError:
                connection.close()
                self.stopping.wait(FIRST_PAUSE)
        connection.close()

    def _transfers(self) -> None:
        """Procrastinate's own worker, on an event loop of this thread."""
        while not self.stopping.is_set():
            try:
                asyncio.run(self._procrastinate())
            except Exception as error:  # it raises what its driver raises; the next attempt is the remedy
                log.warning("the job queue is interrupted", error=str(error).strip())
                self.stopping.wait(FIRST_PAUSE)

    async def _procrastinate(self) -> None:
        connector = cast(DjangoConnector, app.connector).get_worker_connector()
        with app.replace_connector(connector) as working:
            async with working.open_async():
                running = asyncio.create_task(
                    working.run_worker_async(queues=[QUEUE, "builtin"], concurrency=1, install_signal_handlers=False)
                )
                while not self.stopping.is_set() and not running.done():
                    await asyncio.sleep(0.2)
                if not running.done():
                    running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    def _end(self) -> None:
        deadline = time.monotonic() + 8.0
        self.children.stop()
        for keeper in self.keepers.values():
            for thread in keeper.threads:
                thread.join(max(0.1, deadline - time.monotonic()))
            keeper.ownership.release()
