"""Preference strength: wrong labels are found by models that have not seen them, and treated as asked."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.rewards.test_pairwise import row
from training.learning.rewards.fast.likelihood import sigmoid
from training.learning.rewards.robust.strength import Strength, doubtful, measure, treated

COUNT, FLIPPED = 600, 0.15


def judged(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Differences [n, 6], labels of a clear taste of which a share is turned round, and which those are."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(COUNT, 6))
    true = (x @ np.array([3.0, -2.0, 1.0, 0.0, 0.0, 2.0]) > 0).astype(float)
    wrong = rng.random(COUNT) < FLIPPED
    return x, np.where(wrong, 1.0 - true, true), wrong


def asked(seed: int = 0) -> tuple[Strength, np.ndarray, np.ndarray]:
    x, p, wrong = judged(seed)
    prompts = np.arange(COUNT) // 2
    return measure(x, p, np.ones(COUNT), prompts, models=4, seed=seed), p, wrong


def test_turned_labels_are_found_well_above_chance() -> None:
    strength, p, wrong = asked()
    found = doubtful(strength, p, 0.1)
    assert len(found) == COUNT // 10
    assert wrong[found].mean() > 0.9  # chance: 0.15
    assert strength.of_labels(p)[~wrong].mean() > 1.0 > 0.0 > strength.of_labels(p)[wrong].mean()


def test_only_labels_that_the_models_hold_wrong_are_doubtful() -> None:
    strength = Strength(np.array([-1.0, 2.0, -3.0, 4.0]), np.ones(4))
    assert doubtful(strength, [1.0, 1.0, 1.0, 1.0], 1.0).tolist() == [2, 0]
    assert doubtful(strength, [0.0, 0.0, 0.0, 0.5], 0.5).tolist() == [1]  # of two lowest, one is held right
    assert doubtful(strength, [1.0] * 4, 0.25).tolist() == [2]


def test_no_model_judges_a_prompt_that_it_has_learned() -> None:
    x, p, _ = judged(1)
    lone = x.copy()
    lone[:, :] = 0.0
    lone[0, 0] = 5.0  # a direction that only one prompt shows: whoever has not learned it says nothing of it
    told = measure(lone, p, np.ones(COUNT), np.arange(COUNT), models=4, seed=0)
    assert told.difference[0] == pytest.approx(0.0, abs=1e-9)


def test_the_same_seed_asks_the_same_crowd() -> None:
    first, second = asked(3)[0], asked(3)[0]
    assert np.array_equal(first.difference, second.difference)
    assert (first.deviation > 0).all()


def test_one_prompt_cannot_be_judged_by_another() -> None:
    with pytest.raises(ValueError, match="at least two prompts"):
        measure(np.ones((3, 2)), [1.0] * 3, [1.0] * 3, [7, 7, 7], models=2, seed=0)


def test_a_doubtful_label_is_turned_round_softened_or_left() -> None:
    label = replace(row(1, "a", "b", 1.0), strength=2)
    turned = treated(label, -2.0, "flip", 0.1)
    assert (turned.p, turned.strength) == (0.0, -2)
    assert treated(row(1, "a", "b", 1.0), -2.0, "flip", 0.1).strength is None
    assert treated(label, -2.0, "keep", 0.1) == label
    soft = treated(label, -2.0, "soften", 0.1)
    likely = float(sigmoid(-2.0))
    assert soft.p == pytest.approx(0.9 * likely / (0.9 * likely + 0.1 * (1.0 - likely)))
    assert soft.strength is None


def test_softening_knows_both_sides_alike_and_its_limits() -> None:
    one = treated(row(1, "a", "b", 1.0), -1.5, "soften", 0.2).p
    other = treated(row(1, "a", "b", 0.0), 1.5, "soften", 0.2).p
    assert one == pytest.approx(1.0 - other)
    assert treated(row(1, "a", "b", 1.0), -1.5, "soften", 0.0).p == 1.0  # no label is wrong
    blind = treated(row(1, "a", "b", 1.0), -1.5, "soften", 0.5).p  # labels say nothing
    assert blind == pytest.approx(float(sigmoid(-1.5)))
