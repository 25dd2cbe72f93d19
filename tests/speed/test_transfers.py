"""Import and export keep their pace and their memory. `bench` measures the bars by the clock, on a quiet machine; here
processor time is held against them, so that a busy one does not fail."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from django.db import connection

from alignment_site.benching.transfers import pairs_file
from labeling.actions.exporting import export_to
from labeling.models import Project
from labeling.queries.export_rows import ExportOptions
from tests.labeling.cast import project_of_ada
from tests.labeling.transfers import bring_in

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
ROWS = 10_000
MB = 2**20


def processor_seconds(work: Callable[[], object]) -> tuple[float, float]:
    """What a piece of work costs this process and the server's process behind its connection."""
    connection.ensure_connection()
    server = psutil.Process(connection.connection.info.backend_pid)
    before = time.process_time(), sum(server.cpu_times()[:2])
    work()
    return time.process_time() - before[0], sum(server.cpu_times()[:2]) - before[1]


def peak(work: Callable[[], object]) -> int:
    """The most memory that Python held for a piece of work, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def export(project: Project, path: Path, **options: str) -> Callable[[], object]:
    chosen = ExportOptions(held_out=True, **options)  # type: ignore[arg-type]
    return lambda: export_to(project=project, options=chosen, path=path)


def test_pairs_come_in_at_the_bar(tmp_path: Path) -> None:
    """100,000 in a minute; reading and storing take turns, so both costs count."""
    path = pairs_file(tmp_path, ROWS, 0)
    project = project_of_ada()
    assert sum(processor_seconds(lambda: bring_in(project, path))) < ROWS * 60 / 100_000


def test_pairs_go_out_at_the_bar(tmp_path: Path) -> None:
    """50,000 a second; the server makes rows while this process writes others, so the dearer of the two counts."""
    project = project_of_ada()
    bring_in(project, pairs_file(tmp_path, ROWS, 0))
    out = export(project, tmp_path / "out.jsonl")
    out()
    assert max(processor_seconds(out)) < ROWS / 50_000


@pytest.mark.parametrize(("format", "file"), [("trl", "jsonl"), ("heed", "jsonl"), ("trl", "parquet")])
def test_an_export_of_ten_times_the_rows_takes_no_more_memory(tmp_path: Path, format: str, file: str) -> None:
    peaks = []
    for rows in (400, 4_000):
        project = project_of_ada()
        bring_in(project, pairs_file(tmp_path, rows, rows))
        work = export(project, tmp_path / "out", format=format, file=file)
        work()
        peaks.append(peak(work))
    assert peaks[1] < peaks[0] + 20 * MB and peaks[1] < 40 * MB


def test_an_import_of_ten_times_the_rows_takes_little_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labeling.actions.importing.CHUNK", 250)
    peaks = []
    for rows in (500, 5_000):
        project = project_of_ada()
        path = pairs_file(tmp_path, rows, rows)
        peaks.append(peak(lambda project=project, path=path: bring_in(project, path)))  # type: ignore[misc]
    assert peaks[1] < peaks[0] + 30 * MB
