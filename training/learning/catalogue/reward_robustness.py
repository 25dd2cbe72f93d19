"""What keeps a reward model honest, and reward models that need no new kind of label."""

from typing import Any

from .method import Kind, Method

HOME = "training.learning.rewards"
JUDGED = "judgments of pairs"
LATER = "The policy step of the paper comes with learning from the policy's own samples"
INCONSISTENCY = "The Trickle-down Impact of Reward (In-)consistency on RLHF (arXiv:2309.16155)"


def _method(
    key: str, paper: str, module: str, needs: str, cost: str, summary: str, kind: Kind = "reward", **recipe: Any
) -> Method:
    chosen = {"method": key, **recipe} if kind == "reward" else recipe
    return Method(key, paper, f"{HOME}.{module}", needs, summary, cost, kind, chosen)


ROBUSTNESS: list[Method] = [
    _method(
        "ensemble_wco_uwo",
        "Reward Model Ensembles Help Mitigate Overoptimization (arXiv:2310.02743)",
        "aggregate",
        "any reward method",
        "as many trainings as members (4), and as many passes when it scores; with train head, next to nothing",
        "Members of other seeds, asked together: their mean minus λ times their variance, or (aggregate min) the worst "
        "of them. Rewards are centred per prompt first, because a member's constant means nothing. Best of n and "
        "policy runs follow the rule; bootstrap draws each member's judgments anew",
        "reward_check",
        members=4,
        aggregate="mean_minus_var",
        uncertainty_weight=0.5,
    ),
    _method(
        "ensemble_pretrain_seeds",
        "Helping or Herding? Reward Model Ensembles Mitigate but do not Eliminate Reward Hacking (arXiv:2312.09244)",
        "members",
        "judgments of pairs; two or more backbones, named as bases in the reward recipe",
        "as many trainings as members and one more, which only measures",
        "Members on backbones that were pretrained apart; mean, min, median or mean minus standard deviation. Their "
        "disagreement is reported, and a member that takes no part says what the others' errors in common are worth",
        members=2,
        aggregate="mean_minus_std",
        uncertainty_weight=1.0,
        evaluation_member=True,
    ),
    _method(
        "preference_strength",
        "Secrets of RLHF in Large Language Models Part II: Reward Modeling (arXiv:2401.06080)",
        "robust.strength",
        JUDGED,
        "one more pass over each response for the crowd of heads; meta_step adds a pass over fresh samples to every "
        "step",
        "A crowd of heads judges labels that it has not seen and names those it doubts, to be asked again; doubtful "
        "can also flip, drop or soften them, which on the starter's states gained nothing over keeping them. "
        "Adaptive margins and a contrastive term in the loss; meta_step is MetaRM's ascent on how far fresh samples "
        "are scored apart",
        strength_models=10,
        adaptive_margin=0.5,
        contrastive_weight=0.05,
    ),
    _method(
        "domain_features",
        "Leveraging Domain Knowledge for Efficient Reward Modelling in RLHF: A Case-Study in E-Commerce Opinion "
        "Summarization (arXiv:2402.15473)",
        "robust.declared",
        JUDGED,
        "no pass over any response: features are rules",
        "A small network on declared features, for the first few judgments: lengths, marks, tone and echo, by name. "
        "Its weights are in the result",
    ),
    _method(
        "barfi",
        "Behavior Alignment via Reward Function Optimization (arXiv:2310.19007)",
        "robust.blend",
        "judgments of pairs, of which enough are set apart to choose by",
        "one pass over each response, and a search over a handful of weights",
        "Blends rules (auxiliary) into the reward, by weights that make best of n pick what people prefer among "
        f"judgments set apart; a rule that misleads gets none. {LATER}",
        auxiliary=["log words", "list item: count", "hedge: rate", "courtesy: any"],
    ),
    _method(
        "reward_on_policy",
        "Fine-Tuning Language Models with Reward Learning on Policy (arXiv:2403.19279)",
        "robust.bottleneck",
        "judgments of pairs; the policy's own samples, which it draws",
        "four samples for each of 64 prompts, and as many passes over them as bottleneck_epochs says",
        "Refits on what the policy says now, without labels: an information bottleneck between two samples of a prompt "
        "(RLP-UML), then pairs of its largest cluster of samples over the others (RLP-SPG) at a small weight. Runs in "
        f"the periodic refit. {LATER}",
        bottleneck_epochs=2.0,
        synthetic_weight=0.1,
    ),
    _method(
        "tree_structured",
        "Reward Generalization in RLHF: A Topological Perspective (arXiv:2402.10184)",
        "robust.shared_beginnings",
        "judgments of responses that begin alike: set branching in the policy recipe's sampler to 2 or more",
        "one pass over each response",
        "Bradley-Terry on leaves of generated trees: the same number of labels tells more of what differs after a "
        "common beginning. Says what share of the judgments compares such leaves",
    ),
    _method(
        "convex_da",
        INCONSISTENCY,
        "robust.convex",
        JUDGED,
        "up to six passes over each response",
        "Further pairs from changed copies of both responses, only the outermost of each kept (ConvexDA). The "
        "changes are rules; the paper's are paraphrases",
        perturbations=5,
    ),
    _method(
        "reward_fusion",
        INCONSISTENCY,
        "robust.fusion",
        JUDGED,
        "one pass over each response, and a comparison with every training response when it scores",
        "A response's reward leans on those of up to five training responses that are nearly the same, prompt and all "
        "(RewardFusion). Alike is by words and word pairs; the paper's is a sentence encoder",
        fusion_neighbours=5,
        fusion_similarity=0.9,
    ),
]
