"""What is learned from at once, and the plan of a training over such items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, TypeVar

import torch

from ...batches import Batch, Layout, collate, fill, training_steps
from ...objectives.steps import LazySteps
from ...optimise import Part
from ...recipes import OptimSettings
from ...rows import Message, PreferenceRow
from ...text import Group
from ..fast.states import Pair
from ..reading import layout
from .headed import HeadedReward

Label = TypeVar("Label")


@dataclass(frozen=True)
class Item(Generic[Label]):
    """A prompt, some responses to it, and what was said of them."""

    prompt: Sequence[Message]
    responses: tuple[Sequence[Message], ...]
    label: Label

    @property
    def pairs(self) -> list[Pair]:
        """Each response with the prompt."""
        return [(self.prompt, response) for response in self.responses]


@dataclass(frozen=True)
class Micro(Generic[Label]):
    """A micro-batch: the sequences of ``batch`` are the items' responses, item by item, ``sizes`` of each."""

    batch: Batch
    groups: tuple[Group, ...]
    labels: tuple[Label, ...]

    @property
    def sizes(self) -> list[int]:
        """How many responses each item has."""
        return [len(group.responses) for group in self.groups]

    @property
    def starts(self) -> list[int]:
        """Which sequence is each item's first."""
        return [0, *accumulate(self.sizes)][:-1]


Loss = Callable[[Any, Micro[Any]], Part]


def pair_items(rows: Sequence[PreferenceRow]) -> list[Item[PreferenceRow]]:
    """Each row as an item of its two sides."""
    return [Item(row.prompt, tuple(row.responses), row) for row in rows]


def steps_of(model: HeadedReward, items: Sequence[Item[Label]], settings: OptimSettings) -> LazySteps[Micro[Label]]:
    """All optimiser steps: a pure function of items and settings, so that a resumed run takes the same ones."""
    groups = [model.group(item.prompt, item.responses) for item in items]
    shape = layout(model.classifier)
    plan = training_steps(groups, shape, settings)
    return LazySteps(plan, lambda chosen: micro_of(model, shape, groups, items, chosen))


def micro_of(
    model: HeadedReward, shape: Layout, groups: Sequence[Group], items: Sequence[Item[Label]], chosen: Sequence[int]
) -> Micro[Label]:
    """Lay the chosen items out."""
    taken = tuple(groups[index] for index in chosen)
    return Micro(collate(taken, shape).to(model.device), taken, tuple(items[index].label for index in chosen))


@torch.no_grad()
def mean_loss(model: HeadedReward, items: Sequence[Item[Any]], loss: Loss, budget: int = 8_192) -> float:
    """A loss over items that are not learned from; NaN without any."""
    groups = [model.group(item.prompt, item.responses) for item in items]
    shape = layout(model.classifier)
    parts = [loss(model, micro_of(model, shape, groups, items, chosen)) for chosen in fill(groups, shape, budget)]
    count = sum(part.count for part in parts)
    return sum(float(part.loss) for part in parts) / count if count else float("nan")


def token_places(batch: Batch) -> list[torch.Tensor]:
    """Of each sequence, where the states of its own tokens stand in the flat batch: S tensors of its length.

    The state at a token is the one that predicts the next; the last token's is where the sequence is read.
    """
    counts = torch.bincount(batch.sequence_N, minlength=len(batch.sequences)).tolist()
    pieces = torch.split(batch.predictor_N, counts)
    return [torch.cat([piece[1:], end[None]]) for piece, end in zip(pieces, batch.end_S, strict=True)]


def prompt_places(batch: Batch) -> torch.Tensor:
    """Of each sequence, where the state of its prompt's last token stands in the flat batch: [S]."""
    counts = torch.bincount(batch.sequence_N, minlength=len(batch.sequences))
    return batch.predictor_N[counts.cumsum(0) - counts]
