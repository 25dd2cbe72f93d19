"""Lineage, both ways."""

from django.http import Http404, HttpResponse

from labeling.access import object_in
from labeling.models import Comparison, Response, Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.text.render import render
from training.queries.lineage import ancestry, influence


@project_page(Role.RESEARCHER)
def response_lineage(request: ProjectRequest, response_id: int) -> HttpResponse:
    """From a response to the policy, run, snapshot and judgments behind it."""
    rows = Response.objects.select_related("prompt", "policy_version")
    response = object_in(request.project, rows, field="prompt__project", pk=response_id)
    return project_render(
        request, "loop/lineage.html", "policies", ancestry=ancestry(response), html=render(response.text)
    )


@project_page(Role.RESEARCHER)
def judgment_lineage(request: ProjectRequest, judgment_id: int) -> HttpResponse:
    """From a judgment to the snapshots, runs and policies that learned from it."""
    comparison = (
        Comparison.objects.filter(project=request.project, judgments__pk=judgment_id)
        .select_related("prompt")
        .prefetch_related("entries__response")
        .first()
    )
    if comparison is None:
        raise Http404("There is no such judgment in this project.")
    found = influence(request.project, judgment_id)
    return project_render(request, "loop/judgment_lineage.html", "policies", comparison=comparison, influence=found)
