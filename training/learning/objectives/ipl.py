"""Inverse preference learning: the language model's own logits are a Q function, and pairs tell its rewards.

Hejna and Sadigh 2023, "Inverse Preference Learning: Preference-based RL without a Reward Function", arXiv:2305.15363.
With Q = β·logits the policy softmax(Q/β) is the language model, V = β·logsumexp(Q/β), and Q − V = β·log π. The reward
that Q stands for is r_Q(s_t, y_t) = Q(s_t, y_t) − γ·V(s_{t+1}), with V = 0 after the end. Summed over a response,

    Σ_t r_Q = β·log π(y|x) + V(x) + (1 − γ)·Σ_{t≥2} V(s_t),

so for γ = 1 the sum telescopes, V(x) is the same for both responses, and the loss is DPO's without a reference. What
is left of the values then is the regulariser alone, which keeps r_Q small at every token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from ..batches import Batch
from ..devices import Compute, precision
from ..logprobs import sequence_sums, token_logits
from ..optimise import Part
from ..recipes import ObjectiveDials
from ..rows import PreferenceRow
from .pairs import PairBatch


@dataclass(frozen=True)
class Ipl:
    """The objective; it reads logits, not log-probabilities, so it mixes with nothing and needs no reference."""

    key: str = "ipl"
    reference: bool = False
    whole_batch: bool = False
    guided: bool = False

    @property
    def read(self) -> set[str]:
        """The dials that it reads."""
        return {"beta", "label_smoothing", "ipl_gamma", "ipl_lambda"}

    def refuse_unfit(self, rows: Sequence[PreferenceRow]) -> None:
        """It fits any rows."""


def token_rewards_of_q(
    logit_N: torch.Tensor, normaliser_N: torch.Tensor, sequence_N: torch.Tensor, dials: ObjectiveDials
) -> torch.Tensor:
    """r_Q of every token, [N], from its logit and the logsumexp of all logits at its place.

    The tokens of a sequence lie side by side in order (``sequence_N`` says whose each is); after its last one V is 0,
    as after an end token. A response that the length limit cut is taken as ended there.
    """
    follows_N = torch.zeros_like(sequence_N, dtype=torch.bool)
    follows_N[:-1] = sequence_N[1:] == sequence_N[:-1]
    next_N = torch.where(follows_N, normaliser_N.roll(-1), torch.zeros_like(normaliser_N))
    return dials.beta * (logit_N - dials.ipl_gamma * next_N)


def ipl_losses(
    reward_N: torch.Tensor, batch: Batch, p_P: torch.Tensor, weight_P: torch.Tensor, dials: ObjectiveDials
) -> torch.Tensor:
    """w · (−p·log σ(Δ) − (1 − p)·log σ(−Δ) + λ·mean r_Q²): [P]; Δ is the difference of both responses' summed r_Q.

    Equation 6 of the paper; the mean is over the tokens of both responses, λ is ``ipl_lambda``.
    """
    smooth = dials.label_smoothing
    label_P = p_P * (1.0 - smooth) + (1.0 - p_P) * smooth
    sum_P2, square_P2 = (sequence_sums(values_N, batch).view(-1, 2) for values_N in (reward_N, reward_N.square()))
    length_P = torch.bincount(batch.sequence_N, minlength=len(batch.sequences)).view(-1, 2).sum(1)
    gap_P = sum_P2[:, 0] - sum_P2[:, 1]
    link_P = -label_P * F.logsigmoid(gap_P) - (1.0 - label_P) * F.logsigmoid(-gap_P)
    return weight_P * (link_P + dials.ipl_lambda * square_P2.sum(1) / length_P)


def ipl_step(dials: ObjectiveDials, *, compute: Compute | None = None) -> Callable[[Any, PairBatch], Part]:
    """The loss function for ``optimise``, averaged over the step's pairs."""

    def loss(model: Any, micro: PairBatch) -> Part:
        with precision(compute):
            logit_N, normaliser_N = token_logits(model, micro.batch)
        reward_N = token_rewards_of_q(logit_N, normaliser_N, micro.batch.sequence_N, dials)
        p_P, weight_P = (values.to(reward_N.dtype) for values in (micro.p_P, micro.weight_P))
        losses_P = ipl_losses(reward_N, micro.batch, p_P, weight_P, dials)
        return Part(losses_P.sum(), float(len(losses_P)), _metrics(reward_N, logit_N - normaliser_N, micro))

    return loss


@torch.no_grad()
def _metrics(reward_N: torch.Tensor, logprob_N: torch.Tensor, micro: PairBatch) -> dict[str, float]:
    """TRL's metrics, with the summed r_Q as a response's reward."""
    first_P = micro.p_P >= 0.5

    def sides(values_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        left_P, right_P = sequence_sums(values_N, micro.batch).view(-1, 2).unbind(1)
        return torch.where(first_P, left_P, right_P), torch.where(first_P, right_P, left_P)

    (chosen_P, rejected_P), (likely_P, unlikely_P) = sides(reward_N), sides(logprob_N)
    right_P = torch.where(micro.p_P == 0.5, 0.5, (chosen_P > rejected_P).to(chosen_P.dtype))
    return {
        "rewards/chosen": float(chosen_P.sum()),
        "rewards/rejected": float(rejected_P.sum()),
        "rewards/margins": float((chosen_P - rejected_P).sum()),
        "rewards/accuracies": float(right_P.sum()),
        "logps/chosen": float(likely_P.sum()),
        "logps/rejected": float(unlikely_P.sum()),
    }


IPL = Ipl()
