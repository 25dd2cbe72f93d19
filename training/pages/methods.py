"""The catalogue of methods, and choosing the objective of a project from it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.models import Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from training.choosing import NoSuchMethod, choose_objective
from training.dials import policy_recipe
from training.learning.catalogue import METHODS

# What people have, and where to begin then.
GUIDE = (
    ("Pairs that people judged, as in this project", ("sigmoid",)),
    ("Answers that only grow longer", ("sigmoid_norm", "simpo")),
    ("Labels that are often wrong", ("robust", "ipo")),
    ("Chosen answers that become unlikely in training", ("nca_pair", "apo_zero")),
    ("Thumbs on single answers, more of one kind than of the other", ("kto", "bco")),
    ("No memory for a reference model", ("simpo", "orpo")),
)
TITLES = {
    "objective": "Objectives: what a retraining makes less of",
    "modifier": "What changes an objective",
    "reward": "Reward models: what explains the judgments",
    "reward_check": "What keeps a reward model honest",
    "other": "The fast posterior, sampling and asking",
}


@project_page(Role.RESEARCHER)
def methods(request: ProjectRequest) -> HttpResponse:
    """Every method with its paper, what it needs and what it costs; which one the project uses."""
    try:
        current = policy_recipe(request.project).loss_type
    except ValueError:
        current = ""  # the settings page says what is wrong with the recipe

    found = [(title, [method for method in METHODS if method.kind == kind]) for kind, title in TITLES.items()]
    groups = [(title, methods) for title, methods in found if methods]
    return project_render(request, "loop/methods.html", "methods", groups=groups, guide=GUIDE, current=current)


@require_POST
@project_page(Role.OWNER)
def choose(request: ProjectRequest) -> HttpResponse:
    """Train by this objective from the next run on."""
    key = request.POST.get("key", "")
    try:
        choose_objective(project=request.project, by=request.user, key=key)
    except NoSuchMethod as error:
        messages.error(request, str(error))
    except ValueError as error:
        messages.error(request, f"The rest of the recipe does not fit {key}: {error}. Change it in the settings first.")
    else:
        messages.success(request, f"The next retraining is by {key}.")
    return redirect("methods", request.project.slug)
