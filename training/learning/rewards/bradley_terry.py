"""Bradley-Terry, without and with ties, in torch: the losses of the deep reward model. Pure functions."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ..rows import PreferenceRow


@dataclass(frozen=True)
class Labels:
    """What n judgments say, each tensor [n]: soft label, whether it is a tie, and how much it counts."""

    p: torch.Tensor
    tie: torch.Tensor
    weight: torch.Tensor


def labels_of(rows: list[PreferenceRow], strength_margin: float, device: torch.device | None = None) -> Labels:
    """Labels of rows, on a device. A stated strength s counts 1 + strength_margin·(|s| - 1) times (as in HelpSteer2's
    scaled Bradley-Terry, arXiv:2410.01257); a stated strength of 0 is a tie, any other even label is doubt."""
    weight = [
        row.weight * (1.0 + strength_margin * max(abs(row.strength) - 1, 0) if row.strength else 1.0) for row in rows
    ]
    return Labels(
        p=torch.tensor([row.p for row in rows], device=device),
        tie=torch.tensor([row.strength == 0 for row in rows], device=device),
        weight=torch.tensor(weight, device=device),
    )


def davidson_loss(difference: torch.Tensor, log_tie: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Negative log-likelihood [n] of judgments, weights multiplied in.

    Davidson (1970): with d = r₁ - r₂ and ν = exp(log_tie), the first is preferred with probability
    exp(d/2)/Z, neither with ν/Z, the second with exp(-d/2)/Z, Z = exp(d/2) + ν + exp(-d/2). A soft label p
    that is no tie is p·ℓ(first) + (1-p)·ℓ(second). ν → 0 is Bradley-Terry.
    """
    half = 0.5 * difference
    scores = torch.stack([half, log_tie.expand_as(half), -half])  # [3, n]
    first, tied, second = F.log_softmax(scores, dim=0).unbind(0)
    told = torch.where(labels.tie, tied, labels.p * first + (1.0 - labels.p) * second)
    return -labels.weight * told


def rao_kupper_loss(difference: torch.Tensor, log_tie: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Negative log-likelihood [n] of judgments, weights multiplied in.

    Rao and Kupper (1967): the first is preferred with probability σ(d - η), the second with σ(-d - η), neither with
    what is left, (exp(2η) - 1)·σ(d - η)·σ(-d - η). Here η = exp(log_tie) > 0 is the smallest difference that people
    see, on the scale of the rewards. η → 0 is Bradley-Terry. A soft label that is no tie as in ``davidson_loss``.
    """
    eta = log_tie.exp()
    first, second = F.logsigmoid(difference - eta), F.logsigmoid(-difference - eta)
    tied = first + second + torch.log(torch.expm1(2.0 * eta))
    told = torch.where(labels.tie, tied, labels.p * first + (1.0 - labels.p) * second)
    return -labels.weight * told


def bradley_terry_loss(difference: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Negative log-likelihood [n] of judgments by Bradley and Terry (1952), weights multiplied in.

    A tie is a label of one half: p·ℓ(first) + (1-p)·ℓ(second), ℓ = -log σ(±d).
    """
    told = labels.p * F.logsigmoid(difference) + (1.0 - labels.p) * F.logsigmoid(-difference)
    return -labels.weight * told


def link_loss(link: str, difference: torch.Tensor, log_tie: torch.Tensor, labels: Labels) -> torch.Tensor:
    """The loss [n] of one of the three links, by name."""
    if link == "bradley_terry":
        return bradley_terry_loss(difference, labels)
    return (rao_kupper_loss if link == "rao_kupper" else davidson_loss)(difference, log_tie, labels)


def preferred(difference: torch.Tensor) -> torch.Tensor:
    """Probability [n] that the first is preferred, given that one of them is: σ(r₁ - r₂)."""
    return torch.sigmoid(difference)
