"""Groups to batches: rows of like length within a budget of padded tokens, prompts computed once.

A row holds one group as a tree: the prompt, then its responses side by side, each seeing the prompt and
itself, each with positions that go on from the prompt. The last token of a response predicts nothing that
is asked for, so it is computed only where a reward head reads it. Where a tree would cost more than it saves
(attention pays the square of a row), responses get rows of their own: plain causal sequences without any mask.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from .recipes import OptimSettings
from .text import Group, Tokens

UNCUT = 2**62  # tokens: a step that is never cut


@dataclass(frozen=True)
class Layout:
    """What the model allows and costs.

    ``tree``: may a row be a tree. ``hidden``: the model's width. ``launch``: what starting another batch costs,
    in padded tokens (next to nothing on a CPU, much on a GPU that a small batch leaves idle). ``ends``: is the last
    token of a response computed too, because its state is read.
    """

    tree: bool
    hidden: int
    launch: int = 64
    ends: bool = False


@dataclass(frozen=True)
class Row:
    """A prompt with some of its group's responses, by their place in the group."""

    group: int
    responses: tuple[int, ...]
    length: int  # tokens that are computed


@dataclass(frozen=True)
class Batch:
    """Rows as tensors. R rows of length L hold N predicted tokens in S sequences.

    ``end_S`` is the flat place (row * L + column) of the last computed token of each sequence: the response's last
    one where the layout has ``ends``, the one before it where not. ``predictor_P`` and ``end_P`` are the same places as
    ``predictor_N`` and ``end_S``, each once, in ascending order.
    """

    input_ids_RL: torch.Tensor
    position_ids_RL: torch.Tensor
    mask_R1LL: torch.Tensor | None  # True where a query may look; None: plain causal rows
    predictor_N: torch.Tensor  # flat place (row * L + column) of the state that predicts each token
    target_N: torch.Tensor
    sequence_N: torch.Tensor  # which of the S sequences the token belongs to
    end_S: torch.Tensor
    predictor_P: torch.Tensor
    end_P: torch.Tensor
    sequences: tuple[tuple[int, int], ...]  # (group, response) of each sequence, in order

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        if device.type == "cpu":
            return self
        held = {name: value for name, value in vars(self).items() if isinstance(value, torch.Tensor)}
        moved: dict[str, Any] = {name: value.to(device, non_blocking=True) for name, value in held.items()}
        return replace(self, **moved)


def _row(group: Group, index: int, responses: tuple[int, ...], layout: Layout) -> Row:
    length = len(group.prompt) + sum(len(_computed(group.responses[j], layout)) for j in responses)
    return Row(index, responses, length)


def _computed(response: Tokens, layout: Layout) -> Tokens:
    """The tokens of a response that the model reads."""
    return response if layout.ends else response[:-1]


def _cost(length: int, hidden: int) -> int:
    """Multiplications of one row in one layer, in units of 2·hidden: projections and MLP, then attention."""
    return length * (6 * hidden + length)


def rows_of(group: Group, index: int, layout: Layout) -> list[Row]:
    """The cheapest way to lay out one group: all responses on one tree, several trees, or a row each."""
    count = len(group.responses)
    best: list[Row] = []
    best_cost = math.inf
    for per_row in range(count if layout.tree else 1, 0, -1):
        starts = range(0, count, per_row)
        rows = [_row(group, index, tuple(range(start, min(start + per_row, count))), layout) for start in starts]
        cost = sum(_cost(row.length, layout.hidden) for row in rows)
        if cost < best_cost:
            best, best_cost = rows, cost
    return best


def fill(groups: Sequence[Group], layout: Layout, token_budget: int) -> list[tuple[int, ...]]:
    """Put groups of like length together while rows x longest row stays within ``token_budget``.

    Returns the groups' indices per batch, in ascending length, cut so that the padded tokens plus
    ``layout.launch`` per batch are fewest; a group that alone exceeds the budget is a batch of its own. ``UNCUT``: one
    batch, whatever that pads.
    """
    shapes = [rows_of(group, index, layout) for index, group in enumerate(groups)]
    longest = [max(row.length for row in rows) for rows in shapes]
    order = sorted(range(len(groups)), key=lambda index: (longest[index], index))
    if token_budget == UNCUT:
        return [tuple(order)] if order else []
    cost = [0] + [0] * len(order)  # cost[end]: of the cheapest way to cut order[:end] into batches
    begin = [0] * (len(order) + 1)  # where the last of those batches begins
    for end in range(1, len(order) + 1):
        rows = 0
        for start in range(end - 1, -1, -1):
            rows += len(shapes[order[start]])
            padded = rows * longest[order[end - 1]]
            if padded > token_budget and start < end - 1:
                break
            if start == end - 1 or cost[start] + padded + layout.launch < cost[end]:
                cost[end], begin[end] = cost[start] + padded + layout.launch, start
    batches: list[tuple[int, ...]] = []
    end = len(order)
    while end:
        batches.append(tuple(order[begin[end] : end]))
        end = begin[end]
    return batches[::-1]


def training_steps(
    groups: Sequence[Group], layout: Layout, settings: OptimSettings, *, token_budget: int | None = None
) -> list[list[tuple[int, ...]]]:
    """The whole plan of a training: steps of ``batch_size`` random groups, each cut into batches by ``fill``.

    A pure function of its arguments, so that a resumed run goes on with the same plan. Every epoch visits every
    group once; a last, smaller step holds what is left. ``token_budget`` replaces the settings' (``UNCUT``: a step is
    one batch).
    """
    shuffle = random.Random(settings.seed)  # noqa: S311 - an order, not a secret
    order: list[int] = []
    wanted = max(1, round(len(groups) * settings.num_train_epochs)) if groups else 0
    while len(order) < wanted:
        epoch = list(range(len(groups)))
        shuffle.shuffle(epoch)
        order += epoch
    steps = []
    for start in range(0, wanted, settings.batch_size):
        chosen = order[start : min(start + settings.batch_size, wanted)]
        micro = fill([groups[index] for index in chosen], layout, token_budget or settings.token_budget)
        steps.append([tuple(chosen[place] for place in batch) for batch in micro])
    return steps


def collate(groups: Sequence[Group], layout: Layout) -> Batch:
    """Lay groups out as one batch. Sequences come in order: group by group, response by response."""
    rows = [row for index, group in enumerate(groups) for row in rows_of(group, index, layout)]
    length = max(row.length for row in rows)
    ids, positions, branches = (torch.zeros(len(rows), length, dtype=torch.long) for _ in range(3))
    predictor: list[int] = []
    target: list[int] = []
    sequence: list[int] = []
    ends: list[int] = []
    sequences: list[tuple[int, int]] = []
    for number, row in enumerate(rows):
        group = groups[row.group]
        tokens, places, owners = _tree(group, row, layout)
        ids[number, : row.length] = torch.tensor(tokens)
        positions[number, : row.length] = torch.tensor(places)
        branches[number, : row.length] = torch.tensor(owners)
        branches[number, row.length :] = -1
        column = len(group.prompt)
        for response in row.responses:
            answer = group.responses[response]
            first, last = number * length + column, number * length + len(group.prompt) - 1
            if answer:
                predictor += [last, *range(first, first + len(answer) - 1)]
            target += answer
            sequence += [len(sequences)] * len(answer)
            sequences.append((row.group, response))
            read = len(_computed(answer, layout))
            ends.append(first + read - 1 if read else last)
            column += read
    plain = all(len(row.responses) == 1 for row in rows)
    return Batch(
        input_ids_RL=ids,
        position_ids_RL=positions,
        mask_R1LL=None if plain else tree_mask(branches),
        predictor_N=torch.tensor(predictor, dtype=torch.long),
        target_N=torch.tensor(target, dtype=torch.long),
        sequence_N=torch.tensor(sequence, dtype=torch.long),
        end_S=torch.tensor(ends),
        predictor_P=torch.tensor(sorted(set(predictor)), dtype=torch.long),
        end_P=torch.tensor(sorted(set(ends))),
        sequences=tuple(sequences),
    )


def _tree(group: Group, row: Row, layout: Layout) -> tuple[Tokens, list[int], list[int]]:
    """Token ids, positions and branch numbers (0 the prompt, 1.. the responses) of one row."""
    start = len(group.prompt)
    tokens = group.prompt
    places, owners = list(range(start)), [0] * start
    for branch, response in enumerate(row.responses, start=1):
        inputs = _computed(group.responses[response], layout)
        tokens += inputs
        places += range(start, start + len(inputs))
        owners += [branch] * len(inputs)
    return tokens, places, owners


def tree_mask(branches_RL: torch.Tensor) -> torch.Tensor:
    """The mask of tree rows, [R, 1, L, L] bool: earlier tokens of the prompt and of one's own branch.

    Padding (branch -1) looks at the prompt, so that no softmax is empty; only padding looks at padding.
    """
    length = branches_RL.shape[1]
    causal_LL = torch.ones(length, length, dtype=torch.bool).tril()
    own_RLL = branches_RL[:, :, None] == branches_RL[:, None, :]
    prompt_R1L = (branches_RL == 0)[:, None, :]
    return (causal_LL & (own_RLL | prompt_R1L))[:, None]


def split_large(groups: Sequence[Group], most: int) -> tuple[list[Group], Callable[[int], tuple[int, int]]]:
    """Cut groups of more than ``most`` responses into several, and say where each piece came from.

    The second value maps a piece's index to (group, its first response's place there).
    """
    pieces: list[Group] = []
    origin: list[tuple[int, int]] = []
    for index, group in enumerate(groups):
        for start in range(0, len(group.responses), most):
            pieces.append(Group(group.prompt, group.responses[start : start + most]))
            origin.append((index, start))
    return pieces, origin.__getitem__
