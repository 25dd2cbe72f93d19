"""What each reward method learns from, and which ask a language model: known without loading any of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..rows import PreferenceRow

Need = Literal["pairs", "ratings", "steps", "criteria", "demonstrations", "critiques"]
Judge = Literal["", "needed", "instead"]


@dataclass(frozen=True)
class Carried:
    """What some rows carry: how to tell, what it is in words, and which kinds of rows a method that needs it reads."""

    carries: Callable[[PreferenceRow], bool]
    words: str
    kinds: tuple[str, ...] = ("pair",)


NEEDS: dict[Need, Carried] = {
    "pairs": Carried(lambda row: True, "judgments of pairs"),
    "ratings": Carried(
        lambda row: any(row.ratings or ()),
        "ratings: numbers by attribute for single responses",
        ("pair", "assessment"),
    ),
    "steps": Carried(
        lambda row: any(row.steps or ()), "steps: a mark for each line of a response", ("pair", "assessment")
    ),
    "critiques": Carried(
        lambda row: bool(row.critiques and any(text.strip() for text in row.critiques)),
        "critiques: what people said of each response",
    ),
    "criteria": Carried(
        lambda row: bool(row.criterion) and row.p != 0.5,
        "criteria: judgments that say by which standard they were given, under at least two standards",
    ),
    "demonstrations": Carried(
        lambda row: row.kind == "demonstration",
        "demonstrations: responses that somebody wrote to show how to answer",
        ("pair", "demonstration"),
    ),
}
SET_JUDGE = "give HEED_JUDGE_URL and HEED_JUDGE_MODEL, then try `manage.py judges check`"

_NEED_OF: dict[str, Need] = {
    "helpsteer2": "ratings",
    "stepwise": "steps",
    "context_aware": "criteria",
    "adversarial_feedback": "demonstrations",
    "critique_based": "critiques",
}
_JUDGE_OF: dict[str, Judge] = {
    "critique_based": "instead",
    "tool_augmented": "needed",
    "in_context_reward_code": "needed",
}


def need_of(key: str) -> Need:
    """What the rows of a reward method must carry."""
    return _NEED_OF.get(key, "pairs")


def judge_of(key: str) -> Judge:
    """Whether a language model behind an address is needed, or gives instead what rows do not carry."""
    return _JUDGE_OF.get(key, "")


def read_by(key: str, rows: Sequence[PreferenceRow]) -> list[PreferenceRow]:
    """The rows that a reward method reads: verdicts, and those of other kinds that it learns from."""
    return [row for row in rows if row.kind in NEEDS[need_of(key)].kinds]
