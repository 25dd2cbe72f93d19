"""Goal-conditioned states: what a good answer is on its way to shows before it is there.

Nath et al., "Learning Goal-Conditioned Representations for Language Reward Models" (2024, arXiv:2407.13887).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ...batches import Batch
from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import PreferenceRow
from ..fast.states import Pair
from ..lesson import Lesson
from .headed import Array, HeadedReward
from .items import Micro, pair_items, steps_of, token_places
from .scalar import pair_part, start_from_items


class GoalReward(HeadedReward):
    """A scalar reward whose states, half way, point to where the answer ends; ``extra`` holds a goal [D]."""

    def progress(self, pairs: Sequence[Pair]) -> Array:
        """Q(s, goal) = cos(h_last, goal), [n]: how far unfinished answers are on the way to what people preferred.

        A response that was cut short is given as it is; its end token is not read.
        """
        goal = self.extra["goal"]

        def read(batch: Batch) -> torch.Tensor:
            ends = torch.stack([places[-2:][0] for places in token_places(batch)])
            return F.cosine_similarity(self.states(batch)[ends], goal[None], dim=-1)

        return self.over(pairs, read)


def contrast(source_mD: torch.Tensor, goal_mD: torch.Tensor, other_mD: torch.Tensor) -> torch.Tensor:
    """-log mean σ(cos(s, g⁺)) - log(1 - mean σ(cos(s, g⁻))), of m sources of one pair. Nath et al. 2024, section 3.2.

    g⁺ are later states of the same preferred response, g⁻ of the rejected one. Q = σ(cos) lies in [σ(-1), σ(1)], so
    that neither logarithm meets zero.
    """
    near = torch.sigmoid(F.cosine_similarity(source_mD, goal_mD, dim=-1)).mean()
    far = torch.sigmoid(F.cosine_similarity(source_mD, other_mD, dim=-1)).mean()
    return -torch.log(near) - torch.log(1.0 - far)


def positions(length: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``count`` random tokens of a response of ``length`` and, of each, a later one, from torch's own generator.

    A response of one token has only that: source and goal then coincide.
    """
    before = max(length - 1, 1)
    source = (torch.rand(count) * before).long()
    later = source + 1 + (torch.rand(count) * (before - source)).long()
    return source, later.clamp(max=length - 1)


def goal_part(model: GoalReward, micro: Micro[PreferenceRow], recipe: RewardRecipe) -> Part:
    """L = L_BT + β·contrast, β = ``goal_weight``; a tie has no preferred response and adds no second term."""
    states = model.states(micro.batch)
    part = pair_part(model.head(states[micro.batch.end_S]).float()[:, 0], micro.labels, recipe)
    places = token_places(micro.batch)
    terms = [
        row.weight * _of_pair(states, *_turned(places[2 * at], places[2 * at + 1], row.p > 0.5), recipe.goal_positions)
        for at, row in enumerate(micro.labels)
        if row.p != 0.5
    ]
    if not terms or not recipe.goal_weight:
        return part
    added = torch.stack(terms).sum()
    metrics = {**part.metrics, "goal/loss": float(added.detach())}
    return Part(part.loss + recipe.goal_weight * added, part.count, metrics)


def _turned(first: torch.Tensor, second: torch.Tensor, is_first: bool) -> tuple[torch.Tensor, torch.Tensor]:
    return (first, second) if is_first else (second, first)


def _of_pair(states: torch.Tensor, won: torch.Tensor, lost: torch.Tensor, count: int) -> torch.Tensor:
    """The contrast of one pair, whose responses' tokens stand at these places."""
    source, goal = positions(len(won), count)
    _, other = positions(len(lost), count)
    return contrast(*(states[places].float() for places in (won[source], won[goal], lost[other])))


def train_goals(lesson: Lesson) -> GoalReward:
    """One member; its goal is the mean final state of what people preferred."""
    recipe = lesson.recipe
    width = int(lesson.policy.model.config.hidden_size)
    about = {"method": "goal_conditioned", "max_length": recipe.max_length}
    model = GoalReward.from_policy(lesson.policy, 1, about, goal=torch.zeros(width))
    start_from_items(model, pair_items(lesson.train))

    def loss(trained: GoalReward, micro: Micro[PreferenceRow]) -> Part:
        return goal_part(trained, micro, recipe)

    lesson.fit(model, steps_of(model, pair_items(lesson.train), lesson.settings), loss, lesson.judging(model))
    good = [(row.prompt, row.responses[0 if row.p > 0.5 else 1]) for row in lesson.train if row.p != 0.5]
    if good:
        with torch.no_grad():
            model.extra["goal"].copy_(torch.tensor(np.mean(model.last_states(good), axis=0)))
    return model
