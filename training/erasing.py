"""Erasing a project with everything it has on disk: weights, snapshots, features and the cache of its runs."""

import shutil

from django.conf import settings
from django.db import transaction

from labeling.actions import erasing
from labeling.models import Erasure, Person, Project


@transaction.atomic
def erase_project(*, project: Project, by: Person, why: str) -> Erasure:
    """Delete a project's rows by ``labeling.actions.erasing`` and then, once that holds, its folder.

    Raises ValidationError as that does; then nothing is deleted.
    """
    folder = settings.HEED_HOME / "projects" / str(project.pk)
    record = erasing.erase_project(project=project, by=by, why=why)
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
    return record
