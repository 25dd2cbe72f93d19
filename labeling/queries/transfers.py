"""Imports and exports, as their pages and the API show them."""

from dataclasses import dataclass
from pathlib import Path

from labeling.models import ExportJob, ImportJob, JobState, Project

LATEST = 20
SHOWN = 50  # problems of one import on the page


@dataclass(frozen=True)
class ShownImport:
    """One import: how far it is, and what is wrong with which line."""

    job: ImportJob
    percent: int
    problems: list[dict[str, object]]
    more_problems: int
    again: bool  # whether it can be imported without its bad rows

    @property
    def busy(self) -> bool:
        """Whether it still moves."""
        return self.job.state in (JobState.WAITING, JobState.RUNNING)


@dataclass(frozen=True)
class ShownExport:
    """One export."""

    job: ExportJob
    left_out: dict[str, int]
    here: bool

    @property
    def busy(self) -> bool:
        """Whether it still moves."""
        return self.job.state in (JobState.WAITING, JobState.RUNNING)


def import_jobs(project: Project) -> list[ShownImport]:
    """The latest imports, newest first."""
    return [_import(job) for job in project.imports.select_related("by").order_by("-pk")[:LATEST]]


def _import(job: ImportJob) -> ShownImport:
    total = max(job.bytes_total, 1)
    failed = job.state == JobState.FAILED and job.refused > 0
    return ShownImport(
        job=job,
        percent=min(100 * job.bytes_done // total, 100),
        problems=job.problems[:SHOWN],
        more_problems=max(job.refused + job.warnings - SHOWN, 0),
        again=failed and Path(job.path).is_file(),
    )


def export_jobs(project: Project) -> list[ShownExport]:
    """The latest exports, newest first."""
    rows = project.exports.select_related("by").order_by("-pk")[:LATEST]
    return [
        ShownExport(
            job=job,
            left_out={fate.replace("_", " "): count for fate, count in job.manifest.get("left_out", {}).items()},
            here=job.state == JobState.DONE and Path(job.path).is_file(),
        )
        for job in rows
    ]
