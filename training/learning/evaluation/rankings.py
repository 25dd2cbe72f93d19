"""Rankings: rank correlations, a prompt's responses in order, and models' strengths from who won against whom."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Estimate, clustered_mean

Array = NDArray[np.float64]
ITERATIONS = 50


def ranks(values: ArrayLike) -> Array:
    """Ranks from 1, [n]; equal values share the mean of theirs."""
    told = np.asarray(values, dtype=np.float64)
    _, place, counts = np.unique(told, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[place], dtype=np.float64)


def weighted_correlation(
    one: ArrayLike, other: ArrayLike, weight: ArrayLike | None = None, *, centred: bool = True
) -> float:
    """Pearson's correlation of weighted observations; NaN where one never varies. Not ``centred``: about zero."""
    x, y = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    least = 1e-20 * np.array([w @ x**2, w @ y**2])  # what rounding leaves of a constant
    if centred and w.sum() > 0:
        x, y = x - float(w @ x) / w.sum(), y - float(w @ y) / w.sum()
    spread = np.array([w @ x**2, w @ y**2])
    return float(w @ (x * y) / np.sqrt(spread.prod())) if (spread > least).all() else float("nan")


def spearman(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's rank correlation (1904), with mean ranks for ties; NaN where one side is all ties."""
    return weighted_correlation(ranks(one), ranks(other))


def kendall(one: ArrayLike, other: ArrayLike) -> float:
    """Kendall's tau-b (1945), which allows for ties; NaN where one side is all ties."""
    x, y = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    upper = np.triu_indices(len(x), 1)
    a, b = (np.sign(v[:, None] - v[None, :])[upper] for v in (x, y))
    spread = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / spread if spread > 0 else float("nan")


@dataclass(frozen=True)
class PromptRanking:
    """How far a model puts a prompt's responses in the order that people do: mean Kendall's tau-b over prompts."""

    kendall: Estimate
    prompts: int


def within_prompts(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    p: ArrayLike,
    score: dict[Hashable, float],
    prompts: Sequence[Hashable],
) -> PromptRanking | None:
    """Of prompts with three or more judged responses; None where there is none.

    People's order is that of the mean soft label of a response over its comparisons; ``first`` and ``second`` [n]
    name the responses of each judgment and ``score`` gives the model's number for each.
    """
    told: dict[Hashable, dict[Hashable, list[float]]] = {}
    for one, other, label, prompt in zip(first, second, np.asarray(p, dtype=np.float64).tolist(), prompts, strict=True):
        of_prompt = told.setdefault(prompt, {})
        of_prompt.setdefault(one, []).append(label)
        of_prompt.setdefault(other, []).append(1.0 - label)
    found = {}
    for prompt, responses in told.items():
        if len(responses) >= 3:
            tau = kendall([np.mean(labels) for labels in responses.values()], [score[key] for key in responses])
            if np.isfinite(tau):
                found[prompt] = tau
    return PromptRanking(clustered_mean(list(found.values()), list(found)), len(found)) if found else None


def wins(pairs_N2: NDArray[np.int64], outcome_N: Array, weight_BN: Array, models: int) -> Array:
    """Win matrices [B, M, M] of B weightings of N meetings: [i, j] is how often i won against j; a tie is half."""
    forward = pairs_N2[:, 0] * models + pairs_N2[:, 1]
    backward = pairs_N2[:, 1] * models + pairs_N2[:, 0]
    size = models * models
    found = [
        np.bincount(forward, weight * outcome_N, size) + np.bincount(backward, weight * (1.0 - outcome_N), size)
        for weight in weight_BN
    ]
    return np.stack(found).reshape(-1, models, models)


def strengths(wins_BMM: Array) -> Array:
    """Bradley-Terry log strengths [B, M] of B win matrices at once, each with mean 0.

    Maximum likelihood (Bradley and Terry 1952) by Newton's method, after half a win on each side was added to every
    pair of models that met in any of the B, so that a clean sweep has a finite strength.
    """
    met = (wins_BMM + wins_BMM.transpose(0, 2, 1)).sum(0) > 0
    won = wins_BMM + 0.5 * met
    games_BMM, victories_BM = won + won.transpose(0, 2, 1), won.sum(2)
    log_BM = np.zeros(victories_BM.shape)
    level = np.full(met.shape, 1.0 / len(met)) + 1e-9 * np.eye(len(met))  # strengths have no level of their own
    for _ in range(ITERATIONS):
        expected = 0.5 * (1.0 + np.tanh(0.5 * (log_BM[:, :, None] - log_BM[:, None, :])))
        slope = games_BMM * expected * (1.0 - expected)
        curvature = np.eye(len(met)) * slope.sum(2)[:, :, None] - slope + level
        step = np.linalg.solve(curvature, (victories_BM - (games_BMM * expected).sum(2))[..., None])[..., 0]
        log_BM = log_BM + np.clip(step, -2.0, 2.0)
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    return np.asarray(log_BM - log_BM.mean(1, keepdims=True))
