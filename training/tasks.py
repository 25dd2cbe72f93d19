"""Jobs on the database's own queue: imports and exports on their way. Runs are no jobs: each is a child process."""

from contextlib import suppress
from typing import Any

from django.db import close_old_connections
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from labeling.actions.exporting import run_export
from labeling.actions.importing import ImportFailed, run_import
from labeling.actions.receiving import clear_transfers
from labeling.models import ExportJob, ImportJob, JobState
from training.erasing import clear_erased
from training.reasons import clear_reasons

QUEUE = "transfers"
STALLED_SECONDS = 60  # without a heartbeat of the worker that took the job


@app.task(queue=QUEUE)
def import_file(job_id: int) -> None:
    """Bring one file in. A job that a killed worker left at work begins anew: it was all or nothing."""
    try:
        with suppress(ImportFailed):  # its reason is on the job, for the page
            run_import(job=ImportJob.objects.select_related("project", "by").get(pk=job_id))
    finally:
        close_old_connections()


@app.task(queue=QUEUE)
def export_file(job_id: int) -> None:
    """Write one file out."""
    try:
        run_export(job=ExportJob.objects.select_related("project").get(pk=job_id))
    finally:
        close_old_connections()


@app.periodic(cron="17 * * * *")
@app.task(queue=QUEUE, queueing_lock="clear-transfers")
def clear_old_transfers(timestamp: int) -> None:
    """Delete files of erased projects and of a month ago."""
    try:
        clear_transfers()
        clear_erased()
    finally:
        close_old_connections()


@app.periodic(cron="*/5 * * * *")
@app.task(queue=QUEUE, queueing_lock="clear-reasons")
def clear_old_reasons(timestamp: int) -> None:
    """Delete people's reasons where no living run needs them, and erased ones everywhere."""
    try:
        clear_reasons()
    finally:
        close_old_connections()


@app.periodic(cron="* * * * *")
@app.task(queue=QUEUE, queueing_lock="retry-stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Give jobs whose worker is gone to another one; procrastinate finds them but leaves that to us."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        await manager.retry_job(job)


def enqueue_waiting() -> int:
    """Put jobs that people asked for on the queue, each once. Returns how many were new there."""
    count = 0
    for job in ImportJob.objects.filter(state=JobState.WAITING).order_by("pk"):
        count += _enqueued(import_file, f"import-{job.pk}", job_id=job.pk)
    for pk in ExportJob.objects.filter(state=JobState.WAITING).order_by("pk").values_list("pk", flat=True):
        count += _enqueued(export_file, f"export-{pk}", job_id=pk)
    return count


def _enqueued(task: Any, lock: str, **arguments: Any) -> bool:
    try:
        task.configure(queueing_lock=lock).defer(**arguments)
    except AlreadyEnqueued:
        return False
    return True


__all__ = ["clear_old_reasons", "clear_old_transfers", "enqueue_waiting", "export_file", "import_file", "retry_stalled"]
