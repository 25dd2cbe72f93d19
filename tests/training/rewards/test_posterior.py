"""The fast posterior against answers known another way: scipy's optimiser, quadrature, Monte Carlo."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import expit

from training.learning.acquisition import score_pairs
from training.learning.acquisition.information import bald
from training.learning.rewards.fast.likelihood import probit_corrected, soften
from training.learning.rewards.fast.posterior import FastPosterior


def judged_pairs(n: int, d: int, seed: int = 0, strength: float = 3.0) -> Any:
    """Feature differences, soft labels and weights drawn from a logistic model with known weights."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=d) * strength
    x = rng.normal(size=(n, d)) / np.sqrt(d)
    p = np.clip((rng.random(n) < expit(x @ theta)) + rng.choice([0.0, 0.3, -0.3], size=n), 0.0, 1.0)
    return x, p, rng.choice([0.5, 1.0, 2.0], size=n)


def scipy_mode(x: Any, p: Any, weight: Any, prior_scale: float) -> Any:
    """The mode by a quasi-Newton method on the written-out objective."""

    def loss(theta: Any) -> Any:
        logit = x @ theta
        fit = weight * (p * np.logaddexp(0, -logit) + (1 - p) * np.logaddexp(0, logit))
        gradient = x.T @ (weight * (expit(logit) - p)) + theta / prior_scale**2
        return fit.sum() + 0.5 * theta @ theta / prior_scale**2, gradient

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"gtol": 1e-9}).x


def test_a_refit_predicts_what_scipys_optimum_predicts() -> None:
    x, p, weight = judged_pairs(2_000, 40)
    fitted = FastPosterior.fit(x, p, weight, dimension=40, prior_scale=2.0)
    other = scipy_mode(x, p, weight, 2.0)
    assert np.abs(expit(x @ fitted.mean) - expit(x @ other)).max() < 1e-3


@pytest.mark.slow
def test_a_refit_of_ten_thousand_judgments_predicts_what_scipys_optimum_predicts() -> None:
    x, p, weight = judged_pairs(10_000, 256)
    fitted = FastPosterior.fit(x, p, weight, dimension=256, prior_scale=4.0)
    hessian = (x * (weight * expit(x @ fitted.mean) * expit(-x @ fitted.mean))[:, None]).T @ x
    covariance = np.linalg.inv(hessian + np.eye(256) / 16.0)
    told = fitted.predict(x)
    mean = x @ scipy_mode(x, p, weight, 4.0)
    variance = np.einsum("nd,de,ne->n", x, covariance, x)
    assert np.abs(told.probability - probit_corrected(mean, variance)).max() < 1e-3


def test_a_refit_that_starts_elsewhere_ends_in_the_same_place() -> None:
    x, p, weight = judged_pairs(500, 20)
    cold = FastPosterior.fit(x, p, weight, dimension=20, prior_scale=2.0)
    elsewhere = FastPosterior(20, 2.0)
    elsewhere.mean += 30.0
    warm = FastPosterior.fit(x, p, weight, dimension=20, prior_scale=2.0, start=elsewhere)
    assert np.abs(cold.predict(x).probability - warm.predict(x).probability).max() < 1e-6


def test_updates_one_by_one_come_close_to_the_refit() -> None:
    x, p, weight = judged_pairs(400, 16)
    online = FastPosterior(16, 2.0)
    for row, label, w in zip(x, p, weight, strict=True):
        online.update(row, label, w)
    batch = FastPosterior.fit(x, p, weight, dimension=16, prior_scale=2.0)
    assert np.abs(online.predict(x).probability - batch.predict(x).probability).max() < 0.05
    assert online.judgments == batch.judgments == 400


def test_one_update_lands_on_the_exact_mode_of_prior_times_likelihood() -> None:
    x, _, _ = judged_pairs(1, 5)
    online = FastPosterior(5, 1.5)
    online.update(x[0] * 4, 0.9, 2.0)
    assert np.allclose(online.mean, scipy_mode(x * 4, np.array([0.9]), np.array([2.0]), 1.5), atol=1e-5)


def test_a_label_of_one_half_moves_no_mean_but_narrows_the_posterior() -> None:
    x, _, _ = judged_pairs(1, 8)
    posterior = FastPosterior(8)
    before = posterior.predict(x[0]).variance[0]
    posterior.update(x[0], 0.5)
    assert np.allclose(posterior.mean, 0.0)
    assert posterior.predict(x[0]).variance[0] < before


def test_a_weight_of_two_is_the_same_judgment_twice() -> None:
    x, p, _ = judged_pairs(60, 6)
    doubled = FastPosterior.fit(x, p, np.full(60, 2.0), dimension=6, prior_scale=1.0)
    twice = FastPosterior.fit(np.vstack([x, x]), np.hstack([p, p]), dimension=6, prior_scale=1.0)
    assert np.allclose(doubled.mean, twice.mean, atol=1e-5)


def test_a_weight_of_zero_is_no_judgment() -> None:
    posterior = FastPosterior(6)
    posterior.update(np.ones(6), 1.0, 0.0)
    assert np.allclose(posterior.mean, 0.0)
    assert np.allclose(posterior.covariance, FastPosterior(6).covariance)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
def test_the_covariance_stays_positive_and_only_shrinks(seed, count) -> None:
    x, p, weight = judged_pairs(count, 7, seed)
    posterior = FastPosterior(7, 3.0)
    before = posterior.covariance.copy()
    for row, label, w in zip(x, p, weight, strict=True):
        posterior.update(row * 10, label, w)
    assert np.linalg.eigvalsh(posterior.covariance).min() > 0
    assert np.linalg.eigvalsh(before - posterior.covariance).min() > -1e-9


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_swapping_sides_and_labels_changes_nothing(seed) -> None:
    x, p, weight = judged_pairs(40, 5, seed)
    one = FastPosterior.fit(x, p, weight, dimension=5)
    other = FastPosterior.fit(-x, 1.0 - p, weight, dimension=5)
    assert np.allclose(one.predict(x).probability, other.predict(x).probability, atol=1e-6)
    assert np.allclose(one.predict(x).probability, 1.0 - one.predict(-x).probability, atol=1e-6)


def test_the_evidence_takes_a_small_prior_for_noise_and_a_large_one_for_a_strong_taste() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 20)) / np.sqrt(20)
    noise = FastPosterior.fit(x, rng.integers(0, 2, 300), dimension=20)
    taste = FastPosterior.fit(x, x[:, 0] > 0, dimension=20)
    assert noise.prior_scale < taste.prior_scale


def test_the_corrected_probability_is_the_average_over_the_posterior() -> None:
    for mean in (-3.0, -0.5, 0.0, 1.0, 4.0):
        for variance in (0.0, 0.5, 4.0, 20.0):
            spread = np.sqrt(variance) or 1e-9
            exact = quad(lambda z, m=mean, s=spread: expit(m + s * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), -9, 9)[
                0
            ]
            assert abs(float(probit_corrected(mean, variance)) - exact) < 0.02


def test_what_is_saved_is_what_is_read() -> None:
    x, p, weight = judged_pairs(50, 12)
    posterior = FastPosterior.fit(x, p, weight, dimension=12)
    again = FastPosterior.from_bytes(posterior.to_bytes())
    assert np.array_equal(again.mean, posterior.mean)
    assert np.allclose(again.covariance, posterior.covariance, rtol=0, atol=1e-15)
    assert (again.prior_scale, again.judgments) == (posterior.prior_scale, posterior.judgments)
    assert again.to_bytes() == posterior.to_bytes()


@pytest.mark.parametrize("damage", [lambda b: b[:-8], lambda b: b"x" + b[1:], lambda b: b"", lambda b: b[:20]])
def test_damaged_bytes_are_refused_in_words(damage) -> None:
    with pytest.raises(ValueError, match="posterior"):
        FastPosterior.from_bytes(damage(FastPosterior(4).to_bytes()))


@pytest.mark.parametrize(
    ("x", "p", "weight"),
    [(np.ones(4), 1.2, 1.0), (np.ones(4), 1.0, -1.0), (np.ones(3), 1.0, 1.0), (np.full(4, np.nan), 1.0, 1.0)],
)
def test_a_bad_judgment_is_refused_and_changes_nothing(x, p, weight) -> None:
    posterior = FastPosterior(4)
    with pytest.raises(ValueError):
        posterior.update(x, p, weight)
    assert posterior.to_bytes() == FastPosterior(4).to_bytes()


def test_no_judgment_at_all_is_the_prior() -> None:
    fitted = FastPosterior.fit(np.zeros((0, 4)), [], dimension=4)
    assert fitted.predict(np.ones(4)).probability[0] == 0.5


@pytest.mark.slow
def test_an_update_takes_five_milliseconds_at_most_and_ten_thousand_pairs_fifty() -> None:
    x, p, _ = judged_pairs(10_000, 256)
    posterior = FastPosterior(256)
    begin = time.perf_counter()
    for row, label in zip(x[:200], p[:200], strict=True):
        posterior.update(row, label)
    assert (time.perf_counter() - begin) / 200 < 0.005
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        posterior.predict(x)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.050


def test_bald_is_the_mutual_information_that_monte_carlo_finds() -> None:
    rng = np.random.default_rng(0)
    for mean, variance in [(0.0, 1.0), (1.0, 4.0), (-2.0, 9.0)]:
        p = expit(mean + np.sqrt(variance) * rng.normal(size=200_000))
        q = np.array([p.mean(), *p])
        h = -q * np.log(q) - (1 - q) * np.log1p(-q)
        assert abs(bald([mean], [variance])[0] - (h[0] - h[1:].mean())) < 3e-3


def test_a_pair_like_one_already_judged_is_worth_less_than_a_new_one() -> None:
    posterior = FastPosterior(4)
    for _ in range(20):
        posterior.update(np.array([1.0, 0, 0, 0]), 0.5)
    known, new = score_pairs(posterior, np.eye(4)[:2])
    assert known < new


def test_an_unknown_acquisition_method_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="bald"):
        score_pairs(FastPosterior(2), np.ones((1, 2)), method="magic")


def test_a_slight_preference_is_a_softer_label_than_a_strong_one() -> None:
    assert 0.5 < soften(1.0, 1) < soften(1.0, 2) < soften(1.0, 3) == 1.0
    assert soften(0.0, -1) == pytest.approx(1 - soften(1.0, 1))
    assert soften(0.7, 3) == 0.7
    assert soften(1.0, None) == 1.0
