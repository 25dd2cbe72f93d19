"""What a child process runs: a job directory in, ``result.json`` and ``model/`` in the same directory out."""

from pathlib import Path
from typing import Any

from .job import Job, Report, ShouldStop, Stopped, finished, read_snapshot
from .policy_job import STAGES, divided, train_policy
from .recipes import PolicyRecipe, RewardRecipe
from .reward_job import refuse_unfit, train_reward

TRAINERS = {"policy": train_policy, "reward": train_reward}


def run_job(directory: Path, report: Report, should_stop: ShouldStop) -> dict[str, Any]:
    """Run or resume the job in a directory, of whatever kind. Raises ValueError for a kind there is not."""
    kind = Job.read(directory).kind
    if kind not in TRAINERS:
        raise ValueError(f"a job is one of {', '.join(TRAINERS)}, not {kind!r}")
    return TRAINERS[kind](directory, report, should_stop)


def refuse_unfit_job(directory: Path, *, judge: bool) -> None:
    """Raise ValueError in words where a laid-out job's recipe cannot learn from its data; loads no model."""
    job, rows = Job.read(directory), read_snapshot(directory)
    if job.kind == "policy":
        divided(directory, PolicyRecipe.from_json(job.recipe), rows)
    else:
        refuse_unfit(RewardRecipe.from_json(job.recipe), rows, judge=judge)


__all__ = [
    "STAGES",
    "TRAINERS",
    "Job",
    "Stopped",
    "finished",
    "refuse_unfit_job",
    "run_job",
    "train_policy",
    "train_reward",
]
