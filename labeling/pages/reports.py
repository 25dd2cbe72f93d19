"""Flags and skips with their reasons, and what is decided on them."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.access import object_in
from labeling.actions.reviewing import decide_report
from labeling.forms import DecisionForm
from labeling.models import Report, Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.queries.reports import report_list

PAGE = 25


@project_page(Role.RESEARCHER)
def reports(request: ProjectRequest) -> HttpResponse:
    """The undecided ones first; `?kind=flag` or `?kind=skip` shows one kind."""
    kind = request.GET.get("kind", "")
    page = Paginator(report_list(request.project, kind=kind), PAGE).get_page(request.GET.get("page"))
    return project_render(request, "projects/reports.html", "reports", page=page, kind=kind)


@require_POST
@project_page(Role.RESEARCHER)
def decide(request: ProjectRequest, report_id: int) -> HttpResponse:
    """Keep asking, withdraw the comparison, or drop one of its responses."""
    report = object_in(request.project, Report.objects.all(), field="comparison__project", pk=report_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a decision.")
        return redirect("reports", request.project.slug)
    data = form.cleaned_data
    try:
        decide_report(
            report=report,
            by=request.user,
            decision=data["decision"],
            response_id=data["response"],
            note=data["note"],
        )
    except ValidationError as error:
        messages.error(request, error.messages[0])
    return redirect("reports", request.project.slug)
