"""Rationales: the policy also learns to say why one response is better, beside any pair objective.

Just et al. 2024, "Data-Centric Human Preference Optimization with Rationales", arXiv:2407.14477, equation 4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional as F

from ..batches import Batch, collate
from ..devices import Compute, precision
from ..logprobs import LogprobCache, layout, sequence_sums, token_logprobs
from ..models import Policy
from ..optimise import Part
from ..recipes import ObjectiveDials, OptimSettings
from ..rows import Message, PreferenceRow
from ..text import Group
from .mixture import Mixture
from .pairs import PairBatch, pair_loss, pair_plan
from .steps import LazySteps, PlannedTraining

KEY = "rationale"


@dataclass(frozen=True)
class Rationale:
    """A mixture of pair objectives with the rationales' likelihood added."""

    pairs: Mixture
    key: str = KEY

    @property
    def read(self) -> set[str]:
        """The dials that it reads."""
        return {*self.pairs.read, "base_loss_type", "rationale_gamma", "rationale_form"}

    @property
    def whole_batch(self) -> bool:
        """Does a part of it look at all pairs of a step at once?"""
        return self.pairs.whole_batch

    def refuse_unfit(self, rows: Sequence[PreferenceRow]) -> None:
        """Raise ValueError in words when these rows cannot be learned from so, or none of them says why."""
        self.pairs.refuse_unfit(rows)
        if not any(row.rationale.strip() for row in rows):
            raise ValueError(
                f"{self.key} learns from reasons, and no judgment of the snapshot came with one: ask people to say "
                "why, or choose another loss_type"
            )


@dataclass(frozen=True)
class RationaleBatch:
    """P pairs, and the rationales of those that have one: sequence i of ``batch`` explains a pair of weight i."""

    pairs: PairBatch
    batch: Batch | None
    weight_S: torch.Tensor


def rationale_loss(logprob_S: torch.Tensor, dials: ObjectiveDials) -> torch.Tensor:
    """−γ·log π(rationale | x, y_w, y_l), or −log σ(γ·log π): [S]; γ is ``rationale_gamma``, log π a sum over tokens.

    The first is the paper's; the second (``rationale_form`` "logistic") is that of its reference code. As log π ≤ 0,
    the second is at least log 2, and its slope in log π lies between γ/2 (a certain rationale) and γ (a surprising
    one): it is the first with up to half of its weight taken from what is known already.
    """
    scaled_S = dials.rationale_gamma * logprob_S
    return -F.logsigmoid(scaled_S) if dials.rationale_form == "logistic" else -scaled_S


def question(row: PreferenceRow) -> list[Message]:
    """The conversation that a rationale answers: the likelier response as an answer, the other one quoted, why?"""
    better, worse = row.responses if row.p >= 0.5 else row.responses[::-1]
    quoted = "\n\n".join(message["content"] for message in worse)
    ask = "How do the two compare?" if row.p == 0.5 else "Why is the first answer better?"
    turn = list(better) or [Message(role="assistant", content="")]
    return [*row.prompt, *turn, Message(role="user", content=f"Another answer was:\n\n{quoted}\n\n{ask}")]


def _explained(policy: Policy, row: PreferenceRow, max_length: int) -> Group | None:
    if not row.rationale.strip():
        return None
    said = [Message(role="assistant", content=row.rationale.strip())]
    return policy.text.group(question(row), [said], max_length=max_length)


def rationale_plan(
    policy: Policy,
    rows: Sequence[PreferenceRow],
    settings: OptimSettings,
    *,
    max_length: int,
    objective: Rationale,
    dials: ObjectiveDials,
    reference: Policy,
    cache: LogprobCache | None = None,
    compute: Compute | None = None,
) -> PlannedTraining[RationaleBatch]:
    """The plan of the pairs alone, each micro-batch with the rationales of its pairs. Rows without one add none."""
    # What explains a pair is longer than the pair: a third of the budget is left to the pairs.
    leaner = replace(settings, token_budget=max(1, settings.token_budget // 3))
    planned = pair_plan(
        policy,
        rows,
        leaner,
        max_length=max_length,
        objective=objective.pairs,
        dials=dials,
        reference=reference,
        cache=cache,
        compute=compute,
    )
    explained = [_explained(policy, row, max_length) for row in rows]
    shape = layout(policy.model)

    def build(chosen: tuple[int, ...]) -> RationaleBatch:
        pairs = planned.steps.build(chosen)
        groups = [group for index in chosen if (group := explained[index]) is not None]
        weights = [rows[index].weight for index in chosen if explained[index] is not None]
        batch = collate(groups, shape).to(policy.device) if groups else None
        return RationaleBatch(pairs, batch, torch.tensor(weights, device=policy.device))

    return PlannedTraining(LazySteps(planned.steps.plan, build), planned.cut)


def rationale_step(
    objective: Rationale, dials: ObjectiveDials, *, compute: Compute | None = None, moving: Any = None
) -> Callable[[Any, RationaleBatch], Part]:
    """The loss function for ``optimise``: the pairs' losses and the weighted rationales', per pair of the step."""
    of_pairs = pair_loss(objective.pairs, dials, compute=compute, moving=moving)

    def loss(model: Any, micro: RationaleBatch) -> Part:
        part = of_pairs(model, micro.pairs)
        if micro.batch is None:
            return part
        with precision(compute):
            logprob_S = sequence_sums(token_logprobs(model, micro.batch), micro.batch)
        added = (micro.weight_S.to(logprob_S.dtype) * rationale_loss(logprob_S, dials)).sum()
        said = {"logps/rationales": float(logprob_S.detach().sum())}
        return Part(part.loss + added, part.count, {**part.metrics, **said})

    return loss
