"""A β for every pair: the surer a reward model is of it, the further the policy may move on it.

Zhang et al. 2025, MM-RLHF, arXiv:2502.10391: β_i = β·(1 + w·(1 − e^(−k·δ_i))), where δ_i = r_w − r_l is the margin of a
trained reward model, no function of the policy. A margin below 0 makes β_i smaller, at last negative, so it is held at
1e-3 or more. Here w is ``dynamic_beta`` (0: plain β) and k ``dynamic_beta_rate``. In β·gap a larger β_i also means a
closer leash; what it does first, near the reference, is scale the pair's gradient.
"""

import math

import torch

from ..recipes import ObjectiveDials
from ..rows import PreferenceRow
from .terms import Side

LEAST = 1e-3
REWARD = "reward"  # of a response's ratings: a reward model's score
SURE = 1e-6  # a soft label within it of 0 or 1 says no more than that it is sure


def beta_of(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor | float:
    """β of every pair as ``chosen`` against ``rejected``: [P], or ``beta`` where nobody asked for more."""
    margin_P = chosen.margin_P if chosen.margin_P is not None else rejected.margin_P
    if margin_P is None or dials.dynamic_beta == 0.0:
        return dials.beta
    ahead_P = margin_P if chosen.margin_P is not None else -margin_P
    grown_P = -torch.expm1((-dials.dynamic_beta_rate * ahead_P).clamp(max=80.0))  # 1 − e^(−kδ), finite in fp32
    return (dials.beta * (1.0 + dials.dynamic_beta * grown_P)).clamp(min=LEAST)


def reward_margin(row: PreferenceRow) -> float:
    """By how much reward the first response of a row is ahead.

    The difference of a reward model's scores where the row carries them (``ratings``); else the logit of a soft label,
    which is that difference under Bradley and Terry; else the stated strength; 0 where nothing says more than who won.
    """
    if row.ratings is not None and all(REWARD in ratings for ratings in row.ratings):
        return row.ratings[0][REWARD] - row.ratings[1][REWARD]
    if SURE < row.p < 1.0 - SURE and row.p != 0.5:
        return math.log(row.p / (1.0 - row.p))
    return float(row.strength or 0)
