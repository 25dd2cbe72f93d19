"""Training the pairwise model: the logistic solution on frozen states, then fine-tuning by its link."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ..batches import Batch, collate, training_steps
from ..objectives.steps import LazySteps
from ..optimise import Part
from ..recipes import OptimSettings, RewardRecipe
from ..rows import PreferenceRow
from .bradley_terry import Labels, labels_of, link_loss
from .fast.states import Pair
from .lesson import Lesson
from .pairwise import PairwiseReward
from .reading import head, layout

Micro = tuple[Batch, Labels]


def train_pairwise(lesson: Lesson) -> PairwiseReward:
    """One member by Bradley-Terry, Davidson's ties or Rao and Kupper's, as the recipe's method says."""
    recipe, train = lesson.recipe, lesson.train
    model = PairwiseReward.from_policy(lesson.policy, max_length=recipe.max_length, method=recipe.method)
    states = lesson.frozen.read([side for row in train for side in _sides(row)], model.tokens)
    fit_head(model, states, train, recipe)
    if recipe.train == "head":
        fit_ties(model, states, train, recipe)
        model.frozen = lesson.frozen
    else:
        tune(lesson, model, train)
    return model


def fit_head(
    model: PairwiseReward, states: NDArray[np.float64], rows: list[PreferenceRow], recipe: RewardRecipe
) -> None:
    """Set the head to what the recipe's loss makes of frozen states [2n, hidden]: strength and centring included."""
    labels = labels_of(rows, recipe.strength_margin)
    centring = recipe.center_rewards_coefficient
    model.start_from_states(states, labels.p.tolist(), labels.weight.tolist(), centring=centring)


def tune(lesson: Lesson, model: PairwiseReward, rows: list[PreferenceRow]) -> None:
    """Fine-tune the whole model on ``rows``, to the checkpoint that predicts the rows kept back best."""

    recipe = lesson.recipe
    lesson.fit(model, pair_steps(model, rows, recipe, lesson.settings), pair_reward_loss(recipe), lesson.judging(model))


@torch.no_grad()
def fit_ties(
    model: PairwiseReward, states: NDArray[np.float64], rows: list[PreferenceRow], recipe: RewardRecipe
) -> None:
    """Set the tie parameter to its likeliest value under the head as it is: one number, found by bounded search."""
    rewards = torch.from_numpy(states) @ head(model.classifier).weight[0].double().cpu()
    labels = labels_of(rows, recipe.strength_margin)

    def cost(log_tie: float) -> float:
        told = torch.tensor(log_tie, dtype=torch.float64)
        return float(link_loss(model.method, rewards[0::2] - rewards[1::2], told, labels).sum())

    if bool(labels.tie.any()):
        model.log_tie.fill_(float(minimize_scalar(cost, bounds=(-6.0, 3.0), method="bounded").x))


def _sides(row: PreferenceRow) -> tuple[Pair, Pair]:
    return (row.prompt, row.responses[0]), (row.prompt, row.responses[1])


def pair_steps(
    model: PairwiseReward, rows: list[PreferenceRow], recipe: RewardRecipe, settings: OptimSettings
) -> LazySteps[Micro]:
    """All optimiser steps: a pure function of its arguments, so that a resumed run takes the same ones."""
    groups = [model.group(row.prompt, row.responses) for row in rows]
    shape = layout(model.classifier)
    plan = training_steps(groups, shape, settings)

    def build(chosen: tuple[int, ...]) -> Micro:
        device = model.log_tie.device
        batch = collate([groups[index] for index in chosen], shape).to(device)
        return batch, labels_of([rows[index] for index in chosen], recipe.strength_margin, device)

    return LazySteps(plan, build)


def pair_reward_loss(recipe: RewardRecipe) -> Callable[[PairwiseReward, Micro], Part]:
    """The loss for ``optimise``: the link's, and rewards kept near zero as the recipe says."""

    def loss(model: PairwiseReward, micro: Micro) -> Part:
        batch, labels = micro
        first, second = model(batch).unflatten(0, (-1, 2)).unbind(1)
        losses = link_loss(model.method, first - second, model.log_tie, labels)
        centred = recipe.center_rewards_coefficient * labels.weight * (first + second) ** 2
        right = ((first > second) == (labels.p > 0.5)).float() * labels.weight
        return Part(
            (losses + centred).sum(),
            float(labels.weight.sum()),
            {
                "rewards/accuracy": float(right.sum()),
                "rewards/margin": float(((first - second) * labels.weight).sum().detach()),
            },
        )

    return loss
