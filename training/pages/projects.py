"""Creating a project and changing its settings: here, because the policy and the recipe are checked first."""

from datetime import timedelta
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from labeling.actions.erasing import DAYS_ARCHIVED
from labeling.actions.projecting import (
    archive_project,
    change_project,
    pause_project,
    resume_project,
    unarchive_project,
)
from labeling.forms import NewProjectForm, ProjectForm
from labeling.models import Person, PolicySource, Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from training.beginning import begin_project
from training.dials import changed_recipe, changed_reward_recipe
from training.erasing import erase_project
from training.policy_check import UnusablePolicy, check_policy


@login_required
def new_project(request: HttpRequest) -> HttpResponse:
    """The form of a new project; it is created only when its policy loads and answers."""
    form = NewProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _usable(form):
        try:
            project = begin_project(
                by=cast(Person, request.user),
                settings=form.settings(),
                guidelines=form.cleaned_data["guidelines"],
                prompts=[line.strip() for line in form.cleaned_data["prompts"].splitlines() if line.strip()],
                starter_prompts=form.cleaned_data["starter_prompts"],
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{project.name} is ready. Its policy is answering the first prompts now.")
            return redirect("project", project.slug)
    return render(request, "projects/new.html", {"form": form}, status=422 if form.errors else 200)


@project_page(Role.OWNER)
def settings_page(request: ProjectRequest) -> HttpResponse:
    """Everything an owner sets, and every change so far."""
    form = ProjectForm(request.POST or None, instance=request.project)
    if request.method == "POST" and form.is_valid() and _recipe_fits(form):
        try:
            changes = change_project(project=request.project, by=request.user, settings=form.settings())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{len(changes)} setting(s) changed." if changes else "Nothing was changed.")
            return redirect("settings", request.project.slug)
    archived_at = request.project.archived_at
    changes_so_far = request.project.changes.select_related("by")[:50]
    return project_render(
        request,
        "projects/settings.html",
        "settings",
        form=form,
        changes=changes_so_far,
        erasable_from=archived_at + timedelta(days=DAYS_ARCHIVED) if archived_at else None,
        now=timezone.now(),
        status=422 if form.errors else 200,
    )


@require_POST
@project_page(Role.RESEARCHER)
def pause(request: ProjectRequest) -> HttpResponse:
    """Pause the loop, or let it go on."""
    if request.project.paused:
        resume_project(project=request.project, by=request.user)
    else:
        reason = request.POST.get("reason", "").strip() or f"paused by {request.user}"
        pause_project(project=request.project, by=request.user, reason=reason[:300])
    return redirect("project", request.project.slug)


@require_POST
@project_page(Role.OWNER)
def archive(request: ProjectRequest) -> HttpResponse:
    """Archive the project, or bring it back."""
    if request.project.archived_at:
        unarchive_project(project=request.project, by=request.user)
        return redirect("project", request.project.slug)
    archive_project(project=request.project, by=request.user)
    messages.success(request, f"{request.project.name} is archived. It can be brought back for 30 days.")
    return redirect("home")


@require_POST
@project_page(Role.OWNER)
def erase(request: ProjectRequest) -> HttpResponse:
    """Erase an archived project with everything in it. Its address is typed, so that no slip of the hand does it."""
    project, typed = request.project, request.POST.get("slug", "").strip()
    if typed != project.slug:
        messages.error(request, f"Nothing was erased: type {project.slug} to say that you mean it.")
        return redirect("settings", project.slug)
    try:
        erase_project(project=project, by=request.user, why=request.POST.get("why", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("settings", project.slug)
    messages.success(request, f"{project.name} is erased, with its judgments, its models and its files.")
    return redirect("home")


def _usable(form: NewProjectForm) -> bool:
    """Whether the policy loads and answers. The starter is this repository's own and tested: no need to ask it."""
    if form.cleaned_data["policy_source"] == PolicySource.STARTER:
        return True
    ref = form.cleaned_data["policy_ref"].strip()
    if not ref:
        form.add_error("policy_ref", "Give the directory or the hub name of the policy.")
        return False
    try:
        check_policy(ref)
    except UnusablePolicy as error:
        form.add_error("policy_ref", str(error))
        return False
    return True


def _recipe_fits(form: ProjectForm) -> bool:
    try:
        policy = changed_recipe(form.instance.policy_source, form.cleaned_data["recipe"])
    except ValueError as error:
        form.add_error("recipe", str(error))
        return False
    if changes := form.cleaned_data["reward_recipe"]:
        try:
            changed_reward_recipe(policy, changes)
        except ValueError as error:
            form.add_error("reward_recipe", str(error))
            return False
    return True
