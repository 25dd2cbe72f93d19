"""What a child process runs: a job directory in, ``result.json`` and ``model/`` in the same directory out."""

from pathlib import Path
from typing import Any

from .job import Job, Report, ShouldStop, Stopped, finished
from .policy_job import STAGES, train_policy
from .reward_job import train_reward

TRAINERS = {"policy": train_policy, "reward": train_reward}


def run_job(directory: Path, report: Report, should_stop: ShouldStop) -> dict[str, Any]:
    """Run or resume the job in a directory, of whatever kind. Raises ValueError for a kind there is not."""
    kind = Job.read(directory).kind
    if kind not in TRAINERS:
        raise ValueError(f"a job is one of {', '.join(TRAINERS)}, not {kind!r}")
    return TRAINERS[kind](directory, report, should_stop)


__all__ = [
    "STAGES",
    "TRAINERS",
    "Job",
    "Stopped",
    "finished",
    "run_job",
    "train_policy",
    "train_reward",
]
