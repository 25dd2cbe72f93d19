"""Guidelines: read by all, written by researchers, previewed before they are saved, every version kept."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from labeling.actions.projecting import write_guidelines
from labeling.forms import GuidelinesForm
from labeling.models import Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.text.render import render


@project_page()
def guidelines(request: ProjectRequest) -> HttpResponse:
    """The newest version, or an older one by `?version=`."""
    versions = list(request.project.guidelines.select_related("created_by"))
    wanted = request.GET.get("version", "")
    shown = next((v for v in versions if str(v.number) == wanted), versions[0] if versions else None)
    return project_render(
        request,
        "projects/guidelines.html",
        "guidelines",
        versions=versions,
        shown=shown,
        html=render(shown.text) if shown else "",
    )


@project_page(Role.RESEARCHER)
def edit_guidelines(request: ProjectRequest) -> HttpResponse:
    """Write a new version. "Preview" shows it as people will see it and saves nothing."""
    latest = request.project.guidelines.first()
    form = GuidelinesForm(request.POST or None, initial={"text": latest.text if latest else ""})
    preview = ""
    if request.method == "POST" and form.is_valid():
        if "preview" not in request.POST:
            version = write_guidelines(project=request.project, by=request.user, text=form.cleaned_data["text"])
            messages.success(request, f"Version {version.number} is what people see from now on.")
            return redirect("guidelines", request.project.slug)
        preview = render(form.cleaned_data["text"])
    return project_render(request, "projects/edit_guidelines.html", "guidelines", form=form, preview=preview)
