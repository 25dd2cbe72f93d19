"""How strongly a crowd of reward models holds with each label, and what to do with labels that they doubt.

"Secrets of RLHF in Large Language Models Part II: Reward Modeling" (Wang et al. 2024, arXiv:2401.06080), section 2.
There ten full reward models are trained on all data in different orders and asked about that same data; a model that
has learned a wrong label by heart does not doubt it. Here each model is a Bayesian logistic head on frozen states that
has learned one half of the prompts and is asked about the other, so that no model judges a label that it has seen; the
whole crowd costs one forward pass over all responses.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...rows import PreferenceRow
from ..fast.likelihood import sigmoid
from ..fast.posterior import FastPosterior

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Strength:
    """Of n labels: ``difference`` [n], the models' mean r(first) - r(second), and ``deviation`` [n] over models."""

    difference: Array
    deviation: Array

    def of_labels(self, p: ArrayLike) -> Array:
        """μ [n]: the mean of r(preferred) - r(other); 0 for a label that prefers neither."""
        return np.asarray(np.sign(np.asarray(p) - 0.5) * self.difference)


def measure(
    states: ArrayLike, p: ArrayLike, weight: ArrayLike, prompt: ArrayLike, *, models: int, seed: int
) -> Strength:
    """Ask ``models`` (an even number) about n labels: [n, d] states of the first response minus the second's.

    ``prompt`` [n] names each label's prompt: a prompt's labels always fall into the same half. Raises ValueError
    below two prompts.
    """
    x = np.asarray(states, dtype=np.float64)
    labels, weights = np.asarray(p, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    _, place = np.unique(np.asarray(prompt), return_inverse=True)
    prompts = int(place.max()) + 1 if len(place) else 0
    if prompts < 2:
        raise ValueError("preference strength needs judgments on at least two prompts: one half judges the other")
    scaled = x / (float(np.sqrt((x**2).sum(1).mean())) or 1.0)
    shuffle = np.random.default_rng(seed)
    told = np.zeros((models // 2, len(x)))
    for number in range(models // 2):
        first = (shuffle.permutation(prompts) < prompts // 2)[place]
        for half in (first, ~first):
            fitted = FastPosterior.fit(scaled[half], labels[half], weights[half], dimension=x.shape[1])
            told[number, ~half] = scaled[~half] @ fitted.mean
    return Strength(told.mean(0), told.std(0))


def doubtful(strength: Strength, p: ArrayLike, share: float) -> NDArray[np.int64]:
    """Places of labels with μ < 0 among the ``share`` of lowest μ, the most doubtful first."""
    mu = strength.of_labels(p)
    lowest = np.argsort(mu, kind="stable")[: round(share * len(mu))]
    return np.asarray(lowest[mu[lowest] < 0.0])


def treated(row: PreferenceRow, difference: float, how: str, share: float) -> PreferenceRow:
    """A doubtful row as ``how`` has it: ``flip`` turns the label round, ``soften`` puts probabilities in its place.

    Softened: a label is wrong with prior probability ``share``, and a model of mean difference d gives the first
    response q = σ(d). By Bayes' rule the label "first" is right with (1-ε)q / ((1-ε)q + ε(1-q)), ε = share.
    """
    if how == "flip":
        return replace(row, p=1.0 - row.p, strength=None if row.strength is None else -row.strength)
    if how == "soften":
        return replace(row, p=_softened(row.p, difference, share), strength=None)
    return row


def _softened(p: float, difference: float, share: float) -> float:
    likely = float(sigmoid(difference))
    first = likely * (p * (1.0 - share) + (1.0 - p) * share)
    second = (1.0 - likely) * ((1.0 - p) * (1.0 - share) + p * share)
    return first / (first + second)
