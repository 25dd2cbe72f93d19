"""What a row of any format is read into, and how it is written back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = Any  # a value as `json.loads` gives it
Row = dict[str, Json]
Message = dict[str, str]  # one turn: role and content

BETTER, SAME, WORSE = 2, 4, 6  # keys of the verdict bar, with the stored order shown: position 0 on the left


class BadRow(ValueError):
    """A row that cannot be imported; the message says why and, where it can, what to write instead."""


@dataclass(slots=True)
class ReadResponse:
    """A response: its turns, who wrote it, and what Heed's own rows know of its sampling."""

    messages: list[Message]
    origin: str = ""
    sampler: Json = None
    seed: int | None = None
    token_ids: list[int] | None = None
    token_logprobs: list[float] | None = None
    stopped: bool | None = None


@dataclass(slots=True)
class ReadJudgment:
    """A label. `answer` is the key of the verdict bar; `amends` is the index of an earlier one in the row."""

    rater: str
    answer: int
    order_shown: tuple[int, ...] = (0, 1)
    seconds: float | None = None
    weight: float = 1.0
    late: bool = False
    origin: str = ""  # empty: what the import says
    amends: int | None = None
    reason: str = ""


@dataclass(slots=True)
class ReadRow:
    """One row of a file. Without responses it is a prompt by itself.

    `shape` is what `Format.write` needs to give the keys in `used` back; every other key of the row is kept as it is.
    """

    prompt: list[Message]
    responses: list[ReadResponse] = field(default_factory=list)
    judgments: list[ReadJudgment] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    difficulty: float | None = None
    kind: str = "pair"  # a value of `labeling.models.Kind`: any other tells of one response
    criterion: str = ""
    details: Row = field(default_factory=dict)  # ratings, steps, critiques: a list each, an entry for each response
    shape: Row = field(default_factory=dict)
    used: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Format:
    """A format: how to tell its rows by their fields, read one, and write its fields back from what is stored."""

    name: str
    about: str
    matches: Callable[[Row], bool]
    read: Callable[[Row], ReadRow]
    write: Callable[[list[Message], list[ReadResponse], Row], Row]
