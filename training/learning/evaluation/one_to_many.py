"""One right response against many wrong ones (RewardMATH: Kim et al., "Evaluating Robustness of Reward Models for
Mathematical Reasoning", arXiv:2410.01729)."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import Estimate, clustered_mean
from .judgments import Array
from .shares import share


@dataclass(frozen=True)
class OneToMany:
    """``accuracy``: the right response is above all others. ``mrr``: the mean of 1 / its rank. Ties count against
    it in both. ``by_chance``: what a reward that is drawn at random reaches, as (accuracy, mrr)."""

    accuracy: Estimate
    mrr: Estimate
    by_chance: tuple[float, float]


def one_to_many(right: Array, wrong: Sequence[Array], prompts: Sequence[Hashable]) -> OneToMany:
    """From the reward [n] of each right response and the rewards of its wrong ones, [n] arrays of any length.

    Raises ValueError without items or where an item has no wrong response.
    """
    if not len(right) or any(not len(others) for others in wrong):
        raise ValueError("every item needs one right response and at least one wrong one")
    rank = np.array([1 + int((others >= one).sum()) for one, others in zip(right, wrong, strict=True)])
    sizes = np.array([1 + len(others) for others in wrong])
    mrr = clustered_mean(1.0 / rank, prompts)
    harmonic = [float((1.0 / np.arange(1, size + 1)).sum() / size) for size in sizes.tolist()]
    return OneToMany(
        accuracy=share(rank == 1, prompts),
        mrr=Estimate(mrr.value, max(0.0, mrr.low), min(1.0, mrr.high), len(rank)),
        by_chance=(float((1.0 / sizes).mean()), float(np.mean(harmonic))),
    )
