"""Intervals for statistics that have no formula: whole clusters, such as prompts, are drawn anew."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from .intervals import Estimate

Array = NDArray[np.float64]
Statistic = Callable[[Array], float]  # of a weight for each observation: how often it was drawn
ROUNDS = 200


def numbered(clusters: Sequence[Hashable]) -> NDArray[np.int64]:
    """Each observation's cluster as a number from 0, [n]."""
    places = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    return np.array([places[cluster] for cluster in clusters], dtype=np.int64)


def draws(clusters: Sequence[Hashable], rounds: int = ROUNDS, seed: int = 0) -> Array:
    """Bootstrap weights [rounds, n]: how often each observation's cluster was drawn, of as many draws as clusters."""
    place = numbered(clusters)
    count = int(place.max(initial=-1)) + 1
    chance = np.random.default_rng(seed)
    drawn = chance.multinomial(count, np.full(count, 1.0 / count), size=rounds) if count else np.zeros((rounds, 0))
    return np.asarray(drawn[:, place], dtype=np.float64)


def bootstrapped(
    statistic: Statistic, clusters: Sequence[Hashable], *, rounds: int = ROUNDS, seed: int = 0, level: float = 0.95
) -> Estimate | None:
    """A statistic of weighted observations with its percentile interval (Efron 1979), clusters drawn anew.

    Draws where it is not defined (NaN) are left out; None where it is not defined on the data themselves. ``n`` is
    the number of clusters.
    """
    value = statistic(np.ones(len(clusters)))
    if not np.isfinite(value):
        return None
    found = np.array([statistic(weight) for weight in draws(clusters, rounds, seed)])
    low, high = np.quantile(found[np.isfinite(found)], [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(value, float(low), float(high), len(set(clusters)))


def jackknifed(
    statistic: Statistic, clusters: Sequence[Hashable], *, groups: int = 10, level: float = 0.95
) -> Estimate | None:
    """The same for a statistic that draws anew itself: delete one group of clusters at a time (Kott 2001).

    Student's interval on groups - 1 degrees of freedom. None where it is not defined on the data themselves.
    """
    value = statistic(np.ones(len(clusters)))
    place = numbered(clusters)
    used = min(groups, int(place.max(initial=-1)) + 1)
    if not np.isfinite(value) or used < 2:
        return None
    without = np.array([statistic((place % used != group).astype(np.float64)) for group in range(used)])
    spread = float(np.sqrt((used - 1) / used * np.nansum((without - np.nanmean(without)) ** 2)))
    half = float(t.ppf(0.5 + level / 2, used - 1)) * spread
    return Estimate(value, value - half, value + half, len(set(clusters)))
