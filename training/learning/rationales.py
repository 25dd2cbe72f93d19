"""Reasons that people gave, beside a job's snapshot: a file of its own, because a person may have them erased.

``rationales.jsonl`` lies in the job's directory while the job lives and never in the snapshot, which is immutable.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .rows import PreferenceRow

FILE = "rationales.jsonl"


@dataclass(frozen=True)
class Reason:
    """What somebody said of a judgment; ``p`` is that judgment's own label, for the response at position 0."""

    comparison_id: int
    judgment_id: int
    p: float
    text: str


def write_reasons(directory: Path, reasons: Iterable[Reason]) -> int:
    """Write the file whole or not at all, readable by its owner only; without a reason there is none."""
    found = list(reasons)
    if not found:
        forget_reasons(directory)
        return 0
    part = directory / f"{FILE}.part"
    part.touch(mode=0o600)
    lines = (json.dumps(asdict(reason), ensure_ascii=False) + "\n" for reason in found)
    part.write_text("".join(lines), encoding="utf-8")
    part.replace(directory / FILE)
    return len(found)


def read_reasons(directory: Path) -> list[Reason]:
    """The reasons of a job; none where there is no file."""
    path = directory / FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [Reason(**json.loads(line)) for line in lines]


def forget_reasons(directory: Path) -> None:
    """Delete the file, and what is left of an unfinished one."""
    for name in (FILE, f"{FILE}.part"):
        (directory / name).unlink(missing_ok=True)


def with_rationales(rows: Sequence[PreferenceRow], reasons: Iterable[Reason]) -> list[PreferenceRow]:
    """Rows with the first reason of a judgment behind them that came to the row's own verdict, where there is one.

    A row stands for several judgments; the reason of one who was outvoted explains another label than the row's.
    """
    by_judgment = {reason.judgment_id: reason for reason in reasons}

    def explained(row: PreferenceRow) -> PreferenceRow:
        given = (by_judgment[pk] for pk in sorted(row.judgment_ids) if pk in by_judgment)
        agreeing = (reason.text for reason in given if _side(reason.p) == _side(row.p))
        return replace(row, rationale=next(agreeing, row.rationale))

    return [explained(row) for row in rows]


def _side(p: float) -> int:
    return (p > 0.5) - (p < 0.5)
