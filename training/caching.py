"""The cache of a project's runs: files that its training children write, each with a row that points to it.

A child knows no database: it finds and leaves files below one folder. When a run ends its new files get their rows;
rows whose file is gone go, and so do, after a day, files that nobody can read. What does not fit the cache's budget
goes, what was used longest ago first.
"""

import shutil
import time
from pathlib import Path

from django.db.models import Sum

from labeling.models import Project
from training.folders import located, project_folder, size_of, stored
from training.learning.shard_files import SUFFIX, about_shard
from training.models import CachedShard, PolicyVersion, Run

GRACE_SECONDS = 86_400.0  # a writer may still be at work on a file without a row


def cache_folder(project: Project) -> Path:
    """Where all runs of a project keep what frozen models make of its responses."""
    return project_folder(project, "cache")


def register_shards(project: Project, run: Run | None = None) -> int:
    """Give every new file its row, and drop rows and leftovers. Returns the bytes of the files that were removed."""
    known = dict(CachedShard.objects.filter(project=project).values_list("path", "pk"))
    found = {stored(path): path for path in cache_folder(project).glob("*/*") if path.is_file()}
    CachedShard.objects.filter(pk__in=[pk for path, pk in known.items() if path not in found]).delete()
    new = [path for name, path in found.items() if name not in known]
    rows = [_row(project, run, path) for path in new]
    CachedShard.objects.bulk_create([row for row in rows if row is not None], ignore_conflicts=True)
    return sum(_remove_old(path) for path, row in zip(new, rows, strict=True) if row is None)


def _row(project: Project, run: Run | None, path: Path) -> CachedShard | None:
    try:
        about, size = about_shard(path), path.stat().st_size
    except (ValueError, OSError):
        return None
    return CachedShard(
        project=project,
        run=run,
        model_digest=about["model"],
        dtype=about["dtype"],
        kind=about["kind"],
        responses=int(about["responses"]),
        path=stored(path),
        sha256=path.name.removesuffix(SUFFIX),
        bytes=size,
    )


def _remove_old(path: Path) -> int:
    try:
        told = path.stat()
        if time.time() - told.st_mtime < GRACE_SECONDS:
            return 0
        path.unlink()
    except FileNotFoundError:
        return 0
    return told.st_size


def forget_model(project: Project, digest: str) -> int:
    """Drop what is kept of a model whose weights are deleted, unless another version has the same. Bytes freed."""
    if PolicyVersion.objects.filter(project=project, digest=digest, deleted_at__isnull=True).exists():
        return 0
    freed = 0
    for folder in cache_folder(project).glob(f"{digest[:32]}-*"):
        freed += size_of(folder)
        shutil.rmtree(folder, ignore_errors=True)
    CachedShard.objects.filter(project=project, model_digest=digest).delete()
    return freed


def evict(project: Project, budget: int) -> int:
    """Delete what was used longest ago until the rest fits a budget; nothing while a run of the project is at work.

    What is gone is computed again where it is asked for. Returns the bytes freed.
    """
    over = cached_bytes(project) - budget
    if over <= 0 or project.runs.filter(state=Run.State.RUNNING).exists():
        return 0
    freed, gone = 0, []
    for shard in sorted(CachedShard.objects.filter(project=project), key=_last_used):
        if freed >= over:
            break
        file_of(shard).unlink(missing_ok=True)
        freed += shard.bytes
        gone.append(shard.pk)
    CachedShard.objects.filter(pk__in=gone).delete()
    return freed


def _last_used(shard: CachedShard) -> float:
    try:
        return file_of(shard).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def cached_bytes(project: Project) -> int:
    """What the project's cache takes on disk."""
    return int(CachedShard.objects.filter(project=project).aggregate(total=Sum("bytes"))["total"] or 0)


def file_of(shard: CachedShard) -> Path:
    """The file that a row points to."""
    return Path(located(shard.path))
