"""An information bottleneck between two responses to one prompt, learned from fresh samples without labels.

The unsupervised multi-view learning of "Fine-Tuning Language Models with Reward Learning on Policy" (Lang et al. 2024,
arXiv:2403.19279, RLP-UML) with the loss of Federici et al. 2020 (arXiv:2002.07017, equation 6): representations z₁, z₂
of two samples of the policy tell as much as they can of each other and as little as they can of what only one has,

    -I(z₁; z₂) + β·½·(KL(p(z₁|v₁) ‖ p(z₂|v₂)) + KL(p(z₂|v₂) ‖ p(z₁|v₁))).

The mutual information is bounded from below by InfoNCE over the batch.
"""

from dataclasses import dataclass

import torch

from .contrast import simcse


@dataclass(frozen=True)
class Gaussian:
    """N diagonal Gaussians: ``mean`` and ``log_variance``, [N, D] each."""

    mean: torch.Tensor
    log_variance: torch.Tensor

    def draw(self, noise: torch.Tensor) -> torch.Tensor:
        """A sample by reparametrisation; ``noise`` [N, D] is standard normal."""
        return self.mean + noise * (0.5 * self.log_variance).exp()


def gaussian_kl(first: Gaussian, second: Gaussian) -> torch.Tensor:
    """KL(first ‖ second) [N] in nats: ½ Σ_d (σ₁² + (μ₁-μ₂)²)/σ₂² - 1 + log σ₂²/σ₁²."""
    ratio = (first.log_variance - second.log_variance).exp()
    moved = (first.mean - second.mean) ** 2 * (-second.log_variance).exp()
    return 0.5 * (ratio + moved - 1.0 + second.log_variance - first.log_variance).sum(-1)


def symmetric_kl(first: Gaussian, second: Gaussian) -> torch.Tensor:
    """½·(KL(first ‖ second) + KL(second ‖ first)) [N]."""
    return 0.5 * (gaussian_kl(first, second) + gaussian_kl(second, first))


class Encoder(torch.nn.Module):
    """A linear map from a response's state to the Gaussian of its representation; it is gone after training."""

    def __init__(self, width: int, size: int = 64) -> None:
        super().__init__()
        self.map = torch.nn.Linear(width, 2 * size)

    def forward(self, states_ND: torch.Tensor) -> Gaussian:
        """[N, width] to N Gaussians; log-variances are held within ±5 so that no variance over- or underflows."""
        mean, log_variance = self.map(states_ND).chunk(2, dim=-1)
        return Gaussian(mean, 5.0 * torch.tanh(log_variance / 5.0))


def bottleneck_loss(
    first: Gaussian,
    second: Gaussian,
    noise: tuple[torch.Tensor, torch.Tensor],
    *,
    beta: float,
    temperature: float = 0.1,
) -> torch.Tensor:
    """Losses [N] of N prompts with two samples each. InfoNCE's constant log N, which no weight moves, is left out."""
    informed = simcse(first.draw(noise[0]), second.draw(noise[1]), temperature)
    return informed + beta * symmetric_kl(first, second)
