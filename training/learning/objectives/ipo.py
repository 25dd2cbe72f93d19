"""Identity preference optimisation: a squared distance to a margin instead of a link."""

import torch

from .terms import PairDials, PairObjective, Side


def ipo_loss(chosen: Side, rejected: Side, dials: PairDials) -> torch.Tensor:
    """IPO, (h − 1/(2β))² with h the difference of log-ratios per token: [P].

    Azar et al. 2023, arXiv:2310.12036, equation 17 (β is the paper's τ). The mean over tokens instead of the
    sum follows TRL, which had it confirmed by the authors.
    """
    gap_P = chosen.ratio_P / chosen.length_P - rejected.ratio_P / rejected.length_P
    return (gap_P - 1.0 / (2.0 * dials.beta)) ** 2


IPO = PairObjective("ipo", ipo_loss)
