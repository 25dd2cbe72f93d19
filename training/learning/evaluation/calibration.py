"""Do predicted probabilities come true as often as they say? Brier score, log loss, reliability."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Estimate
from .resampling import bootstrapped
from .shares import share

Array = NDArray[np.float64]
BINS = 10
FEWEST_IN_A_BIN = 10  # below it a bin's interval says nothing


@dataclass(frozen=True)
class Bin:
    """Predictions of about one probability of the favoured side: their mean, and how often it came true."""

    predicted: float
    observed: Estimate


def favoured(probability: ArrayLike, p: ArrayLike) -> tuple[Array, Array]:
    """Fold pairs to the favoured side, because which one is the first is arbitrary: probability ≥ ½, and label."""
    predicted, labels = np.asarray(probability, dtype=np.float64), np.asarray(p, dtype=np.float64)
    first = predicted >= 0.5
    return np.where(first, predicted, 1.0 - predicted), np.where(first, labels, 1.0 - labels)


def brier(probability: ArrayLike, p: ArrayLike) -> float:
    """The mean squared distance of probabilities from labels. Brier (1950), for two outcomes counted once."""
    return float(np.mean((np.asarray(probability, dtype=np.float64) - np.asarray(p, dtype=np.float64)) ** 2))


def log_losses(probability: ArrayLike, p: ArrayLike) -> Array:
    """[n] negative log-likelihoods of soft labels, in nats; no prediction is believed beyond 1 in 10⁹."""
    predicted = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1.0 - 1e-9)
    labels = np.asarray(p, dtype=np.float64)
    return np.asarray(-(labels * np.log(predicted) + (1.0 - labels) * np.log1p(-predicted)))


def reliability(probability: ArrayLike, p: ArrayLike, prompts: Sequence[Hashable], bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal count over the favoured side's probability, each with a clustered interval.

    At most ``bins``, and no more than leave ten judgments in each.
    """
    predicted, met = favoured(probability, p)
    order = np.argsort(predicted, kind="stable")
    count = max(1, min(bins, len(order) // FEWEST_IN_A_BIN))
    parts = [part for part in np.array_split(order, count) if len(part)]
    return tuple(
        Bin(float(predicted[part].mean()), share(met[part], [prompts[place] for place in part.tolist()]))
        for part in parts
    )


def calibration_error(probability: ArrayLike, p: ArrayLike, weight: ArrayLike | None = None, bins: int = BINS) -> float:
    """Expected calibration error with bins of equal count. Naeini et al. (2015), there with bins of equal width.

    ``weight`` [n] counts judgments, as a bootstrap's draws do.
    """
    predicted, met = favoured(probability, p)
    weights = np.ones(len(predicted)) if weight is None else np.asarray(weight, dtype=np.float64)
    order = np.argsort(predicted, kind="stable")
    order = order[weights[order] > 0]
    if not len(order):
        return float("nan")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    gaps = [abs(float((weights[part] * (met[part] - predicted[part])).sum())) for part in parts]
    return sum(gaps) / float(weights.sum())


def calibration_estimate(probability: ArrayLike, p: ArrayLike, prompts: Sequence[Hashable]) -> Estimate | None:
    """The expected calibration error with its bootstrap interval over prompts.

    Its expectation is above 0 even for a calibrated model, the more so the fewer judgments there are: the interval
    is no test of calibration, the reliability bins are.
    """
    return bootstrapped(lambda weight: calibration_error(probability, p, weight), prompts)
