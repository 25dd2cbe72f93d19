"""How far optimising a proxy reward helps before it harms: two published curves fitted to measured points.

Gao, Schulman and Hilton 2022, "Scaling Laws for Reward Model Overoptimization", arXiv:2210.10760, equations 1 and 2,
with d = √KL(π ‖ π₀) and R the true reward gained over π₀, so that R(0) = 0. Rafailov et al. 2024, arXiv:2406.02900,
find the second form for direct preference objectives too. Both are linear in their coefficients: least squares
without an intercept is the exact fit. Pure numpy.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Estimate

Array = NDArray[np.float64]
FORMS = ("best_of_n", "rl")
FEWEST = 3  # points away from π₀: two lie on some curve exactly
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Curve:
    """A fitted curve. ``error`` is the root of the mean squared distance of the points from it, in R's units."""

    form: str
    alpha: Estimate
    beta: Estimate
    error: float

    def at(self, kl: ArrayLike) -> Array:
        """R at each KL (nats, at least 0)."""
        columns = _columns(np.asarray(kl, dtype=np.float64), self.form)
        return np.asarray(columns @ np.array([self.alpha.value, self.beta.value]))

    @property
    def peak_kl(self) -> float:
        """The KL at which R is greatest: d = α/2β or d = exp(α/β − 1). 0 where R only falls, ∞ where it only rises."""
        alpha, beta = self.alpha.value, self.beta.value
        if beta <= 0.0:
            return math.inf if alpha > 0.0 or (self.form == "rl" and beta < 0.0) else 0.0
        if self.form == "best_of_n":
            return max(alpha / (2.0 * beta), 0.0) ** 2
        return math.exp(min(2.0 * (alpha / beta - 1.0), 700.0))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; ``peak_kl`` is null where R only rises, an infinite end of an interval too."""
        told: dict[str, Any] = {"form": self.form, "error": self.error, "peak_kl": _finite(self.peak_kl)}
        for name in ("alpha", "beta"):
            found: Estimate = getattr(self, name)
            told |= {name: found.value, f"{name}_low": _finite(found.low), f"{name}_high": _finite(found.high)}
        return told


def _estimate(value: float, drawn: Array, n: int) -> Estimate:
    low, high = np.percentile(drawn, INTERVAL) if len(drawn) else (-math.inf, math.inf)
    return Estimate(float(value), float(low), float(high), n)


def _columns(kl: Array, form: str) -> Array:
    """[n, 2]: what α and β multiply."""
    if form not in FORMS:
        raise ValueError(f"a curve is one of {', '.join(FORMS)}, not {form!r}")
    d = np.sqrt(np.maximum(kl, 0.0))
    bent = d * d if form == "best_of_n" else d * np.log(np.where(d > 0.0, d, 1.0))
    return np.stack([d, -bent], axis=-1)


def drawn(curve: dict[str, Any], kl: ArrayLike) -> Array:
    """R at each KL of a curve that ``to_json`` wrote."""
    return np.asarray(_columns(np.asarray(kl, dtype=np.float64), curve["form"]) @ [curve["alpha"], curve["beta"]])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def fit_curve(
    kl: ArrayLike,
    reward: ArrayLike,
    form: str,
    *,
    replicates: ArrayLike | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Curve | None:
    """Fit α and β to [n] rewards, each gained over π₀, at [n] KLs; None where the points cannot tell them apart.

    Intervals are percentiles of a bootstrap: over ``replicates`` [draws, n], rewards of the same points measured on
    resampled prompts, where the caller has them, else over the points. Points at KL ≤ 0 say nothing and are left out
    (a measured KL may come out below 0). Raises ValueError for values that are not finite.
    """
    x, y = np.asarray(kl, dtype=np.float64), np.asarray(reward, dtype=np.float64)
    if x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(f"{len(x)} KLs and {len(y)} rewards: give as many, all finite")
    moved = x > 0.0
    columns = _columns(x[moved], form)
    if len(np.unique(x[moved])) < FEWEST or not _determined(columns):
        return None
    told = np.linalg.lstsq(columns, y[moved], rcond=None)[0]
    error = float(np.sqrt(np.mean((columns @ told - y[moved]) ** 2)))
    if replicates is None:
        found = _resampled(columns, y[moved], draws, seed)
    else:
        many = np.asarray(replicates, dtype=np.float64)[:, moved]
        found = np.asarray(np.linalg.lstsq(columns, many.T, rcond=None)[0].T, dtype=np.float64)
    alpha, beta = (_estimate(told[j], found[:, j], int(moved.sum())) for j in range(2))
    return Curve(form, alpha, beta, error)


def _resampled(columns: Array, reward: Array, draws: int, seed: int) -> Array:
    """Coefficients [≤ draws, 2] of resampled points; resamples that determine no curve are left out."""
    chosen = np.random.default_rng(seed).integers(0, len(reward), (draws, len(reward)))
    drawn, told = columns[chosen], reward[chosen]  # [draws, n, 2], [draws, n]
    square = np.einsum("bni,bnj->bij", drawn, drawn)
    fine = np.linalg.cond(square) < 1e12  # the square of what ``_determined`` bears
    right = np.einsum("bni,bn->bi", drawn, told)
    return np.asarray(np.linalg.solve(square[fine], right[fine][..., None])[..., 0])


def _determined(columns: Array) -> bool:
    return bool(np.linalg.cond(columns) < 1e6)


def kl_of_best_of(n: ArrayLike) -> Array:
    """KL(best of n ‖ one sample) in nats: log n − (n − 1)/n.

    Stiennon et al. 2020, arXiv:2009.01325, appendix G.3. Exact where no two responses are equal or tie; an upper
    bound otherwise (Beirami et al. 2024, arXiv:2401.01879, theorem 3.1).
    """
    count = np.asarray(n, dtype=np.float64)
    if (count < 1.0).any():
        raise ValueError("the best of at least one sample")
    return np.log(count) - (count - 1.0) / count


def best_of_n_weights(proxy: ArrayLike, n: int) -> Array:
    """How often each of N samples is the best of n drawn without replacement, by ``proxy`` [..., N]: [..., N], sum 1.

    Nakano et al. 2021 (WebGPT), arXiv:2112.09332, appendix I: the i-th smallest is the best of C(i − 1, n − 1) of
    the C(N, n) subsets, so one pool of N samples gives an unbiased estimate for every n ≤ N. Ties share.
    """
    scores = np.asarray(proxy, dtype=np.float64)
    size = scores.shape[-1]
    if not 1 <= n <= size:
        raise ValueError(f"the best of {n} cannot be drawn from a pool of {size}")
    ordered = np.sort(scores, axis=-1)
    below, upto = _places(ordered, scores, "left"), _places(ordered, scores, "right")
    within = _share_of_subsets(size, n)
    return np.asarray((within[upto] - within[below]) / (upto - below))


def best_of_n(proxy: ArrayLike, gold: ArrayLike, n: int) -> Array:
    """Expected ``gold`` of the response that ``proxy`` finds best of n: [...] for scores [..., N] of pools of N."""
    return np.asarray((best_of_n_weights(proxy, n) * np.asarray(gold, dtype=np.float64)).sum(-1))


def _share_of_subsets(size: int, n: int) -> Array:
    """C(i, n)/C(size, n) for i = 0..size, as a product that neither over- nor underflows."""
    share = np.zeros(size + 1)
    share[size] = 1.0
    for i in range(size, n, -1):
        share[i - 1] = share[i] * (i - n) / i
    return share


def _places(ordered: Array, scores: Array, side: str) -> NDArray[np.int64]:
    """How many of each row lie below (left) or up to (right) each score: [..., N]."""
    rows = zip(ordered.reshape(-1, ordered.shape[-1]), scores.reshape(-1, scores.shape[-1]), strict=True)
    places = [np.searchsorted(row, wanted, side=side) for row, wanted in rows]  # type: ignore[call-overload]
    return np.array(places, dtype=np.int64).reshape(scores.shape)
