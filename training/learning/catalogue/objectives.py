"""The preference objectives, as the catalogue lists them."""

from typing import Any

from .method import Kind, Method

HOME = "training.learning.objectives"
PAIRS = "pairs"
REFERENCED = "pairs, a reference policy"
CERTAIN = "pairs with certain labels of weight 1, a reference policy"
SINGLE = "responses found good or bad (both sides of a pair), a reference policy"
ALONE = "one pass over each response"
COMPARED = "one pass over each response, and the reference's, which is kept"


MEASURED = "two passes over each response (one measures the KL on a stranger's), and the reference's, which are kept"

# What an objective begins with where that differs from the recipe as it is, and what changes an objective adds.
BEGINNINGS: dict[str, dict[str, Any]] = {
    "simpo": {"beta": 2.0, "simpo_gamma": 1.0},
    "alpha_po": {"beta": 2.0, "simpo_gamma": 1.0, "alpha": 0.25},
    "robust": {"label_smoothing": 0.1},
    "orpo_asft_beta": {"odds_or_ratio": "odds", "pairwise": True},
    "aot": {"model_pairs_share": 0.0},
    "aot_unpaired": {"model_pairs_share": 0.0},
    "f_divergence": {"f_divergence_type": "js_divergence"},
    "ld_dpo": {"ld_alpha": 0.5},
    "wpo": {"use_weighting": True},
    "mpo": {"loss_weights": {"bco_pair": 0.25, "sft": 1.25}},  # beside 1: the paper's 0.8, 0.2 and 1
}


def _method(key: str, paper: str, module: str, needs: str, summary: str, kind: Kind = "objective") -> Method:
    cost = COMPARED if "reference" in needs else ALONE
    cost = MEASURED if key == "kto" else cost
    recipe = {**({"loss_type": key} if kind == "objective" else {}), **BEGINNINGS.get(key, {})}
    return Method(key, paper, f"{HOME}.{module}", needs, summary, cost, kind, recipe)


OBJECTIVES: list[Method] = [
    _method(
        "sigmoid",
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model (arXiv:2305.18290)",
        "dpo",
        REFERENCED,
        "DPO with soft labels and weights; label_smoothing makes it conservative DPO. Where to begin",
    ),
    _method(
        "sigmoid_norm",
        "Tülu 3: Pushing Frontiers in Open Language Model Post-Training (arXiv:2411.15124)",
        "dpo",
        REFERENCED,
        "DPO on log-ratios per token, so that length earns nothing by itself",
    ),
    _method(
        "hinge",
        "SLiC-HF: Sequence Likelihood Calibration with Human Feedback (arXiv:2305.10425)",
        "dpo",
        REFERENCED,
        "A margin instead of a link: a pair that is won by enough is left alone",
    ),
    _method(
        "robust",
        "Provably Robust DPO: Aligning Language Models with Noisy Feedback (arXiv:2403.00409)",
        "dpo",
        REFERENCED,
        "DPO's loss without the bias of a known share of flipped labels (label_smoothing)",
    ),
    _method(
        "h_dpo",
        "Entropy Controllable Direct Preference Optimization (arXiv:2411.07595)",
        "dpo",
        REFERENCED,
        "DPO with the policy's likelihood scaled by entropy_alpha: below 1 the policy becomes sharper",
    ),
    _method(
        "discopop",
        "Discovering Preference Optimization Algorithms with and for Large Language Models (arXiv:2406.08414)",
        "dpo",
        REFERENCED,
        "A blend of the logistic and the exponential loss that a search found; its first steps go the wrong way",
    ),
    _method(
        "ipo",
        "A General Theoretical Paradigm to Understand Learning from Human Preferences (arXiv:2310.12036)",
        "ipo",
        REFERENCED,
        "A squared distance to a margin per token, which cannot run away on certain labels",
    ),
    _method(
        "exo_pair",
        "Towards Efficient Exact Optimization of Language Model Alignment (arXiv:2402.00856)",
        "exo",
        REFERENCED,
        "The reverse KL between the policy's and the label's distribution over a pair",
    ),
    _method(
        "bco_pair",
        "Binary Classifier Optimization for Large Language Model Alignment (arXiv:2404.04656)",
        "pointwise",
        REFERENCED,
        "A classifier of single responses, each pushed by itself",
    ),
    _method(
        "nca_pair",
        "Noise Contrastive Alignment of Language Models with Explicit Rewards (arXiv:2402.05369)",
        "pointwise",
        REFERENCED,
        "Keeps the chosen response's likelihood from falling along with the rejected one's",
    ),
    _method(
        "sppo_hard",
        "Self-Play Preference Optimization for Language Model Alignment (arXiv:2405.00675)",
        "pointwise",
        REFERENCED,
        "Squared distances of both log-ratios to fixed aims",
    ),
    _method(
        "apo_zero",
        "Anchored Preference Optimization and Contrastive Revisions (arXiv:2408.06266)",
        "pointwise",
        REFERENCED,
        "Chosen up, rejected down: for chosen responses better than the policy's own",
    ),
    _method(
        "apo_down",
        "Anchored Preference Optimization and Contrastive Revisions (arXiv:2408.06266)",
        "pointwise",
        REFERENCED,
        "Both down, the rejected one more: for chosen responses worse than the policy's own",
    ),
    _method(
        "aot",
        "Distributional Preference Alignment of LLMs via Optimal Transport (arXiv:2406.05882)",
        "aot",
        CERTAIN,
        "The sorted margins of a batch against the reference's",
    ),
    _method(
        "aot_unpaired",
        "Distributional Preference Alignment of LLMs via Optimal Transport (arXiv:2406.05882)",
        "aot",
        CERTAIN,
        "The sorted chosen log-ratios of a batch against the sorted rejected ones",
    ),
    _method(
        "sft",
        "Training language models to follow instructions with human feedback (arXiv:2203.02155)",
        "sft",
        "responses; as a pair objective, pairs",
        "Likelihood of responses, alone or added to a pair objective with loss_weights",
    ),
    _method(
        "simpo",
        "SimPO: Simple Preference Optimization with a Reference-Free Reward (arXiv:2405.14734)",
        "reference_free",
        PAIRS,
        "Likelihoods per token and a margin (simpo_gamma); beta of 2 to 10",
    ),
    _method(
        "alpha_po",
        "AlphaPO: Reward Shape Matters for LLM Alignment (arXiv:2501.03884)",
        "reference_free",
        PAIRS,
        "SimPO with a shaped reward: alpha bends it, 0 is SimPO",
    ),
    _method(
        "cpo",
        "Contrastive Preference Optimization (arXiv:2401.08417)",
        "reference_free",
        PAIRS,
        "DPO without a reference, with the chosen response's likelihood added (nll_weight)",
    ),
    _method(
        "orpo",
        "ORPO: Monolithic Preference Optimization without Reference Model (arXiv:2403.07691)",
        "reference_free",
        PAIRS,
        "The chosen response's likelihood and a log odds ratio, without a stage of fine-tuning before",
    ),
    _method(
        "asft",
        "ASFT: Aligned Supervised Fine-Tuning through Absolute Likelihood (arXiv:2409.10571)",
        "reference_free",
        PAIRS,
        "Chosen likely and rejected unlikely, each absolutely",
    ),
    _method(
        "cpl",
        "Contrastive Preference Learning: Learning from Human Feedback without RL (arXiv:2310.13639)",
        "reference_free",
        PAIRS,
        "Likelihoods as advantages, the rejected one's discounted by contrastive_bias",
    ),
    _method(
        "orpo_asft_beta",
        "The Differences Between Direct Alignment Algorithms are a Blur (arXiv:2502.01237)",
        "reference_free",
        REFERENCED,
        "Two axes: odds or ratios (odds_or_ratio), pairwise or pointwise; after fine-tuning, with a beta to tune",
    ),
    _method(
        "kto",
        "KTO: Model Alignment as Prospect Theoretic Optimization (arXiv:2402.01306)",
        "unpaired",
        SINGLE,
        "Single responses, good or bad, against how far the policy has moved; both weights for uneven thumbs",
    ),
    _method(
        "apo_zero_unpaired",
        "Anchored Preference Optimization and Contrastive Revisions (arXiv:2408.06266)",
        "unpaired",
        SINGLE,
        "Good responses up, bad ones down, each by itself",
    ),
    _method(
        "bco",
        "Binary Classifier Optimization for Large Language Model Alignment (arXiv:2404.04656)",
        "unpaired",
        SINGLE,
        "A classifier of single responses, shifted halfway between the good ones' and the bad ones' rewards",
    ),
]

MODIFIERS: list[Method] = [
    _method(
        "f_divergence",
        "Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse Divergence Constraints "
        "(arXiv:2309.16240)",
        "divergences",
        REFERENCED,
        "f_divergence_type for sigmoid, sigmoid_norm, hinge, robust, exo_pair, ipo and discopop",
        "modifier",
    ),
    _method(
        "ld_dpo",
        "Length Desensitization in Direct Preference Optimization (arXiv:2409.06411)",
        "pairs",
        PAIRS,
        "ld_alpha counts the tokens that one response has beyond the other's length less; for every pair objective",
        "modifier",
    ),
    _method(
        "wpo",
        "WPO: Enhancing RLHF with Weighted Preference Optimization (arXiv:2406.11827)",
        "terms",
        PAIRS,
        "use_weighting weighs a pair by how likely the policy itself finds it; for every pair objective",
        "modifier",
    ),
    _method(
        "mpo",
        "Enhancing the Reasoning Ability of Multimodal LLMs via Mixed Preference Optimization (arXiv:2411.10442)",
        "mixture",
        PAIRS,
        "loss_weights: several objectives at once, each with its weight",
        "modifier",
    ),
]
