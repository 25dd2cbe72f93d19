"""Bringing files in, watched on one page."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.access import object_in
from labeling.actions.errors import Refusal
from labeling.actions.receiving import import_without_bad_rows, receive_file
from labeling.formats.examples import EXAMPLES
from labeling.models import ImportJob, Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.queries.transfers import import_jobs
from labeling.transfer_forms import ImportForm


@project_page(Role.RESEARCHER)
def import_page(request: ProjectRequest) -> HttpResponse:
    """The form and the latest imports; a POST takes a file in."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            receive_file(
                project=request.project,
                by=request.user,
                name=file.name,
                size=file.size,
                chunks=file.chunks(),
                **form.options(),
            )
        except Refusal as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(request, f"{file.name} is on its way in.")
            return redirect("import", request.project.slug)
    jobs = import_jobs(request.project)
    context = {"form": form, "jobs": jobs, "busy": any(job.busy for job in jobs), "examples": EXAMPLES}
    limit = settings.IMPORT_MAX_BYTES // 2**20
    status = 400 if form.errors else 200
    return project_render(request, "transfers/import.html", "import", status=status, limit=limit, **context)


@require_POST
@project_page(Role.RESEARCHER)
def import_again(request: ProjectRequest, job_id: int) -> HttpResponse:
    """Import a file that had bad rows, without them."""
    job = object_in(request.project, ImportJob.objects.all(), pk=job_id)
    try:
        import_without_bad_rows(job=job, by=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("import", request.project.slug)
