"""Files that arrive over the network: kept under the site's folder until they are in, and cleared away."""

import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings

from labeling.actions.errors import Refusal
from labeling.actions.importing import plan_import
from labeling.models import ExportJob, ImportJob, Person, Project

MIB = 2**20
ORPHAN_SECONDS = 3600  # a file may lie for a moment before its job is written
KEPT_SECONDS = 30 * 86_400


def receive_file(
    *, project: Project, by: Person, name: str, size: int | None, chunks: Iterable[bytes], **options: Any
) -> ImportJob:
    """Keep an uploaded file and plan its import. `options` are those of `plan_import`.

    Raises Refusal when the file is empty or over the limit; `size` is what the sender claims, and is not believed.
    """
    if size is not None and size > settings.IMPORT_MAX_BYTES:
        raise Refusal(_too_large())
    path = _folder("imports") / f"{uuid.uuid4().hex}.jsonl"
    written = 0
    try:
        with path.open("wb") as file:
            for chunk in chunks:
                written += len(chunk)
                if written > settings.IMPORT_MAX_BYTES:
                    raise Refusal(_too_large())
                file.write(chunk)
        if not written:
            raise Refusal("This file is empty.")
        return plan_import(project=project, by=by, path=path, name=name, **options)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def import_without_bad_rows(*, job: ImportJob, by: Person) -> ImportJob:
    """Plan the import of a file anew that had bad rows, leaving those out. Raises Refusal when it is gone."""
    if not Path(job.path).is_file():
        raise Refusal("The file is no longer here; upload it again.")
    return plan_import(
        project=job.project,
        by=by,
        path=Path(job.path),
        name=job.name,
        origin=job.origin,
        format=job.format,
        own_ids=job.own_ids,
        sample=job.sample,
        skip_bad=True,
    )


def clear_transfers() -> int:
    """Delete files whose job is gone, as after an erasure, or a month old. Returns how many."""
    known = set(ImportJob.objects.values_list("path", flat=True)) | set(
        ExportJob.objects.values_list("path", flat=True)
    )
    now, cleared = time.time(), 0
    for path in [*_folder("imports").iterdir(), *_folder("exports").iterdir()]:
        age = now - path.stat().st_mtime
        orphan = str(path).removesuffix(".manifest.json") not in known and age > ORPHAN_SECONDS
        if orphan or age > KEPT_SECONDS:
            path.unlink(missing_ok=True)
            cleared += 1
    return cleared


def _folder(name: str) -> Path:
    folder: Path = settings.TRANSFERS / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _too_large() -> str:
    return (
        f"Files of at most {settings.IMPORT_MAX_BYTES // MIB:,} MiB are taken. Split it, or raise HEED_IMPORT_MAX_MB."
    )
