"""The heartbeat: what is due now. `due` decides from what is seen and touches nothing; `beat` sees and acts.

Every step is small, so that one beat takes seconds at most, and each can be repeated: whatever was cut short is
due again at the next beat.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from labeling.models import Project
from training import disk, filling
from training.adopting import adopt_finished
from training.answering import Shelf
from training.children import Children
from training.duelling import add_duels
from training.duels import decide, missing_duels, open_trial, settle
from training.gate import Verdict
from training.models import PolicyVersion, Run, Trial
from training.policies import drift_is_due
from training.posterior.owner import Owner
from training.running import CannotRun, ask_for_run
from training.shadow import Rewards, judge_shadow
from training.snapshot import held_out_prompts, training_count

TIDY_EVERY = timedelta(minutes=10)
AFTER_FAILURE = timedelta(minutes=10)


class Step(StrEnum):
    """What a beat may do, in the order in which it does it."""

    WATCH_DISK = "watch the disk"
    ADOPT = "adopt what runs have made"
    JUDGE_SHADOW = "judge the reward model in shadow"
    SETTLE = "settle duels"
    OPEN_TRIAL = "open a trial"
    OPEN_DRIFT_TRIAL = "open a drift check"
    ADD_DUELS = "add duels"
    FILL = "fill the queue"
    REPEAT = "add repeats"
    ASK_REWARD = "ask for a reward run"
    ASK_POLICY = "ask for a policy run"
    START = "start a queued run"
    TIDY = "tidy the disk"


@dataclass(frozen=True)
class Sight:
    """A project as the heartbeat sees it."""

    paused: bool = False
    missing_comparisons: int = 0
    missing_repeats: int = 0
    trial: bool = False
    missing_duels: int = 0
    held_out: bool = True
    candidate: bool = False
    drift: bool = False
    finished_runs: bool = False
    live_kinds: frozenset[str] = frozenset()
    queued: bool = False
    asked: bool = False  # … by a person
    since_reward: int = 0  # judgments since the last reward run's snapshot, counted as far as the schedule asks
    since_policy: int = 0
    refitted: bool = False  # the last reward run saw more than the last policy run
    minutes_since_reward: float = 0.0
    minutes_since_policy: float = 0.0
    shadow: bool = False
    minutes_since_tidied: float = 1e9


@dataclass(frozen=True)
class Schedule:
    """When the project wants its runs."""

    every_judgments: int
    every_minutes: int

    def asks(self, judgments: int, minutes: float) -> bool:
        """Whether enough judgments, or enough time with at least one, have passed."""
        timely = self.every_minutes > 0 and minutes >= self.every_minutes and judgments > 0
        return judgments >= self.every_judgments or timely


def due(sight: Sight, schedule: Schedule) -> list[Step]:
    """What is due. While paused nothing starts by itself: judged duels settle, and a person may still ask for a run."""
    steps = [Step.WATCH_DISK]
    steps += [Step.ADOPT] * sight.finished_runs
    steps += [Step.JUDGE_SHADOW] * sight.shadow
    steps += [Step.SETTLE] * sight.trial
    if sight.paused:
        return steps + [Step.START] * sight.asked
    steps += [Step.OPEN_TRIAL] * (sight.candidate and not sight.trial and sight.held_out)
    steps += [Step.OPEN_DRIFT_TRIAL] * (sight.drift and not sight.trial and not sight.candidate)
    steps += [Step.ADD_DUELS] * (sight.trial and sight.missing_duels > 0)
    steps += [Step.FILL] * (sight.missing_comparisons > 0)
    steps += [Step.REPEAT] * (sight.missing_repeats > 0)
    steps += _runs(sight, schedule)
    steps += [Step.TIDY] * (sight.minutes_since_tidied >= TIDY_EVERY / timedelta(minutes=1))
    return steps


def _runs(sight: Sight, schedule: Schedule) -> list[Step]:
    """The reward model is refitted first, then the policy; a policy waits while a candidate is at the gate.

    Where people judge faster than runs end, both are always due: then they take turns.
    """
    steps: list[Step] = []
    idle = not sight.live_kinds and not sight.finished_runs
    reward = idle and schedule.asks(sight.since_reward, sight.minutes_since_reward)
    free = idle and not sight.candidate and not sight.trial
    policy = free and schedule.asks(sight.since_policy, sight.minutes_since_policy)
    if policy and (sight.refitted or not reward):
        steps.append(Step.ASK_POLICY)
    elif reward:
        steps.append(Step.ASK_REWARD)
    if sight.queued or steps:
        steps.append(Step.START)
    return steps


@dataclass
class Heart:
    """One project's heartbeat in the process that holds its lock."""

    project: Project
    shelf: Shelf
    children: Children
    chance: random.Random = field(default_factory=random.Random)
    rewards: Rewards = field(default_factory=Rewards)
    owner: Owner | None = None
    tidied_at: datetime | None = None

    def beat(self) -> list[Step]:
        """See, decide, act. Returns what was done."""
        self.project.refresh_from_db()
        self.children.look_after(self.project)
        steps = due(self.see(), self.schedule())
        for step in steps:
            ACTIONS[step](self)
        return steps

    def schedule(self) -> Schedule:
        """The project's own."""
        return Schedule(self.project.train_every_judgments, self.project.train_every_minutes)

    def see(self) -> Sight:
        """Look at the project: a dozen small statements."""
        project = self.project
        trial = project.trials.filter(state=Trial.State.OPEN).first()
        runs = list(project.runs.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]))
        since_reward, minutes_reward, reward_mark = self._since(Run.Kind.REWARD)
        since_policy, minutes_policy, policy_mark = self._since(Run.Kind.POLICY)
        done = project.runs.filter(state=Run.State.DONE, policy__isnull=True, reward__isnull=True)
        return Sight(
            paused=project.paused,
            missing_comparisons=filling.missing(project),
            missing_repeats=filling.missing_repeats(project),
            trial=trial is not None,
            missing_duels=missing_duels(trial) if trial else 0,
            held_out=held_out_prompts(project).exists(),
            candidate=project.policies.filter(state=PolicyVersion.State.CANDIDATE).exists(),
            drift=drift_is_due(project) is not None,
            finished_runs=done.exists(),
            live_kinds=frozenset(run.kind for run in runs),
            queued=any(run.state == Run.State.QUEUED for run in runs),
            asked=any(run.state == Run.State.QUEUED and run.asked_by_id for run in runs),
            since_reward=since_reward,
            since_policy=since_policy,
            refitted=reward_mark > policy_mark,
            minutes_since_reward=minutes_reward,
            minutes_since_policy=minutes_policy,
            shadow=project.rewards.filter(state="shadow").exists(),
            minutes_since_tidied=_minutes_since(self.tidied_at),
        )

    def _since(self, kind: str) -> tuple[int, float, int]:
        """Judgments and minutes since the snapshot of the last run of a kind, whatever became of that run, and its
        mark. Of the judgments no more are counted than the schedule asks for."""
        rows = self.project.runs.filter(kind=kind).select_related("snapshot").order_by("pk")
        newest, last = rows.last(), rows.exclude(snapshot=None).last()
        if newest and newest.snapshot is None and timezone.now() - newest.created_at < AFTER_FAILURE:
            return 0, 0.0, 0  # it could not even begin: asking again at once would fail again
        mark = last.snapshot.watermark if last and last.snapshot else 0
        began = last.created_at if last else self.project.created_at
        enough = max(1, self.project.train_every_judgments)
        return training_count(self.project, since=mark, most=enough), _minutes_since(began), mark

    # --- acting

    def _watch_disk(self) -> None:
        disk.watch(self.project)

    def _adopt(self) -> None:
        adopt_finished(self.project)

    def _judge_shadow(self) -> None:
        judge_shadow(self.project, self.rewards)

    def _settle(self) -> None:
        trial = self._trial()
        if trial is None:
            return
        found = settle(trial=trial)
        if found is Verdict.UNDECIDED or not self.project.paused:
            decide(trial=trial, found=found)

    def _open_trial(self) -> None:
        candidate = self.project.policies.filter(state=PolicyVersion.State.CANDIDATE).first()
        if candidate is not None:
            open_trial(candidate=candidate)

    def _open_drift_trial(self) -> None:
        version = drift_is_due(self.project)
        if version is not None:
            open_trial(candidate=version, purpose=Trial.Purpose.DRIFT)

    def _add_duels(self) -> None:
        trial = self._trial()
        if trial is not None:
            add_duels(trial=trial, count=missing_duels(trial), shelf=self.shelf, chance=self.chance)

    def _fill(self) -> None:
        count = min(filling.SLICE, filling.missing(self.project))
        filling.fill(project=self.project, shelf=self.shelf, owner=self.owner, chance=self.chance, count=count)

    def _repeat(self) -> None:
        count = filling.missing_repeats(self.project)
        filling.add_repeats(project=self.project, count=count, chance=self.chance)

    def _ask(self, kind: str) -> None:
        with suppress(CannotRun):  # somebody asked at this moment, or it became impossible: the next beat sees
            ask_for_run(project=self.project, kind=kind)

    def _ask_reward(self) -> None:
        self._ask(Run.Kind.REWARD)

    def _ask_policy(self) -> None:
        self._ask(Run.Kind.POLICY)

    def _start(self) -> None:
        self.children.start_queued(self.project)

    def _tidy(self) -> None:
        disk.tidy(self.project)
        self.tidied_at = timezone.now()

    def _trial(self) -> Trial | None:
        return (
            self.project.trials.filter(state=Trial.State.OPEN)
            .select_related("project", "candidate", "incumbent")
            .first()
        )


ACTIONS: dict[Step, Callable[[Heart], None]] = {
    Step.WATCH_DISK: Heart._watch_disk,
    Step.ADOPT: Heart._adopt,
    Step.JUDGE_SHADOW: Heart._judge_shadow,
    Step.SETTLE: Heart._settle,
    Step.OPEN_TRIAL: Heart._open_trial,
    Step.OPEN_DRIFT_TRIAL: Heart._open_drift_trial,
    Step.ADD_DUELS: Heart._add_duels,
    Step.FILL: Heart._fill,
    Step.REPEAT: Heart._repeat,
    Step.ASK_REWARD: Heart._ask_reward,
    Step.ASK_POLICY: Heart._ask_policy,
    Step.START: Heart._start,
    Step.TIDY: Heart._tidy,
}


def _minutes_since(moment: datetime | None) -> float:
    return 1e9 if moment is None else (timezone.now() - moment) / timedelta(minutes=1)
