"""Training on single responses: those of a row, each good or bad by its label, and what KTO's KL needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..batches import UNCUT, Batch, collate, training_steps
from ..devices import Compute, precision
from ..logprobs import LogprobCache, layout, response_logprobs, sequence_sums, token_logprobs
from ..models import Policy
from ..optimise import Part
from ..recipes import ObjectiveDials, OptimSettings
from ..rows import Message, PreferenceRow
from ..text import Group, cuts
from .steps import LazySteps, PlannedTraining
from .terms import Side
from .unpaired import UnpairedObjective, UnpairedTerms, unpaired_losses


@dataclass(frozen=True)
class Single:
    """A response with the probability that it was found good."""

    prompt: list[Message]
    response: list[Message]
    good: float
    weight: float


@dataclass(frozen=True)
class SinglesBatch:
    """A step's responses. With K = 2 sequences each, the second answers another prompt and only measures the KL."""

    batch: Batch
    reference_SK: torch.Tensor
    good_S: torch.Tensor
    weight_S: torch.Tensor


def singles(rows: Sequence[PreferenceRow]) -> list[Single]:
    """The responses of every row: the first is good with its label's probability, the second, where known, with the
    rest."""
    return [
        Single(row.prompt, response, good, row.weight)
        for row in rows
        for response, good in zip(row.responses, (row.p, 1.0 - row.p), strict=True)
        if response
    ]


def strangers(found: Sequence[Single], seed: int) -> list[list[Message]]:
    """For each response another one, given to another prompt: the next one in a random circle."""
    circle = np.random.default_rng(seed).permutation(len(found)).tolist()
    after: list[list[Message]] = [[] for _ in found]
    for place, index in enumerate(circle):
        others = (circle[(place + step) % len(circle)] for step in range(1, len(circle) + 1))
        other = next((one for one in others if found[one].prompt != found[index].prompt), index)
        after[index] = found[other].response
    return after


def singles_plan(
    policy: Policy,
    rows: Sequence[PreferenceRow],
    settings: OptimSettings,
    *,
    max_length: int,
    objective: UnpairedObjective,
    reference: Policy | None = None,
    cache: LogprobCache | None = None,
    compute: Compute | None = None,
) -> PlannedTraining[SinglesBatch]:
    """Lay out a training of ``policy`` on single responses, as ``pair_plan`` does on pairs.

    A step takes ``batch_size`` responses and is never cut into smaller batches.
    """
    found = singles(rows)
    other = strangers(found, settings.seed) if objective.kl else [None] * len(found)
    groups = [_group(policy, one, stranger, max_length) for one, stranger in zip(found, other, strict=True)]
    with precision(compute):
        values = response_logprobs(reference or policy, groups, token_budget=settings.token_budget, cache=cache)
    reference_EK = torch.stack([torch.stack([value.sum() for value in mine]) for mine in values])
    good_E = torch.tensor([one.good for one in found])
    weight_E = torch.tensor([one.weight for one in found])
    shape = layout(policy.model)
    plan = training_steps(
        groups,
        shape,
        settings,
        token_budget=UNCUT,
    )

    def build(chosen: tuple[int, ...]) -> SinglesBatch:
        batch = collate([groups[index] for index in chosen], shape).to(policy.device)
        place_S = torch.tensor(chosen)
        terms = (values[place_S].to(policy.device) for values in (reference_EK, good_E, weight_E))
        return SinglesBatch(batch, *terms)

    return PlannedTraining(LazySteps(plan, build), cuts(groups))


def _group(policy: Policy, one: Single, stranger: list[Message] | None, max_length: int) -> Group:
    answers = [one.response] if stranger is None else [one.response, stranger]
    return policy.text.group(one.prompt, answers, max_length=max_length)


def singles_terms(model: Any, micro: SinglesBatch) -> UnpairedTerms:
    """Sequence terms of a step, with gradient through the responses but not through the KL."""
    each = micro.reference_SK.shape[1]
    batch = micro.batch
    policy_SK = sequence_sums(token_logprobs(model, batch), batch).view(-1, each)
    length_SK = torch.bincount(batch.sequence_N, minlength=policy_SK.numel()).view(-1, each)
    reference_SK = micro.reference_SK.to(policy_SK.dtype)
    kl = policy_SK.new_zeros(())
    if each == 2:
        kl = (policy_SK[:, 1].detach() - reference_SK[:, 1]).mean().clamp(min=0.0)
    side = Side(policy_SK[:, 0], reference_SK[:, 0], length_SK[:, 0])
    good_S, weight_S = (values.to(policy_SK.dtype) for values in (micro.good_S, micro.weight_S))
    return UnpairedTerms(side, good_S, weight_S, kl)


def singles_loss(
    objective: UnpairedObjective, dials: ObjectiveDials, *, compute: Compute | None = None
) -> Callable[[Any, SinglesBatch], Part]:
    """The loss function for ``optimise``: the objective's soft loss per response, averaged over the step's."""

    def loss(model: Any, micro: SinglesBatch) -> Part:
        with precision(compute):
            terms = singles_terms(model, micro)
        losses_S = unpaired_losses(objective, terms, dials)
        return Part(losses_S.sum(), float(len(losses_S)), singles_metrics(terms, dials))

    return loss


@torch.no_grad()
def singles_metrics(terms: UnpairedTerms, dials: ObjectiveDials) -> dict[str, float]:
    """TRL's metrics times the number of responses, so that a step's mean is the metric; each kind by its own share."""
    count = len(terms.good_S)
    reward_S = dials.beta * terms.side.ratio_P

    def mean(values_S: torch.Tensor, share_S: torch.Tensor) -> float:
        return float((values_S * share_S).sum() / share_S.sum().clamp(min=1e-9)) * count

    bad_S = 1.0 - terms.good_S
    chosen, rejected = mean(reward_S, terms.good_S), mean(reward_S, bad_S)
    return {
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margins": chosen - rejected,
        "logps/chosen": mean(terms.side.policy_P, terms.good_S),
        "logps/rejected": mean(terms.side.policy_P, bad_S),
        "kl": float(terms.kl) * count,
    }
