"""What each reward method learns from, and which ask a language model: known without loading any of them."""

from collections.abc import Callable
from typing import Literal

from ..rows import PreferenceRow

Need = Literal["pairs", "ratings", "steps", "criteria", "demonstrations", "critiques"]
Judge = Literal["", "needed", "instead"]

DEMONSTRATION = "demonstration"  # the criterion of a row whose likelier response was written, the other one sampled

# What a row must carry, and what that is in words.
NEEDS: dict[Need, tuple[Callable[[PreferenceRow], bool], str]] = {
    "pairs": (lambda row: True, "judgments of pairs"),
    "ratings": (lambda row: row.ratings is not None, "ratings: numbers by attribute for single responses"),
    "steps": (lambda row: row.steps is not None, "steps: a mark for each line of a response"),
    "critiques": (
        lambda row: bool(row.critiques and any(text.strip() for text in row.critiques)),
        "critiques: what people said of each response",
    ),
    "criteria": (
        lambda row: bool(row.criterion) and row.p != 0.5,
        "criteria: judgments that say by which standard they were given, under at least two standards",
    ),
    "demonstrations": (
        lambda row: row.criterion == DEMONSTRATION and row.p in (0.0, 1.0),
        "demonstrations: responses that somebody wrote, each beside a sample of the policy",
    ),
}
FROM_PROJECTS: tuple[Need, ...] = ("pairs",)  # what people in a project are asked for today
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
