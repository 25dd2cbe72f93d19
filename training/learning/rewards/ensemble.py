"""Reward models asked together, and reading back whichever model a directory holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..rows import PreferenceRow
from .interface import RewardModel
from .loading import load_reward
from .states import Pair

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RewardEnsemble:
    """Members that are asked together: ``score`` gives [members, n]."""

    members: tuple[RewardModel, ...]

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards of (prompt, response) pairs: [members, n]."""
        return np.stack([member.score(pairs) for member in self.members])

    def probability(self, first: Sequence[Pair], second: Sequence[Pair]) -> Array:
        """Probability [n] that the first of two responses to one prompt is preferred: the members' mean."""
        return np.asarray(np.mean([member.probability(first, second) for member in self.members], axis=0))

    def judged(self, rows: Sequence[PreferenceRow]) -> Array:
        """Probability [n] that each row's first response is preferred: the members' mean."""
        return np.asarray(np.mean([member.judged(rows) for member in self.members], axis=0))

    def save(self, directory: Path, card: str) -> None:
        """The first member is the directory itself; the others lie in ``member-1``, ``member-2`` … within it."""
        self.members[0].save(directory, card)
        for number, member in enumerate(self.members[1:], start=1):
            member.save(directory / f"member-{number}", card)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> "RewardEnsemble":
        """Read what ``save`` wrote. Raises NoModel in words."""
        others = sorted(directory.glob("member-*"), key=lambda place: int(place.name.rpartition("-")[2]))
        return cls(tuple(load_reward(place, device) for place in (directory, *others)))
