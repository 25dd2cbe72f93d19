"""Runs, as the pages see them: asked for, cancelled, ended. Imports no torch: the web process stays small."""

from pathlib import Path
from typing import Any

import psutil
from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.actions.telling import tell_project
from labeling.models import Person, Project
from training.folders import located
from training.models import PolicyVersion, Run

State = Run.State
LOG = "log.txt"
LAST_LINES = 20


class CannotRun(ValueError):
    """A run cannot be asked for now; the message says why."""


def ask_for_run(*, project: Project, kind: str, by: Person | None = None, here: bool = False) -> Run:
    """Queue a run; the worker starts it within seconds. With ``here`` it is this process's own from the start, so that
    no worker takes it. Raises CannotRun in words.
    """
    if kind == Run.Kind.POLICY and project.policies.filter(state=PolicyVersion.State.CANDIDATE).exists():
        raise CannotRun("A candidate is at the gate. The next retraining starts when it is decided.")
    if not project.policies.filter(current=True).exists():
        raise CannotRun("The project has no policy yet.")
    try:
        with transaction.atomic():
            run = Run.objects.create(project=project, kind=kind, asked_by=by, **(_at_work_here() if here else {}))
    except IntegrityError:
        raise CannotRun(f"A {Run.Kind(kind).label.lower()} run is queued or at work already.") from None
    tell_project(project.pk)
    return run


def _at_work_here() -> dict[str, Any]:
    now, me = timezone.now(), psutil.Process()
    process = {"pid": me.pid, "pid_started": me.create_time()}
    return {"state": State.RUNNING, "attempts": 1, "started_at": now, "heartbeat_at": now, **process}


def cancel(*, run: Run, by: Person | None = None) -> None:
    """End a queued run now; ask one at work to stop at its next step. A finished one stays as it is."""
    now = timezone.now()
    queued = Run.objects.filter(pk=run.pk, state=State.QUEUED)
    if not queued.update(state=State.CANCELLED, cancel_asked_at=now, finished_at=now):
        Run.objects.filter(pk=run.pk, state=State.RUNNING).update(cancel_asked_at=now)
    tell_project(run.project_id)


def complete(run: Run, result: dict[str, Any]) -> None:
    """Enter a run's result."""
    Run.objects.filter(pk=run.pk, state__in=[State.RUNNING, State.QUEUED]).update(
        state=State.DONE, result=result, finished_at=timezone.now(), stage=""
    )
    tell_project(run.project_id)


def fail(run: Run, reason: str) -> None:
    """End a run with its reason and the end of its log."""
    log = Path(located(run.directory), LOG) if run.directory else None
    lines = log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:] if log and log.is_file() else []
    Run.objects.filter(pk=run.pk, state__in=[State.RUNNING, State.QUEUED]).update(
        state=State.FAILED, error="\n".join([reason, *lines]), finished_at=timezone.now()
    )
    tell_project(run.project_id)
