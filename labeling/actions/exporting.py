"""Taking data out: one statement is one frozen set, streamed into a file, with a manifest beside it."""

import json
import platform
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg.sql import SQL, Composed

from labeling.actions.errors import Refusal
from labeling.actions.telling import tell_project
from labeling.formats.parsing import give_back
from labeling.formats.rows import ReadResponse
from labeling.formats.writing import (
    FULL_SCHEMA,
    PROMPT_SCHEMA,
    HashedFile,
    LinesSink,
    ParquetSink,
    Sink,
    pair_schema,
)
from labeling.models import ExportJob, JobState, Person, Project
from labeling.queries.export_rows import ExportOptions, export_statement, further_statements
from labeling.queries.export_sql import KEPT, PLANNER

Tell = Callable[[int], None]
TELL_EVERY = 20_000  # rows between two reports of progress


def plan_export(*, project: Project, by: Person | None, options: ExportOptions) -> ExportJob:
    """Write down what is to be exported."""
    return ExportJob.objects.create(project=project, by=by, format=options.format, options=options.to_json())


def run_export(*, job: ExportJob) -> ExportJob:
    """Write the job's file under the site's folder of transfers."""
    options = ExportOptions.from_json(job.options)
    job.state, job.error = JobState.RUNNING, ""
    job.save(update_fields=["state", "error"])
    suffix = "parquet" if options.file == "parquet" else "jsonl.gz"
    folder = settings.TRANSFERS / "exports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{job.project.slug}-{options.format}-{job.pk}.{suffix}"
    try:
        job.manifest = export_to(project=job.project, options=options, path=path)
    except Exception:
        job.state, job.finished_at = JobState.FAILED, timezone.now()
        job.error = "The export broke off; the server's log says why."
        job.save()
        raise
    job.path, job.rows, job.state, job.finished_at = str(path), job.manifest["rows"], JobState.DONE, timezone.now()
    job.save()
    tell_project(job.project_id)
    return job


def export_to(
    *, project: Project, options: ExportOptions, path: Path, tell: Tell = lambda rows: None
) -> dict[str, Any]:
    """Write a file and `NAME.manifest.json` beside it, whole or not at all. Returns the manifest.

    A name that ends with .gz is packed. Raises Refusal when the folder does not exist.
    """
    if not path.parent.is_dir():
        raise Refusal(f"There is no folder {path.parent}.")
    part = path.with_name(path.name + ".part")
    file = HashedFile(part)
    sink = _sink(options, file, packed=path.suffix == ".gz")
    try:
        fates, snapshot = _write(project, options, sink, tell)
        sink.close()
        file.close()
        manifest = _manifest(project, options, fates, snapshot)
        manifest["file"] = {"name": path.name, "bytes": file.size, "sha256": file.sha256.hexdigest()}
        part.replace(path)
    except BaseException:
        with suppress(Exception):  # a writer that is left open would complain later, about a file that is gone
            sink.close()
        raise
    finally:
        file.close()
        part.unlink(missing_ok=True)
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    path.with_name(path.name + ".manifest.json").write_text(text, encoding="utf-8")
    return manifest


def _sink(options: ExportOptions, file: HashedFile, *, packed: bool) -> Sink:
    if options.file == "jsonl":
        return LinesSink(file, packed=packed)
    if options.format == "heed":
        return ParquetSink(file, FULL_SCHEMA)
    if options.format == "prompts":
        return ParquetSink(file, PROMPT_SCHEMA)
    schema = pair_schema(
        format=options.format,
        conversational=options.style == "conversational",
        implicit=options.prompt == "implicit",
        columns=options.columns,
        margin=options.margin,
    )
    return ParquetSink(file, schema)


def _write(project: Project, options: ExportOptions, sink: Sink, tell: Tell) -> tuple[Counter[tuple[str, ...]], str]:
    """Stream the rows into the sink. Returns how many had which fate, split, arm and origin, and the frozen set."""
    statements = [export_statement(project, options), *further_statements(project, options)]
    change = _as_it_came if options.format == "original" else None
    heads: Counter[bytes] = Counter()
    with _one_moment() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        snapshot = options.frozen or cursor.fetchone()[0]
        for statement in statements:
            for head, row in _rows(cursor, statement):
                heads[head] += 1
                if row is not None:
                    sink.write(row if change is None else change(row))
                    if heads.total() % TELL_EVERY == 0:
                        tell(heads.total())
    return Counter({tuple(json.loads(_unescaped(head))): count for head, count in heads.items()}), snapshot


@contextmanager
def _one_moment() -> Iterator[Any]:
    """A cursor whose statements all see the database as it is now."""
    alone = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if alone:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for setting in PLANNER:
            cursor.execute(setting)
        yield cursor


def _rows(cursor: Any, statement: Composed) -> Iterator[tuple[bytes, bytes | None]]:
    """The lines of a statement, cut into head and row. The server sends one message a line, by its protocol."""
    copy_out = SQL("COPY ({}) TO STDOUT").format(statement).as_string(connection.connection)
    with cursor.copy(copy_out) as copy:
        for message in copy:
            line = bytes(message)  # no copy: it is bytes already
            tab = line.index(b"\t")
            yield line[:tab], None if line.endswith(b"\t\\N\n") else _unescaped(line[tab + 1 : -1])


def _unescaped(text: bytes) -> bytes:
    """JSON out of COPY's text format, where JSON leaves nothing to escape but its backslashes."""
    return text.replace(b"\\\\", b"\\") if b"\\" in text else text  # one byte is looked for much faster


def _as_it_came(row: bytes) -> bytes:
    stored = json.loads(row)
    responses = [ReadResponse(**response) for response in stored["responses"]]
    return json.dumps(give_back(stored["prompt"], responses, stored["extra"]), ensure_ascii=False).encode()


def _manifest(
    project: Project, options: ExportOptions, fates: Counter[tuple[str, ...]], snapshot: str
) -> dict[str, Any]:
    def count_by(place: int, kept: bool) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for fate, number in fates.items():
            if (fate[0] == KEPT) == kept:
                counts[fate[place]] += number
        return dict(sorted(counts.items()))

    guidelines = project.guidelines.order_by("number").values("number", "text", "created_at")
    return {
        "heed_export": 1,
        "project": {"slug": project.slug, "name": project.name, "question": project.question},
        "created_at": datetime.now(UTC).isoformat(),
        "frozen": snapshot,
        "options": options.to_json(),
        "rows": sum(count_by(0, kept=True).values()),
        "left_out": count_by(0, kept=False),
        "split": count_by(1, kept=True),
        "arm": count_by(2, kept=True),
        "origin": count_by(3, kept=True),
        "guidelines": [{**entry, "created_at": entry["created_at"].isoformat()} for entry in guidelines],
        "versions": {
            "heed": tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"],
            "python": platform.python_version(),
            "postgresql": connection.pg_version // 10_000,  # type: ignore[attr-defined]
        },
    }
