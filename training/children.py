"""Runs as child processes: prepared, started, looked after, started again when they were killed."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.utils import timezone

from alignment_site import lifeline
from alignment_site.patience import PATIENT
from labeling.actions.telling import tell_project
from labeling.models import Project
from training.caching import cache_folder
from training.dials import changed_recipe, changed_reward_recipe, policy_recipe, reward_recipe
from training.folders import located, project_folder, stored
from training.judging import judge_endpoint
from training.learning.devices import resolve
from training.learning.job import Job, finished
from training.learning.judged import Judged, write_judged
from training.learning.models import find_model
from training.learning.objectives.rationale import KEY as RATIONALE
from training.learning.recipes import PolicyRecipe, RewardRecipe
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.warm_start import GOES_ON_FROM
from training.learning.rewards.warm_start import KEY as WARM
from training.models import PolicyVersion, Posterior, RewardVersion, Run
from training.posterior.features import feature_folder, feature_policy
from training.reasons import lay_out_reasons
from training.running import LOG, State, complete, fail
from training.snapshot import NothingToTrainOn, judged_by_people, take_snapshot, training_prompts

ATTEMPTS = 5  # starts of one run without a step forward before it counts as failed
TERSE = {"TRANSFORMERS_VERBOSITY": "error"}  # that a new head has no weights yet is no news in a run's log
SILENT = timedelta(minutes=10)  # without a heartbeat a child hangs


def prepare(run: Run, *, background: bool = True, changes: dict[str, Any] | None = None) -> None:
    """Resolve everything that decides the result, and lay the job out in its directory. Once for each run.

    `background` leaves one core to the people who judge meanwhile; `changes` to the recipe hold for this run instead of
    the project's own. Raises NothingToTrainOn, or ValueError where the recipe makes no sense.
    """
    project = run.project
    base = project.policies.get(current=True)
    recipe: PolicyRecipe | RewardRecipe
    if run.kind == Run.Kind.POLICY:
        ours = policy_recipe(project) if changes is None else changed_recipe(project.policy_source, changes)
        # Each run draws its own samples; which, is decided now and stored.
        recipe = replace(ours, seed=ours.seed + run.pk)
    elif changes is None:
        recipe = reward_recipe(project)
    else:
        recipe = changed_reward_recipe(policy_recipe(project), changes)
    frozen = take_snapshot(project)
    folder = project_folder(project, "runs", str(run.pk))
    shutil.copyfile(located(frozen.path), folder / "snapshot.jsonl")
    compute = resolve(parameters=parameters_of(base), background=background).to_json()
    job = Job(
        kind=run.kind,
        base=located(base.directory),
        recipe=recipe.to_json(),
        compute=compute,
        cache=str(cache_folder(project)),
    )
    if run.kind == Run.Kind.POLICY:
        _write_policy_job(job, project, folder)
        if job.recipe["loss_type"] == RATIONALE:
            lay_out_reasons(folder, frozen.judgment_ids)
    else:
        replace(job, **_goes_on_from(project, job.recipe["method"])).write(folder)
        judged = judged_by_people(frozen.judgment_ids)
        write_judged(folder, (Judged(of, arm, answers) for of, (arm, answers) in judged.items()))
    _refuse_unfit(folder, recipe)
    run.snapshot, run.base, run.recipe = frozen, base, recipe.to_json()
    run.environment, run.directory = compute, stored(folder)
    run.save(update_fields=["snapshot", "base", "recipe", "environment", "directory"])


def _refuse_unfit(folder: Path, recipe: PolicyRecipe | RewardRecipe) -> None:
    from training.learning.jobs import refuse_unfit_job  # costs seconds, and few processes prepare a run
    from training.learning.rewards.methods import reward_method

    asks = isinstance(recipe, RewardRecipe) and bool(reward_method(recipe).judge)
    refuse_unfit_job(folder, judge=asks and judge_endpoint() is not None)


def _goes_on_from(project: Project, method: str) -> dict[str, Any]:
    """The active reward model and its snapshot, for a method that goes on from it. Nothing while there is none.

    Nor where that run kept nothing back: it was fitted to all prompts, and what is kept back now would flatter.
    """
    row = (
        project.rewards.filter(state=RewardVersion.State.ACTIVE, deleted_at__isnull=True).select_related("run").first()
    )
    if method != WARM or row is None or row.run is None or row.run.snapshot is None:
        return {}
    if row.run.recipe.get("method", "davidson") not in GOES_ON_FROM:
        return {}
    if not row.run.result.get("kept_back"):
        return {}
    return {"warm": located(row.directory), "learned": located(row.run.snapshot.path)}


def _write_policy_job(job: Job, project: Project, folder: Path) -> None:
    """A policy job comes with its prompts, the posterior and, where one is active, the deep reward model."""
    row = Posterior.objects.filter(project=project).first()
    reward = project.rewards.filter(state=RewardVersion.State.ACTIVE, deleted_at__isnull=True).first()
    anchor = project.policies.get(anchor=True)
    values: dict[str, Any] = {**job.__dict__, "anchor": located(anchor.directory)}
    if row is not None:
        values["features"] = str(feature_folder(project, row.model_digest))
        values["feature_policy"] = located(feature_policy(project).directory)
    if reward is not None:
        values["reward"] = located(reward.directory)
    Job(**values).write(
        folder,
        prompts=list(training_prompts(project).order_by("pk").values_list("messages", flat=True)),
        posterior=FastPosterior.from_bytes(bytes(row.state)) if row else None,
    )


def parameters_of(version: PolicyVersion) -> int:
    """About how many parameters a policy has, from the size of its weight files (two bytes each at least)."""
    return sum(file.stat().st_size for file in find_model(located(version.directory)).glob("*.safetensors")) // 2


def _has_ranker(run: Run) -> bool:
    """Whether what ranks a policy's samples is there. A young project's posterior comes within seconds: it waits."""
    project = run.project
    if run.kind != Run.Kind.POLICY or Posterior.objects.filter(project=project).exists():
        return True
    if project.rewards.filter(state=RewardVersion.State.ACTIVE, deleted_at__isnull=True).exists():
        return True
    Run.objects.filter(pk=run.pk).update(stage="waiting for the posterior")
    return False


@dataclass
class Children:
    """The runs that this process has started. They end with it: each holds the end of a pipe to it."""

    background: bool = True
    processes: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    def start_queued(self, project: Project) -> Run | None:
        """Start the project's oldest queued run, reward models before policies. One run of a project at a time."""
        if project.runs.filter(state=State.RUNNING).exists():
            return None
        run = project.runs.filter(state=State.QUEUED).order_by("-kind", "pk").first()
        return None if run is None else self.start(run)

    def start(self, run: Run) -> Run | None:
        """Start a queued run now. None when it cannot begin: it waits, or has failed with its reason."""
        if not _has_ranker(run):
            return None
        try:
            if run.snapshot_id is None:
                prepare(run, background=self.background)
        except (NothingToTrainOn, ValueError) as error:
            fail(run, str(error))
            return None
        self._start(run)
        return run

    def _start(self, run: Run) -> None:
        """The row says that it runs before the process does: whatever dies in between, no second one is started."""
        now = timezone.now()
        queued = Run.objects.filter(pk=run.pk, state=State.QUEUED)
        if not queued.update(
            state=State.RUNNING,
            attempts=run.attempts + 1,
            heartbeat_at=now,
            started_at=run.started_at or now,
            pid=None,
            pid_started=None,
        ):
            return  # cancelled a moment ago
        run.refresh_from_db()
        process = self._child(run)
        self.processes[run.pk] = process
        Run.objects.filter(pk=run.pk).update(pid=process.pid, pid_started=_started(process.pid))
        tell_project(run.project_id)

    def _child(self, run: Run) -> "subprocess.Popen[bytes]":
        read_end, _ = self.pipe
        polite = ["--background"] if self.background else []
        with Path(located(run.directory), LOG).open("ab") as out:
            return subprocess.Popen(
                [sys.executable, str(settings.BASE_DIR / "manage.py"), "train", "run", str(run.pk), *polite],
                cwd=settings.BASE_DIR,
                env={**os.environ, **PATIENT, **TERSE, lifeline.VARIABLE: str(read_end)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=(read_end,),
            )

    def look_after(self, project: Project) -> None:
        """Notice children that ended: one that was killed starts again, up to five times without a step forward."""
        for run in project.runs.filter(state=State.RUNNING):
            process = self.processes.get(run.pk)
            if process is not None and process.poll() is not None:
                del self.processes[run.pk]
                process = None
            elif process is not None or is_alive(run):
                if run.heartbeat_at and timezone.now() - run.heartbeat_at > SILENT:
                    end_process(run)
                continue
            run.refresh_from_db()
            if run.state == State.RUNNING:
                resume_or_fail(run)

    def stop(self) -> None:
        """Ask all children to leave a checkpoint and end."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self.processes.clear()


def resume_or_fail(run: Run) -> None:
    """After a child that ended without a word: done if its result lies there, else queued again, else failed."""
    result = finished(Path(located(run.directory))) if run.directory else None
    if result is not None:
        complete(run, result)
    elif run.cancel_asked_at is not None:
        now = timezone.now()
        Run.objects.filter(pk=run.pk, state=State.RUNNING).update(state=State.CANCELLED, finished_at=now)
    elif run.attempts >= ATTEMPTS:
        fail(run, f"It was killed {run.attempts} times without a step forward.")
    else:
        Run.objects.filter(pk=run.pk, state=State.RUNNING).update(state=State.QUEUED, pid=None, pid_started=None)
    tell_project(run.project_id)


def is_alive(run: Run) -> bool:
    """Whether the run's own process lives: a pid alone may be somebody else's by now."""
    try:
        process = psutil.Process(run.pid or 0)
        same = abs(process.create_time() - (run.pid_started or 0.0)) < 1.0
        return same and run.pid is not None and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end_process(run: Run) -> None:
    """Kill a run's process if it is still that process."""
    if is_alive(run):
        psutil.Process(run.pid).kill()


def _started(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
