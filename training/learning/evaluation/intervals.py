"""Intervals for shares and for means of clustered outcomes. Pure numpy."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and how many independent observations stand behind it."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: float, n: float, level: float = 0.95) -> Estimate:
    """Wilson's interval for a share. Wilson (1927). Without any observation: 0.5 in [0, 1]."""
    if n == 0:
        return Estimate(0.5, 0.0, 1.0, 0)
    z = float(norm.ppf(0.5 + level / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Estimate(share, float(max(0.0, centre - half)), float(min(1.0, centre + half)), int(n))


def clustered_mean(values: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Estimate:
    """Mean of [n] values whose clusters (say, prompts) are independent, not the values inside one.

    The cluster-robust standard error (Liang and Zeger 1986) with Student's t on clusters - 1 degrees of
    freedom; ``n`` is the number of clusters. One cluster alone says nothing: its interval is infinite.
    """
    told = np.asarray(values, dtype=np.float64)
    if len(told) != len(clusters) or not len(told):
        raise ValueError(f"{len(told)} values and {len(clusters)} clusters: give one cluster a value, and some")
    numbers = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    mean = float(told.mean())
    sums = np.zeros(len(numbers))
    np.add.at(sums, [numbers[cluster] for cluster in clusters], told - mean)
    count = len(numbers)
    if count < 2:
        return Estimate(mean, float("-inf"), float("inf"), count)
    error = float(np.sqrt(count / (count - 1) * (sums**2).sum())) / len(told)
    half = float(t.ppf(0.5 + level / 2, count - 1)) * error
    return Estimate(mean, mean - half, mean + half, count)
