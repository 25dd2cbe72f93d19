"""Intervals, accuracy, calibration, win rate and KL against known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from training.learning.evaluation.intervals import clustered_mean, wilson
from training.learning.evaluation.policy import sequence_kl, win_rate
from training.learning.evaluation.reward import accuracy, calibration_error, evaluate


@given(st.integers(1, 400), st.data())
def test_wilsons_interval_is_scipys(n, data) -> None:
    k = data.draw(st.integers(0, n))
    other = binomtest(k, n).proportion_ci(method="wilson")
    ours = wilson(k, n)
    assert (ours.low, ours.high) == pytest.approx((other.low, other.high), abs=1e-9)


def test_no_observation_says_nothing() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high, wilson(0, 0).n) == (0.0, 1.0, 0)


def test_with_a_cluster_each_the_interval_is_students() -> None:
    values = np.random.default_rng(0).normal(size=30)
    ours = clustered_mean(values, range(30))
    other = ttest_1samp(values, 0).confidence_interval()
    assert (ours.low, ours.high) == pytest.approx((other.low, other.high))


def test_repeating_every_prompt_narrows_nothing() -> None:
    values = np.random.default_rng(0).normal(size=30)
    once = clustered_mean(values, range(30))
    thrice = clustered_mean(np.repeat(values, 3), np.repeat(np.arange(30), 3).tolist())
    assert (thrice.low, thrice.high, thrice.n) == pytest.approx((once.low, once.high, once.n))


def test_one_cluster_alone_has_no_interval() -> None:
    assert clustered_mean([0.0, 1.0], ["a", "a"]).high == float("inf")


def test_values_and_clusters_must_match() -> None:
    with pytest.raises(ValueError, match="one cluster a value"):
        clustered_mean([1.0], [])


def test_ties_count_half_in_a_win_rate() -> None:
    told = win_rate([1.0, 2.0, 3.0, 0.0], [1.0, 1.0, 5.0, 0.0], ["a", "b", "c", "d"])
    assert told.win_rate.value == pytest.approx((0.5 + 1 + 0 + 0.5) / 4)
    assert told.tie_rate == 0.5


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=30))
def test_the_win_rate_of_the_other_side_is_the_rest(pairs) -> None:
    ours, theirs = np.array(pairs, dtype=float).T
    one, other = win_rate(ours, theirs, range(len(pairs))), win_rate(theirs, ours, range(len(pairs)))
    assert one.win_rate.value + other.win_rate.value == pytest.approx(1.0)


def test_accuracy_leaves_ties_out_and_halves_an_undecided_prediction() -> None:
    told = accuracy([0.9, 0.2, 0.5, 0.7], [1.0, 1.0, 1.0, 0.5])
    assert (told.value, told.n) == (pytest.approx(0.5), 3)


def test_a_calibrated_model_has_little_calibration_error_and_an_overconfident_one_much() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 1, 20_000)
    met = (rng.random(20_000) < truth).astype(float)
    assert calibration_error(truth, met) < 0.02
    assert calibration_error(np.where(truth > 0.5, 0.999, 0.001), met) > 0.2


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=40))
def test_which_side_is_called_first_changes_no_measure(judged) -> None:
    predicted, labels = np.array(judged).T
    one, other = evaluate(predicted, labels), evaluate(1 - predicted, 1 - labels)
    assert one.accuracy.value == pytest.approx(other.accuracy.value)
    assert one.log_loss == pytest.approx(other.log_loss)


def test_the_kl_of_two_gaussians_is_found_within_its_error() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(1.0, 1.0, 4_000)
    told = sequence_kl(-0.5 * (y - 1.0) ** 2, -0.5 * y**2)
    assert abs(told.kl - 0.5) < 4 * told.standard_error
    assert told.standard_error == pytest.approx(1.0 / np.sqrt(4_000), rel=0.1)


def test_a_kl_on_few_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="256"):
        sequence_kl(np.zeros(255), np.zeros(255))
