"""Choosing what a project's policy is trained by, out of the catalogue."""

from typing import Any

from labeling.actions.projecting import change_project
from labeling.models import Person, Project
from training.dials import changed_recipe
from training.learning.catalogue import METHODS, Method
from training.learning.recipes import ObjectiveDials

OBJECTIVES = {method.key: method for method in METHODS if method.kind == "objective"}


class NoSuchMethod(ValueError):
    """What was asked for is no objective; the message lists what is."""


def objective(key: str) -> Method:
    """The objective of that name. Raises NoSuchMethod."""
    if key not in OBJECTIVES:
        raise NoSuchMethod(f"There is no objective {key!r}; there are {', '.join(sorted(OBJECTIVES))}.")
    return OBJECTIVES[key]


def chosen_objective(key: str) -> dict[str, Any]:
    """The changes to a recipe that choose an objective. Raises NoSuchMethod."""
    return dict(objective(key).recipe)


def choose_objective(*, project: Project, by: Person, key: str) -> None:
    """Train the project's policy by another objective from its next run on.

    The dials of the one before go, because they would mean something else; what a recipe says of samples, rounds and
    the optimiser stays. Raises NoSuchMethod, or ValueError where the rest of the recipe does not fit.
    """
    dials = {*ObjectiveDials.__dataclass_fields__, "loss_weights", "loss_type"}
    kept = {name: value for name, value in dict(project.recipe or {}).items() if name not in dials}
    recipe = {**kept, **chosen_objective(key)}
    changed_recipe(project.policy_source, recipe)
    change_project(project=project, by=by, settings={"recipe": recipe})
