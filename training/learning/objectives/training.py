"""From a recipe and rows to what ``optimise`` takes, whichever kind of objective the recipe names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..devices import Compute
from ..logprobs import LogprobCache
from ..models import Policy
from ..optimise import Part
from ..recipes import OptimSettings, PolicyRecipe
from ..rows import PreferenceRow
from . import objective_of
from .mixture import Mixture
from .pairs import pair_loss, pair_plan
from .singles import singles_loss, singles_plan
from .steps import LazySteps


@dataclass(frozen=True)
class PreferenceTraining:
    """Steps of micro-batches, and the loss of one micro-batch."""

    steps: LazySteps[Any]
    loss: Callable[[Any, Any], Part]


def preference_training(
    policy: Policy,
    rows: Sequence[PreferenceRow],
    recipe: PolicyRecipe,
    settings: OptimSettings,
    *,
    reference: Policy,
    cache: LogprobCache,
    compute: Compute,
) -> PreferenceTraining:
    """Lay out a training by the recipe's objective. Raises ValueError in words where recipe and rows do not fit."""
    objective = objective_of(recipe)
    if isinstance(objective, Mixture):
        pairs = pair_plan(
            policy,
            rows,
            settings,
            max_length=recipe.max_length,
            objective=objective,
            dials=recipe,
            reference=reference,
            cache=cache,
            compute=compute,
        )
        return PreferenceTraining(pairs.steps, pair_loss(objective, recipe, compute=compute))
    single = singles_plan(
        policy,
        rows,
        settings,
        max_length=recipe.max_length,
        objective=objective,
        reference=reference,
        cache=cache,
        compute=compute,
    )
    return PreferenceTraining(single.steps, singles_loss(objective, recipe, compute=compute))
