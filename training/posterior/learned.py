"""What the posterior has learned from, in memory: one row of differences, label and weight for each judgment."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.learning.rewards.fast.features import DIMENSION

Rows = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]


@dataclass
class Learned:
    """Rows that grow at the end; room is doubled when it is full. 100,000 judgments take 100 MB."""

    count: int = 0
    places: dict[int, int] = field(default_factory=dict)  # judgment → its row
    differences: NDArray[np.float32] = field(default_factory=lambda: np.zeros((256, DIMENSION), np.float32))
    labels: NDArray[np.float64] = field(default_factory=lambda: np.zeros((256, 2)))

    def add(self, judgment: int, difference: NDArray[np.float32], p: float, weight: float) -> None:
        """Append one judgment."""
        if self.count == len(self.labels):
            self.differences = np.concatenate([self.differences, np.zeros_like(self.differences)])
            self.labels = np.concatenate([self.labels, np.zeros_like(self.labels)])
        self.differences[self.count] = difference
        self.labels[self.count] = p, weight
        self.places[judgment] = self.count
        self.count += 1

    def amend(self, judgment: int, amendment: int, p: float | None, weight: float) -> bool:
        """Put an amendment in its judgment's place; "can't tell" leaves a row without weight. False when unknown."""
        place = self.places.pop(judgment, None)
        if place is None:
            return False
        self.labels[place] = (0.5, 0.0) if p is None else (p, weight)
        self.places[amendment] = place
        return True

    def rows(self, start: int = 0) -> Rows:
        """Differences [n, 256], soft labels [n] and weights [n] from row `start` on, as they are now.

        Labels are copied, because amendments change them; differences never change, and copying 100 MB would keep
        judgments waiting.
        """
        chosen = slice(start, self.count)
        return self.differences[chosen], self.labels[chosen, 0].copy(), self.labels[chosen, 1].copy()
