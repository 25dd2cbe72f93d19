"""Preference training: rows to groups, reference terms, a plan of batches, and the loss for ``optimise``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..batches import Batch, collate, training_steps
from ..devices import Compute, precision
from ..logprobs import LogprobCache, layout, response_logprobs, sequence_sums, token_logprobs
from ..models import Policy
from ..optimise import Part
from ..recipes import OptimSettings
from ..rows import PreferenceRow
from ..text import Group, cuts
from .steps import LazySteps
from .terms import PairDials, PairObjective, PairTerms, Side, soft_loss


@dataclass(frozen=True)
class PairBatch:
    """P pairs laid out: sequences 2i and 2i + 1 of ``batch`` are the responses of pair i."""

    batch: Batch
    reference_P2: torch.Tensor
    p_P: torch.Tensor
    weight_P: torch.Tensor


@dataclass(frozen=True)
class PairPlan:
    """What a preference training will do, and what ``max_length`` cost it (``text.cuts``)."""

    steps: LazySteps[PairBatch]
    cut: dict[str, int]


def pair_groups(policy: Policy, rows: Sequence[PreferenceRow], max_length: int) -> list[Group]:
    """Each row as a group of two responses, in order."""
    return [policy.text.group(row.prompt, row.responses, max_length=max_length) for row in rows]


def pair_plan(
    policy: Policy,
    rows: Sequence[PreferenceRow],
    settings: OptimSettings,
    *,
    max_length: int,
    objective: PairObjective,
    reference: Policy | None = None,
    cache: LogprobCache | None = None,
    compute: Compute | None = None,
) -> PairPlan:
    """Lay out a training of ``policy`` on ``rows``.

    The reference is the policy as it is now (the incumbent, before its first step) or ``reference``;
    its log-probabilities come from ``cache`` where known. A pure function of its arguments: a resumed run
    calls it again with the policy loaded afresh.
    """
    groups = pair_groups(policy, rows, max_length)
    reference_P2 = torch.zeros(len(rows), 2)
    if objective.reference:
        with precision(compute):
            values = response_logprobs(reference or policy, groups, token_budget=settings.token_budget, cache=cache)
        reference_P2 = torch.stack([torch.stack([value.sum() for value in pair]) for pair in values])
    p_P = torch.tensor([row.p for row in rows])
    weight_P = torch.tensor([row.weight for row in rows])
    shape = layout(policy.model)
    plan = training_steps(
        groups,
        shape,
        batch_size=settings.batch_size,
        token_budget=settings.token_budget,
        epochs=settings.num_train_epochs,
        seed=settings.seed,
    )

    def build(chosen: tuple[int, ...]) -> PairBatch:
        batch = collate([groups[index] for index in chosen], shape).to(policy.device)
        rows_P = torch.tensor(chosen)
        terms = (values[rows_P].to(policy.device) for values in (reference_P2, p_P, weight_P))
        return PairBatch(batch, *terms)

    return PairPlan(LazySteps(plan, build), cuts(groups))


def pair_terms(model: Any, micro: PairBatch) -> PairTerms:
    """Sequence terms of a micro-batch, with gradient."""
    logprob_N = token_logprobs(model, micro.batch)
    policy_P2 = sequence_sums(logprob_N, micro.batch).view(-1, 2)
    length_P2 = torch.bincount(micro.batch.sequence_N, minlength=policy_P2.numel()).view(-1, 2)
    reference_P2 = micro.reference_P2.to(policy_P2.dtype)
    first, second = (Side(policy_P2[:, j], reference_P2[:, j], length_P2[:, j]) for j in (0, 1))
    return PairTerms(first, second, micro.p_P.to(policy_P2.dtype), micro.weight_P.to(policy_P2.dtype))


def pair_loss(
    objective: PairObjective,
    dials: PairDials,
    *,
    sft_weight: float = 0.0,
    sft: PairObjective | None = None,
    compute: Compute | None = None,
) -> Callable[[Any, PairBatch], Part]:
    """The loss function for ``optimise``: the objective's soft loss per pair, averaged over the step's pairs.

    ``sft_weight`` adds that much of the objective ``sft`` (RPO, Pang et al. 2024, arXiv:2404.19733).
    Metrics carry TRL's names; the chosen response of a pair is its likelier one (p ≥ ½).
    """

    def loss(model: Any, micro: PairBatch) -> Part:
        with precision(compute):
            terms = pair_terms(model, micro)
        losses_P = soft_loss(objective, terms, dials)
        if sft is not None and sft_weight:
            losses_P = losses_P + sft_weight * soft_loss(sft, terms, dials)
        return Part(losses_P.sum(), float(len(losses_P)), pair_metrics(terms, dials))

    return loss


@torch.no_grad()
def pair_metrics(terms: PairTerms, dials: PairDials) -> dict[str, float]:
    """Sums over the pairs of TRL's metrics; a tie (p = ½) counts half in ``rewards/accuracies``."""
    first, second = terms.first, terms.second
    preferred_P = terms.p_P >= 0.5

    def sides(of_first_P: torch.Tensor, of_second_P: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        chosen_P = torch.where(preferred_P, of_first_P, of_second_P)
        return chosen_P, of_first_P + of_second_P - chosen_P

    chosen_P, rejected_P = sides(dials.beta * first.ratio_P, dials.beta * second.ratio_P)
    chosen_logp_P, rejected_logp_P = sides(first.policy_P, second.policy_P)
    margin_P = chosen_P - rejected_P
    right_P = torch.where(terms.p_P == 0.5, 0.5, (margin_P > 0).to(margin_P.dtype))
    return {
        "rewards/chosen": float(chosen_P.sum()),
        "rewards/rejected": float(rejected_P.sum()),
        "rewards/margins": float(margin_P.sum()),
        "rewards/accuracies": float(right_P.sum()),
        "logps/chosen": float(chosen_logp_P.sum()),
        "logps/rejected": float(rejected_logp_P.sum()),
    }
