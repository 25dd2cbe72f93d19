"""Objectives by name: each a pure loss on sequence terms, and what it needs."""

from collections.abc import Mapping, Sequence

from ..lists import list_of_row, lists_of_rows
from ..recipes import PolicyRecipe
from ..rows import PreferenceRow
from .aot import AOT, AOT_UNPAIRED
from .curriculum import CURRY_DPO, Curriculum
from .dpo import DISCOPOP, H_DPO, HINGE, ROBUST, SIGMOID, SIGMOID_NORM
from .exo import EXO_PAIR
from .ift import IFT, Ift
from .ipl import IPL, Ipl
from .ipo import IPO
from .mixture import Mixture, refuse_unread, weighed
from .moving_reference import refuse_still
from .pointwise import APO_DOWN, APO_ZERO, BCO_PAIR, NCA_PAIR, SPPO_HARD
from .ranked import PLACKETT_LUCE, RANK_DPO, RRHF, ListObjective
from .rationale import KEY as RATIONALE
from .rationale import Rationale
from .reference_free import ALPHA_PO, ASFT, CPL, CPO, ORPO, SIMPO, TWO_AXES
from .scored import OFFLINE, SCORE_DPO, OfflineObjective
from .sft import SFT
from .srpo import SRPO, Srpo
from .t_reg import BASES, T_REG
from .terms import PairObjective, PairTerms, Side, soft_loss
from .tied import DAVIDSON_DPO, RAO_KUPPER_DPO
from .tpo import TPO
from .unpaired import APO_ZERO_UNPAIRED, BCO, KTO, UnpairedObjective

PAIR_OBJECTIVES = {
    objective.key: objective
    for objective in (
        *(SIGMOID, SIGMOID_NORM, HINGE, ROBUST, H_DPO, DISCOPOP),
        *(IPO, EXO_PAIR, BCO_PAIR, NCA_PAIR, SPPO_HARD, APO_ZERO, APO_DOWN),
        *(AOT, AOT_UNPAIRED, SFT, T_REG),
        *(DAVIDSON_DPO, RAO_KUPPER_DPO),
        *(SIMPO, ALPHA_PO, CPO, ORPO, ASFT, CPL, TWO_AXES),
    )
}
UNPAIRED_OBJECTIVES = {objective.key: objective for objective in (KTO, APO_ZERO_UNPAIRED, BCO)}
LIST_OBJECTIVES = {objective.key: objective for objective in (PLACKETT_LUCE, RANK_DPO, RRHF, TPO, SCORE_DPO)}
Listed = ListObjective | OfflineObjective | Curriculum  # what learns from whole lists of responses
Lone = Srpo | Ipl | Ift | Listed
# What reads neither a pair's sequence terms nor single ones, so that it mixes with nothing.
LONE_OBJECTIVES: dict[str, Lone] = {
    **{objective.key: objective for objective in (SRPO, IPL, IFT)},
    **LIST_OBJECTIVES,
    OFFLINE.key: OFFLINE,
    CURRY_DPO.key: CURRY_DPO,
}
Objective = Mixture | UnpairedObjective | Rationale | Lone


def pair_objective(loss_type: str) -> PairObjective:
    """The pair objective of that name. Raises ValueError that lists the names there are."""
    if loss_type not in PAIR_OBJECTIVES:
        raise ValueError(f"there is no pair objective {loss_type!r}; there are {', '.join(names())}")
    return PAIR_OBJECTIVES[loss_type]


def names() -> list[str]:
    """Every ``loss_type`` that there is."""
    return sorted({*PAIR_OBJECTIVES, *UNPAIRED_OBJECTIVES, *LONE_OBJECTIVES, RATIONALE})


def mixture(loss_type: str, loss_weights: Mapping[str, float] | None = None) -> Mixture:
    """The objectives of those names with their weights. Raises ValueError for a name that there is not, or where no
    objective has a weight."""
    parts = weighed(loss_type, loss_weights or {})
    found = tuple((pair_objective(name), float(weight)) for name, weight in parts.items() if weight)
    if not found:
        raise ValueError("every objective in loss_weights weighs 0: nothing would be learned")
    return Mixture(found)


def objective_of(recipe: PolicyRecipe) -> Objective:
    """What a policy recipe trains by. Raises ValueError in words for a recipe that does not fit together."""
    if recipe.loss_type in LONE_OBJECTIVES:
        return _lone(recipe)
    if recipe.loss_type in UNPAIRED_OBJECTIVES:
        if recipe.loss_weights:
            raise ValueError(f"{recipe.loss_type} reads single responses and mixes with nothing: empty loss_weights")
        single = UNPAIRED_OBJECTIVES[recipe.loss_type]
        refuse_unread(recipe, single.read)
        return single
    found = _pairs(recipe)
    refuse_unread(recipe, found.read)
    if found.whole_batch and recipe.model_pairs_share > 0.0 and recipe.n_prompts > 0:
        raise ValueError(
            f"{recipe.loss_type} takes certain labels of weight 1 only, and the reward model's pairs have soft ones: "
            "set model_pairs_share to 0, or choose another loss_type"
        )
    for dial in ("use_weighting", "strength_weight"):
        if found.whole_batch and getattr(recipe, dial):
            raise ValueError(f"{recipe.loss_type} sorts a batch, where no pair has a weight: leave {dial} out")
    return found


def _lone(recipe: PolicyRecipe) -> Lone:
    if recipe.loss_weights:
        raise ValueError(f"{recipe.loss_type} reads more than likelihoods and mixes with nothing: empty loss_weights")
    lone = LONE_OBJECTIVES[recipe.loss_type]
    refuse_unread(recipe, lone.read)
    return lone


def _pairs(recipe: PolicyRecipe) -> Mixture | Rationale:
    """What a recipe makes of pairs; rationales wrap its ``base_loss_type``."""
    if recipe.loss_type == RATIONALE:
        return Rationale(mixture(recipe.base_loss_type, recipe.loss_weights))
    if recipe.loss_type == "t_reg" and recipe.base_loss_type not in BASES:
        raise ValueError(
            f"t_reg is an addition to {' or '.join(BASES)}: base_loss_type {recipe.base_loss_type!r} is not"
        )
    return mixture(recipe.loss_type, recipe.loss_weights)


def refuse_unfit(recipe: PolicyRecipe, rows: Sequence[PreferenceRow]) -> None:
    """Raise ValueError in words when the recipe does not fit together, or cannot learn from these rows."""
    objective = objective_of(recipe)
    refuse_still(recipe, len(rows))
    if isinstance(objective, Mixture | Rationale):
        objective.refuse_unfit(rows)
    if isinstance(objective, ListObjective):
        objective.refuse_unfit([list_of_row(row) for row in rows])
    if not (recipe.n_prompts and recipe.model_pairs_share):  # then these rows are all there will be
        _refuse_nothing_left(objective, recipe, rows)


def _refuse_nothing_left(objective: Objective, recipe: PolicyRecipe, rows: Sequence[PreferenceRow]) -> None:
    lists = lists_of_rows(rows)
    if isinstance(objective, OfflineObjective):
        objective.examples(lists, recipe)
    if isinstance(objective, ListObjective) and not objective.prepare(lists, recipe.optim.seed):
        raise ValueError(
            f"{objective.key} learns from responses whose scores differ, and in all of these {len(rows)} judgments "
            "they are equal: let the policy's own samples in (n_prompts and model_pairs_share), or choose another "
            "loss_type"
        )


__all__ = [
    "LIST_OBJECTIVES",
    "LONE_OBJECTIVES",
    "OFFLINE",
    "PAIR_OBJECTIVES",
    "UNPAIRED_OBJECTIVES",
    "ListObjective",
    "Listed",
    "Mixture",
    "PairObjective",
    "PairTerms",
    "Side",
    "UnpairedObjective",
    "mixture",
    "names",
    "objective_of",
    "pair_objective",
    "refuse_unfit",
    "soft_loss",
]
