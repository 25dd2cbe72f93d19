"""The lower bound against a brute-force inverse, and in its limits."""

import numpy as np
import pytest

from training.learning.rewards.robust.pessimism import LowerBound

rng = np.random.default_rng(0)
X, NU, PHI, REWARD = rng.normal(size=(40, 5)), rng.normal(size=5), rng.normal(size=(7, 5)), rng.normal(size=7)


def test_the_bound_is_the_inverse_matrix_by_brute_force() -> None:
    weight = rng.random(40) + 0.5
    sigma = sum(w * np.outer(x, x) for w, x in zip(weight, X, strict=True)) / weight.sum()
    inverse = np.linalg.inv(sigma + 0.2 * np.trace(sigma) / 5 * np.eye(5))
    norm = [np.sqrt((phi - NU) @ inverse @ (phi - NU)) for phi in PHI]
    found = LowerBound.fit(X, NU, dial=3.0, ridge=0.2, weight=weight)
    assert np.allclose(found.norm(PHI), norm)
    assert np.allclose(found.bound(REWARD, PHI), REWARD - 3.0 / np.sqrt(weight.sum()) * np.array(norm))


def test_it_is_the_ridge_posterior_s_lower_bound() -> None:
    """Ridge regression on n pairs has the posterior covariance s²·(XᵀX + nλ'I)⁻¹: its standard deviation of φ - ν times
    c is the bound with dial c·s."""
    ridge = 0.3 * np.trace(X.T @ X / 40) / 5
    covariance = 0.25 * np.linalg.inv(X.T @ X + 40 * ridge * np.eye(5))
    deviation = np.sqrt(np.einsum("nd,de,ne->n", PHI - NU, covariance, PHI - NU))
    found = LowerBound.fit(X, NU, dial=2.0 * 0.5, ridge=0.3)
    assert np.allclose(found.bound(REWARD, PHI), REWARD - 2.0 * deviation)


def test_without_a_dial_it_is_the_reward_and_at_the_reference_too() -> None:
    assert np.allclose(LowerBound.fit(X, NU, dial=0.0, ridge=0.1).bound(REWARD, PHI), REWARD)
    found = LowerBound.fit(X, NU, dial=5.0, ridge=0.1)
    assert found.bound([1.5], [NU])[0] == pytest.approx(1.5)


def test_more_pairs_of_a_kind_make_it_bolder_there_and_the_scale_of_states_means_nothing() -> None:
    few, many = (LowerBound.fit(np.tile(X, (times, 1)), NU, dial=1.0, ridge=0.1) for times in (1, 4))
    assert np.allclose(REWARD - many.bound(REWARD, PHI), 0.5 * (REWARD - few.bound(REWARD, PHI)))
    scaled = LowerBound.fit(10.0 * X, 10.0 * NU, dial=1.0, ridge=0.1)
    assert np.allclose(scaled.norm(10.0 * PHI), few.norm(PHI))


def test_what_bounds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="compared pairs"):
        LowerBound.fit(np.zeros((0, 3)), np.zeros(3), dial=1.0, ridge=0.1)
    with pytest.raises(ValueError, match="above 0"):
        LowerBound.fit(X, NU, dial=1.0, ridge=0.0)
    flat = LowerBound.fit(np.zeros((2, 3)), np.zeros(3), dial=1.0, ridge=1.0)
    assert flat.norm([[3.0, 4.0, 0.0]])[0] == pytest.approx(5.0)
