"""People who judge over HTTP as the page does: what was not acknowledged is sent again, under the same id."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from alignment_site.benching.page_client import Form, Page, Unexpected

ANSWERS = (1, 2, 3, 4, 5, 6, 7, 9, 0)
AMENDMENTS = ANSWERS[:7]
AMEND_SHARE = 0.15
PACE = (0.2, 0.6)  # seconds between the sight of a comparison and its verdict
PATIENCE = 15.0  # seconds until a request counts as unanswered, as in the page
UNANSWERED = (OSError, asyncio.IncompleteReadError, TimeoutError)
Answer = TypeVar("Answer")


@dataclass
class Record:
    """What the server has acknowledged, and what happened on the way."""

    acknowledged: dict[tuple[int, str], int] = field(default_factory=dict)  # (person, client's id) -> answer
    amended: int = 0
    repeated: int = 0
    trouble: Counter[str] = field(default_factory=Counter)


class JudgingPage(Page):
    """The page's other requests."""

    async def open(self, path: str) -> Form | None:
        """Load the page on a connection of its own."""
        if hasattr(self, "writer"):
            self.close()
        return await super().open(path)

    async def undo(self, form: Form) -> Form | None:
        """Open the judgment made on a form's lease again."""
        headers = {"X-CSRFToken": form.fields["csrfmiddlewaretoken"], "HX-Request": "true"}
        opened = Form.found_in(await self._exchange("POST", form.action + "undo/", b"", headers))
        if opened is not None:
            opened.fields["back"] = "judge"
        return opened


@dataclass
class Judge:
    """One person at work until told to stop."""

    person: int
    page: JudgingPage
    path: str
    chance: random.Random
    record: Record
    stopping: threading.Event

    async def work(self) -> None:
        """Judge, and now and then think again about the last verdict."""
        form = await self.load()
        while not self.stopping.is_set():
            if form is None:  # the queue is empty: look again
                await asyncio.sleep(1.0)
                form = await self.load()
                continue
            await asyncio.sleep(self.chance.uniform(*PACE))
            following = await self.send(form, self.chance.choice(ANSWERS))
            form = await self.amend(form) if self.chance.random() < AMEND_SHARE else following
        self.page.close()

    async def amend(self, form: Form) -> Form | None:
        """Say something else about the comparison just judged."""
        opened = await self.insist(lambda: self.page.undo(form))
        assert opened is not None, "a judgment that was acknowledged cannot be opened again"
        self.record.amended += 1
        return await self.send(opened, self.chance.choice(AMENDMENTS))

    async def send(self, form: Form, answer: int) -> Form | None:
        """Send a verdict until it is acknowledged; the next comparison."""
        following = await self.insist(lambda: self.page.judge(form, answer, 2.0))
        self.record.acknowledged[self.person, form.fields["uuid"]] = answer
        return following

    async def load(self) -> Form | None:
        """Load the page, as often as it takes."""
        while True:
            try:
                return await asyncio.wait_for(self.page.open(self.path), PATIENCE)
            except (*UNANSWERED, Unexpected) as error:
                self.unanswered(error)
                await asyncio.sleep(0.3)

    async def insist(self, request: Callable[[], Awaitable[Answer]]) -> Answer:
        """Repeat a request until it is answered: the page is loaded again, and what it has kept is sent again."""
        while True:
            try:
                return await asyncio.wait_for(request(), PATIENCE)
            except (*UNANSWERED, Unexpected) as error:
                self.unanswered(error)
            self.record.repeated += 1
            await self.load()

    def unanswered(self, error: Exception) -> None:
        """Raises where the server has refused instead of failing."""
        if isinstance(error, Unexpected) and error.status < 500:
            raise error
        self.record.trouble[str(error)[:80] or type(error).__name__] += 1


@dataclass
class Judges:
    """All of them, in a thread of their own."""

    port: int
    path: str
    people: Sequence[tuple[int, dict[str, str]]]  # id, cookies
    seed: int
    record: Record = field(default_factory=Record)
    stopping: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None

    def __enter__(self) -> "Judges":
        self.thread = threading.Thread(target=self._run, name="judges", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()

    def stop(self, seconds: float = 60.0) -> None:
        """Let everybody finish what is on the desk. Raises what went wrong with one of them."""
        self.stopping.set()
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"a verdict is still not acknowledged: {self.record.trouble}"
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:
            self.failure = error

    async def _all(self) -> None:
        judges = [
            Judge(
                person,
                JudgingPage("127.0.0.1", self.port, cookies),
                self.path,
                random.Random(f"{self.seed}-{person}"),
                self.record,
                self.stopping,
            )
            for person, cookies in self.people
        ]
        await asyncio.gather(*(judge.work() for judge in judges))
