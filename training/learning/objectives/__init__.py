"""Objectives by name: each a pure loss on sequence terms, and what it needs."""

from .dpo import SIGMOID
from .ipo import IPO
from .sft import SFT
from .terms import PairDials, PairObjective, PairTerms, Side, soft_loss

PAIR_OBJECTIVES = {objective.key: objective for objective in (SIGMOID, IPO, SFT)}


def pair_objective(loss_type: str) -> PairObjective:
    """The pair objective of that name. Raises ValueError that lists the names there are."""
    if loss_type not in PAIR_OBJECTIVES:
        raise ValueError(f"there is no pair objective {loss_type!r}; there are {', '.join(sorted(PAIR_OBJECTIVES))}")
    return PAIR_OBJECTIVES[loss_type]


__all__ = [
    "PAIR_OBJECTIVES",
    "PairDials",
    "PairObjective",
    "PairTerms",
    "Side",
    "pair_objective",
    "soft_loss",
]
