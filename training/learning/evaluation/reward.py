"""How well predicted probabilities match judgments: accuracy, log loss, calibration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Estimate, wilson

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RewardReport:
    """``accuracy`` over judgments that prefer a side; ``log_loss`` in nats and ``calibration_error`` over all."""

    accuracy: Estimate
    log_loss: float
    calibration_error: float
    n: int


def evaluate(probability: ArrayLike, p: ArrayLike) -> RewardReport:
    """[n] predicted probabilities against [n] soft labels. Raises ValueError when there is none."""
    predicted = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1.0 - 1e-9)
    labels = np.asarray(p, dtype=np.float64)
    if predicted.shape != labels.shape or not len(labels):
        raise ValueError(f"{len(predicted)} predictions and {len(labels)} labels: give as many, and some")
    loss = -(labels * np.log(predicted) + (1.0 - labels) * np.log1p(-predicted))
    return RewardReport(
        accuracy(predicted, labels), float(loss.mean()), calibration_error(predicted, labels), len(labels)
    )


def accuracy(probability: ArrayLike, p: ArrayLike) -> Estimate:
    """Share of the judgments with a preferred side that were predicted; a prediction of one half is half right."""
    predicted, labels = np.asarray(probability, dtype=np.float64), np.asarray(p, dtype=np.float64)
    clear = labels != 0.5
    right = np.where(predicted == 0.5, 0.5, (predicted > 0.5) == (labels > 0.5))
    return wilson(float(right[clear].sum()), int(clear.sum()))


def calibration_error(probability: ArrayLike, p: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error with bins of equal count. Naeini et al. (2015), there with bins of equal width.

    Pairs are folded to the favoured side first, because which side is the first one is arbitrary.
    """
    predicted, labels = np.asarray(probability, dtype=np.float64), np.asarray(p, dtype=np.float64)
    folded = np.where(predicted >= 0.5, predicted, 1.0 - predicted)
    met = np.where(predicted >= 0.5, labels, 1.0 - labels)
    order = np.argsort(folded, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return float(sum(abs(float(met[part].sum() - folded[part].sum())) for part in parts) / len(order))
