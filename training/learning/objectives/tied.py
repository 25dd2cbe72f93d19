"""DPO with a link that knows ties: a third outcome beside either response's being preferred.

Chen et al. 2024, "On Extending Direct Preference Optimization to Accommodate Ties", arXiv:2409.17431. Both links are
set by ``tie_probability``, the share of ties between responses of equal reward, instead of the papers' ν and κ, so that
the dial means the same in each; as it goes to 0 both are DPO. A tie that people stated pulls both rewards together;
doubt (any other even label) is half a preference each way.
"""

import math

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .divergences import DIVERGENCE
from .dpo import logit
from .terms import PairObjective, Side


def _davidson(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """Log-probabilities of chosen, tie and rejected: [3, P]; exp(d/2), ν and exp(−d/2) over their sum.

    Davidson 1970; at d = 0 a tie has probability ν/(2 + ν), so ν = 2t/(1 − t).
    """
    half_P = 0.5 * logit(chosen, rejected, dials)
    log_tie = math.log(2.0 * dials.tie_probability) - math.log1p(-dials.tie_probability)
    return F.log_softmax(torch.stack([half_P, torch.full_like(half_P, log_tie), -half_P]), dim=0)


def davidson_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log P(chosen preferred) under Davidson's link: [P]."""
    return -_davidson(chosen, rejected, dials)[0]


def davidson_tie_loss(first: Side, second: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log P(tie) under Davidson's link: [P]."""
    return -_davidson(first, second, dials)[1]


def _threshold(dials: ObjectiveDials) -> float:
    """θ = log κ: a difference of rewards below it may go unnoticed. At d = 0 a tie has tanh(θ/2)."""
    return 2.0 * math.atanh(dials.tie_probability)


def rao_kupper_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log σ(d − θ): [P]. Rao and Kupper 1967, with θ = log κ."""
    return -F.logsigmoid(logit(chosen, rejected, dials) - _threshold(dials))


def rao_kupper_tie_loss(first: Side, second: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log((κ² − 1)·σ(d − θ)·σ(−d − θ)): [P], what both preferences leave over."""
    logit_P, threshold = logit(first, second, dials), _threshold(dials)
    return (
        -math.log(math.expm1(2.0 * threshold)) - F.logsigmoid(logit_P - threshold) - F.logsigmoid(-logit_P - threshold)
    )


DIALS = (*DIVERGENCE, "strength_offset", "tie_probability")
DAVIDSON_DPO = PairObjective("davidson_dpo", davidson_loss, dials=DIALS, tie_loss=davidson_tie_loss)
RAO_KUPPER_DPO = PairObjective("rao_kupper_dpo", rao_kupper_loss, dials=DIALS, tie_loss=rao_kupper_tie_loss)
