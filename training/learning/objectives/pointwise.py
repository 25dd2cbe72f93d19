"""Pair objectives that push each response by itself, the chosen one up and the rejected one down."""

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .terms import PairObjective, Side


def bco_pair_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """A binary classifier of single responses, without the reward shift: [P].

    Jung et al. 2024, arXiv:2404.04656, equation 8 with δ = 0, as TRL has it for pairs.
    """
    return -F.logsigmoid(dials.beta * chosen.ratio_P) - F.logsigmoid(-dials.beta * rejected.ratio_P)


def nca_pair_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """Noise contrastive alignment of a pair, which keeps the chosen likelihood from falling: [P].

    Chen et al. 2024, arXiv:2402.05369, equation 13 with K = 2 and certain labels.
    """
    up_P, down_P = dials.beta * chosen.ratio_P, dials.beta * rejected.ratio_P
    return -F.logsigmoid(up_P) - 0.5 * F.logsigmoid(-up_P) - 0.5 * F.logsigmoid(-down_P)


def sppo_hard_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """Squared distances of the log-ratios to ±1/(2β): [P].

    Wu et al. 2024, arXiv:2405.00675, equation 4.7 with P = 1 for the winner and 0 for the loser.
    """
    aim = 0.5 / dials.beta
    return (chosen.ratio_P - aim) ** 2 + (rejected.ratio_P + aim) ** 2


def apo_zero_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """Chosen up, rejected down: for chosen responses that are better than the policy's own: [P].

    D'Oosterlinck et al. 2024, arXiv:2408.06266, equation 7.
    """
    return torch.sigmoid(-dials.beta * chosen.ratio_P) + torch.sigmoid(dials.beta * rejected.ratio_P)


def apo_down_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """Both down, the rejected one more: for chosen responses that are worse than the policy's own: [P].

    D'Oosterlinck et al. 2024, arXiv:2408.06266, equation 8.
    """
    gap_P = chosen.ratio_P - rejected.ratio_P
    return torch.sigmoid(dials.beta * chosen.ratio_P) + torch.sigmoid(-dials.beta * gap_P)


BCO_PAIR = PairObjective("bco_pair", bco_pair_loss)
NCA_PAIR = PairObjective("nca_pair", nca_pair_loss)
SPPO_HARD = PairObjective("sppo_hard", sppo_hard_loss)
APO_ZERO = PairObjective("apo_zero", apo_zero_loss)
APO_DOWN = PairObjective("apo_down", apo_down_loss)
