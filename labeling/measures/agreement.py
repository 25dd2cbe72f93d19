"""How far people agree beyond chance, on answers that are ordered: from "A much better" to "B much better"."""

from collections.abc import Mapping, Sequence
from math import nan

import numpy as np
import numpy.typing as npt

from labeling.measures.intervals import Interval, bootstrapped

F64 = npt.NDArray[np.float64]
Units = Sequence[Mapping[int, int]]  # per comparison: rater -> value


def coincidences(units: Units) -> tuple[list[int], npt.NDArray[np.float64]]:
    """The values, [v], and each unit's coincidence matrix, [units, v, v]: every ordered pair of two raters' values
    counts 1 / (m - 1), m the unit's raters. Units with one rater count nothing."""
    values = sorted({value for unit in units for value in unit.values()})
    place = {value: index for index, value in enumerate(values)}
    matrices = np.zeros((len(units), len(values), len(values)))
    for matrix, unit in zip(matrices, units, strict=True):
        if len(unit) < 2:
            continue
        counts = np.bincount([place[value] for value in unit.values()], minlength=len(values)).astype(float)
        matrix += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    return values, matrices


def nominal(values: Sequence[int], counts: F64) -> F64:
    """Differences of unordered values, [v, v]: 1 wherever they differ."""
    return 1.0 - np.eye(len(values))


def ordinal(values: Sequence[int], counts: F64) -> F64:
    """Differences of ordered values, [v, v], squared: how many answers lie between (Krippendorff 2011)."""
    below = np.concatenate(([0.0], np.cumsum(counts)))
    middle = (below[:-1] + below[1:]) / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)


def interval(values: Sequence[int], counts: F64) -> F64:
    """Differences of numbers, [v, v], squared."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.asarray((numbers[:, None] - numbers[None, :]) ** 2)


LEVELS = {"nominal": nominal, "ordinal": ordinal, "interval": interval}


def _alpha(values: Sequence[int], observed: F64, level: str) -> float:
    counts = observed.sum(axis=1)
    total = float(counts.sum())
    if total < 2:
        return nan
    difference = LEVELS[level](values, counts)
    expected = float((np.outer(counts, counts) * difference).sum()) / (total - 1)
    if expected == 0:
        return nan  # everybody said the same: nothing tells agreement from a stuck key
    return 1.0 - float((observed * difference).sum()) / expected


def krippendorff_alpha(units: Units, *, level: str = "ordinal") -> float:
    """Krippendorff's alpha (2011) of units rated by any number of people, missing ones allowed.

    NaN where no unit has two raters or all values are equal. Raises ValueError for an unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"There is no level {level!r}; write one of {', '.join(LEVELS)}.")
    values, matrices = coincidences(units)
    return _alpha(values, matrices.sum(axis=0), level)


def alpha_interval(units: Units, *, level: str = "ordinal", rounds: int = 500, seed: int = 0) -> Interval:
    """Alpha with a bootstrap interval over the units that two people rated; `n` counts those."""
    shared = [unit for unit in units if len(unit) > 1]
    if not shared:
        return Interval(nan, nan, nan, 0)
    values, matrices = coincidences(shared)
    return bootstrapped(
        lambda drawn: _alpha(values, matrices[drawn].sum(axis=0), level), len(shared), rounds=rounds, seed=seed
    )


def cohen_kappa(one: Sequence[int], other: Sequence[int]) -> float:
    """Cohen's kappa (1960) of two people's answers to the same questions; NaN where both only ever said one thing."""
    if len(one) != len(other) or not one:
        raise ValueError("Give both people's answers to the same questions, at least one.")
    a, b = np.asarray(one), np.asarray(other)
    values = np.unique(np.concatenate((a, b)))
    by_chance = float(sum((a == value).mean() * (b == value).mean() for value in values))
    same = float((a == b).mean())
    return nan if by_chance == 1 else (same - by_chance) / (1 - by_chance)


def pairwise_agreement(units: Units) -> float:
    """The share of pairs of people, over all units, who said the same; NaN where no unit has two."""
    same = pairs = 0
    for unit in units:
        counts = np.unique(list(unit.values()), return_counts=True)[1] if unit else np.zeros(0, dtype=np.int64)
        same += int((counts * (counts - 1)).sum())
        pairs += len(unit) * (len(unit) - 1)
    return same / pairs if pairs else nan
