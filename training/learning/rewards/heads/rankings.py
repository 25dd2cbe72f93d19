"""K responses in order: the Plackett-Luce reward model, and the one that splits a ranking into pairs.

Zhu et al., "Principled Reinforcement Learning with Human Feedback from Pairwise or K-wise Comparisons" (2023,
arXiv:2301.11270). Their pessimistic reward is a method of its own.
"""

import json
from collections.abc import Sequence
from itertools import groupby

import torch
from torch.nn import functional as F

from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import Message, PreferenceRow
from ..lesson import Lesson
from .headed import HeadedReward
from .items import Item, Micro, pair_items, steps_of
from .scalar import start_from_items

Response = list[Message]


def plackett_luce_loss(ranked: torch.Tensor) -> torch.Tensor:
    """-Σ_k [r_(k) - log Σ_{j≥k} exp r_(j)] of rewards [..., K], best first. Zhu et al. 2023, equation 4.

    The likelihood of drawing the whole order, each time by a softmax over what is left. K = 2 is Bradley-Terry.
    """
    left = torch.logcumsumexp(ranked.flip(-1), dim=-1).flip(-1)
    return (left - ranked).sum(-1)


def split_loss(ranked: torch.Tensor) -> torch.Tensor:
    """-Σ_{j<k} log σ(r_(j) - r_(k)) of rewards [..., K], best first: a ranking as K(K-1)/2 independent pairs.

    Zhu et al. 2023, equation 5. Consistent, but its estimate varies more than the whole order's.
    """
    rows, columns = torch.triu_indices(ranked.shape[-1], ranked.shape[-1], offset=1, device=ranked.device)
    return -F.logsigmoid(ranked[..., rows] - ranked[..., columns]).sum(-1)


def ranking_of(rows: Sequence[PreferenceRow]) -> list[Response] | None:
    """The one order, best first, that certain judgments of one prompt's responses agree on; None where they do not.

    All pairs of neighbours in it must have been judged, and no judgment may contradict it.
    """
    if any(row.p not in (0.0, 1.0) for row in rows):
        return None
    texts = {json.dumps(side): side for row in rows for side in row.responses}
    beats = {tuple(json.dumps(row.responses[at]) for at in ((0, 1) if row.p == 1.0 else (1, 0))) for row in rows}
    order: list[str] = []
    while len(order) < len(texts):
        left = [text for text in texts if text not in order]
        best = [text for text in left if not any((other, text) in beats for other in left)]
        if len(best) != 1 or (order and (order[-1], best[0]) not in beats):
            return None
        order += best
    return [texts[text] for text in order]


def ranked_items(rows: Sequence[PreferenceRow]) -> list[Item[float]]:
    """Rankings where a prompt's judgments make one; else each judgment as a ranking of two. The label is the weight.

    A ranking weighs as the mean of its judgments. A tie orders nothing and is left out; a soft label becomes both
    orders, weighted.
    """

    def prompt(row: PreferenceRow) -> str:
        return json.dumps([row.prompt, row.source], sort_keys=True)

    items: list[Item[float]] = []
    for _, group in groupby(sorted(rows, key=prompt), key=prompt):
        found = list(group)
        order = ranking_of(found) if len(found) > 1 else None
        if order is None:
            items += [item for row in found for item in _two(row)]
        else:
            weight = sum(row.weight for row in found) / len(found)
            items.append(Item(found[0].prompt, tuple(order), weight))
    return items


def _two(row: PreferenceRow) -> list[Item[float]]:
    first, second = row.responses
    told = [
        Item(row.prompt, (first, second), row.weight * row.p),
        Item(row.prompt, (second, first), row.weight * (1.0 - row.p)),
    ]
    return [] if row.p == 0.5 else [item for item in told if item.label > 0.0]


def ranking_part(model: HeadedReward, micro: Micro[float], recipe: RewardRecipe) -> Part:
    """Sums over rankings, by the whole order (``kwise``) or by its pairs."""
    rewards = torch.split(model(micro.batch)[:, 0], micro.sizes)
    rule = plackett_luce_loss if recipe.kwise else split_loss
    losses = torch.stack([weight * rule(ranked) for ranked, weight in zip(rewards, micro.labels, strict=True)])
    centred = torch.stack([weight * ranked.mean() ** 2 for ranked, weight in zip(rewards, micro.labels, strict=True)])
    first = sum(weight * float(ranked.argmax() == 0) for ranked, weight in zip(rewards, micro.labels, strict=True))
    total = losses.sum() + 4.0 * recipe.center_rewards_coefficient * centred.sum()  # of a pair: (r₁ + r₂)²
    return Part(total, float(sum(micro.labels)), {"rewards/first": first})


def unfit(recipe: RewardRecipe, rows: Sequence[PreferenceRow]) -> str:
    """Why these rows do not suffice, in words."""
    return "" if any(row.p != 0.5 for row in rows) else "all judgments are ties, and a tie orders nothing"


def train_rankings(lesson: Lesson) -> HeadedReward:
    """One member on the rankings that the judgments make."""
    recipe = lesson.recipe
    about = {"method": "plackett_luce_pessimism", "max_length": recipe.max_length, "kwise": recipe.kwise}
    model = HeadedReward.from_policy(lesson.policy, 1, about)
    start_from_items(model, pair_items(lesson.train))

    def loss(trained: HeadedReward, micro: Micro[float]) -> Part:
        return ranking_part(trained, micro, recipe)

    lesson.fit(model, steps_of(model, ranked_items(lesson.train), lesson.settings), loss, lesson.judging(model))
    return model
