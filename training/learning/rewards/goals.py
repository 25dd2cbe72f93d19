"""Goal-conditioned states: what a good answer is on its way to shows before it is there.

Nath et al., "Learning Goal-Conditioned Representations for Language Reward Models" (2024, arXiv:2407.13887).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ..optimise import Part
from ..recipes import RewardRecipe
from ..rows import PreferenceRow
from .headed import Array, HeadedReward
from .items import Micro, pair_items, steps_of
from .lesson import Lesson
from .scalar import pair_part, start_from_items
from .sheets import Sheet
from .states import Pair


class GoalReward(HeadedReward):
    """A scalar reward whose states, half way, point to where the answer ends; ``extra`` holds a goal [D]."""

    def progress(self, pairs: Sequence[Pair]) -> Array:
        """Q(s, goal) = cos(h_last, goal), [n]: how far unfinished answers are on the way to what people preferred.

        A response that was cut short is given as it is; its end token is not read.
        """
        goal = self.extra["goal"]

        def read(sheet: Sheet) -> torch.Tensor:
            return F.cosine_similarity(sheet.at(self.hidden(sheet), sheet.last - 1), goal[None], dim=-1)

        return self.over(pairs, read)


def contrast(source_mD: torch.Tensor, goal_mD: torch.Tensor, other_mD: torch.Tensor) -> torch.Tensor:
    """-log mean σ(cos(s, g⁺)) - log(1 - mean σ(cos(s, g⁻))), of m sources of one pair. Nath et al. 2024, section 3.2.

    g⁺ are later states of the same preferred response, g⁻ of the rejected one. Q = σ(cos) lies in [σ(-1), σ(1)], so
    that neither logarithm meets zero.
    """
    near = torch.sigmoid(F.cosine_similarity(source_mD, goal_mD, dim=-1)).mean()
    far = torch.sigmoid(F.cosine_similarity(source_mD, other_mD, dim=-1)).mean()
    return -torch.log(near) - torch.log(1.0 - far)


def places(start: int, last: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``count`` random columns of a response and, of each, a later one, from torch's own generator.

    A response of one token has only that: source and goal then coincide.
    """
    length = max(last - start, 1)
    source = (torch.rand(count) * length).long()
    later = source + 1 + (torch.rand(count) * (length - source)).long()
    return (start + source).clamp(max=last), (start + later).clamp(max=last)


def goal_part(model: GoalReward, micro: Micro[PreferenceRow], recipe: RewardRecipe) -> Part:
    """L = L_BT + β·contrast, β = ``goal_weight``; a tie has no preferred response and adds no second term."""
    sheet = micro.sheet
    states = model.hidden(sheet)
    part = pair_part(model.head(sheet.at(states, sheet.last)).float()[:, 0], micro.labels, recipe)
    terms = [
        row.weight * _of_pair(states, sheet, 2 * number, row.p > 0.5, recipe.goal_positions)
        for number, row in enumerate(micro.labels)
        if row.p != 0.5
    ]
    if not terms or not recipe.goal_weight:
        return part
    added = torch.stack(terms).sum()
    metrics = {**part.metrics, "goal/loss": float(added.detach())}
    return Part(part.loss + recipe.goal_weight * added, part.count, metrics)


def _of_pair(states: torch.Tensor, sheet: Sheet, row: int, first: bool, count: int) -> torch.Tensor:
    won, lost = (row, row + 1) if first else (row + 1, row)
    source, goal = places(int(sheet.start[won]), int(sheet.last[won]), count)
    _, other = places(int(sheet.start[lost]), int(sheet.last[lost]), count)
    return contrast(states[won, source].float(), states[won, goal].float(), states[lost, other].float())


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
