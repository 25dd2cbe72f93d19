"""The complete loop unattended: simulated people, the real queue, runs, gate and promotions, on the starter policy.

Everything goes the way it goes in the product: leases and verdicts by the judging actions, the posterior's owner,
reward and policy runs as child processes, duels at the gate. Only the clock differs: nobody waits for anybody.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from labeling.actions.judging import lease_next, submit_verdict
from labeling.actions.projecting import create_project
from labeling.actions.queueing import add_prompts
from labeling.models import Arm, Comparison, Lease, Person, Project
from training import filling
from training.answering import Shelf
from training.beginning import first_policy
from training.children import Children
from training.choosing import REWARDS, choose_reward
from training.dials import sampler
from training.duels import end_open_trial
from training.lab.annotators import Annotator, last_turn
from training.lab.bringing import answered_by, bring, people_of
from training.lab.measuring import Measured, best_of_16, compared, measure
from training.lab.reward_data import MAKERS
from training.lab.tastes import Taste
from training.learning.models import find_model, model_digest
from training.learning.rewards.needs import need_of
from training.learning.starter.prompts import held_out_prompts, training_prompts
from training.loop import Heart
from training.models import PolicyVersion, Run, Trial
from training.posterior.owner import Owner
from training.running import ask_for_run

DUELS_AT_MOST = 0.4  # of a round's judgments
PROMPTS = 640  # of the project; a quarter of them is held out for duels
MEASURED_ON = 1000
QUEUE = 96  # open comparisons: enough to measure features on their answers
TICK_EVERY = 5  # judgments
NEVER = 10**6  # the lab asks for its runs itself
RUN_SECONDS = 3600.0


class LabFailed(RuntimeError):
    """The loop could not be completed; the message says where it stood."""


@dataclass(frozen=True)
class Plan:
    """What `lab loop` was asked to do."""

    taste: Taste
    judgments: int = 300
    rounds: int = 2
    seed: int = 0
    noise: float = 0.1
    policy: str = "starter"
    recipe: Mapping[str, Any] = field(default_factory=dict)  # changes to the starter's policy recipe
    reward: str = ""  # a reward method; the project's own where none is named
    measured_on: int = MEASURED_ON

    def __post_init__(self) -> None:
        """Refuse a plan that has no meaning, in words."""
        if self.judgments < 20:
            raise ValueError(f"a round needs at least 20 judgments, not {self.judgments}")
        if self.rounds < 1:
            raise ValueError(f"there is at least one round, not {self.rounds}")

    @property
    def duels(self) -> int:
        """The most duels of a round."""
        return int(self.judgments * DUELS_AT_MOST)


@dataclass(frozen=True)
class Round:
    """What a round came to, before it is measured."""

    number: int
    judgments: int
    duels: int
    current: PolicyVersion
    promoted: bool
    seconds: float

    def __str__(self) -> str:
        """One line of progress."""
        answers = f"version {self.current.number} answers{', promoted now' if self.promoted else ''}"
        return f"round {self.number}: {self.judgments} judgments, {self.duels} of them duels; {answers}"


@dataclass
class Lab:
    """One project in a throw-away database, and the people who judge in it."""

    plan: Plan
    say: Any = lambda text: None
    judged: int = 0
    duels: int = 0
    heart: Heart = field(init=False)
    later: list[Callable[[], object]] = field(default_factory=list)
    best: float | None = None
    brought: int = 0  # labels beside verdicts, for a reward method that learns from such
    measured: dict[tuple[int, int], Measured] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Create the project, its owner, who is the only judge, and its first policy."""
        self.chance = random.Random(self.plan.seed)  # noqa: S311 - reproducible, not secret
        self.person = Person.objects.create_user(f"simulated-{self.plan.seed}", simulated=True)
        self.shelf = Shelf()
        self.project = self._project()
        self.annotator = Annotator(self.plan.taste, self.chance, self.plan.noise)
        self.heart = Heart(self.project, self.shelf, Children(background=False), self.chance)
        self.held_out = held_out_prompts(self.plan.measured_on, seed=self.plan.seed + 1)
        self.first = self.project.policies.get()
        self.before = self._measure(self.first, 0)

    def _project(self) -> Project:
        settings = {
            "name": "Lab",
            "train_every_judgments": NEVER,
            "duel_share": 0.9,
            "duel_budget": max(self.plan.duels, 10),
            "queue_target": QUEUE,
            "repeat_share": 0.0,
            "recipe": dict(self.plan.recipe),
        }
        project = create_project(by=self.person, settings=settings)
        # The split is drawn with the project's salt: a fixed one makes the lab repeatable.
        project.salt = f"lab-{self.plan.seed}"
        project.save(update_fields=["salt"])
        texts = training_prompts(PROMPTS, seed=self.plan.seed)
        add_prompts(
            project=project, conversations=[[{"role": "user", "content": text}] for text in texts], origin="lab"
        )
        folder = find_model(self.plan.policy)
        first_policy(project=project, directory=str(folder), digest=model_digest(folder))
        if self.plan.reward:
            self._prepare_for(self.plan.reward, project)
            project.refresh_from_db()
        return project

    def _prepare_for(self, key: str, project: Project) -> None:
        """Bring what the reward method learns from beside verdicts, where simulated people can tell it; choose it."""
        need = need_of(str(REWARDS[key].recipe.get("method", ""))) if key in REWARDS else "pairs"
        if need != "pairs" and need in MAKERS:
            plan, policy = self.plan, self.shelf.policy(project.policies.get())
            settings, labels = sampler(project), plan.judgments
            answered = answered_by(policy, project=project, settings=settings, prompts=labels, seed=plan.seed)
            people = people_of(plan.taste, plan.noise, plan.seed)
            self.brought = bring(
                project=project, by=self.person, answered=answered, people=people, need=need, labels=labels
            )
            self.say(f"{self.brought} simulated rows with {need} imported")
        choose_reward(project=project, by=self.person, key=key)

    def run(self) -> dict[str, Any]:
        """All rounds, and what they came to. Gold measures are made while runs are at work, where they can be."""
        self.later.append(self._best_of_16)
        rounds = []
        try:
            for number in range(1, self.plan.rounds + 1):
                rounds.append(self.round(number))
            self._measure_what_is_left()
        finally:
            self.heart.children.stop()
        told = {"best_of_16": self._best_of_16(), "rounds": [self._told(done) for done in rounds]}
        return {**told, "brought": self.brought} if self.brought else told

    def round(self, number: int) -> Round:
        """Judge, refit, retrain, duel; then what judgments are left go to the version that answers now."""
        began, self.judged, self.duels = time.monotonic(), 0, 0
        incumbent = self.project.policies.get(current=True)
        self.judge(self.plan.judgments - self.plan.duels)
        self.retrain()
        self.duel()
        self.judge(self.plan.judgments)
        current = self.project.policies.get(current=True)
        self.later.append(partial(self._measure, current, 1))
        done = Round(number, self.judged, self.duels, current, current != incumbent, time.monotonic() - began)
        self.say(f"{done}")
        return done

    def _told(self, done: Round) -> dict[str, Any]:
        after = self._measure(done.current, 1)
        return {
            "round": done.number,
            "judgments": done.judgments,
            "duels": done.duels,
            "promoted": done.promoted,
            **compared(after, self.before, self.held_out),
            "kl": done.current.kl or 0.0,
            "gold_utility": float(after.utility.mean()),
            "mean_words_before": self.before.mean_words,
            "mean_words_after": after.mean_words,
            "seconds": done.seconds,
        }

    def _best_of_16(self) -> float:
        if self.best is None:
            settings, policy = sampler(self.project), self.shelf.policy(self.first)
            self.best = best_of_16(policy, self.held_out, self.plan.taste, settings, self.plan.seed + 2)
            self.say(f"best of 16 by the taste itself: {self.best:.3f}")
        return self.best

    def _measure_what_is_left(self) -> None:
        while self.later:
            self.later.pop(0)()

    def _measure(self, version: PolicyVersion, draw: int) -> Measured:
        """Samples of a version, drawn once. Two draws of one version differ as those of two versions do."""
        if (version.pk, draw) not in self.measured:
            seed = self.plan.seed + 1000 * version.number + draw
            policy, settings = self.shelf.policy(version), sampler(self.project)
            found = measure(policy, self.held_out, self.plan.taste, settings, seed)
            self.measured[version.pk, draw] = found
        return self.measured[version.pk, draw]

    # --- judging

    def judge(self, upto: int) -> None:
        """Judge until the round has that many judgments."""
        while self.judged < upto:
            self._keep_filled(upto - self.judged)
            if not self._verdict():
                raise LabFailed(f"the queue was empty after {self.judged} judgments")
            if self.judged % TICK_EVERY == 0:
                self._tick()
        self._tick()

    def duel(self) -> None:
        """Duel until the gate has decided, or the round's share of duels is spent."""
        self.heart.beat()  # the finished run becomes a candidate
        while self._gate() and self.duels < self.plan.duels and self.judged < self.plan.judgments:
            if not self._verdict():
                raise LabFailed("a trial is open and no duel waits")
        if self._trial_open():
            end_open_trial(project=self.project, reason="The round's duels are spent.")

    def _gate(self) -> bool:
        """Let the gate look, and see that duels wait. Whether a trial is open then."""
        self.heart.beat()
        return self._trial_open()

    def _trial_open(self) -> bool:
        return self.project.trials.filter(state=Trial.State.OPEN).exists()

    def _keep_filled(self, needed: int) -> None:
        """Fill the queue, but not beyond what is judged before the next run: a promotion would withdraw the rest.

        The first time it is filled whole, because features are measured on its answers.
        """
        owner, shelf = self.heart.owner, self.shelf
        count = filling.missing(self.project)
        if owner is not None:
            count = min(count, needed - (self.project.queue_target - count))
        if count > 0:
            filling.fill(project=self.project, shelf=shelf, owner=owner, chance=self.chance, count=count)

    def _tick(self) -> None:
        if self.heart.owner is None:
            self.heart.owner = Owner(self.project, self.shelf)
        self.heart.owner.tick()

    def _verdict(self) -> bool:
        """Take a comparison and judge it. False when nothing waits."""
        lease = lease_next(person=self.person, project=self.project)
        if lease is None:
            return False
        comparison = Comparison.objects.select_related("prompt").get(pk=lease.comparison_id)
        answer = self._answer(lease, comparison)
        submitted = submit_verdict(
            person=self.person,
            lease_id=lease.id,
            uuid=self._uuid(),
            answer=answer,
            seconds=None,
            reason=self.annotator.reason(answer),
        )
        self.judged += 1
        self.duels += comparison.arm == Arm.DUEL
        return submitted.judgment.pk is not None

    def _answer(self, lease: Lease, comparison: Comparison) -> int:
        entries = comparison.entries.select_related("response").order_by("position")
        texts = {entry.position: last_turn(entry.response.messages) for entry in entries}
        left, right = (texts[position] for position in lease.order)
        return self.annotator.verdict(last_turn(comparison.prompt.messages), left, right)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    # --- runs

    def retrain(self) -> None:
        """Both runs at once: a reward model is in shadow at first, so the policy's run does not wait for it."""
        if self.heart.owner is not None:
            self.heart.owner.save()  # the policy's run takes the posterior from its row
        asked = [ask_for_run(project=self.project, kind=kind) for kind in (Run.Kind.POLICY, Run.Kind.REWARD)]
        for run in asked:
            self.heart.children.start(run)
        with one_thread():
            self._measure_what_is_left()
        for run in asked:
            self.finish(run)

    def finish(self, run: Run) -> None:
        """Wait for the end of a run. Raises LabFailed with the end of its log."""
        children = self.heart.children
        deadline = time.monotonic() + RUN_SECONDS
        run.refresh_from_db()
        while run.state in (Run.State.QUEUED, Run.State.RUNNING):
            if time.monotonic() > deadline:
                raise LabFailed(f"{run} took longer than {RUN_SECONDS:.0f} seconds")
            time.sleep(0.1)
            children.look_after(self.project)
            if run.state == Run.State.QUEUED:
                children.start(run)
            run.refresh_from_db()
        if run.state != Run.State.DONE:
            raise LabFailed(f"{run} ended as {run.state}: {run.error}")
        seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else 0
        self.say(f"{run} took {seconds:.0f} s: {_short(run.result)}")


@contextmanager
def one_thread() -> Iterator[None]:
    """Leave the other cores to the runs at work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _short(result: dict[str, Any]) -> str:
    plain = {key: value for key, value in result.items() if isinstance(value, int | float)}
    return ", ".join(f"{key} {value:.3g}" for key, value in plain.items())
