"""Alignment via optimal transport: the distribution of a batch's margins dominates the reference's.

Melnyk et al. 2024, "Distributional Preference Alignment of LLMs via Optimal Transport", arXiv:2406.05882. Both sort
over the pairs of a step, so a step is never cut, and neither takes soft labels or weights.
"""

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .terms import PairObjective, Side


def aot_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """The policy's sorted margins against the reference's: [P]. The paper's paired form, equation 8."""
    policy_P = (chosen.policy_P - rejected.policy_P).sort().values
    reference_P = (chosen.reference_P - rejected.reference_P).sort().values
    return -F.logsigmoid(dials.beta * (policy_P - reference_P))


def aot_unpaired_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """Sorted log-ratios of the chosen against sorted ones of the rejected: [P]. The unpaired form, equation 7."""
    return -F.logsigmoid(dials.beta * (chosen.ratio_P.sort().values - rejected.ratio_P.sort().values))


AOT = PairObjective("aot", aot_loss, whole_batch=True)
AOT_UNPAIRED = PairObjective("aot_unpaired", aot_unpaired_loss, whole_batch=True)
