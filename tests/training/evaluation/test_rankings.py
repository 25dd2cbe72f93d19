"""Rank correlations and strengths against scipy, closed forms and what the loop's own fit says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, rankdata, spearmanr

from labeling.measures.bradley_terry import fit
from training.learning.evaluation.rankings import (
    kendall,
    ranks,
    spearman,
    strengths,
    weighted_correlation,
    wins,
    within_prompts,
)

PAIRED = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=25)


@given(PAIRED)
def test_rank_correlations_are_scipys(pairs) -> None:
    x, y = np.array(pairs, dtype=float).T
    assert ranks(x) == pytest.approx(rankdata(x))
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert kendall(x, y) == pytest.approx(kendalltau(x, y).statistic)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    else:
        assert np.isnan(kendall(x, y)) and np.isnan(spearman(x, y))


def test_a_weight_counts_an_observation_that_often() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 6))
    weight = np.array([1, 2, 0, 3, 1, 1])
    again = np.repeat(np.arange(6), weight)
    assert weighted_correlation(x, y, weight) == pytest.approx(pearsonr(x[again], y[again]).statistic)


def test_two_models_strengths_differ_by_the_log_odds() -> None:
    won = wins(np.array([[0, 1]] * 4), np.array([1.0, 1.0, 0.0, 0.5]), np.ones((1, 4)), 2)
    assert won[0].tolist() == [[0, 2.5], [1.5, 0]]
    found = strengths(won)[0]
    assert found[0] - found[1] == pytest.approx(np.log(3.0 / 2.0), abs=1e-6)  # with half a win more on each side


def test_strengths_are_those_of_the_leaderboards_fit() -> None:
    rng = np.random.default_rng(3)
    pairs = np.array([rng.choice(5, 2, replace=False) for _ in range(300)])
    truth = np.array([0.0, 0.5, -0.4, 1.2, 0.1])
    outcome = (rng.random(300) < 1 / (1 + np.exp(truth[pairs[:, 1]] - truth[pairs[:, 0]]))).astype(float)
    ours = strengths(wins(pairs, outcome, np.ones((1, 300)), 5))[0]
    assert ours - ours[0] == pytest.approx(fit(pairs, outcome, 5).theta, abs=1e-4)


def test_who_never_met_anybody_stays_in_the_middle() -> None:
    assert np.isfinite(strengths(wins(np.array([[0, 1]]), np.array([1.0]), np.ones((1, 1)), 3))).all()


def test_the_order_of_a_prompts_responses_is_compared_prompt_by_prompt() -> None:
    first, second, p = ["a", "a", "b", "x", "x", "y"], ["b", "c", "c", "y", "z", "z"], [1, 1, 1, 1, 1, 1]
    score = {"a": 3, "b": 2, "c": 1, "x": 1, "y": 2, "z": 3}
    found = within_prompts(first, second, p, score, ["one"] * 3 + ["two"] * 3)
    assert (found.kendall.value, found.prompts) == (0.0, 2)  # the first in order, the second turned round
    assert within_prompts(first[:1], second[:1], p[:1], score, ["one"]) is None
