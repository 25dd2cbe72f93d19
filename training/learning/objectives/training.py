"""From a recipe and rows to what ``optimise`` takes, whichever kind of objective the recipe names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..devices import Compute
from ..lists import RankedList, lists_of_rows
from ..logprobs import LogprobCache
from ..models import Policy
from ..optimise import Companion, Part
from ..recipes import OptimSettings, PolicyRecipe
from ..rows import PreferenceRow
from ..scored_prompts import not_asking, with_score
from . import objective_of
from .curriculum import Curriculum
from .ift import Ift, ift_step, ift_steps
from .ipl import Ipl, ipl_step
from .lists import list_loss, list_plan
from .mixture import Mixture
from .moving_reference import MovingReference
from .pairs import pair_loss, pair_plan, strength_factor
from .ranked import ListObjective
from .rationale import Rationale, rationale_plan, rationale_step
from .scored import Example, OfflineObjective
from .sft import sft_loss, sft_steps
from .singles import singles_loss, singles_plan
from .srpo import Srpo, srpo_plan, srpo_step
from .steps import LazySteps
from .unpaired import UnpairedObjective


@dataclass(frozen=True)
class Material:
    """What a training is laid out from. ``reference`` is the incumbent, before its first step; ``cache`` knows it.

    ``rows`` are pairs, ``lists`` whole lists of responses, for objectives that learn from those.
    """

    policy: Policy
    rows: Sequence[PreferenceRow]
    recipe: PolicyRecipe
    settings: OptimSettings
    reference: Policy
    cache: LogprobCache | None
    compute: Compute | None
    lists: Sequence[RankedList] = ()

    @property
    def all_lists(self) -> list[RankedList]:
        """The pairs as lists of two, stated strength in their weights, then the lists."""
        told = [replace(row, weight=row.weight * strength_factor(row, self.recipe)) for row in self.rows]
        return [*lists_of_rows(told), *self.lists]


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


def _lists(objective: ListObjective, given: Material) -> PreferenceTraining:
    planned = list_plan(
        given.policy,
        given.all_lists,
        given.settings,
        max_length=given.recipe.max_length,
        objective=objective,
        reference=given.reference,
        cache=given.cache,
        compute=given.compute,
    )
    return PreferenceTraining(planned.steps, list_loss(objective, given.recipe, compute=given.compute))


def _offline(objective: OfflineObjective, given: Material) -> PreferenceTraining:
    """Fine-tuning on scored responses; those of one prompt in one group, unless each has a score in its prompt."""
    by_score = given.recipe.offline_mode == "decision_transformer"
    policy = not_asking(given.policy) if by_score else given.policy
    together: dict[tuple[int, float | None], list[Example]] = {}
    for one in objective.examples(given.all_lists, given.recipe):
        together.setdefault((id(one.ranked), one.score if by_score else None), []).append(one)
    groups, weights = [], []
    for mine in together.values():
        ranked, score = mine[0].ranked, mine[0].score
        prompt = with_score(ranked.prompt, score) if by_score else ranked.prompt
        answers = [ranked.responses[one.place] for one in mine]
        groups.append(policy.text.group(prompt, answers, max_length=given.recipe.max_length))
        weights.append([one.weight for one in mine])
    return PreferenceTraining(sft_steps(policy, groups, given.settings, weights=weights), sft_loss(given.compute))


def _staged(objective: Curriculum, given: Material) -> PreferenceTraining:
    raise ValueError(f"{objective.key} trains in stages: lay out each of preference_stages when its turn comes")


# How each kind of objective is laid out.
KINDS: dict[type, Callable[[Any, Material], PreferenceTraining]] = {
    Mixture: _pairs,
    UnpairedObjective: _singles,
    Rationale: _rationale,
    Ipl: _ipl,
    Srpo: _srpo,
    Ift: _ift,
    ListObjective: _lists,
    OfflineObjective: _offline,
    Curriculum: _staged,
}


def preference_stages(given: Material) -> list[Material]:
    """The trainings, one after the other, that the recipe asks for: one, but of a curriculum each stage.

    Lay each out with ``preference_training`` when the one before it is done: a later stage's reference is the policy as
    it then is. A resumed run does the same again, and every finished stage puts its weights back.
    """
    objective = objective_of(given.recipe)
    if not isinstance(objective, Curriculum):
        return [given]
    plain = replace(given, recipe=replace(given.recipe, loss_type="sigmoid"), lists=())
    first, *rest = objective.stages(given.rows, given.lists)
    later = replace(plain, reference=given.policy, cache=None)
    return [replace(plain, rows=first), *(replace(later, rows=stage) for stage in rest)]


def preference_training(given: Material) -> PreferenceTraining:
    """Lay out a training by the recipe's objective. Raises ValueError in words where recipe and rows do not fit."""
    objective = objective_of(given.recipe)
    return KINDS[type(objective)](objective, given)
