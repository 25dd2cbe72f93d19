"""MetaRM: a step on the preference loss, taken at weights that tell a new policy's responses apart.

Dou et al. 2024, "MetaRM: Shifted Distributions Alignment via Meta-Learning" (arXiv:2405.00438), algorithm 1, also in
"Secrets of RLHF Part II" (arXiv:2401.06080), section 4:

    θ' = θ + η·∇J(θ),    θ ← θ - α·∇L(θ')

J is how far the new policy's responses to a prompt are scored apart, L the preference loss on judged pairs. The outer
gradient is taken with respect to θ', as the algorithm writes it: no second derivatives.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.func import functional_call


def spread(rewards_PK: torch.Tensor) -> torch.Tensor:
    """J: the mean of |r_i - r_j| over pairs of K responses to each of P prompts."""
    first, second = torch.triu_indices(rewards_PK.shape[1], rewards_PK.shape[1], offset=1, device=rewards_PK.device)
    return (rewards_PK[:, first] - rewards_PK[:, second]).abs().mean()


def ascended(model: torch.nn.Module, objective: torch.Tensor, size: float) -> dict[str, torch.Tensor]:
    """θ' by name: the trained weights moved by ``size`` along the gradient of ``objective``.

    Each is a function of the weight itself with derivative one, so that a loss at θ' sends ∇L(θ') to θ.
    """
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    slopes = torch.autograd.grad(objective, list(trained.values()), allow_unused=True)
    return {
        name: weight if slope is None else weight + size * slope.detach()
        for (name, weight), slope in zip(trained.items(), slopes, strict=True)
    }


def at_weights(model: torch.nn.Module, weights: dict[str, torch.Tensor]) -> Callable[..., Any]:
    """The model as a function at other weights."""
    return lambda *asked: functional_call(model, weights, asked)
