"""What a preference objective is: a pure function of sequence terms, and what it needs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..recipes import ObjectiveDials


@dataclass(frozen=True)
class Side:
    """One response of each of P pairs: summed log-probabilities [P] in nats, and lengths [P] in tokens.

    ``reference_P`` is zero where an objective needs no reference. ``certainty_P`` is the policy's own weight of the
    response (WPO, without gradient) and ``guided_P`` its log-probabilities summed with a reward per token as weight
    (T-REG), None where nobody asked for it. ``offset_P`` is the reward by which it must be ahead of the other one (of
    the first response of a pair only; negative where it was found worse), None for none. ``margin_P`` is by how much a
    reward model finds it ahead (of the first response only, too).
    """

    policy_P: torch.Tensor
    reference_P: torch.Tensor
    length_P: torch.Tensor
    certainty_P: torch.Tensor | None = None
    offset_P: torch.Tensor | None = None
    guided_P: torch.Tensor | None = None
    margin_P: torch.Tensor | None = None

    @property
    def ratio_P(self) -> torch.Tensor:
        """log π(y|x) − log π_ref(y|x)."""
        return self.policy_P - self.reference_P

    @property
    def mean_P(self) -> torch.Tensor:
        """log π(y|x) per token."""
        return self.policy_P / self.length_P


@dataclass(frozen=True)
class PairTerms:
    """P pairs as an objective sees them.

    ``p_P`` is the probability that ``first`` is preferred, ``weight_P`` multiplies a pair's loss. ``tie_P`` is True
    where people said that neither is better; any other even label is doubt. None: nobody did.
    """

    first: Side
    second: Side
    p_P: torch.Tensor
    weight_P: torch.Tensor
    tie_P: torch.Tensor | None = None


PairLoss = Callable[[Side, Side, ObjectiveDials], torch.Tensor]


@dataclass(frozen=True)
class PairObjective:
    """A pair objective: ``loss(chosen, rejected, dials)`` gives [P], as if the label were certain.

    ``dials`` are those it reads besides the ones that all read. One with ``whole_batch`` sorts or normalises over
    a step's pairs, so it takes certain labels of weight 1 only. One with ``own_smoothing`` has ``label_smoothing``
    in its formula. ``tie_loss`` is of a stated tie, for a link that knows ties; any other takes one for p = ½. One
    with ``guided`` asks for ``Side.guided_P``.
    """

    key: str
    loss: PairLoss
    reference: bool = True
    dials: tuple[str, ...] = ()
    whole_batch: bool = False
    own_smoothing: bool = False
    tie_loss: PairLoss | None = None
    guided: bool = False


def offset(chosen: Side, rejected: Side) -> torch.Tensor | float:
    """By how much reward the chosen response must be ahead: [P], or 0 where no pair has an offset.

    Amini et al. 2024, "Direct Preference Optimization with an Offset", arXiv:2402.10571: its Δ.
    """
    if chosen.offset_P is not None:
        return chosen.offset_P
    return 0.0 if rejected.offset_P is None else -rejected.offset_P


def soft_loss(objective: PairObjective, terms: PairTerms, dials: ObjectiveDials) -> torch.Tensor:
    """Weighted losses [P] under soft labels: w · (p·ℓ(first, second) + (1 − p)·ℓ(second, first)); a link that knows
    ties has a loss of its own for those that were stated.

    ``label_smoothing`` ε moves every label towards the other side, p(1 − ε) + (1 − p)ε, which for certain
    labels and the sigmoid loss is conservative DPO (Mitchell 2023, ericmitchell.ai/cdpo.pdf).
    """
    if objective.whole_batch:
        return _whole_batch_loss(objective, terms, dials)
    smooth = 0.0 if objective.own_smoothing else dials.label_smoothing
    p_P = terms.p_P * (1.0 - smooth) + (1.0 - terms.p_P) * smooth
    forward_P = objective.loss(terms.first, terms.second, dials)
    backward_P = objective.loss(terms.second, terms.first, dials)
    told_P = p_P * forward_P + (1.0 - p_P) * backward_P
    if objective.tie_loss is not None and terms.tie_P is not None:
        told_P = torch.where(terms.tie_P, objective.tie_loss(terms.first, terms.second, dials), told_P)
    return terms.weight_P * certainty(terms) * told_P


def certainty(terms: PairTerms) -> torch.Tensor | float:
    """How likely the policy itself finds both responses: [P], the weight of WPO.

    Zhou et al. 2024, arXiv:2406.11827, equation 2.
    """
    if terms.first.certainty_P is None or terms.second.certainty_P is None:
        return 1.0
    return terms.first.certainty_P * terms.second.certainty_P


def _whole_batch_loss(objective: PairObjective, terms: PairTerms, dials: ObjectiveDials) -> torch.Tensor:
    """The losses [P] of certain labels, each pair turned so that its chosen response comes first."""
    chosen, rejected = turned(terms)
    smooth = 0.0 if objective.own_smoothing else dials.label_smoothing
    losses_P = objective.loss(chosen, rejected, dials)
    if smooth:
        losses_P = (1.0 - smooth) * losses_P + smooth * objective.loss(rejected, chosen, dials)
    return losses_P


def turned(terms: PairTerms) -> tuple[Side, Side]:
    """The likelier response of each pair, then the other one (the first where p = ½)."""
    preferred_P = terms.p_P >= 0.5

    def side(here: Side, there: Side) -> Side:
        names = ("policy_P", "reference_P", "length_P")
        return Side(*(torch.where(preferred_P, getattr(here, name), getattr(there, name)) for name in names))

    return side(terms.first, terms.second), side(terms.second, terms.first)
