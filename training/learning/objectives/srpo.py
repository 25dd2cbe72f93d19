"""SRPO: one language model learns to answer and to revise, by one regression on pairs.

Choi et al. 2024, "Self-Improving Robust Preference Optimization", arXiv:2406.01660. The reviser maximises
E p(y₂ ≻ y₁) − β·KL(π†‖π_ref) given a draft y₁, the policy minimises what is then left to improve plus β·KL(π‖π_ref).
The reviser's optimum is π†(y₂|y₁) = π_ref(y₂|y₁)·exp(p(y₂ ≻ y₁)/β)/Z(y₁), the policy's π(y₁) ∝ π_ref(y₁)/Z(y₁). With
l = log π/π_ref and l† = log π†/π_ref both say, for every pair of responses,

    p(y₂ ≻ y₁) − p(y₁ ≻ y₂) = β·[l(y₂) − l(y₁) + l†(y₂|y₁) − l†(y₁|y₂)]    (from both)
    p(y₂ ≻ y₁) − ½ = β·[l†(y₂|y₁) − l†(y₁|y₁)]                              (from the reviser's alone)

and the losses are the squared residuals with a label in place of p (the left sides are then ±1 and ±½).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..batches import Batch, collate, training_steps
from ..devices import Compute, precision
from ..logprobs import LogprobCache, layout, response_logprobs, sequence_sums, token_logprobs
from ..models import Policy
from ..optimise import Part
from ..recipes import ObjectiveDials, OptimSettings
from ..rows import PreferenceRow
from ..sampling.revise import revision_prompt
from ..text import Group, cuts
from .steps import LazySteps, PlannedTraining


@dataclass(frozen=True)
class Srpo:
    """The objective; it reads the six log-probabilities of a pair, so it mixes with nothing."""

    key: str = "srpo"

    @property
    def read(self) -> set[str]:
        """The dials that it reads."""
        return {"beta", "label_smoothing", "srpo_alpha"}


@dataclass(frozen=True)
class Ratios:
    """log π/π_ref of P pairs, in nats: ``plain_P2`` of each response, ``revised_P22`` of response k after draft j."""

    plain_P2: torch.Tensor
    revised_P22: torch.Tensor

    def turned(self) -> "Ratios":
        """The same pairs with the responses named the other way round."""
        return Ratios(self.plain_P2.flip(1), self.revised_P22.flip(1, 2))


def srpo_loss(ratios: Ratios, dials: ObjectiveDials) -> torch.Tensor:
    """(1 − α)·L + α·L†, had the first response of each pair been preferred: [P]. α is ``srpo_alpha``.

    L = (1 − β·[l(w) − l(l) + l†(w|l) − l†(l|w)])²,
    L† = (½ − β·[l†(w|l) − l†(l|l)])² + (½ − β·[l†(w|w) − l†(l|w)])².
    """
    won_P, lost_P = ratios.plain_P2.unbind(1)
    (kept_P, spoilt_P), (mended_P, repeated_P) = (pair.unbind(1) for pair in ratios.revised_P22.unbind(1))
    whole_P = (1.0 - dials.beta * (won_P - lost_P + mended_P - spoilt_P)).square()
    mend_P = (0.5 - dials.beta * (mended_P - repeated_P)).square()
    keep_P = (0.5 - dials.beta * (kept_P - spoilt_P)).square()
    return (1.0 - dials.srpo_alpha) * whole_P + dials.srpo_alpha * (mend_P + keep_P)


def srpo_losses(ratios: Ratios, p_P: torch.Tensor, weight_P: torch.Tensor, dials: ObjectiveDials) -> torch.Tensor:
    """Weighted losses [P] under soft labels: w · (p·ℓ(first, second) + (1 − p)·ℓ(second, first))."""
    smooth = dials.label_smoothing
    label_P = p_P * (1.0 - smooth) + (1.0 - p_P) * smooth
    return weight_P * (label_P * srpo_loss(ratios, dials) + (1.0 - label_P) * srpo_loss(ratios.turned(), dials))


@dataclass(frozen=True)
class SrpoBatch:
    """P pairs: ``plain`` holds both responses of each, ``revised`` both after the first, then both after the second."""

    plain: Batch
    revised: Batch
    reference_P6: torch.Tensor
    p_P: torch.Tensor
    weight_P: torch.Tensor


def srpo_plan(
    policy: Policy,
    rows: Sequence[PreferenceRow],
    settings: OptimSettings,
    *,
    max_length: int,
    reference: Policy,
    cache: LogprobCache | None = None,
    compute: Compute | None = None,
) -> PlannedTraining[SrpoBatch]:
    """Lay out a training of ``policy`` on pairs, each with two more groups in which a response is the draft."""
    units = [_unit(policy, row, max_length) for row in rows]
    flat = [group for unit in units for group in unit]
    with precision(compute):
        values = response_logprobs(reference, flat, token_budget=settings.token_budget, cache=cache)
    reference_P6 = torch.stack([one.sum() for pair in values for one in pair]).view(-1, 6)
    p_P = torch.tensor([row.p for row in rows])
    weight_P = torch.tensor([row.weight for row in rows])
    shape = layout(policy.model)
    plan = training_steps(
        [max(unit, key=lambda group: len(group.prompt)) for unit in units],
        shape,
        settings,
        token_budget=max(1, settings.token_budget // 3),  # a unit has three groups, none longer than this one
    )

    def build(chosen: tuple[int, ...]) -> SrpoBatch:
        plain = collate([units[index][0] for index in chosen], shape)
        revised = collate([group for index in chosen for group in units[index][1:]], shape)
        rows_P = torch.tensor(chosen)
        terms = (values[rows_P].to(policy.device) for values in (reference_P6, p_P, weight_P))
        return SrpoBatch(plain.to(policy.device), revised.to(policy.device), *terms)

    return PlannedTraining(LazySteps(plan, build), cuts(flat))


def _unit(policy: Policy, row: PreferenceRow, max_length: int) -> tuple[Group, Group, Group]:
    """Both responses to the prompt, to the first as a draft, and to the second as a draft."""
    prompts = [row.prompt, *(revision_prompt(row.prompt, draft) for draft in row.responses)]
    plain, first, second = (policy.text.group(prompt, row.responses, max_length=max_length) for prompt in prompts)
    return plain, first, second


def srpo_ratios(model: Any, micro: SrpoBatch) -> Ratios:
    """The log-ratios of a micro-batch, with gradient."""
    plain_P2, revised_P4 = (
        sequence_sums(token_logprobs(model, batch), batch).view(len(micro.p_P), -1)
        for batch in (micro.plain, micro.revised)
    )
    reference_P6 = micro.reference_P6.to(plain_P2.dtype)
    return Ratios(plain_P2 - reference_P6[:, :2], (revised_P4 - reference_P6[:, 2:]).view(-1, 2, 2))


def srpo_step(dials: ObjectiveDials, *, compute: Compute | None = None) -> Callable[[Any, SrpoBatch], Part]:
    """The loss function for ``optimise``, averaged over the step's pairs."""

    def loss(model: Any, micro: SrpoBatch) -> Part:
        with precision(compute):
            ratios = srpo_ratios(model, micro)
        p_P, weight_P = (values.to(ratios.plain_P2.dtype) for values in (micro.p_P, micro.weight_P))
        losses_P = srpo_losses(ratios, p_P, weight_P, dials)
        return Part(losses_P.sum(), float(len(losses_P)), _metrics(ratios, p_P, dials))

    return loss


@torch.no_grad()
def _metrics(ratios: Ratios, p_P: torch.Tensor, dials: ObjectiveDials) -> dict[str, float]:
    """TRL's margin of the plain responses, and by how much the reviser prefers to mend a draft."""
    sign_P = torch.sign(p_P - 0.5)
    margin_P = dials.beta * sign_P * (ratios.plain_P2[:, 0] - ratios.plain_P2[:, 1])
    change_P2 = ratios.revised_P22[:, :, 0] - ratios.revised_P22[:, :, 1]
    return {
        "rewards/margins": float(margin_P.sum()),
        "rewards/accuracies": float(torch.where(sign_P == 0, 0.5, (margin_P > 0).to(margin_P.dtype)).sum()),
        "revisions/margins": float((dials.beta * sign_P * change_P2.mean(1)).sum()),
    }


SRPO = Srpo()
