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

STRENGTH: list[Method] = [
    Method(
        key="odpo",
        paper="Direct Preference Optimization with an Offset (arXiv:2402.10571)",
        module=f"{HOME}.pairs",
        needs="pairs with a stated strength",
        summary="strength_offset: the stronger the verdict, the larger the margin of rewards; for sigmoid, "
        "sigmoid_norm, hinge, robust, simpo, alpha_po, davidson_dpo and rao_kupper_dpo",
        kind="modifier",
    ),
    Method(
        key="scaled_bt",
        paper="HelpSteer2-Preference: Complementing Ratings with Preferences (arXiv:2410.01257)",
        module=f"{HOME}.pairs",
        needs="pairs with a stated strength",
        summary="strength_weight: each step of strength counts that much more; for every pair objective with weights",
        kind="modifier",
    ),
]
