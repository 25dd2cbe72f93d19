"""Triple preference optimisation: a gold response to imitate, and a pair to compare, without a reference policy.

Saeidi et al. 2024, "Triple Preference Optimization", arXiv:2405.16681.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ..lists import RankedList
from ..recipes import ObjectiveDials
from .ranked import ListObjective, ListTerms


def triples(lists: Sequence[RankedList], seed: int) -> list[RankedList]:
    """Of each list the best (the gold response), the second and the worst; of a list of two both."""

    def narrowed(ranked: RankedList) -> RankedList:
        order = ranked.best_first
        return ranked if len(order) < 4 else ranked.part([*order[:2], order[-1]])

    return [narrowed(ranked) for ranked in lists]


def tpo_loss(terms: ListTerms, dials: ObjectiveDials) -> torch.Tensor:
    """ℓ(chosen, rejected) − ``nll_weight``·log π(gold) per token: [G]; names and forms as in TRL.

    ``tpo_loss_type`` is the comparison: sigmoid and hinge of β·Δ log π, and of likelihoods per token ipo and tpo-l,
    the latter with the margin γ = ``tpo_l_gamma``. Gold, chosen and rejected are the first, second and last of a list;
    in a list of two the chosen one is gold too, which is CPO. TRL averages the gold likelihood over the tokens of a
    batch, Heed over those of each response, and takes no label smoothing for hinge and ipo, where Heed does.
    """
    per_token = dials.tpo_loss_type in ("ipo", "tpo-l")
    value_GK = terms.policy_GK / terms.length_GK if per_token else terms.policy_GK
    value_GOK, mean_GOK = terms.in_order(value_GK), terms.in_order(terms.policy_GK / terms.length_GK)
    last_GO1 = (terms.size_G - 1)[:, None, None].expand(-1, value_GOK.shape[1], 1)
    second_GO1 = (last_GO1 - 1).clamp(max=1)
    gap_GO = (value_GOK.gather(2, second_GO1) - value_GOK.gather(2, last_GO1))[:, :, 0]
    smooth = dials.label_smoothing
    margin = dials.tpo_l_gamma if dials.tpo_loss_type == "tpo-l" else 0.0
    right_GO, wrong_GO = _compared(gap_GO, margin, dials), _compared(-gap_GO, -margin, dials)
    compared_GO = (1.0 - smooth) * right_GO + smooth * wrong_GO
    return terms.over_orders(compared_GO - dials.nll_weight * mean_GOK[:, :, 0])


def _compared(gap: torch.Tensor, margin: float, dials: ObjectiveDials) -> torch.Tensor:
    """The loss of a pair whose chosen response is ahead by ``gap`` (log-likelihoods, or their means per token).

    Smoothing turns the margin over with the gap, as TRL does.
    """
    if dials.tpo_loss_type == "hinge":
        return torch.relu(1.0 - dials.beta * gap)
    if dials.tpo_loss_type == "ipo":
        return (gap - 1.0 / (2.0 * dials.beta)) ** 2
    return -F.logsigmoid(dials.beta * gap - margin)


TPO = ListObjective(
    "tpo",
    tpo_loss,
    ("beta", "label_smoothing", "nll_weight", "tpo_loss_type", "tpo_l_gamma"),
    reference=False,
    prepare=triples,
)
