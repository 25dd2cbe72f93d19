"""Identity preference optimisation: a squared distance to a margin instead of a link."""

import torch

from ..recipes import ObjectiveDials
from .divergences import DIVERGENCE, score
from .terms import PairObjective, Side


def ipo_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """IPO, (h − 1/(2β))² with h the difference of log-ratios per token: [P].

    Azar et al. 2023, arXiv:2310.12036, equation 17 (β is the paper's τ). The mean over tokens instead of the
    sum follows TRL, which had it confirmed by the authors.
    """
    gap_P = score(chosen, dials) / chosen.length_P - score(rejected, dials) / rejected.length_P
    return (gap_P - 1.0 / (2.0 * dials.beta)) ** 2


IPO = PairObjective("ipo", ipo_loss, dials=DIVERGENCE)
