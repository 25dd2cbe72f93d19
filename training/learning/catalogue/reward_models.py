"""The trained reward models, as the catalogue lists them."""

from typing import Any

from .method import Method

HOME = "training.learning.rewards"
JUDGED = "judgments of pairs"
READ_ONCE = "one pass over each response"
OPTIMISER_LATER = "The policy step of the paper comes with learning from the policy's own samples"


def _method(key: str, paper: str, module: str, needs: str, cost: str, summary: str, **dials: Any) -> Method:
    return Method(key, paper, f"{HOME}.{module}", needs, summary, cost, "reward", {"method": key, **dials})


REWARDS: list[Method] = [
    _method(
        "davidson",
        "On Extending the Bradley-Terry Model to Accommodate Ties (Davidson 1970)",
        "bradley_terry",
        JUDGED,
        READ_ONCE,
        "One number per response; ties, soft labels, weights, and strength as a factor. Where to begin",
    ),
    _method(
        "rao_kupper",
        "Ties in Paired-Comparison Experiments: A Generalization of the Bradley-Terry Model (Rao and Kupper 1967)",
        "bradley_terry",
        JUDGED,
        READ_ONCE,
        "Ties as differences too small to be seen: a threshold on the rewards' own scale instead of Davidson's weight",
    ),
    _method(
        "bradley_terry",
        "Rank Analysis of Incomplete Block Designs (Bradley and Terry 1952)",
        "bradley_terry",
        JUDGED,
        READ_ONCE,
        "No tie of its own: about the same counts half for either side",
    ),
    _method(
        "helpsteer2",
        "HelpSteer2-Preference: Complementing Ratings with Preferences (arXiv:2410.01257)",
        "heads.attributes",
        "ratings by attribute, and judgments of pairs with their strength",
        "two trainings, one after the other",
        "A regression on ratings, then a Bradley-Terry model scaled by strength that begins as it; extrapolation past "
        f"the trained weights besides. Best of n works now. {OPTIMISER_LATER}",
    ),
    _method(
        "general_preference",
        "General Preference Modeling with Preference Representations for Aligning Language Models (arXiv:2410.02197)",
        "heads.general_preference",
        JUDGED,
        READ_ONCE,
        "A vector per response, compared by a skew-symmetric product that the prompt gates: holds preferences that go "
        f"round in a circle. Best of n by round robin works now. {OPTIMISER_LATER}",
    ),
    _method(
        "hybrid_haf",
        "HAF-RM: A Hybrid Alignment Framework for Reward Model Training (arXiv:2407.04185)",
        "heads.hybrid",
        JUDGED,
        "one pass over each response with the output layer besides, and the reference's, once",
        "The policy's own head learns by DPO on the same backbone as the reward head, and is dropped afterwards",
    ),
    _method(
        "goal_conditioned",
        "Learning Goal-Conditioned Representations for Language Reward Models (arXiv:2407.13887)",
        "heads.goals",
        JUDGED,
        READ_ONCE,
        "States half way are drawn to where good answers end and away from bad ones; scores unfinished answers too",
    ),
    _method(
        "context_aware",
        "Improving Context-Aware Preference Modeling for Language Models (arXiv:2407.14916)",
        "heads.contexts",
        "judgments that name the criterion they were given by, at least two criteria",
        "one pass over each response, and at use one for each criterion",
        "The criterion stands in the prompt, so that another one may turn the verdict round; without one, all are "
        "weighed by how often they were used",
    ),
    _method(
        "adversarial_feedback",
        "Fine-tuning Language Models with Generative Adversarial Feedback (arXiv:2305.06176)",
        "heads.discriminator",
        "demonstrations; the run draws a sample of the policy beside each",
        f"one sample for each demonstration, then {READ_ONCE}",
        "The reward is the logit of a discriminator that tells demonstrations from samples: no preferences needed. "
        f"Best of n works now. {OPTIMISER_LATER}",
    ),
    _method(
        "stepwise",
        "Easy-to-Hard Generalization: Scalable Alignment Beyond Human Supervision (arXiv:2403.09472)",
        "heads.stepwise",
        "a mark for each line of a response",
        READ_ONCE,
        "A process reward: each line's probability to be right; a solution is its worst line or their product, with "
        f"the whole's reward besides where wanted. Best of n works now. {OPTIMISER_LATER}",
    ),
    _method(
        "plackett_luce_pessimism",
        "Principled Reinforcement Learning with Human Feedback from Pairwise or K-wise Comparisons (arXiv:2301.11270)",
        "heads.rankings",
        "judgments of pairs; rankings where the pairs of a prompt agree on one order",
        f"{READ_ONCE}; a second one when it scores, for the bound",
        "The likelihood of a whole order, or of its pairs (kwise false), and the paper's lower bound: a response's "
        "reward is less the farther its state lies from what was compared (pessimism is b·√n)",
        pessimism=1.0,
    ),
    _method(
        "implicit",
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model (arXiv:2305.18290)",
        "heads.implicit",
        JUDGED,
        "one pass over each response with the output layer besides; at use two, the policy's and the reference's",
        "A policy trained by DPO, read as a reward: β·log π/π_ref",
    ),
]
