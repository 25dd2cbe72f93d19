"""Bradley–Terry strengths of versions from people's judgments, with ties and intervals that know of clusters."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.measures.intervals import Interval, Z

F64 = npt.NDArray[np.float64]
STEPS = 100
TOLERANCE = 1e-10


def sigmoid(logit: F64) -> F64:
    """1 / (1 + exp(-logit)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))


@dataclass(frozen=True)
class Strengths:
    """Fitted strengths, [items]; the first item's is 0. NaN where no chain of judgments leads to the first."""

    theta: F64
    covariance: F64  # of theta, [items, items], from the spread over clusters
    curvature: F64  # … from the likelihood's curvature, as if all judgments were independent
    judged: npt.NDArray[np.int64]  # judgments that each item took part in

    def win_rate(self, item: int, against: int = 0) -> Interval:
        """The chance that people prefer `item`, with its 95 % interval."""
        difference = float(self.theta[item] - self.theta[against])
        contrast = np.zeros(len(self.theta))
        contrast[item] += 1.0
        contrast[against] -= 1.0
        # With few clusters the spread over them falls short: it is never taken to be less than the curvature's.
        known = np.isfinite(self.theta)
        variances = (matrix[np.ix_(known, known)] for matrix in (self.covariance, self.curvature))
        spread = float(np.sqrt(max(contrast[known] @ variance @ contrast[known] for variance in variances)))
        low, value, high = sigmoid(difference + Z * spread * np.array([-1.0, 0.0, 1.0])).tolist()
        return Interval(value, low, high, int(self.judged[item]))


def fit(
    pairs: npt.ArrayLike, outcomes: npt.ArrayLike, items: int, *, clusters: npt.ArrayLike | None = None
) -> Strengths:
    """Fit P(i over j) = σ(θ_i − θ_j) (Bradley and Terry 1952) by Newton's method.

    `pairs`, [n, 2], are item numbers; `outcomes`, [n], are 1 where the first was preferred, 0 where the second
    was, ½ for a tie. Every pair of items that met gets half a win on each side more, so that a clean sweep has a
    finite strength. The covariance is the sandwich over `clusters` (the prompt, say): judgments of one cluster
    are not independent (Liang and Zeger 1986).
    """
    pair = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    won = np.asarray(outcomes, dtype=np.float64)
    group = np.arange(len(won)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    judged = np.bincount(pair.ravel(), minlength=items).astype(np.int64)
    design = np.zeros((len(won), items))
    design[np.arange(len(won)), pair[:, 0]] += 1.0
    design[np.arange(len(won)), pair[:, 1]] -= 1.0
    met = np.unique(np.sort(pair, axis=1), axis=0)
    prior = np.zeros((len(met), items))
    prior[np.arange(len(met)), met[:, 0]] += 1.0
    prior[np.arange(len(met)), met[:, 1]] -= 1.0
    free = _reachable(met, items)
    free = free[free != 0]
    theta = np.zeros(items)
    for _ in range(STEPS):
        gradient, hessian = _derivatives(theta, design, won, prior, free)
        step = np.linalg.solve(hessian, gradient) if len(free) else np.zeros(0)
        theta[free] += step
        if np.abs(step).max(initial=0.0) < TOLERANCE:
            break
    _, hessian = _derivatives(theta, design, won, prior, free)
    scores = (won - sigmoid(design @ theta))[:, None] * design[:, free]
    covariance, curvature = np.zeros((items, items)), np.zeros((items, items))
    bread: F64 = np.asarray(np.linalg.inv(hessian), dtype=np.float64)
    curvature[np.ix_(free, free)] = bread
    covariance[np.ix_(free, free)] = _sandwich(bread, scores, group)
    unknown = np.setdiff1d(np.arange(1, items), free)
    theta[unknown] = np.nan
    return Strengths(theta, covariance, curvature, judged)


def _derivatives(theta: F64, design: F64, won: F64, prior: F64, free: npt.NDArray[np.int64]) -> tuple[F64, F64]:
    expected, even = sigmoid(design @ theta), sigmoid(prior @ theta)
    gradient = design.T @ (won - expected) + prior.T @ (0.5 - even)
    weighted = design * (expected * (1 - expected))[:, None]
    hessian = design.T @ weighted + prior.T @ (prior * (even * (1 - even))[:, None])
    return gradient[free], hessian[np.ix_(free, free)]


def _sandwich(bread: F64, scores: F64, group: npt.NDArray[np.intp]) -> F64:
    """H⁻¹ (Σ over clusters of s sᵀ) H⁻¹, with the factor G / (G − 1)."""
    groups = int(group.max(initial=-1)) + 1
    sums = np.zeros((groups, scores.shape[1]))
    np.add.at(sums, group, scores)
    return np.asarray(bread @ (sums.T @ sums) @ bread * (groups / max(groups - 1, 1)))


def _reachable(met: npt.NDArray[np.int64], items: int) -> npt.NDArray[np.int64]:
    """The items that a chain of meetings joins to item 0."""
    linked = np.eye(items, dtype=bool)
    linked[met[:, 0], met[:, 1]] = linked[met[:, 1], met[:, 0]] = True
    reached = linked[0]
    while True:
        wider = linked[reached].any(axis=0)
        if (wider == reached).all():
            return np.flatnonzero(reached)
        reached = wider
