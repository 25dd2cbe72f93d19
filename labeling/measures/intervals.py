"""Intervals for shares and means, as honest as their samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

Z = 1.959963984540054  # two-sided 95 %
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval and the number of observations it rests on."""

    value: float
    low: float
    high: float
    n: int


def wilson_interval(hits: float, n: int, *, z: float = Z) -> Interval:
    """A share with its Wilson score interval (Wilson 1927). Ties may be counted as half hits.

    Raises ValueError without observations or with more hits than those.
    """
    if n < 1 or not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share.")
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), n)


def clustered_mean(values: Sequence[float], clusters: Sequence[int], *, z: float = Z) -> Interval:
    """A mean whose observations come in clusters (several judgments of one prompt), normal approximation.

    The variance is that of cluster sums around the mean, with the usual small-sample factor G / (G - 1). With one
    cluster nothing is known of the spread, and the interval is everything that a mean of these values can be.
    """
    if not values or len(values) != len(clusters):
        raise ValueError("Give at least one value, and a cluster for each.")
    x = np.asarray(values, dtype=np.float64)
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    groups = int(index.max()) + 1
    mean = float(x.mean())
    if groups == 1:
        return Interval(mean, float(min(x.min(), 0.0)), float(max(x.max(), 1.0)), len(x))
    sums = np.bincount(index, weights=x - mean, minlength=groups)
    half = z * sqrt(groups / (groups - 1) * float(sums @ sums)) / len(x)
    return Interval(mean, mean - half, mean + half, len(x))


def bootstrapped(
    statistic: Callable[[npt.NDArray[np.intp]], float], n: int, *, rounds: int = 500, seed: int = 0
) -> Interval:
    """A statistic of n units with its percentile bootstrap interval; it is given the indices of a resample.

    Resamples where the statistic is not defined (NaN) are left out; where all are, the interval is NaN.
    """
    chance = np.random.default_rng(seed)
    drawn = np.array([statistic(chance.integers(0, n, n)) for _ in range(rounds)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return Interval(statistic(np.arange(n)), float(low), float(high), n)
