"""How well anybody could predict people: what several judgments of the same pair say of each other."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import Estimate
from .shares import share


@dataclass(frozen=True)
class Ceiling:
    """``agreement``: how often two people prefer the same side. ``at_most``: what no model's accuracy can exceed."""

    agreement: Estimate
    at_most: Estimate
    pairs_of_people: int


def human_ceiling(answers: Sequence[Sequence[float]], prompts: Sequence[Hashable]) -> Ceiling | None:
    """From the soft labels (1, 0 or ½) that people gave to each of n comparisons; None where nothing was asked twice.

    Let q be the share of people who prefer the first side of a comparison. Two people agree with probability
    a = q² + (1-q)², and the best prediction is right with probability max(q, 1-q) = (1 + √(2a-1)) / 2. That is
    concave in a, so its mean over comparisons is at most (1 + √(2ā-1)) / 2 (Jensen), and at least ā. The mean of
    agreeing pairs of people estimates ā without bias, which "how often the majority is right" does not. Judgments
    without a preferred side say nothing of it and are left out. Comparisons count alike, whoever many judged them.
    """
    same, clusters, pairs = [], [], 0
    for given, prompt in zip(answers, prompts, strict=True):
        first, second = sum(p > 0.5 for p in given), sum(p < 0.5 for p in given)
        count = first + second
        if count < 2:
            continue
        pairs += count * (count - 1) // 2
        same.append((first * (first - 1) + second * (second - 1)) / (count * (count - 1)))
        clusters.append(prompt)
    if not same:
        return None
    agreement = share(same, clusters)
    value, low, high = (best_accuracy(told) for told in (agreement.value, agreement.low, agreement.high))
    return Ceiling(agreement, Estimate(value, low, high, agreement.n), pairs)


def best_accuracy(agreement: float) -> float:
    """(1 + √(2a-1)) / 2: what a model that knew everybody's odds would reach where people agree this often."""
    return 0.5 * (1.0 + float(np.sqrt(max(2.0 * agreement - 1.0, 0.0))))
