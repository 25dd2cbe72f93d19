"""What every reward model can be asked, whatever it was trained on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..rows import PreferenceRow
from .fast.likelihood import sigmoid
from .fast.states import Pair

Array = NDArray[np.float64]
SURE = 1e-12  # no probability is taken to be nearer to 0 or 1


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

    @property
    def width(self) -> int:
        """How many numbers ``summarise`` gives of a response."""
        ...

    def summarise(self, pairs: Sequence[Pair]) -> Array:
        """What the model needs to know of n responses to compare them, [n, width]: each is read once."""
        ...

    def compare(self, first: Array, second: Array) -> Array:
        """Probability [n] that the first of two responses to one prompt is preferred, of what was read, [n, width]."""
        ...

    def stand(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """How each of n responses stands among those to its prompt, [n], of what was read: best of k is the largest.
        Differences are on the scale of rewards."""
        ...

    def save(self, directory: Path, card: str) -> None:
        """Write a plain transformers directory with ``reward.json`` and a card, whole or not at all."""
        ...


class Scored:
    """A model whose probabilities are the logistic function of differences of its rewards, unless it says otherwise by
    ``width``, ``summarise``, ``compare`` and ``stand``."""

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """One: the reward."""
        return 1

    def summarise(self, pairs: Sequence[Pair]) -> Array:
        """The rewards [n, 1]."""
        return self.score(pairs)[:, None]

    def compare(self, first: Array, second: Array) -> Array:
        """σ(r₁ - r₂), [n]."""
        return sigmoid(first[:, 0] - second[:, 0])

    def stand(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """The rewards [n]."""
        return seen[:, 0]

    def probability(self, first: Sequence[Pair], second: Sequence[Pair]) -> Array:
        """Probability [n] that the first of two responses to one prompt is preferred."""
        seen = self.summarise([*first, *second])
        return self.compare(seen[: len(first)], seen[len(first) :])

    def judged(self, rows: Sequence[PreferenceRow]) -> Array:
        """Probability [n] that each row's first response is preferred."""
        return self.probability(*sides(rows))


Compare = Callable[[Array, Array], Array]


def round_robin(compare: Compare, seen: Array) -> Array:
    """Mean win probability [k] of each of k ≥ 2 responses to one prompt against the others."""
    count = len(seen)
    first, second = np.divmod(np.arange(count * count), count)
    table = compare(seen[first], seen[second]).reshape(count, count)
    np.fill_diagonal(table, 0.0)
    return np.asarray(table.sum(1) / (count - 1))


def by_round_robin(compare: Compare, seen: Array, prompt: NDArray[np.int64]) -> Array:
    """``stand`` [n] of a model that says of two responses which is better and has no reward of one that would say so.

    (k-1)/k times the log-odds of the mean win probability against the k-1 others. The factor makes it a reward's
    scale: of two responses the difference is their log-odds, and where probabilities are σ(r_i - r_j) and differences
    small it is r_i less the mean, for every k. A lone response stands at 0.
    """
    stood = np.zeros(len(seen))
    for one in np.unique(prompt):
        own = np.flatnonzero(prompt == one)
        if len(own) > 1:
            share = np.clip(round_robin(compare, seen[own]), SURE, 1.0 - SURE)
            stood[own] = (1.0 - 1.0 / len(own)) * (np.log(share) - np.log1p(-share))
    return stood


def sides(rows: Sequence[PreferenceRow]) -> tuple[list[Pair], list[Pair]]:
    """The rows' first responses and their second ones, each with its prompt."""
    first: list[Pair] = [(row.prompt, row.responses[0]) for row in rows]
    second: list[Pair] = [(row.prompt, row.responses[1]) for row in rows]
    return first, second
