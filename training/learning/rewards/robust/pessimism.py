"""A lower bound of the reward: less where the compared pairs say little.

Zhu, Jiao and Jordan 2023, "Principled Reinforcement Learning with Human Feedback from Pairwise or K-wise Comparisons"
(arXiv:2301.11270), section 3: with features φ, compared pairs' differences x_i and reference feature ν,

    Σ_D = (1/n) Σ_i x_i x_iᵀ,    r_LCB = r - b·‖φ - ν‖ in the metric (Σ_D + λI)⁻¹.

The paper takes the norm of the policy's mean feature; taken of each response, as here, it orders responses and can be
maximised. Its b falls as 1/√n (theorem 3.2), so the dial is b·√n; λ is relative to Σ_D's mean eigenvalue, because the
scale of a network's states means nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LowerBound:
    """``reference`` ν [d], ``root`` [d, d] with rootᵀ·root = (Σ_D + λI)⁻¹, and ``b``."""

    reference: Array
    root: Array
    b: float

    @classmethod
    def fit(
        cls, differences: ArrayLike, reference: ArrayLike, *, dial: float, ridge: float, weight: ArrayLike | None = None
    ) -> "LowerBound":
        """From [n, d] compared pairs' differences, each counted ``weight`` times (default once).

        Raises ValueError without pairs, or where ``ridge`` is not above 0 (no metric then need exist).
        """
        x = np.asarray(differences, dtype=np.float64)
        if x.ndim != 2 or not len(x):
            raise ValueError("a lower bound needs compared pairs: there are none")
        if ridge <= 0.0:
            raise ValueError(f"ridge is above 0, not {ridge}: nothing else bounds what no judgment touched")
        counts = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
        sigma = (x * counts[:, None]).T @ x / counts.sum()
        scale = float(np.trace(sigma)) / x.shape[1] or 1.0
        lower = np.linalg.cholesky(sigma + ridge * scale * np.eye(x.shape[1]))
        root: Array = np.asarray(np.linalg.solve(lower, np.eye(x.shape[1])), dtype=np.float64)
        return cls(np.asarray(reference, dtype=np.float64), root, dial / float(np.sqrt(counts.sum())))

    def norm(self, features: ArrayLike) -> Array:
        """‖φ - ν‖ [n] of features [n, d]."""
        return np.asarray(np.linalg.norm((np.asarray(features) - self.reference) @ self.root.T, axis=1))

    def bound(self, rewards: ArrayLike, features: ArrayLike) -> Array:
        """r_LCB [n] of rewards [n] with features [n, d]."""
        return np.asarray(np.asarray(rewards, dtype=np.float64) - self.b * self.norm(features))
