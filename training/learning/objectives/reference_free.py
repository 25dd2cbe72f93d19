"""Pair objectives without a reference: likelihoods are compared as they are, mostly per token."""

import torch
from torch.nn import functional as F

from ..recipes import ObjectiveDials
from .terms import PairObjective, Side, offset

NEAR_CERTAIN = -1e-6  # a mean log-probability above it has no finite odds in fp32


def log_odds(side: Side) -> torch.Tensor:
    """log p/(1 − p) with p = exp(mean token log-probability): [P]."""
    mean_P = side.mean_P.clamp(max=NEAR_CERTAIN)
    return mean_P - torch.log(-torch.expm1(mean_P))


def simpo_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log σ(β·(mean log π chosen − mean log π rejected) − γ), γ = ``simpo_gamma``: [P].

    Meng et al. 2024, arXiv:2405.14734, equation 6. The paper's β is 2 to 10, γ/β about ½.
    """
    margin_P = dials.simpo_gamma + offset(chosen, rejected)
    return -F.logsigmoid(dials.beta * (chosen.mean_P - rejected.mean_P) - margin_P)


def alpha_po_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """SimPO on the shaped reward β·(1 − p̄^(−α))/α, p̄ = exp(mean log π): [P]; α → 0 is SimPO.

    Gupta et al. 2025, arXiv:2501.03884, equation 8.
    """
    if dials.alpha == 0.0:
        return simpo_loss(chosen, rejected, dials)
    shaped = [-torch.expm1(-dials.alpha * side.mean_P) / dials.alpha for side in (chosen, rejected)]
    margin_P = dials.simpo_gamma + offset(chosen, rejected)
    return -F.logsigmoid(dials.beta * (shaped[0] - shaped[1]) - margin_P)


def cpo_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log σ(β·Δ log π) and the chosen response's negative log-likelihood per token: [P].

    Xu et al. 2024, arXiv:2401.08417, equation 6; ``nll_weight`` is TRL's ``cpo_alpha``. TRL averages the likelihood
    over the tokens of a batch, Heed over those of each response.
    """
    return -F.logsigmoid(dials.beta * (chosen.policy_P - rejected.policy_P)) - dials.nll_weight * chosen.mean_P


def orpo_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """The chosen likelihood per token, and β times −log σ of the log odds ratio: [P].

    Hong et al. 2024, arXiv:2403.07691, equations 6 and 7 (β is the paper's λ). The likelihood is the response's;
    TRL's is the prompt's too.
    """
    return -dials.nll_weight * chosen.mean_P - dials.beta * F.logsigmoid(log_odds(chosen) - log_odds(rejected))


def asft_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log p_w − β·(log p_w + log(1 − p_l)) with p = exp(mean log π): [P].

    Wang et al. 2024, arXiv:2409.10571 (β is its λ). Because σ(log p/(1 − p)) = p, the paper's pair of logistic
    terms is that.
    """
    return -dials.nll_weight * chosen.mean_P - dials.beta * (
        F.logsigmoid(log_odds(chosen)) + F.logsigmoid(-log_odds(rejected))
    )


def cpl_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """−log exp(β·log π(w)) / (exp(β·log π(w)) + exp(λ·β·log π(l))), λ = ``contrastive_bias``: [P].

    Hejna et al. 2023, arXiv:2310.13639, equation 7, for a single turn without discount (β is its α).
    """
    return -F.logsigmoid(dials.beta * (chosen.policy_P - dials.contrastive_bias * rejected.policy_P))


def two_axes_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """A score, log odds or log-ratio, by a ranking, pairwise or pointwise, without a likelihood term: [P].

    −log σ(β·(s_w − s_l)), or −log σ(β·s_w) − log σ(−β·s_l). Gorbatovski et al. 2025, arXiv:2502.01237: with odds
    these are its ORPO-β and ASFT-β, with ratios DPO and BCO's pair.
    """
    if dials.odds_or_ratio == "odds":
        won_P, lost_P = log_odds(chosen), log_odds(rejected)
    else:
        won_P, lost_P = chosen.ratio_P, rejected.ratio_P
    if dials.pairwise:
        return -F.logsigmoid(dials.beta * (won_P - lost_P))
    return -F.logsigmoid(dials.beta * won_P) - F.logsigmoid(-dials.beta * lost_P)


SIMPO = PairObjective("simpo", simpo_loss, reference=False, dials=("simpo_gamma", "strength_offset"))
ALPHA_PO = PairObjective("alpha_po", alpha_po_loss, reference=False, dials=("simpo_gamma", "alpha", "strength_offset"))
CPO = PairObjective("cpo", cpo_loss, reference=False, dials=("nll_weight",))
ORPO = PairObjective("orpo", orpo_loss, reference=False, dials=("nll_weight",))
ASFT = PairObjective("asft", asft_loss, reference=False, dials=("nll_weight",))
CPL = PairObjective("cpl", cpl_loss, reference=False, dials=("contrastive_bias",))
TWO_AXES = PairObjective("orpo_asft_beta", two_axes_loss, dials=("odds_or_ratio", "pairwise"))
