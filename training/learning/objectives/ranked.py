"""Objectives on lists of responses: pure losses of what the lists say and what the policy finds likely."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn import functional as F

from ..lists import RankedList
from ..recipes import ObjectiveDials

NEVER = -1e30  # a logit that takes no share; finite, so that no gradient is 0/0


@dataclass(frozen=True)
class ListTerms:
    """G lists of at most K responses; shorter ones are padded, and ``there_GK`` is False on padding.

    ``policy_GK`` and ``reference_GK`` are summed log-probabilities in nats (0 on padding), ``length_GK`` tokens (1 on
    padding). ``before_GKK``, ``first_GK``, ``order_GOK``, ``chance_GO`` and ``known_G`` are ``orders.Reading``'s;
    ``score_GK`` is 0 where nobody scored.
    """

    policy_GK: torch.Tensor
    reference_GK: torch.Tensor
    length_GK: torch.Tensor
    there_GK: torch.Tensor
    before_GKK: torch.Tensor
    first_GK: torch.Tensor
    order_GOK: torch.Tensor
    chance_GO: torch.Tensor
    known_G: torch.Tensor
    score_GK: torch.Tensor
    weight_G: torch.Tensor

    @cached_property
    def ratio_GK(self) -> torch.Tensor:
        """log π(y|x) − log π_ref(y|x)."""
        return self.policy_GK - self.reference_GK

    @property
    def size_G(self) -> torch.Tensor:
        """How many responses each list has."""
        return self.there_GK.sum(dim=1)

    def in_order(self, values_GK: torch.Tensor) -> torch.Tensor:
        """Values in each of the orders, best first: [G, O, K]."""
        orders = self.order_GOK.shape[1]
        return values_GK[:, None].expand(-1, orders, -1).gather(2, self.order_GOK)

    def over_orders(self, values_GO: torch.Tensor) -> torch.Tensor:
        """The mean over the orders that a list allows: [G]."""
        return (self.chance_GO * values_GO).sum(dim=1)


ListLoss = Callable[[ListTerms, ObjectiveDials], torch.Tensor]
Prepare = Callable[[Sequence[RankedList], int], list[RankedList]]


def _as_they_are(lists: Sequence[RankedList], seed: int) -> list[RankedList]:
    return list(lists)


@dataclass(frozen=True)
class ListObjective:
    """``loss(terms, dials)`` gives [G], before weights. ``prepare(lists, seed)`` makes of the lists what is trained on.

    ``reference``: does it compare with a reference; ``scores``: must every list be scored; ``dials``: what it reads.
    """

    key: str
    loss: ListLoss
    dials: tuple[str, ...]
    reference: bool = True
    scores: bool = False
    prepare: Prepare = _as_they_are

    @property
    def read(self) -> set[str]:
        """The dials that it reads."""
        return {*self.dials, "strength_weight"}

    def refuse_unfit(self, lists: Sequence[RankedList]) -> None:
        """Raise ValueError in words when these lists cannot be learned from so."""
        if not lists:
            raise ValueError(f"{self.key} has no list to learn from")
        bare = sum(ranked.scores is None for ranked in lists)
        if self.scores and bare:
            raise ValueError(
                f"{self.key} reads scores, and {bare} of {len(lists)} lists have ranks only: score them, or choose "
                "plackett_luce, rrhf or tpo, which read ranks"
            )


def plackett_luce_loss(terms: ListTerms, dials: ObjectiveDials) -> torch.Tensor:
    """−Σ_k [s_(k) − log Σ_{j ≥ k} exp s_(j)] over the places that were ranked, s = β·log-ratio: [G].

    Rafailov et al. 2023, arXiv:2305.18290, appendix A.3. A tie is the mean of this over every order of the
    tied responses; of two responses that is DPO with p = ½, and a list of two is DPO's sigmoid. What has no rank
    stands in the sums of those above it only.
    """
    reward_GK = (dials.beta * terms.ratio_GK).masked_fill(~terms.there_GK, NEVER)
    ordered_GOK = terms.in_order(reward_GK)
    size = ordered_GOK.shape[2]
    later_KK = torch.ones(size, size, dtype=torch.bool, device=ordered_GOK.device).triu()
    rest_GOK = torch.where(later_KK, ordered_GOK[:, :, None], NEVER).logsumexp(dim=3)
    ranked_G1K = torch.arange(size, device=ordered_GOK.device) < terms.known_G[:, None, None]
    return terms.over_orders(torch.where(ranked_G1K, rest_GOK - ordered_GOK, 0.0).sum(dim=2))


def rank_dpo_loss(terms: ListTerms, dials: ObjectiveDials) -> torch.Tensor:
    """−Σ_{i ≻ j} Δ_ij·log σ(β·(s_i − s_j)) with s the log-ratio and Δ_ij what swapping both would cost in DCG: [G].

    Δ_ij = |G_i − G_j|·|1/log(1 + τ_i) − 1/log(1 + τ_j)|, G = 2^ψ − 1, ψ the score and τ the rank by it, from 1.
    Karthik et al. 2024, "Scalable Ranked Preference Optimization", arXiv:2410.18013; ranks from 0, as a
    summary of it has them, would divide by log 1. Equal scores cost nothing to swap; a soft pair counts both ways.
    """
    score_GK, there_GKK = terms.score_GK, terms.there_GK[:, :, None] & terms.there_GK[:, None]
    above_GKK = (score_GK[:, None, :] > score_GK[:, :, None]) & there_GKK
    discount_GK = 1.0 / torch.log(2.0 + above_GKK.sum(dim=2).to(score_GK.dtype))
    gain_GK = torch.exp2(score_GK) - 1.0
    cost_GKK = _differences(gain_GK).abs() * _differences(discount_GK).abs()
    losses_GKK = -F.logsigmoid(dials.beta * _differences(terms.ratio_GK))
    return (terms.before_GKK * cost_GKK * losses_GKK).sum(dim=(1, 2))


def rrhf_loss(terms: ListTerms, dials: ObjectiveDials) -> torch.Tensor:
    """w·Σ_{r_i < r_j} max(0, p_i − p_j) − log π(best) per token, p = Σ log π / |y|^α: [G].

    Yuan et al. 2023, "RRHF", arXiv:2304.05302; w = ``rrhf_weight``, α = ``length_penalty``. As in
    code tuned so (Duan et al. 2023, arXiv:2312.05657) the best is by any ranking: people's, scores, test results.
    A tie counts half each way, and what is best in equal parts shares the likelihood term.
    """
    scaled_GK = terms.policy_GK / terms.length_GK**dials.length_penalty
    late_GKK = torch.relu(-_differences(scaled_GK))  # where i comes before j and the policy finds j likelier
    likelihood_G = (terms.first_GK * terms.policy_GK / terms.length_GK).sum(dim=1)
    return dials.rrhf_weight * (terms.before_GKK * late_GKK).sum(dim=(1, 2)) - likelihood_G


def _differences(values_GK: torch.Tensor) -> torch.Tensor:
    """Row minus column: [G, K, K]."""
    return values_GK[:, :, None] - values_GK[:, None, :]


PLACKETT_LUCE = ListObjective("plackett_luce", plackett_luce_loss, ("beta",))
RANK_DPO = ListObjective("rank_dpo", rank_dpo_loss, ("beta",), scores=True)
RRHF = ListObjective("rrhf", rrhf_loss, ("length_penalty", "rrhf_weight"), reference=False)
