"""The mode of a logistic likelihood with a Gaussian prior, and Laplace's approximation there."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.blas import ssyrk
from scipy.linalg.lapack import dpotri

from .likelihood import log_likelihood, sigmoid

Array = NDArray[np.float64]

CHUNK = 8_192  # rows a Gram product takes at a time: 8 MB of float32 at 256 features
ENOUGH = 1e-12  # a step that promises less, relative to the objective, is lost in its rounding


@dataclass(frozen=True)
class Mode:
    """The most probable weights [d], a factor of the Laplace precision there, the log evidence of the prior scale.

    ``factor`` [d, d] holds Cholesky's lower triangle; what lies above it has no meaning.
    """

    mean: Array
    factor: Array
    log_evidence: float
    prior_scale: float

    def covariance(self) -> Array:
        """The Laplace covariance [d, d]. Costs about as much as two factorisations, so only the best mode is asked."""
        lower = np.tril(dpotri(self.factor, lower=1)[0])
        full: Array = lower + np.tril(lower, -1).T
        return full


def check_labels(p: Array, weight: Array) -> None:
    """Raise ValueError unless labels are probabilities and weights finite and at least 0."""
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise ValueError("every soft label is a probability between 0 and 1")
    if not (np.isfinite(weight) & (weight >= 0.0)).all():
        raise ValueError("every weight is a finite number of at least 0")


def find_mode(
    x: NDArray[np.float32],
    p: Array,
    weight: Array,
    *,
    prior_scale: float,
    start: Array,
    prior_precision: Array | None = None,
) -> Mode:
    """Newton's method from ``start`` on [n, d] differences, [n] soft labels and [n] weights.

    The prior's precision Λ [d, d] is I/prior_scale², and ``prior_precision`` on top where it is given. The objective is
    concave: each step is halved until it rises enough, so the search cannot diverge. Log evidence: the objective at the
    mode less half the log of det(precision)/det(Λ).
    """
    prior = _Prior(1.0 / prior_scale**2, prior_precision)
    theta, logits = start, _times(x, start)
    value = _objective(logits, theta, p, weight, prior)
    for _ in range(100):
        probability = sigmoid(logits)
        gradient = _times_transposed(x, weight * (p - probability)) - prior.times(theta)
        precision = _precision(x, weight * probability * (1.0 - probability), prior)
        factor = cho_factor(precision, lower=True, overwrite_a=True, check_finite=False)
        step: Array = np.asarray(cho_solve(factor, gradient, check_finite=False), dtype=np.float64)
        rise = float(gradient @ step)
        if rise < ENOUGH * max(1.0, abs(value)):
            break
        along, size = _times(x, step), 1.0  # logits move on a line with theta: halving costs no pass over x
        while (
            reached := _objective(logits + size * along, theta + size * step, p, weight, prior)
        ) < value + 1e-4 * size * rise and size > 1e-6:  # below it, rounding is all that is left of the gradient
            size /= 2
        theta, logits, value = theta + size * step, logits + size * along, reached
    triangle: Array = np.asarray(factor[0], dtype=np.float64)
    log_determinant = 2.0 * float(np.log(np.diag(triangle)).sum()) - prior.log_determinant(len(theta))
    return Mode(theta.copy(), triangle, value - 0.5 * log_determinant, prior_scale)


@dataclass(frozen=True)
class _Prior:
    """The precision ridge·I + ``more``."""

    ridge: float
    more: Array | None

    def times(self, theta: Array) -> Array:
        """Λ·theta [d]."""
        return self.ridge * theta if self.more is None else self.ridge * theta + self.more @ theta

    def matrix(self, dimension: int) -> Array:
        """Λ [d, d], a new array, in the order that LAPACK reads without a copy."""
        plain: Array = np.eye(dimension, order="F") * self.ridge
        return plain if self.more is None else plain + self.more

    def log_determinant(self, dimension: int) -> float:
        """log det Λ."""
        if self.more is None:
            return dimension * math.log(self.ridge)
        return float(np.linalg.slogdet(self.matrix(dimension))[1])


def _objective(logits: Array, theta: Array, p: Array, weight: Array, prior: _Prior) -> float:
    return float(weight @ log_likelihood(logits, p)) - 0.5 * float(theta @ prior.times(theta))


def _times(x: NDArray[np.float32], theta: Array) -> Array:
    """x [n, d] times theta [d] in float64, without a float64 copy of all of x."""
    parts = [x[begin : begin + CHUNK].astype(np.float64) @ theta for begin in range(0, len(x), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _times_transposed(x: NDArray[np.float32], residual: Array) -> Array:
    """residual [n] times x [n, d] in float64."""
    total = np.zeros(x.shape[1])
    for begin in range(0, len(x), CHUNK):
        total += residual[begin : begin + CHUNK] @ x[begin : begin + CHUNK].astype(np.float64)
    return total


def _precision(x: NDArray[np.float32], curvature: Array, prior: _Prior) -> Array:
    """The lower triangle of X'·diag(curvature)·X + Λ, in float32 by chunks (the curvature of the search, not its
    answer); what lies above it has no meaning."""
    total = prior.matrix(x.shape[1])
    root = np.sqrt(curvature).astype(np.float32)[:, None]
    for begin in range(0, len(x), CHUNK):
        scaled = x[begin : begin + CHUNK] * root[begin : begin + CHUNK]
        total += ssyrk(1.0, scaled.T, lower=1)
    return total
