"""BARFI's outer loop: how much of each auxiliary reward to blend in, by what people prefer and by nothing else.

Gupta et al. 2023, "Behavior Alignment via Reward Function Optimization" (arXiv:2310.19007): r = α·r_human + Σ_k
β_k·r_k, an inner loop trains a policy on the blend, the outer loop moves α and β to raise the primary reward alone; an
auxiliary reward that misleads ends with weight 0. Here the inner policy is best-of-n under the blend, softened so that
small changes of the weights show, its value is what judgments set apart say of the response it picks, and the outer
loop is an evolution strategy (the paper's implicit gradient needs a differentiable inner learner). The half that
retrains a policy on the blend comes with policy gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
NOTHING_KEPT = "a blend is chosen on judgments kept back: there are too few of them to keep any"


@dataclass(frozen=True)
class Judged:
    """Judged responses, prompt by prompt: ``signals`` [n, 1 + k], the human reward first, and ``worth`` [n].

    ``owner`` [n] counts the prompts and ``starts`` [prompts] says where each one's responses begin.
    """

    signals: Array
    worth: Array
    owner: NDArray[np.int64]
    starts: NDArray[np.int64]


def judged(signals: ArrayLike, prompt: ArrayLike, pairs: ArrayLike, p: ArrayLike, weight: ArrayLike) -> Judged:
    """Put [n, 1 + k] signals of responses to the prompts ``prompt`` [n] in order; lone responses are left out.

    ``pairs`` [m, 2] are places of judged responses, ``p`` [m] their soft labels. A response is worth its mean share of
    wins over its judgments, less ½: positive where people prefer it. Raises ValueError where nothing is left.
    """
    x, asked = np.asarray(signals, dtype=np.float64), np.asarray(prompt)
    sides, labels = np.asarray(pairs, dtype=np.int64).reshape(-1, 2), np.asarray(p, dtype=np.float64)
    weights = np.asarray(weight, dtype=np.float64)
    won, seen = np.zeros(len(x)), np.zeros(len(x))
    for side, share in ((0, labels), (1, 1.0 - labels)):
        np.add.at(won, sides[:, side], weights * share)
        np.add.at(seen, sides[:, side], weights)
    worth = np.where(seen > 0, won / np.where(seen > 0, seen, 1.0), 0.5) - 0.5
    _, place, count = np.unique(asked, return_inverse=True, return_counts=True)
    order = np.argsort(place, kind="stable")
    order = order[count[place[order]] > 1]
    if not len(order):
        raise ValueError(NOTHING_KEPT)
    _, starts, owner = np.unique(place[order], return_index=True, return_inverse=True)
    return Judged(x[order], worth[order], owner, starts)


def best_of_n_value(weights: ArrayLike, told: Judged, sharpness: float = 4.0) -> float:
    """The mean worth of what best-of-n picks under the blend, as a softmax of ``sharpness`` times the blended reward.

    The weights' length is divided out, so that only the blend counts and no sharper choice can be bought with it.
    """
    direction = np.asarray(weights, dtype=np.float64)
    direction = direction / max(float(np.linalg.norm(direction)), 1e-12)
    score = sharpness * (told.signals @ direction)
    chance = np.exp(score - np.maximum.reduceat(score, told.starts)[told.owner])
    picked = np.add.reduceat(chance * told.worth, told.starts) / np.add.reduceat(chance, told.starts)
    return float(picked.mean())


def evolve(
    value: Callable[[Array], float], start: ArrayLike, *, seed: int, generations: int = 40, spread: float = 0.5
) -> Array:
    """Maximise ``value`` over [k] weights by a small evolution strategy with a learned covariance.

    (μ/μ_w, λ) selection with the rank-μ update of CMA-ES (Hansen 2016, arXiv:1604.00772, equation 47) and a step that
    shrinks geometrically to a fiftieth; λ = 4 + 3·ln k, at least 12. The best point ever seen is returned.
    """
    mean = np.asarray(start, dtype=np.float64).copy()
    dimension, chance = len(mean), np.random.default_rng(seed)
    count = max(12, 4 + int(3 * np.log(dimension)))
    parents = count // 2
    rank = np.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
    rank /= rank.sum()
    covariance, rate = np.eye(dimension), min(0.5, 2.0 / dimension)
    best, best_value = mean.copy(), value(mean)
    for generation in range(generations):
        size = spread * 50.0 ** (-generation / max(1, generations - 1))
        steps = chance.normal(size=(count, dimension)) @ np.linalg.cholesky(covariance).T
        found = np.array([value(mean + size * step) for step in steps])
        order = np.argsort(-found, kind="stable")
        if found[order[0]] > best_value:
            best, best_value = mean + size * steps[order[0]], float(found[order[0]])
        chosen = steps[order[:parents]]
        mean = mean + size * rank @ chosen
        covariance = (1.0 - rate) * covariance + rate * (chosen * rank[:, None]).T @ chosen
        covariance += 1e-9 * np.eye(dimension)
    return best


def find_blend(told: Judged, *, seed: int, shrink: float = 0.5) -> Array:
    """α and β [1 + k] with α ≥ 0 and length 1.

    Starts from the human reward alone. ``shrink``/√prompts times the share of the weights that is not the human
    reward's is taken off: about the error of a mean worth, so that a rule must help by more than chance would make it
    seem to.
    """
    price = shrink / float(np.sqrt(len(told.starts)))

    def value(weights: Array) -> float:
        whole = float(np.abs(weights).sum()) or 1.0
        return best_of_n_value(human_first(weights), told) - price * float(np.abs(weights[1:]).sum()) / whole

    start = np.zeros(told.signals.shape[1])
    start[0] = 1.0
    found = human_first(evolve(value, start, seed=seed))
    return np.asarray(found / np.linalg.norm(found))


def human_first(weights: Array) -> Array:
    """The human reward's weight is never negative: people are never optimised against."""
    kept = weights.copy()
    kept[0] = max(kept[0], 0.0)
    return kept if kept.any() else np.eye(len(kept))[0]
