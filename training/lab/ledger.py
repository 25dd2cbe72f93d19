"""Rows of a long experiment, kept line by line beside its file, so that one that is killed goes on where it was."""

import json
from pathlib import Path
from typing import Any

from training.learning.job import write_text


class OtherPlan(ValueError):
    """The file belongs to an experiment that was planned otherwise."""


class Ledger:
    """What has been measured so far under one plan: in ``path`` when it was finished, in ``path``.part until then."""

    def __init__(self, path: Path, plan: dict[str, Any]) -> None:
        """Read what is there. Raises OtherPlan, in words, where it is another plan's."""
        self.path, self.part, self.plan = path, path.with_name(path.name + ".part"), plan
        self.rows: list[dict[str, Any]] = []
        if path.is_file():
            self._take(json.loads(path.read_text(encoding="utf-8")).get("plan"), path)
            self.rows += json.loads(path.read_text(encoding="utf-8"))["rows"]
        kept: list[dict[str, Any]] = []
        if self.part.is_file():
            first, *lines = self.part.read_text(encoding="utf-8").splitlines() or ["null"]
            self._take(_read(first), self.part)
            kept = [row for row in map(_read, lines) if row is not None]
        self.rows += kept
        write_text(self.part, "".join(json.dumps(row) + "\n" for row in [plan, *kept]))  # without a torn end

    def _take(self, theirs: Any, place: Path) -> None:
        if theirs != self.plan:
            raise OtherPlan(f"{place.name} holds an experiment with another plan: name another file, or remove it")

    def add(self, row: dict[str, Any]) -> dict[str, Any]:
        """Keep a row for good."""
        self.rows.append(row)
        with self.part.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        return row

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        """Write the file whole, plan and rows first, and drop what was kept beside it."""
        whole = {"plan": self.plan, "rows": self.rows, **result}
        write_text(self.path, json.dumps(whole, indent=1) + "\n")
        self.part.unlink(missing_ok=True)
        return whole


def _read(line: str) -> Any:
    """A line, or None for one that was torn by a kill."""
    try:
        return json.loads(line)
    except ValueError:
        return None
