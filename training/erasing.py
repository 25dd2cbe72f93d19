"""Erasing a project with everything it has on disk: weights, snapshots, features, a judge's answers and the cache."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction

from labeling.actions import erasing
from labeling.models import Erasure, Person, Project

ERASED = "erased"  # holds one empty file for each erased project, named by its number


@transaction.atomic
def erase_project(*, project: Project, by: Person, why: str) -> Erasure:
    """Delete a project's rows by ``labeling.actions.erasing`` and then, once that holds, its folder.

    What cannot be deleted at once, or is written by a run that has not noticed yet, goes with ``clear_erased``.
    Raises ValidationError as that does; then nothing is deleted.
    """
    number = project.pk
    record = erasing.erase_project(project=project, by=by, why=why)
    note = _projects() / ERASED / str(number)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.touch()
    transaction.on_commit(lambda: shutil.rmtree(_projects() / str(number), ignore_errors=True))
    return record


def clear_erased() -> int:
    """Delete what is left on disk of erased projects. Returns how many folders that were.

    A folder goes only where its erasure was noted beside it and its row is gone: a database that merely does not know a
    project, like a new one, never costs anybody a model.
    """
    left = [_projects() / note.name for note in (_projects() / ERASED).glob("[0-9]*")]
    left = [folder for folder in left if folder.is_dir()]
    known = set(Project.objects.filter(pk__in=[folder.name for folder in left]).values_list("pk", flat=True))
    gone = [folder for folder in left if int(folder.name) not in known]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return sum(not folder.exists() for folder in gone)


def _projects() -> Path:
    folder: Path = settings.HEED_HOME / "projects"
    return folder
