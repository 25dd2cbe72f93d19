"""Gao's curves are found again where they were planted; the best of n agrees with counting all subsets."""

import itertools
import json
import math

import numpy as np
import pytest

from training.learning.evaluation.overoptimisation import (
    best_of_n,
    best_of_n_weights,
    drawn,
    fit_curve,
    kl_of_best_of,
)

KL = np.linspace(0.1, 30.0, 25)


def planted(form: str, alpha: float, beta: float, kl: np.ndarray = KL) -> np.ndarray:
    d = np.sqrt(kl)
    return d * (alpha - beta * (d if form == "best_of_n" else np.log(d)))


@pytest.mark.parametrize("form", ["best_of_n", "rl"])
def test_planted_coefficients_are_found(form: str) -> None:
    curve = fit_curve(KL, planted(form, 0.7, 0.2), form)
    assert curve is not None
    assert (curve.alpha.value, curve.beta.value, curve.error) == pytest.approx((0.7, 0.2, 0.0), abs=1e-12)
    assert curve.at(KL) == pytest.approx(planted(form, 0.7, 0.2))
    assert curve.at(0.0) == 0.0


@pytest.mark.parametrize("form", ["best_of_n", "rl"])
def test_the_peak_is_where_the_curve_is_greatest(form: str) -> None:
    curve = fit_curve(KL, planted(form, 0.7, 0.3), form)
    assert curve is not None
    grid = np.linspace(0.01, 60.0, 60_000)
    assert curve.peak_kl == pytest.approx(grid[curve.at(grid).argmax()], abs=0.002)


@pytest.mark.parametrize(
    ("form", "alpha", "beta", "peak"),
    [
        ("best_of_n", 0.5, -0.1, math.inf),
        ("best_of_n", -0.5, 0.1, 0.0),
        ("best_of_n", -0.5, -0.1, 0.0),
        ("rl", 0.5, -0.1, math.inf),
    ],
)
def test_a_curve_that_only_rises_or_only_falls_has_no_peak_inside(form, alpha, beta, peak) -> None:
    curve = fit_curve(KL, planted(form, alpha, beta), form)
    assert curve is not None and curve.peak_kl == peak


@pytest.mark.parametrize("form", ["best_of_n", "rl"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(form: str) -> None:
    toss = np.random.default_rng(0)
    held = []
    for number in range(60):
        noisy = planted(form, 0.7, 0.2) + 0.1 * toss.standard_normal(len(KL))
        curve = fit_curve(KL, noisy, form, draws=200, seed=number)
        assert curve is not None
        held.append((curve.alpha.low < 0.7 < curve.alpha.high, curve.beta.low < 0.2 < curve.beta.high))
    assert (np.mean(held, axis=0) > 0.8).all()


def test_replicates_give_the_interval_where_the_caller_has_them() -> None:
    truth = planted("rl", 0.7, 0.2)
    many = np.array([planted("rl", alpha, 0.2) for alpha in np.linspace(0.6, 0.8, 101)])
    curve = fit_curve(KL, truth, "rl", replicates=many)
    assert curve is not None
    assert (curve.alpha.low, curve.alpha.high) == pytest.approx((0.605, 0.795))
    assert (curve.beta.low, curve.beta.high) == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("kl", [[], [1.0], [0.0, 1.0, 2.0], [3.0, 3.0, 3.0], [-0.1, 0.0, 1.0, 2.0]])
def test_too_few_different_points_give_no_curve(kl: list[float]) -> None:
    assert fit_curve(kl, [0.1] * len(kl), "rl") is None


def test_points_before_the_policy_moved_do_not_count() -> None:
    curve = fit_curve([*KL, 0.0, -0.2], [*planted("rl", 0.7, 0.2), 5.0, 5.0], "rl")
    assert curve is not None and curve.alpha.value == pytest.approx(0.7)
    assert curve.alpha.n == len(KL)


def test_what_is_no_number_or_no_form_is_refused() -> None:
    with pytest.raises(ValueError, match="all finite"):
        fit_curve([1.0, 2.0, np.nan], [0.1] * 3, "rl")
    with pytest.raises(ValueError, match="one of best_of_n, rl"):
        fit_curve(KL, KL, "cubic")


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("proxy", [[3.0, 1, 2, 7, 5, 6, 4], [1.0, 2, 2, 0, 2, 1, 5], [0.0] * 7])
def test_the_best_of_n_agrees_with_counting_every_subset(n: int, proxy: list[float]) -> None:
    gold = np.random.default_rng(1).standard_normal(7)
    values = []
    for chosen in itertools.combinations(range(7), n):
        most = max(proxy[place] for place in chosen)
        values.append(np.mean([gold[place] for place in chosen if proxy[place] == most]))
    assert float(best_of_n(proxy, gold, n)) == pytest.approx(np.mean(values), rel=1e-12)


def test_a_large_pool_neither_overflows_nor_loses_weight() -> None:
    pool = np.random.default_rng(2).standard_normal((3, 2000))
    weights = best_of_n_weights(pool, 1000)
    assert weights.sum(-1) == pytest.approx(1.0)
    assert best_of_n(pool, pool, 2000) == pytest.approx(pool.max(-1))
    assert best_of_n(pool, pool, 1) == pytest.approx(pool.mean(-1))


def test_more_than_the_pool_holds_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="pool of 3"):
        best_of_n([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 4)


def test_the_kl_of_the_best_of_n_is_that_of_the_greatest_of_n_uniform_numbers() -> None:
    # The best of n has density n·u^(n−1) over a response's quantile u: its KL is ∫ n·u^(n−1)·log(n·u^(n−1)) du.
    u = (np.arange(400_000) + 0.5) / 400_000
    for n in (1, 2, 16):
        density = n * u ** (n - 1)
        assert kl_of_best_of(n) == pytest.approx(np.mean(density * np.log(density)), abs=1e-4)
    with pytest.raises(ValueError, match="at least one"):
        kl_of_best_of(0)


def test_a_curve_is_drawn_from_its_json_and_names_no_infinite_number() -> None:
    curve = fit_curve(KL, planted("rl", 0.5, -0.1), "rl")
    assert curve is not None
    told = json.loads(json.dumps(curve.to_json(), allow_nan=False))
    assert told["peak_kl"] is None
    assert drawn(told, KL) == pytest.approx(curve.at(KL))
