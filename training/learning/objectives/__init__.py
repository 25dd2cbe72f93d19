"""Objectives by name: each a pure loss on sequence terms, and what it needs."""

from collections.abc import Mapping

from ..recipes import PolicyRecipe
from .aot import AOT, AOT_UNPAIRED
from .dpo import DISCOPOP, H_DPO, HINGE, ROBUST, SIGMOID, SIGMOID_NORM
from .exo import EXO_PAIR
from .ipo import IPO
from .mixture import Mixture, refuse_unread, weighed
from .pointwise import APO_DOWN, APO_ZERO, BCO_PAIR, NCA_PAIR, SPPO_HARD
from .reference_free import ALPHA_PO, ASFT, CPL, CPO, ORPO, SIMPO, TWO_AXES
from .sft import SFT
from .terms import PairObjective, PairTerms, Side, soft_loss

PAIR_OBJECTIVES = {
    objective.key: objective
    for objective in (
        *(SIGMOID, SIGMOID_NORM, HINGE, ROBUST, H_DPO, DISCOPOP),
        *(IPO, EXO_PAIR, BCO_PAIR, NCA_PAIR, SPPO_HARD, APO_ZERO, APO_DOWN),
        *(AOT, AOT_UNPAIRED, SFT),
        *(SIMPO, ALPHA_PO, CPO, ORPO, ASFT, CPL, TWO_AXES),
    )
}


def pair_objective(loss_type: str) -> PairObjective:
    """The pair objective of that name. Raises ValueError that lists the names there are."""
    if loss_type not in PAIR_OBJECTIVES:
        raise ValueError(f"there is no pair objective {loss_type!r}; there are {', '.join(sorted(PAIR_OBJECTIVES))}")
    return PAIR_OBJECTIVES[loss_type]


def mixture(loss_type: str, loss_weights: Mapping[str, float] | None = None) -> Mixture:
    """The objectives of those names with their weights. Raises ValueError for a name that there is not."""
    parts = weighed(loss_type, loss_weights or {})
    return Mixture(tuple((pair_objective(name), float(weight)) for name, weight in parts.items() if weight))


def objective_of(recipe: PolicyRecipe) -> Mixture:
    """What a policy recipe trains by. Raises ValueError in words for a recipe that does not fit together."""
    found = mixture(recipe.loss_type, recipe.loss_weights)
    refuse_unread(recipe, [objective for objective, _ in found.parts])
    if found.whole_batch and recipe.model_pairs_share > 0.0 and recipe.n_prompts > 0:
        raise ValueError(
            f"{recipe.loss_type} takes certain labels of weight 1 only, and the reward model's pairs have soft ones: "
            "set model_pairs_share to 0, or choose another loss_type"
        )
    if found.whole_batch and recipe.use_weighting:
        raise ValueError(
            f"{recipe.loss_type} sorts a batch, so a pair's own weight has no place: leave use_weighting out"
        )
    return found


__all__ = [
    "PAIR_OBJECTIVES",
    "Mixture",
    "PairObjective",
    "PairTerms",
    "Side",
    "mixture",
    "objective_of",
    "pair_objective",
    "soft_loss",
]
