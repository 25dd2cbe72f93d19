"""T-REG: a pair objective with a reward for every token, which the reference itself gives.

Zhou et al. 2024, "T-REG: Preference Optimization with Token-Level Reward Regularization", arXiv:2412.02685.
"""

from collections.abc import Sequence

import torch

from ..logprobs import LogprobCache, response_logprobs
from ..models import Policy
from ..recipes import ObjectiveDials
from ..rows import Message, PreferenceRow
from ..text import Group
from .divergences import DIVERGENCE
from .dpo import sigmoid_loss
from .reference_free import simpo_loss
from .terms import PairObjective, Side

BETTER = "Answer as well as you can: correct, helpful, to the point."
WORSE = "Answer as badly as you can: wrong, unhelpful, beside the point."
BASES = ("sigmoid", "simpo")


def t_reg_loss(chosen: Side, rejected: Side, dials: ObjectiveDials) -> torch.Tensor:
    """L_base + α·w·(L_reg(chosen) + L_reg(rejected)): [P].

    L_reg(y) = −β·Σ_t r̂(y_t)·log π(y_t), α is ``t_reg_alpha``, and w = σ(r(rejected) − r(chosen)) without gradient:
    a pair that is ordered well is left to the tokens less. Over SimPO (``base_loss_type``) the reward r is its own,
    β·log π/|y|, and L_reg is per token too, so that both terms have one scale; that form is this project's. Where
    nobody gave token rewards they are 0 and only L_base remains.
    """
    if dials.base_loss_type == "simpo":
        base_P = simpo_loss(chosen, rejected, dials)
        scales = [dials.beta / side.length_P for side in (chosen, rejected)]
        rewards = [dials.beta * side.mean_P for side in (chosen, rejected)]
    else:
        base_P = sigmoid_loss(chosen, rejected, dials)
        scales = [torch.full_like(side.policy_P, dials.beta) for side in (chosen, rejected)]
        rewards = [dials.beta * side.ratio_P for side in (chosen, rejected)]
    weight_P = torch.sigmoid(rewards[1] - rewards[0]).detach()
    guided_P = sum(
        scale_P * side.guided_P
        for scale_P, side in zip(scales, (chosen, rejected), strict=True)
        if side.guided_P is not None
    )
    return base_P - dials.t_reg_alpha * weight_P * guided_P


T_REG = PairObjective(
    "t_reg",
    t_reg_loss,
    dials=("t_reg_alpha", "base_loss_type", "simpo_gamma", "strength_offset", *DIVERGENCE),
    guided=True,
)


def token_rewards(
    reference: Policy,
    rows: Sequence[PreferenceRow],
    groups: Sequence[Group],
    *,
    token_budget: int,
    cache: LogprobCache | None = None,
) -> list[list[torch.Tensor]]:
    """r̂ of every token of every response, a 1-D tensor each in (−½, ½).

    r̂(y_t) = σ(log π_ref(y_t | x asked well, y_<t) − log π_ref(y_t | x asked badly, y_<t)) − ½. Both passes are over
    the very tokens of ``groups`` and go through ``cache``, response by response.
    """
    asked = [
        [_asked(reference, row, group, wish) for row, group in zip(rows, groups, strict=True)]
        for wish in (BETTER, WORSE)
    ]
    well, badly = (response_logprobs(reference, each, token_budget=token_budget, cache=cache) for each in asked)
    return [
        [torch.sigmoid(up - down) - 0.5 for up, down in zip(*both, strict=True)]
        for both in zip(well, badly, strict=True)
    ]


def wished(prompt: Sequence[Message], wish: str) -> list[Message]:
    """The prompt with a wish about the answer put before its last message."""
    *before, last = prompt
    return [*before, Message(role=last["role"], content=f"{wish}\n\n{last['content']}")]


def _asked(policy: Policy, row: PreferenceRow, group: Group, wish: str) -> Group:
    """The same response tokens after another prompt, of which only the start is ever cut."""
    text = policy.text
    plain = len(text.prompt_tokens(row.prompt))
    shared = plain - group.prompt_cut - len(group.prompt)  # tokens of the open turn that went to the responses
    prompt = text.prompt_tokens(wished(row.prompt, wish))
    prompt = prompt[: len(prompt) - shared]
    room = max(1, text.context - max(map(len, group.responses)))
    return Group(prompt[-room:], group.responses)
