"""What is learned from at once, and the plan of a training over such items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from ..objectives.steps import LazySteps
from ..optimise import Part
from ..recipes import OptimSettings
from ..rows import PreferenceRow
from .headed import HeadedReward
from .pairwise import by_length
from .sheets import Conversation, Sheet
from .states import Pair

Label = TypeVar("Label")
Model = TypeVar("Model", bound=HeadedReward)


@dataclass(frozen=True)
class Item(Generic[Label]):
    """Some (prompt, response) pairs that are read together, and what was said of them."""

    sides: tuple[Pair, ...]
    label: Label


@dataclass(frozen=True)
class Micro(Generic[Label]):
    """A micro-batch: all sides of some items as one sheet, item by item, and their conversations."""

    sheet: Sheet
    conversations: tuple[Conversation, ...]
    labels: tuple[Label, ...]
    sizes: tuple[int, ...]


Loss = Callable[[Any, Micro[Any]], Part]


def pair_items(rows: Sequence[PreferenceRow]) -> list[Item[PreferenceRow]]:
    """Each row as an item of its two sides."""
    return [Item(((row.prompt, row.responses[0]), (row.prompt, row.responses[1])), row) for row in rows]


def steps_of(model: HeadedReward, items: Sequence[Item[Label]], settings: OptimSettings) -> LazySteps[Micro[Label]]:
    """All optimiser steps: a pure function of items and settings, so that a resumed run takes the same ones."""
    rendered = rendered_items(model, items)
    shuffle = np.random.default_rng(settings.seed)
    wanted = max(1, round(len(items) * settings.num_train_epochs))
    order: list[int] = []
    while len(order) < wanted:
        order += shuffle.permutation(len(items)).tolist()
    plan = [
        _cut([*order[start : min(start + settings.batch_size, wanted)]], rendered, settings.token_budget)
        for start in range(0, wanted, settings.batch_size)
    ]
    return LazySteps(plan, lambda chosen: _micro(model, chosen, items, rendered))


def rendered_items(model: HeadedReward, items: Sequence[Item[Label]]) -> list[tuple[Conversation, ...]]:
    """The conversations of each item."""
    return [tuple(model.conversation(side) for side in item.sides) for item in items]


def _cut(chosen: list[int], rendered: list[tuple[Conversation, ...]], budget: int) -> list[tuple[int, ...]]:
    """Micro-batches of items of like length within a budget of padded tokens."""
    sizes = [len(rendered[index]) * max(len(side.tokens) for side in rendered[index]) for index in chosen]
    return [tuple(chosen[place] for place in part) for part in by_length([range(size) for size in sizes], budget)]


def _micro(
    model: HeadedReward,
    chosen: Sequence[int],
    items: Sequence[Item[Label]],
    rendered: Sequence[tuple[Conversation, ...]],
) -> Micro[Label]:
    conversations = tuple(side for index in chosen for side in rendered[index])
    return Micro(
        model.sheet(conversations),
        conversations,
        tuple(items[index].label for index in chosen),
        tuple(len(rendered[index]) for index in chosen),
    )


@torch.no_grad()
def mean_loss(model: HeadedReward, items: Sequence[Item[Any]], loss: Loss, budget: int = 8_192) -> float:
    """A loss over items that are not learned from; NaN without any."""
    rendered = rendered_items(model, items)
    parts = [
        loss(model, _micro(model, chosen, items, rendered))
        for chosen in _cut(list(range(len(items))), rendered, budget)
    ]
    count = sum(part.count for part in parts)
    return sum(float(part.loss) for part in parts) / count if count else float("nan")
