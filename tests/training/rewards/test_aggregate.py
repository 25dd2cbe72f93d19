"""An ensemble's aggregates: by hand, in their limits, and what no constant per prompt may change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.learning.rewards.aggregate import (
    AGGREGATES,
    aggregate,
    cautious_margin,
    centred,
    disagreement,
    pair_disagreement,
)

PROMPT = [0, 0, 1, 1, 1]


def drawn(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(4, 5))


def test_every_rule_by_hand() -> None:
    rewards = [[1.0, 3.0], [5.0, 5.0], [2.0, 8.0]]  # centred: ∓1, 0, ∓3
    assert aggregate(rewards, rule="mean").tolist() == pytest.approx([-4 / 3, 4 / 3])
    assert aggregate(rewards, rule="min").tolist() == [-3.0, 0.0]
    assert aggregate(rewards, rule="median").tolist() == [-1.0, 1.0]
    variance = (1 + 0 + 9) / 3 - (4 / 3) ** 2
    told = aggregate(rewards, rule="mean_minus_var", uncertainty_weight=0.5)
    assert told.tolist() == pytest.approx([-4 / 3 - variance / 2, 4 / 3 - variance / 2])
    told = aggregate(rewards, rule="mean_minus_std", uncertainty_weight=2.0)
    assert told.tolist() == pytest.approx([-4 / 3 - 2 * variance**0.5, 4 / 3 - 2 * variance**0.5])
    assert disagreement(rewards).tolist() == pytest.approx([variance**0.5] * 2)


@given(st.integers(0, 10_000), st.sampled_from(AGGREGATES))
def test_a_constant_per_member_and_prompt_changes_nothing(seed: int, rule: str) -> None:
    shift = np.random.default_rng(seed + 1).normal(scale=10.0, size=(4, 2))[:, PROMPT]
    asked = aggregate(drawn(seed) + shift, PROMPT, rule=rule)
    assert np.allclose(asked, aggregate(drawn(seed), PROMPT, rule=rule))


@given(st.integers(0, 10_000), st.floats(0.0, 3.0))
def test_caution_never_gives_more_than_the_mean_and_without_weight_is_the_mean(seed: int, weight: float) -> None:
    mean = aggregate(drawn(seed), PROMPT)
    for rule in ("min", "mean_minus_var", "mean_minus_std"):
        assert (aggregate(drawn(seed), PROMPT, rule=rule, uncertainty_weight=weight) <= mean + 1e-12).all()
    for rule in ("mean_minus_var", "mean_minus_std"):
        assert np.allclose(aggregate(drawn(seed), PROMPT, rule=rule, uncertainty_weight=0.0), mean)


@pytest.mark.parametrize("rule", AGGREGATES)
def test_one_member_is_its_own_aggregate(rule) -> None:
    assert np.allclose(aggregate(drawn(0)[:1], PROMPT, rule=rule), centred(drawn(0)[:1], PROMPT)[0])


def test_centring_is_per_prompt_whatever_the_prompts_are_called() -> None:
    mine = centred(drawn(3), [7, 7, 2, 2, 2])
    assert np.allclose(mine[:, :2].sum(1), 0.0)
    assert np.allclose(mine[:, 2:].sum(1), 0.0)


@given(st.integers(0, 10_000), st.sampled_from(AGGREGATES))
def test_swapping_the_sides_of_a_pair_swaps_the_margin(seed: int, rule: str) -> None:
    margin = cautious_margin(drawn(seed), rule=rule)
    assert np.allclose(cautious_margin(-drawn(seed), rule=rule), -margin)
    if rule not in ("median", "mean"):
        assert (np.abs(margin) <= np.abs(drawn(seed).mean(0)) + 1e-12).all()


def test_members_that_disagree_leave_no_margin_under_the_worst_case() -> None:
    difference = [[1.0, 2.0, -3.0, 0.0], [-0.5, 4.0, -1.0, 1.0]]
    assert cautious_margin(difference, rule="min").tolist() == [0.0, 2.0, -1.0, 0.0]
    assert pair_disagreement(difference).tolist() == [0.5, 0.0, 0.0, 0.25]


def test_what_names_no_aggregate_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="one of mean, min"):
        aggregate([[1.0]], rule="best")
    with pytest.raises(ValueError, match="at least 0"):
        aggregate([[1.0]], rule="mean_minus_var", uncertainty_weight=-1.0)
    with pytest.raises(ValueError, match="which it answers"):
        aggregate([[1.0, 2.0]], [0])
    with pytest.raises(ValueError, match="members, responses"):
        aggregate([1.0, 2.0])
