"""f-divergence regularisation: which function of the density ratio an objective compares."""

import math

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .terms import Side

LARGEST = 80.0  # exp of more overflows in fp32


def score(side: Side, dials: ObjectiveDials) -> torch.Tensor:
    """f'(π/π_ref) of each response, up to a constant: [P]. For the reverse KL it is the log-ratio.

    Wang et al. 2023, "Beyond Reverse KL", arXiv:2309.16240, table 1.
    """
    ratio_P = side.ratio_P
    if dials.f_divergence_type == "forward_kl":
        return 1.0 - torch.exp((-ratio_P).clamp(max=LARGEST))
    if dials.f_divergence_type == "js_divergence":
        return math.log(2.0) + F.logsigmoid(ratio_P)
    if dials.f_divergence_type == "alpha_divergence" and abs(dials.f_alpha_divergence_coef - 1.0) > 1e-6:
        power = dials.f_alpha_divergence_coef - 1.0
        return torch.expm1((power * ratio_P).clamp(max=LARGEST)) / power
    return ratio_P


def gap(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """The difference of both sides' scores: [P]."""
    return score(chosen, dials) - score(rejected, dials)


DIVERGENCE = ("f_divergence_type", "f_alpha_divergence_coef")  # the dials that ``score`` reads
