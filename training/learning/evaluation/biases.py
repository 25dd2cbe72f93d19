"""Does a model prefer what is longer, or what stands first? The same questions to the labels, for comparison."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .accuracy import accuracy_of
from .intervals import Estimate
from .judgments import Array, Judgments, length_matched
from .rankings import weighted_correlation
from .resampling import bootstrapped
from .shares import share


@dataclass(frozen=True)
class LengthBias:
    """Of pairs of unequal length with a preferred side.

    ``labels_longer`` and ``model_longer``: how often each prefers the longer response; ``right_when_longer`` and
    ``right_when_shorter``: the model's accuracy where the preferred response is the longer or the shorter one;
    ``matched``: its accuracy where lengths are less than 10 % apart; ``correlation`` of its log-odds with the
    difference of log lengths, None where either never varies.
    """

    labels_longer: Estimate
    model_longer: Estimate
    right_when_longer: Estimate
    right_when_shorter: Estimate
    matched: Estimate
    correlation: Estimate | None


def length_bias(judgments: Judgments, probability: Array) -> LengthBias:
    """Length bias of a model and of the labels that it is measured by."""
    gap = judgments.words[:, 0] - judgments.words[:, 1]
    unequal = judgments.clear & (gap != 0)
    longer = (judgments.p > 0.5) == (gap > 0)
    prompts = judgments.chosen(unequal).prompts
    model = np.where(probability == 0.5, 0.5, (probability > 0.5) == (gap > 0))
    return LengthBias(
        labels_longer=share(longer[unequal], prompts),
        model_longer=share(model[unequal], prompts),
        right_when_longer=accuracy_of(judgments, probability, unequal & longer),
        right_when_shorter=accuracy_of(judgments, probability, unequal & ~longer),
        matched=accuracy_of(judgments, probability, length_matched(judgments)),
        correlation=_correlation(judgments, probability),
    )


def _correlation(judgments: Judgments, probability: Array) -> Estimate | None:
    """Pearson's, over all pairs; both sides change sign with the order of a pair, so the mean is fixed at zero."""
    sure = np.clip(probability, 1e-9, 1.0 - 1e-9)
    odds = np.log(sure) - np.log1p(-sure)
    logs = np.log1p(judgments.words)
    gap = logs[:, 0] - logs[:, 1]
    return bootstrapped(lambda weight: weighted_correlation(odds, gap, weight, centred=False), judgments.prompts)


@dataclass(frozen=True)
class PositionBias:
    """``first``: how often the response shown first is preferred. ``consistent``: how often the same response is
    preferred when the two change places; None for what reads each response by itself and cannot tell places."""

    first: Estimate
    consistent: Estimate | None


def position_bias(judgments: Judgments, probability: Array, swapped: ArrayLike | None = None) -> PositionBias:
    """Of a model that reads both responses at once: ``probability`` [n] that the first is preferred, and
    ``swapped`` [n], what it says when the second stands first (of that second one, now in the first place)."""
    said = np.where(probability == 0.5, 0.5, probability > 0.5)
    if swapped is None:
        return PositionBias(share(said, judgments.prompts), None)
    again = np.asarray(swapped, dtype=np.float64)
    turned = np.where(again == 0.5, 0.5, again > 0.5)
    both = [*judgments.prompts, *judgments.prompts]
    same = np.asarray((probability > 0.5) != (again > 0.5), dtype=np.float64)
    return PositionBias(share(np.concatenate([said, turned]), both), share(same, judgments.prompts))
