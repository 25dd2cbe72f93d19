"""Runs: the list, one run live, and the buttons that start and cancel."""

import json

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.access import object_in
from labeling.models import Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from training.models import Run
from training.pages.reward_report import reward_report
from training.pages.watched import watched
from training.pages.written import written
from training.queries.runs import looks, run_list, run_page
from training.queries.runs import series as curves
from training.running import CannotRun, ask_for_run, cancel

PAGE = 30


@project_page(Role.RESEARCHER)
def runs(request: ProjectRequest) -> HttpResponse:
    """Every run, newest first."""
    page = Paginator(run_list(request.project), PAGE).get_page(request.GET.get("page"))
    return project_render(request, "loop/runs.html", "runs", page=page)


@project_page(Role.RESEARCHER)
def run(request: ProjectRequest, run_id: int) -> HttpResponse:
    """One run: state, figures, curves and the end of its log."""
    rows = Run.objects.select_related("snapshot", "base", "policy", "reward", "asked_by")
    found = run_page(object_in(request.project, rows, pk=run_id))
    settings = {"recipe": found.run.recipe, "environment": found.run.environment}
    plain = [
        (name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else value)
        for name, value in found.run.result.items()
        if isinstance(value, int | float | str)
    ]
    return project_render(
        request,
        "loop/run.html",
        "runs",
        found=found,
        results=plain,
        report=reward_report(found.run.result),
        watched=watched(looks(found.run), found.run.result.get("overoptimisation", {})),
        written=written(found.run.result),
        settings_json=json.dumps(settings, indent=2),
    )


@project_page(Role.RESEARCHER)
def series(request: ProjectRequest, run_id: int) -> JsonResponse:
    """One curve's points, [[steps], [values]], or all of them by name."""
    points = curves(object_in(request.project, Run.objects.all(), pk=run_id))
    name = request.GET.get("name")
    return JsonResponse(points.get(name, [[], []]) if name else points, safe=False)


@require_POST
@project_page(Role.RESEARCHER)
def run_now(request: ProjectRequest) -> HttpResponse:
    """Start a run without waiting for its time."""
    kind = Run.Kind.POLICY if request.POST.get("kind") == "policy" else Run.Kind.REWARD
    try:
        asked = ask_for_run(project=request.project, kind=kind, by=request.user)
    except CannotRun as error:
        messages.error(request, str(error))
        return redirect("runs", request.project.slug)
    return redirect("run", request.project.slug, asked.pk)


@require_POST
@project_page(Role.RESEARCHER)
def cancel_run(request: ProjectRequest, run_id: int) -> HttpResponse:
    """Ask a run to stop at its next step."""
    cancel(run=object_in(request.project, Run.objects.all(), pk=run_id), by=request.user)
    return redirect("run", request.project.slug, run_id)
