"""Runs, for their pages: the list, one run's curves and the end of its log."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from labeling.models import Project
from training.folders import located
from training.models import Metric, Run

LOG = "log.txt"
LOG_BYTES = 20_000
FIRST, LAST = ["loss"], ["grad_norm", "learning_rate"]
POINTS = 1_000
WATCHED = "watch/"
ROUND = 100  # of a policy run's steps
PASSES = {"reference": "Reference passes", "states": "Frozen features"}


@dataclass(frozen=True)
class RunPage:
    """One run with what surrounds it."""

    run: Run
    log: str
    curves: list[str]
    seconds: float | None

    @property
    def live(self) -> bool:
        """Whether its page still changes."""
        return self.run.state in (Run.State.QUEUED, Run.State.RUNNING)

    @property
    def passes(self) -> list[tuple[str, str]]:
        """What was computed of responses and what an earlier run had: name, and how many of each."""
        told = self.run.result.get("passes", {})
        return [
            (PASSES[kind], f"{count['computed']:,} computed, {count['found']:,} known")
            for kind, count in told.items()
            if kind in PASSES and count["asked"]
        ]


def run_list(project: Project) -> QuerySet[Run]:
    """Newest first, with what each made."""
    return project.runs.select_related("snapshot", "base", "policy", "reward").order_by("-pk")


def run_page(run: Run) -> RunPage:
    """Everything that one run's page shows except the curves' points."""
    names = Metric.objects.filter(run=run).values_list("name", flat=True).distinct()
    return RunPage(run, log_end(run), sorted(names, key=_place), _seconds(run))


def _place(curve: str) -> tuple[int, str]:
    """What says how well it goes comes first, the machinery last."""
    return FIRST.index(curve) if curve in FIRST else len(FIRST) + (curve in LAST), curve


def series(run: Run) -> dict[str, Any]:
    """All curves of a run, as uPlot takes them: {name: [[steps], [values]]}, at most 1,000 points each."""
    points: dict[str, tuple[list[int], list[float]]] = {}
    for name, step, value in Metric.objects.filter(run=run).order_by("step").values_list("name", "step", "value"):
        steps, values = points.setdefault(name, ([], []))
        steps.append(step)
        values.append(value)
    return {name: [thin(steps), thin(values)] for name, (steps, values) in points.items()}


def looks(run: Run) -> list[dict[str, float]]:
    """What a policy run was watched by so far, look by look; from its result, or while it works from its figures.

    A look's ``step`` counts rounds; while a run works it is read off the figures' places between 0 and the total.
    """
    if told := run.result.get("watched"):
        return list(told)
    found: dict[int, dict[str, float]] = {}
    rows = Metric.objects.filter(run=run, name__startswith=WATCHED).order_by("step")
    for name, step, value in rows.values_list("name", "step", "value"):
        found.setdefault(step, {"step": step / ROUND})[name.removeprefix(WATCHED)] = value
    return list(found.values())


def thin(values: list[Any]) -> list[Any]:
    """Every n-th value and the last, so that at most 1,000 stay."""
    if len(values) <= POINTS:
        return values
    stride = -(-len(values) // (POINTS - 1))
    return [*values[::stride], values[-1]]


def log_end(run: Run) -> str:
    """The last 20,000 bytes of the run's own output."""
    path = Path(located(run.directory), LOG) if run.directory else None
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - LOG_BYTES, 0))
        return file.read().decode("utf-8", "replace")


def _seconds(run: Run) -> float | None:
    if run.started_at is None:
        return None
    return ((run.finished_at or timezone.now()) - run.started_at) / timedelta(seconds=1)
