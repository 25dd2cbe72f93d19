"""Choosing what a project's policy and its reward model are trained by, out of the catalogue."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from alignment_site import env
from labeling.actions.projecting import change_project
from labeling.models import Person, Project
from training.dials import changed_recipe, changed_reward_recipe, policy_recipe
from training.judging import judge_endpoint
from training.learning.catalogue import METHODS, Method
from training.learning.recipes import ObjectiveDials, PolicyRecipe, RewardDials
from training.learning.rewards.needs import NEEDS, SET_JUDGE, Need, judge_of, need_of
from training.snapshot import carried

OBJECTIVES = {method.key: method for method in METHODS if method.kind == "objective"}
MODIFIERS = {method.key: method for method in METHODS if method.kind == "modifier"}  # what changes an objective
# What a reward recipe can say: a method of its own, or what changes whichever method there is.
REWARDS = {method.key: method for method in METHODS if method.kind in ("reward", "reward_check") and method.recipe}
FIRST_REWARD = {"method": "davidson"}  # of a project that chose none


class NoSuchMethod(ValueError):
    """What was asked for is no objective; the message lists what is."""


def objective(key: str) -> Method:
    """The objective of that name. Raises NoSuchMethod."""
    if key not in OBJECTIVES:
        raise NoSuchMethod(f"There is no objective {key!r}; there are {', '.join(sorted(OBJECTIVES))}.")
    return OBJECTIVES[key]


def modifier(key: str) -> Method:
    """What changes an objective, by its name. Raises NoSuchMethod."""
    if key not in MODIFIERS:
        raise NoSuchMethod(f"Nothing that changes an objective is called {key!r}; there are {', '.join(MODIFIERS)}.")
    return MODIFIERS[key]


def chosen_objective(key: str) -> dict[str, Any]:
    """The changes to a recipe that choose an objective; KEY+MODIFIER takes what changes it too. Raises NoSuchMethod."""
    first, *more = key.split("+")
    recipe = dict(objective(first).recipe)
    for name in more:
        recipe |= modifier(name).recipe
    return recipe


def chosen_policy(project: Project, key: str) -> dict[str, Any]:
    """The project's changes to the policy recipe, once this objective is chosen.

    The dials of the one before go, because they would mean something else; what a recipe says of samples, rounds and
    the optimiser stays. Raises NoSuchMethod, or ValueError where the rest of the recipe does not fit.
    """
    dials = {*ObjectiveDials.__dataclass_fields__, "loss_weights", "loss_type"}
    kept = {name: value for name, value in dict(project.recipe or {}).items() if name not in dials}
    recipe = {**kept, **chosen_objective(key)}
    changed_recipe(project.policy_source, recipe)
    return recipe


def choose_objective(*, project: Project, by: Person, key: str) -> None:
    """Train the project's policy by another objective from its next run on. Raises as ``chosen_policy`` does."""
    change_project(project=project, by=by, settings={"recipe": chosen_policy(project, key)})


def change_objective(*, project: Project, by: Person, key: str, on: bool = True) -> None:
    """Add what changes the project's objective, or take it away. Raises NoSuchMethod, or ValueError where it does not
    fit the objective."""
    changes, before = modifier(key).recipe, dict(project.recipe or {})
    recipe = {name: value for name, value in before.items() if name not in changes} | (dict(changes) if on else {})
    changed_recipe(project.policy_source, recipe)
    change_project(project=project, by=by, settings={"recipe": recipe})


def modifiers_in_use(recipe: PolicyRecipe) -> set[str]:
    """The keys of what changes a recipe's objective: the first dial of each says so."""
    plain, firsts = PolicyRecipe(), {key: next(iter(method.recipe)) for key, method in MODIFIERS.items()}
    return {key for key, dial in firsts.items() if getattr(recipe, dial) != getattr(plain, dial)}


class NoSuchData(ValueError):
    """What was asked for needs what the project cannot give it; the message says what that is."""


@dataclass(frozen=True)
class Lack:
    """What a reward method needs, and why this project cannot give it, in words."""

    need: str
    why: str


def lacking(key: str, carries: Collection[Need]) -> Lack | None:
    """What keeps a reward method from being chosen in a project that ``carries`` this; None where nothing does."""
    method = str(REWARDS[key].recipe.get("method", FIRST_REWARD["method"]))
    need, judge = need_of(method), judge_of(method)
    if need != "pairs" and need in carries:
        return None
    if judge:
        trouble = _judge_trouble(f"None is set: {SET_JUDGE}")
        return Lack("asks a language model", trouble) if trouble else None
    if need == "pairs":
        return None
    why = "No training prompt of this project has that: import rows that carry it (the page Import shows how)"
    return Lack(f"learns from {NEEDS[need].words}", why)


def _judge_trouble(unset: str) -> str:
    """Why the judge cannot be asked, in words (``unset`` where there is none); nothing where it can."""
    try:
        return "" if judge_endpoint() else unset
    except env.BadSetting as error:
        return str(error).rstrip(".")


def chosen_reward(project: Project, key: str) -> dict[str, Any]:
    """The project's changes to the reward recipe, once this method is chosen.

    A method replaces the one before, and the dials that would mean something else; what keeps a reward model honest
    is added. Raises NoSuchMethod, NoSuchData, or ValueError where the rest of the recipe does not fit.
    """
    if key not in REWARDS:
        raise NoSuchMethod(f"There is no reward method {key!r}; there are {', '.join(sorted(REWARDS))}.")
    if lack := lacking(key, carried(project)):
        raise NoSuchData(f"{key} {lack.need}. {lack.why}.")
    before = dict(project.reward_recipe or {})
    if REWARDS[key].kind == "reward":
        dials = {*RewardDials.__dataclass_fields__, "method"}
        before = {name: value for name, value in before.items() if name not in dials}
    recipe = {**before, **REWARDS[key].recipe}
    changed_reward_recipe(policy_recipe(project), recipe)
    return recipe


def choose_reward(*, project: Project, by: Person, key: str) -> None:
    """Refit the project's reward model by another method from its next run on. Raises as ``chosen_reward`` does."""
    change_project(project=project, by=by, settings={"reward_recipe": chosen_reward(project, key)})


def leave_out(*, project: Project, by: Person, key: str) -> None:
    """Take away what was added to the project's objective or to its reward method.

    Raises NoSuchMethod, or ValueError where what is left does not fit.
    """
    if key in MODIFIERS:
        change_objective(project=project, by=by, key=key, on=False)
        return
    if key not in REWARDS or REWARDS[key].kind == "reward":
        raise NoSuchMethod(f"{key!r} is nothing that was added: choose another method in its place.")
    added = REWARDS[key].recipe
    recipe = {name: value for name, value in dict(project.reward_recipe or {}).items() if name not in added}
    changed_reward_recipe(policy_recipe(project), recipe)
    change_project(project=project, by=by, settings={"reward_recipe": recipe})


def rewards_in_use(project: Project) -> set[str]:
    """The keys of the reward methods that the project's recipe says: the closest method, and all that is added."""
    said = {**FIRST_REWARD, **dict(project.reward_recipe or {})}
    meant = [method for method in REWARDS.values() if method.recipe.items() <= said.items()]
    methods = [method for method in meant if method.kind == "reward"]
    closest = {max(methods, key=lambda method: len(method.recipe)).key} if methods else set()
    return closest | {method.key for method in meant if method.kind == "reward_check"}
