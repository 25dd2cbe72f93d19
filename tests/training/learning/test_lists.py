"""Training on lists: the layout against responses alone, scored objectives, curriculum stages, prompts with scores."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.learning.test_ranked import loss
from tests.training.learning.test_ranked import ranked as bare
from tests.training.learning.tiny import answer, exact, tiny_policy, user
from training.learning.lists import RankedList, list_of_row
from training.learning.logprobs import LogprobCache, response_logprobs
from training.learning.models import Policy, load_policy, save_policy
from training.learning.objectives import LIST_OBJECTIVES, LONE_OBJECTIVES, OFFLINE, PAIR_OBJECTIVES, Side, objective_of
from training.learning.objectives import refuse_unfit as refuse_recipe
from training.learning.objectives.curriculum import CURRY_DPO
from training.learning.objectives.lists import list_loss, list_plan, list_terms
from training.learning.objectives.scored import drawn_pairs
from training.learning.objectives.training import Material, preference_stages, preference_training
from training.learning.online.whole_lists import whole_lists
from training.learning.optimise import optimise
from training.learning.recipes import ObjectiveDials, OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow
from training.learning.scored_prompts import asking, asks, not_asking, with_score

TEXTS = ("The sea is deep.", "Thanks! Blue.", "Rivers, and what about them?", "No.")
KEYS = sorted({*LIST_OBJECTIVES, OFFLINE.key, CURRY_DPO.key})


def ranked(number: int, scores: Sequence[float], weight: float = 1.0) -> RankedList:
    ranks = tuple(1 + sum(other > score for other in scores) for score in scores)
    answers = tuple(answer(TEXTS[place]) for place in range(len(scores)))
    return RankedList(user(f"Question {number}"), answers, ranks, tuple(scores), weight=weight)


def row(number: int, p: float = 1.0, strength: int | None = None) -> PreferenceRow:
    sides = (answer(TEXTS[0]), answer(TEXTS[1]))
    return PreferenceRow(number, user(f"Row {number}"), sides, (None, None), p, strength, 1.0, "person", ())


LISTS = [ranked(0, (0.9, 0.1)), ranked(1, (0.2, 0.7, 0.4, 0.7), 2.0), ranked(2, (0.5, 0.1, 0.9))]


@pytest.mark.parametrize("key", ["plackett_luce", "rank_dpo", "rrhf", "tpo"])
def test_a_batch_of_lists_has_the_loss_and_gradient_of_its_responses_alone(key: str, tmp_path: Path) -> None:
    """Prompts shared and lists padded, against every response in a forward pass of its own; float64."""
    policy = exact(tiny_policy(tmp_path / "tiny", dtype=torch.float64))
    reference = exact(tiny_policy(tmp_path / "other", dtype=torch.float64, seed=1))
    objective, dials, settings = LIST_OBJECTIVES[key], ObjectiveDials(beta=0.3), OptimSettings(batch_size=3)
    plan = list_plan(policy, LISTS, settings, max_length=200, objective=objective, reference=reference)
    shared, alone = [], []
    for micros in plan.steps:
        for micro in micros:
            part = list_loss(objective, dials)(policy.model, micro)
            shared.append((part.loss, part.count))
    for one in LISTS:
        (solo,) = objective.prepare([one], 0)
        (micro,) = list_plan(policy, [one], settings, max_length=200, objective=objective, reference=reference).steps[0]
        groups = [policy.text.group(solo.prompt, [response]) for response in solo.responses]
        sums = [values[0].sum() for values in response_logprobs(policy, groups, grad=True)]
        terms = replace(list_terms(policy.model, micro), policy_GK=torch.stack(sums)[None])
        alone.append((terms.weight_G * objective.loss(terms, dials))[0])
    total = torch.stack([loss for loss, _ in shared]).sum() / sum(count for _, count in shared)
    expected = torch.stack(alone).mean()
    assert abs((total - expected).item()) <= 1e-9 * max(1.0, abs(expected.item()))
    parameters = list(policy.model.parameters())
    mine = torch.cat([slope.flatten() for slope in torch.autograd.grad(total, parameters, retain_graph=True)])
    theirs = torch.cat([slope.flatten() for slope in torch.autograd.grad(expected, parameters)])
    assert (mine - theirs).norm() <= 1e-8 * theirs.norm()


def trained(key: str, tmp_path: Path, lists: Sequence[RankedList], **dials: Any) -> tuple[Policy, Policy]:
    policy, reference = tiny_policy(tmp_path / "tiny"), load_policy(str(tmp_path / "tiny"))
    recipe = PolicyRecipe.from_json({"loss_type": key, "max_length": 128, **dials})
    settings = OptimSettings(learning_rate=3e-3, batch_size=4, num_train_epochs=3.0, save_seconds=0)
    cache = LogprobCache(tmp_path / "cache", "a" * 64)
    rows = [row(number) for number in range(4)]
    given = Material(policy, rows, recipe, settings, reference, cache, None, lists)
    for place, stage in enumerate(preference_stages(given)):
        training = preference_training(stage)
        done = optimise(policy.model, training.steps, training.loss, settings, directory=tmp_path / f"run-{place}")
        assert done.finished and math.isfinite(done.metrics["loss"])
    return policy, reference


SLOW = ("rank_dpo", "rrhf", "score_dpo", "tpo")  # laid out as plackett_luce is; they train on the starter policy too


@pytest.mark.parametrize("key", [pytest.param(key, marks=[pytest.mark.slow] if key in SLOW else []) for key in KEYS])
def test_training_on_lists_and_pairs_prefers_the_best_on_a_new_prompt(key: str, tmp_path: Path) -> None:
    policy, reference = trained(key, tmp_path, [ranked(number, (0.9, 0.5, 0.1, 0.4)) for number in range(8)])
    new = policy.text.group(user("Something else"), [answer(TEXTS[0]), answer(TEXTS[2])])
    gaps = [float(a.sum() - b.sum()) for a, b in (response_logprobs(one, [new])[0] for one in (policy, reference))]
    assert gaps[0] - gaps[1] > 0.5


def test_a_training_that_only_pads_needs_no_reference_pass(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "tiny")
    cache = LogprobCache(tmp_path / "cache", "a" * 64)
    for key, known in (("rrhf", 0), ("plackett_luce", 9)):
        list_plan(policy, LISTS, OptimSettings(), max_length=64, objective=LIST_OBJECTIVES[key], cache=cache)
        assert len(cache) == known


# Scores


def test_pairs_are_drawn_by_the_cube_of_their_scores_difference_and_the_same_by_the_same_seed() -> None:
    lists = [ranked(number, (0.9, 0.1, 0.5)) for number in range(2000)]
    found = drawn_pairs(lists, seed=3)
    counts = Counter(one.scores for one in found)
    cubes = {(0.9, 0.1): 0.8**3, (0.9, 0.5): 0.4**3, (0.5, 0.1): 0.4**3}
    for pair, cube in cubes.items():
        share = cube / sum(cubes.values())
        assert counts[pair] / 2000 == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 2000))
    assert found == drawn_pairs(lists, seed=3) != drawn_pairs(lists, seed=4)


def test_a_longer_list_gives_more_pairs_that_share_its_weight_and_equals_give_none() -> None:
    found = drawn_pairs([ranked(0, (0.9, 0.1, 0.5, 0.5), weight=3.0), ranked(1, (0.5, 0.5))], seed=0)
    assert [one.weight for one in found] == [1.5, 1.5]
    assert all(one.scores is not None and one.scores[0] > one.scores[1] for one in found)
    with pytest.raises(ValueError, match="no list to learn from"):
        LIST_OBJECTIVES["score_dpo"].refuse_unfit(drawn_pairs([list_of_row(row(0, p=0.5))], seed=0))


def test_people_alone_who_say_nothing_that_an_objective_learns_from_are_refused_before_a_run() -> None:
    recipe = PolicyRecipe(loss_type="score_dpo", model_pairs_share=0.0)
    with pytest.raises(ValueError, match="score_dpo learns from responses whose scores differ"):
        refuse_recipe(recipe, [row(0, p=0.5)])
    refuse_recipe(recipe, [row(0, p=0.5), row(1, p=1.0)])
    refuse_recipe(PolicyRecipe(loss_type="score_dpo", model_pairs_share=0.5), [row(0, p=0.5)])
    offline = PolicyRecipe(loss_type="offline_rl_alignment", offline_mode="filtered", n_prompts=0)
    with pytest.raises(ValueError, match="lower score_threshold"):
        refuse_recipe(replace(offline, score_threshold=0.9), [row(0, p=0.5)])


@pytest.mark.parametrize(("scores", "beta"), [((1.0, 0.0), 0.3), ((0.5, 0.5), 0.15)])
def test_score_dpo_is_dpo_for_certain_scores_and_at_half_its_beta_for_even_ones(
    scores: tuple[float, float], beta: float
) -> None:
    ones = torch.ones(1, dtype=torch.float64)
    first, second = (Side(value * ones, 0 * ones, ones) for value in (2.0, -3.0))
    expected = PAIR_OBJECTIVES["sigmoid"].loss(first, second, ObjectiveDials(beta=beta))
    found = loss("score_dpo", bare((1, 2), scores), [2.0, -3.0])
    assert found == pytest.approx(float(expected))
    skewed = loss("score_dpo", bare((1, 2), (0.8, 0.6)), [2.0, -3.0])
    assert skewed == pytest.approx(math.log1p(math.exp(-(0.8 * 0.6 + 0.4 * 0.9))))


def test_the_filter_keeps_what_scores_enough_and_says_when_nothing_does() -> None:
    kept = OFFLINE.examples(LISTS, ObjectiveDials(score_threshold=0.7))
    assert [(one.score, one.weight) for one in kept] == [(0.9, 1.0), (0.7, 2.0), (0.7, 2.0), (0.9, 1.0)]
    with pytest.raises(ValueError, match=r"no response scores 0\.95 or more: lower score_threshold"):
        OFFLINE.examples(LISTS, ObjectiveDials(score_threshold=0.95))
    with pytest.raises(ValueError, match="some lists have ranks only"):
        OFFLINE.examples([replace(LISTS[0], scores=None)], ObjectiveDials())


def test_reward_weighted_regression_on_the_references_samples_is_the_tilted_reference() -> None:
    """Tabular: a list holds each response as often as the reference draws it; the weighted likelihood's optimum."""
    counts, scores, beta = (5, 3, 2), (0.2, 0.9, 0.5), 0.4
    answers = [place for place, count in enumerate(counts) for _ in range(count)]
    one = RankedList(
        user("Q"), tuple(answer(str(place)) for place in answers), (1,) * 10, tuple(scores[place] for place in answers)
    )
    found = OFFLINE.examples([one], ObjectiveDials(offline_mode="weighted", beta=beta))
    mass = np.zeros(3)
    for example in found:
        mass[answers[example.place]] += example.weight
    tilted = np.array(counts) / 10 * np.exp(np.array(scores) / beta)
    assert mass / mass.sum() == pytest.approx(tilted / tilted.sum())
    assert sum(example.weight for example in found) == pytest.approx(10)


# Scores in prompts


def test_a_score_stands_before_the_first_message() -> None:
    assert with_score(user("Why?"), 0.87) == user("score=0.9\nWhy?")


def test_a_policy_that_asks_for_the_best_reads_every_prompt_so_and_is_saved_so(tmp_path: Path) -> None:
    plain = tiny_policy(tmp_path / "tiny")
    policy = asking(plain)
    wanted = plain.text.prompt_tokens(with_score(user("Why?"), 1.0))
    assert policy.text.prompt_tokens(user("Why?")) == wanted != plain.text.prompt_tokens(user("Why?"))
    save_policy(policy, tmp_path / "saved", "card")
    loaded = load_policy(str(tmp_path / "saved"))
    assert asks(loaded) and loaded.text.prompt_tokens(user("Why?")) == wanted
    assert asking(loaded).text.prompt_tokens(user("Why?")) == wanted
    assert not asks(not_asking(loaded)) and not asks(plain)
    assert not_asking(loaded).text.prompt_tokens(user("Why?")) == plain.text.prompt_tokens(user("Why?"))
    conversation = [*user("Why?"), *answer("So."), *user("And?")]
    scored = plain.text.prompt_tokens(with_score(conversation, 1.0))
    assert policy.text.prompt_tokens(conversation) == scored


def test_a_policy_without_a_template_cannot_ask(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this policy has none: choose another offline_mode"):
        asking(tiny_policy(tmp_path / "tiny", chat=False))


def test_a_conditioned_policy_answers_by_the_score_that_it_is_asked_for(tmp_path: Path) -> None:
    lists = [ranked(number, (0.9, 0.1)) for number in range(12)]
    policy, _ = trained(OFFLINE.key, tmp_path, lists, offline_mode="decision_transformer")

    def preference(score: float) -> float:
        group = policy.text.group(with_score(user("Something else"), score), [answer(TEXTS[0]), answer(TEXTS[1])])
        first, second = response_logprobs(policy, [group])[0]
        return float(first.sum() - second.sum())

    assert preference(0.9) > preference(0.1) + 0.5


# The curriculum


def test_four_responses_give_the_papers_three_stages() -> None:
    stages = CURRY_DPO.stages([], [ranked(0, (0.5, 0.9, 0.1, 0.7))])
    assert [stage[0].responses for stage in stages] == [
        (answer(TEXTS[1]), answer(TEXTS[2])),
        (answer(TEXTS[1]), answer(TEXTS[0])),
        (answer(TEXTS[1]), answer(TEXTS[3])),
    ]
    assert [stage[0].p for stage in stages] == pytest.approx([0.9, 0.7, 0.6])


def test_pairs_are_staged_by_how_clear_they_are_and_an_empty_stage_is_left_out() -> None:
    rows = [row(0, 0.6), row(1, 1.0, 1), row(2, 0.0, -3), row(3, 0.5), row(4, 0.9), row(5, 1.0)]
    stages = CURRY_DPO.stages(rows, [])
    assert [[one.comparison_id for one in stage] for stage in stages] == [[2, 1], [5, 4], [0, 3]]
    short = CURRY_DPO.stages([], [ranked(0, (0.5, 0.9, 0.1))])
    assert [len(stage) for stage in short] == [1, 1]
    assert short[0][0].p > short[1][0].p


def test_each_stages_reference_is_the_policy_as_the_one_before_left_it(tmp_path: Path) -> None:
    policy, reference = tiny_policy(tmp_path / "tiny"), load_policy(str(tmp_path / "tiny"))
    recipe = PolicyRecipe(loss_type="curry_dpo", max_length=128)
    cache = LogprobCache(tmp_path / "cache", "a" * 64)
    rows = [row(number) for number in range(6)]
    given = Material(policy, rows, recipe, OptimSettings(), reference, cache, None)
    stages = preference_stages(given)
    assert [stage.reference for stage in stages] == [reference, policy, policy]
    assert [stage.cache for stage in stages] == [cache, None, None]
    with torch.no_grad():
        policy.model.lm_head.weight.mul_(1.2)
    ((first,), (second,)) = ([preference_training(stage).steps[0][0]] for stage in stages[:2])
    group = policy.text.group(rows[0].prompt, rows[0].responses)
    sums = [sorted(float(values.sum()) for values in response_logprobs(one, [group])[0]) for one in (reference, policy)]
    assert abs(float(first.reference_P2[0].min()) - sums[0][0]) < abs(float(first.reference_P2[0].min()) - sums[1][0])
    assert abs(float(second.reference_P2[0].min()) - sums[1][0]) < abs(float(second.reference_P2[0].min()) - sums[0][0])
    with pytest.raises(ValueError, match="curry_dpo trains in stages"):
        preference_training(given)


# Where lists come from


class ByLength:
    """A ranker by the number of characters."""

    def read(self, pairs: Any) -> Any:
        return np.array([[float(len(response[0]["content"]))] for _, response in pairs])

    def utility(self, seen: Any, prompt: Any) -> Any:
        return seen[:, 0]

    def probability(self, first: Any, second: Any) -> Any:
        return 1 / (1 + np.exp(second[:, 0] - first[:, 0]))


def test_fresh_responses_become_lists_with_ranks_and_scores_on_one_scale() -> None:
    groups = [(user("a"), ["bb", "aaaa", "cc", "bb"]), (user("b"), ["a", "a"]), (user("c"), ["aa", "bb"])]
    (one,) = whole_lists(groups, ByLength(), sure=0.75)
    assert [message[0]["content"] for message in one.responses] == ["bb", "aaaa", "cc"]
    assert one.ranks == (2, 1, 2) and one.source == "reward_model"
    win = 1 / (1 + math.exp(-2))
    assert one.scores == pytest.approx(((1 - win + 0.5) / 2, win, (1 - win + 0.5) / 2))
    assert len(whole_lists(groups, ByLength(), sure=0.5)) == 2
    assert whole_lists([groups[1]], ByLength(), sure=0.5) == []


def test_a_list_of_two_fresh_responses_scores_as_the_rankers_pair() -> None:
    (one,) = whole_lists([(user("a"), ["bb", "aaa"])], ByLength(), sure=0.5)
    win = 1 / (1 + math.exp(-1))
    assert one.scores == pytest.approx((1 - win, win))


def test_people_alone_are_enough_for_every_objective_on_lists() -> None:
    for key in KEYS:
        recipe = PolicyRecipe(loss_type=key)
        assert objective_of(recipe) is LONE_OBJECTIVES[key]
        refuse_recipe(recipe, [row(0), row(1, 0.5)])
