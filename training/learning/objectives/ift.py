"""Intuitive fine-tuning: demonstrations, read with a little of what the policy itself would have said.

Hua et al. 2024, "Intuitive Fine-Tuning: Towards Unifying SFT and RLHF into a Single Process", arXiv:2405.11870. A
first pass without gradient finds the likeliest token ŷ_t at every place; in a second one the input of a response token
y_t is (1 − λ)·e(y_t) + λ·e(ŷ_t), and each place's cross-entropy counts by what its choice costs later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..batches import Batch
from ..devices import Compute, precision
from ..logprobs import greedy_tokens, sequence_sums, token_logprobs
from ..models import Policy, base_model
from ..optimise import Part
from ..recipes import ObjectiveDials, OptimSettings
from ..rows import PreferenceRow
from .sft import SftBatch, sft_steps
from .steps import LazySteps


@dataclass(frozen=True)
class Ift:
    """The objective; it learns from chosen responses alone, so it mixes with nothing and needs no reference."""

    key: str = "ift"

    @property
    def read(self) -> set[str]:
        """The dials that it reads."""
        return {"ift_lambda", "ift_gamma"}


def ift_steps(
    policy: Policy, rows: Sequence[PreferenceRow], settings: OptimSettings, *, max_length: int
) -> LazySteps[SftBatch]:
    """Demonstrations out of pairs: each response weighs its row's weight times the probability that it is preferred.

    A response that surely is not is left out, and so is a row without weight; of a tie both count half. Raises
    ValueError where nothing is left.
    """
    kept = [row for row in rows if row.weight > 0]
    if not kept:
        raise ValueError("ift learns from chosen responses, and no row has a weight above 0")
    sides = [
        [(one, p * row.weight) for one, p in zip(row.responses, (row.p, 1.0 - row.p), strict=True) if p] for row in kept
    ]
    groups = [
        policy.text.group(row.prompt, [one for one, _ in mine], max_length=max_length)
        for row, mine in zip(kept, sides, strict=True)
    ]
    return sft_steps(policy, groups, settings, weights=[[weight for _, weight in mine] for mine in sides])


def mixed_embeddings(model: Any, batch: Batch, share: float) -> torch.Tensor:
    """The batch's input embeddings [R, L, D], those of response tokens mixed with the greedy ones'. No gradient.

    The table is frozen for the mix, as in the reference code; that one keeps the table as it was before training,
    this one reads it as it is, which is what the policy answers with.
    """
    with torch.no_grad():
        table = base_model(model).get_input_embeddings()
        embeddings_RLD: torch.Tensor = table(batch.input_ids_RL).clone()
        said_N, likely_N = batch.target_N, greedy_tokens(model, batch)
        read_N = batch.sequence_N[1:] == batch.sequence_N[:-1]  # the last token of a response is no input
        place_M = batch.predictor_N[1:][read_N]  # what predicts a token has read the one before it
        mixed_MD = (1.0 - share) * table(said_N[:-1][read_N]) + share * table(likely_N[:-1][read_N])
        embeddings_RLD.flatten(0, 1)[place_M] = mixed_MD
    return embeddings_RLD


def future_weights(loss_N: torch.Tensor, batch: Batch, discount: float) -> torch.Tensor:
    """w_t ∝ Σ_{j≥t} γ^{j−t}·CE_j of each token, with mean 1 within its response: [N], without gradient.

    γ = 0 weighs every token alike, as the reference code has it (the formula would leave w_t ∝ CE_t). There the
    weights also carry gradient; here a weight is no more than a weight.
    """
    if discount == 0.0:
        return torch.ones_like(loss_N)
    length_S = torch.bincount(batch.sequence_N, minlength=len(batch.sequences))
    start_S = length_S.cumsum(0) - length_S
    place_N = torch.arange(len(loss_N), device=loss_N.device) - start_S[batch.sequence_N]
    padded_SL = loss_N.new_zeros(len(length_S), int(length_S.max()))
    padded_SL[batch.sequence_N, place_N] = loss_N.detach()
    for place in range(padded_SL.shape[1] - 2, -1, -1):
        padded_SL[:, place] += discount * padded_SL[:, place + 1]
    future_N = padded_SL[batch.sequence_N, place_N]
    mean_S = sequence_sums(future_N, batch) / length_S
    return future_N / mean_S.clamp(min=torch.finfo(future_N.dtype).tiny)[batch.sequence_N]


def ift_step(dials: ObjectiveDials, *, compute: Compute | None = None) -> Callable[[Any, SftBatch], Part]:
    """The loss function for ``optimise``, averaged over the step's tokens; with λ = γ = 0 it is ``sft_loss``."""

    def loss(model: Any, micro: SftBatch) -> Part:
        batch = micro.batch
        with precision(compute):
            mixed = mixed_embeddings(model, batch, dials.ift_lambda) if dials.ift_lambda else None
            loss_N = -token_logprobs(model, batch, mixed)
        weight_N = micro.weight_S[batch.sequence_N] * future_weights(loss_N, batch, dials.ift_gamma)
        return Part((weight_N * loss_N).sum(), float(len(loss_N)))

    return loss


IFT = Ift()
