"""Adversarial feedback: what tells a demonstration from the policy's own sample is the reward.

Yu et al., "Fine-tuning Language Models with Generative Adversarial Feedback" (2023, arXiv:2305.06176). Here is the
discriminator; the policy step against it comes with learning from the policy's own samples.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn import functional as F

from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import PreferenceRow
from ..lesson import Lesson
from .headed import HeadedReward
from .items import Item, Micro, mean_loss, pair_items, steps_of
from .scalar import start_from_items


def discriminator_loss(logit: torch.Tensor, demonstrated: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Binary cross-entropy [n] of D(x, y) = σ(logit); Goodfellow et al. 2014 (arXiv:1406.2661), equation 1.

    Where demonstrations and samples are as many, the optimum is logit = log p_demonstration(y|x) - log π(y|x)
    (their proposition 1). ``smoothing`` ε makes a demonstration's label 1 - ε, one-sided (Salimans et al. 2016,
    arXiv:1606.03498): the optimum is then log((1-ε)·p/(π + ε·p)), which no demonstration drives to infinity.
    """
    return F.binary_cross_entropy_with_logits(logit, demonstrated * (1.0 - smoothing), reduction="none")


def shown(rows: Sequence[PreferenceRow]) -> list[PreferenceRow]:
    """The rows that hold a demonstration beside a sample."""
    return [row for row in rows if row.kind == "demonstration" and row.responses[1]]


def told_apart(rows: Sequence[PreferenceRow]) -> list[Item[float]]:
    """Demonstrations (1) and samples (0), one and one."""
    return [Item(row.prompt, (row.responses[place],), float(place == 0)) for row in shown(rows) for place in (0, 1)]


def discriminator_part(model: HeadedReward, micro: Micro[float], recipe: RewardRecipe) -> Part:
    """Sums over responses."""
    logit = model(micro.batch)[:, 0]
    label = torch.tensor(micro.labels, device=logit.device)
    losses = discriminator_loss(logit, label, recipe.label_smoothing)
    right = ((logit > 0) == (label > 0.5)).float()
    return Part(losses.sum(), float(len(losses)), {"discriminator/accuracy": float(right.sum())})


def train_discriminator(lesson: Lesson) -> HeadedReward:
    """One member: its reward is the discriminator's logit."""
    recipe, rows = lesson.recipe, shown(lesson.train)
    about = {"method": "adversarial_feedback", "max_length": recipe.max_length}
    model = HeadedReward.from_policy(lesson.policy, 1, about)
    start_from_items(model, pair_items(rows))
    kept = told_apart(lesson.kept)

    def loss(trained: HeadedReward, micro: Micro[float]) -> Part:
        return discriminator_part(trained, micro, recipe)

    def measure() -> dict[str, float]:
        return {"quality": -mean_loss(model, kept, loss)}

    watched = lesson if kept else replace(lesson, kept=[])  # nothing to choose a checkpoint by
    watched.fit(model, steps_of(model, told_apart(rows), lesson.settings), loss, measure)
    return model
