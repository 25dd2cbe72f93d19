"""Preference training: rows to groups, reference terms, a plan of batches, and the loss for ``optimise``."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from ..batches import UNCUT, Batch, collate, training_steps
from ..devices import Compute, precision
from ..logprobs import LogprobCache, layout, response_logprobs, sequence_sums, token_logprobs, token_statistics
from ..models import Policy
from ..optimise import Part
from ..recipes import ObjectiveDials, OptimSettings
from ..rows import PreferenceRow
from ..text import Group, cuts
from .dynamic_beta import reward_margin
from .mixture import Mixture
from .steps import LazySteps, PlannedTraining
from .t_reg import token_rewards
from .terms import PairTerms, Side, turned


class PairNeeds(Protocol):
    """What a layout of pairs asks the objective that they are laid out for."""

    @property
    def reference(self) -> bool:
        """Does it compare with a reference?"""

    @property
    def whole_batch(self) -> bool:
        """Does it look at all pairs of a step at once?"""

    @property
    def guided(self) -> bool:
        """Does it want a reward for every token?"""

    def refuse_unfit(self, rows: Sequence[PreferenceRow]) -> None:
        """Raise ValueError in words when these rows cannot be learned from so."""


@dataclass(frozen=True)
class PairBatch:
    """P pairs laid out: sequences 2i and 2i + 1 of ``batch`` are the responses of pair i.

    ``guide_N`` is a reward for every predicted token, None where no objective asks for one.
    """

    batch: Batch
    reference_P2: torch.Tensor
    p_P: torch.Tensor
    weight_P: torch.Tensor
    tie_P: torch.Tensor
    offset_P: torch.Tensor | None = None
    guide_N: torch.Tensor | None = None
    margin_P: torch.Tensor | None = None


def pair_groups(policy: Policy, rows: Sequence[PreferenceRow], max_length: int) -> list[Group]:
    """Each row as a group of two responses, in order."""
    return [policy.text.group(row.prompt, row.responses, max_length=max_length) for row in rows]


def pair_plan(
    policy: Policy,
    rows: Sequence[PreferenceRow],
    settings: OptimSettings,
    *,
    max_length: int,
    objective: PairNeeds,
    dials: ObjectiveDials | None = None,
    reference: Policy | None = None,
    cache: LogprobCache | None = None,
    compute: Compute | None = None,
) -> PlannedTraining[PairBatch]:
    """Lay out a training of ``policy`` on ``rows``.

    The reference is the policy as it is now (the incumbent, before its first step) or ``reference``;
    its log-probabilities come from ``cache`` where known. One that moves (``sync_ref_model``) is read in the steps
    instead. An objective that looks at a whole step gets it uncut,
    whatever the budget of tokens. A pure function of its arguments: a resumed run
    calls it again with the policy loaded afresh.
    Raises ValueError where the rows do not fit the objective.
    """
    objective.refuse_unfit(rows)
    asked, fixed = dials or ObjectiveDials(), reference or policy
    groups = pair_groups(policy, rows, max_length)
    reference_P2 = torch.zeros(len(rows), 2)
    if objective.reference and not asked.sync_ref_model:
        with precision(compute):
            values = response_logprobs(fixed, groups, token_budget=settings.token_budget, cache=cache)
        reference_P2 = torch.stack([torch.stack(_shortened(pair, asked.ld_alpha)) for pair in values])
    guides: list[list[torch.Tensor]] = []
    if objective.guided:
        with precision(compute):
            guides = token_rewards(fixed, rows, groups, token_budget=settings.token_budget, cache=cache)
    p_P = torch.tensor([row.p for row in rows])
    weight_P = torch.tensor([row.weight * strength_factor(row, asked) for row in rows])
    tie_P = torch.tensor([row.strength == 0 for row in rows])
    offset_P = torch.tensor([strength_margin(row, asked) for row in rows]) if asked.strength_offset else None
    margin_P = torch.tensor([reward_margin(row) for row in rows]) if asked.dynamic_beta else None
    shape = layout(policy.model)
    plan = training_steps(
        groups,
        shape,
        settings,
        token_budget=UNCUT if objective.whole_batch else None,
    )

    def build(chosen: tuple[int, ...]) -> PairBatch:
        batch = collate([groups[index] for index in chosen], shape).to(policy.device)
        rows_P = torch.tensor(chosen)
        terms = [values[rows_P].to(policy.device) for values in (reference_P2, p_P, weight_P, tie_P)]
        ahead_P = None if offset_P is None else offset_P[rows_P].to(policy.device)
        guide = [guides[chosen[place]][response] for place, response in batch.sequences] if guides else []
        guide_N = torch.cat(guide).to(policy.device) if guide else None
        by_P = None if margin_P is None else margin_P[rows_P].to(policy.device)
        return PairBatch(batch, terms[0], terms[1], terms[2], terms[3], ahead_P, guide_N, by_P)

    return PlannedTraining(LazySteps(plan, build), cuts(groups))


def strength_factor(row: PreferenceRow, dials: ObjectiveDials) -> float:
    """How many times a row counts for its stated strength s: 1 + ``strength_weight``·(|s| − 1), 1 where none is.

    Wang et al. 2024, "HelpSteer2-Preference", arXiv:2410.01257, scaled Bradley-Terry, with a dial for the slope.
    """
    return 1.0 + dials.strength_weight * max(abs(row.strength or 0) - 1, 0)


def strength_margin(row: PreferenceRow, dials: ObjectiveDials) -> float:
    """The reward by which the first response must be ahead: ±``strength_offset``·log |s|, 0 where none was stated.

    Amini et al. 2024, "Direct Preference Optimization with an Offset", arXiv:2402.10571: its α·f(difference of
    scores) with f = log and the stated strength, 1 to 3, as the difference.
    """
    strength = row.strength or 0
    return dials.strength_offset * math.copysign(math.log(abs(strength)), strength) if strength else 0.0


def _shortened(pair: Sequence[torch.Tensor], tail: float) -> list[torch.Tensor]:
    """Both responses' sums, in which what one has beyond the other's length counts ``tail``."""
    shared = min(map(len, pair))
    return [values[:shared].sum() + tail * values[shared:].sum() for values in pair]


def pair_terms(model: Any, micro: PairBatch, dials: ObjectiveDials | None = None) -> PairTerms:
    """Sequence terms of a micro-batch, with gradient.

    With ``ld_alpha`` below 1 the tokens that one response has beyond the other's length count that much (LD-DPO, Liu
    et al. 2024, arXiv:2409.06411).
    """
    batch, asked = micro.batch, dials or ObjectiveDials()
    length_P2 = torch.bincount(batch.sequence_N, minlength=len(batch.sequences)).view(-1, 2)
    certainty_P2: tuple[torch.Tensor | None, ...] = (None, None)
    if asked.use_weighting:
        logprob_N, log_sum_sq_N, _ = token_statistics(model, batch)
        aligned_S = sequence_sums((logprob_N - log_sum_sq_N).detach(), batch)
        certainty_P2 = (aligned_S / length_P2.flatten()).exp().view(-1, 2).unbind(1)
    else:
        logprob_N = token_logprobs(model, batch)
    if asked.ld_alpha < 1.0:
        logprob_N = logprob_N * _tail_weights(length_P2, asked.ld_alpha)
    guided_P2: tuple[torch.Tensor | None, ...] = (None, None)
    if micro.guide_N is not None:
        guided_S = sequence_sums(micro.guide_N.to(logprob_N.dtype) * logprob_N, batch)
        guided_P2 = guided_S.view(-1, 2).unbind(1)
    policy_P2 = sequence_sums(logprob_N, batch).view(-1, 2)
    reference_P2 = micro.reference_P2.to(policy_P2.dtype)
    offset_P2 = (None if micro.offset_P is None else micro.offset_P.to(policy_P2.dtype), None)
    first, second = (
        Side(policy_P2[:, j], reference_P2[:, j], length_P2[:, j], certainty_P2[j], offset_P2[j], guided_P2[j])
        for j in (0, 1)
    )
    if micro.margin_P is not None:
        first = replace(first, margin_P=micro.margin_P.to(policy_P2.dtype))
    p_P, weight_P = (values.to(policy_P2.dtype) for values in (micro.p_P, micro.weight_P))
    return PairTerms(first, second, p_P, weight_P, micro.tie_P)


def _tail_weights(length_P2: torch.Tensor, tail: float) -> torch.Tensor:
    """1 for each token [N] within the shorter length of its pair, ``tail`` beyond it."""
    length_S = length_P2.flatten()
    shared_S = length_P2.min(dim=1, keepdim=True).values.expand(-1, 2).flatten()
    start_S = length_S.cumsum(0) - length_S
    place_N = torch.arange(int(length_S.sum()), device=length_S.device) - start_S.repeat_interleave(length_S)
    return torch.where(place_N < shared_S.repeat_interleave(length_S), 1.0, tail)


@torch.no_grad()
def with_reference(reference: Any, micro: PairBatch, dials: ObjectiveDials) -> PairBatch:
    """The same pairs with the log-probabilities of a reference model as it is now."""
    terms = pair_terms(reference, micro, replace(dials, use_weighting=False))
    return replace(micro, reference_P2=torch.stack([terms.first.policy_P, terms.second.policy_P], dim=1))


def pair_loss(
    objective: Mixture, dials: ObjectiveDials, *, compute: Compute | None = None, moving: Any = None
) -> Callable[[Any, PairBatch], Part]:
    """The loss function for ``optimise``: the objective's soft loss per pair, averaged over the step's pairs.

    ``moving`` is a reference model that changes during the training and is read in every step. Metrics carry TRL's
    names; the chosen response of a pair is its likelier one (p ≥ ½).
    """

    def loss(model: Any, micro: PairBatch) -> Part:
        with precision(compute):
            known = micro if moving is None else with_reference(moving, micro, dials)
            terms = pair_terms(model, known, dials)
        losses_P = objective.losses(terms, dials)
        return Part(losses_P.sum(), float(len(losses_P)), pair_metrics(terms, dials))

    return loss


@torch.no_grad()
def pair_metrics(terms: PairTerms, dials: ObjectiveDials) -> dict[str, float]:
    """Sums over the pairs of TRL's metrics; a tie (p = ½) counts half in ``rewards/accuracies``."""
    chosen, rejected = turned(terms)
    chosen_P, rejected_P = dials.beta * chosen.ratio_P, dials.beta * rejected.ratio_P
    margin_P = chosen_P - rejected_P
    right_P = torch.where(terms.p_P == 0.5, 0.5, (margin_P > 0).to(margin_P.dtype))
    return {
        "rewards/chosen": float(chosen_P.sum()),
        "rewards/rejected": float(rejected_P.sum()),
        "rewards/margins": float(margin_P.sum()),
        "rewards/accuracies": float(right_P.sum()),
        "logps/chosen": float(chosen.policy_P.sum()),
        "logps/rejected": float(rejected.policy_P.sum()),
    }
