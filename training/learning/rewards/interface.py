"""What every reward model can be asked, whatever it was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..rows import Message, PreferenceRow
from .fast.likelihood import sigmoid
from .fast.states import Pair

Array = NDArray[np.float64]


class RewardModel(Protocol):
    """One member. Its ``reward.json`` names the method it was trained by."""

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n] of (prompt, response) pairs; only differences between responses to one prompt have a meaning."""
        ...

    def probability(self, first: Sequence[Pair], second: Sequence[Pair]) -> Array:
        """Probability [n] that the first of two responses to one prompt is preferred."""
        ...

    def judged(self, rows: Sequence[PreferenceRow]) -> Array:
        """Probability [n] that each row's first response is preferred, by the row's own criterion where it has one."""
        ...

    def standing(self, prompt: Sequence[Message], responses: Sequence[Sequence[Message]]) -> Array:
        """How each of k responses to a prompt stands among them, [k]: best of k is the largest."""
        ...

    def save(self, directory: Path, card: str) -> None:
        """Write a plain transformers directory with ``reward.json`` and a card, whole or not at all."""
        ...


class Scored:
    """A model whose probabilities are the logistic function of differences of its rewards."""

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]."""
        raise NotImplementedError

    def probability(self, first: Sequence[Pair], second: Sequence[Pair]) -> Array:
        """σ(r₁ - r₂), [n]."""
        rewards = self.score([*first, *second])
        return sigmoid(rewards[: len(first)] - rewards[len(first) :])

    def judged(self, rows: Sequence[PreferenceRow]) -> Array:
        """Probability [n] that each row's first response is preferred."""
        return self.probability(*sides(rows))

    def standing(self, prompt: Sequence[Message], responses: Sequence[Sequence[Message]]) -> Array:
        """The rewards [k] of k responses to a prompt."""
        return self.score([(prompt, response) for response in responses])


def sides(rows: Sequence[PreferenceRow]) -> tuple[list[Pair], list[Pair]]:
    """The rows' first responses and their second ones, each with its prompt."""
    first: list[Pair] = [(row.prompt, row.responses[0]) for row in rows]
    second: list[Pair] = [(row.prompt, row.responses[1]) for row in rows]
    return first, second
