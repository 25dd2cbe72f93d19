"""Scalar rewards on pairs: the loss that the methods with an auxiliary term add to."""

from collections.abc import Sequence

import torch

from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import PreferenceRow
from ..bradley_terry import Labels, bradley_terry_loss, labels_of
from .headed import HeadedReward, logistic_weights
from .items import Item, Micro


def start_from_items(model: HeadedReward, items: Sequence[Item[PreferenceRow]]) -> None:
    """Set the first output to the logistic solution on frozen states. Costs one forward pass over all responses."""
    states = model.last_states([pair for item in items for pair in item.pairs])
    rows = [item.label for item in items]
    weights = logistic_weights(states[0::2] - states[1::2], [row.p for row in rows], [row.weight for row in rows])
    with torch.no_grad():
        model.head.weight[0].copy_(torch.tensor(weights))


def pair_part(rewards: torch.Tensor, rows: Sequence[PreferenceRow], recipe: RewardRecipe) -> Part:
    """Bradley-Terry on rewards [2n] of the rows' sides in turn, with TRL's centring term; sums over the rows."""
    labels = labels_of(list(rows), recipe.strength_margin)
    labels = Labels(*(value.to(rewards.device) for value in (labels.p, labels.tie, labels.weight)))
    first, second = rewards.view(-1, 2).unbind(1)
    losses = bradley_terry_loss(first - second, labels)
    centred = recipe.center_rewards_coefficient * labels.weight * (first + second) ** 2
    return Part(
        (losses + centred).sum(),
        float(labels.weight.sum()),
        {
            "rewards/accuracy": float((((first > second) == (labels.p > 0.5)).float() * labels.weight).sum()),
            "rewards/margin": float(((first - second).detach() * labels.weight).sum()),
        },
    )


def scalar_loss(model: HeadedReward, micro: Micro[PreferenceRow], recipe: RewardRecipe) -> Part:
    """Bradley-Terry on the first output."""
    return pair_part(model(micro.batch)[:, 0], micro.labels, recipe)
