"""Conversations as rows of token ids that a reward model reads whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..rows import Message
from ..text import Text, Tokens


@dataclass(frozen=True)
class Conversation:
    """A rendered prompt with one response; ``start`` is how many tokens the prompt has."""

    tokens: Tokens
    start: int


@dataclass(frozen=True)
class Sheet:
    """n conversations, padded on the right: ids and mask [n, L], where each response begins and is read [n].

    It is read at its last token that is not the padding token, as plain transformers classify sequences.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    start: torch.Tensor
    last: torch.Tensor

    def at(self, states_nLD: torch.Tensor, column_n: torch.Tensor) -> torch.Tensor:
        """One state of each row: [n, L, D] -> [n, D]."""
        return states_nLD[torch.arange(len(column_n), device=states_nLD.device), column_n]


def conversation(text: Text, prompt: Sequence[Message], response: Sequence[Message], max_length: int) -> Conversation:
    """Render, cut to ``max_length`` from the prompt's start."""
    group = text.group(prompt, [response], max_length=max_length)
    return Conversation((*group.prompt, *group.responses[0]), len(group.prompt))


def sheet(conversations: Sequence[Conversation], pad: int, device: torch.device) -> Sheet:
    """Lay conversations out as one batch."""
    longest = max(len(one.tokens) for one in conversations)
    ids = torch.full((len(conversations), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(conversations), longest), dtype=torch.long)
    for place, one in enumerate(conversations):
        ids[place, : len(one.tokens)] = torch.tensor(one.tokens)
        mask[place, : len(one.tokens)] = 1
    last = torch.where(ids != pad, torch.arange(longest), 0).argmax(dim=1)
    start = torch.tensor([one.start for one in conversations])
    return Sheet(*(value.to(device) for value in (ids, mask, start, last)))
