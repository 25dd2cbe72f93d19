"""Direct preference optimisation with a Bradley-Terry link."""

import torch
from torch.nn import functional as F

from .terms import PairDials, PairObjective, Side


def sigmoid_loss(chosen: Side, rejected: Side, dials: PairDials) -> torch.Tensor:
    """DPO, −log σ(β·(ratio chosen − ratio rejected)): [P].

    Rafailov et al. 2023, arXiv:2305.18290, equation 7.
    """
    return -F.logsigmoid(dials.beta * (chosen.ratio_P - rejected.ratio_P))


SIGMOID = PairObjective("sigmoid", sigmoid_loss)
