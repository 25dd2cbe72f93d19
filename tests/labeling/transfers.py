"""Files for the tests of import and export."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labeling.actions.exporting import export_to
from labeling.actions.importing import plan_import, run_import
from labeling.models import ImportJob, Project
from labeling.queries.export_rows import ExportOptions

Row = dict[str, Any]


def lines_file(folder: Path, rows: Iterable[Any], name: str = "rows.jsonl") -> Path:
    """A JSONL file; a row that is a text stands in it as it is."""
    path = folder / name
    texts = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    data = "".join(text + "\n" for text in texts).encode("utf-8", "surrogatepass")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def bring_in(project: Project, path: Path, **options: Any) -> ImportJob:
    return run_import(job=plan_import(project=project, by=None, path=path, name=path.name, **options))


def import_rows(project: Project, folder: Path, rows: Iterable[Any], **options: Any) -> ImportJob:
    return bring_in(project, lines_file(folder, rows), **options)


def take_out(project: Project, folder: Path, **options: Any) -> tuple[list[Row], Row]:
    """The exported rows and the manifest."""
    path = folder / "out.jsonl"
    manifest = export_to(project=project, options=ExportOptions(**options), path=path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]], manifest


def pair(number: int = 0, **more: Any) -> Row:
    return {"prompt": f"Question {number}?", "chosen": f"Good {number}.", "rejected": f"Bad {number}.", **more}


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
