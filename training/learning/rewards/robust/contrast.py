"""A contrastive term on a reward model's representations: two views of a response belong together."""

import torch
from torch.nn import functional as F


def simcse(first_ND: torch.Tensor, second_ND: torch.Tensor, temperature: float) -> torch.Tensor:
    """InfoNCE of two views of N representations, [N, D] each → [N] losses; below two rows there is nothing to tell.

    -log exp(cos(a_i, b_i)/τ) / Σ_j exp(cos(a_i, b_j)/τ): SimCSE (Gao et al. 2021, arXiv:2104.08821, equation 1), as
    "Secrets of RLHF Part II" (arXiv:2401.06080) adds it to the preference loss.
    """
    similarity_NN = F.normalize(first_ND, dim=-1) @ F.normalize(second_ND, dim=-1).T / temperature
    return F.cross_entropy(similarity_NN, torch.arange(len(first_ND), device=first_ND.device), reduction="none")


def views(states_ND: torch.Tensor, generator: torch.Generator, drop: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views of the same states by dropout at rate ``drop``, as SimCSE makes them.

    The backbone's own dropout is silenced everywhere here, so the masks fall on the states that the head reads. They
    come from ``generator``, because a resumed run must draw them again.
    """

    def view() -> torch.Tensor:
        kept = torch.rand(states_ND.shape, generator=generator) >= drop
        return states_ND * kept.to(states_ND.device) / (1.0 - drop)

    return view(), view()
