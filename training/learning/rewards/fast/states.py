"""What the policy itself makes of a response: the hidden states of its middle layer, pooled over its tokens.

The middle layer knows most about a text as a whole (the last ones turn to the next token), and stopping there costs
half a forward pass.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...batches import Batch, collate, fill
from ...logprobs import layout, wiring
from ...models import Policy, base_model
from ...rows import Message
from ...text import Group

TOKEN_BUDGET = 8_192

Pair = tuple[Sequence[Message], Sequence[Message]]


def pooled_states(policy: Policy, pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """Of n (prompt, response) pairs: [n, 2·hidden]: the states' mean over the response and its last state.

    The states are those from which the response's tokens are predicted, so that the prompt is read once for all
    its responses.
    """
    groups, places = _grouped(policy, pairs)
    width = 2 * int(base_model(policy.model).config.hidden_size)
    found = np.zeros((len(pairs), width), dtype=np.float32)
    shape = layout(policy.model)
    for chosen in fill(groups, shape, TOKEN_BUDGET):
        for (place, response), row in _pool(policy, [groups[index] for index in chosen]):
            found[places[chosen[place]][response]] = row
    return found


def _grouped(policy: Policy, pairs: Sequence[Pair]) -> tuple[list[Group], list[list[int]]]:
    """One group per prompt, at most eight responses each, and where each response stands in ``pairs``."""
    groups: list[Group] = []
    places: list[list[int]] = []
    by_prompt: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for index, (prompt, _) in enumerate(pairs):
        key = tuple((message["role"], message["content"]) for message in prompt)
        by_prompt.setdefault(key, []).append(index)
    for indices in by_prompt.values():
        for start in range(0, len(indices), 8):
            chosen = indices[start : start + 8]
            groups.append(policy.text.group(pairs[chosen[0]][0], [pairs[index][1] for index in chosen]))
            places.append(chosen)
    return groups, places


@torch.no_grad()
def _pool(policy: Policy, groups: Sequence[Group]) -> list[tuple[tuple[int, int], NDArray[np.float32]]]:
    shape = layout(policy.model)
    batch = collate(groups, shape).to(policy.device)
    states_ND = _middle(policy, batch).flatten(0, 1)[batch.predictor_N].float()
    count = torch.bincount(batch.sequence_N, minlength=len(batch.sequences))
    sums = states_ND.new_zeros(len(batch.sequences), states_ND.shape[1])
    sums.index_add_(0, batch.sequence_N, states_ND)
    pooled = torch.cat([sums / count[:, None], states_ND[count.cumsum(0) - 1]], dim=1).cpu().numpy()
    return list(zip(batch.sequences, pooled, strict=True))


class _Seen(Exception):
    """Carries a layer's output out of a forward pass that need not go on."""

    def __init__(self, states: torch.Tensor) -> None:
        super().__init__("the middle layer is reached")
        self.states = states


def _middle(policy: Policy, batch: Batch) -> torch.Tensor:
    """The middle layer's states of a batch: [R, L, hidden]."""
    base = base_model(policy.model)
    inputs = {"input_ids": batch.input_ids_RL, "use_cache": False}
    if wiring(policy.model).tree:
        inputs["position_ids"] = batch.position_ids_RL
    if batch.mask_R1LL is not None:
        mask = torch.zeros_like(batch.mask_R1LL, dtype=next(base.parameters()).dtype)
        inputs["attention_mask"] = mask.masked_fill_(~batch.mask_R1LL, float("-inf"))

    here = threading.get_ident()  # another thread may be sampling from the same model: its pass goes on

    def stop(module: Any, arguments: Any, output: Any) -> None:
        if threading.get_ident() == here:
            raise _Seen(output if isinstance(output, torch.Tensor) else output[0])

    backbone = getattr(base, base.base_model_prefix)
    handle = _middle_layer(base, backbone).register_forward_hook(stop)
    try:
        backbone(**inputs)
    except _Seen as seen:
        return seen.states
    finally:
        handle.remove()
    raise RuntimeError(f"{type(base).__name__} did not run its middle layer")


def _middle_layer(base: Any, backbone: torch.nn.Module) -> torch.nn.Module:
    """The layer after which half of the layers are done. Raises ValueError where no list of layers is found."""
    depth = int(base.config.num_hidden_layers)
    for module in backbone.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth:
            return module[max(depth // 2 - 1, 0)]
    raise ValueError(f"{type(base).__name__} has no list of its {depth} layers: its states cannot be read")
