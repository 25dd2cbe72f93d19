"""Training the pairwise model: the logistic solution on frozen states, then fine-tuning by its link."""

import numpy as np

from ..optimise import Part
from ..recipes import RewardRecipe
from ..rows import PreferenceRow
from .bradley_terry import Labels, labels_of, link_loss
from .lesson import Lesson
from .pairwise import PairwiseReward, Rendered, by_length
from .states import Pair

Micro = tuple[Rendered, Labels]


def train_pairwise(lesson: Lesson) -> PairwiseReward:
    """One member by Bradley-Terry, Davidson's ties or Rao and Kupper's, as the recipe's method says."""
    recipe, train = lesson.recipe, lesson.train
    model = PairwiseReward.from_policy(lesson.policy, max_length=recipe.max_length, method=recipe.method)
    model.start_from([_sides(row) for row in train], [row.p for row in train], [row.weight for row in train])
    settings = lesson.settings
    plan = _plan(model, train, recipe, settings.seed, settings.batch_size, settings.num_train_epochs)

    def loss(trained: PairwiseReward, micro: Micro) -> Part:
        return _loss(trained, micro, recipe.center_rewards_coefficient)

    lesson.fit(model, plan, loss, lesson.judging(model))
    return model


def _sides(row: PreferenceRow) -> tuple[Pair, Pair]:
    return (row.prompt, row.responses[0]), (row.prompt, row.responses[1])


def _plan(
    model: PairwiseReward, rows: list[PreferenceRow], recipe: RewardRecipe, seed: int, size: int, epochs: float
) -> list[list[Micro]]:
    """All optimiser steps: a pure function of the rows and the recipe, so that a resumed run takes the same ones."""
    tokens = [[model.tokens(*side) for side in _sides(row)] for row in rows]
    shuffle = np.random.default_rng(seed)
    order: list[int] = []
    while len(order) < max(1, round(len(rows) * epochs)):
        order += shuffle.permutation(len(rows)).tolist()
    order = order[: max(1, round(len(rows) * epochs))]
    steps: list[list[Micro]] = []
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        longest = [max(map(len, tokens[index])) for index in chosen]
        parts = by_length([[0] * 2 * length for length in longest], recipe.optim.token_budget)
        steps.append([_micro(model, [chosen[place] for place in part], rows, tokens, recipe) for part in parts])
    return steps


def _micro(
    model: PairwiseReward,
    chosen: list[int],
    rows: list[PreferenceRow],
    tokens: list[list[tuple[int, ...]]],
    recipe: RewardRecipe,
) -> Micro:
    rendered = model.render([side for index in chosen for side in tokens[index]])
    return rendered, labels_of([rows[index] for index in chosen], recipe.strength_margin)


def _loss(model: PairwiseReward, micro: Micro, centre: float) -> Part:
    rendered, labels = micro
    first, second = model(rendered).unflatten(0, (-1, 2)).unbind(1)
    losses = link_loss(model.method, first - second, model.log_tie, labels)
    centred = centre * labels.weight * (first + second) ** 2
    right = ((first > second) == (labels.p > 0.5)).float() * labels.weight
    return Part(
        (losses + centred).sum(),
        float(labels.weight.sum()),
        {
            "rewards/accuracy": float(right.sum()),
            "rewards/margin": float(((first - second) * labels.weight).sum().detach()),
        },
    )
