"""A job: a directory that says what to train on what, and into which the result goes.

``job.json`` (this dataclass), ``snapshot.jsonl`` (PreferenceRow a line), ``prompts.jsonl`` (a policy job's training
prompts, a list of messages a line), ``judged.jsonl`` (a reward job's comparisons: arm and answers, for its report),
``rationales.jsonl`` where it learns from people's reasons and, where a posterior ranks, ``posterior.bin``. Afterwards
``result.json`` and ``model/``. Everything between is kept in ``work/`` so that a killed job goes on; it is removed
when the job is done.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .devices import Compute
from .plain import jsonable
from .rationales import forget_reasons, read_reasons, with_rationales
from .rewards.fast.posterior import FastPosterior
from .rows import Message, PreferenceRow, read_rows, write_rows

Report = Callable[[int, int, dict[str, float]], None]
ShouldStop = Callable[[], bool]


class Stopped(Exception):
    """The job was asked to stop; what it did so far is kept and the same call goes on from there."""


@dataclass(frozen=True)
class Job:
    """What a job needs to know; references are ``starter``, absolute directories or hub names.

    ``base`` is the incumbent: it is trained further and is the reference. ``anchor`` is where KL is measured from.
    ``features`` is a feature model's directory and ``feature_policy`` the frozen policy it was measured on.
    ``reward`` is the directory of the deep reward model where one is active; without it the posterior ranks.
    ``cache`` is a directory that all runs share, of what frozen models make of responses; without it a job's own work.
    ``warm`` is the directory of a reward model that a refit may go on from, ``learned`` the snapshot it learned from.
    ``compute`` is ``Compute.to_json()``, resolved when the run was created; None resolves it now.
    """

    kind: str
    base: str
    recipe: dict[str, Any]
    anchor: str | None = None
    features: str | None = None
    feature_policy: str | None = None
    reward: str | None = None
    compute: dict[str, Any] | None = None
    cache: str | None = None
    warm: str | None = None
    learned: str | None = None

    def write(
        self,
        directory: Path,
        rows: Sequence[PreferenceRow] | None = None,
        prompts: Sequence[Sequence[Message]] = (),
        posterior: FastPosterior | None = None,
    ) -> None:
        """Lay a job out in a directory. ``rows`` None: ``snapshot.jsonl`` is put there by the caller."""
        directory.mkdir(parents=True, exist_ok=True)
        if rows is not None:
            write_rows(directory / "snapshot.jsonl", rows)
        if prompts:
            lines = (json.dumps(list(prompt), ensure_ascii=False) for prompt in prompts)
            write_text(directory / "prompts.jsonl", "\n".join(lines) + "\n")
        if posterior is not None:
            (directory / "posterior.bin").write_bytes(posterior.to_bytes())
        write_json(directory / "job.json", asdict(self))

    @classmethod
    def read(cls, directory: Path) -> "Job":
        """Read ``job.json``. Raises ValueError naming what is missing or unknown."""
        data = json.loads((directory / "job.json").read_text(encoding="utf-8"))
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or set(data) - known or not {"kind", "base", "recipe"} <= set(data):
            raise ValueError(f"job.json is an object with kind, base, recipe and perhaps others of {sorted(known)}")
        return cls(**data)

    @property
    def plan(self) -> Compute | None:
        """How the run computes, as it was resolved when it was created."""
        return None if self.compute is None else Compute.from_json(self.compute)


def read_prompts(directory: Path) -> list[list[Message]]:
    """The training prompts of a job; none where there is no file."""
    path = directory / "prompts.jsonl"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def read_snapshot(directory: Path) -> list[PreferenceRow]:
    """The rows of a job that count for anything, with the reasons beside them. Raises ValueError when none does."""
    rows = [row for row in read_rows(directory / "snapshot.jsonl") if row.weight > 0]
    if not rows:
        raise ValueError("the snapshot holds no judgment with a weight above 0: collect judgments first")
    return with_rationales(rows, read_reasons(directory))


def read_posterior(directory: Path) -> FastPosterior | None:
    """The posterior that came with the job, if one did."""
    path = directory / "posterior.bin"
    return FastPosterior.from_bytes(path.read_bytes()) if path.is_file() else None


def work_directory(directory: Path) -> Path:
    """Where a job keeps what it needs to go on."""
    place = directory / "work"
    place.mkdir(exist_ok=True)
    return place


def cache_of(job: Job, directory: Path) -> Path:
    """Where a job finds and keeps what frozen models make of responses."""
    return Path(job.cache) if job.cache else work_directory(directory) / "cache"


def finish(directory: Path, result: dict[str, Any]) -> dict[str, Any]:
    """Store the result last and drop the work and people's reasons: a job with a ``result.json`` is done."""
    result = jsonable(result)
    write_json(directory / "result.json", result)
    forget_reasons(directory)
    shutil.rmtree(directory / "work", ignore_errors=True)
    return result


def finished(directory: Path) -> dict[str, Any] | None:
    """The result of a job that is done, None while it is not."""
    path = directory / "result.json"
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def write_json(path: Path, data: Any) -> None:
    """Write JSON whole or not at all."""
    write_text(path, json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True))


def write_text(path: Path, text: str) -> None:
    """Write a text whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
