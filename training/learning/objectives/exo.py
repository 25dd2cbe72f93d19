"""Efficient exact optimisation: the reverse KL between the policy's and the label's distribution over a pair."""

import math

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .divergences import DIVERGENCE, gap
from .terms import PairObjective, Side

LEAST = 1e-3  # an uncertainty of 0 would make the loss infinite; TRL takes this value then


def exo_pair_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """KL(softmax of β·log-ratios ‖ (1 − ε, ε)) with ε = ``label_smoothing``, at least 0.001: [P].

    Ji et al. 2024, arXiv:2402.00856, equation 16.
    """
    flips = dials.label_smoothing or LEAST
    logit_P = dials.beta * gap(chosen, rejected, dials)
    won_P, lost_P = F.logsigmoid(logit_P), F.logsigmoid(-logit_P)
    return won_P.exp() * (won_P - math.log1p(-flips)) + lost_P.exp() * (lost_P - math.log(flips))


EXO_PAIR = PairObjective("exo_pair", exo_pair_loss, dials=DIVERGENCE, own_smoothing=True)
