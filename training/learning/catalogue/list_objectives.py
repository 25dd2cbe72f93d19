"""Objectives on lists of responses and on scores, and ties and graded strength in the policy's loss."""

from .method import Method
from .objectives import COMPARED, HOME, REFERENCED

TIES = "On Extending Direct Preference Optimization to Accommodate Ties (arXiv:2409.17431)"

TIED: list[Method] = [
    Method(
        key="davidson_dpo",
        paper=TIES,
        module=f"{HOME}.tied",
        needs=REFERENCED,
        summary="DPO with Davidson's ties: a stated tie pulls both rewards together; tie_probability between equals",
        cost=COMPARED,
        kind="objective",
        recipe={"loss_type": "davidson_dpo", "tie_probability": 0.5},
    ),
    Method(
        key="rao_kupper_dpo",
        paper=TIES,
        module=f"{HOME}.tied",
        needs=REFERENCED,
        summary="DPO with Rao and Kupper's ties: a difference of rewards below a threshold may go unnoticed",
        cost=COMPARED,
        kind="objective",
        recipe={"loss_type": "rao_kupper_dpo", "tie_probability": 0.5},
    ),
]

LISTS = "lists of two or more responses (people's pairs are lists of two), a reference policy"
RANKED = "lists of two or more responses (people's pairs are lists of two)"
SCORED = "scored lists or pairs (ratings, else labels and the ranker's probabilities), a reference policy"
EVERY = "one pass over every response of a list, and the reference's, which is kept"


def _listed(key: str, paper: str, module: str, needs: str, summary: str, cost: str, **dials: object) -> Method:
    return Method(key, paper, f"{HOME}.{module}", needs, summary, cost, "objective", {"loss_type": key, **dials})


LISTED: list[Method] = [
    _listed(
        "plackett_luce",
        "Direct Preference Optimization, appendix A.3: the Plackett-Luce model (arXiv:2305.18290)",
        "ranked",
        LISTS,
        "DPO on whole rankings: each place against all below it; ties and known tops as they are. Of two it is DPO",
        EVERY,
    ),
    _listed(
        "rank_dpo",
        "Scalable Ranked Preference Optimization for Text-to-Image Generation (arXiv:2410.18013)",
        "ranked",
        "scored lists of two or more responses, a reference policy",
        "DPO on every ordered pair of a list, weighed by what swapping both would cost in discounted gain",
        EVERY,
    ),
    _listed(
        "rrhf",
        "Leveraging Reinforcement Learning and LLMs for Code Optimization (arXiv:2312.05657); RRHF (arXiv:2304.05302)",
        "ranked",
        RANKED,
        "A hinge on likelihoods per token for every ordered pair, and the likelihood of the best response",
        "one pass over every response of a list",
    ),
    _listed(
        "tpo",
        "Triple Preference Optimization (arXiv:2405.16681)",
        "tpo",
        RANKED,
        "The best response is imitated, the second is compared with the worst (tpo_loss_type); of two it is CPO",
        "one pass over up to three responses of a list",
    ),
    _listed(
        "score_dpo",
        "ScoreFlow: Mastering LLM Agent Workflows via Score-based Preference Optimization (arXiv:2502.04306)",
        "scored",
        SCORED,
        "Pairs drawn by the cube of how far their scores lie apart; each side's reward is scaled by its score",
        COMPARED,
    ),
    _listed(
        "offline_rl_alignment",
        "Aligning Language Models with Offline Reinforcement Learning from Human Feedback (arXiv:2308.12050)",
        "scored",
        "scored lists or pairs",
        "Fine-tuning on what scores well (filtered), by score (weighted), or with the score in the prompt "
        "(decision_transformer; the saved chat template asks for the best)",
        "one pass over each response",
        offline_mode="filtered",
    ),
    _listed(
        "curry_dpo",
        "Curry-DPO: Enhancing Alignment using Curriculum Learning & Ranked Preferences (arXiv:2403.07230)",
        "curriculum",
        LISTS,
        "DPO in three stages from easy to hard pairs; each stage's reference is the policy the one before it made",
        "as DPO, and two passes of the policy as reference, which cannot be kept",
    ),
]

STRENGTH: list[Method] = [
    Method(
        key="odpo",
        paper="Direct Preference Optimization with an Offset (arXiv:2402.10571)",
        module=f"{HOME}.pairs",
        needs="pairs with a stated strength",
        summary="strength_offset: the stronger the verdict, the larger the margin of rewards; for sigmoid, "
        "sigmoid_norm, hinge, robust, simpo, alpha_po, davidson_dpo and rao_kupper_dpo",
        kind="modifier",
        recipe={"strength_offset": 0.5},
    ),
    Method(
        key="scaled_bt",
        paper="HelpSteer2-Preference: Complementing Ratings with Preferences (arXiv:2410.01257)",
        module=f"{HOME}.pairs",
        needs="pairs with a stated strength",
        summary="strength_weight: each step of strength counts that much more; for every pair objective with weights",
        kind="modifier",
        recipe={"strength_weight": 1.0},
    ),
]
