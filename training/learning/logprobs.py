"""Log-probabilities of responses, computed only where a response token is predicted, and their cache."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from .batches import Batch, Layout, collate, fill, split_large
from .models import Policy, base_model
from .text import Group

Read = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # logits [N, V] and targets [N] to [N] or [N, values]
LOGITS_AT_ONCE = 2**25  # elements of [predictions, vocabulary] held at a time: 128 MB in fp32
MOST_RESPONSES = 8  # per tree when scoring; a larger group is scored in pieces


@dataclass(frozen=True)
class Wiring:
    """What a model was found to allow.

    ``tree``: it takes a custom mask and positions. ``head``: its logits are its output embedding applied to
    its last states, so that the head can run on chosen positions only.
    """

    tree: bool
    head: bool


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
    whole = not windowed(base.config) and agrees(tree, Wiring(tree=True, head=head))
    return Wiring(tree=whole, head=head)


def windowed(config: Any) -> bool:
    """Does any layer see only a window? A custom mask would silently replace the window."""
    layers = getattr(config, "layer_types", None)
    if layers:
        return any(kind != "full_attention" for kind in layers)
    return bool(getattr(config, "sliding_window", None) or getattr(config, "attention_chunk_size", None))


def token_logprobs(model: Any, batch: Batch) -> torch.Tensor:
    """Log-probability of every predicted token of a batch: [N] fp32 (fp64 for fp64 models), with gradient."""
    return _logprobs(base_model(model), batch, wiring(model))


def token_statistics(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of every predicted token of a batch: its log-probability [N] with gradient, and without one the logarithm of
    the sum of all tokens' squared probabilities [N] and the entropy of the prediction [N], in nats."""
    values_N3 = _logprobs(base_model(model), batch, wiring(model), _statistics)
    logprob_N, log_sum_sq_N, entropy_N = values_N3.unbind(1)
    return logprob_N, log_sum_sq_N.detach(), entropy_N.detach()


def _logprobs(base: Any, batch: Batch, wired: Wiring, read: Read | None = None) -> torch.Tensor:
    read = read or _chosen
    inputs = {"input_ids": batch.input_ids_RL, "use_cache": False}
    if wired.tree or batch.mask_R1LL is None:
        inputs["position_ids"] = batch.position_ids_RL
    if batch.mask_R1LL is not None:
        inputs["attention_mask"] = additive(batch.mask_R1LL, next(base.parameters()).dtype)
    elif not wired.tree:
        del inputs["position_ids"]  # plain rows count from zero, which every architecture does by itself
    if not wired.head:
        logits_RLV = base(**inputs).logits
        return read(logits_RLV.flatten(0, 1)[batch.predictor_N], batch.target_N)
    states_RLD = getattr(base, base.base_model_prefix)(**inputs).last_hidden_state
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
    cache: "LogprobCache | None" = None,
) -> list[list[torch.Tensor]]:
    """Per group and response, the log-probability of each of its tokens (1-D tensors, in nats).

    ``cache`` answers for the responses it knows and takes in the others; it cannot be used with ``grad``.
    """
    if cache is not None:
        if grad:
            raise ValueError("cached log-probabilities carry no gradient: leave out cache or grad")
        return cache.complete(policy, groups, token_budget)
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


def response_key(group: Group, response: int) -> str:
    """Names a response by what the model reads: the tokens of its prompt and its own."""
    content = json.dumps([group.prompt, group.responses[response]], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


class LogprobCache:
    """Log-probabilities of one frozen model, kept per response in safetensors files below ``directory``.

    Every file carries the checksum of its content; one that is damaged is removed and computed again. Several
    processes may write at once: each writes files of its own, named by their content.
    """

    def __init__(self, directory: Path, digest: str, *, dtype: str = "float32") -> None:
        """``digest`` names the model (``model_digest``), ``dtype`` its precision: no other's values are returned."""
        self.directory = directory / f"{digest[:32]}-{dtype}"
        self._known: dict[str, torch.Tensor] = {}
        for path in sorted(self.directory.glob("*.safetensors")):
            self._known |= _read_shard(path)

    def __len__(self) -> int:
        """How many responses are known."""
        return len(self._known)

    def get(self, group: Group) -> list[torch.Tensor | None]:
        """The known log-probabilities of a group's responses, None where unknown."""
        return [self._known.get(response_key(group, place)) for place in range(len(group.responses))]

    def complete(self, policy: Policy, groups: Sequence[Group], token_budget: int) -> list[list[torch.Tensor]]:
        """Answer from the cache, computing and keeping what is missing."""
        wanted = {response_key(g, j): (g, j) for g in groups for j in range(len(g.responses))}
        missing = {key: place for key, place in wanted.items() if key not in self._known}
        self._keep(policy, missing.values(), token_budget)
        return [[self._known[response_key(g, j)] for j in range(len(g.responses))] for g in groups]

    def _keep(self, policy: Policy, missing: Iterable[tuple[Group, int]], token_budget: int) -> None:
        together: dict[tuple[int, ...], dict[tuple[int, ...], None]] = {}
        for group, place in missing:
            together.setdefault(group.prompt, {})[group.responses[place]] = None
        groups = [Group(prompt, tuple(responses)) for prompt, responses in together.items()]
        new: dict[str, torch.Tensor] = {}
        for group, values in zip(groups, response_logprobs(policy, groups, token_budget=token_budget), strict=True):
            new |= {response_key(group, j): value for j, value in enumerate(values)}
        if new:
            _write_shard(self.directory, new)
        self._known |= new


def _checksum(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _write_shard(directory: Path, tensors: dict[str, torch.Tensor]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    name = _checksum(tensors)
    part = directory / f"{name}.part"
    save_file(tensors, part, metadata={"sha256": name})
    part.replace(directory / f"{name}.safetensors")


def _read_shard(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt") as shard:
            stated = (shard.metadata() or {}).get("sha256")
            tensors = {key: shard.get_tensor(key) for key in shard.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError):
        tensors, stated = {}, None
    if not tensors or stated != _checksum(tensors):
        path.unlink(missing_ok=True)
        return {}
    return tensors
