"""Rewards that a language model writes, as the catalogue lists them."""

from .method import Method

HOME = "training.learning.rewards.written"
JUDGE = "a language model behind HEED_JUDGE_URL"

DYNAMIC_BETA = [
    Method(
        key="dynamic_beta",
        paper="MM-RLHF: The Next Step Forward in Multimodal LLM Alignment (arXiv:2502.10391)",
        module="training.learning.objectives.dynamic_beta",
        needs="pairs, a reference policy; a reward model, soft labels or stated strength",
        summary="dynamic_beta: a larger beta for pairs that the reward model is surer of; for sigmoid, sigmoid_norm, "
        "hinge and robust",
        cost="one score of each judged response",
        kind="modifier",
        recipe={"dynamic_beta": 0.5},
    ),
]

WRITTEN_REWARDS: list[Method] = [
    Method(
        key="critique_based",
        paper="MM-RLHF: The Next Step Forward in Multimodal LLM Alignment (arXiv:2502.10391)",
        module=f"{HOME}.critiques",
        needs=f"judgments with critiques of the responses (others are asked of {JUDGE}, where set), a policy",
        summary="Writes a critique and scores the response after it; learns both from people's critiques and verdicts",
        cost="training as a reward model's on longer texts; a score costs a generated critique",
        kind="reward",
        recipe={"method": "critique_based"},
    ),
    Method(
        key="tool_augmented",
        paper="Tool-Augmented Reward Modeling (arXiv:2310.01045)",
        module=f"{HOME}.traces",
        needs=f"judgments, a policy, {JUDGE}",
        summary="Uses tools (calculator, calendar, counts) step by step before it scores; traces are kept and shown",
        cost="a few requests per judged response before training; a score costs a generated trace",
        kind="reward",
        recipe={"method": "tool_augmented"},
    ),
    Method(
        key="in_context_reward_code",
        paper="ICPL: Few-shot In-context Preference Learning via LLMs (arXiv:2410.17233)",
        module=f"{HOME}.rounds",
        needs=f"judgments, a policy, {JUDGE}",
        summary="A reward as a few readable lines over declared features, written in rounds that verdicts decide",
        cost="30 requests (code_rounds × candidates) and no training; a score costs counting",
        kind="reward",
        recipe={"method": "in_context_reward_code"},
    ),
]
