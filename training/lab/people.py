"""`lab people`: simulated people who judge over HTTP, through the same interface as any program.

Their accounts say that they are simulated, and so does each of their judgments (source *simulation*).
"""

import json
import random
import threading
import time
import uuid
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections
from django.utils.text import slugify

from alignment_site.serving import is_healthy, served
from labeling.actions.inviting import add_simulated_person
from labeling.actions.tokens import create_token, revoke_token
from labeling.models import Person, Project
from training.lab.annotators import Annotator, last_turn
from training.lab.tastes import load_taste

TRIES = 8  # of one request, with growing pauses: a web process may be restarting
LOOK_SECONDS = 0.5  # how often somebody with an empty queue looks again

Say = Callable[[str], None]


class LabTrouble(Exception):
    """The people cannot go on; the message says what to do."""


@dataclass
class Client:
    """A kept-alive connection that is signed in by a token."""

    url: str
    token: str
    connection: HTTPConnection | None = None

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Send JSON; the status and the reply. A lost connection is tried again: every request here may be repeated.

        Raises LabTrouble when the server stays silent or has a problem.
        """
        content = json.dumps(body or {}).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        trouble = ""
        for attempt in range(TRIES):
            try:
                connection = self._open()
                connection.request("POST", path, content, headers)
                reply = connection.getresponse()
                text = reply.read()
                if reply.status < 500:
                    return reply.status, json.loads(text or b"{}")
                trouble = f"it answered {reply.status}"
            except (OSError, HTTPException) as error:
                trouble = str(error) or type(error).__name__
            self.close()
            time.sleep(0.1 * 2**attempt)
        raise LabTrouble(f"{self.url}{path} does not answer: {trouble}.")

    def _open(self) -> HTTPConnection:
        if self.connection is None:
            parts = urlsplit(self.url)
            kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
            self.connection = kind(parts.hostname or "", parts.port, timeout=60)
        return self.connection

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


@dataclass
class Work:
    """What is left to do for all of them together, and what was done."""

    left: int
    patience: float  # seconds that somebody waits at an empty queue
    done: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    conflicts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Take one judgment to make, if any is left."""
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def made(self, answer: int) -> int:
        with self.lock:
            self.done += 1
            self.answers[answer] += 1
            return self.done

    def refused(self) -> None:
        """Another tab of the same person was faster: the judgment is still to be made."""
        with self.lock:
            self.left += 1
            self.conflicts += 1


def judge(client: Client, slug: str, annotator: Annotator, work: Work, *, pace: float, say: Say) -> None:
    """One simulated person at work until nothing is left to do or the queue stays empty."""
    task = _next(client, slug, work.patience)
    while task is not None and work.take():
        answer = annotator.verdict(last_turn(task["prompt"]), *(_text(shown) for shown in task["responses"]))
        time.sleep(pace)
        seconds = max(pace, annotator.chance.lognormvariate(2.3, 0.6))  # what a reader of this much would need
        verdict = {"uuid": str(uuid.uuid4()), "answer": answer, "seconds": round(seconds, 2)}
        status, reply = client.post(f"/api/projects/{slug}/leases/{task['lease']}/verdict/", verdict)
        if status == 200:
            if (done := work.made(answer)) % 50 == 0:
                say(f"{done} judgments")
            task = reply["next"]["task"] or _next(client, slug, work.patience)
        elif status == 409:
            work.refused()
            task = _next(client, slug, work.patience)
        else:
            raise LabTrouble(f"A verdict was refused ({status}): {reply}")
    if task is not None:
        client.post(f"/api/projects/{slug}/leases/{task['lease']}/release/")


def _next(client: Client, slug: str, patience: float) -> dict[str, Any] | None:
    """The next comparison; None when the queue stayed empty for `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        status, reply = client.post(f"/api/projects/{slug}/lease/")
        if status != 200:
            raise LabTrouble(f"The queue cannot be read ({status}): {reply}")
        if reply["task"] is not None or time.monotonic() >= deadline:
            return reply["task"]  # type: ignore[no-any-return]
        time.sleep(LOOK_SECONDS)


def _text(shown: Mapping[str, Any]) -> str:
    return last_turn(shown["messages"])


# --- the command


def add_people_arguments(parser: ArgumentParser) -> None:
    """The options of `lab people`."""
    parser.add_argument("--project", required=True, help="the project's short name, as in its address")
    parser.add_argument("--taste", required=True, help="a built-in taste, or PATH:FUNCTION(prompt, response)")
    parser.add_argument("--count", type=int, default=4, help="how many people judge at a time")
    parser.add_argument("--noise", type=float, default=0.1, help="share of verdicts that are turned round")
    parser.add_argument("--bias", type=float, default=0.1, help="how often the left side wins when both are close")
    parser.add_argument("--judgments", type=int, default=300, help="of all of them together")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between reading and verdict")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds to wait at an empty queue")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--url", default="", help="where Heed answers (HEED_URL)")


def run_people(options: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Let simulated people judge. Returns what they did: {judgments, conflicts, seconds, answers}.

    Raises LabTrouble or ValueError with a message for whoever gave the command.
    """
    project = Project.objects.filter(slug=options["project"]).first()
    if project is None:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:10]) or "none yet"
        raise LabTrouble(f"There is no project {options['project']!r}. There are: {known}.")
    load_taste(options["taste"])  # a taste that is none is said before anybody is made a member
    if not 1 <= options["count"] <= 200 or options["judgments"] < 1:
        raise LabTrouble("Give a --count from 1 to 200 and at least one of --judgments.")
    work = Work(left=options["judgments"], patience=options["patience"])
    started = time.monotonic()
    with ExitStack() as stack:
        url = stack.enter_context(_answering(options["url"], say))
        names = [f"lab-{_short(options['taste'])}-{number}" for number in range(1, options["count"] + 1)]
        clients = [stack.enter_context(_signed_in(project, name, url)) for name in names]
        connections.close_all()
        pool = stack.enter_context(ThreadPoolExecutor(len(clients)))
        futures = [
            pool.submit(judge, client, project.slug, annotator, work, pace=options["pace"], say=say)
            for annotator, client in zip(_annotators(options), clients, strict=True)
        ]
        for future in futures:
            future.result()
    return {
        "judgments": work.done,
        "conflicts": work.conflicts,
        "seconds": round(time.monotonic() - started, 2),
        "answers": {str(answer): count for answer, count in sorted(work.answers.items())},
    }


def _annotators(options: Mapping[str, Any]) -> list[Annotator]:
    taste = load_taste(options["taste"])
    chances = [random.Random(f"{options['seed']}-{number}") for number in range(options["count"])]  # noqa: S311
    return [Annotator(taste, chance, options["noise"], options["bias"]) for chance in chances]


def _short(taste: str) -> str:
    """A taste's name, fit for an account's."""
    return slugify(taste.rpartition(":")[2])[:40] or "taste"


@contextmanager
def _signed_in(project: Project, name: str, url: str) -> Iterator[Client]:
    """A simulated member of the project, signed in by a token that ends with the command."""
    person: Person = add_simulated_person(project=project, name=name)
    token, secret = create_token(person=person, name="lab people")
    with closing(Client(url, secret)) as client:
        try:
            yield client
        finally:
            revoke_token(token=token)


@contextmanager
def _answering(url: str, say: Say) -> Iterator[str]:
    """The address of a Heed that answers: the one named, the one that runs, else one started for this command."""
    wanted = (url or settings.HEED_URL).rstrip("/")
    if is_healthy(wanted):
        server: Any = nullcontext()
    elif url:
        raise LabTrouble(f"No Heed answers at {wanted}.")
    else:
        say(f"No Heed answers at {wanted}: its web server runs for as long as this command.")
        server = served()
    with server:
        yield wanted
