"""What the policy itself makes of a response: hidden states of two layers, pooled over its tokens."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..batches import collate, fill
from ..logprobs import layout, wiring
from ..models import Policy, base_model
from ..rows import Message
from ..text import Group

TOKEN_BUDGET = 8_192

Pair = tuple[Sequence[Message], Sequence[Message]]


def pooled_states(policy: Policy, pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """Of n (prompt, response) pairs: [n, 3·hidden]: a middle layer's mean, the last layer's mean, the last state.

    The states are those from which the response's tokens are predicted, so that the prompt is read once for all
    its responses.
    """
    groups, places = _grouped(policy, pairs)
    width = 3 * int(base_model(policy.model).config.hidden_size)
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
    base = base_model(policy.model)
    inputs = {"input_ids": batch.input_ids_RL, "use_cache": False, "output_hidden_states": True}
    if wiring(policy.model).tree:
        inputs["position_ids"] = batch.position_ids_RL
    if batch.mask_R1LL is not None:
        mask = torch.zeros_like(batch.mask_R1LL, dtype=next(base.parameters()).dtype)
        inputs["attention_mask"] = mask.masked_fill_(~batch.mask_R1LL, float("-inf"))
    layers = getattr(base, base.base_model_prefix)(**inputs).hidden_states
    middle_ND, last_ND = (layers[place].flatten(0, 1)[batch.predictor_N].float() for place in (len(layers) // 2, -1))
    count = torch.bincount(batch.sequence_N, minlength=len(batch.sequences))
    sums = last_ND.new_zeros(len(batch.sequences), 2 * last_ND.shape[1])
    sums.index_add_(0, batch.sequence_N, torch.cat([middle_ND, last_ND], dim=1))
    means = sums / count[:, None]
    pooled = torch.cat([means, last_ND[count.cumsum(0) - 1]], dim=1).cpu().numpy()
    return list(zip(batch.sequences, pooled, strict=True))
