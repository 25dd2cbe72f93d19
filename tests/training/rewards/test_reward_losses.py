"""The reward methods' losses against answers that are known another way: brute force, closed forms, limits."""

from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.rewards.test_pairwise import row, said
from training.learning.recipes import RewardRecipe
from training.learning.reward_job import refuse_unfit
from training.learning.rewards.bradley_terry import Labels, bradley_terry_loss, davidson_loss, rao_kupper_loss
from training.learning.rewards.fast.likelihood import sigmoid
from training.learning.rewards.heads.attributes import regression_loss, scaled_bradley_terry_loss
from training.learning.rewards.heads.contexts import marginal, reversals, with_criterion
from training.learning.rewards.heads.discriminator import discriminator_loss
from training.learning.rewards.heads.general_preference import preference
from training.learning.rewards.heads.goals import contrast, positions
from training.learning.rewards.heads.headed import ridge_weights
from training.learning.rewards.heads.rankings import plackett_luce_loss, ranked_items, ranking_of, split_loss
from training.learning.rewards.heads.stepwise import solution_score
from training.learning.rewards.keeping import keep_back
from training.learning.rewards.methods import REWARD_METHODS, reward_method
from training.learning.rewards.robust.declared import DECLARED
from training.learning.rows import PreferenceRow

EXACT: dict[str, Any] = {"tolerance_grad": 1e-12, "tolerance_change": 1e-15}
DIFFERENCE = torch.linspace(-3, 3, 7, dtype=torch.float64)
SURE = Labels(torch.ones(7), torch.zeros(7, dtype=torch.bool), torch.ones(7))


def minimised(parameters: list[torch.Tensor], loss: Any, steps: int = 200) -> float:
    """The smallest value that L-BFGS finds."""
    optimiser = torch.optim.LBFGS(parameters, max_iter=steps, line_search_fn="strong_wolfe", **EXACT)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value: torch.Tensor = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(closure)
    return float(loss().detach())


@pytest.mark.parametrize("link", [rao_kupper_loss, davidson_loss])
def test_first_tie_and_second_are_all_that_can_be_said(link: Any) -> None:
    log_tie = torch.tensor(0.3)
    told = [
        (torch.full((7,), p), torch.full((7,), tie), torch.ones(7))
        for p, tie in [(1.0, False), (0.5, True), (0.0, False)]
    ]
    chances = [torch.exp(-link(DIFFERENCE, log_tie, Labels(*label))) for label in told]
    assert torch.allclose(sum(chances, torch.zeros(7)), torch.ones(7, dtype=torch.float64))
    assert torch.allclose(chances[0], chances[2].flip(0))


def test_rao_and_kupper_give_the_textbook_probabilities_and_become_bradley_terry_without_ties() -> None:
    log_tie = torch.tensor(np.log(np.log(2.0)))  # θ = 2
    first, second = torch.exp(DIFFERENCE), torch.ones(7)
    assert torch.allclose(torch.exp(-rao_kupper_loss(DIFFERENCE, log_tie, SURE)), first / (first + 2 * second))
    tied = Labels(SURE.p, torch.ones(7, dtype=torch.bool), SURE.weight)
    expected = 3 * first * second / ((first + 2 * second) * (second + 2 * first))  # θ² - 1 = 3
    assert torch.allclose(torch.exp(-rao_kupper_loss(DIFFERENCE, log_tie, tied)), expected)
    none = rao_kupper_loss(DIFFERENCE, torch.tensor(-40.0), SURE)
    assert torch.allclose(none, bradley_terry_loss(DIFFERENCE, SURE))


def test_the_scaled_loss_of_slight_verdicts_is_bradley_terry_and_grows_with_the_verdict() -> None:
    p, one = torch.full((7,), 0.8), torch.ones(7)
    labels = Labels(p, SURE.tie, one)
    assert torch.allclose(scaled_bradley_terry_loss(DIFFERENCE, p, one), bradley_terry_loss(DIFFERENCE, labels))
    assert torch.allclose(scaled_bradley_terry_loss(DIFFERENCE, p, 3 * one), 3 * bradley_terry_loss(DIFFERENCE, labels))


@pytest.mark.parametrize("rows", [4, 30])
def test_the_regressions_optimum_on_frozen_states_is_the_ridge_solution(rows: int) -> None:
    chance = np.random.default_rng(rows)
    states, targets = chance.standard_normal((rows, 8)), chance.standard_normal((rows, 2))
    weights = torch.tensor(ridge_weights(states, targets, 0.7), requires_grad=True)
    loss = regression_loss(torch.tensor(states) @ weights.T, torch.tensor(targets)).sum() + 0.7 * (weights**2).sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    assert float(gradient.abs().max()) < 1e-10


def test_what_nobody_rated_costs_nothing() -> None:
    nobody = float("nan")
    losses = regression_loss(torch.tensor([[1.0, 5.0]]), torch.tensor([[3.0, nobody]]))
    assert losses.tolist() == [[4.0, 0.0]]


def test_a_preference_is_skew_symmetric_and_nothing_beats_itself() -> None:
    chance = torch.Generator().manual_seed(0)
    first, second, gates = (torch.randn(5, size, generator=chance, dtype=torch.float64) for size in (6, 6, 3))
    assert torch.allclose(preference(first, second, gates), -preference(second, first, gates))
    assert torch.allclose(preference(first, first, gates), torch.zeros(5, dtype=torch.float64))
    turned = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    by_hand = [float(first[n] @ torch.kron(torch.diag(gates[n]), turned) @ second[n]) for n in range(5)]
    assert preference(first, second, gates).tolist() == pytest.approx(by_hand)


def test_rock_paper_scissors_is_fitted_where_a_scalar_reward_stays_at_one_half() -> None:
    first, second = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])  # each beats the next
    labels = Labels(torch.ones(3), torch.zeros(3, dtype=torch.bool), torch.ones(3))
    reward = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    stuck = minimised([reward], lambda: bradley_terry_loss(reward[first] - reward[second], labels).mean())
    assert stuck == pytest.approx(np.log(2.0))
    vectors = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    even = torch.full((3, 2), 0.5, dtype=torch.float64)

    def loss() -> torch.Tensor:
        unit = torch.nn.functional.normalize(vectors, dim=-1)
        return bradley_terry_loss(preference(unit[first], unit[second], even) / 0.1, labels).mean()

    assert minimised([vectors], loss) < 0.02


def test_the_k_wise_loss_is_the_brute_force_likelihood_of_an_order() -> None:
    rewards = torch.tensor([0.4, -1.0, 2.0, 0.1], dtype=torch.float64)
    worth, total = rewards.exp().tolist(), 0.0
    for order in permutations(range(4)):
        left, chance = set(order), 1.0
        for best in order:
            chance *= worth[best] / sum(worth[other] for other in left)
            left.remove(best)
        assert float(torch.exp(-plackett_luce_loss(rewards[list(order)]))) == pytest.approx(chance)
        total += chance
    assert total == pytest.approx(1.0)
    two = torch.stack([DIFFERENCE, torch.zeros(7)], dim=1)
    assert torch.allclose(plackett_luce_loss(two), bradley_terry_loss(DIFFERENCE, SURE))
    assert torch.allclose(split_loss(two), bradley_terry_loss(DIFFERENCE, SURE))


def test_a_ranking_split_into_pairs_is_the_sum_of_its_pairs() -> None:
    ranked = [0.4, -1.0, 2.0]
    by_hand = -sum(np.log(sigmoid(ranked[one] - ranked[two])) for one, two in [(0, 1), (0, 2), (1, 2)])
    assert float(split_loss(torch.tensor(ranked))) == pytest.approx(float(by_hand), rel=1e-6)


@pytest.mark.slow
def test_the_k_wise_optimum_is_choixs() -> None:
    choix = pytest.importorskip("choix")
    rankings = [(0, 1, 2, 3), (1, 0, 2, 3), (0, 2, 1, 3), (3, 0, 1, 2), (2, 1, 3, 0)]
    found = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    minimised([found], lambda: plackett_luce_loss(found[torch.tensor(rankings)]).sum() + 1e-9 * (found**2).sum())
    theirs = choix.opt_rankings(4, rankings)
    assert np.allclose((found - found.mean()).detach().numpy(), theirs - theirs.mean(), atol=1e-4)


def test_judgments_of_one_prompt_become_a_ranking_only_where_they_make_one() -> None:
    def judged(best: str, worst: str, p: float = 1.0) -> Any:
        return row(1, best, worst, p)

    order = [judged("A", "B"), judged("C", "B", 0.0), judged("A", "C")]
    assert ranking_of(order) == [said("assistant", text) for text in "ABC"]
    assert ranking_of([judged("A", "B"), judged("B", "C"), judged("C", "A")]) is None  # a cycle
    assert ranking_of([judged("A", "B"), judged("A", "C")]) is None  # nobody compared B and C
    assert ranking_of([judged("A", "B", 0.7)]) is None
    assert [len(item.responses) for item in ranked_items(order)] == [3]
    assert [item.label for item in ranked_items([judged("A", "B", 0.75)])] == [0.75, 0.25]
    assert not ranked_items([judged("A", "B", 0.5)])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_discriminators_optimum_is_the_log_ratio_of_data_and_model(smoothing: float) -> None:
    data = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    model = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    logit = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    one, none = torch.ones(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    minimised(
        [logit],
        lambda: (
            data * discriminator_loss(logit, one, smoothing) + model * discriminator_loss(logit, none, smoothing)
        ).sum(),
    )
    expected = torch.log((1 - smoothing) * data / (model + smoothing * data))
    assert torch.allclose(logit.detach(), expected, atol=1e-5)


def test_a_solution_is_as_good_as_its_worst_line_or_as_all_of_them() -> None:
    steps = np.log([0.9, 0.5, 0.8])
    assert np.exp(solution_score(steps, "min")) == pytest.approx(0.5)
    assert np.exp(solution_score(steps, "product")) == pytest.approx(0.36)
    assert solution_score([], "min") == 0.0


def test_two_step_inference_sums_over_criteria_before_it_decides() -> None:
    gaps = np.array([[4.0, 1.0], [-2.0, 1.0]])
    assert marginal(gaps, np.array([0.25, 0.75])) == pytest.approx(0.25 * sigmoid(gaps[0]) + 0.75 * sigmoid(gaps[1]))
    assert marginal(gaps, np.array([0.5, 0.5]))[0] < float(sigmoid(gaps.mean(0))[0])


def test_a_criterion_stands_at_the_end_of_what_is_asked() -> None:
    asked = with_criterion(said("user", "Tell me."), "shorter")
    assert asked == said("user", "Tell me.\n\nCriterion: shorter")
    assert with_criterion(said("user", "Tell me."), "") == said("user", "Tell me.")


def test_a_reversal_is_the_same_pair_judged_both_ways() -> None:
    def judged(first: str, second: str, p: float, criterion: str) -> Any:
        one = row(1, first, second, p)
        return type(one)(**{**one.__dict__, "criterion": criterion})

    told = [judged("A", "B", 1.0, "short"), judged("B", "A", 1.0, "warm")]
    assert reversals(told) == 1
    assert reversals([told[0], judged("A", "B", 1.0, "warm")]) == 0


def test_the_contrast_is_least_where_goals_lie_ahead_and_others_lie_behind() -> None:
    ahead = torch.tensor([[1.0, 0.0]])
    best = contrast(ahead, ahead, -ahead)
    assert float(best) == pytest.approx(2 * float(-torch.log(torch.sigmoid(torch.tensor(1.0)))))
    assert float(contrast(ahead, -ahead, ahead)) > float(best)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_a_goal_comes_after_its_source_and_inside_the_response(length: int) -> None:
    source, goal = positions(length, 64)
    assert bool((goal > source).all()) or length == 1
    assert int(source.min()) >= 0
    assert int(goal.max()) <= length - 1


def test_a_dial_that_a_method_does_not_read_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="tau has no meaning for davidson"):
        reward_method(RewardRecipe(tau=0.5))
    with pytest.raises(ValueError, match="there is no reward method 'poem'; there are adversarial_feedback"):
        reward_method(RewardRecipe(method="poem"))
    for key, dials in product(REWARD_METHODS, [{"strength_margin": 0.5}]):
        assert reward_method(RewardRecipe(method=key, **dials)).key == key


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("helpsteer2", "learns from ratings"),
        ("stepwise", "a mark for each line"),
        ("context_aware", "by which standard"),
        ("adversarial_feedback", "responses that somebody wrote"),
    ],
)
def test_a_method_without_its_data_says_what_it_needs(key: str, words: str) -> None:
    recipe = RewardRecipe(method=key)
    with pytest.raises(ValueError, match=words):
        reward_method(recipe).refuse_unfit(recipe, [row(1, "A", "B", 1.0)])


def test_data_that_do_not_suffice_are_refused_in_words() -> None:
    one = row(1, "A", "B", 1.0)
    rated = type(one)(**{**one.__dict__, "ratings": ({"clarity": 3.0}, {"clarity": 1.0})})
    alone = type(one)(**{**one.__dict__, "criterion": "shorter"})
    cases = [("helpsteer2", rated, "rated were clarity"), ("context_aware", alone, "at least two")]
    for key, given, words in cases:
        recipe = RewardRecipe(method=key)
        with pytest.raises(ValueError, match=words):
            reward_method(recipe).refuse_unfit(recipe, [given])
    recipe = RewardRecipe(method="plackett_luce_pessimism")
    with pytest.raises(ValueError, match="a tie orders nothing"):
        reward_method(recipe).refuse_unfit(recipe, [row(1, "A", "B", 0.5)])


def test_what_only_the_rows_kept_back_carry_is_refused_before_anything_is_loaded() -> None:
    rows = [replace(row(number, "A", "B", 1.0), prompt=said("user", f"Prompt {number}?")) for number in range(120)]
    train, kept = keep_back(rows)
    assert kept

    def where(those: list[PreferenceRow], **given: object) -> list[PreferenceRow]:
        return [replace(one, **given) if one in those else one for one in rows]  # type: ignore[arg-type]

    rated = where(kept, ratings=({"clarity": 3.0}, {"clarity": 1.0}))
    helpsteer2 = RewardRecipe(method="helpsteer2", attribute="clarity")
    reward_method(helpsteer2).refuse_unfit(helpsteer2, rated)
    with pytest.raises(ValueError, match=f"of 120 rows {len(kept)} are kept back"):
        refuse_unfit(helpsteer2, rated, judge=False)
    told = [replace(one, criterion="short" if one in train else "warm") for one in rows]
    with pytest.raises(ValueError, match="all judgments name one criterion"):
        refuse_unfit(RewardRecipe(method="context_aware"), told, judge=False)
    few = where(train[:1], ratings=({"clarity": 3.0}, {"clarity": 1.0}))
    refuse_unfit(helpsteer2, few, judge=False)
    with pytest.raises(ValueError, match="each member draws its own"):
        refuse_unfit(replace(helpsteer2, members=9, bootstrap=True), few, judge=False)


def test_a_blend_without_judgments_kept_back_is_refused_before_it_trains() -> None:
    recipe = RewardRecipe(method="barfi", auxiliary=[DECLARED[0]])
    with pytest.raises(ValueError, match="chosen on judgments kept back"):
        refuse_unfit(recipe, [row(1, "A", "B", 1.0)], judge=False)
