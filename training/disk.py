"""What is kept on disk: what is promoted, its parents in lineage and the last three; and when to pause."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from labeling.actions.projecting import pause_project, resume_project
from labeling.actions.telling import tell_project
from labeling.models import Project
from training.caching import cached_bytes, evict, forget_model, register_shards
from training.folders import is_ours, located, size_of
from training.models import PolicyVersion, RewardVersion, Run

LEAST_FREE = 2 * 10**9
ENOUGH_AGAIN = 3 * 10**9
KEEP_LAST = 3
WHY = "Paused by itself: "


@dataclass(frozen=True)
class Kept:
    """A version as the rules see it."""

    pk: int
    parent: int | None
    needed: bool  # promoted, current, anchor, or before the gate
    present: bool


def to_delete(versions: list[Kept], *, keep_last: int = KEEP_LAST) -> list[int]:
    """Which versions' weights may go. `versions` are oldest first; parents of what is needed stay as well."""
    by_pk = {version.pk: version for version in versions}
    lineage: set[int] = set()
    for version in versions:
        at: Kept | None = version if version.needed else None
        while at is not None and at.pk not in lineage:
            lineage.add(at.pk)
            at = by_pk.get(at.parent) if at.parent is not None else None
    keep = lineage | {version.pk for version in versions[-keep_last:]}
    return [version.pk for version in versions if version.present and version.pk not in keep]


def tidy(project: Project) -> int:
    """Delete the weights that the rules do not keep, and what ended runs left. Returns the bytes freed."""
    freed = _tidy_policies(project) + _tidy_rewards(project) + _tidy_runs(project) + register_shards(project)
    freed += evict(project, cache_budget(project))
    if freed:
        tell_project(project.pk)
    return freed


def _tidy_policies(project: Project) -> int:
    needed = {PolicyVersion.State.PROMOTED, PolicyVersion.State.CANDIDATE}
    versions = list(project.policies.order_by("number"))
    kept = [
        Kept(
            version.pk,
            version.parent_id,
            version.state in needed or version.current or version.anchor,
            version.deleted_at is None and is_ours(version.directory),
        )
        for version in versions
    ]
    gone = set(to_delete(kept))
    return sum(_delete(version) for version in versions if version.pk in gone)


def _tidy_rewards(project: Project) -> int:
    needed = {RewardVersion.State.ACTIVE, RewardVersion.State.SHADOW}
    versions = list(project.rewards.order_by("number"))
    kept = [Kept(version.pk, None, version.state in needed, version.deleted_at is None) for version in versions]
    gone = set(to_delete(kept))
    return sum(_delete(version) for version in versions if version.pk in gone)


def _delete(version: PolicyVersion | RewardVersion) -> int:
    """Delete a version's files and what is cached of it; its row, its run and its place in lineage stay."""
    folder = Path(located(version.directory))
    freed = size_of(folder) if folder.is_dir() else 0
    type(version)._default_manager.filter(pk=version.pk).update(deleted_at=timezone.now())
    shutil.rmtree(folder, ignore_errors=True)
    return freed + forget_model(version.project, version.digest)


def _tidy_runs(project: Project) -> int:
    """Optimiser states and checkpoints of runs that ended for good."""
    freed = 0
    ended = project.runs.filter(state__in=[Run.State.DONE, Run.State.FAILED, Run.State.CANCELLED])
    for run in ended.exclude(directory=""):
        work = Path(located(run.directory), "work")
        if work.is_dir():
            freed += size_of(work)
            shutil.rmtree(work, ignore_errors=True)
    return freed


def cache_budget(project: Project) -> int:
    """What the cache may take: HEED_CACHE_MAX_MB, and no more than the models leave of the project's own budget."""
    return max(0, min(settings.CACHE_MAX_BYTES, project.disk_budget_bytes - _version_bytes(project)))


def used_bytes(project: Project) -> int:
    """What the project's own versions and its cache take."""
    return _version_bytes(project) + cached_bytes(project)


def _version_bytes(project: Project) -> int:
    sizes = [
        (row.directory, row.bytes)
        for rows in (project.policies.filter(deleted_at=None), project.rewards.filter(deleted_at=None))
        for row in rows.iterator()
    ]
    return sum(size for directory, size in sizes if is_ours(directory))


def trouble(project: Project, free: int) -> str:
    """Why nothing more should be trained now, in words; empty when there is room."""
    if free < LEAST_FREE:
        return f"{free / 1e9:.1f} GB are free on the disk of {settings.HEED_HOME}; training needs 2 GB."
    used = used_bytes(project)
    if used > project.disk_budget_bytes:
        return (
            f"the project's models take {used / 1e9:.1f} GB and its budget is {project.disk_budget_bytes / 1e9:.1f} GB."
        )
    return ""


def free_bytes() -> int:
    """Free space where Heed stores its files."""
    return shutil.disk_usage(settings.HEED_HOME).free


def watch(project: Project) -> None:
    """Pause the loop when the disk is nearly full, with the reason; let it go on when there is room again."""
    free = free_bytes()
    why = trouble(project, free)
    if why and not project.paused:
        pause_project(project=project, by=None, reason=f"{WHY}{why}"[:300])
    elif not why and free >= ENOUGH_AGAIN and project.paused and project.paused_reason.startswith(WHY):
        resume_project(project=project, by=None, reason="There is room again.")
