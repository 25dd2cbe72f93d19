"""The fast posterior asked as every reward model is: by (prompt, response) pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models import Policy
from ..fast.features import FeatureModel
from ..fast.posterior import FastPosterior
from ..fast.states import Pair
from ..interface import Scored

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PosteriorReward(Scored):
    """A feature model and the posterior on its features. Its probabilities are averaged over the posterior."""

    features: FeatureModel
    posterior: FastPosterior

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Mean utilities [n]."""
        return self.posterior.utilities(self.features.features(pairs))

    @property
    def width(self) -> int:
        """The features."""
        return self.posterior.dimension

    def summarise(self, pairs: Sequence[Pair]) -> Array:
        """Features [n, 256]."""
        return np.asarray(self.features.features(pairs), dtype=np.float64).reshape(len(pairs), self.width)

    def compare(self, first: Array, second: Array) -> Array:
        """Probability [n], averaged over the posterior, that the first of two responses is preferred."""
        return self.posterior.predict(first - second).probability if len(first) else np.zeros(0)

    def stand(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """Mean utilities [n]."""
        return self.posterior.utilities(seen)

    def save(self, directory: Path, card: str) -> None:
        """Write the feature model and the posterior's state, whole or not at all. The policy itself is not copied."""
        self.features.save(directory)
        part = directory / "posterior.part"
        part.write_bytes(self.posterior.to_bytes())
        (directory / "README.md").write_text(card, encoding="utf-8")
        part.replace(directory / "posterior.bin")

    @classmethod
    def load(cls, directory: Path, policy: Policy) -> "PosteriorReward":
        """Read what ``save`` wrote. Raises ValueError when it is damaged, or of another policy or version."""
        features = FeatureModel.load(directory, policy)
        state = directory / "posterior.bin"
        if not state.is_file():
            raise ValueError(f"{directory.name} holds no posterior: fit it again")
        return cls(features, FastPosterior.from_bytes(state.read_bytes()))
