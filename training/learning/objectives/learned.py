"""Which rows an objective learns from: verdicts on pairs, and what imports tell of single responses."""

from collections.abc import Sequence
from dataclasses import replace

from ..lists import lists_of_rows
from ..recipes import PolicyRecipe
from ..rows import PreferenceRow, verdicts
from . import UNPAIRED_OBJECTIVES, ListObjective, objective_of

FROM_CHOSEN = ("ift", "sft")  # they read chosen responses only
LABEL = "label"  # the rating of a single response that was found good (1) or bad (0)


def learned_from(recipe: PolicyRecipe, rows: Sequence[PreferenceRow]) -> list[PreferenceRow]:
    """Verdicts; demonstrations too for what learns from good answers alone, and labelled single responses for what
    learns from those.

    A demonstration without a sample stands beside itself: only its likelihood counts. Raises ValueError in words
    where there is nothing to learn from.
    """
    found = verdicts(rows)
    if recipe.loss_type in FROM_CHOSEN and not recipe.loss_weights:
        found += [_beside_itself(row) for row in rows if row.kind == "demonstration"]
    if recipe.loss_type in UNPAIRED_OBJECTIVES:
        found += [_labelled(row) for row in rows if row.kind == "assessment" and LABEL in _rated(row)]
    if not found:
        raise ValueError(
            f"{recipe.loss_type} learns from judgments of pairs, and nobody has judged one: judge some, or choose "
            f"{' or '.join(FROM_CHOSEN)}, which learn from demonstrations, or {' or '.join(UNPAIRED_OBJECTIVES)}, "
            "which learn from labels of single responses"
        )
    return _telling(recipe, found) or found


def _telling(recipe: PolicyRecipe, rows: Sequence[PreferenceRow]) -> list[PreferenceRow]:
    """The rows that an objective on lists makes something of: a round dealt only others would learn nothing."""
    objective = objective_of(recipe)
    if not isinstance(objective, ListObjective):
        return list(rows)
    lists = lists_of_rows(rows)
    return [row for row, one in zip(rows, lists, strict=True) if objective.prepare([one], recipe.optim.seed)]


def _beside_itself(row: PreferenceRow) -> PreferenceRow:
    return row if row.responses[1] else replace(row, responses=(row.responses[0],) * 2)


def _labelled(row: PreferenceRow) -> PreferenceRow:
    """The row whose ``p`` is the label of its one response."""
    return replace(row, p=min(max(_rated(row)[LABEL], 0.0), 1.0))


def _rated(row: PreferenceRow) -> dict[str, float]:
    return row.ratings[0] if row.ratings else {}
