"""Choosing the next token: temperature, top-k, nucleus, and one uniform number per token."""

import torch

from ..recipes import SamplerSettings

BLOCK = 64  # tokens summed at once; two short searches replace a running sum over the vocabulary
LIKELIEST = 256  # how many tokens a nucleus is looked for among before everything is sorted
BELOW_ONE = 1.0 - 1e-12


def choose(
    logits_NV: torch.Tensor, uniform_N: torch.Tensor, settings: SamplerSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """The next tokens [N] and their log-probabilities [N] under the model itself.

    The log-probabilities are those of temperature 1 without top-k and top-p: what training compares with.
    The token is where the inverse of the cumulative distribution, in the order of the vocabulary (with top-k
    or top-p: from the likeliest down), puts ``uniform_N`` (fp64).
    """
    top_N1 = logits_NV.max(-1, keepdim=True).values
    if settings.temperature == 0.0:
        token_N = logits_NV.argmax(-1)
        normaliser_N = torch.logsumexp(logits_NV, -1)
    else:
        weight_NV = ((logits_NV - top_N1) / settings.temperature).exp_()
        if settings.top_k or settings.top_p < 1.0:
            token_N = _filtered(weight_NV, uniform_N, settings.top_k, settings.top_p)
        else:
            token_N = _inverse(weight_NV, uniform_N)
        if settings.temperature == 1.0:
            normaliser_N = weight_NV.sum(-1).log_() + top_N1[:, 0]
        else:
            normaliser_N = torch.logsumexp(logits_NV, -1)
    return token_N, logits_NV.gather(1, token_N[:, None])[:, 0] - normaliser_N


def _first_above(running_NK: torch.Tensor, target_N1: torch.Tensor) -> torch.Tensor:
    """The first place [N, 1] whose running sum exceeds the target: a token of positive weight."""
    return torch.searchsorted(running_NK, target_N1, right=True)


def _inverse(weight_NV: torch.Tensor, uniform_N: torch.Tensor) -> torch.Tensor:
    """Search blocks of the vocabulary, then within the block."""
    rows, vocabulary = weight_NV.shape
    blocks = -(-vocabulary // BLOCK)
    if blocks * BLOCK != vocabulary:
        weight_NV = torch.nn.functional.pad(weight_NV, (0, blocks * BLOCK - vocabulary))
    weight_NKB = weight_NV.view(rows, blocks, BLOCK)
    running_NK = weight_NKB.sum(-1).double().cumsum(-1)
    target_N1 = (uniform_N * BELOW_ONE)[:, None] * running_NK[:, -1:]
    block_N1 = _first_above(running_NK, target_N1)
    before_N1 = torch.where(block_N1 > 0, running_NK.gather(1, (block_N1 - 1).clamp_min_(0)), 0.0)
    inside_NB = weight_NKB[torch.arange(rows, device=weight_NV.device), block_N1[:, 0]].double().cumsum(-1)
    rest_N1 = torch.minimum(target_N1 - before_N1, inside_NB[:, -1:] * BELOW_ONE).clamp_min_(0.0)
    return (block_N1 * BLOCK + _first_above(inside_NB, rest_N1))[:, 0]


def _filtered(weight_NV: torch.Tensor, uniform_N: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Keep the ``top_k`` likeliest (0: all), of them the smallest set of mass ``top_p``, and choose within."""
    vocabulary = weight_NV.shape[1]
    first = min(top_k or LIKELIEST, vocabulary)
    weight_NK, token_NK = weight_NV.topk(first, dim=-1)
    total_N1 = weight_NK.double().sum(-1, keepdim=True) if top_k else weight_NV.double().sum(-1, keepdim=True)
    running_NK = weight_NK.double().cumsum(-1)
    if not top_k and first < vocabulary and bool((running_NK[:, -1:] < top_p * total_N1).any()):
        weight_NK, token_NK = weight_NV.sort(dim=-1, descending=True)
        running_NK = weight_NK.double().cumsum(-1)
    kept_N1 = torch.searchsorted(running_NK, top_p * BELOW_ONE * total_N1).clamp_max_(weight_NK.shape[1] - 1)
    mass_N1 = running_NK.gather(1, kept_N1)
    target_N1 = (uniform_N * BELOW_ONE)[:, None] * mass_N1
    return token_NK.gather(1, _first_above(running_NK, target_N1))[:, 0]
