"""Rows of a training set: one comparison per line of a JSONL file, as the trainer sees it."""

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypedDict

KINDS = ("pair", "assessment", "demonstration")
SOURCES = ("person", "simulation", "import", "judge", "verifier", "reward_model")


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True)
class PreferenceRow:
    """A comparison of two responses to one prompt, or what an import tells of one response.

    ``p`` is the soft label: the probability that ``responses[0]`` is preferred (a tie is 0.5).
    ``strength`` is -3..3, positive where ``responses[0]`` is preferred, None when unknown.
    ``weight`` multiplies the row's loss. What only some methods read may be absent: ``rationale`` is why the label is
    what it is, ``criterion`` by which standard it was given; of each response ``ratings`` holds numbers by attribute,
    ``steps`` how right (0 to 1) each of its non-empty lines is, ``critiques`` what was said of it.

    ``kind``: a "pair" is a verdict. An "assessment" is none: it says something of ``responses[0]``, and its ``p`` of
    0.5 means nothing. A "demonstration" shows in ``responses[0]`` how to answer; ``responses[1]`` is a sample of the
    policy. Of both the second response may be without a message: then it is not known.
    """

    comparison_id: int | None
    prompt: list[Message]
    responses: tuple[list[Message], list[Message]]
    response_ids: tuple[int | None, int | None]
    p: float
    strength: int | None
    weight: float
    source: str
    judgment_ids: tuple[int, ...]
    rationale: str = ""
    criterion: str = ""
    ratings: tuple[dict[str, float], dict[str, float]] | None = None
    steps: tuple[list[float], list[float]] | None = None
    critiques: tuple[str, str] | None = None
    kind: str = "pair"

    def __post_init__(self) -> None:
        """Refuse what no trainer could use, in words."""
        _check_messages("prompt", self.prompt)
        if len(self.responses) != 2 or len(self.response_ids) != 2:
            raise ValueError("a preference row compares exactly two responses")
        for number, response in enumerate(self.responses):
            _check_messages(f"responses[{number}]", response)
        if not 0.0 <= self.p <= 1.0:
            raise ValueError(f"p is a probability between 0 and 1, not {self.p!r}")
        if not (math.isfinite(self.weight) and self.weight >= 0.0):
            raise ValueError(f"weight is a finite number of at least 0, not {self.weight!r}")
        if self.strength is not None and self.strength not in range(-3, 4):
            raise ValueError(f"strength is an integer from -3 to 3 or null, not {self.strength!r}")
        if self.source not in SOURCES:
            raise ValueError(f"source is one of {', '.join(SOURCES)}, not {self.source!r}")
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}")
        for name in PLAIN:
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != 2:
                raise ValueError(f"{name} says something of each of the two responses, not of {len(value)}")


# What only some methods read, as it is where nobody gave it: absent from a file.
PLAIN = {field.name: field.default for field in fields(PreferenceRow) if field.default is not MISSING}


def _check_messages(where: str, messages: Any) -> None:
    if not isinstance(messages, list):
        raise ValueError(f"{where} is a list of messages, not {type(messages).__name__}")
    for message in messages:
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise ValueError(f"{where}: every message has exactly the keys role and content")
        if not all(isinstance(value, str) for value in message.values()):
            raise ValueError(f"{where}: role and content are text")


def judgments_behind(rows: Iterable[PreferenceRow]) -> int:
    """How many judgments some rows stand for: several people's of one comparison are one row."""
    return sum(max(len(row.judgment_ids), 1) for row in verdicts(rows))


def verdicts(rows: Iterable[PreferenceRow]) -> list[PreferenceRow]:
    """The rows that are verdicts on pairs."""
    return [row for row in rows if row.kind == "pair"]


def row_from_json(data: Any) -> PreferenceRow:
    """Read one row from its JSON object. Raises ValueError that names the missing, unknown or wrong key."""
    if not isinstance(data, dict):
        raise ValueError("a row is a JSON object")
    known = {field.name for field in fields(PreferenceRow)}
    if missing := sorted(known - set(PLAIN) - set(data)):
        raise ValueError(f"missing keys: {', '.join(missing)}")
    if unknown := sorted(set(data) - known):
        raise ValueError(f"unknown keys: {', '.join(unknown)}")
    listed = ("responses", "response_ids", "judgment_ids", "ratings", "steps", "critiques")
    tuples = {key: tuple(data[key]) for key in listed if data.get(key) is not None}
    numbers = {"p": float(data["p"]), "weight": float(data["weight"])}
    return PreferenceRow(**{**data, **tuples, **numbers})


def read_rows(path: Path) -> Iterator[PreferenceRow]:
    """Read a JSONL file as a stream. A bad row raises ValueError naming the file, the line and the reason."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield row_from_json(json.loads(line))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path.name} line {number}: {error}") from error


def write_rows(path: Path, rows: Iterable[PreferenceRow]) -> int:
    """Write rows as JSONL, whole or not at all, and return how many there are."""
    count = 0
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as out:
        for row in rows:
            told = {name: value for name, value in vars(row).items() if name not in PLAIN or value != PLAIN[name]}
            out.write(json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
    return count
