"""How a job's comparisons came to be judged, for its report: their arm, and what each person said.

``judged.jsonl`` lies in the job's directory beside the snapshot, whose rows hold several people's judgments as one soft
label. It names nobody.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .rows import PreferenceRow

FILE = "judged.jsonl"
UNKNOWN = "unknown"  # the arm of a row that no comparison is known of


@dataclass(frozen=True)
class Judged:
    """A comparison's arm, and each person's soft label for its response at position 0; one person counts once."""

    comparison_id: int
    arm: str
    answers: list[float]


def write_judged(directory: Path, judged: Iterable[Judged]) -> None:
    """Write the file, a comparison a line."""
    (directory / FILE).write_text("".join(json.dumps(asdict(one)) + "\n" for one in judged), encoding="utf-8")


def read_judged(directory: Path) -> dict[int, Judged]:
    """By comparison; empty where there is no file."""
    path = directory / FILE
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as lines:
        found = [Judged(**json.loads(line)) for line in lines]
    return {one.comparison_id: one for one in found}


def arms_of(rows: Sequence[PreferenceRow], judged: Mapping[int, Judged]) -> dict[str, list[str]]:
    """The group ``arm`` of rows, for ``of_rows``; no group at all where no row's is known."""
    known = [judged.get(-1 if row.comparison_id is None else row.comparison_id) for row in rows]
    return {"arm": [one.arm if one else UNKNOWN for one in known]} if any(known) else {}


def answers_of(rows: Sequence[PreferenceRow], judged: Mapping[int, Judged]) -> dict[int, list[float]]:
    """What people said of each comparison among the rows, once each: two rows may be of one, by source."""
    asked = {row.comparison_id for row in rows if row.comparison_id is not None}
    return {one: judged[one].answers for one in sorted(asked) if one in judged}
