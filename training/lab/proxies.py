"""Reward models learned from few noisy judgments, as proxies of a taste: an ensemble of fast posteriors.

Each member is fitted to a bootstrap of the judgments on a random half of the features, so that members disagree where
the judgments do not say: the cheap form of the ensembles of Coste et al. 2023 (arXiv:2310.02743), whose members are
language models from different seeds. Their rewards are standardised there too, for one scale of λ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.learning.rewards.aggregate import aggregate, centred, combine
from training.learning.rewards.fast.features import FeatureModel
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.fast.states import Pair
from training.learning.rows import PreferenceRow

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
FEATURES_SEEN = 0.5  # share of the features that a member reads


@dataclass(frozen=True)
class Proxies:
    """M linear reward models on the features [d] of one feature model: ``weights_Md``."""

    features: FeatureModel
    weights_Md: Array

    @classmethod
    def fit(cls, features: FeatureModel, rows: Sequence[PreferenceRow], members: int, seed: int) -> "Proxies":
        """Fit ``members`` posteriors, each to as many rows drawn with replacement."""
        phi = features.features([(row.prompt, side) for row in rows for side in row.responses]).astype(np.float64)
        gap, labels = phi[0::2] - phi[1::2], np.array([row.p for row in rows])
        toss = np.random.default_rng(seed)
        weights = []
        for _ in range(members):
            drawn = toss.integers(0, len(rows), len(rows))
            seen = toss.random(gap.shape[1]) < FEATURES_SEEN
            weights.append(FastPosterior.fit(gap[drawn] * seen, labels[drawn], dimension=gap.shape[1]).mean * seen)
        return cls(features, np.array(weights))

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [M, n]."""
        return np.asarray(self.weights_Md @ self.features.features(pairs).astype(np.float64).T)

    @staticmethod
    def spread(rewards_Mn: Array, prompt_n: Ints) -> Array:
        """Each member's standard deviation [M] inside a prompt."""
        return np.asarray(np.maximum(centred(rewards_Mn, prompt_n).std(1), 1e-9))

    def scaled(self, factor_M: Array) -> "Proxies":
        """The same members with their rewards times ``factor_M``."""
        return Proxies(self.features, self.weights_Md * factor_M[:, None])


@dataclass(frozen=True)
class Rule:
    """How members become one reward; ``member`` takes one of them alone."""

    name: str
    rule: str = "mean"
    weight: float = 0.5
    member: int | None = None

    def _chosen(self, rewards_Mn: Array) -> Array:
        return rewards_Mn if self.member is None else rewards_Mn[[self.member]]

    def over(self, rewards_Mn: Array, prompt_n: Ints) -> Array:
        """[n] rewards that order the responses at hand to each prompt."""
        return aggregate(self._chosen(rewards_Mn), prompt_n, rule=self.rule, uncertainty_weight=self.weight)

    def gained(self, rewards_Mn: Array) -> Array:
        """[n] rewards of [M, n] that are differences from one baseline a prompt already."""
        return combine(self._chosen(rewards_Mn), rule=self.rule, uncertainty_weight=self.weight)


@dataclass(frozen=True)
class ProxyRanker:
    """Takes the proxy's word for it: of two responses the one it finds better is better, for certain."""

    proxies: Proxies
    rule: Rule

    def read(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n, M]."""
        return self.proxies.score(pairs).T

    def utility(self, seen: Array, prompt: Ints) -> Array:
        """The members' rewards by the rule."""
        return self.rule.over(seen.T, prompt)

    def probability(self, first: Array, second: Array) -> Array:
        """Certainty: the first is the one it ranked higher."""
        return np.ones(len(first))
