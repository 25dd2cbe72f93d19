"""What a preference objective is: a pure function of sequence terms, and what it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from ..recipes import Dials

Needs = Literal["pair", "list", "unpaired", "scored", "steps"]


@dataclass(frozen=True)
class PairDials(Dials):
    """The dials of the pair objectives, named as in TRL."""

    beta: float = 0.1
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class Side:
    """One response of each of P pairs: summed log-probabilities [P] in nats, and lengths [P] in tokens.

    ``reference_P`` is zero where an objective needs no reference.
    """

    policy_P: torch.Tensor
    reference_P: torch.Tensor
    length_P: torch.Tensor

    @property
    def ratio_P(self) -> torch.Tensor:
        """log π(y|x) − log π_ref(y|x)."""
        return self.policy_P - self.reference_P


@dataclass(frozen=True)
class PairTerms:
    """P pairs as an objective sees them.

    ``p_P`` is the probability that ``first`` is preferred, ``weight_P`` multiplies a pair's loss.
    """

    first: Side
    second: Side
    p_P: torch.Tensor
    weight_P: torch.Tensor


PairLoss = Callable[[Side, Side, PairDials], torch.Tensor]


@dataclass(frozen=True)
class PairObjective:
    """A pair objective: ``loss(chosen, rejected, dials)`` gives [P], as if the label were certain."""

    key: str
    loss: PairLoss
    reference: bool = True
    needs: Needs = "pair"


def soft_loss(objective: PairObjective, terms: PairTerms, dials: PairDials) -> torch.Tensor:
    """Weighted losses [P] under soft labels: w · (p·ℓ(first, second) + (1 − p)·ℓ(second, first)).

    ``label_smoothing`` ε moves every label towards the other side, p(1 − ε) + (1 − p)ε, which for certain
    labels and the sigmoid loss is conservative DPO (Mitchell 2023, ericmitchell.ai/cdpo.pdf).
    """
    smooth = dials.label_smoothing
    p_P = terms.p_P * (1.0 - smooth) + (1.0 - terms.p_P) * smooth
    forward_P = objective.loss(terms.first, terms.second, dials)
    backward_P = objective.loss(terms.second, terms.first, dials)
    return terms.weight_P * (p_P * forward_P + (1.0 - p_P) * backward_P)
