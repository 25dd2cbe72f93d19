"""`bench posterior`: how long a judgment takes to reach the posterior and the queue's order, on the real worker.

Judgments come in at a fixed rate through the real actions, on a project that holds a year's work: ten thousand
open comparisons and a hundred thousand judgments. A watcher asks the database, fifty times a second, which
judgments have been predicted (the owner does so right before it learns them) and whether the first 250 places
have been scored anew. A judgment's order is there when the last of the rows that its tick rewrites is.
"""

import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations, islice

import numpy as np
from django.db import connection, connections

from alignment_site import env
from alignment_site.benching.judging import WORDS, durability, percentile
from labeling.actions import judging
from labeling.actions.bulk import copy_rows, reserve_ids
from labeling.actions.projecting import pause_project
from labeling.actions.queueing import NewComparison, NewResponse, add_comparisons, add_prompts, add_responses
from labeling.models import Arm, Comparison, Judgment, Membership, Person, Project, Role, Split, State
from training.answering import Shelf
from training.beginning import begin_project
from training.models import Posterior, ResponseFeatures, Run
from training.posterior.features import feature_model
from training.running import ask_for_run

ANSWERS_EACH = 8  # responses of one prompt
OVERLAP = 2
TYPISTS = 4  # threads that judge
LOOK_SECONDS = 0.02
LATEST_SECONDS = 30.0  # a judgment that is not learned by then counts as lost
READY_SECONDS = 240.0
PREDICTED = "SELECT id, judgment_id FROM training_prediction WHERE model = 'posterior' AND id > %s ORDER BY id"
PLACES = """
SELECT id, score FROM labeling_comparison WHERE project_id = %s AND arm = 'chosen' AND state = 'open'
ORDER BY score DESC NULLS LAST, id LIMIT 250
"""


class NotReady(RuntimeError):
    """The worker did not come so far; the message says how far."""


# --- what is judged


@dataclass(frozen=True)
class World:
    """A project as after a year, and the people who go on."""

    project: Project
    people: list[Person]


def fill(*, open_now: int, stored: int) -> World:
    """A project with so many open comparisons and stored judgments, whose features are all known."""
    chance = random.Random(7)  # noqa: S311
    owner = Person.objects.create_user("bench-owner")
    project = begin_project(by=owner, settings={"name": "Bench", "held_out_share": 0.02, "overlap": OVERLAP})
    pause_project(project=project, by=owner, reason="Only the benchmark asks for runs.")
    people = [Person.objects.create_user(f"bench-{number}", simulated=True) for number in range(2 * TYPISTS)]
    Membership.objects.bulk_create(Membership(project=project, person=one, role=Role.ANNOTATOR) for one in people)
    pairs = _pairs(project, open_now + stored // OVERLAP, chance)
    judged, waiting = pairs[open_now:], pairs[:open_now]
    _add_judged(project, judged, people[:OVERLAP])
    new = [NewComparison(prompt, pair, Arm.CHOSEN, method="bench") for prompt, pair in waiting]
    add_comparisons(project=project, comparisons=new)
    _add_features(project, sorted({response for _, pair in pairs for response in pair}))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return World(project, people)


def _text(chance: random.Random, low: int, high: int) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(low, high)))


def _pairs(project: Project, count: int, chance: random.Random) -> list[tuple[int, list[int]]]:
    """So many pairs of responses, each with its prompt, in random order."""
    each = ANSWERS_EACH * (ANSWERS_EACH - 1) // 2
    talks = [[{"role": "user", "content": f"{number}: {_text(chance, 8, 30)}?"}] for number in range(2 * count // each)]
    prompts = [new.id for new in add_prompts(project=project, conversations=talks) if new.split == Split.TRAIN]
    answers = [
        NewResponse(prompt, [{"role": "assistant", "content": _text(chance, 20, 60)}])
        for prompt in prompts
        for _ in range(ANSWERS_EACH)
    ]
    made = iter(add_responses(responses=answers))
    groups = [(prompt, list(islice(made, ANSWERS_EACH))) for prompt in prompts]
    pairs = [(prompt, list(pair)) for prompt, responses in groups for pair in combinations(responses, 2)]
    return chance.sample(pairs, count)


def _add_judged(project: Project, pairs: Sequence[tuple[int, list[int]]], people: Sequence[Person]) -> None:
    """Comparisons that have all their judgments."""
    chance = random.Random(8)  # noqa: S311
    new = [NewComparison(prompt, pair, Arm.CHOSEN, method="bench") for prompt, pair in pairs]
    made = add_comparisons(project=project, comparisons=new)
    Comparison.objects.filter(pk__in=made).update(state=State.FULL, taken=len(people))
    rows = (
        (uuid.uuid4(), project.pk, pk, person.pk, chance.choice((1, 2, 3, 4, 5, 6, 7)), [0, 1], "simulation")
        for pk in made
        for person in people
    )
    copy_rows(Judgment, ("uuid", "project", "comparison", "person", "answer", "order_shown", "source"), rows)


def _add_features(project: Project, responses: Sequence[int]) -> None:
    """The feature model is the real one, measured as the worker would; the vectors are random, of its usual size."""
    model = feature_model(project, Shelf())
    ids, draw = reserve_ids(ResponseFeatures, len(responses)), np.random.default_rng(9)
    rows = (
        (pk, response, model.digest, (draw.standard_normal(256) / np.sqrt(512)).astype("<f4").tobytes())
        for pk, response in zip(ids, responses, strict=True)
    )
    copy_rows(ResponseFeatures, ("id", "response", "model_digest", "vector"), rows)


# --- who judges, and who watches


@dataclass
class Arrivals:
    """When each judgment was committed."""

    committed: dict[int, float] = field(default_factory=dict)

    def judge(self, world: World, people: Sequence[Person], every: float, until: float) -> None:
        """One thread: a verdict every so many seconds, by its people in turn."""
        chance = random.Random(people[0].pk)  # noqa: S311
        leases = {one.pk: judging.lease_next(person=one, project=world.project) for one in people}
        due = time.monotonic() + chance.uniform(0, every)
        turn = 0
        while due < until:
            time.sleep(max(0.0, due - time.monotonic()))
            person, due, turn = people[turn % len(people)], due + every, turn + 1
            lease = leases[person.pk]
            if lease is None:
                raise NotReady("The queue ran dry: give more open comparisons.")
            answer = chance.choice((1, 2, 3, 4, 5, 6, 7))
            done = judging.submit_verdict(
                person=person, lease_id=lease.pk, uuid=uuid.uuid4(), answer=answer, seconds=3.0
            )
            self.committed[done.judgment.pk] = time.monotonic()
            leases[person.pk] = done.next_lease
        connections.close_all()


@dataclass
class Watcher:
    """What is seen in the database, and when."""

    project_id: int
    seen_to: int = 0
    groups: list[tuple[float, list[int]]] = field(default_factory=list)  # judgments predicted since the last look
    rewritten: list[float] = field(default_factory=list)  # when places were found scored anew
    places: dict[int, float] = field(default_factory=dict)
    ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until told to stop."""
        while not self.ending.wait(LOOK_SECONDS):
            self.look()
        connections.close_all()

    def look(self) -> None:
        """Predictions first: an order seen with them is that of their tick or a later one."""
        with connection.cursor() as cursor:
            cursor.execute(PREDICTED, [self.seen_to])
            predicted = cursor.fetchall()
            cursor.execute(PLACES, [self.project_id])
            places = dict(cursor.fetchall())
        now = time.monotonic()
        if predicted:
            self.seen_to = predicted[-1][0]
            self.groups.append((now, [row[1] for row in predicted]))
        if any(score != self.places.get(pk, score) for pk, score in places.items()):
            self.rewritten.append(now)
        self.places = places

    def delays(self, committed: dict[int, float]) -> tuple[list[float], list[float]]:
        """Seconds from commit to prediction, and to the end of the order's rewriting, of all that were learned."""
        learned, ordered = [], []
        ends = [at for at, _ in self.groups[1:]] + [float("inf")]
        for (at, judgments), end in zip(self.groups, ends, strict=True):
            own = [moment for moment in self.rewritten if at <= moment < end]
            after = own[-1] if own else min((moment for moment in self.rewritten if moment >= end), default=None)
            for pk in set(judgments) & set(committed):
                learned.append(at - committed[pk])
                if after is not None:
                    ordered.append(after - committed[pk])
        return learned, ordered


# --- measuring


@contextmanager
def worker() -> Iterator[None]:
    """The real worker, for as long as the block."""
    process = subprocess.Popen([sys.executable, str(env.CHECKOUT / "manage.py"), "worker"], cwd=env.CHECKOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _wait(question: str, seconds: float, ready: "Iterator[bool]") -> None:
    deadline = time.monotonic() + seconds
    while not next(ready):
        if time.monotonic() > deadline:
            raise NotReady(f"{question}: not within {seconds:.0f} s.")
        time.sleep(0.2)


def _learned(project: Project, count: int) -> Iterator[bool]:
    while True:
        yield Posterior.objects.filter(project=project, judgments__gte=count).exists()


def _at_work(run: Run) -> Iterator[bool]:
    while True:
        run.refresh_from_db()
        if run.state == Run.State.FAILED:
            raise NotReady(f"The run failed: {run.error}")
        yield run.state == Run.State.RUNNING and bool(run.stage)


def window(world: World, *, rate: float, seconds: float) -> dict[str, float]:
    """Judgments at `rate` for some seconds, and what became of them."""
    arrivals, watcher = Arrivals(), Watcher(world.project.pk)
    watcher.look()
    watcher.groups.clear()
    until = time.monotonic() + seconds
    shares = [world.people[OVERLAP + number :: TYPISTS] for number in range(TYPISTS)]
    typists = [
        threading.Thread(target=arrivals.judge, args=[world, share, TYPISTS / rate, until]) for share in shares if share
    ]
    watching = threading.Thread(target=watcher.run)
    for thread in (watching, *typists):
        thread.start()
    for thread in typists:
        thread.join()
    deadline = time.monotonic() + LATEST_SECONDS
    while len(arrivals.committed) > sum(len(found) for _, found in watcher.groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)  # the last order
    watcher.ending.set()
    watching.join()
    learned, ordered = watcher.delays(arrivals.committed)
    if not learned or not ordered:
        raise NotReady("No judgment was learned while the benchmark watched.")
    return {
        "judgments_per_s": round(len(arrivals.committed) / seconds, 1),
        **_summary("posterior", learned),
        **_summary("order", ordered),
        "not_learned": len(arrivals.committed) - len(learned),
        "ticks": len(watcher.groups),
    }


def _summary(name: str, seconds: Sequence[float]) -> dict[str, float]:
    told = {"p50": percentile(seconds, 0.5), "p95": percentile(seconds, 0.95), "max": max(seconds)}
    return {f"{name}_{key}_ms": round(1000 * value) for key, value in told.items()}


def measure(*, seconds: float, rate: float, open_now: int, stored: int) -> dict[str, object]:
    """Two windows: without a training run and with one at work. Raises NotReady when the worker does not come up."""
    world = fill(open_now=open_now, stored=stored)
    with worker():
        _wait("The posterior has learned what is stored", READY_SECONDS, _learned(world.project, stored))
        alone = window(world, rate=rate, seconds=seconds)
        run = ask_for_run(project=world.project, kind=Run.Kind.POLICY, by=world.people[0])
        _wait("A training run is at work", READY_SECONDS, _at_work(run))
        beside = window(world, rate=rate, seconds=seconds)
        run.refresh_from_db()
        if run.state != Run.State.RUNNING:
            raise NotReady(f"The training run ended while it was to work: {run.state} {run.error}")
    return {
        "alone": alone,
        "training": {**beside, "stage": run.stage},
        "open": open_now,
        "stored": stored,
        "processors": os.cpu_count(),
        **durability(),
    }
