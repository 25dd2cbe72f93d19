"""Blend weights: a planted blend is recovered, a misleading signal gets nothing, people are never optimised against."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import truncnorm

from tests.training.learning.tiny import save_tiny
from tests.training.rewards.test_pairwise import likes_questions
from training.learning.recipes import RewardRecipe
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.frozen import Shared
from training.learning.rewards.interface import Scored
from training.learning.rewards.keeping import keep_back
from training.learning.rewards.lesson import Lesson, Progress
from training.learning.rewards.members import for_the_blend, train_members
from training.learning.rewards.robust.adjusted import AdjustedReward, Blend, crossed, slope, within
from training.learning.rewards.robust.blend import Judged, best_of_n_value, evolve, find_blend, human_first, judged
from training.learning.rows import PreferenceRow


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


class Lettered(Scored):
    """Likes the letter e, with a zero of its own for each prompt."""

    def __init__(self, zero: float) -> None:
        self.zero = zero

    def score(self, pairs: Any) -> Any:
        return np.array([said[0]["content"].count("e") + self.zero * hash_of(asked) for asked, said in pairs])


def hash_of(prompt: Any) -> float:
    return float(len(prompt[0]["content"]) * 7 % 5 + sum(map(ord, prompt[0]["content"])) % 11)


RECIPE = RewardRecipe(method="barfi", auxiliary=["question mark: any", "log words"])
ROWS = [row for row in likes_questions(600) if row.p != 0.5]


def blended(
    place: Path, rows: list[PreferenceRow], kept: list[PreferenceRow], zero: float = 0.0
) -> tuple[Blend, list[PreferenceRow]]:
    """The blend over a reward that likes a letter, and what that was given to learn from."""
    seen: list[PreferenceRow] = []

    def train(lesson: Lesson) -> Any:
        seen.extend(lesson.train)
        return Lettered(zero)

    base = str(place / "base" if (place / "base").is_dir() else save_tiny(place / "base"))
    progress, shared = Progress(lambda *told: None, 1), Shared(place / "cache")
    ensemble, _ = train_members(train, base, RECIPE, (rows, kept), place, progress, shared, lambda: False)
    member = ensemble.members[0]
    assert isinstance(member, AdjustedReward)
    assert member.blend is not None
    return member.blend, seen


def test_a_blend_is_chosen_where_nothing_is_learned_and_nothing_is_reported(tmp_path) -> None:
    train, kept = keep_back(ROWS)
    blend, seen = blended(tmp_path, train, kept)
    learned, apart = for_the_blend(RECIPE, train)
    assert seen == learned
    assert 0.15 * len(train) <= len(apart) < 0.2 * len(train)
    assert not {str(row.prompt) for row in apart} & {str(row.prompt) for row in [*learned, *kept]}
    turned = [replace(row, p=1.0 - row.p) for row in kept]
    again, _ = blended(tmp_path, train, turned)
    assert (again.human, again.weights.tolist()) == (blend.human, blend.weights.tolist())
    assert blend.weights[0] > abs(blend.weights[1])  # who asks back is preferred, and only the rule can see it


def test_a_zero_that_differs_from_prompt_to_prompt_changes_no_blend(tmp_path) -> None:
    plain, _ = blended(tmp_path, ROWS, [])
    moved, _ = blended(tmp_path, ROWS, [], zero=100.0)
    assert moved.human == pytest.approx(plain.human, rel=1e-6)
    assert moved.weights == pytest.approx(plain.weights, rel=1e-6)


def test_within_a_prompt_values_are_told_from_its_mean() -> None:
    found = within(np.array([[1.0], [5.0], [3.0], [9.0]]), ["a", "b", "a", "c"])
    assert found[:, 0].tolist() == [-1.0, 0.0, 1.0, 0.0]


def test_no_difference_is_blended_by_weights_that_saw_its_prompt() -> None:
    prompts = np.array([f"prompt {number // 2}" for number in range(16)])
    saw: list[set[str]] = []

    def find(places: Any) -> Any:
        saw.append(set(prompts[places]))
        return np.array([float(len(saw))])

    found = crossed(find, np.ones((16, 1)), prompts)
    assert len(saw) == 5
    assert all(prompt not in saw[int(number) - 1] for prompt, number in zip(prompts, found, strict=True))


def test_a_blend_is_never_turned_round_however_much_judgments_disagree() -> None:
    rng = np.random.default_rng(0)
    gap = rng.normal(size=60)
    for labels in ((gap > 0), (gap < 0), rng.random(60) < 0.5):
        p, weight = labels.astype(float).tolist(), [1.0] * 60
        fitted = FastPosterior.fit(gap[:, None], p, weight, dimension=1)
        mean, deviation = fitted.mean[0], np.sqrt(fitted.covariance[0, 0])
        expected = truncnorm.mean(-mean / deviation, np.inf, loc=mean, scale=deviation)
        assert slope(gap, p, weight) == pytest.approx(expected, rel=1e-6)
        assert slope(gap, p, weight) > 0
