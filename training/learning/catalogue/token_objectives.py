"""Objectives on tokens, revisions, rationales and demonstrations, as the catalogue lists them."""

from .method import Method

HOME = "training.learning.objectives"

TOKEN_OBJECTIVES: list[Method] = [
    Method(
        key="t_reg",
        paper="T-REG: Preference Optimization with Token-Level Reward Regularization (arXiv:2412.02685)",
        module=f"{HOME}.t_reg",
        needs="pairs, a reference policy that can follow an instruction",
        summary="DPO or SimPO (base_loss_type) with a reward per token: the reference asked to answer well, and badly",
        cost="one pass over each response, and three of the reference's, which are kept",
        kind="objective",
        recipe={"loss_type": "t_reg"},
    ),
    Method(
        key="srpo",
        paper="Self-Improving Robust Preference Optimization (arXiv:2406.01660)",
        module=f"{HOME}.srpo",
        needs="pairs, a reference policy",
        summary="One policy learns to answer and to revise a draft; it can revise its own answers afterwards",
        cost="three passes over each response (two with a draft before it), and the reference's, which are kept",
        kind="objective",
        recipe={"loss_type": "srpo"},
    ),
    Method(
        key="rationale",
        paper="Data-Centric Human Preference Optimization with Rationales (arXiv:2407.14477)",
        module=f"{HOME}.rationale",
        needs="pairs, of which some say why; else what base_loss_type needs",
        summary="Any pair objective (base_loss_type, loss_weights) and the likelihood of the reasons that people gave",
        cost="that of the pair objective, and one pass over each rationale with both responses before it",
        kind="objective",
        recipe={"loss_type": "rationale"},
    ),
    Method(
        key="ipl",
        paper="Inverse Preference Learning: Preference-based RL without a Reward Function (arXiv:2305.15363)",
        module=f"{HOME}.ipl",
        needs="pairs",
        summary="The policy's logits as a Q function whose rewards explain the pairs; ipl_gamma 1: DPO, reference-free",
        cost="one pass over each response",
        kind="objective",
        recipe={"loss_type": "ipl"},
    ),
    Method(
        key="ift",
        paper="Intuitive Fine-Tuning: Towards Unifying SFT and RLHF into a Single Process (arXiv:2405.11870)",
        module=f"{HOME}.ift",
        needs="demonstrations: the chosen response of each pair",
        summary="Fine-tuning on inputs mixed with the policy's own guesses, each token weighed by what it costs later",
        cost="two passes over each chosen response, one without gradient",
        kind="objective",
        recipe={"loss_type": "ift"},
    ),
]

TOKEN_MODIFIERS: list[Method] = [
    Method(
        key="tr_dpo",
        paper="Learn Your Reference Model for Real Good Alignment (arXiv:2404.09656)",
        module=f"{HOME}.moving_reference",
        needs="pairs, a reference policy",
        summary="sync_ref_model: the reference follows the policy every ref_model_sync_steps, by ref_model_mixup_alpha",
        cost="a pass of the reference over each response in every step; nothing of it can be kept",
        kind="modifier",
        recipe={"sync_ref_model": True, "ref_model_sync_steps": 16},
    ),
]
