"""The catalogue of methods, and choosing a project's objective and reward method from it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.models import Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from training.choosing import (
    MODIFIERS,
    OBJECTIVES,
    REWARDS,
    NoSuchData,
    NoSuchMethod,
    change_objective,
    choose_objective,
    choose_reward,
    lacking,
    leave_out,
    modifiers_in_use,
    rewards_in_use,
)
from training.dials import policy_recipe
from training.learning.catalogue import METHODS, Method
from training.snapshot import carried

# What people have, and where to begin then.
GUIDE = (
    ("Pairs that people judged, as in this project", ("sigmoid",)),
    ("Answers that only grow longer", ("sigmoid_norm", "simpo")),
    ("Labels that are often wrong", ("robust", "ipo")),
    ("Chosen answers that become unlikely in training", ("nca_pair", "apo_zero")),
    ("Thumbs on single answers, more of one kind than of the other", ("kto", "bco")),
    ("No memory for a reference model", ("simpo", "orpo")),
    ("Whole rankings or scores of several answers to one prompt", ("plackett_luce", "rank_dpo")),
    ("People who often find two answers equally good, and say so", ("davidson_dpo", "rao_kupper_dpo")),
    ("Preferences that go round in a circle", ("general_preference",)),
    ("Ratings of answers, by attribute", ("helpsteer2",)),
    ("Answers marked right or wrong line by line", ("stepwise",)),
    ("Verdicts by more than one standard", ("context_aware",)),
    ("Good answers that somebody wrote, and no preferences", ("adversarial_feedback",)),
    ("Reasons that people wrote beside their verdicts", ("rationale",)),
    ("Good answers to learn from, and none that were worse", ("ift", "sft")),
    ("Answers that are to be revised once they are written", ("srpo",)),
)
TITLES = {
    "objective": "Objectives: what a retraining makes less of",
    "modifier": "What changes an objective",
    "reward": "Reward models: what explains the judgments",
    "reward_check": "What keeps a reward model honest",
    "other": "The fast posterior, sampling and asking",
}


@dataclass(frozen=True)
class Shown:
    """A method on the page. ``lacks`` says why it cannot be chosen."""

    method: Method
    choosable: bool
    current: bool = False
    lacks: str = ""

    @property
    def added(self) -> bool:
        """Is it beside a method rather than one, so that it can be left out?"""
        return self.method.kind in ("modifier", "reward_check")


@project_page(Role.RESEARCHER)
def methods(request: ProjectRequest) -> HttpResponse:
    """Every method with its paper, what it needs and what it costs; which ones the project uses."""
    project = request.project
    try:
        recipe = policy_recipe(project)
        current = {recipe.loss_type} | modifiers_in_use(recipe)
    except ValueError:
        current = set()  # the settings page says what is wrong with the recipe
    current |= rewards_in_use(project)
    carries = carried(project)

    choosable = {*OBJECTIVES, *MODIFIERS, *REWARDS}

    def shown(method: Method) -> Shown:
        lack = lacking(method.key, carries) if method.key in REWARDS else None
        return Shown(method, method.key in choosable, method.key in current, lack.why if lack else "")

    found = [(title, [shown(method) for method in METHODS if method.kind == kind]) for kind, title in TITLES.items()]
    groups = [(title, rows, any(row.choosable for row in rows)) for title, rows in found if rows]
    return project_render(request, "loop/methods.html", "methods", groups=groups, guide=GUIDE)


@require_POST
@project_page(Role.OWNER)
def choose(request: ProjectRequest) -> HttpResponse:
    """Train by this objective, or refit by this reward method, from the next run on; or change the objective."""
    project, by = request.project, request.user
    without = request.POST.get("without", "")
    key = without or request.POST.get("key", "")
    try:
        _action(key, bool(without))(project=project, by=by, key=key)
    except (NoSuchMethod, NoSuchData) as error:
        messages.error(request, str(error))
    except ValueError as error:
        messages.error(request, f"The rest of the recipe does not fit {key}: {error}. Change it in the settings first.")
    else:
        what = "refit of the reward model" if key in REWARDS else "retraining"
        how = "without" if without else "with" if key in MODIFIERS else "by"
        messages.success(request, f"The next {what} is {how} {key}.")
    return redirect("methods", project.slug)


def _action(key: str, without: bool) -> Callable[..., None]:
    """What a button of the page asks for."""
    if without:
        return leave_out
    if key in MODIFIERS:
        return change_objective
    return choose_reward if key in REWARDS else choose_objective
