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
from .unpaired import UnpairedObjective


@dataclass(frozen=True)
class Material:
    """What a training is laid out from. ``reference`` is the incumbent, before its first step."""

    policy: Policy
    rows: Sequence[PreferenceRow]
    recipe: PolicyRecipe
    settings: OptimSettings
    reference: Policy
    cache: LogprobCache
    compute: Compute | None


@dataclass(frozen=True)
class PreferenceTraining:
    """Steps of micro-batches, and the loss of one micro-batch."""

    steps: LazySteps[Any]
    loss: Callable[[Any, Any], Part]


def _pairs(objective: Mixture, given: Material) -> PreferenceTraining:
    planned = pair_plan(
        given.policy,
        given.rows,
        given.settings,
        max_length=given.recipe.max_length,
        objective=objective,
        dials=given.recipe,
        reference=given.reference,
        cache=given.cache,
        compute=given.compute,
    )
    return PreferenceTraining(planned.steps, pair_loss(objective, given.recipe, compute=given.compute))


def _singles(objective: UnpairedObjective, given: Material) -> PreferenceTraining:
    planned = singles_plan(
        given.policy,
        given.rows,
        given.settings,
        max_length=given.recipe.max_length,
        objective=objective,
        reference=given.reference,
        cache=given.cache,
        compute=given.compute,
    )
    return PreferenceTraining(planned.steps, singles_loss(objective, given.recipe, compute=given.compute))


# How each kind of objective is laid out.
KINDS: dict[type, Callable[[Any, Material], PreferenceTraining]] = {Mixture: _pairs, UnpairedObjective: _singles}


def preference_training(given: Material) -> PreferenceTraining:
    """Lay out a training by the recipe's objective. Raises ValueError in words where recipe and rows do not fit."""
    objective = objective_of(given.recipe)
    return KINDS[type(objective)](objective, given)
