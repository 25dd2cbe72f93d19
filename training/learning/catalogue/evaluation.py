"""The catalogue's checks of reward models: what measures them, in runs and in `manage.py train evaluate`."""

from .method import Method

HOME = "training.learning.evaluation"
FORWARD = "one forward pass over the responses in question"

EVALUATION: list[Method] = [
    Method(
        key="ppe",
        paper="How to Evaluate Reward Models for RLHF (arXiv:2410.14872)",
        module=f"{HOME}.ppe",
        needs="a reward model; votes with the names of the models that answered, or prompts with verified responses",
        summary="Does it order models as people do, and find the right response of many? By domain, with the worst. "
        "Run: train evaluate --reward DIR --file F --format ppe",
        cost=FORWARD,
        kind="reward_check",
    ),
    Method(
        key="rewardbench",
        paper="RewardBench: Evaluating Reward Models for Language Modeling (arXiv:2403.13787)",
        module=f"{HOME}.rewardbench",
        needs="a reward model, or a policy and its reference; a file of prompt, chosen, rejected, subset",
        summary="Trios by subset and section, weighted as RewardBench does; a team's own subsets; length bias in each. "
        "Run: train evaluate --reward DIR --file F --format rewardbench",
        cost=FORWARD,
        kind="reward_check",
    ),
    Method(
        key="contrast_instructions",
        paper="The Trickle-down Impact of Reward (In-)consistency on RLHF (arXiv:2309.16155)",
        module=f"{HOME}.contrast",
        needs="a reward model, judgments on prompts that are worded alike",
        summary="Of two similar prompts, does each prefer its own response? Built from the project's judgments. "
        "Run: train evaluate --project P",
        cost=FORWARD,
        kind="reward_check",
    ),
    Method(
        key="one_to_many",
        paper="Evaluating Robustness of Reward Models for Mathematical Reasoning (arXiv:2410.01729)",
        module=f"{HOME}.one_to_many",
        needs="a reward model; a file of prompts with one right response and several wrong ones",
        summary="Is the right response above all nine wrong ones? Accuracy and mean reciprocal rank, ties against it. "
        "Run: train evaluate --reward DIR --file F --format one_to_many",
        cost=FORWARD,
        kind="reward_check",
    ),
]
