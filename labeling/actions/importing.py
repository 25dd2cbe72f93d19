"""Bringing files in: a job that is whole or nothing, says how far it is, and names every bad row."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from labeling.actions import storing_sql as sql
from labeling.actions.errors import Refusal
from labeling.actions.storing import Problem, RowStore, Stored
from labeling.actions.telling import tell_project
from labeling.formats.parsing import FORMATS, ID_FIELDS, Parsed, parse_line
from labeling.formats.reading import BadFile, Limits, Line, read_lines
from labeling.formats.rows import BadRow
from labeling.models import ImportJob, JobState, Person, Project

ORIGIN = re.compile(r"person|unknown|(?:person|model|unknown):[^\s:][^\x00-\x1f]{0,150}")
CHUNK, CHUNK_BYTES = 4000, 2**24  # rows stored at a time, and bytes
NOUNS = {"prompt": "prompt", "pair": "pair", "assessment": "assessed response", "demonstration": "demonstration"}
REPORTED = 1000  # problems kept with the job
TELL_EVERY = 0.5  # seconds between two updates of the progress


class ImportFailed(Refusal):
    """Nothing was stored; the message says why, and the job's report names the rows."""


def plan_import(
    *,
    project: Project,
    by: Person | None,
    path: Path,
    name: str,
    origin: str = "unknown",
    format: str = "",
    skip_bad: bool = False,
    own_ids: bool = True,
    sample: bool = False,
) -> ImportJob:
    """Write down what is to be imported. Raises Refusal for an origin or a format that there is not."""
    if not ORIGIN.fullmatch(origin):
        raise Refusal(f"{origin!r} is no origin: write person, model:NAME (such as model:gpt-4) or unknown.")
    if format and format not in FORMATS:
        raise Refusal(f"There is no format {format!r}; known are {', '.join(FORMATS)}.")
    if not path.is_file():
        raise Refusal(f"There is no file {path}.")
    return ImportJob.objects.create(
        project=project,
        by=by,
        name=name[:255],
        path=str(path),
        origin=origin,
        format=format,
        skip_bad=skip_bad,
        own_ids=own_ids,
        sample=sample,
        bytes_total=path.stat().st_size,
    )


def run_import(*, job: ImportJob) -> ImportJob:
    """Read the job's file and store its rows in one transaction. Raises ImportFailed when nothing was stored.

    Whoever looks meanwhile sees the progress, because it is written on a connection of its own.
    """
    if job.state == JobState.DONE:  # asked twice, as after a worker was killed
        return job
    with closing(_Progress(job)) as progress:
        progress.begin()
        try:
            with transaction.atomic():
                _store(job, progress)
                if job.refused and not job.skip_bad:
                    raise ImportFailed(_refusal(job))
                _finish(job, JobState.DONE)  # with the rows or not at all
        except (ImportFailed, BadFile, OSError) as problem:
            job.added = 0
            _finish(job, JobState.FAILED, error=str(problem))
            raise ImportFailed(str(problem)) from problem
        except Exception:
            job.added = 0
            _finish(job, JobState.FAILED, error="The import broke off; the server's log says why. Nothing was stored.")
            raise
    if settings.TRANSFERS in Path(job.path).parents:  # an uploaded file; one on somebody's disk is theirs
        Path(job.path).unlink(missing_ok=True)
    return job


def _store(job: ImportJob, progress: "_Progress") -> None:
    limits = Limits(text=settings.IMPORT_MAX_BYTES)
    store = RowStore(job.project, origin=job.origin, sample=job.sample)
    kinds: Counter[str] = Counter()
    with ThreadPoolExecutor(1, "import") as reader:  # parses the next rows while the database takes these
        chunks = _chunks(job, read_lines(Path(job.path), limits))
        reading = reader.submit(next, chunks, None)
        while chunk := reading.result():
            reading = reader.submit(next, chunks, None)
            _note(job, chunk.problems)
            # After a bad row nothing will be kept, but the rest is read all the same: its faults are named in one go.
            if chunk.rows and (job.skip_bad or not job.refused):
                stored = _put(store, chunk.rows)
                job.added += stored.added
                job.known += stored.known
                kinds += stored.kinds
                _note(job, stored.problems)
            job.rows += chunk.lines
            job.bytes_done = chunk.bytes_done
            progress.tell()
    if kinds.keys() - {"pair", "prompt"}:
        job.report.append({"line": 0, "reason": _said(kinds), "level": job.NOTE})


def _said(kinds: Counter[str]) -> str:
    """How many of what, in words."""
    return ", ".join(f"{count:,} {NOUNS[kind]}{'s' * (count != 1)}" for kind, count in sorted(kinds.items()))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some lines: the rows on them, and what is wrong with others."""

    rows: list[tuple[int, Parsed]]
    problems: list[Problem]
    lines: int
    bytes_done: int


def _chunks(job: ImportJob, lines: Iterator[Line]) -> Iterator[_Chunk]:
    """The file's rows, some thousand at a time. A bad row is left out, and named."""
    only = FORMATS[job.format] if job.format else None
    id_fields = ID_FIELDS if job.own_ids else ()
    while taken := list(_a_chunk(lines)):
        rows: list[tuple[int, Parsed]] = []
        problems: list[Problem] = []
        for line in taken:
            try:
                parsed = parse_line(line.text, only=only, id_fields=id_fields)
            except BadRow as fault:
                problems.append(Problem(line.number, str(fault), "error"))
            else:
                problems += (Problem(line.number, warning, "warning") for warning in parsed.row.warnings)
                rows.append((line.number, parsed))
        yield _Chunk(rows, problems, len(taken), taken[-1].bytes_done)


def _a_chunk(lines: Iterator[Line]) -> Iterator[Line]:
    """The next lines: so many, or so many bytes, whatever comes first."""
    size = 0
    for line in islice(lines, CHUNK):
        yield line
        size += len(line.text)
        if size > CHUNK_BYTES:
            return


def _put(store: RowStore, rows: list[tuple[int, Parsed]]) -> Stored:
    try:
        return store.put(rows)
    except DatabaseError as error:
        first, last = rows[0][0], rows[-1][0]
        raise BadFile(f"the database refused one of the rows on lines {first} to {last}: {error}") from error


def _note(job: ImportJob, problems: list[Problem]) -> None:
    job.refused += sum(problem.level == "error" for problem in problems)
    job.warnings += sum(problem.level == "warning" for problem in problems)
    job.report += [problem.as_json() for problem in problems[: max(REPORTED - len(job.report), 0)]]


def _refusal(job: ImportJob) -> str:
    first = next((entry for entry in job.report if entry["level"] == "error"), None)
    where = f" The first: line {first['line']}: {first['reason']}." if first else ""
    return (
        f"{job.refused:,} of {job.rows:,} rows are bad, so nothing was stored.{where} "
        "Mend them, or leave them out (--skip-bad)."
    )


def _finish(job: ImportJob, state: JobState, error: str = "") -> None:
    job.state, job.error, job.finished_at = state, error, timezone.now()
    job.save()
    tell_project(job.project_id)


class _Progress:
    """Tells how far a job is, on a connection of its own: what the import's transaction writes, nobody sees yet."""

    COUNTS = ("rows", "added", "known", "refused", "warnings", "bytes_done")

    def __init__(self, job: ImportJob) -> None:
        self.job = job
        self.connection = connection.copy()
        self.told = 0.0

    def begin(self) -> None:
        """Start over: a job that broke off left nothing behind."""
        for name in self.COUNTS:
            setattr(self.job, name, 0)
        self.job.report, self.job.error, self.job.state = [], "", JobState.RUNNING
        self.tell()

    def tell(self) -> None:
        """Write the counts, at most twice a second."""
        if time.monotonic() - self.told < TELL_EVERY:
            return
        self.told = time.monotonic()
        values = {name: getattr(self.job, name) for name in ("state", *self.COUNTS)}
        with self.connection.cursor() as cursor:
            cursor.execute(sql.TELL, {**values, "id": self.job.pk})

    def close(self) -> None:
        self.connection.close()
