"""Every method that exists here, by name: its paper, its module, what it needs."""

from .evaluation import EVALUATION
from .list_objectives import LISTED, STRENGTH, TIED
from .method import Method
from .monitoring import MONITORING
from .objectives import MODIFIERS, OBJECTIVES
from .refits import REFITS
from .reward_models import REWARDS
from .reward_robustness import ROBUSTNESS
from .token_objectives import TOKEN_MODIFIERS, TOKEN_OBJECTIVES
from .written_rewards import DYNAMIC_BETA, WRITTEN_REWARDS

METHODS: list[Method] = [
    *OBJECTIVES,
    *TIED,
    *LISTED,
    *TOKEN_OBJECTIVES,
    *MODIFIERS,
    *TOKEN_MODIFIERS,
    *STRENGTH,
    *REWARDS,
    *ROBUSTNESS,
    *DYNAMIC_BETA,
    *EVALUATION,
    *MONITORING,
    *REFITS,
    *WRITTEN_REWARDS,
    Method(
        key="lora",
        paper="LoRA: Low-Rank Adaptation of Large Language Models (arXiv:2106.09685)",
        module="training.learning.models",
        needs="a policy",
        summary="Low-rank adapters as the only trainable parameters, merged when saved",
    ),
    Method(
        key="nucleus",
        paper="The Curious Case of Neural Text Degeneration (arXiv:1904.09751)",
        module="training.learning.sampling.choose",
        needs="a policy",
        summary="Sampling from the smallest set of tokens of mass top_p; top-k and temperature besides",
    ),
    Method(
        key="laplace_posterior",
        paper="The Evidence Framework Applied to Classification Networks (MacKay 1992)",
        module="training.learning.rewards.fast.posterior",
        needs="judgments, frozen features",
        summary="The fast posterior: Bayesian logistic head, one rank-one step a judgment, refits by Newton's method",
    ),
    Method(
        key="iterative_rlhf",
        paper="RLHF Workflow: From Reward Modeling to Online RLHF (arXiv:2405.07863)",
        module="training.learning.online.best_against_worst",
        needs="a policy, its fresh samples, a reward model or posterior",
        summary="Rounds of pairs, best against worst of n fresh samples, with the ranker's probability as the label",
    ),
    Method(
        key="bald",
        paper="Bayesian Active Learning for Classification and Preference Learning (arXiv:1112.5745)",
        module="training.learning.acquisition.information",
        needs="a posterior",
        summary="Asks the pair whose answer tells most about the weights; plain uncertainty besides",
    ),
]

__all__ = ["METHODS", "Method"]
