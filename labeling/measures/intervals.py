"""Intervals around shares."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval around it, and the n it rests on."""

    value: float
    low: float
    high: float
    n: int


def wilson_interval(hits: float, n: int, level: float = 0.95) -> Interval:
    """A share's score interval (Wilson, JASA 1927): it stays inside [0, 1] and behaves for small n.

    Raises ValueError when n is not positive or the hits do not fit into it.
    """
    if n <= 0 or not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n} are no share")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, weight = hits / n, 1 / (1 + z * z / n)
    centre = weight * (share + z * z / (2 * n))
    half = weight * z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), n)
