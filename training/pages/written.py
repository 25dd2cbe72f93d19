"""What a language model wrote for a reward run, as the run's page shows it: texts before a score, and code by rounds.

It is shown as what it is, the words of a model about the words of a model: escaped, never followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from labeling.text.render import excerpt, render

WHO = {"assistant": "wrote", "user": "was told"}


@dataclass(frozen=True)
class Shown:
    """A response and what was written about it, turn by turn: who, and what."""

    prompt: str
    response: SafeString
    turns: list[tuple[str, SafeString]]


@dataclass(frozen=True)
class Written:
    """What the page needs."""

    texts: list[Shown]
    total: int
    rounds: list[Mapping[str, Any]]
    missing: Mapping[str, Any]  # what a judge was asked for and did not give, and why; empty where it gave all


def written(result: Mapping[str, Any]) -> Written | None:
    """What a run's result holds of it; None where a language model wrote nothing."""
    texts = [_shown(told) for told in result.get("writings", [])]
    rounds = list(result.get("rounds", [])) if result.get("method") == "in_context_reward_code" else []
    judge = result.get("judge") or {}
    missing = judge if judge.get("unusable") else {}
    return Written(texts, int(result.get("written", 0)), rounds, missing) if texts or rounds or missing else None


def _shown(told: Mapping[str, Any]) -> Shown:
    prompt, response = ("\n\n".join(message["content"] for message in told[name]) for name in ("prompt", "response"))
    turns = [(WHO.get(turn["role"], turn["role"]), render(turn["content"])) for turn in told["writing"]]
    return Shown(excerpt(prompt), render(response), turns)
