"""Forward passes whose values depend on the response alone, never on what else is computed beside it.

A matrix product rounds by its shape: the same response in another batch has other last bits, and a refit that finds
99 of 100 values in a cache would not end with the weights of one that computes them all. Here every batch of a length
has one shape, filled up with padding, so a response's values are a pure function of its tokens, model and machine.
Whether a machine's kernels treat all places of such a batch alike is tried once; where they do not, each response is
computed alone.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import torch
import transformers

from .devices import cpu_capability
from .models import Policy, base_model
from .text import Group, Tokens

VERSION = 1  # of how values are computed: a change makes older ones unknown
STEP = 16  # lengths are padded to multiples of it
ROOM = {"cpu": 512}  # tokens at a time; small, because the last batch of each length is filled up
ROOM_ELSEWHERE = 16_384
PREDICTIONS, LOGITS = 256, 2**25  # rows, and elements, of a piece of [predictions, vocabulary]

PROBES = (2 * STEP, 6 * STEP)  # lengths that are tried

_together: "WeakKeyDictionary[Any, dict[bool, bool]]" = WeakKeyDictionary()


def machine(device: str) -> str:
    """A digest of what decides how this process rounds: device, its kind, threads and libraries."""
    kind = torch.cuda.get_device_name() if device == "cuda" else cpu_capability()
    threads = torch.get_num_threads() if device == "cpu" else 0
    room = ROOM.get(device, ROOM_ELSEWHERE)
    told = [VERSION, device, kind, threads, torch.__version__, transformers.__version__, STEP, room]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def steady_states(policy: Policy, rows: Sequence[Tokens]) -> Iterator[tuple[int, torch.Tensor]]:
    """The last layer's states of token sequences, each with its index: [its length, hidden], in ascending length."""
    base = base_model(policy.model)
    backbone = getattr(base, base.base_model_prefix)
    for chosen, ids_RL in _batches(policy, rows, together=_are_alike(policy)):
        states_RLD = backbone(input_ids=ids_RL, use_cache=False).last_hidden_state
        yield from ((index, states_RLD[place, : len(rows[index])]) for place, index in enumerate(chosen))


@torch.no_grad()
def steady_logprobs(policy: Policy, groups: Sequence[Group], *, head: bool) -> list[torch.Tensor]:
    """Log-probability of each token of every group's first response, in nats: 1-D tensors.

    ``head``: the model's logits are its output embedding applied to its last states (``logprobs.wiring``).
    Adapters in training are left out: the values are those of the weights that the policy was loaded with.
    """
    rows = [(*group.prompt, *group.responses[0]) for group in groups]
    found = [torch.empty(0)] * len(rows)
    with _without_adapters(policy.model):
        for index, logits_or_states in (steady_states if head else _steady_logits)(policy, rows):
            start = len(groups[index].prompt) - 1
            predictor_NX = logits_or_states[start:-1]
            target_N = torch.tensor(groups[index].responses[0], device=predictor_NX.device)
            found[index] = _read(policy, predictor_NX, target_N, head=head).cpu()
    return found


def _steady_logits(policy: Policy, rows: Sequence[Tokens]) -> Iterator[tuple[int, torch.Tensor]]:
    for chosen, ids_RL in _batches(policy, rows, together=_are_alike(policy)):
        logits_RLV = base_model(policy.model)(input_ids=ids_RL, use_cache=False).logits
        yield from ((index, logits_RLV[place, : len(rows[index])]) for place, index in enumerate(chosen))


def _read(policy: Policy, predictor_NX: torch.Tensor, target_N: torch.Tensor, *, head: bool) -> torch.Tensor:
    """The head in pieces of one shape, like everything else here."""
    if not head:
        return _chosen(predictor_NX, target_N)
    embedding = base_model(policy.model).get_output_embeddings()
    piece = max(1, min(PREDICTIONS, LOGITS // embedding.weight.shape[0]))
    pieces = []
    for states_PD, target_P in zip(torch.split(predictor_NX, piece), torch.split(target_N, piece), strict=True):
        filled = torch.nn.functional.pad(states_PD, (0, 0, 0, piece - len(states_PD)))
        pieces.append(_chosen(embedding(filled)[: len(states_PD)], target_P))
    return torch.cat(pieces)


def _chosen(logits_NV: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    precise = logits_NV if logits_NV.dtype == torch.float64 else logits_NV.float()
    return -torch.nn.functional.cross_entropy(precise, target_N, reduction="none")


def _batches(policy: Policy, rows: Sequence[Tokens], *, together: bool) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Indices of rows of one padded length, and their token ids [R, L], where R follows from L alone."""
    room = ROOM.get(policy.device.type, ROOM_ELSEWHERE) if together else 1
    by_length: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        by_length.setdefault(-(-len(row) // STEP) * STEP, []).append(index)
    for length, mine in sorted(by_length.items()):
        count = max(1, room // length)
        for start in range(0, len(mine), count):
            chosen = mine[start : start + count]
            ids_RL = torch.zeros(count, length, dtype=torch.long)
            for place, index in enumerate(chosen):
                ids_RL[place, : len(rows[index])] = torch.tensor(rows[index])
            yield chosen, ids_RL.to(policy.device)


@torch.no_grad()
def _are_alike(policy: Policy) -> bool:
    """Whether every place of a batch gives a row the same values: tried once per model and precision, on full
    batches of one row each.
    """
    base = base_model(policy.model)
    known = _together.setdefault(base, {})
    precise = torch.is_autocast_enabled(policy.device.type)
    if precise not in known:
        known[precise] = all(_is_alike(policy, length) for length in PROBES if length <= policy.text.context)
    return known[precise]


def _is_alike(policy: Policy, length: int) -> bool:
    vocabulary = int(base_model(policy.model).config.vocab_size)
    row = tuple((7 * place + 3) % vocabulary for place in range(length - 1))
    count = ROOM.get(policy.device.type, ROOM_ELSEWHERE) // length
    ((_, ids_RL),) = _batches(policy, [row] * count, together=True)
    logits_RLV = base_model(policy.model)(input_ids=ids_RL, use_cache=False).logits
    return all(torch.equal(logits_LV, logits_RLV[0]) for logits_LV in logits_RLV)


def _without_adapters(model: Any) -> Any:
    return model.disable_adapter() if hasattr(model, "peft_config") else nullcontext()
