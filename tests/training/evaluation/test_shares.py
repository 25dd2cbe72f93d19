"""Clustered shares, paired differences and resampled intervals against known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.learning.evaluation.intervals import clustered_mean, wilson
from training.learning.evaluation.resampling import bootstrapped, draws, jackknifed
from training.learning.evaluation.shares import paired_difference, share


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_with_a_cluster_each_a_share_is_wilsons(hits) -> None:
    ours, other = share(hits, range(len(hits))), wilson(sum(hits), len(hits))
    assert (ours.low, ours.value, ours.high) == pytest.approx((other.low, other.value, other.high))


def test_copies_of_every_prompts_judgment_add_no_certainty() -> None:
    hits = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 1] * 4, dtype=float)
    once, thrice = share(hits, range(40)), share(np.repeat(hits, 3), np.repeat(np.arange(40), 3).tolist())
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=0.005)
    assert thrice.n == 120


def test_where_all_are_right_the_prompts_are_counted() -> None:
    assert share([1] * 30, [0, 1, 2] * 10).low == pytest.approx(wilson(3, 3).low)
    assert share([1, 0], ["a", "a"]).low == pytest.approx(wilson(0.5, 1).low)


def test_a_cluster_that_contradicts_itself_is_worth_no_more_than_its_judgments() -> None:
    assert share([1, 0] * 20, np.repeat(np.arange(20), 2).tolist()).low == pytest.approx(wilson(20, 40).low)


def test_without_a_hit_to_count_nothing_is_known_and_a_missing_cluster_is_refused() -> None:
    assert share([], []).high == 1.0
    with pytest.raises(ValueError, match="one cluster a hit"):
        share([1.0], [])


def test_a_paired_difference_is_students_on_the_differences() -> None:
    ours, theirs = [1, 1, 0, 1, 1, 0, 1, 1], [1, 0, 0, 1, 0, 1, 1, 0]
    found = paired_difference(ours, theirs, range(8))
    other = clustered_mean(np.subtract(ours, theirs), range(8))
    assert (found.value, found.low) == pytest.approx((0.25, other.low))


def test_models_that_nothing_tells_apart_differ_by_at_most_what_could_be_unseen() -> None:
    found = paired_difference([1, 0, 1], [1, 0, 1], range(3))
    assert (found.value, found.high) == (0.0, pytest.approx(wilson(0, 3).high))


def test_a_bootstrap_draws_whole_prompts() -> None:
    weights = draws(["a", "a", "b", "c"], rounds=50)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 1:].sum(1) == 3).all()


def test_bootstrap_and_jackknife_of_a_mean_are_near_students() -> None:
    values = np.random.default_rng(0).normal(size=200)
    exact = clustered_mean(values, range(200))

    def mean(weight) -> float:
        return float(weight @ values / weight.sum())

    for found in (bootstrapped(mean, range(200), rounds=500), jackknifed(mean, range(200), groups=50)):
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.06)


def test_what_is_not_defined_has_no_interval() -> None:
    assert bootstrapped(lambda weight: float("nan"), range(3)) is None
    assert jackknifed(lambda weight: float("nan"), range(3)) is None
    assert jackknifed(lambda weight: 1.0, ["a", "a"]) is None
