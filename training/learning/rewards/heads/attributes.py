"""HelpSteer2: rate by regression, compare by a scaled Bradley-Terry model that begins as the regression.

Wang et al., "HelpSteer2-Preference: Complementing Ratings with Preferences" (2024, arXiv:2410.01257).
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import PreferenceRow, verdicts
from ..fast.states import Pair
from ..lesson import Lesson
from .headed import Array, HeadedReward, ridge_weights
from .items import Item, Micro, mean_loss, pair_items, steps_of
from .scalar import start_from_items

Rated = tuple[float, ...]  # one number per attribute, NaN where nobody gave one


class AttributeReward(HeadedReward):
    """One output per attribute: its rating less the mean rating. The reward is the attribute that was asked for."""

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]: the attribute that the recipe names."""
        return np.asarray(self.over(pairs, self)[:, self.about["attributes"].index(self.about["attribute"])])

    def ratings(self, pairs: Sequence[Pair]) -> Array:
        """Ratings [n, attributes] on the scale that people rated on."""
        return np.asarray(self.over(pairs, self) + np.array(self.about["means"]))


def load_helpsteer2(directory: Path, device: str) -> HeadedReward:
    """Read back whichever form was saved. Raises NoModel in words."""
    form = json.loads((directory / "reward.json").read_text(encoding="utf-8")).get("form")
    return (AttributeReward if form == "regression" else HeadedReward).load(directory, device)


def regression_loss(predicted_nk: torch.Tensor, rated_nk: torch.Tensor) -> torch.Tensor:
    """Squared errors [n, k], zero where nobody rated (NaN). Wang et al. 2024, section 3: MSE per attribute."""
    known = ~rated_nk.isnan()
    return torch.where(known, (predicted_nk - rated_nk.nan_to_num()) ** 2, 0.0)


def scaled_bradley_terry_loss(difference: torch.Tensor, p: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """-m·log σ(r_w - r_l), [n]: "scaled Bradley-Terry", Wang et al. 2024, equation 3.

    ``magnitude`` m is 1, 2 or 3 (slightly, better, much better); a soft label p is p·ℓ(w, l) + (1-p)·ℓ(l, w).
    m = 1 is Bradley-Terry.
    """
    return -magnitude * (p * F.logsigmoid(difference) + (1.0 - p) * F.logsigmoid(-difference))


def attributes_of(rows: Sequence[PreferenceRow]) -> list[str]:
    """The attributes that anybody rated, by name."""
    return sorted({name for row in rows for side in row.ratings or () for name in side})


def rated_items(rows: Sequence[PreferenceRow], attributes: Sequence[str]) -> list[Item[Rated]]:
    """Every rated response with its numbers by attribute."""
    return [
        Item(row.prompt, (row.responses[place],), tuple(side.get(name, float("nan")) for name in attributes))
        for row in rows
        for place, side in enumerate(row.ratings or ())
        if side
    ]


def unfit(recipe: RewardRecipe, rows: Sequence[PreferenceRow]) -> str:
    """Why these rows do not suffice, in words."""
    known = attributes_of(rows)
    if recipe.attribute not in known:
        return f"nobody rated {recipe.attribute!r}; rated were {', '.join(known)}: name one of them as attribute"
    if recipe.form == "scaled" and all(row.p == 0.5 for row in verdicts(rows)):
        return "the scaled form compares responses, and no judgment prefers one"
    return ""


def train_helpsteer2(lesson: Lesson) -> HeadedReward:
    """One member: the regression, the scaled Bradley-Terry model, or the second begun as the first."""
    if lesson.recipe.form == "scaled":
        return _scaled(lesson, None)
    rated = _regression(lesson)
    return rated if lesson.recipe.form == "regression" else _scaled(lesson, rated)


def _regression(lesson: Lesson) -> AttributeReward:
    recipe, names = lesson.recipe, attributes_of(lesson.train)
    items = rated_items(lesson.train, names)
    means = np.nanmean(np.array([item.label for item in items]), axis=0)
    about = {
        "method": "helpsteer2",
        "form": "regression",
        "max_length": recipe.max_length,
        "attributes": names,
        "attribute": recipe.attribute,
        "means": means.tolist(),
    }
    model = AttributeReward.from_policy(lesson.policy, len(names), about)
    start_from_ratings(model, items, recipe.ridge)
    kept = rated_items(lesson.kept, names)

    def loss(trained: AttributeReward, micro: Micro[Rated]) -> Part:
        centred = torch.tensor(micro.labels) - torch.tensor(means, dtype=torch.float32)
        errors = regression_loss(trained(micro.batch), centred.to(trained.device))
        return Part(errors.sum(), float((~centred.isnan()).sum()), {})

    def measure() -> dict[str, float]:
        error = mean_loss(model, kept, loss)
        return {"quality": -error if error == error else 0.0, "squared_error": error}

    watched = lesson if kept else replace(lesson, kept=[])  # nothing to choose a checkpoint by
    watched.fit(model, steps_of(model, items, lesson.settings), loss, measure, phase="regression")
    return model


def start_from_ratings(model: AttributeReward, items: Sequence[Item[Rated]], penalty: float) -> None:
    """Set each attribute's head to the ridge solution on frozen states, ``penalty`` counted per mean squared state."""
    states = model.last_states([item.pairs[0] for item in items])
    targets = np.array([item.label for item in items]) - np.array(model.about["means"])
    scale = penalty * float((states**2).sum(1).mean())
    for place in range(targets.shape[1]):
        known = ~np.isnan(targets[:, place])
        found = ridge_weights(states[known], targets[known, place : place + 1], scale)
        with torch.no_grad():
            model.head.weight[place].copy_(torch.tensor(found[0]))


def _scaled(lesson: Lesson, rated: AttributeReward | None) -> HeadedReward:
    """The scaled Bradley-Terry model, from the regression's weights where there is one, then extrapolated."""
    lesson = replace(lesson, train=verdicts(lesson.train), kept=verdicts(lesson.kept))
    recipe = lesson.recipe
    about = {"method": "helpsteer2", "form": recipe.form, "max_length": recipe.max_length}
    model = HeadedReward.from_policy(lesson.policy, 1, about)
    compared = [row for row in lesson.train if row.strength != 0 and row.p != 0.5]
    if rated is None:
        start_from_items(model, pair_items(compared))
    else:
        take_over(model, rated)
    begun = {name: value.detach().clone() for name, value in model.named_parameters()}

    def loss(trained: HeadedReward, micro: Micro[PreferenceRow]) -> Part:
        return scaled_part(trained(micro.batch)[:, 0], micro.labels)

    if compared:
        steps = steps_of(model, pair_items(compared), lesson.settings)
        lesson.fit(model, steps, loss, lesson.judging(model), phase="scaled")
    extrapolate(model, begun, recipe.extrapolation)
    return model


def take_over(model: HeadedReward, rated: AttributeReward) -> None:
    """Backbone and the head of the attribute asked for, from the regression."""
    place = rated.about["attributes"].index(rated.about["attribute"])
    head = next(name for name, value in model.named_parameters() if value is model.head.weight)
    state = rated.state_dict()
    model.load_state_dict({**state, head: state[head][place : place + 1]})


def scaled_part(rewards: torch.Tensor, rows: Sequence[PreferenceRow]) -> Part:
    """The scaled loss on rewards [2n] of the rows' sides in turn; a row without a strength counts as slight."""
    first, second = rewards.view(-1, 2).unbind(1)
    p = torch.tensor([row.p for row in rows], device=rewards.device)
    weight = torch.tensor([row.weight for row in rows], device=rewards.device)
    magnitude = torch.tensor([float(abs(row.strength or 1)) for row in rows], device=rewards.device)
    losses = weight * scaled_bradley_terry_loss(first - second, p, magnitude)
    right = ((first > second) == (p > 0.5)).float() * weight
    return Part(losses.sum(), float(weight.sum()), {"rewards/accuracy": float(right.sum())})


@torch.no_grad()
def extrapolate(model: torch.nn.Module, begun: dict[str, torch.Tensor], factor: float) -> None:
    """θ ← θ₀ + factor·(θ - θ₀): past the trained weights, away from those it began with (ExPO, arXiv:2404.16792)."""
    if factor != 1.0:
        for name, value in model.named_parameters():
            value.copy_(begun[name] + factor * (value - begun[name]))
