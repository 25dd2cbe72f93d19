"""The mode of a logistic likelihood with a Gaussian prior, and Laplace's approximation there."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .likelihood import log_likelihood, sigmoid

Array = NDArray[np.float64]

CHUNK = 8_192  # rows a Gram product takes at a time: 8 MB of float32 at 256 features


@dataclass(frozen=True)
class Mode:
    """The most probable weights [d], the Laplace covariance [d, d], the log evidence of the prior scale."""

    mean: Array
    covariance: Array
    log_evidence: float
    prior_scale: float


def check_labels(p: Array, weight: Array) -> None:
    """Raise ValueError unless labels are probabilities and weights finite and at least 0."""
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise ValueError("every soft label is a probability between 0 and 1")
    if not (np.isfinite(weight) & (weight >= 0.0)).all():
        raise ValueError("every weight is a finite number of at least 0")


def find_mode(x: NDArray[np.float32], p: Array, weight: Array, *, prior_scale: float, start: Array) -> Mode:
    """Newton's method from ``start`` on [n, d] differences, [n] soft labels and [n] weights.

    The objective is concave: each step is halved until it rises enough, so the search cannot diverge.
    Log evidence: the objective at the mode less half the log of det(precision)·prior_scale^(2d).
    """
    ridge, theta = 1.0 / prior_scale**2, start
    value = _objective(x, theta, p, weight, ridge)
    for _ in range(100):
        probability = sigmoid(x @ theta)
        gradient = (weight * (p - probability)) @ x - ridge * theta
        precision = _precision(x, weight * probability * (1.0 - probability), ridge)
        step = np.linalg.solve(precision, gradient)
        rise = float(gradient @ step)
        if rise < 1e-12:
            break
        size = 1.0
        while _objective(x, theta + size * step, p, weight, ridge) < value + 1e-4 * size * rise:
            size /= 2
            if size < 1e-6:  # rounding is all that is left of the gradient
                break
        theta = theta + size * step
        value = _objective(x, theta, p, weight, ridge)
    probability = sigmoid(x @ theta)
    factor = np.linalg.cholesky(_precision(x, weight * probability * (1.0 - probability), ridge))
    inverse = np.linalg.inv(factor)
    log_determinant = 2.0 * float(np.log(np.diag(factor)).sum()) - len(theta) * math.log(ridge)
    return Mode(theta.copy(), inverse.T @ inverse, value - 0.5 * log_determinant, prior_scale)


def _objective(x: NDArray[np.float32], theta: Array, p: Array, weight: Array, ridge: float) -> float:
    return float(weight @ log_likelihood(x @ theta, p)) - 0.5 * ridge * float(theta @ theta)


def _precision(x: NDArray[np.float32], curvature: Array, ridge: float) -> Array:
    """X'·diag(curvature)·X + ridge·I, in float32 by chunks (the curvature of the search, not its answer)."""
    total = np.eye(x.shape[1]) * ridge
    root = np.sqrt(curvature).astype(np.float32)[:, None]
    for begin in range(0, len(x), CHUNK):
        scaled = x[begin : begin + CHUNK] * root[begin : begin + CHUNK]
        total += scaled.T @ scaled
    return total
