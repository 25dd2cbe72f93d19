"""Training on lists of responses: lists to groups, what they say as padded tensors, and the loss for ``optimise``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from ..batches import Batch, collate, training_steps
from ..devices import Compute, precision
from ..lists import RankedList
from ..logprobs import LogprobCache, layout, response_logprobs, sequence_sums, token_logprobs
from ..models import Policy
from ..optimise import Part
from ..recipes import ObjectiveDials, OptimSettings
from ..text import cuts
from .orders import Reading, reading
from .ranked import ListObjective, ListTerms
from .steps import LazySteps, PlannedTraining


@dataclass(frozen=True)
class Told:
    """What G lists of at most K responses say, padded; as in ``ranked.ListTerms``."""

    there_GK: torch.Tensor
    before_GKK: torch.Tensor
    first_GK: torch.Tensor
    order_GOK: torch.Tensor
    chance_GO: torch.Tensor
    known_G: torch.Tensor
    score_GK: torch.Tensor
    weight_G: torch.Tensor
    reference_GK: torch.Tensor

    def to(self, device: torch.device) -> "Told":
        """The same on another device."""
        return Told(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


@dataclass(frozen=True)
class ListBatch:
    """Lists laid out: sequence s of ``batch`` stands at ``place_S`` of the flattened [G, K]."""

    batch: Batch
    place_S: torch.Tensor
    told: Told


def told(lists: Sequence[RankedList], readings: Sequence[Reading], references: Sequence[Sequence[float]]) -> Told:
    """Pad what lists say to the longest of them, and their orders to the most; all on the host."""
    count, most = len(lists), max(len(one.responses) for one in lists)
    orders = max(len(one.chance_O) for one in readings)
    there, scores, reference, first = (np.zeros((count, most)) for _ in range(4))
    before, chance = np.zeros((count, most, most)), np.zeros((count, orders))
    order = np.tile(np.arange(most), (count, orders, 1))
    for row, (one, read) in enumerate(zip(lists, readings, strict=True)):
        size = len(one.responses)
        there[row, :size], first[row, :size], before[row, :size, :size] = 1.0, read.first_K, read.before_KK
        scores[row, :size], reference[row, :size] = one.scores or 0.0, references[row]
        order[row, : len(read.order_OK), :size], chance[row, : len(read.chance_O)] = read.order_OK, read.chance_O
    return Told(
        torch.from_numpy(there > 0),
        torch.from_numpy(before),
        torch.from_numpy(first),
        torch.from_numpy(order),
        torch.from_numpy(chance),
        torch.tensor([read.known for read in readings]),
        torch.from_numpy(scores),
        torch.tensor([one.weight for one in lists]),
        torch.from_numpy(reference),
    )


def list_plan(
    policy: Policy,
    lists: Sequence[RankedList],
    settings: OptimSettings,
    *,
    max_length: int,
    objective: ListObjective,
    reference: Policy | None = None,
    cache: LogprobCache | None = None,
    compute: Compute | None = None,
) -> PlannedTraining[ListBatch]:
    """Lay out a training of ``policy`` on ``lists``, as ``pair_plan`` does on pairs; a group is a list.

    Raises ValueError where the lists do not fit the objective.
    """
    objective.refuse_unfit(lists)
    chosen_lists = objective.prepare(lists, settings.seed)
    objective.refuse_unfit(chosen_lists)
    groups = [policy.text.group(one.prompt, one.responses, max_length=max_length) for one in chosen_lists]
    references = [[0.0] * len(group.responses) for group in groups]
    if objective.reference:
        with precision(compute):
            values = response_logprobs(reference or policy, groups, token_budget=settings.token_budget, cache=cache)
        references = [[float(value.sum()) for value in mine] for mine in values]
    readings = [reading(one) for one in chosen_lists]
    shape = layout(policy.model)
    plan = training_steps(groups, shape, settings)

    def build(chosen: tuple[int, ...]) -> ListBatch:
        batch = collate([groups[index] for index in chosen], shape)
        mine = [chosen_lists[index] for index in chosen]
        said = told(mine, [readings[index] for index in chosen], [references[index] for index in chosen])
        most = said.there_GK.shape[1]
        place_S = torch.tensor([group * most + response for group, response in batch.sequences])
        return ListBatch(batch.to(policy.device), place_S.to(policy.device), said.to(policy.device))

    return PlannedTraining(LazySteps(plan, build), cuts(groups))


def list_terms(model: Any, micro: ListBatch) -> ListTerms:
    """Sequence terms of a micro-batch, with gradient."""
    batch, said = micro.batch, micro.told
    logprob_N = token_logprobs(model, batch)
    shape = said.there_GK.shape

    def padded(values_S: torch.Tensor, blank: float) -> torch.Tensor:
        flat = values_S.new_full((shape.numel(),), blank)
        return flat.index_copy(0, micro.place_S, values_S).view(shape)

    policy_GK = padded(sequence_sums(logprob_N, batch), 0.0)
    length_GK = padded(sequence_sums(torch.ones_like(logprob_N), batch), 1.0)
    names = ("reference_GK", "before_GKK", "first_GK", "chance_GO", "score_GK", "weight_G")
    exact = {name: getattr(said, name).to(policy_GK.dtype) for name in names}
    whole = {"there_GK": said.there_GK, "order_GOK": said.order_GOK, "known_G": said.known_G}
    return ListTerms(policy_GK=policy_GK, length_GK=length_GK, **exact, **whole)


def list_loss(
    objective: ListObjective, dials: ObjectiveDials, *, compute: Compute | None = None
) -> Callable[[Any, ListBatch], Part]:
    """The loss function for ``optimise``: the objective's weighted loss per list, averaged over the step's lists."""

    def loss(model: Any, micro: ListBatch) -> Part:
        with precision(compute):
            terms = list_terms(model, micro)
        losses_G = terms.weight_G * objective.loss(terms, dials)
        return Part(losses_G.sum(), float(len(losses_G)), list_metrics(terms, dials))

    return loss


@torch.no_grad()
def list_metrics(terms: ListTerms, dials: ObjectiveDials) -> dict[str, float]:
    """Sums over the lists of TRL's metrics: of each list's best (chosen) and worst (rejected) response, and over its
    ordered pairs the share that the rewards order so (``rewards/accuracies``; a tie is half right)."""
    reward_GK = dials.beta * terms.ratio_GK
    last_GK = _shares(terms.before_GKK.sum(dim=1), terms.there_GK)
    ahead_GKK = (reward_GK[:, :, None] - reward_GK[:, None]).sign() * 0.5 + 0.5
    weight_GKK = terms.before_GKK
    right_G = (weight_GKK * ahead_GKK).sum(dim=(1, 2)) / weight_GKK.sum(dim=(1, 2)).clamp(min=1e-9)
    chosen_G, rejected_G = (terms.first_GK * reward_GK).sum(dim=1), (last_GK * reward_GK).sum(dim=1)
    sums = {
        "rewards/chosen": chosen_G,
        "rewards/rejected": rejected_G,
        "rewards/margins": chosen_G - rejected_G,
        "rewards/accuracies": right_G,
        "logps/chosen": (terms.first_GK * terms.policy_GK).sum(dim=1),
        "logps/rejected": (last_GK * terms.policy_GK).sum(dim=1),
    }
    totals = torch.stack(list(sums.values())).sum(dim=1).tolist()  # one synchronisation for all of them
    return dict(zip(sums, totals, strict=True))


def _shares(behind_GK: torch.Tensor, there_GK: torch.Tensor) -> torch.Tensor:
    """1 for the response that most others come before, shared where several are: [G, K]."""
    behind_GK = behind_GK.masked_fill(~there_GK, -1.0)
    last_GK = (behind_GK >= behind_GK.max(dim=1, keepdim=True).values - 1e-6).to(behind_GK.dtype)
    return last_GK / last_GK.sum(dim=1, keepdim=True)
