"""`bench import` and `bench export`: a file of preference pairs in, and out again."""

import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from alignment_site.benching.judging import WORDS
from labeling.actions.exporting import export_to
from labeling.actions.importing import plan_import, run_import
from labeling.actions.projecting import create_project
from labeling.models import Person, Project
from labeling.queries.export_rows import ExportOptions


def measure_import(*, rows: int, seed: int = 0) -> dict[str, float]:
    """Import a file of pairs with as many different prompts. Rows per second, and the process's peak in MB."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = _import(_project(), pairs_file(Path(folder), rows, seed))
    return {"rows_per_s": round(rows / seconds, 1), "peak_mb": _peak_mb()}


def measure_export(*, rows: int, options: ExportOptions, packed: bool = False, seed: int = 0) -> dict[str, float]:
    """Export as many pairs, every one of them, after one export to warm up."""
    project = _project()
    with tempfile.TemporaryDirectory() as folder:
        _import(project, pairs_file(Path(folder), rows, seed))
        suffix = "parquet" if options.file == "parquet" else "jsonl.gz" if packed else "jsonl"
        seconds = []
        for number in range(2):
            began = time.perf_counter()
            manifest = export_to(project=project, options=options, path=Path(folder) / f"out-{number}.{suffix}")
            seconds.append(time.perf_counter() - began)
    return {"rows_per_s": round(manifest["rows"] / seconds[-1], 1), "peak_mb": _peak_mb()}


def _project() -> Project:
    owner = Person.objects.create(username="bench")
    return create_project(by=owner, settings={"name": "Bench"})


def _import(project: Project, path: Path) -> float:
    job = plan_import(project=project, by=None, path=path, name=path.name)
    began = time.perf_counter()
    run_import(job=job)
    return time.perf_counter() - began


def pairs_file(folder: Path, rows: int, seed: int) -> Path:
    """Pairs of a usual length: prompts of 8 to 40 words, responses of 20 to 120, no two prompts alike."""
    chance = random.Random(seed)  # noqa: S311
    vocabulary = [*WORDS, *(f"{one}{other}" for one in WORDS for other in WORDS)]

    def text(low: int, high: int) -> str:
        return " ".join(chance.choices(vocabulary, k=chance.randint(low, high)))

    path = folder / "pairs.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            row = {"prompt": f"{text(8, 40)} {number}?", "chosen": text(20, 120), "rejected": text(20, 120)}
            file.write(json.dumps(row) + "\n")
    return path


def _peak_mb() -> float:
    """The most memory that this process held, in MB: kilobytes on Linux, bytes on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
