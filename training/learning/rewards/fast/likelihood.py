"""Likelihood of a judgment given a difference of utilities: soft labels and strength. Pure numpy."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# A judgment of strength 1 (slightly better) is less sure than one of strength 3 (much better): people who say
# "slightly" agree with a second person less often. The label is pulled towards one half, never past it.
STRENGTH_LABEL = {0: 0.5, 1: 0.85, 2: 0.95, 3: 1.0}


def sigmoid(logit: ArrayLike) -> Array:
    """1 / (1 + exp(-logit)), without overflow at either end."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logit, dtype=np.float64))))


def log_sigmoid(logit: ArrayLike) -> Array:
    """log(sigmoid(logit)), exact where the sigmoid itself would round to 0."""
    return np.asarray(-np.logaddexp(0.0, -np.asarray(logit, dtype=np.float64)))


def log_likelihood(logit: ArrayLike, p: ArrayLike) -> Array:
    """Cross-entropy of soft labels, negated: ``p·log σ(logit) + (1-p)·log σ(-logit)``, elementwise."""
    label = np.asarray(p, dtype=np.float64)
    return label * log_sigmoid(logit) + (1.0 - label) * log_sigmoid(-np.asarray(logit, dtype=np.float64))


def probit_corrected(mean: ArrayLike, variance: ArrayLike) -> Array:
    """E[σ(z)] for z ~ N(mean, variance), by MacKay's approximation σ(mean / sqrt(1 + π·variance/8)).

    MacKay, "The Evidence Framework Applied to Classification Networks" (1992). Off by at most 0.02.
    """
    scale = np.sqrt(1.0 + (np.pi / 8.0) * np.asarray(variance, dtype=np.float64))
    return sigmoid(np.asarray(mean, dtype=np.float64) / scale)


def soften(p: float, strength: int | None) -> float:
    """The soft label of a judgment with a stated strength; ``p`` itself where that is unsure or unknown."""
    if strength is None or p not in (0.0, 1.0):
        return p
    towards_first = STRENGTH_LABEL[abs(strength)]
    return towards_first if p == 1.0 else 1.0 - towards_first
