"""Versions: how each fared, and what an owner may decide by hand."""

from collections.abc import Callable

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.access import object_in
from labeling.models import Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from training.by_hand import promote_by_hand, re_anchor, roll_back
from training.caching import cached_bytes
from training.disk import cache_budget
from training.forms import PromoteForm
from training.models import PolicyVersion, RewardVersion
from training.policies import CannotPromote
from training.queries.policies import version_rows


@project_page(Role.RESEARCHER)
def policies(request: ProjectRequest) -> HttpResponse:
    """All versions, newest first, and the reward models."""
    rewards = request.project.rewards.order_by("-number")
    stored = [
        rows.filter(project=request.project, deleted_at__isnull=True).aggregate(size=Sum("bytes"))["size"] or 0
        for rows in (PolicyVersion.objects.all(), RewardVersion.objects.all())
    ]
    return project_render(
        request,
        "loop/policies.html",
        "policies",
        rows=version_rows(request.project),
        rewards=rewards,
        disk=sum(stored),
        cache=cached_bytes(request.project),
        cache_budget=cache_budget(request.project),
    )


@require_POST
@project_page(Role.OWNER)
def promote(request: ProjectRequest, number: int) -> HttpResponse:
    """Promote a version by hand, with a reason that is stored."""
    form = PromoteForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A promotion by hand needs a reason.")
        return redirect("policies", request.project.slug)
    reason = form.cleaned_data["reason"]
    return _decide(request, number, lambda policy: promote_by_hand(policy=policy, by=request.user, reason=reason))


@require_POST
@project_page(Role.OWNER)
def roll_back_to(request: ProjectRequest, number: int) -> HttpResponse:
    """Let an earlier version answer again."""
    return _decide(request, number, lambda policy: roll_back(policy=policy, by=request.user))


@require_POST
@project_page(Role.OWNER)
def anchor(request: ProjectRequest, number: int) -> HttpResponse:
    """Measure KL from the current version from now on."""
    return _decide(request, number, lambda policy: re_anchor(policy=policy, by=request.user))


def _decide(request: ProjectRequest, number: int, act: Callable[[PolicyVersion], PolicyVersion]) -> HttpResponse:
    policy = object_in(request.project, PolicyVersion.objects.select_related("project"), number=number)
    try:
        decided = act(policy)
    except CannotPromote as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Version {decided.number}: done.")
    return redirect("policies", request.project.slug)
