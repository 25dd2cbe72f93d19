"""Who ranks a policy's responses: the fast posterior on frozen features, or a deep reward ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..rewards.ensemble import RewardEnsemble
from ..rewards.fast.features import FeatureModel
from ..rewards.fast.posterior import FastPosterior
from ..rewards.fast.states import Pair

Array = NDArray[np.float64]


class Ranker(Protocol):
    """Reads responses once ([n, k], what k numbers are is its own business), then compares what it read."""

    def read(self, pairs: Sequence[Pair]) -> Array:
        """What the ranker needs to know of n (prompt, response) pairs: [n, k]."""
        ...

    def utility(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """[n, k] of responses to the prompts [n] → [n]; only differences within a prompt have a meaning."""
        ...

    def probability(self, first: Array, second: Array) -> Array:
        """Probability [n] that a person prefers the first, uncertainty averaged in; both are [n, k]."""
        ...


@dataclass(frozen=True)
class PosteriorRanker:
    """The fast posterior: k features, a linear utility."""

    features: FeatureModel
    posterior: FastPosterior

    def read(self, pairs: Sequence[Pair]) -> Array:
        """Features [n, 256]."""
        return self.features.features(pairs).astype(np.float64)

    def utility(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """Posterior mean utility."""
        return self.posterior.utilities(seen)

    def probability(self, first: Array, second: Array) -> Array:
        """Averaged over the posterior, so that what it knows little about comes out near one half."""
        return self.posterior.predict(first - second).probability


@dataclass(frozen=True)
class RewardRanker:
    """A deep reward model: what its members read, and how each of them compares."""

    ensemble: RewardEnsemble

    def read(self, pairs: Sequence[Pair]) -> Array:
        """What every member needs to know of a response, side by side."""
        return self.ensemble.summarise(pairs)

    def utility(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """How responses stand among those to their prompts, by the ensemble's rule."""
        return self.ensemble.standing(seen, prompt)

    def probability(self, first: Array, second: Array) -> Array:
        """The members' probabilities by the ensemble's rule."""
        return self.ensemble.compared(first, second)
