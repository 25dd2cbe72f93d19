"""From a recipe and rows to what ``optimise`` takes, whichever kind of objective the recipe names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..devices import Compute
from ..logprobs import LogprobCache
from ..models import Policy
from ..optimise import Companion, Part
from ..recipes import OptimSettings, PolicyRecipe
from ..rows import PreferenceRow
from . import objective_of
from .ift import Ift, ift_step, ift_steps
from .ipl import Ipl, ipl_step
from .mixture import Mixture
from .moving_reference import MovingReference
from .pairs import pair_loss, pair_plan
from .rationale import Rationale, rationale_plan, rationale_step
from .singles import singles_loss, singles_plan
from .srpo import Srpo, srpo_plan, srpo_step
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
    """Steps of micro-batches, the loss of one micro-batch, and what changes beside the policy."""

    steps: LazySteps[Any]
    loss: Callable[[Any, Any], Part]
    companion: Companion | None = None


def _moving(given: Material) -> MovingReference | None:
    if not given.recipe.sync_ref_model:
        return None
    return MovingReference(given.reference.model, given.policy.model, given.recipe)


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
    moving = _moving(given)
    loss = pair_loss(objective, given.recipe, compute=given.compute, moving=moving and moving.model)
    return PreferenceTraining(planned.steps, loss, moving)


def _rationale(objective: Rationale, given: Material) -> PreferenceTraining:
    planned = rationale_plan(
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
    moving = _moving(given)
    loss = rationale_step(objective, given.recipe, compute=given.compute, moving=moving and moving.model)
    return PreferenceTraining(planned.steps, loss, moving)


def _ipl(objective: Ipl, given: Material) -> PreferenceTraining:
    planned = pair_plan(
        given.policy, given.rows, given.settings, max_length=given.recipe.max_length, objective=objective
    )
    return PreferenceTraining(planned.steps, ipl_step(given.recipe, compute=given.compute))


def _srpo(objective: Srpo, given: Material) -> PreferenceTraining:
    planned = srpo_plan(
        given.policy,
        given.rows,
        given.settings,
        max_length=given.recipe.max_length,
        reference=given.reference,
        cache=given.cache,
        compute=given.compute,
    )
    return PreferenceTraining(planned.steps, srpo_step(given.recipe, compute=given.compute))


def _ift(objective: Ift, given: Material) -> PreferenceTraining:
    steps = ift_steps(given.policy, given.rows, given.settings, max_length=given.recipe.max_length)
    return PreferenceTraining(steps, ift_step(given.recipe, compute=given.compute))


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
KINDS: dict[type, Callable[[Any, Material], PreferenceTraining]] = {
    Mixture: _pairs,
    UnpairedObjective: _singles,
    Rationale: _rationale,
    Ipl: _ipl,
    Srpo: _srpo,
    Ift: _ift,
}


def preference_training(given: Material) -> PreferenceTraining:
    """Lay out a training by the recipe's objective. Raises ValueError in words where recipe and rows do not fit."""
    objective = objective_of(given.recipe)
    return KINDS[type(objective)](objective, given)
