"""Objectives of single responses that were found good or bad; no pair is needed, only which it was."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .terms import Side


@dataclass(frozen=True)
class UnpairedTerms:
    """All S responses of a step.

    ``good_S`` is the probability that each was found good, ``weight_S`` multiplies its loss. ``kl`` is how far the
    policy is from the reference (0-d, nats, at least 0, without gradient), 0 where the objective does not ask.
    """

    side: Side
    good_S: torch.Tensor
    weight_S: torch.Tensor
    kl: torch.Tensor


UnpairedLoss = Callable[[UnpairedTerms, ObjectiveDials], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class UnpairedObjective:
    """``loss(terms, dials)`` gives the losses of all responses had they been good, and had they been bad: [S], [S].

    One with ``kl`` gets the policy's divergence, estimated on responses to other prompts, which costs as many
    sequences again. A step is never cut: what they measure over a batch is measured over the step.
    """

    key: str
    loss: UnpairedLoss
    kl: bool = False

    @property
    def read(self) -> set[str]:
        """The dials that it reads."""
        return {"beta", "label_smoothing", "desirable_weight", "undesirable_weight"}


def kto_loss(terms: UnpairedTerms, dials: ObjectiveDials) -> tuple[torch.Tensor, torch.Tensor]:
    """1 − σ(β·(ratio − KL)) for the good, 1 − σ(β·(KL − ratio)) for the bad.

    Ethayarajh et al. 2024, arXiv:2402.01306, equation 7; the weights are its λ_D and λ_U.
    """
    gain_S = dials.beta * (terms.side.ratio_P - terms.kl)
    return torch.sigmoid(-gain_S), torch.sigmoid(gain_S)


def apo_zero_unpaired_loss(terms: UnpairedTerms, dials: ObjectiveDials) -> tuple[torch.Tensor, torch.Tensor]:
    """1 − σ(β·ratio) for the good, σ(β·ratio) for the bad.

    D'Oosterlinck et al. 2024, arXiv:2408.06266, equation 7, one response at a time.
    """
    gain_S = dials.beta * terms.side.ratio_P
    return torch.sigmoid(-gain_S), torch.sigmoid(gain_S)


def bco_loss(terms: UnpairedTerms, dials: ObjectiveDials) -> tuple[torch.Tensor, torch.Tensor]:
    """−log σ(β·ratio − δ) for the good, −log σ(δ − β·ratio) for the bad; δ is halfway between both kinds' means.

    Jung et al. 2024, arXiv:2404.04656, equation 9. The paper's δ runs over the training; here it is the step's, so
    that a step is a function of its responses alone and a resumed run takes the same ones.
    """
    reward_S = dials.beta * terms.side.ratio_P
    shift = 0.5 * sum(_mean(reward_S.detach(), share_S) for share_S in (terms.good_S, 1.0 - terms.good_S))
    return -F.logsigmoid(reward_S - shift), -F.logsigmoid(shift - reward_S)


def _mean(values_S: torch.Tensor, share_S: torch.Tensor) -> torch.Tensor:
    """The mean of ``values_S`` weighted by ``share_S``; 0 where nothing has a share."""
    return (values_S * share_S).sum() / share_S.sum().clamp(min=1e-9)


def unpaired_losses(objective: UnpairedObjective, terms: UnpairedTerms, dials: ObjectiveDials) -> torch.Tensor:
    """Weighted losses [S] under soft labels: w · (g·λ_D·ℓ_good + (1 − g)·λ_U·ℓ_bad)."""
    smooth = dials.label_smoothing
    good_S = terms.good_S * (1.0 - smooth) + (1.0 - terms.good_S) * smooth
    if_good_S, if_bad_S = objective.loss(terms, dials)
    up_S = dials.desirable_weight * good_S * if_good_S
    return terms.weight_S * (up_S + dials.undesirable_weight * (1.0 - good_S) * if_bad_S)


KTO = UnpairedObjective("kto", kto_loss, kl=True)
APO_ZERO_UNPAIRED = UnpairedObjective("apo_zero_unpaired", apo_zero_unpaired_loss)
BCO = UnpairedObjective("bco", bco_loss)
