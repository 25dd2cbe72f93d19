"""Blend weights: a planted blend is recovered, a misleading signal gets nothing, people are never optimised against."""

import numpy as np
import pytest

from training.learning.rewards.robust.blend import Judged, best_of_n_value, evolve, find_blend, human_first, judged


def planted(weights: list[float], seed: int = 0, prompts: int = 150) -> Judged:
    """Three judged responses a prompt, by people who follow a blend of three signals with a little noise."""
    rng = np.random.default_rng(seed)
    signals = rng.normal(size=(3 * prompts, len(weights)))
    utility = signals @ np.array(weights)
    pairs = [(3 * g + i, 3 * g + j) for g in range(prompts) for i, j in ((0, 1), (0, 2), (1, 2))]
    p = [float(utility[i] + rng.normal(scale=0.2) > utility[j]) for i, j in pairs]
    return judged(signals, np.repeat(np.arange(prompts), 3), pairs, p, np.ones(len(pairs)))


def test_a_planted_blend_is_recovered() -> None:
    truth = np.array([1.0, 0.8, -0.5])
    found = find_blend(planted(truth.tolist()), seed=0)
    assert found @ truth / np.linalg.norm(truth) > 0.97
    assert np.linalg.norm(found) == pytest.approx(1.0)


def test_a_signal_that_misleads_gets_next_to_nothing() -> None:
    found = find_blend(planted([1.0, 0.0, 0.0]), seed=1)
    assert found[0] > 0.97
    assert np.abs(found[1:]).max() < 0.2


def test_worth_is_the_share_of_wins_beyond_one_half() -> None:
    signals = np.zeros((4, 1))
    told = judged(signals, [5, 8, 5, 5], [(0, 2), (0, 3)], [1.0, 0.25], [1.0, 3.0])
    assert told.starts.tolist() == [0]  # one response alone cannot be chosen from
    assert told.worth.tolist() == pytest.approx([(1 + 0.75) / 4 - 0.5, -0.5, 0.25])


def test_the_value_is_the_softmax_choice_by_hand_and_knows_no_scale() -> None:
    groups = judged([[1.0], [0.0]], [0, 0], [(0, 1)], [1.0], [1.0])
    chance = np.exp(4.0) / (1.0 + np.exp(4.0))
    assert best_of_n_value([2.0], groups) == pytest.approx(0.5 * chance - 0.5 * (1 - chance))
    assert best_of_n_value([2.0], groups) == best_of_n_value([0.01], groups)


def test_the_search_finds_the_top_of_a_tilted_hill() -> None:
    shape = np.array([[2.0, 1.2], [1.2, 1.0]])
    top = np.array([0.7, -1.1])
    found = evolve(lambda at: -float((at - top) @ shape @ (at - top)), [0.0, 0.0], seed=2)
    assert np.allclose(found, top, atol=0.02)
    assert np.array_equal(found, evolve(lambda at: -float((at - top) @ shape @ (at - top)), [0.0, 0.0], seed=2))


def test_people_are_never_optimised_against() -> None:
    assert human_first(np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]
    assert human_first(np.array([-1.0, 0.0])).tolist() == [1.0, 0.0]


def test_without_judgments_there_is_nothing_to_choose_by() -> None:
    with pytest.raises(ValueError, match="kept back"):
        judged(np.zeros((1, 2)), [0], [], [], [])
