"""The catalogue's ways to refit a model that has learned before."""

from .method import Method

REFITS: list[Method] = [
    Method(
        key="warm_start",
        paper="On Warm-Starting Neural Network Training (arXiv:1910.08475)",
        module="training.learning.rewards.warm_start",
        needs="judgments of pairs; an active reward model, without which the first one is trained from the policy",
        summary="Goes on from the reward model there is, on new judgments and a replay of old ones; shrink and perturb",
        cost="at most 15 % of a full refit's steps",
        kind="reward",
        recipe={"method": "warm_start", "warm_share": 0.15, "replay": 0.5},
    ),
]
