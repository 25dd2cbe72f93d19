"""Taking data out: ask, wait a moment, download."""

from pathlib import Path

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from labeling.access import object_in
from labeling.actions.exporting import plan_export
from labeling.models import ExportJob, JobState, Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.queries.transfers import export_jobs
from labeling.transfer_forms import ExportForm


@project_page(Role.RESEARCHER)
def export_page(request: ProjectRequest) -> HttpResponse:
    """The form and the latest exports; a POST asks for one."""
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        plan_export(project=request.project, by=request.user, options=form.options())
        messages.success(request, "The export is being written; it appears below.")
        return redirect("export", request.project.slug)
    jobs = export_jobs(request.project)
    context = {"form": form, "jobs": jobs, "busy": any(job.busy for job in jobs)}
    return project_render(request, "transfers/export.html", "export", status=400 if form.errors else 200, **context)


@project_page(Role.RESEARCHER)
def download_export(request: ProjectRequest, job_id: int) -> HttpResponseBase:
    """The written file, streamed."""
    return file_of(object_in(request.project, ExportJob.objects.all(), pk=job_id))


@project_page(Role.RESEARCHER)
def download_manifest(request: ProjectRequest, job_id: int) -> HttpResponseBase:
    """Its manifest."""
    return file_of(object_in(request.project, ExportJob.objects.all(), pk=job_id), suffix=".manifest.json")


def file_of(job: ExportJob, suffix: str = "") -> HttpResponseBase:
    """A finished export's file. Raises Http404 before it is written and after it was cleared away."""
    path = Path(job.path + suffix)
    if job.state != JobState.DONE or not path.is_file():
        raise Http404("This export is not finished, or its file was cleared away after a month. Ask for a new one.")
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
