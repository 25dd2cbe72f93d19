"""Direct preference optimisation with a Bradley-Terry link, and what was changed about it in one place each."""

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .divergences import DIVERGENCE, gap, score
from .dynamic_beta import beta_of
from .terms import PairObjective, Side, offset


def logit(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """The difference of both implicit rewards, less the offset that a graded strength asks for: [P]."""
    return beta_of(chosen, rejected, dials) * gap(chosen, rejected, dials) - offset(chosen, rejected)


def sigmoid_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """DPO, −log σ(β·(ratio chosen − ratio rejected)): [P].

    Rafailov et al. 2023, arXiv:2305.18290, equation 7.
    """
    return -F.logsigmoid(logit(chosen, rejected, dials))


def sigmoid_norm_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """DPO on log-ratios per token: [P].

    Lambert et al. 2024, "Tülu 3", arXiv:2411.15124, equation 6.
    """
    gap_P = score(chosen, dials) / chosen.length_P - score(rejected, dials) / rejected.length_P
    return -F.logsigmoid(beta_of(chosen, rejected, dials) * gap_P - offset(chosen, rejected))


def hinge_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """max(0, 1 − β·gap): [P]; no gradient once the margin is won.

    Zhao et al. 2023, "SLiC-HF", arXiv:2305.10425, with DPO's log-ratios as in RSO, Liu et al. 2023,
    arXiv:2309.06657, equation 7 (β is its γ).
    """
    return torch.relu(1.0 - logit(chosen, rejected, dials))


def robust_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """An unbiased estimate of DPO's loss under labels flipped with probability ε = ``label_smoothing``: [P].

    ((1 − ε)·ℓ(w, l) − ε·ℓ(l, w)) / (1 − 2ε). Chowdhury et al. 2024, arXiv:2403.00409, equation 12.
    """
    flips = dials.label_smoothing
    right_P, wrong_P = sigmoid_loss(chosen, rejected, dials), sigmoid_loss(rejected, chosen, dials)
    return ((1.0 - flips) * right_P - flips * wrong_P) / (1.0 - 2.0 * flips)


def h_dpo_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log σ(β·(α·Δ log π − Δ log π_ref)) with α = ``entropy_alpha``: below 1 sharpens, 1 is DPO: [P].

    Omura et al. 2024, arXiv:2411.07595, equation 6.
    """
    policy_P = chosen.policy_P - rejected.policy_P
    reference_P = chosen.reference_P - rejected.reference_P
    return -F.logsigmoid(dials.beta * (dials.entropy_alpha * policy_P - reference_P))


LARGEST = 80.0  # its exponential is a number in fp32; the share of such a pair is 0


def discopop_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """A blend of the logistic and the exponential loss by σ(β·gap / τ): [P].

    Lu et al. 2024, arXiv:2406.08414, equation 5 (log-ratio modulated loss), τ = ``discopop_tau``. Not convex: with τ
    below (1 − ln 2)/3 = 0.102 its slope at the reference points the wrong way, so that a short training may follow it.
    """
    logit_P = dials.beta * gap(chosen, rejected, dials)
    share_P = torch.sigmoid(logit_P / dials.discopop_tau)
    return (1.0 - share_P) * -F.logsigmoid(logit_P) + share_P * torch.exp((-logit_P).clamp(max=LARGEST))


MARGINS = (*DIVERGENCE, "strength_offset", "dynamic_beta", "dynamic_beta_rate")
SIGMOID = PairObjective("sigmoid", sigmoid_loss, dials=MARGINS)
SIGMOID_NORM = PairObjective("sigmoid_norm", sigmoid_norm_loss, dials=MARGINS)
HINGE = PairObjective("hinge", hinge_loss, dials=MARGINS)
ROBUST = PairObjective("robust", robust_loss, dials=MARGINS, own_smoothing=True)
H_DPO = PairObjective("h_dpo", h_dpo_loss, dials=("entropy_alpha",))
DISCOPOP = PairObjective("discopop", discopop_loss, dials=(*DIVERGENCE, "discopop_tau"))
