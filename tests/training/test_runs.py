"""Runs: asked for, cancelled, done in a child, and taken over."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeling.models import Project
from tests.training.cast import a_comparison, a_judgment, a_person, a_policy, a_project, a_prompt
from training import child, children, running, snapshot
from training.adopting import adopt_finished
from training.folders import located, project_folder, stored
from training.learning.job import Job, Stopped
from training.models import Metric, Run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def everything_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: 2**62)


def ready() -> Project:
    project = a_project()
    a_policy(project, 1, current=True, anchor=True)
    return project


def at_work(project: Project, kind: str = "reward") -> Run:
    folder = project_folder(project, "runs", f"{kind}-{project.pk}")
    return Run.objects.create(project=project, kind=kind, state="running", directory=stored(folder), attempts=1)


def test_a_run_is_queued_once_for_each_kind() -> None:
    project = ready()
    owner = a_person(project)
    run = running.ask_for_run(project=project, kind="reward", by=owner)
    assert (run.state, run.asked_by) == ("queued", owner)
    running.ask_for_run(project=project, kind="policy", by=owner)
    with pytest.raises(running.CannotRun, match="queued or at work already"):
        running.ask_for_run(project=project, kind="reward", by=owner)


def test_no_policy_run_while_a_candidate_is_at_the_gate_and_none_without_a_policy() -> None:
    project = ready()
    a_policy(project, 2, state="candidate")
    with pytest.raises(running.CannotRun, match="at the gate"):
        running.ask_for_run(project=project, kind="policy")
    with pytest.raises(running.CannotRun, match="no policy yet"):
        running.ask_for_run(project=a_project(), kind="reward")


def test_cancelling_ends_a_queued_run_and_asks_one_at_work_to_stop() -> None:
    project = ready()
    queued = running.ask_for_run(project=project, kind="policy")
    working = at_work(project)
    for run in (queued, working):
        running.cancel(run=run)
        run.refresh_from_db()
    assert (queued.state, working.state, working.cancel_asked_at is not None) == ("cancelled", "running", True)


def test_a_prepared_run_has_everything_that_decides_its_result(tiny_directory: Path) -> None:
    project = a_project(recipe={"beta": 0.3, "n_prompts": 10})
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    a_judgment(a_comparison(a_prompt(project)), 1)
    for _ in range(12):
        a_prompt(project)
    for kind in ("reward", "policy"):
        run = running.ask_for_run(project=project, kind=kind)
        children.prepare(run)
        run.refresh_from_db()
        folder = Path(located(run.directory))
        job = Job.read(folder)
        assert (job.kind, job.base, job.compute) == (kind, str(tiny_directory), run.environment)
        assert run.snapshot is not None
        assert run.snapshot.rows == len((folder / "snapshot.jsonl").read_text().splitlines()) == 1
        assert run.recipe == job.recipe
    assert (job.recipe["beta"], job.anchor) == (0.3, str(tiny_directory))
    prompts = [json.loads(line) for line in (folder / "prompts.jsonl").read_text().splitlines()]
    assert len(prompts) == 13 and prompts[0][0]["role"] == "user"


def test_a_recipe_that_cannot_learn_from_what_was_judged_is_refused_before_its_process_starts(
    tiny_directory: Path,
) -> None:
    project = a_project(recipe={"loss_type": "score_dpo", "model_pairs_share": 0.0})
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    for _ in range(12):
        a_judgment(a_comparison(a_prompt(project)), 4)
    run = running.ask_for_run(project=project, kind="policy")
    with pytest.raises(ValueError, match="score_dpo learns from responses whose scores differ"):
        children.prepare(run)
    run.refresh_from_db()
    assert run.snapshot is None


def test_a_run_that_cannot_begin_fails_with_its_reason(tiny_directory: Path) -> None:
    project = a_project()
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    run = running.ask_for_run(project=project, kind="reward")
    assert children.Children().start_queued(project) is None
    run.refresh_from_db()
    assert run.state == "failed"
    assert "judge some pairs first" in run.error


def test_a_childs_figures_progress_and_result_are_entered() -> None:
    run = at_work(ready(), "policy")

    def train(folder: Path, report: Callable[..., None], should_stop: Callable[[], bool]) -> dict[str, Any]:
        report(5, 20, {"loss": 0.5, "stage": 1.0, "round": 2.0, "bad": float("nan")})
        return {"digest": "abc", "kl": 1.0, "kl_standard_error": 0.1}

    assert child.execute(run, train) == "done"
    assert (run.step, run.total, run.result["digest"]) == (5, 20, "abc")
    assert list(Metric.objects.filter(run=run).values_list("name", "step", "value")) == [("loss", 5, 0.5)]


def test_a_childs_crash_is_told_with_the_end_of_its_log() -> None:
    run = at_work(ready())
    Path(located(run.directory), running.LOG).write_text("\n".join(f"line {n}" for n in range(100)))

    def train(*_: object) -> dict[str, Any]:
        raise ValueError("the snapshot holds no judgment")

    assert child.execute(run, train) == "failed"
    assert run.error.startswith("ValueError: the snapshot holds no judgment\nline 80")
    assert run.error.endswith("line 99")


def test_a_cancelled_child_stops_at_its_next_step() -> None:
    run = at_work(ready())
    running.cancel(run=run)

    def train(folder: Path, report: Callable[..., None], should_stop: Callable[[], bool]) -> dict[str, Any]:
        heart.beat()
        assert should_stop()
        raise Stopped

    heart = child.Child(run)
    monitored = child.Child
    try:
        child.Child = lambda _: heart  # type: ignore[assignment, misc]
        assert child.execute(run, train) == "cancelled"
    finally:
        child.Child = monitored  # type: ignore[misc]


def test_a_child_whose_worker_goes_down_waits_for_the_next_one() -> None:
    run = at_work(ready())

    def train(folder: Path, report: Callable[..., None], should_stop: Callable[[], bool]) -> dict[str, Any]:
        signal.raise_signal(signal.SIGTERM)
        assert should_stop()
        raise Stopped

    assert child.execute(run, train) == "queued"
    assert run.attempts == 0


def test_a_policy_jobs_stage_is_told_in_words() -> None:
    assert child.stage_of({"stage": 0.0, "round": 2.0}) == "round 2: sampling"
    assert child.stage_of({"stage": 3.0, "round": 3.0}) == "measuring KL"
    assert child.stage_of({"loss": 1.0}) == ""


def test_a_killed_run_is_queued_again_and_gives_up_at_last() -> None:
    project = ready()
    run = at_work(project)
    kept = children.Children()
    for attempt in range(1, children.ATTEMPTS + 1):
        Run.objects.filter(pk=run.pk).update(state="running", attempts=attempt, pid=2**22 + 1, pid_started=1.0)
        kept.look_after(project)
        run.refresh_from_db()
        assert run.state == ("queued" if attempt < children.ATTEMPTS else "failed")
    assert run.error.startswith("It was killed 5 times without a step forward.")


def test_a_run_killed_after_its_result_was_written_is_done() -> None:
    project = ready()
    run = at_work(project)
    Path(located(run.directory), "result.json").write_text('{"digest": "abc"}')
    children.Children().look_after(project)
    run.refresh_from_db()
    assert (run.state, run.result) == ("done", {"digest": "abc"})


def test_a_killed_run_that_was_to_stop_is_cancelled() -> None:
    project = ready()
    run = at_work(project)
    running.cancel(run=run)
    children.Children().look_after(project)
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_a_pid_alone_is_not_the_run() -> None:
    import os

    import psutil

    run = at_work(ready())
    run.pid, run.pid_started = os.getpid(), psutil.Process().create_time()
    assert children.is_alive(run)
    run.pid_started = time.time() + 100
    assert not children.is_alive(run)


def test_finished_runs_become_versions_once() -> None:
    project = ready()
    rewards = []
    for number in (1, 2):
        run = at_work(project)
        (Path(located(run.directory)) / "model").mkdir(exist_ok=True)
        running.complete(run, {"digest": f"r{number}"})
        rewards += adopt_finished(project)
    policy = at_work(project, "policy")
    policy.base = project.policies.get()
    policy.save()
    running.complete(policy, {"digest": "p", "kl": 2.0, "kl_standard_error": 0.1, "best_round": 1})
    [version] = adopt_finished(project)
    assert adopt_finished(project) == []
    states = [reward.state for reward in project.rewards.order_by("number")]
    assert states == ["retired", "shadow"], "a newer reward model takes the undecided one's place"
    assert (version.state, version.number) == ("candidate", 2)


def test_a_training_that_found_nothing_better_asks_nobody() -> None:
    project = ready()
    run = at_work(project, "policy")
    running.complete(run, {"digest": "p", "kl": 0.0, "kl_standard_error": 0.1, "best_round": 0})
    [version] = adopt_finished(project)
    assert version.state == "refused"
