"""Supervised fine-tuning: the likelihood of responses, as an objective of its own and as a pair objective."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..batches import Batch, Layout, collate, training_steps
from ..devices import Compute, precision
from ..logprobs import layout, token_logprobs
from ..models import Policy
from ..optimise import Part
from ..recipes import ObjectiveDials, OptimSettings
from ..text import Group
from .steps import LazySteps
from .terms import PairObjective, Side


def chosen_nll(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log π(chosen|x) per token: [P]. Needs no reference; the rejected response is ignored."""
    return -chosen.policy_P / chosen.length_P


SFT = PairObjective("sft", chosen_nll, reference=False)


@dataclass(frozen=True)
class SftBatch:
    """Groups whose every response is to be learned, with a weight per response [S]."""

    batch: Batch
    weight_S: torch.Tensor


def sft_steps(
    policy: Policy,
    groups: Sequence[Group],
    settings: OptimSettings,
    *,
    weights: Sequence[Sequence[float]] | None = None,
) -> LazySteps[SftBatch]:
    """The plan of a fine-tuning on ``groups``; ``weights`` holds one number per group and response (default 1)."""
    shape = layout(policy.model)
    plan = training_steps(groups, shape, settings)

    def build(chosen: tuple[int, ...]) -> SftBatch:
        return _sft_batch([groups[index] for index in chosen], shape, weights and [weights[i] for i in chosen], policy)

    return LazySteps(plan, build)


def _sft_batch(
    groups: Sequence[Group], shape: Layout, weights: Sequence[Sequence[float]] | None, policy: Policy
) -> SftBatch:
    batch = collate(groups, shape)
    values = [1.0 if weights is None else weights[group][response] for group, response in batch.sequences]
    return SftBatch(batch.to(policy.device), torch.tensor(values, device=policy.device))


def sft_loss(compute: Compute | None = None) -> Callable[[Any, SftBatch], Part]:
    """The loss function for ``optimise``: weighted −log π per response token, averaged over the step's tokens."""

    def loss(model: Any, micro: SftBatch) -> Part:
        with precision(compute):
            logprob_N = token_logprobs(model, micro.batch)
        weight_N = micro.weight_S[micro.batch.sequence_N]
        return Part(-(weight_N * logprob_N).sum(), float(len(logprob_N)))

    return loss
