"""PPE's other half (arXiv:2410.14872): prompts with many sampled responses, each known to be right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .intervals import Estimate, clustered_mean
from .judgments import Array
from .ppe import domain_quantile
from .rankings import ranks
from .resampling import bootstrapped


@dataclass(frozen=True)
class Sampled:
    """One prompt: the rewards [K] of its responses and whether each is right [K]."""

    scores: Array
    correct: Array
    domain: str = ""


@dataclass(frozen=True)
class Curve:
    """Best of k by the reward, for k = 1 … K: the share that is right, and what an oracle would have."""

    best_of: tuple[Estimate, ...]
    oracle: tuple[float, ...]


@dataclass(frozen=True)
class Correctness:
    """``accuracy``: a right response is above a wrong one to the same prompt, mean over prompts that have both.

    ``roc_auc``: the same over all pairs of all prompts, so that the reward's level must mean something too.
    ``max_score``: the curve's highest point. ``end_score``: at K. ``oracle_loss``: the mean over k of the squared
    distance from the oracle's curve. ``low_quantile``: of the end score over domains (the tenth percentile).
    """

    accuracy: Estimate | None
    roc_auc: Estimate | None
    curve: Curve
    max_score: Estimate | None
    end_score: Estimate
    oracle_loss: Estimate | None
    by_domain: dict[str, Estimate]
    low_quantile: Estimate | None


def correctness(prompts: Sequence[Sampled]) -> Correctness:
    """All metrics of the second half. The curve ends at the fewest responses any prompt has.

    Raises ValueError without prompts.
    """
    if not prompts:
        raise ValueError("there is no prompt with verified responses: give some")
    fewest = min(len(one.scores) for one in prompts)
    curves = np.array([best_of_k(one.scores, one.correct)[:fewest] for one in prompts])  # [P, K]
    oracle = np.array([best_of_k(one.correct, one.correct)[:fewest] for one in prompts])
    names = list(range(len(prompts)))
    domains = [one.domain for one in prompts]
    inside = [(place, auc(one.scores, one.correct)) for place, one in enumerate(prompts)]
    known = [(place, value) for place, value in inside if np.isfinite(value)]

    def mean(weight: Array, rows: Array) -> Array:
        return np.asarray(weight @ rows / weight.sum())

    return Correctness(
        accuracy=_bounded([value for _, value in known], [place for place, _ in known]) if known else None,
        roc_auc=_pooled(prompts),
        curve=Curve(tuple(_bounded(curves[:, k], names) for k in range(fewest)), tuple(oracle.mean(0).tolist())),
        max_score=bootstrapped(lambda weight: float(mean(weight, curves).max()), names),
        end_score=_bounded(curves[:, -1], names),
        oracle_loss=bootstrapped(
            lambda weight: float(((mean(weight, curves) - mean(weight, oracle)) ** 2).mean()), names
        ),
        by_domain={
            name: _bounded(curves[[d == name for d in domains], -1], [n for n, d in enumerate(domains) if d == name])
            for name in sorted(set(domains))
        },
        low_quantile=bootstrapped(lambda weight: domain_quantile(curves[:, -1], weight, domains), names),
    )


def _bounded(values: ArrayLike, clusters: Sequence[int]) -> Estimate:
    """A mean of shares: Student's interval, cut to [0, 1]."""
    found = clustered_mean(values, clusters)
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.n)


def best_of_k(scores: ArrayLike, correct: ArrayLike) -> Array:
    """[K]: the expected correctness of the highest of k responses drawn without replacement, for k = 1 … K.

    Exact: the i-th best of K (from 0) is the highest of k with probability C(K-1-i, k-1) / C(K, k). Responses of
    equal score are taken in random order, so each counts as their mean.
    """
    told, right = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    size = len(told)
    order = np.argsort(-told, kind="stable")
    _, place, counts = np.unique(-told[order], return_inverse=True, return_counts=True)
    level = (np.bincount(place, right[order]) / counts)[place]
    found = np.zeros(size)
    chance = np.full(size, 1.0 / size)  # at k = 1 every rank alike
    remaining = size - 1.0 - np.arange(size)
    for k in range(1, size + 1):
        found[k - 1] = chance @ level
        if k < size:  # C(r, k) / C(K, k+1) from C(r, k-1) / C(K, k)
            chance = chance * np.maximum(remaining - k + 1, 0.0) / k * (k + 1) / (size - k)
    return found


def auc(scores: ArrayLike, correct: ArrayLike, weight: ArrayLike | None = None) -> float:
    """The area under the ROC curve: how often a right response is above a wrong one, equal scores half.

    Mann and Whitney (1947). ``weight`` [n] counts responses. NaN where all are right or all wrong.
    """
    told, right = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=np.float64) > 0.5
    w = np.ones(len(told)) if weight is None else np.asarray(weight, dtype=np.float64)
    place = (np.unique(told, return_inverse=True)[1]).astype(np.int64)
    good, bad = np.bincount(place, w * right), np.bincount(place, w * ~right)
    below = np.cumsum(bad) - bad
    pairs = good.sum() * bad.sum()
    return float((good * (below + 0.5 * bad)).sum() / pairs) if pairs > 0 else float("nan")


def _pooled(prompts: Sequence[Sampled]) -> Estimate | None:
    scores, right = (np.concatenate([getattr(one, name) for one in prompts]) for name in ("scores", "correct"))
    owner = [place for place, one in enumerate(prompts) for _ in range(len(one.scores))]
    order = ranks(scores)
    return bootstrapped(lambda weight: auc(order, right, weight), owner)
