"""Shares and paired differences of shares whose observations come in clusters, such as judgments of one prompt."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from .intervals import Estimate, clustered_mean, wilson


def share(hits: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Estimate:
    """The mean of [n] hits (each in [0, 1]) with Wilson's interval on the effective sample size.

    The effective size is n divided by the design effect, the cluster-robust variance over p(1-p)/n (Kish 1965, as
    Korn and Graubard 1998 use it); it is never taken to be above n, and never below the number of clusters unless
    the data say so. With one observation a cluster it is Wilson (1927) itself; where all are hits, or none, the
    clusters are counted. ``n`` of the result is the number of observations. Without one: 0.5 in [0, 1].
    """
    told = np.asarray(hits, dtype=np.float64)
    if len(told) != len(clusters):
        raise ValueError(f"{len(told)} hits and {len(clusters)} clusters: give one cluster a hit")
    if not len(told):
        return wilson(0, 0, level)
    found = wilson(float(told.mean()) * (size := _effective(told, clusters)), size, level)
    return replace(found, n=len(told))


def _effective(hits: np.ndarray[tuple[int], np.dtype[np.float64]], clusters: Sequence[Hashable]) -> float:
    """How many independent observations a clustered sample is worth."""
    count, p = len(set(clusters)), float(hits.mean())
    if count == len(hits):
        return float(count)
    if count < 2 or p in (0.0, 1.0):
        return float(count)
    places = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    sums = np.zeros(count)
    np.add.at(sums, [places[cluster] for cluster in clusters], hits - p)
    variance = count / (count - 1) * float((sums**2).sum()) / len(hits) ** 2
    return float(min(len(hits), p * (1.0 - p) / variance)) if variance > 0 else float(len(hits))


def paired_difference(
    ours: ArrayLike, theirs: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95
) -> Estimate:
    """The difference of two models' shares of hits on the same [n] observations, clustered.

    Student's interval on the differences, which uses that both saw the same pairs, as McNemar's test (1947) does.
    Where no observation tells the two apart the interval is Wilson's for a share of which none was seen. ``n`` of
    the result is the number of observations. Raises ValueError without one.
    """
    gap = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    if not np.any(gap):
        most = wilson(0, len(set(clusters)), level).high
        return Estimate(0.0, -most, most, len(gap))
    found = clustered_mean(gap, clusters, level)
    return Estimate(found.value, max(-1.0, found.low), min(1.0, found.high), len(gap))
