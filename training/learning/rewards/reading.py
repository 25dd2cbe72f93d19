"""What a reward head reads: the state of each response's last token, prompts computed once where the backbone allows.

A classifier is tried out once: does its backbone take a tree of responses, is it causal, and is its logit its head
applied to the last token's state. One that pools otherwise (BERT) runs whole, row by row, and its head's input is read.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from ..batches import Batch, Layout, collate, fill, split_large
from ..last_layer import last_layer_at
from ..logprobs import MOST_RESPONSES, additive, windowed
from ..models import NoModel
from ..rows import Message
from ..text import Group, Text, Tokens
from .fast.states import Pair

Array = NDArray[np.float64]
TOKEN_BUDGET = 8_192


@dataclass(frozen=True)
class Reading:
    """What a classifier was found to allow. ``causal``: what follows a token does not change its state. ``narrow``: its
    last layer can run on chosen positions only."""

    tree: bool
    causal: bool
    last: bool
    narrow: bool = False


_readings: "WeakKeyDictionary[Any, Reading]" = WeakKeyDictionary()


def reading(classifier: Any) -> Reading:
    """Find out by trying, once per classifier, on eight tokens, against its own plain forward pass."""
    if classifier not in _readings:
        _readings[classifier] = _try_out(classifier)
    return _readings[classifier]


def layout(classifier: Any) -> Layout:
    """How rows for this classifier are laid out."""
    hidden = int(getattr(classifier.config, "hidden_size", 0) or 1024)
    launch = 64 if classifier.device.type == "cpu" else 4096
    return Layout(tree=reading(classifier).tree, hidden=hidden, launch=launch, ends=True)


def head(classifier: Any) -> torch.nn.Linear:
    """The head: the linear layer that transformers calls score or classifier, else the only one with one output."""
    for name in ("score", "classifier"):
        if isinstance(named := getattr(classifier, name, None), torch.nn.Linear):
            return named
    found = [m for m in classifier.modules() if isinstance(m, torch.nn.Linear) and m.out_features == 1]
    if len(found) != 1:
        raise NoModel(
            f"{type(classifier).__name__} has {len(found)} layers with one output; a scalar reward head needs one"
        )
    return found[0]


@torch.no_grad()
def _try_out(classifier: Any) -> Reading:
    vocabulary = int(classifier.config.vocab_size)
    tokens = [(7 * place + 3) % vocabulary for place in range(20)]
    odd = [token for token in tokens if token != classifier.config.pad_token_id][:8]
    group = Group(tuple(odd[:3]), (tuple(odd[3:6]), tuple(odd[6:8])))
    plain, tree = (collate([group], Layout(shape, 10**6, ends=True)) for shape in (False, True))
    plain, tree = plain.to(classifier.device), tree.to(classifier.device)
    whole = _pooled(classifier, plain)

    def agrees(batch: Batch, found: Reading) -> bool:
        try:
            states_SD = _states(classifier, batch, found).flatten(0, 1)[batch.end_S]
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
            return False  # the architecture refuses the mask, the positions or the short cut to its states
        return bool((states_SD - whole).abs().max() < 1e-4 * max(1.0, float(whole.abs().max())))

    last = agrees(plain, Reading(tree=False, causal=False, last=True))
    causal = last and agrees(plain, Reading(tree=False, causal=True, last=True))
    narrow = causal and agrees(plain, Reading(tree=False, causal=True, last=True, narrow=True))
    forked = Reading(tree=True, causal=True, last=True, narrow=narrow)
    whole_tree = causal and not windowed(classifier.config) and agrees(tree, forked)
    return Reading(tree=whole_tree, causal=causal, last=last, narrow=narrow)


def states(classifier: Any, batch: Batch) -> torch.Tensor:
    """The backbone's last states of a whole batch: [R, L, hidden], with gradient. Raises NoModel where its head reads
    none of them."""
    found = reading(classifier)
    if not found.last:
        raise NoModel(
            f"{type(classifier).__name__} pools a whole response into one vector: methods that read single tokens need "
            "a causal backbone"
        )
    return _states(classifier, batch, replace(found, narrow=False))


def last_states(classifier: Any, batch: Batch) -> torch.Tensor:
    """What the head reads of each sequence of a batch: [S, hidden], with gradient."""
    found = reading(classifier)
    if not found.last:
        return _pooled(classifier, batch)
    return _states(classifier, batch, found).flatten(0, 1)[batch.end_S]


def _states(classifier: Any, batch: Batch, found: Reading) -> torch.Tensor:
    inputs: dict[str, Any] = {"input_ids": batch.input_ids_RL, "use_cache": False}
    if batch.mask_R1LL is not None:
        dtype = next(classifier.parameters()).dtype
        inputs |= {"attention_mask": additive(batch.mask_R1LL, dtype), "position_ids": batch.position_ids_RL}
    elif not found.causal:
        inputs["attention_mask"] = _real(batch)
    backbone = getattr(classifier, classifier.base_model_prefix)
    with last_layer_at(backbone, batch.end_P) if found.narrow else nullcontext():
        states_RLD: torch.Tensor = backbone(**inputs).last_hidden_state
    return states_RLD


def _real(batch: Batch) -> torch.Tensor:
    """Where plain rows are not padding: [R, L] of 0 and 1."""
    length = batch.input_ids_RL.shape[1]
    columns_L = torch.arange(length, device=batch.end_S.device)
    return (columns_L <= (batch.end_S % length)[:, None]).long()


def _pooled(classifier: Any, batch: Batch) -> torch.Tensor:
    """The input of the head in the classifier's own forward pass over plain rows: [S, hidden]."""
    seen: list[torch.Tensor] = []
    handle = head(classifier).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    real_RL = _real(batch)
    ids_RL = torch.where(real_RL.bool(), batch.input_ids_RL, int(classifier.config.pad_token_id))
    try:
        classifier(input_ids=ids_RL, attention_mask=real_RL)
    finally:
        handle.remove()
    told = seen[-1]
    return told.flatten(0, 1)[batch.end_S] if told.dim() == 3 else told


def conversation(text: Text, pad: int, max_length: int, prompt: Sequence[Message], answers: Sequence[Any]) -> Group:
    """A prompt and its responses as a head reads them, each conversation cut to ``max_length`` from its start.

    Padding tokens at a response's end go: transformers reads a row at its last token that is not padding.
    """
    group = text.group(prompt, answers, max_length=max_length)
    return replace(group, responses=tuple(_stripped(response, pad) for response in group.responses))


def _stripped(response: Tokens, pad: int) -> Tokens:
    end = len(response)
    while end and response[end - 1] == pad:
        end -= 1
    return response[:end]


def over_pairs(
    pairs: Sequence[Pair],
    render: Callable[[Sequence[Message], Sequence[Any]], Group],
    classifier: Any,
    read: Callable[[Batch], torch.Tensor],
) -> Array:
    """What ``read`` says of each of n (prompt, response) pairs: [n, …] for its [S, …]. Responses to one prompt share
    its reading, except where one had to be cut: then each keeps as much of the prompt as it would alone."""
    together: dict[str, list[int]] = {}
    for place, (prompt, _) in enumerate(pairs):
        together.setdefault(json.dumps(prompt), []).append(place)
    groups: list[Group] = []
    owners: list[list[int]] = []
    for places in together.values():
        group = render(pairs[places[0]][0], [pairs[place][1] for place in places])
        alone = group.prompt_cut > 0 or group.response_cut > 0
        groups += [render(pairs[place][0], [pairs[place][1]]) for place in places] if alone else [group]
        owners += [[place] for place in places] if alone else [places]
    return _scattered(groups, owners, classifier, read)


def _scattered(
    groups: list[Group], owners: list[list[int]], classifier: Any, read: Callable[[Batch], torch.Tensor]
) -> Array:
    pieces, origin = split_large(groups, MOST_RESPONSES)
    shape = layout(classifier)
    found: list[Array] = []
    order: list[int] = []
    for chosen in fill(pieces, shape, TOKEN_BUDGET):
        batch = collate([pieces[index] for index in chosen], shape)
        found.append(read(batch.to(classifier.device)).double().cpu().numpy())
        for place, response in batch.sequences:
            group, first = origin(chosen[place])
            order.append(owners[group][first + response])
    told: Array = np.concatenate(found)[np.argsort(order)]
    return told
