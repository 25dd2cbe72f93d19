"""Log-probabilities of responses, computed only where a response token is predicted."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from .batches import Batch, Layout, collate, fill, split_large
from .cache import LogprobCache as LogprobCache
from .last_layer import last_layer_at
from .models import Policy, base_model
from .steady import steady_logprobs
from .text import Group

Read = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # logits [N, V] and targets [N] to [N] or [N, values]
LOGITS_AT_ONCE = 2**25  # elements of [predictions, vocabulary] held at a time: 128 MB in fp32
MOST_RESPONSES = 8  # per tree when scoring; a larger group is scored in pieces


@dataclass(frozen=True)
class Wiring:
    """What a model was found to allow.

    ``tree``: it takes a custom mask and positions. ``head``: its logits are its output embedding applied to
    its last states, so that the head can run on chosen positions only. ``narrow``: so can its last layer.
    """

    tree: bool
    head: bool
    narrow: bool = False


_wirings: "WeakKeyDictionary[Any, Wiring]" = WeakKeyDictionary()


def wiring(model: Any) -> Wiring:
    """Find out by trying, once per model, on seven tokens, against the model's own plain forward pass."""
    base = base_model(model)
    if base not in _wirings:
        _wirings[base] = _try_out(base)
    return _wirings[base]


def layout(model: Any) -> Layout:
    """How rows for this model are laid out."""
    base = base_model(model)
    hidden = int(getattr(base.config, "hidden_size", 0) or 1024)
    return Layout(tree=wiring(model).tree, hidden=hidden, launch=64 if base.device.type == "cpu" else 4096)


@torch.no_grad()
def _try_out(base: Any) -> Wiring:
    vocabulary = int(base.config.vocab_size)
    tokens = [(7 * place + 3) % vocabulary for place in range(8)]
    group = Group(tuple(tokens[:3]), (tuple(tokens[3:6]), (tokens[6], tokens[7])))
    plain, tree = (collate([group], Layout(tree=is_tree, hidden=10**6)) for is_tree in (False, True))
    parameter = next(base.parameters())
    tolerance = 1e-4 if parameter.dtype in (torch.float32, torch.float64) else 6e-2
    truth = _logprobs(base, plain.to(parameter.device), Wiring(tree=False, head=False))

    def agrees(batch: Batch, wired: Wiring) -> bool:
        try:
            found = _logprobs(base, batch.to(parameter.device), wired)
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
            return False  # the architecture refuses the mask, the positions or the short cut to its states
        return bool((found - truth).abs().max() < tolerance)

    head = agrees(plain, Wiring(tree=False, head=True))
    narrow = head and agrees(plain, Wiring(tree=False, head=True, narrow=True))
    whole = not windowed(base.config) and agrees(tree, Wiring(tree=True, head=head, narrow=narrow))
    return Wiring(tree=whole, head=head, narrow=narrow)


def windowed(config: Any) -> bool:
    """Does any layer see only a window? A custom mask would silently replace the window."""
    layers = getattr(config, "layer_types", None)
    if layers:
        return any(kind != "full_attention" for kind in layers)
    return bool(getattr(config, "sliding_window", None) or getattr(config, "attention_chunk_size", None))


def token_logprobs(model: Any, batch: Batch, embeddings_RLD: torch.Tensor | None = None) -> torch.Tensor:
    """Log-probability of every predicted token of a batch: [N] fp32 (fp64 for fp64 models), with gradient.

    ``embeddings_RLD`` are read instead of the embeddings of the batch's own input tokens.
    """
    return _logprobs(base_model(model), batch, wiring(model), embeddings_RLD=embeddings_RLD)


def token_logits(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every predicted token of a batch: its logit [N] and the logsumexp of all tokens' logits [N], with gradient.

    Their difference is the token's log-probability.
    """
    logit_N, normaliser_N = _logprobs(base_model(model), batch, wiring(model), _logit_and_normaliser).unbind(1)
    return logit_N, normaliser_N


@torch.no_grad()
def greedy_tokens(model: Any, batch: Batch) -> torch.Tensor:
    """The likeliest token at every place where one is predicted: [N] token ids."""
    return _logprobs(base_model(model), batch, wiring(model), lambda logits_NV, target_N: logits_NV.argmax(-1))


@torch.no_grad()
def top_entropies(model: Any, batch: Batch, k: int) -> torch.Tensor:
    """Where a token is predicted, the entropy [N] of the k likeliest tokens among themselves: 0 to log k nats."""

    def read(logits_NV: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
        logprob_Nk = logits_NV.topk(min(k, logits_NV.shape[1]), dim=1).values.float().log_softmax(-1)
        return -(logprob_Nk.exp() * logprob_Nk).sum(-1)

    return _logprobs(base_model(model), batch, wiring(model), read)


def token_statistics(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of every predicted token of a batch: its log-probability [N] with gradient, and without one the logarithm of
    the sum of all tokens' squared probabilities [N] and the entropy of the prediction [N], in nats."""
    values_N3 = _logprobs(base_model(model), batch, wiring(model), _statistics)
    logprob_N, log_sum_sq_N, entropy_N = values_N3.unbind(1)
    return logprob_N, log_sum_sq_N.detach(), entropy_N.detach()


def _logprobs(
    base: Any, batch: Batch, wired: Wiring, read: Read | None = None, embeddings_RLD: torch.Tensor | None = None
) -> torch.Tensor:
    read = read or _chosen
    inputs = {"input_ids": batch.input_ids_RL, "use_cache": False}
    if embeddings_RLD is not None:
        inputs = {"inputs_embeds": embeddings_RLD, "use_cache": False}
    if wired.tree or batch.mask_R1LL is None:
        inputs["position_ids"] = batch.position_ids_RL
    if batch.mask_R1LL is not None:
        inputs["attention_mask"] = additive(batch.mask_R1LL, next(base.parameters()).dtype)
    elif not wired.tree:
        del inputs["position_ids"]  # plain rows count from zero, which every architecture does by itself
    if not wired.head:
        logits_RLV = base(**inputs).logits
        return read(logits_RLV.flatten(0, 1)[batch.predictor_N], batch.target_N)
    backbone = getattr(base, base.base_model_prefix)
    with last_layer_at(backbone, batch.predictor_P) if wired.narrow else nullcontext():
        states_RLD = backbone(**inputs).last_hidden_state
    states_ND = states_RLD.flatten(0, 1)[batch.predictor_N]
    return _head(base.get_output_embeddings(), states_ND, batch.target_N, read)


def additive(mask_R1LL: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A mask to be added to attention scores, made once here instead of once per layer."""
    return torch.zeros_like(mask_R1LL, dtype=dtype).masked_fill_(~mask_R1LL, float("-inf"))


def _head(head: Any, states_ND: torch.Tensor, target_N: torch.Tensor, read: Read) -> torch.Tensor:
    """Logits in pieces of bounded memory; with several pieces the backward pass computes each again."""
    piece = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
    if len(target_N) <= piece:
        return read(head(states_ND), target_N)

    def score(states: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return read(head(states), target)

    pairs = zip(torch.split(states_ND, piece), torch.split(target_N, piece), strict=True)
    return torch.cat([checkpoint(score, states, target, use_reentrant=False) for states, target in pairs])


def _logit_and_normaliser(logits_NV: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    precise = logits_NV if logits_NV.dtype == torch.float64 else logits_NV.float()
    return torch.stack([precise.gather(1, target_N[:, None])[:, 0], torch.logsumexp(precise, -1)], dim=1)


def _chosen(logits_NV: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    precise = logits_NV if logits_NV.dtype == torch.float64 else logits_NV.float()
    return -F.cross_entropy(precise, target_N, reduction="none")


def _statistics(logits_NV: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    logprob_N = _chosen(logits_NV, target_N)
    with torch.no_grad():
        precise = logits_NV if logits_NV.dtype == torch.float64 else logits_NV.float()
        logprob_NV = precise.log_softmax(-1)
        log_sum_sq_N = torch.logsumexp(2.0 * logprob_NV, -1)
        entropy_N = -(logprob_NV.exp() * logprob_NV).sum(-1)
    return torch.stack([logprob_N, log_sum_sq_N, entropy_N], dim=1)


def sequence_sums(values_N: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Sum a value per token over each sequence: [N] -> [S]."""
    return values_N.new_zeros(len(batch.sequences)).index_add(0, batch.sequence_N, values_N)


def response_logprobs(
    policy: Policy,
    groups: Sequence[Group],
    *,
    token_budget: int = 8192,
    grad: bool = False,
    cache: LogprobCache | None = None,
) -> list[list[torch.Tensor]]:
    """Per group and response, the log-probability of each of its tokens (1-D tensors, in nats).

    ``cache`` answers for the responses it knows and takes in the others; it cannot be used with ``grad``.
    """
    if cache is not None:
        if grad:
            raise ValueError("cached log-probabilities carry no gradient: leave out cache or grad")
        head = wiring(policy.model).head
        return cache.complete(groups, lambda alone: steady_logprobs(policy, alone, head=head))
    found: list[list[torch.Tensor]] = [[torch.empty(0)] * len(group.responses) for group in groups]
    shape = layout(policy.model)
    pieces, origin = split_large(groups, MOST_RESPONSES)
    with torch.set_grad_enabled(grad):
        for chosen in fill(pieces, shape, token_budget):
            batch = collate([pieces[index] for index in chosen], shape).to(policy.device)
            values_N = token_logprobs(policy.model, batch)
            lengths = torch.bincount(batch.sequence_N, minlength=len(batch.sequences)).tolist()
            for (place, response), values in zip(batch.sequences, torch.split(values_N, lengths), strict=True):
                group, first = origin(chosen[place])
                found[group][first + response] = values if grad else values.cpu().clone()
    return found
